"""A comparison as a page and as Markdown, and where they are written."""

import dataclasses
import json
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from multiconv import cli
from multiconv.core.installation import install_line
from multiconv.coursework import cases, report
from multiconv.coursework.agreement import Agreement
from multiconv.coursework.compare import compare
from multiconv.coursework.reports import html, markdown, speed, verdict
from multiconv.coursework.reports.markup import Markup, element
from multiconv.coursework.reports.png import grey_png
from multiconv.faces import get_backend

VOID = {"meta", "img", "br", "hr"}
PIXELS = np.random.default_rng(3).integers(0, 256, (12, 10)).astype(np.uint8)


OPTIONS = {"image": "a <b>.npy", "kernel": "1 -1", "jit": False, "broken": {}}


@pytest.fixture(scope="module")
def comparison():
    """NumPy with some methods."""
    picture = cases.picture(PIXELS / np.float32(255), np.array([[1, -1]], np.float32))
    return compare([get_backend("numpy")], ["direct", "fft", "native"], picture, **OPTIONS)


class Other:
    """NumPy's face by another name."""

    name = "other"

    def __getattr__(self, name):
        return getattr(get_backend("numpy"), name)


def twofold(comparison, **changes):
    """The same with a second framework, whose runs are changed."""
    other = Other()
    runs = [
        dataclasses.replace(
            run, configuration=dataclasses.replace(run.configuration, face=other), **changes
        )
        for run in comparison.runs
    ]
    libraries = [*comparison.libraries, dataclasses.replace(comparison.libraries[0], name="other")]
    return dataclasses.replace(comparison, libraries=libraries, runs=[*comparison.runs, *runs])


class Page(HTMLParser):
    """The elements of a page, which must be closed in the order in which they were opened."""

    def __init__(self, text):
        super().__init__()
        self.open, self.found, self.sources, self.text = [], [], [], ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.found.append(tag)
        words = dict(attrs)
        self.sources += [words[name] for name in ("src", "href") if name in words]
        assert (tag == "img") == ("alt" in words)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + " "


@pytest.fixture(scope="module")
def source(comparison):
    return html.page(comparison)


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


class TestThePage:
    def test_it_needs_nothing_else(self, source, page):
        pytest.importorskip("matplotlib")
        assert source.startswith("<!DOCTYPE html>\n")
        assert len(page.sources) == 5  # two pictures and three plots
        assert all(re.match("data:image/(png|svg[+]xml);base64,", s) for s in page.sources)
        assert {"script", "link", "iframe"}.isdisjoint(page.found)
        assert "@import" not in source
        assert "url(" not in source

    def test_the_verdict_comes_first(self, page):
        verdict = "NumPy alone: 5 of 5 runs agree with the exact result."
        before, found, _ = page.text.partition(verdict)
        assert found
        assert "direct" not in before.partition("}")[0]

    def test_the_user_is_quoted_and_not_obeyed(self, source):
        assert "a &lt;b&gt;.npy" in source
        assert "<b>" not in source

    def test_it_has_all_parts(self, page):
        assert page.found.count("h2") == 7
        for part in ("Higham", "y: first call", "quartiles", "Python", "✓"):
            assert part in page.text

    def test_a_kernel_of_many_numbers_is_a_picture(self):
        pytest.importorskip("matplotlib")
        large = cases.picture(np.ones((20, 20), np.float32), np.ones((12, 12), np.float32))
        found = compare([get_backend("numpy")], ["direct"], large, **OPTIONS)
        assert len(Page(html.page(found)).sources) == 6

    def test_without_matplotlib_it_says_how_to_get_the_plots(self, comparison, monkeypatch):
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
        page = Page(html.page(comparison))
        assert len(page.sources) == 2
        assert page.text.count(install_line("viz", "matplotlib")) == 3

    def test_where_all_had_a_part_of_the_picture_only(self, comparison):
        pytest.importorskip("matplotlib")
        large = cases.picture(np.ones((40, 40), np.float32), np.ones((2, 2), np.float32))
        page = Page(html.page(dataclasses.replace(comparison, cases=[large])))
        assert len(page.sources) == 4  # no plot of what took the whole

    def test_where_nothing_ran(self, comparison):
        nothing = dataclasses.replace(
            comparison,
            runs=[dataclasses.replace(run, timings={}, agreements={}) for run in comparison.runs],
            learning=dataclasses.replace(comparison.learning, pupils=[]),
        )
        assert len(Page(html.page(nothing)).sources) == 2

    def test_of_what_does_not_agree(self, comparison):
        wrong = twofold(comparison, agreements={"y": Agreement("it is <b>wrong</b>")})
        page = Page(html.page(wrong))
        assert "other disagrees: only 5 of 14 runs agree with the exact result." in page.text
        assert "other, direct, fft and native, on" in page.text
        assert ": y: it is <b>wrong</b>" in page.text
        assert "✗" in page.text


class TestMarkdown:
    def test_every_row_has_as_many_cells_as_its_table(self, comparison):
        text = "\n".join(markdown.lines(comparison))
        assert text.startswith("# NumPy alone: 5 of 5 runs agree with the exact result\n")
        tables = [block for block in text.split("\n\n") if block.startswith("|")]
        assert len(tables) == 5
        for block in tables:
            counts = {line.count(" |") for line in block.splitlines()}
            assert len(counts) == 1

    def test_signs_stand_in_the_grid(self, comparison):
        rows = list(markdown.lines(comparison))
        assert "| direct | ✓ |" in rows
        assert "| native | - |" in rows


class TestTheTerminal:
    def shown(self, comparison, **options):
        lines = ["".join(s.text for s in line) for line in report.lines(comparison, **options)]
        assert max(map(len, lines)) <= 80
        return lines

    def test_two_frameworks_agree(self, comparison):
        lines = self.shown(twofold(comparison))
        assert lines[0] == "both frameworks agree: 10 of 10 runs"
        assert "             numpy      other" in [line.rstrip() for line in lines]
        assert "direct         ✓          ✓" in [line.rstrip() for line in lines]

    def test_many_frameworks_stand_in_several_grids(self, comparison):
        library = comparison.libraries[0]
        many = comparison
        for _ in range(3):
            many = twofold(many)
        libraries = [dataclasses.replace(library, name=name) for name in ["numpy"] + ["other"] * 8]
        lines = self.shown(dataclasses.replace(many, libraries=libraries))
        assert sum(line.startswith("fft ") for line in lines) == 4

    def test_only_a_few_problems_are_shown_at_first(self, comparison):
        results = {f"y{i}": Agreement("it is wrong") for i in range(9)}
        wrong = twofold(comparison, agreements=results)
        lines = self.shown(wrong)
        assert "  and 3 more, which --verbose shows" in lines
        assert sum("it is wrong" in line for line in lines) <= 6
        everything = " ".join(" ".join(self.shown(wrong, is_verbose=True)).split())
        assert everything.count("y8: it is wrong") == 1

    @pytest.mark.parametrize(
        ("value", "text"), [(8, "████████"), (4, "████"), (0.5, "▌"), (0, "▏"), (9, "███████»")]
    )
    def test_bars(self, value, text):
        assert speed.bar(value, 8, 8) == text


class TestAdvice:
    def test_on_a_compiler(self, comparison):
        wrong = twofold(comparison, agreements={"y": Agreement("it is wrong")})
        runs = [
            dataclasses.replace(
                run, configuration=dataclasses.replace(run.configuration, jitted=True)
            )
            if run.configuration.face.name == "other"
            else run
            for run in wrong.runs
        ]
        (what, again) = verdict.advice(dataclasses.replace(wrong, runs=runs))
        assert "the fault lies with its compiler" in what
        assert "--no-jit`" in what
        assert "--no-jit" not in again

    def test_on_a_broken_installation(self, comparison):
        broken = dataclasses.replace(comparison, broken={"torch": "libtorch.so is gone"})
        assert verdict.sentence(broken).endswith("; torch cannot be used")
        (text,) = verdict.advice(broken)
        assert install_line("torch") in text
        assert "--backends numpy" in text

    def test_there_is_none_where_all_agree(self, comparison):
        assert list(verdict.advice(comparison)) == []
        assert verdict.problems(comparison) == []


class TestPictures:
    @pytest.mark.parametrize("shape", [(1, 1), (3, 5), (512, 2), (513, 7), (2000, 3)])
    def test_what_is_in_a_file(self, tmp_path, shape):
        from PIL import Image as image  # noqa: N813

        numbers = np.random.default_rng(1).integers(0, 256, shape)
        numbers.flat[:2] = [0, 255][: numbers.size]
        (tmp_path / "x.png").write_bytes(grey_png(numbers))
        step = -(-max(shape) // 512)
        with image.open(tmp_path / "x.png") as found:
            assert found.mode == "L"
            assert np.array_equal(np.asarray(found), numbers[::step, ::step])

    def test_black_is_the_least(self):
        assert grey_png(np.array([[-3.0, 1.0]])) == grey_png(np.array([[0, 255]]))


def test_text_is_escaped_once():
    inner = element("b", "1 < 2", class_='"')
    assert inner == '<b class="&quot;">1 &lt; 2</b>'
    assert element("p", inner, "&") == f"<p>{inner}&amp;</p>"
    assert isinstance(inner, Markup)


class TestFiles:
    @pytest.fixture
    def run(self, capsys, tmp_path):
        np.save(tmp_path / "small.npy", PIXELS)

        def run(*arguments):
            quick = ["--backends", "numpy", "--methods", "direct"]
            status = cli.main(["compare", *quick, *map(str, arguments)])
            return (status, *capsys.readouterr())

        return run

    def test_both_beside_the_report(self, run, tmp_path):
        page, text = tmp_path / "r.html", tmp_path / "r.md"
        status, out, err = run(tmp_path / "small.npy", "--html", page, "--md", text)
        assert (status, err) == (0, "")
        assert out.endswith(f"written: {page}\nwritten: {text}\n")
        assert "small.npy, 12x10" in " ".join(Page(page.read_text("utf-8")).text.split())
        assert text.read_text("utf-8").startswith("# NumPy alone: 3 of 3 runs agree")

    def test_beside_a_document(self, run, tmp_path):
        status, out, _ = run("--image", tmp_path / "small.npy", "--json", "--md", tmp_path / "r.md")
        assert status == 0
        assert json.loads(out)["picture"] == "small.npy"
        assert (tmp_path / "r.md").exists()

    def test_markdown_instead(self, run, tmp_path):
        _, out, _ = run(tmp_path / "small.npy", "--markdown")
        assert out.startswith("# NumPy alone: 3 of 3 runs agree with the exact result\n")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--html", "no/such/folder/r.html"], ["--html", "no/such/folder", "does not exist"]),
            (["--md", "."], ["--md", "is no file"]),
            (["--html", "r.x", "--md", "./r.x"], ["--md", "'./r.x'", "--html"]),
            (["a.png", "--image", "b.png"], ["'a.png'", "'b.png'", "one of them"]),
            (["no.png"], ["no.png", "cannot be read"]),
        ],
    )
    def test_misuse_is_said_before_the_work(self, run, monkeypatch, arguments, words):
        monkeypatch.setattr("multiconv.coursework.compare.compare", None)
        status, out, err = run(*arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        for word in words:
            assert word in err

    def test_what_cannot_be_written_after_all(self, run, tmp_path, monkeypatch):
        def full(path, content):
            raise OSError(28, "No space left on device", str(path))

        monkeypatch.setattr("multiconv.commands.compare.write_whole", full)
        status, out, err = run(tmp_path / "small.npy", "--md", tmp_path / "r.md")
        assert status == 2
        assert out.startswith("NumPy alone: 3 of 3 runs agree")
        assert err.startswith("multiconv: error: --md: ")
        assert "No space left" in err
