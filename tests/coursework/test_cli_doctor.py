"""`multiconv doctor`: what it reports, what it finds broken, and what it keeps to itself."""

import importlib
import json
import os
import platform
import subprocess
import sys
from importlib import metadata

import backends_under_test
import numpy as np
import pytest

import multiconv
from multiconv import cli
from multiconv.core.installation import install_line
from multiconv.coursework import doctor, libraries, self_test
from multiconv.planning import constants

BUILT_IN = [name for name in backends_under_test.CHOSEN if name != "strict"]


@pytest.fixture
def run(capsys, monkeypatch):
    """The exit status and output of `multiconv doctor` on the backends under test."""
    monkeypatch.setattr(doctor.environment.registry, "available_backends", lambda: BUILT_IN)

    def run(*arguments):
        status = cli.main(["doctor", *arguments])
        out, err = capsys.readouterr()
        assert err == ""
        return status, out

    return run


@pytest.fixture
def document(run):
    """The exit status and the JSON document."""

    def document():
        status, out = run("--json")
        return status, json.loads(out)["doctor"]

    return document


def in_a_process(*arguments, path=(), **environment):
    """Run it in a process of its own, with fake packages first on the path."""
    variables = os.environ | environment
    entries = [*map(str, path), variables.get("PYTHONPATH", "")]
    variables["PYTHONPATH"] = os.pathsep.join(filter(None, entries))
    done = subprocess.run(
        [sys.executable, "-m", "multiconv", "doctor", *arguments],
        env=variables,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout


def face_of(name):
    if name != "strict":
        return multiconv.get_backend(name)
    return multiconv.get_backend_of(importlib.import_module("array_api_strict").asarray([0]))


class TestTheReport:
    def test_it_is_a_page_of_markdown(self, run):
        status, out = run()
        assert status == 0
        lines = out.splitlines()
        assert lines[0] == "### multiconv doctor: all that is installed works"
        assert max(map(len, lines)) <= 80
        text = " ".join(out.split())
        for part in (
            f"- multiconv {multiconv.__version__}, in ",
            f"CPython {platform.python_version()}, ",
            " CPUs usable",
            "**Backends**",
            "**Libraries**",
            f"array-api-compat {metadata.version('array-api-compat')}",
        ):
            assert part in text
        for line in lines:
            assert not line or line[0] in "#*-" or line.startswith("  ")

    @pytest.mark.parametrize("name", BUILT_IN)
    def test_every_backend_is_examined(self, document, name):
        _, found = document()
        [one] = [one for one in found["backends"] if one["state"]["name"] == name]
        assert one["state"]["version"] == metadata.version(name)
        assert one["state"]["devices"]
        assert one["tests"] == {"19 25 37 43": "ok", "gradient": "ok"}

    def test_what_is_not_installed_is_not_broken(self, run, monkeypatch):
        monkeypatch.setattr(doctor.environment.registry, "available_backends", lambda: ["numpy"])
        real = libraries.registry.is_installed
        monkeypatch.setattr(libraries.registry, "is_installed", lambda n: n != "dask" and real(n))
        status, out = run()
        assert status == 0
        text = " ".join(out.split())
        assert f"- jax: not installed: {install_line('jax')}" in text
        assert f"- dask: not installed: {install_line('dask')}" in text


class TestSettings:
    @pytest.mark.needs_backend("torch")
    def test_of_torch_are_read_and_left_alone(self, document):
        import torch

        threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
        try:
            torch.set_default_dtype(torch.float64)
            _, found = document()
            assert torch.get_default_dtype() == torch.float64
        finally:
            torch.set_default_dtype(dtype)
        assert torch.get_num_threads() == threads
        [one] = [one for one in found["backends"] if one["state"]["name"] == "torch"]
        assert one["settings"]["default dtype"] == "float64"
        assert one["settings"]["threads"] == str(threads)
        assert one["tests"] == {"19 25 37 43": "ok", "gradient": "ok"}

    @pytest.mark.needs_backend("torch")
    def test_of_tf32(self, document):
        import torch

        before = torch.backends.cudnn.allow_tf32
        try:
            for allowed in (True, False):
                torch.backends.cudnn.allow_tf32 = allowed
                _, found = document()
                [one] = [one for one in found["backends"] if one["state"]["name"] == "torch"]
                assert ("conv" in one["settings"]["TF32 on CUDA"]) == allowed
                assert torch.backends.cudnn.allow_tf32 == allowed
        finally:
            torch.backends.cudnn.allow_tf32 = before

    @pytest.mark.needs_backend("jax")
    def test_of_jax(self, document):
        import jax

        before = jax.config.jax_enable_x64
        try:
            for enabled, shown in ((True, "on"), (False, "off")):
                jax.config.update("jax_enable_x64", enabled)
                _, found = document()
                [one] = [one for one in found["backends"] if one["state"]["name"] == "jax"]
                assert one["settings"]["x64"] == shown
                assert jax.config.jax_enable_x64 == enabled
        finally:
            jax.config.update("jax_enable_x64", before)


class TestWhatIsBroken:
    def test_a_backend_that_does_not_import(self, tmp_path):
        (tmp_path / "jax.py").write_text("raise OSError('libgone.so: cannot open')\n")
        (tmp_path / "torch.py").write_text("raise SystemExit(3)\n")
        status, out = in_a_process(path=[tmp_path])
        assert status == 1
        assert out.startswith("### multiconv doctor: broken: torch, jax\n")
        text = " ".join(out.split())
        assert "- jax: BROKEN" in text
        assert "OSError: libgone.so: cannot open" in text
        assert "Reinstall it: pip install --force-reinstall jax" in text
        assert f"numpy {np.__version__} on cpu: 19 25 37 43 and gradient ok" in text
        assert max(map(len, out.splitlines())) <= 80

    def test_a_library_that_does_not_import(self, run, monkeypatch):
        real = libraries.importlib.import_module

        def broken(name):
            if name == "numba":
                raise ImportError("Numba needs NumPy 1.9 or less. " + "x" * 200)
            return real(name)

        monkeypatch.setattr(libraries.importlib, "import_module", broken)
        monkeypatch.setattr(libraries.registry, "is_installed", lambda name: name == "numba")
        status, out = run()
        assert status == 1
        assert "broken: numba" in out
        assert "BROKEN: ImportError: Numba needs NumPy 1.9 or less." in " ".join(out.split())
        assert max(map(len, out.splitlines())) <= 80

    def test_a_backend_that_computes_something_else(self, run, document, monkeypatch):
        class Flipped(type(multiconv.get_backend("numpy"))):
            """A face whose correlation is a convolution."""

            def __init__(self, backend):
                super().__init__(backend)
                self.corr2d = self.convolve2d

        flipped = Flipped(multiconv.get_backend("numpy").backend)
        monkeypatch.setattr(doctor, "get_backend", lambda name: flipped)
        monkeypatch.setattr(doctor.environment.registry, "available_backends", lambda: ["numpy"])
        status, found = document()
        assert status == 1
        assert found["broken"] == ["numpy"]
        said = found["backends"][0]["tests"]
        assert said["19 25 37 43"] == "y is [[5, 11], [23, 29]], and must be [[19, 25], [37, 43]]"
        status, out = run()
        assert status == 1
        assert "19 25 37 43: y is [[5, 11], [23, 29]]" in out

    def test_a_backend_that_raises(self, backend, monkeypatch):
        def broken(*_, **__):
            raise RuntimeError("no kernel image is available")

        face = face_of(backend.name)
        monkeypatch.setattr(face, "corr2d", broken)
        found = self_test.run(face)
        assert found["19 25 37 43"] == "RuntimeError: no kernel image is available"

    def test_the_self_test_holds_on_every_backend(self, backend):
        assert set(self_test.run(face_of(backend.name)).values()) == {"ok"}


class TestCosts:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv("MULTICONV_CACHE", str(tmp_path))
        yield tmp_path / "costs.json"
        monkeypatch.undo()
        constants.forget()

    def test_as_shipped(self, document, folder):
        assert document()[1]["costs"] == f"as shipped: there is no {folder}"

    def test_of_this_user(self, document, folder):
        folder.write_text(constants.document({"numpy cpu": {"direct": {"call": 1e-6}}}))
        assert document()[1]["costs"] == f"measured here for numpy cpu, in {folder}"

    def test_damaged_and_foreign_ones_are_said_and_are_no_failure(self, document, folder):
        folder.write_text("{")
        status, found = document()
        assert status == 0
        assert found["costs"].startswith(f"as shipped: {folder} is damaged, or of another version")
        text = constants.document({"numpy cpu": {}}).replace('"cpus": ', '"cpus": 1000')
        folder.write_text(text)
        assert "was measured on another machine" in document()[1]["costs"]


class TestWhatItKeepsToItself:
    def test_only_what_computations_depend_on_is_read(self, run, document, monkeypatch):
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
        status, out = run()
        assert status == 0
        assert "hunter2" not in out
        assert "OMP_NUM_THREADS=3" in out
        assert "hunter2" not in json.dumps(document()[1])

    def test_the_home_folder_is_a_tilde(self, tmp_path, monkeypatch, run, document):
        home = tmp_path / "jane doe"
        monkeypatch.setenv("HOME", str(home))
        monkeypatch.setenv("USERPROFILE", str(home))
        monkeypatch.setenv("MULTICONV_CACHE", str(home / "cache"))
        status, out = run()
        assert status == 0
        assert "jane doe" not in out
        assert f"MULTICONV_CACHE=~{os.sep}cache" in out
        assert "jane doe" not in json.dumps(document()[1])

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("/home/jane", "~"),
            ("in /home/jane/x, '/home/jane'", "in ~/x, '~'"),
            ("/home/janet/x", "/home/janet/x"),
            ("/home/jane-2/x", "/home/jane-2/x"),
        ],
    )
    def test_and_nothing_else_is(self, monkeypatch, text, expected):
        monkeypatch.setenv("HOME", "/home/jane")
        monkeypatch.setenv("USERPROFILE", "/home/jane")
        assert doctor.without_home({"a": [text, 1, None]}) == {"a": [expected, 1, None]}

    def test_a_home_at_the_root_is_left_alone(self, monkeypatch):
        monkeypatch.setenv("HOME", "/")
        assert doctor.without_home("/usr/bin") == "/usr/bin"
