"""Every example in a docstring and in the README runs, and prints what it says."""

import doctest
import re
from pathlib import Path

import backends_under_test
import pytest
from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

from multiconv.backends import registry

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "multiconv").rglob("*.py"))
TEXTS = sorted(ROOT.glob("*.md"))

OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def frameworks_of(text):
    """The optional frameworks that an example imports."""
    found = re.findall(r"(?:>>> *|\n *)(?:import|from) ([^\n]+)", text)
    return {name for name in ("torch", "jax") for line in found if re.search(rf"\b{name}\b", line)}


def run_examples(document, text):
    examples = list(document.examples())
    if frameworks_of(text) <= set(backends_under_test.CHOSEN):
        for example in examples:
            example.evaluate()
    return examples


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.fixture(autouse=True)
def registry_of_its_own(monkeypatch):
    """Examples register backends, which later tests must not see."""
    for name in ("_loaded", "_registered", "_of_type"):
        monkeypatch.setattr(registry, name, getattr(registry, name).copy())


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_docstring_examples(path, tmp_path, monkeypatch):
    place = {*path.relative_to(ROOT / "multiconv").parts[:-1], path.stem}
    if any(name in place and name not in backends_under_test.CHOSEN for name in ("torch", "jax")):
        return
    monkeypatch.chdir(tmp_path)
    sybil = Sybil(parsers=[DocTestParser(OPTIONS)], document_types={".py": PythonDocStringDocument})
    run_examples(sybil.parse(path), path.read_text())


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_code_in_texts(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sybil = Sybil(parsers=[PythonCodeBlockParser(doctest_optionflags=OPTIONS), SkipParser()])
    run_examples(sybil.parse(path), path.read_text())


def test_the_readme_has_examples():
    assert "```python" in (ROOT / "README.md").read_text()


def test_an_example_that_prints_something_else_fails(tmp_path):
    path = tmp_path / "wrong.md"
    path.write_text("```python\n>>> 19 + 6\n24\n```\n")
    sybil = Sybil(parsers=[PythonCodeBlockParser(doctest_optionflags=OPTIONS)])
    (example,) = sybil.parse(path).examples()
    with pytest.raises(AssertionError, match="25"):
        example.evaluate()


@pytest.mark.parametrize(
    "name",
    [
        *("corr2d", "convolve2d", "conv1d", "conv2d", "conv3d"),
        *("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
        *("conv_input_grad", "conv_weight_grad", "im2col", "col2im", "toeplitz_matrix"),
        *("save", "load"),
    ],
)
def test_every_public_function_has_an_example(name):
    import multiconv

    assert ">>> " in (getattr(multiconv, name).__doc__ or "")
