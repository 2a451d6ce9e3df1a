"""The page about scale says what its own model gives."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scale.md").read_text()


@pytest.fixture
def model(monkeypatch):
    monkeypatch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
    spec = importlib.util.spec_from_file_location("scale", ROOT / "benchmarks" / "scale.py")
    scale = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scale)
    return scale.model


def test_the_efficiencies_are_those_of_the_model(model):
    table = PAGE[PAGE.index("| workers |") :].split("\n\n", maxsplit=1)[0]
    rows = [[int(n) for n in re.findall(r"\d+", row)] for row in table.splitlines()[2:]]
    pixel = float(re.search(r"([\d.]+) ns, one thread", PAGE)[1]) * 1e-9
    assert [row[0] for row in rows] == [1, 2, 10, 100, 1000]
    for workers, *shown in rows:
        expected = [
            round(100 * model(workers, chunk, 15, task, pixel))
            for chunk in (1024, 4096, 16384)
            for task in (2.2e-3, 0.2e-3)
        ]
        assert shown == expected


def test_the_seconds_are_those_that_were_measured():
    measured = (ROOT / "benchmarks" / "results" / "scale.md").read_text()
    one, two = re.search(r"16 chunks for each \| ([\d.]+) s, ([\d.]+) s", measured).groups()
    assert f"they take {one} s, on two {two} s" in PAGE
    assert f"an efficiency of {100 * float(one) / float(two):.0f} %" in PAGE
