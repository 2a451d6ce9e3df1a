"""The command that measures a machine, on a few small cases."""

import json

import pytest

from multiconv import cli
from multiconv.backends import registry
from multiconv.planning import constants
from multiconv.tuning import measure
from multiconv.tuning.cases import cases


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(constants.FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(measure, "cases", lambda: list(cases())[:2])
    monkeypatch.setattr(measure, "_REPEATED", 1e-4)
    constants.forget()
    yield tmp_path / "cache"
    constants.forget()


def test_what_is_measured_is_kept_and_used(folder, capsys):
    assert cli.main(["tune", "--backends", "numpy"]) == 0
    said = capsys.readouterr().out
    assert f"kept in {folder / 'costs.json'}" in said
    kept = json.loads((folder / "costs.json").read_text())
    [key] = kept["seconds"]
    assert key.startswith("numpy cpu")
    assert set(kept["seconds"][key]) >= {"direct", "im2col", "folded", "fft"}
    device = registry.load("numpy").speed(None)
    assert constants.constants_for("numpy", device) == kept["seconds"][key]


def test_other_backends_costs_stay(folder):
    folder.mkdir()
    (folder / "costs.json").write_text(constants.document({"other cpu": {"direct": {"call": 1.0}}}))
    assert cli.main(["tune", "--backends", "numpy"]) == 0
    kept = json.loads((folder / "costs.json").read_text())["seconds"]
    assert kept["other cpu"] == {"direct": {"call": 1.0}}
    assert len(kept) == 2


def test_a_dry_run_keeps_nothing(folder, capsys):
    assert cli.main(["tune", "--backends", "numpy", "--dry-run", "--json"]) == 0
    assert "seconds" in json.loads(capsys.readouterr().out)["tune"]
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_said(folder, capsys):
    folder.write_text("a file")
    assert cli.main(["tune", "--backends", "numpy"]) == 2
    complaint = capsys.readouterr().err
    assert "cannot be written" in complaint
    assert constants.FOLDER_VARIABLE in complaint


def test_every_case_can_be_planned_by_every_method_that_counts():
    numpy = registry.load("numpy")
    found = measure.measured(numpy, list(cases())[:1])
    for counts, seconds in found.samples["direct"].values():
        assert seconds > 0
        assert all(count >= 0 for count in counts.values())


@pytest.mark.needs_backend("jax")
def test_what_jax_compiles_is_measured_beside_its_eager_calls(folder):
    pytest.importorskip("numba")
    assert cli.main(["tune", "--backends", "jax"]) == 0
    kept = json.loads((folder / "costs.json").read_text())["seconds"]
    assert set(kept) == {"jax cpu", "jax cpu, compiled"}
    jax = registry.load("jax")
    device = jax.signature(jax.asarray([0.0]))[2]
    for recorded, key in ((True, "jax cpu"), (False, "jax cpu, compiled")):
        assert "jax " + jax.speed(device, recorded=recorded) == key
        assert set(kept[key]) >= {"direct", "native"}
