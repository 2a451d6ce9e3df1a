"""On several processes: the same numbers, also where one of them dies in the middle."""

import os

import numpy as np
import pytest
from chunking import in_chunks

import multiconv as mc

pytestmark = [pytest.mark.slow, pytest.mark.needs_library("distributed")]


def end_once(block, marker):
    """End the process that is the first to come here."""
    try:
        os.close(os.open(marker, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return block
    os._exit(1)


@pytest.mark.filterwarnings("ignore")  # distributed's own, about the worker that died
def test_a_worker_that_dies_in_the_middle_changes_nothing(tmp_path):
    from distributed import Client, LocalCluster

    rng = np.random.default_rng(0)
    x, k = rng.normal(size=(256, 256)).astype("float32"), np.ones((5, 5), "float32")
    expected = mc.corr2d(x, k, padding="same", method="direct")
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        y = mc.corr2d(in_chunks(x, (32, 32)), k, padding="same", method="direct")
        dying = y.map_blocks(end_once, str(tmp_path / "died"), dtype=y.dtype, meta=y._meta)
        found = client.compute(dying).result(timeout=120)
    assert (tmp_path / "died").exists()
    assert np.array_equal(found, expected)
