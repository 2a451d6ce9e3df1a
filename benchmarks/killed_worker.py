"""A convolution on two processes, one of which is killed in the middle: memory, and every number.

The image is a function of place, of small whole numbers, so that a reference can be made of slabs
at any place, and every sum is exact. The result goes to a file block by block.
"""

import logging
import math
import os
import signal
import tempfile
import time
from pathlib import Path

import numpy as np

import multiconv as mc


class Image:
    """Whole numbers from -7 to 7 as float32, computed where they are asked for."""

    dtype, ndim = np.dtype("float32"), 2

    def __init__(self, side):
        self.shape = (side, side)

    def __getitem__(self, window):
        rows, columns = (np.arange(*s.indices(n)) for s, n in zip(window, self.shape, strict=True))
        numbers = rows[:, None] * 31 + columns * 17 + rows[:, None] * columns % 101
        return (numbers % 15 - 7).astype("float32")


class File:
    """A file of numbers that takes blocks; a second file grows by a byte for each of them."""

    def __init__(self, folder, side):
        self.path, self.journal = str(Path(folder, "y.npy")), str(Path(folder, "blocks"))
        np.lib.format.open_memmap(self.path, "w+", "float32", (side, side))
        Path(self.journal).touch()

    def __setitem__(self, window, block):
        np.load(self.path, mmap_mode="r+")[window] = block
        with open(self.journal, "ab") as journal:
            journal.write(b".")

    def blocks(self):
        """How many blocks were written, those written again included."""
        return os.path.getsize(self.journal)


def peak(process=None):
    """Bytes that a process has had at most: this one, or that of a number."""
    status = Path(f"/proc/{process or 'self'}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


def killed(side, chunk, taps):
    """Kill one of two processes when half of the blocks are written, and look at every number."""
    import dask.array as da
    from distributed import Client, LocalCluster

    k = np.random.default_rng(0).integers(-7, 8, (taps, taps)).astype("float32")

    def filtered(side, folder):
        file = File(folder, side)
        y = mc.corr2d(da.from_array(Image(side), chunks=chunk), k, padding="same")
        return file, y.store(file, lock=False, compute=False)

    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as small,
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,  # which names every task that the dead process had
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        workers = client.run(os.getpid)
        for address in workers:
            client.compute(filtered(chunk, small)[1], workers=[address]).result()
        one = max(client.run(peak).values())
        file, stored = filtered(side, folder)
        blocks = math.ceil(side / chunk) ** 2
        start = time.perf_counter()
        future = client.compute(stored)
        while file.blocks() < blocks / 2:
            time.sleep(0.01)
        victim = next(iter(workers.values()))
        peaks = [peak(victim)]
        os.kill(victim, signal.SIGKILL)
        future.result()
        seconds = time.perf_counter() - start
        peaks += client.run(peak).values()
        different = differences(np.load(file.path, mmap_mode="r"), k, chunk)
        return {
            "side": side,
            "chunk": chunk,
            "kernel": taps,
            "blocks": blocks,
            "blocks written again": file.blocks() - blocks,
            "seconds": seconds,
            "peak of a process above one chunk's run, MB": (max(peaks) - one) / 1e6,
            "peak of a process, MB": max(peaks) / 1e6,
            "numbers compared": side**2,
            "numbers that differ": different,
        }


def differences(y, k, chunk):
    """Count the numbers that are not those of SciPy, slab by slab."""
    from scipy import ndimage

    image, reach, side = Image(len(y)), len(k) // 2, len(y)
    count = 0
    for top in range(0, side, chunk):
        above, below = max(top - reach, 0), min(top + chunk + reach, side)
        slab = image[above:below, :]
        expected = ndimage.correlate(slab, k, mode="constant")[top - above :][:chunk]
        count += int(np.count_nonzero(expected != y[top : top + chunk]))
    return count
