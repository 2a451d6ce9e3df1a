"""Backends from outside: registered by hand, or found through the entry point of a package."""

import importlib.util
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from comparing import check_error
from subprocesses import run_python

import multiconv
from multiconv.backends import registry
from multiconv.backends.base import Backend

SOURCE = Path(__file__).parents[1] / "support" / "plugin"


def install_with_pip(source, target):
    copy = target.parent / "source"  # the build writes into the folder that it builds
    shutil.copytree(source, copy)
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-build-isolation"]
    command += ["--no-index", "--disable-pip-version-check", "--target", str(target), str(copy)]
    subprocess.run(command, check=True, capture_output=True)


def install_by_hand(source, target):
    """What an installer leaves behind, for environments that have none."""
    project = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    info = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    lines = []
    for group, entries in project["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    shutil.copy(source / "multiconv_strict.py", target)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the plugin installed in it."""
    target = tmp_path_factory.mktemp("plugin") / "site"
    has_pip = all(importlib.util.find_spec(name) for name in ("pip", "setuptools"))
    (install_with_pip if has_pip else install_by_hand)(SOURCE, target)
    return target


@pytest.mark.needs_backend("strict")
class TestAnInstalledPackage:
    def test_it_is_listed_without_being_imported(self, site):
        out = run_python(
            """
            import sys, multiconv
            print("outside" in multiconv.available_backends(), "multiconv_strict" in sys.modules)
            """,
            path=[site],
        )
        assert out == "True False"

    def test_it_works_by_name_and_by_array(self, site):
        out = run_python(
            """
            import array_api_strict as xp
            import multiconv
            print(multiconv.get_backend("outside").corr2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]],
                                                          [[0, 1], [2, 3]]))
            x, k = xp.reshape(xp.arange(9), (3, 3)), xp.reshape(xp.arange(4), (2, 2))
            for method in ("loop", "direct", "im2col", "toeplitz", "native", "auto"):
                y = multiconv.corr2d(x, k, padding="same", method=method)
                assert y.shape == (3, 3) and int(y[0, 0]) == 19 and int(y[1, 1]) == 43, method
            print(multiconv.get_backend_of(x))
            """,
            path=[site],
        )
        assert out.splitlines()[0].split() == ["Array([[19,", "25],"]
        assert "43" in out
        assert "outside" in out.splitlines()[-1]

    def test_it_is_named_by_the_environment(self, site):
        out = run_python(
            "import multiconv; print(multiconv.get_backend().name)",
            path=[site],
            MULTICONV_BACKEND="outside",
        )
        assert out == "outside"

    def test_a_broken_one_harms_nobody_else(self, tmp_path):
        broken = tmp_path / "source"
        shutil.copytree(SOURCE, broken)
        (broken / "multiconv_strict.py").write_text("raise OSError('libgone.so')")
        install_by_hand(broken, tmp_path / "site")
        out = run_python(
            """
            import array_api_strict as xp
            import numpy as np
            import multiconv
            print(multiconv.corr2d(np.ones((3, 3)), np.ones((3, 3))))
            print(multiconv.corr2d(xp.ones((3, 3)), xp.ones((3, 3))))
            try:
                multiconv.get_backend("outside")
            except ImportError as error:
                print("multiconv-strict" in str(error), "libgone.so" in str(error))
            """,
            path=[tmp_path / "site"],
        )
        assert out.splitlines()[0] == "[[9.]]"
        assert out.splitlines()[-1] == "True True"


def declare(site, package, entries, code=""):
    """A package in the folder ``site`` that declares these backends, and holds this code."""
    module = package.replace("-", "_")
    (site / f"{module}.py").write_text(code)
    info = site / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[multiconv.backends]\n{entries}\n")


GREEDY = """
import numpy
from multiconv.backends.base import Backend
class Greedy(Backend):
    name, xp = "greedy", numpy
    def owns(self, array):
        return True
"""

FOREIGN = """
import multiconv
class Foreign:
    pass
try:
    multiconv.get_backend_of(Foreign())
except TypeError as error:
    print("must be an array" in str(error))
"""


class TestPackagesThatAreWrong:
    def asked(self, site, name="outside"):
        return run_python(
            FOREIGN
            + f"""
try:
    multiconv.get_backend({name!r})
except ImportError as error:
    print(error)
""",
            path=[site],
        ).splitlines()

    def test_two_of_one_name(self, tmp_path):
        declare(tmp_path, "first-plugin", "outside = first_plugin:Greedy", GREEDY)
        declare(tmp_path, "second-plugin", "outside = second_plugin:Greedy", GREEDY)
        found, message = self.asked(tmp_path)
        assert found == "True"
        assert all(word in message for word in ("first-plugin", "second-plugin", "uninstall"))

    @pytest.mark.parametrize("value", ["not a name!!", "", "wrong:"])
    def test_a_malformed_entry_point(self, tmp_path, value):
        declare(tmp_path, "wrong", f"outside = {value}")
        found, message = self.asked(tmp_path)
        assert found == "True"
        assert "wrong" in message

    def test_a_file_that_is_no_list_of_entry_points(self, tmp_path):
        declare(tmp_path, "wrong", "outside")
        declare(tmp_path, "second-plugin", "outside = second_plugin:missing")
        found, message = self.asked(tmp_path)
        assert found == "True"
        assert "second-plugin" in message

    def test_one_that_ends_the_program(self, tmp_path):
        declare(tmp_path, "wrong", "outside = wrong:Greedy", "raise SystemExit('goodbye')")
        found, message = self.asked(tmp_path)
        assert found == "True"
        assert "goodbye" in message

    @pytest.mark.parametrize("name", ["numpy", "torch", "jax"])
    def test_a_built_in_name_is_not_for_them(self, tmp_path, name):
        """With no framework imported: neither by array nor by name, nor listed twice."""
        declare(tmp_path, "greedy", f"{name} = greedy:Greedy", GREEDY)
        out = run_python(
            FOREIGN
            + f"""
import sys
print(multiconv.available_backends().count({name!r}) <= 1, "greedy" in sys.modules)
print(type(multiconv.get_backend("numpy").backend).__name__)
try:
    multiconv.get_backend("nonsense")
except ValueError as error:
    print(str(error).count({name!r}))
""",
            path=[tmp_path],
        )
        assert out.splitlines() == ["True", "True False", "NumPyBackend", "1"]


class Metres:
    """An array-like of a type that nobody knows."""

    def __init__(self, values):
        self.values = np.asarray(values)
        self.shape, self.dtype = self.values.shape, self.values.dtype


class MetresBackend(Backend):
    name = "metres"
    xp = np

    def owns(self, array):
        return isinstance(array, Metres)

    def signature(self, array):
        return array.shape, array.dtype, "cpu"

    def dtype_name(self, dtype):
        return np.dtype(dtype).name

    def astype(self, array, name):
        values = array.values if isinstance(array, Metres) else array
        return values.astype(name, copy=False)


class TestRegistering:
    def test_an_unknown_array_is_refused_until_its_backend_is_registered(self):
        out = run_python(
            """
            import multiconv
            from test_plugin import Metres, MetresBackend
            x, k = Metres([[0, 1, 2], [3, 4, 5], [6, 7, 8]]), Metres([[0, 1], [2, 3]])
            try:
                multiconv.corr2d(x, k)
            except TypeError as error:
                print("Metres" in str(error))
            multiconv.register_backend(MetresBackend())
            print("metres" in multiconv.available_backends())
            print(multiconv.corr2d(x, k).tolist())
            print(multiconv.get_backend_of(x) is multiconv.get_backend("metres"))
            """,
            path=[SOURCE.parent, Path(__file__).parent],
        )
        assert out.splitlines() == ["True", "True", "[[19, 25], [37, 43]]", "True"]

    def test_a_second_one_of_the_name_replaces_the_first(self, monkeypatch):
        for table in ("_loaded", "_of_type"):
            monkeypatch.setattr(registry, table, dict(getattr(registry, table)))
        monkeypatch.setattr(registry, "_registered", [])

        class Other(MetresBackend):
            name = "other"

        first, second, other = MetresBackend(), MetresBackend(), Other()
        length = Metres([[1, 2]])
        multiconv.register_backend(first)
        multiconv.register_backend(other)
        assert registry.backend_of({"x": length})[0] is other
        multiconv.register_backend(second)
        assert registry.backend_of({"x": length})[0] is second
        assert registry._registered == ["metres", "other"]
        assert multiconv.available_backends().count("metres") == 1

    def test_what_is_no_backend_is_refused(self):
        check_error(TypeError, lambda: multiconv.register_backend("numpy"), "Backend")
        check_error(TypeError, lambda: multiconv.register_backend(np), "Backend")

    def test_built_in_names_are_taken(self):
        class Impostor(MetresBackend):
            name = "numpy"

        check_error(ValueError, lambda: multiconv.register_backend(Impostor()), "name", "numpy")


class TestAnEntryPointOfABuiltInName:
    def test_it_is_neither_listed_nor_asked(self, tmp_path):
        """Whoever declares it, the backend of that name is the package's own."""
        info = tmp_path / "impostor-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: impostor\nVersion: 1.0\n")
        lines = [f"{name} = impostor:BACKEND" for name in ("numpy", "torch", "jax")]
        (info / "entry_points.txt").write_text("\n".join(["[multiconv.backends]", *lines]))
        (tmp_path / "impostor.py").write_text("raise SystemExit('an impostor was imported')")
        out = run_python(
            """
            import sys
            import multiconv
            from multiconv.backends import registry
            print(sorted(set(registry._entry_points()) & set(registry.BUILT_IN)))
            try:
                multiconv.corr2d(object(), [[1]])
            except TypeError as error:
                print(str(error).startswith("x must be an array, got object"))
            print("impostor" in sys.modules, multiconv.available_backends().count("numpy"))
            print(multiconv.corr2d([[1, 2]], [[1, 1]]).tolist())
            """,
            path=[tmp_path],
        )
        assert out.splitlines() == ["[]", "True", "False 1", "[[3]]"]
