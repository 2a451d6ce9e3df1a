"""The check of the built pages finds what it should, and only that."""

import importlib.util
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "docs" / "extensions" / "links.py"
spec = importlib.util.spec_from_file_location("links", FILE)
links = importlib.util.module_from_spec(spec)
spec.loader.exec_module(links)


def problems_of(body, tmp_path, **others):
    (tmp_path / "page.html").write_text(f"<html><body>{body}</body></html>")
    (tmp_path / "there.html").write_text('<h1 id="place">There</h1>')
    for name, text in others.items():
        (tmp_path / name.replace("_", ".")).write_text(text)
    return links.problems(tmp_path, ["/home/someone"])


@pytest.mark.parametrize(
    "body",
    [
        '<a href="there.html">there</a>',
        '<a href="there.html#place">there</a>',
        '<a id="top"></a><a href="#top">up</a>',
        '<a href="https://example.org/nowhere">elsewhere</a>',
        '<a href="mailto:someone@example.org">a letter</a>',
        '<link rel="canonical" href="https://example.org/">',
        '<img src="data:image/png;base64,AAAA">',
    ],
)
def test_what_is_fine(body, tmp_path):
    assert problems_of(body, tmp_path) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="gone.html">x</a>', "page.html links to gone.html: there is no such file"),
        (
            '<a href="there.html#gone">x</a>',
            "page.html links to there.html#gone: there is no such place in it",
        ),
        ('<a href="#gone">x</a>', "page.html links to #gone: there is no such place in it"),
        ('<img src="gone.png">', "page.html links to gone.png: there is no such file"),
        ('<script src="https://cdn.org/a.js"></script>', "page.html fetches https://cdn.org/a.js"),
        ('<script src="//cdn.org/a.js"></script>', "page.html fetches //cdn.org/a.js"),
        (
            '<link rel="stylesheet" href="https://fonts.org/a.css">',
            "page.html fetches https://fonts.org/a.css",
        ),
        ("<p>/home/someone/x.py</p>", "page.html names /home/someone"),
    ],
)
def test_what_is_not(body, problem, tmp_path):
    assert problems_of(body, tmp_path) == [problem]


@pytest.mark.parametrize(
    "style", ["@import 'other.css';", "a { background: url(https://example.org/a.png) }"]
)
def test_styles_that_fetch(style, tmp_path):
    assert problems_of("", tmp_path, style_css=style) == ["style.css fetches what it needs"]
