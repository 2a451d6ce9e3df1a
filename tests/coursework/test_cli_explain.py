"""`multiconv explain`: what it reads, prints and writes."""

import json
import sys

import numpy as np
import pytest

import multiconv as mc
from multiconv import cli
from multiconv.core.installation import install_line

X, K = "[[0,1,2],[3,4,5],[6,7,8]]", "[[0,1],[2,3]]"


@pytest.fixture
def explain(capsys):
    """The exit status, stdout and stderr of `multiconv explain`."""

    def explain(*arguments):
        status = cli.main(["explain", *map(str, arguments)])
        return (status, *capsys.readouterr())

    return explain


class TestText:
    def test_one_output(self, explain):
        status, out, err = explain(X, K, "--at", "0,1")
        numbers = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)
        assert (status, err) == (0, "")
        assert out == f"{mc.explain(*numbers, (0, 1))}\n"

    def test_without_arguments_it_is_the_textbooks_with_all_outputs(self, explain):
        status, out, _ = explain()
        assert status == 0
        for value in ("= 19", "y[0, 1] = ", "= 25", "y[1, 0] = ", "= 37", "y[1, 1] = ", "= 43"):
            assert value in out

    def test_of_many_outputs_it_says_how_to_see_another(self, explain, tmp_path):
        np.save(tmp_path / "x.npy", np.arange(100).reshape(10, 10))
        _, out, _ = explain(tmp_path / "x.npy", "[[1, -1]]")
        assert "90 outputs" in out
        assert "--at 9,8" in out

    def test_all_options(self, explain):
        options = ["--stride", "2x1", "--padding", "same", "--dilation", "2", "--flip"]
        _, out, _ = explain(X, K, "--at=-1,-1", *options, "--padding-mode", "reflect", "--json")
        x, k = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)
        given = {"stride": (2, 1), "padding": "same", "dilation": 2, "padding_mode": "reflect"}
        found = json.loads(out)["explain"]
        assert found["value"] == mc.convolve2d(x, k, **given)[-1, -1]
        assert found["at"] == [1, 2]
        assert [t["product"] for t in found["terms"]] == [
            t.product for t in mc.explain(x, k, (-1, -1), **given, flip=True).terms
        ]

    def test_whole_numbers_stay_whole(self, explain):
        assert "1x2 = 2\n" in explain("[[1.0]]", "2", "--at", "0,0")[1]

    def test_a_named_kernel(self, explain):
        assert "= 8\n" in explain("1 2 3; 4 5 6; 7 8 9", "sobel-x", "--at", "0,0")[1]

    def test_a_picture_has_grey_levels_from_0_to_255(self, explain, tmp_path):
        from PIL import Image

        Image.fromarray(np.array([[0, 255], [7, 100]], "uint8")).save(tmp_path / "x.png")
        assert "255x1 = 255\n" in explain(tmp_path / "x.png", "1", "--at", "0,1")[1]

    def test_the_help_fits_a_terminal(self, explain):
        _, out, _ = explain("--help")
        assert max(map(len, out.splitlines())) <= 80


class TestThePage:
    def test_it_is_written_whole(self, explain, tmp_path):
        status, out, _ = explain(X, K, "--stride", "2", "-o", tmp_path / "page.html")
        source = (tmp_path / "page.html").read_text("utf-8")
        assert status == 0
        assert out == f"wrote {tmp_path / 'page.html'}: open it in a browser\n"
        assert source.startswith("<!doctype html>")
        assert '"stride": [2, 2]' in source
        assert [path.name for path in tmp_path.iterdir()] == ["page.html"]

    def test_html_is_the_same_option(self, explain, tmp_path):
        explain("--html", tmp_path / "one.html")
        explain("-o", tmp_path / "other.html")
        assert (tmp_path / "one.html").read_bytes() == (tmp_path / "other.html").read_bytes()


class TestMisuse:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ([X, K, "--at", "2,0"], ["at=(2, 0)", "(2, 2)", "at=(1, 0)"]),
            ([X, K, "--at", "1"], ["(2, 2)", "at=(0, 0)"]),
            ([X, K, "--at", "a,b"], ["--at", "'a,b'", "0,1"]),
            (["no such.png", K], ["IMAGE", "no such.png", "[[0, 1], [2, 3]]"]),
            (["no such.npy", K], ["IMAGE", "no such.npy"]),
            ([X, "[[1, 2], [3]]"], ["KERNEL", "lengths"]),
            ([X, "sobelx"], ["KERNEL", "sobel-x"]),
            ([X, K, "--padding", "sam"], ["--padding", "same"]),
            ([X, K, "--padding-mode", "mirror"], ["padding_mode", "reflect"]),
            ([X, K, "--dilation", "9"], ["larger", "padding"]),
            ([X, K, "-o", "no such folder/page.html"], ["-o", "no such folder"]),
            ([X, K, "--padding", "40", "-o", "page.html"], ["32"]),
        ],
    )
    def test_one_line_that_says_the_fix(self, explain, tmp_path, monkeypatch, arguments, words):
        monkeypatch.chdir(tmp_path)
        status, out, err = explain(*arguments)
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
        for word in words:
            assert word in err
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("numbers", [np.ones(3), np.ones((2, 2)) * 1j, np.ones((0, 2))])
    def test_a_file_of_other_numbers(self, explain, tmp_path, numbers):
        np.save(tmp_path / "x.npy", numbers)
        status, _, err = explain(tmp_path / "x.npy", K)
        assert status == 2
        assert str(numbers.shape) in err

    def test_a_file_that_is_none(self, explain, tmp_path):
        (tmp_path / "x.npy").write_bytes(b"nothing")
        status, _, err = explain(tmp_path / "x.npy", K)
        assert status == 2
        assert ".npy file of numbers" in err

    def test_a_picture_without_pillow(self, explain, tmp_path, monkeypatch):
        (tmp_path / "x.png").write_bytes(b"")
        monkeypatch.setitem(sys.modules, "PIL", None)
        status, _, err = explain(tmp_path / "x.png", K)
        assert status == 2
        assert install_line("image", "pillow") in err
