"""Every example and every row of a table in the pages of the documentation holds."""

import doctest
import re
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from tables import are_equal, parse_tables

from multiconv.backends import registry

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted([*DOCS.glob("*.md"), *(DOCS / "migration").glob("*.md")])
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

BACKENDS = ("torch", "jax")
LIBRARIES = ("cv2", "keras")


def needed(path):
    """Marks that leave a page out where what it imports is not under test."""
    imports = re.findall(r"^(?:>>> )?(?:import|from) (.+)", path.read_text(), re.MULTILINE)
    words = set(re.findall(r"\w+", " ".join(imports)))
    backends = [pytest.mark.needs_backend(name) for name in BACKENDS if name in words]
    dask = (
        [pytest.mark.slow] if "dask" in words else []
    )  # it is there in the session with everything
    return [
        *dask,
        *backends,
        *(pytest.mark.needs_library(name) for name in LIBRARIES if name in words),
    ]


def parse(path):
    code = PythonCodeBlockParser(doctest_optionflags=OPTIONS)
    return Sybil(parsers=[code, parse_tables, SkipParser()]).parse(path)


@pytest.fixture(autouse=True)
def registry_of_its_own(monkeypatch):
    """Examples register backends, which later tests must not see."""
    for name in ("_loaded", "_registered", "_of_type"):
        monkeypatch.setattr(registry, name, getattr(registry, name).copy())


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
@pytest.mark.parametrize(
    "path", [pytest.param(p, id=str(p.relative_to(DOCS)), marks=needed(p)) for p in PAGES]
)
def test_pages(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for example in parse(path).examples():
        example.evaluate()


class TestTables:
    def test_there_are_many_rows(self):
        counted = {path.stem: len(list(parse(path).examples())) for path in PAGES}
        assert counted["scipy_signal"] > 20
        assert counted["conventions"] > 50

    @pytest.mark.parametrize(
        ("row", "wrong"),
        [
            ("| all | `[1, 2]` | `[1, 3]` |", "is [1, 2], and"),
            ("| shape | `[[1]]` | `[1]` |", "is [[1]], and"),
            ("| error | `1 + 1` | `ValueError` |", "raises no ValueError"),
        ],
    )
    def test_a_row_that_does_not_hold_fails(self, row, wrong, tmp_path):
        path = tmp_path / "page.md"
        path.write_text(f"| for | there | gives |\n|---|---|---|\n| one | `1` | `1` |\n{row}\n")
        good, bad = parse(path).examples()
        good.evaluate()
        with pytest.raises(AssertionError, match=re.escape(wrong)):
            bad.evaluate()

    def test_other_tables_are_text(self, tmp_path):
        path = tmp_path / "page.md"
        path.write_text("| a | b |\n|---|---|\n| `nonsense` | `more` |\n")
        assert list(parse(path).examples()) == []

    def test_equal_is_by_value_and_by_shape(self):
        assert are_equal("torch.int8", "torch.int8")
        assert not are_equal([1, 2], [[1, 2]])
        assert not are_equal([1, 2], [1, 2.5])
