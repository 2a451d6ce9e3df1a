"""The reference has every public name, once."""

import re
from collections import Counter
from pathlib import Path

import pytest

import multiconv
from multiconv.layers.table import NAMES

API = Path(__file__).parents[2] / "docs" / "api"
SHOWN = Counter(
    name
    for path in API.glob("*.rst")
    for name in re.findall(r"^\.\. auto\w+:: ([\w.]+)", path.read_text(), re.MULTILINE)
)
PUBLIC = [*multiconv.__all__, *NAMES]


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_its_place(name):
    assert SHOWN[f"multiconv.{name}"] == 1


def test_nothing_is_shown_twice():
    assert {name for name, count in SHOWN.items() if count > 1} == set()


@pytest.mark.parametrize("path", sorted(API.glob("*.rst")), ids=lambda path: path.stem)
def test_every_page_is_in_the_index(path):
    index = (API / "index.md").read_text()
    assert f"\n{path.stem}\n" in index
    assert f"({path.name})" in index
