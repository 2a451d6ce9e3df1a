"""The command line: what it prints, what it finds, and how it fails."""

import importlib
import io
import json
import os
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import backends_under_test
import numpy as np
import oracle
import pytest
from subprocesses import run_python

import multiconv
from multiconv import cli, kernels
from multiconv.core.installation import install_line
from multiconv.coursework import (
    agreement,
    arguments,
    cases,
    environment,
    kernel_literals,
    layout,
    pictures,
    reference,
    terminal,
)
from multiconv.methods import table as methods

# Those that have a name of their own; array-api-strict must be registered first.
BUILT_IN = [name for name in backends_under_test.CHOSEN if name != "strict"]

QUICK = ["--methods", "direct,fft", "--no-jit"]


@pytest.fixture
def run(capsys):
    """Run the command in this process: its exit status, stdout and stderr."""

    def run(*arguments):
        status = cli.main([str(a) for a in arguments])
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def compare(run):
    """A comparison's exit status and JSON document."""

    def compare(*arguments):
        status, out, err = run("compare", "--json", *arguments)
        assert err == ""
        return status, json.loads(out)

    return compare


@pytest.fixture
def small(tmp_path):
    """A picture of 12 x 10 pixels in a file."""
    path = tmp_path / "small.npy"
    np.save(path, np.random.default_rng(3).integers(0, 256, (12, 10)).astype(np.uint8))
    return path


@pytest.fixture
def torch_without_a_compiler(monkeypatch):
    """torch.compile with the same graph but no C++, which takes its time."""
    wing = importlib.import_module("multiconv.coursework.differentiation.torch")
    monkeypatch.setattr(wing, "_BACKENDS", ("no_such_compiler", "aot_eager"))
    wing._working_backend.cache_clear()
    yield
    wing._working_backend.cache_clear()


def command(*arguments, **options):
    """Run the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "multiconv", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


@pytest.fixture(scope="module")
def done():
    """The default comparison of NumPy, in a process of its own."""
    return command("compare", "--backends", "numpy")


@pytest.fixture(scope="module")
def in_detail():
    """The same with everything that is known."""
    return command("compare", "--backends", "numpy", "--verbose")


class TestTheReport:
    def test_the_verdict_comes_first(self, done):
        assert done.returncode == 0
        verdict = done.stdout.partition("\n")[0]
        assert verdict == "NumPy alone: 23 of 23 runs agree with the exact result"
        assert done.stderr == ""

    def test_every_method_has_a_sign(self, done):
        rows = dict(line.split() for line in done.stdout.split("\n\n")[1].splitlines()[1:])
        assert list(rows) == list(methods.NAMES)
        assert {name for name, sign in rows.items() if sign == "✓"} == {*methods.NAMES} - {"native"}
        assert rows["native"] == "-"

    def test_it_says_why_something_is_missing(self, done):
        text = "- numpy native: the numpy backend has no convolution of its own"
        assert text in done.stdout.splitlines()

    def test_every_method_of_one_framework_has_a_bar(self, done):
        lines = [line for line in done.stdout.splitlines() if set("█▉▊▋▌▍▎▏") & set(line)]
        bars = {line.split()[0]: line for line in lines}
        assert {*methods.NAMES} - {"native"} == {name.strip("*") for name in bars}
        assert re.search(r"» *\d+\.?\d* ms", bars["loop"])

    def test_it_says_where_it_ran(self, done):
        text = " ".join(done.stdout.split())
        for part in (multiconv.__version__, "Python 3.", f"numpy {np.__version__}", " CPUs"):
            assert part in text

    def test_it_fits_on_a_screen(self, done):
        lines = done.stdout.splitlines()
        assert max(map(len, lines)) <= 80
        assert len(lines) < 40


class TestTheDetails:
    def test_they_say_what_the_times_depend_on(self, in_detail):
        for part in ("numpy on cpu", "float32", "19 25 37 43", f"numpy {np.__version__}, eager"):
            assert part in in_detail.stdout

    def test_an_item_of_the_header_is_not_broken(self):
        machine = "Some Processor with a long name, " * 3
        text = f"{machine}{layout.unbroken('2 CPUs')}, XLA_FLAGS=--xla_a=b --xla_c=d-e; "
        for width in range(40):
            item = "numpy on cpu"
            found = layout.wrapped(text + "x" * width + " " + layout.unbroken(item), "  ")
            shown = ["".join(s.text for s in line) for line in found]
            assert any(item in line for line in shown)
            assert any("--xla_c=d-e;" in line for line in shown)
            assert max(map(len, shown)) <= 80

    def test_jax_gives_the_dtype_where_it_takes_part(self, in_detail):
        assert "JAX" not in in_detail.stdout
        assert "in float32\n" in in_detail.stdout

    def test_every_method_has_a_row_of_errors(self, in_detail):
        table = in_detail.stdout.partition("picture: error / bound")[2].partition("\n\n")[0]
        rows = {line.split()[0].strip(":,"): line.split() for line in table.splitlines()[1:]}
        assert {*methods.NAMES} <= set(rows)
        assert rows["direct"][1:3] == ["=", "="]
        assert rows["fft"][1] == "-"
        assert rows["native"][1:] == ["-"] * 5

    def test_they_say_why_something_is_missing(self, in_detail):
        text = " ".join(in_detail.stdout.split())
        assert "- numpy native: the numpy backend has no convolution of its own" in text
        assert "- numpy fft: integers (int32) never pass through floating point" in text


@pytest.mark.needs_backend("jax")
def test_why_it_is_float32_beside_jax(run, small):
    options = ["--methods", "direct", "--no-jit", "--image", small, "-v"]
    _, out, _ = run("compare", "--backends", "numpy,jax", *options)
    assert "in float32, for without x64 JAX has no float64" in " ".join(out.split())


def test_numpy_alone_loads_nothing_else(small):
    out = run_python(
        f"""
        import contextlib, io, sys
        from multiconv.cli import main
        with contextlib.redirect_stdout(io.StringIO()):
            status = main(["compare", "--backends", "numpy", "--image", {str(small)!r}])
        optional = ("torch", "jax", "PIL", "rich", "matplotlib")
        print(status, [name for name in optional if name in sys.modules])
        """
    )
    assert out == "0 []"


@pytest.mark.parametrize("name", BUILT_IN)
class TestABackend:
    def test_every_method_agrees(self, name, compare, small):
        status, document = compare("--backends", name, "--no-jit", "--image", small)
        assert status == 0
        runs = {(r["method"], r["case"]): r for r in document["runs"]}
        assert {method for method, _ in runs} == set(methods.NAMES)
        for (method, case), r in runs.items():
            missing = (method, name) == ("native", "numpy") or (
                (method, case) == ("fft", "textbook-int32")
            )
            assert (r["backend"], r["mode"]) == (name, "eager")
            assert r["status"] == ("unavailable" if missing else "agrees"), r
            if missing:
                assert r["results"] == {}
                assert r["refusals"]["forward"]
                continue
            assert r["results"]["y"]["agrees"]
            if case == "textbook-float32":
                assert set(r["results"]) == {"y", "dx", "dk"}
            if method != "fft" and case != "picture":
                assert all(result["bit_equal"] for result in r["results"].values())

    def test_compiled(self, name, compare, small, request):
        if name == "torch":
            request.getfixturevalue("torch_without_a_compiler")
        status, document = compare("--backends", name, "--methods", "direct,loop", "--image", small)
        modes = {r["mode"] for r in document["runs"]}
        assert modes == ({"eager"} if name == "numpy" else {"eager", "jit"})
        assert status == 0, document["runs"]
        assert document["agree"] is True


@pytest.mark.needs_backend("torch")
@pytest.mark.usefixtures("torch_without_a_compiler")
def test_a_missing_compiler_is_said(run, small):
    status, out, _ = run("compare", "--backends", "torch", "--methods", "direct", "--image", small)
    assert status == 0
    assert "torch.compile runs without inductor" in out


class TestTheDocument:
    @pytest.fixture
    def document(self, compare, small):
        return compare("--backends", "numpy", *QUICK, "--image", small, "--kernel", "box")[1]

    def test_what_it_says_about_the_whole(self, document):
        assert document["multiconv"] == multiconv.__version__
        assert set(document["machine"]) == {"python", "system", "cpu", "cpus", "settings"}
        (library,) = document["backends"]
        assert library["name"] == "numpy"
        assert library["version"] == np.__version__
        assert document["broken"] == {}
        assert document["kernel"] == "box"
        assert document["agree"] is True
        assert (document["judged"], document["dissenting"]) == (5, 0)
        verdict = "NumPy alone: 5 of 5 runs agree with the exact result"
        assert (document["verdict"], document["problems"], document["advice"]) == (verdict, [], [])

    def test_the_cases(self, document):
        names = [(c["name"], c["dtype"], c["image_size"]) for c in document["cases"]]
        assert names == [
            ("textbook-int32", "int32", [3, 3]),
            ("textbook-float32", "float32", [3, 3]),
            ("picture", "float32", [12, 10]),
        ]
        assert document["cases"][0]["kernel"] == [[0, 1], [2, 3]]
        assert np.array_equal(document["cases"][2]["kernel"], np.float32(kernels.box(3)))

    def test_a_run(self, document):
        r = document["runs"][2]
        assert (r["method"], r["chosen"], r["case"]) == ("direct", "direct", "picture")
        assert r["image_size"] == [12, 10]
        assert r["errors"] == r["refusals"] == {}
        for name in ("y", "dx", "dk"):
            result = r["results"][name]
            assert result["agrees"] is True
            assert 0 <= result["fraction"] <= 1
            assert result["problem"] is None
            assert re.fullmatch("[0-9a-f]{64}", result["sha256"])
        for stage in ("forward", "gradients"):
            times = r["times"][stage]
            low, high = times["quartiles"]
            assert 0 < low <= times["warm"] <= high
            assert times["first"] > 0
            assert times["calls"] >= 3


class TestDisagreement:
    CODE = """
        import multiconv
        from multiconv.cli import main
        from multiconv.backends.numpy import NumPyBackend

        class MyBackend(NumPyBackend):
            name = "mine"
            def sum_of_taps(self, x, weight, geometry):
                y = super().sum_of_taps(x, weight, geometry)
                {body}

        multiconv.register_backend(MyBackend())
        arguments = ["compare", "--backends", "mine", "--methods", "direct"]
        print(main([*arguments, "--image", {image!r}{more}]))
    """

    def outcome(self, image, body, more=""):
        out = run_python(self.CODE.format(image=str(image), body=body, more=more))
        text, _, status = out.rpartition("\n")
        return int(status), text

    RIGHT = "return y"
    SLIGHTLY_WRONG = "return y * y.dtype.type(1 if y.size < 9 else 1.0001)"
    WRONG = "return y + 1"

    def test_a_backend_from_outside_that_is_right(self, small):
        status, text = self.outcome(small, self.RIGHT)
        assert status == 0, text
        assert "mine alone: 3 of 3 runs agree with the exact result" in text

    def test_a_wrong_one_is_found(self, small):
        status, text = self.outcome(small, self.WRONG)
        assert status == 1
        assert text.startswith("mine alone: none of 3 runs agree with the exact result")
        words = " ".join(text.split())
        assert "mine, direct, on 19 25 37 43 in integers and 19 25 37 43 in floats: y:" in words
        assert "4 of 4 numbers are not the exact ones, at [0, 0] 20 instead of 19" in words
        assert re.search("^direct +✗$", text, re.MULTILINE)

    def test_one_that_is_only_less_accurate_is_found(self, small):
        status, text = self.outcome(small, self.SLIGHTLY_WRONG)
        assert status == 1
        words = " ".join(text.split())
        assert "mine alone: only 1 of 3 runs agree" in words
        assert re.search(r"mine, direct, on the picture: y: its largest error is \d+ times", words)
        assert "--backends mine --methods direct --no-jit --image" in words

    def test_an_error_is_no_agreement(self, small):
        status, text = self.outcome(small, "raise RuntimeError('no such unit')")
        assert status == 1
        assert "forward: RuntimeError: no such unit" in " ".join(text.split())
        assert re.search("^direct +!$", text, re.MULTILINE)

    def test_in_the_document(self, small):
        status, text = self.outcome(small, self.WRONG, ", '--json'")
        document = json.loads(text)
        assert (status, document["agree"], document["dissenting"]) == (1, False, 3)
        wrong = [r for r in document["runs"] if r["status"] != "agrees"]
        assert {r["backend"] for r in wrong} == {"mine"}
        assert {r["status"] for r in wrong} == {"disagrees"}

    def test_a_broken_installation_is_no_agreement(self, run, small, monkeypatch):
        def broken(name):
            if name == "torch":
                raise ImportError("libtorch.so: cannot open shared object file")
            return multiconv.get_backend(name)

        monkeypatch.setattr(arguments.registry, "available_backends", lambda: ["numpy", "torch"])
        monkeypatch.setattr(arguments, "get_backend", broken)
        status, out, _ = run("compare", *QUICK, "--image", small)
        assert status == 1
        assert "torch cannot be used: libtorch.so" in out


@pytest.mark.needs_backend("strict")
def test_a_library_of_the_array_api_agrees(small):
    out = run_python(
        f"""
        import array_api_strict, multiconv
        from multiconv.backends.array_api import ArrayAPIBackend
        from multiconv.cli import main
        multiconv.register_backend(ArrayAPIBackend(array_api_strict))
        print(main(["compare", "--backends", "array_api_strict", "--image", {str(small)!r}]))
        """
    )
    assert out.endswith("\n0"), out
    assert "array_api_strict 2" in out


class TestMisuse:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ([], ["COMMAND"]),
            (["compair"], ["compair", "compare", "backends"]),
            (["compare", "--kernal", "edge"], ["--kernal"]),
            (["compare", "--backends", "numpi"], ["--backends", "numpi", "'numpy'"]),
            (["compare", "--backends", ","], ["--backends", "','", "commas"]),
            (["compare", "--methods", "winograd"], ["--methods", "winograd", "direct"]),
            (["compare", "--kernel", "sobel"], ["--kernel", "'sobel'", "sobel-x", "[[1, -1]"]),
            (["compare", "--kernel", ""], ["--kernel", "[[1, -1]"]),
            (["compare", "--kernel", "[[1, 2], [3]]"], ["--kernel", "lengths, 2, 1"]),
            (["compare", "--kernel", "1 2; 3"], ["--kernel", "lengths, 2, 1"]),
            (["compare", "--kernel", "[1, -1]"], ["--kernel", "two-dimensional", "[[1, -1]]"]),
            (["compare", "--kernel", "[[[1]]]"], ["--kernel", "more than two dimensions"]),
            (["compare", "--kernel", "[[]]"], ["--kernel", "no numbers"]),
            (["compare", "--kernel", "nan 1"], ["--kernel", "nan"]),
            (["compare", "--kernel", "[[1e999]]"], ["--kernel", "inf"]),
            (["compare", "--kernel", "[[1e39]]"], ["--kernel", "1e+39", "float32"]),
            (["compare", "--kernel", "[[3e38, 3e38]]"], ["--kernel", "below", "float32"]),
            (["compare", "--kernel", "[['a']]"], ["--kernel", "'a'"]),
            (["compare", "--kernel", "[[True]]"], ["--kernel", "True"]),
            (["compare", "--kernel", "[[1j]]"], ["--kernel", "1j"]),
            (["compare", "--kernel", "[" * 500], ["--kernel", "no list of numbers"]),
            (["compare", "--kernel", "[[__import__('os').getpid()]]"], ["--kernel", "no list"]),
            (["compare", "--image", "no/such/file.png"], ["--image", "no/such/file.png"]),
        ],
        ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
    )
    def test_it_names_the_argument_and_what_would_work(self, run, arguments, words):
        status, out, err = run(*arguments)
        assert status == 2
        assert out == ""
        assert "Traceback" not in err
        for word in words:
            assert word in err

    def test_a_backend_that_is_not_installed(self, tmp_path):
        (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('torch', name='torch')")
        out = run_python(
            """
            import contextlib, io
            from multiconv.cli import main
            with contextlib.redirect_stderr(io.StringIO()) as err:
                print(main(["compare", "--backends", "numpy,torch"]), err.getvalue())
            """,
            path=[tmp_path],
        )
        assert out.startswith("2 multiconv: error: --backends: ")
        assert "torch" in out
        assert "pip install" in out

    @pytest.mark.parametrize("more", [[], ["--json"]])
    def test_nothing_to_compare(self, run, more):
        status, out, err = run("compare", "--backends", "numpy", "--methods", "native", *more)
        assert (status, out) == (2, "")
        assert "--methods: there is nothing to compare" in err
        assert "numpy native: the numpy backend has no convolution of its own" in err

    def test_a_kernel_larger_than_the_picture(self, run, tmp_path):
        np.save(tmp_path / "row.npy", np.zeros((1, 20)))
        status, _, err = run("compare", "--image", tmp_path / "row.npy")
        assert status == 2
        assert "--kernel" in err
        assert "3 x 3" in err
        assert "1 x 20" in err


class TestPictures:
    def test_ours_is_the_same_in_both_files(self):
        from PIL import Image as image  # noqa: N813

        folder = Path(multiconv.__file__).parent / "data"
        pixels = np.asarray(image.open(folder / "camera.png"))
        assert pixels.shape == (128, 128)
        assert np.array_equal(np.load(folder / "camera.npy"), pixels)
        assert np.array_equal(pictures.camera(), pixels.astype("float32") / np.float32(255))

    @pytest.mark.parametrize(
        ("mode", "dtype", "white"),
        [("L", "uint8", 255), ("RGB", "uint8", 255), ("I;16", "uint16", 65535), ("1", "bool", 1)],
    )
    def test_of_every_depth(self, tmp_path, mode, dtype, white):
        from PIL import Image as image  # noqa: N813

        pixels = np.array([[0, white], [white, 0]]).astype(dtype)
        if mode == "RGB":
            pixels = np.stack([pixels] * 3, axis=-1)
        picture = image.fromarray(pixels)
        assert picture.mode == mode
        picture.save(tmp_path / "picture.png")
        found = pictures.read(str(tmp_path / "picture.png"))
        assert found.dtype == np.float32
        assert found.tolist() == [[0, 1], [1, 0]]

    @pytest.mark.parametrize(
        ("pixels", "expected"),
        [
            (np.array([[0, 51, 255]], "uint8"), [[0, 0.2, 1]]),
            (np.array([[0, 65535]], "uint16"), [[0, 1]]),
            (np.array([[0.0, 0.25]]), [[0, 0.25]]),
        ],
    )
    def test_of_numpy(self, tmp_path, pixels, expected):
        np.save(tmp_path / "picture.npy", pixels)
        found = pictures.read(str(tmp_path / "picture.npy"))
        assert np.array_equal(found, np.array(expected, "float32"))

    @pytest.mark.parametrize(
        ("content", "word"),
        [
            (np.zeros((2, 2, 3), "uint8"), "(H, W)"),
            (np.zeros((0, 4), "uint8"), "at least one pixel"),
            (np.zeros((2, 2), "int64"), "uint8"),
            (np.full((2, 2), 255.0), "divide"),
            (np.full((2, 2), np.nan), "NaN"),
            (np.array([["a"]]), "uint8"),
            (np.array([[None]]), "no .npy file of numbers"),
            (b"not an array", "no .npy file of numbers"),
            (b"", "no .npy file of numbers"),
        ],
        ids=str,
    )
    def test_what_is_no_picture(self, run, tmp_path, content, word):
        path = tmp_path / "picture.npy"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            np.save(path, content)
        status, _, err = run("compare", "--image", path)
        assert status == 2
        assert "--image" in err
        assert word in err

    def test_a_file_that_is_no_picture(self, run, tmp_path):
        (tmp_path / "notes.txt").write_text("19 25 37 43")
        (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n")
        for path in (tmp_path / "notes.txt", tmp_path / "cut.png", tmp_path):
            status, _, err = run("compare", "--image", path)
            assert status == 2
            assert "--image" in err
            assert path.name in err

    @pytest.mark.parametrize(
        "header",
        [
            "{'descr': '<f8', 'fortran_order': False, 'shape': (10**9",  # it has no end
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000000), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000000000, 9), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (-2, -3), }",
            "{'descr': '<f8', 'fortran_order': False, 'shape': (9, 9), }",
        ],
    )
    def test_a_damaged_array(self, run, tmp_path, header):
        path, text = tmp_path / "picture.npy", header.ljust(117).encode() + b"\n"
        path.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(64))
        self.is_one_line(*run("compare", "--image", path), "no .npy file of numbers")

    def test_a_header_that_is_cut(self, run, tmp_path):
        path = tmp_path / "picture.npy"
        path.write_bytes(b"\x93NUMPY\x01\x00\xff\x7f{'descr': '<f8', 'shape': (2, 2)")
        self.is_one_line(*run("compare", "--image", path), "no .npy file of numbers")

    @pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "bmp", "gif", "webp", "dds", "avif"])
    @pytest.mark.parametrize("damage", ["cut", "changed"])
    def test_a_damaged_picture(self, run, tmp_path, suffix, damage):
        from PIL import Image as image  # noqa: N813
        from PIL import features

        if suffix in ("webp", "avif") and not features.check(suffix):
            pytest.skip(f"this Pillow does not write {suffix}")
        path = tmp_path / f"picture.{suffix}"
        image.fromarray(np.arange(4096, dtype=np.uint8).reshape(64, 64)).save(path)
        content = bytearray(path.read_bytes())
        if damage == "cut":
            del content[len(content) // 2 :]
        else:
            content[12::37] = bytes(b ^ 0xFF for b in content[12::37])
        path.write_bytes(content)
        self.is_one_line(*run("compare", "--image", path), "cannot be read")

    def test_more_than_memory_holds(self, run, tmp_path, monkeypatch):
        def too_much(pixels):
            raise MemoryError

        monkeypatch.setattr(pictures, "_scaled", too_much)
        np.save(tmp_path / "large.npy", np.zeros((2, 2)))
        self.is_one_line(*run("compare", "--image", tmp_path / "large.npy"), "memory")

    def is_one_line(self, status, out, err, words):
        assert (status, out) == (2, "")
        assert err.startswith("multiconv: error: --image: ")
        assert err.count("\n") == 1
        assert words in err

    def test_without_pillow(self, run, tmp_path, monkeypatch):
        (tmp_path / "picture.png").write_bytes(b"")
        monkeypatch.setitem(sys.modules, "PIL", None)
        status, _, err = run("compare", "--image", tmp_path / "picture.png")
        assert status == 2
        assert install_line("image", "pillow") in err
        assert ".npy" in err


class TestKernels:
    @pytest.mark.parametrize("name", kernels.names())
    def test_by_name(self, compare, small, name):
        arguments = ["--backends", "numpy", *QUICK, "--image", small, "--kernel", name]
        status, document = compare(*arguments)
        assert status == 0
        assert document["kernel"] == name

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("[[1,-1]]", [[1, -1]]),
            ("((1, 2), (3, 4))", [[1, 2], [3, 4]]),
            ("1 -1; 2 0", [[1, -1], [2, 0]]),
            (" -.5, 1e3 ", [[-0.5, 1000]]),
            ("7", [[7]]),
        ],
    )
    def test_literals(self, text, expected):
        found = kernel_literals.read(text)
        assert found.dtype == np.float32
        assert found.tolist() == expected


class TestTheReference:
    def test_it_is_the_oracle_rounded_once(self):
        rng = np.random.default_rng(5)
        x = (rng.standard_normal((7, 6)) * 2.0 ** rng.integers(-20, 20, (7, 6))).astype("float32")
        k = rng.standard_normal((3, 2)).astype("float32")
        case = cases.Case("picture", x, k, is_exact=False)
        exact_x, exact_k, g = (oracle.exactly(a) for a in (x, k, case.g))
        expected = {
            "y": oracle.corr2d(exact_x, exact_k),
            "dx": oracle.input_grad(g[None, None], exact_k[None, None], x.shape)[0, 0],
            "dk": oracle.weight_grad(exact_x[None, None], g[None, None], k.shape)[0, 0],
        }
        for name, found in reference.exact(case).items():
            assert np.array_equal(found.rounded, np.vectorize(nearest_float32)(expected[name]))
            distance = oracle.exactly(found.high) + oracle.exactly(found.low) - expected[name]
            assert max(map(abs, distance.ravel())) < 1e-25

    def test_a_sum_just_above_the_middle_of_two_floats(self):
        """Rounded to float64 first, it would be the middle itself, and go to the even one."""
        x = np.ones((1, 3), "float32")
        k = np.array([[1, 2.0**-24, 2.0**-60]], "float32")
        exact = reference.exact(cases.Case("picture", x, k, is_exact=False))["y"]
        assert exact.rounded.item() == 1 + 2.0**-23

    def test_the_textbook(self):
        for case in cases.textbook():
            exact = reference.exact(case)
            assert exact["y"].rounded.tolist() == [[19, 25], [37, 43]]
            assert exact["y"].rounded.dtype == case.dtype


def nearest_float32(value):
    guess = np.float32(float(value))
    near = [
        guess,
        np.nextafter(guess, np.float32(-np.inf)),
        np.nextafter(guess, np.float32(np.inf)),
    ]
    even = [np.float32(a).view(np.uint32) & 1 for a in near]
    pairs = zip(near, even, strict=True)
    return min(pairs, key=lambda pair: (abs(Fraction(float(pair[0])) - value), pair[1]))[0]


class TestAgreement:
    @pytest.fixture
    def exact(self):
        x = np.linspace(0, 1, 12, dtype="float32").reshape(3, 4)
        return reference.exact(cases.Case("picture", x, x[:2, :2], is_exact=False))["y"]

    def judge(self, result, exact, **options):
        return agreement.judge(
            result, exact, **({"in_norm": False, "must_be_equal": False} | options)
        )

    def test_the_exact_result(self, exact):
        found = self.judge(exact.rounded, exact)
        assert found.problem is None
        assert found.is_bit_equal
        assert found.fraction < 1

    def test_beyond_the_bound(self, exact):
        found = self.judge((exact.high + 2 * exact.bound).astype("float32"), exact)
        assert "times the bound" in found.problem
        assert found.fraction > 1

    def test_the_fourier_bound_is_wider(self, exact):
        result = (exact.high + 2 * exact.bound.max()).astype("float32")
        assert self.judge(result, exact).problem
        assert self.judge(result, exact, in_norm=True).problem is None

    def test_within_the_bound_is_not_enough_for_integers(self, exact):
        result = np.nextafter(exact.rounded, np.float32(2))
        assert self.judge(result, exact).problem is None
        assert self.judge(result, exact, must_be_equal=True).problem

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_what_is_not_finite(self, exact, value):
        result = exact.rounded.copy()
        result[0, 0] = value
        problem = f"it is not finite, at [0, 0] {value} instead of {exact.rounded[0, 0]:.9g}"
        assert self.judge(result, exact).problem == problem

    def test_another_dtype_or_shape(self, exact):
        assert "float64" in self.judge(exact.rounded.astype("float64"), exact).problem
        assert "(2, 1)" in self.judge(exact.rounded[:, :1], exact).problem

    def test_the_sign_of_zero_does_not_count(self, exact):
        plus, minus = np.zeros_like(exact.rounded), -np.zeros_like(exact.rounded)
        assert self.judge(plus, exact).digest == self.judge(minus, exact).digest


class TestTheMiddle:
    def test_of_a_large_picture(self):
        case = cases.picture(pictures.camera(), np.ones((3, 5), "float32"))
        part = case.middle(16)
        assert part.x.shape == (6, 8)
        assert np.array_equal(part.x, case.x[61:67, 60:68])
        assert case.middle(16, 96).x.shape == (4, 6)
        assert case.middle(16, 95).x.shape == (3, 5)

    def test_nothing_is_cut_without_need(self):
        case = cases.picture(pictures.camera(), np.ones((3, 3), "float32"))
        assert case.middle(126 * 126) is case


class TestTheTerminal:
    LINES = (
        [terminal.Segment("method", "heading"), terminal.Segment(" = ", "good")],
        [],
        [terminal.Segment("x" * 150), terminal.Segment(" 3 µs [bold]")],
    )
    TEXT = "method =\n\n" + "x" * 150 + " 3 µs [bold]\n"

    def test_plain(self):
        stream = io.StringIO()
        terminal.show(self.LINES, stream)
        assert stream.getvalue() == self.TEXT

    def test_in_colour_it_says_the_same(self, monkeypatch):
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)

        class Terminal(io.StringIO):
            def isatty(self):
                return True

        stream = Terminal()
        terminal.show(self.LINES, stream)
        assert "\x1b[32m" in stream.getvalue()
        plain = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
        assert [line.rstrip() for line in plain.splitlines()] == self.TEXT.splitlines()

    def test_where_letters_are_missing(self):
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        terminal.show(self.LINES, stream)
        stream.flush()
        assert stream.buffer.getvalue().endswith(b" 3 us [bold]\n")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.234e-6, "1.23 µs"),
        (99.96e-6, "100 µs"),
        (999.6e-6, "1.00 ms"),
        (0.0123, "12.3 ms"),
        (0.9996, "1.00 s "),
        (83.4, "83.4 s "),
    ],
)
def test_durations_have_three_digits(seconds, text):
    assert layout.duration(seconds) == text


class TestBackends:
    def test_what_is_installed(self, run):
        status, out, err = run("backends", "--json")
        assert (status, err) == (0, "")
        states = {state["name"]: state for state in json.loads(out)["backends"]}
        assert {"numpy", "torch", "jax"} <= set(states)
        for name in BUILT_IN:
            assert states[name]["problem"] is None
            assert states[name]["devices"]
            assert states[name]["version"]

    def test_what_is_missing_comes_with_the_line_that_installs_it(self, run, monkeypatch):
        monkeypatch.setattr(environment.registry, "available_backends", lambda: ["numpy"])
        status, out, _ = run("backends")
        assert status == 0
        assert f"numpy  {np.__version__} on cpu\n" in out
        assert f"torch  not installed: {install_line('torch')}\n" in out
        assert f"jax    not installed: {install_line('jax')}\n" in out

    def test_what_is_broken_says_so(self, run, monkeypatch):
        def broken(name):
            raise ImportError(f"lib{name}.so is gone")

        monkeypatch.setattr(environment.registry, "available_backends", lambda: ["torch"])
        monkeypatch.setattr(environment, "get_backend", broken)
        status, out, _ = run("backends")
        assert status == 0
        assert "libtorch.so is gone" in out


class TestTheProcess:
    def test_version(self, run):
        assert run("--version")[:2] == (0, f"multiconv {multiconv.__version__}\n")

    @pytest.mark.parametrize("arguments", [["--help"], ["compare", "--help"], ["backends", "-h"]])
    def test_help(self, run, arguments):
        status, out, _ = run(*arguments)
        assert status == 0
        assert "usage: multiconv" in out

    def test_an_interruption_is_one_line(self, run, monkeypatch):
        def interrupted(*arguments, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr("multiconv.coursework.compare.compare", interrupted)
        status, out, err = run("compare", "--backends", "numpy")
        assert (status, out, err) == (130, "", "multiconv: interrupted\n")

    @pytest.mark.parametrize("more", [[], ["--json"]])
    def test_a_closed_pipe_is_quiet(self, small, more):
        reading, writing = os.pipe()
        os.close(reading)
        arguments = [sys.executable, "-m", "multiconv", "compare", "--backends", "numpy"]
        done = subprocess.run(
            [*arguments, *QUICK, "--image", small, *more],
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=300,
            check=False,
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (141, b"")

    @pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
    @pytest.mark.parametrize(
        "arguments", [["backends", "--json"], ["backends"], ["--help"], ["--version"]]
    )
    @pytest.mark.parametrize("unbuffered", ["", "1"])
    def test_a_full_disk(self, arguments, unbuffered):
        done = self.shell(arguments, "> /dev/full", PYTHONUNBUFFERED=unbuffered)
        assert done.returncode == 2
        assert done.stderr.startswith("multiconv: error: stdout cannot be written to: ")
        assert done.stderr.count("\n") == 1

    @pytest.mark.parametrize("arguments", [["compare"], ["--help"]])
    def test_a_closed_stdout(self, arguments):
        done = self.shell(arguments, ">&-")
        assert done.returncode == 2
        assert done.stderr == "multiconv: error: stdout is closed: there is nowhere to write to\n"

    def test_a_closed_stderr(self):
        for words in (["compare", "--backends", "numpi"], ["compair"]):
            done = self.shell(words, "2>&-")
            assert (done.returncode, done.stdout) == (2, "")

    def shell(self, arguments, redirection, **environment):
        words = " ".join([sys.executable, "-m", "multiconv", *arguments, redirection])
        return subprocess.run(
            ["sh", "-c", words],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            env=os.environ | environment,
        )


class TestProgress:
    """On a terminal every command says at once what it is doing; elsewhere nothing."""

    @pytest.fixture
    def shown(self, run, small, monkeypatch):
        """The lines that a command shows on a terminal, one over the other."""

        class Terminal(io.StringIO):
            def isatty(self):
                return True

        def shown(*arguments):
            with monkeypatch.context() as patch:
                patch.setattr(sys, "stderr", Terminal())
                run(*arguments, "--backends", "numpy", "--image", small)
                before, *lines = sys.stderr.getvalue().split("\r\x1b[K")
            assert (before, lines[-1]) == ("", "")
            return lines

        return shown

    def test_of_comparing(self, shown):
        lines = shown("compare", "--methods", "direct")
        assert lines[0] == "loading 1/1 numpy"
        assert "preparing 1/1 numpy, and its compiler" in lines
        assert "comparing 3/3 numpy eager direct, picture" in lines
        assert "learning 2/2 with numpy" in lines

    def test_of_learning(self, shown):
        lines = shown("learn")
        assert lines[:2] == ["reading 1/2 the picture", "reading 2/2 the eigenvalues"]
        assert "learning 1/2 the sums over the patches" in lines
        assert any(line.startswith("learning 2/2 with numpy: learning 0/") for line in lines)

    def test_it_is_no_wider_than_the_terminal(self, shown, monkeypatch):
        monkeypatch.setenv("COLUMNS", "20")
        assert max(map(len, shown("compare", "--methods", "direct"))) == 19
