#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.2.9", "packaging"]
#
# [tool.nox]
# script-venv-backend = "virtualenv"
# ///
"""Every check of the project: `nox -l` lists them, `nox` runs the marked ones.

The environments are made by virtualenv and pip from the pins in `constraints.txt`: an unpinned
torch brings gigabytes of CUDA libraries with it.
"""

import atexit
import os
import zipfile
from pathlib import Path, PurePath
from xml.etree import ElementTree

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_external_run = True
nox.options.reuse_existing_virtualenvs = True

PYPROJECT = nox.project.load_toml("pyproject.toml")
OLDEST_PYTHON = "3.11"  # the default: every pinned package has a build for it
NEWER_PYTHONS = ["3.12", "3.13"]
NEWEST = "constraints.txt"
LOWEST = "constraints/lowest.txt"

# The optional packages: the ones that every test session has, the rest, and the frameworks.
TESTED_EXTRAS = ["cli", "image", "io", "scipy"]
LARGER_EXTRAS = ["dask", "viz"]
FRAMEWORKS = ["torch", "jax"]
# Files of these names import the framework, and no others do.
LICENCES = {
    "torch": ["torch.py"],
    "jax": ["jax.py", "flax.py", "equinox.py"],
    "flax": ["flax.py"],
    "equinox": ["equinox.py"],
    "keras": ["keras.py"],
    "dask": ["dask.py"],
    "numba": ["numba.py"],
}
SOURCE = "multiconv"
TOLD = 25  # lines of each failure, at the very end
# What ours works with, or is compared to.
LIBRARIES = ["flax", "equinox", "keras", "optax", "cv2", "distributed", "tifffile", "zarr"]
OPTIONAL_MODULES = [
    *FRAMEWORKS,
    *LIBRARIES,
    "dask",
    "matplotlib",
    "numba",
    "PIL",
    "rich",
    "safetensors",
    "scipy",
]

ABSENT = """
import importlib.util, sys
present = [name for name in sys.argv[1:] if importlib.util.find_spec(name)]
sys.exit(f"installed, but must not be: {present}" if present else 0)
"""

PRESENT = """
import importlib.util, sys
absent = [name for name in sys.argv[1:] if not importlib.util.find_spec(name)]
sys.exit(f"not installed, but tested with: {absent}" if absent else 0)
"""

NOT_LOADED = """
import sys
import multiconv
loaded = [name for name in sys.argv[1:] if name in sys.modules]
sys.exit(f"import multiconv also loads {loaded}" if loaded else 0)
"""


def pins(constraints: str, python: str) -> dict[str, str]:
    """Name and version of everything that a constraints file pins for this Python."""
    lines = (line.partition("#")[0].strip() for line in Path(constraints).read_text().splitlines())
    requirements = [Requirement(line) for line in lines if line]
    environment = {"python_version": python}
    return {
        requirement.name: next(iter(requirement.specifier)).version
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate(environment)
    }


def tags(name: str) -> list[str]:
    """Return the tags of an environment: its backends, and whether it is quick or old."""
    backends, constraints, _ = ENVIRONMENTS[name]
    quick = ["quick"] if name == "numpy" else []
    return [*backends, *quick, *(["lowest"] if constraints == LOWEST else [])]


def expected_versions(constraints: str, python: str, backends: list[str]) -> str:
    """Say what the tests must find, as `python=3.12,numpy=2.0.0,jax=0.10.2`."""
    names = ["numpy", "array-api-compat", *(name for name in FRAMEWORKS if name in backends)]
    if "strict" in backends:
        names.append("array-api-strict")
    pinned = pins(constraints, python)
    return ",".join([f"python={python}", *(f"{name}={pinned[name]}" for name in names)])


def install(session: nox.Session, constraints: str, *extras: str, groups: list[str]) -> None:
    """Install the working tree with these extras, and what these dependency groups name."""
    tools = nox.project.dependency_groups(PYPROJECT, *groups)
    here = f".[{','.join(extras)}]" if extras else "."
    # Most of a framework is never imported: compiling it beforehand would take a minute.
    session.install("--no-compile", "-c", constraints, "-e", here, *tools)


def run_python(session: nox.Session, code: str, *arguments: str) -> None:
    """Run Python code that sees what is installed, not what lies in the working tree."""
    session.run("python", "-P", "-c", code, *arguments, silent=True, log=False)


@nox.session(tags=["quick"])
def lint(session: nox.Session) -> None:
    """Look for mistakes and departures from the style."""
    session.install("-c", NEWEST, "ruff", "import-linter")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    # What torch.py may import, jax.py may not: ruff's licence is for all of them alike.
    for framework, files in LICENCES.items():
        others = [f"--per-file-ignores={PurePath('**', name)}:TID251" for name in files]
        banned = f'lint.flake8-tidy-imports.banned-api."{framework}".msg="not in this file"'
        session.run(
            "ruff", "check", "--isolated", "--select", "TID251", "--config", banned, *others, SOURCE
        )
    session.run("lint-imports", env={"PYTHONPATH": "."})


@nox.session(python=OLDEST_PYTHON, default=False)
def typing(session: nox.Session) -> None:
    """Check the types, beside the real types of every framework; `everything` does it too."""
    install(session, NEWEST, "all", groups=["lint"])
    session.run("mypy", "--strict", SOURCE)


@nox.session(python=OLDEST_PYTHON, tags=["quick"], reuse_venv=False)
def minimal_import(session: nox.Session) -> None:
    """Import the package in an environment that has nothing but its dependencies."""
    session.install("-c", NEWEST, ".")
    run_python(session, ABSENT, *OPTIONAL_MODULES)
    run_python(session, NOT_LOADED, *OPTIONAL_MODULES)


@nox.session(python=OLDEST_PYTHON, tags=["quick"])
def build(session: nox.Session) -> None:
    """Build the distributions, look into the wheel, install it and run its command."""
    session.install("-c", NEWEST, "build")
    folder = Path(session.create_tmp()).resolve() / "dist"
    for old in folder.glob("*"):
        old.unlink()
    session.run("python", "-m", "build", "--outdir", str(folder), silent=True)
    [wheel] = folder.glob("*.whl")
    check_wheel(session, wheel)
    session.install("-c", NEWEST, str(wheel))
    session.install("--force-reinstall", "--no-deps", str(wheel))
    session.run("multiconv", "backends")


def check_wheel(session: nox.Session, wheel: Path) -> None:
    """Fail if the wheel lacks a file it must ship, has one it must not, or misdescribes itself."""
    project = PYPROJECT["project"]
    about = f"{project['name']}-{project['version']}.dist-info"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        metadata = archive.read(f"{about}/METADATA").decode()
        commands = archive.read(f"{about}/entry_points.txt").decode()

    package = project["name"]
    data = [f"{package}/data/{name}" for name in ("camera.npy", "explain/page.html")]
    shipped = {f"{package}/py.typed", *data, f"{about}/licenses/LICENSE"}
    strays = {name for name in names if name.split("/")[0] not in {package, about}}
    lines = {
        f"Version: {project['version']}",
        f"License-Expression: {project['license']}",
        f"Requires-Python: {project['requires-python']}",
        *(f"Provides-Extra: {extra}" for extra in project["optional-dependencies"]),
    }
    if missing := shipped - names:
        session.error(f"{wheel.name} lacks {sorted(missing)}")
    if strays:
        session.error(f"{wheel.name} has files outside the package: {sorted(strays)}")
    if missing := lines - set(metadata.splitlines()):
        session.error(f"the metadata of {wheel.name} lacks {sorted(missing)}")
    if "multiconv = multiconv.cli:main" not in commands:
        session.error(f"{wheel.name} has no command `multiconv`")


# What is there, and what is not: (backends, constraints, Python). Every backend is installed
# without the others at least once, tested on every Python that it has builds for and at its oldest
# version, and beside all others in `everything`.
ENVIRONMENTS = {
    "numpy": (["numpy", "strict"], NEWEST, OLDEST_PYTHON),
    "torch": (["torch"], NEWEST, OLDEST_PYTHON),
    "lowest": (["numpy", "strict"], LOWEST, OLDEST_PYTHON),
    "jax-lowest": (["jax"], LOWEST, OLDEST_PYTHON),
    **{f"jax-{python}": (["numpy", "jax"], NEWEST, python) for python in NEWER_PYTHONS},
}

AGAIN = ("torch", f"jax-{NEWER_PYTHONS[0]}")


@nox.session
@nox.parametrize(
    ("python", "name"),
    [nox.param(ENVIRONMENTS[name][2], name, id=name, tags=tags(name)) for name in ENVIRONMENTS],
)
def tests(session: nox.Session, name: str) -> None:
    """Test with some backends installed and no others.

    What follows `--` goes to pytest: `nox -s "tests(numpy)" -- -n 0 -k padding`.
    """
    backends, constraints, _ = ENVIRONMENTS[name]
    frameworks = [framework for framework in FRAMEWORKS if framework in backends]
    larger = LARGER_EXTRAS if constraints == LOWEST else []
    install(session, constraints, *TESTED_EXTRAS, *larger, *frameworks, groups=["test"])
    run_python(session, ABSENT, *(f for f in FRAMEWORKS if f not in backends), *LIBRARIES)
    run_python(session, NOT_LOADED, *OPTIONAL_MODULES)
    # The same versions as in another session: what differs is what else is there, or the Python.
    again = ["tests/backends", "tests/planning", "tests/layers/test_layers.py"]
    again = [*again, "tests/test_documentation.py"] if name in AGAIN else []
    # The oldest versions warn about each other: that is no mistake, and their age is no news.
    old = ["-W", "default", "-W", "ignore::DeprecationWarning"] if constraints == LOWEST else []
    pytest(session, backends, constraints, "-m", "not gpu and not slow", *old, *again, quick=True)


@nox.session(python=OLDEST_PYTHON, tags=["numpy", "torch", "jax", "strict"])
def everything(session: nox.Session) -> None:
    """Check the types, and test all backends together and layers with other libraries."""
    groups = ["test", "test-exchange", "bench", "lint"]
    install(session, NEWEST, "all", "exchange", groups=groups)
    # Some tests leave out what is missing: here nothing is.
    run_python(session, PRESENT, *OPTIONAL_MODULES, "ml_dtypes")
    session.run("mypy", "--strict", SOURCE)
    backends = ["numpy", *FRAMEWORKS, "strict"]
    keras = {"KERAS_HOME": str(Path(session.create_tmp()).resolve())}  # else it writes into ~
    libraries = keras | {"MULTICONV_TEST_LIBRARIES": ",".join(LIBRARIES), "KERAS_BACKEND": "jax"}
    pytest(session, backends, NEWEST, "-m", "not gpu", quick=True, **libraries)
    on_torch = keras | {"MULTICONV_TEST_LIBRARIES": "keras", "KERAS_BACKEND": "torch"}
    files = [f"tests/layers/test_exchange{part}.py" for part in ("", "_kinds")]
    pytest(session, backends, NEWEST, *files, "-k", "keras", **on_torch)


def pytest(
    session: nox.Session,
    backends: list[str],
    constraints: str,
    *arguments: str,
    quick: bool = False,
    **environment: str,
) -> None:
    """Run the tests with these backends, in the versions that the constraints name."""
    environment = {
        "MULTICONV_TEST_BACKENDS": ",".join(backends),
        "MULTICONV_TEST_LIBRARIES": "",
        "MULTICONV_EXPECT_VERSIONS": expected_versions(constraints, session.python, backends),
        "OMP_NUM_THREADS": "1",  # pytest already runs one process per core
        "HYPOTHESIS_PROFILE": "quick" if quick else "default",
        **environment,
    }
    report = Path("build", "reports", f"{len(REPORTS)}.xml")
    report.unlink(missing_ok=True)
    REPORTS[report] = session.name
    short = ["--tb=short", "-rfE", f"--junit-xml={report}"]
    arguments = ("-n", "auto", "--dist", "worksteal", *short, *arguments, *session.posargs)
    session.run("pytest", *arguments, env=environment)


REPORTS: dict[Path, str] = {}


@atexit.register
def tell_what_failed() -> None:
    """Print the end of every failure's traceback, below all else that was printed."""
    for report, session in REPORTS.items():
        tests = ElementTree.parse(report).iter("testcase") if report.exists() else ()
        for test in tests:
            for failure in [*test.iter("failure"), *test.iter("error")]:
                print(f"\n{session}: {test.get('classname')}::{test.get('name')}")
                print(*(failure.text or "").splitlines()[-TOLD:], sep="\n")


@nox.session(python=OLDEST_PYTHON)
def notebooks(session: nox.Session) -> None:
    """Build the examples as notebooks in build/notebooks, and run them cell by cell."""
    install(session, NEWEST, "scipy", "viz", groups=["examples"])
    places = ("HOME", "JUPYTER_DATA_DIR", "MPLCONFIGDIR")
    home = dict.fromkeys(places, str(Path(session.create_tmp()).resolve()))
    names = session.posargs or ["build/notebooks"]
    session.run("python", "tests/examples/notebooks.py", *names, env=home)


@nox.session(python=OLDEST_PYTHON)
def docs(session: nox.Session) -> None:
    """Build the documentation in docs/_build; a warning is an error, and so is a dead link."""
    install(session, NEWEST, groups=["docs"])
    pages = ["docs", "docs/_build/html"]
    strict = ["--fail-on-warning", "--keep-going", "--fresh-env", "--write-all"]
    session.run("sphinx-build", "-q", *strict, "-d", "docs/_build/read", *session.posargs, *pages)


@nox.session(default=False, venv_params=["--system-site-packages"])
def gpu(session: nox.Session) -> None:
    """Test on this machine's GPU, with the torch and JAX that it has; without one, say so."""
    backends = os.environ.get("MULTICONV_TEST_BACKENDS", ",".join(FRAMEWORKS))
    session.install("-e", ".", *nox.project.dependency_groups(PYPROJECT, "test"))
    environment = {"MULTICONV_TEST_BACKENDS": backends}
    session.run("pytest", "-m", "gpu", "-rs", *session.posargs, env=environment)


@nox.session(python=OLDEST_PYTHON, default=False)
def browser(session: nox.Session) -> None:
    """Test the page of `multiconv explain` in Chromium: 300 MB, and a desktop's libraries."""
    install(session, NEWEST, "image", groups=["test", "browser"])
    files = ["-n", "0", "-m", "needs_browser", "tests/explaining"]
    pytest(session, ["numpy"], NEWEST, *files, MULTICONV_TEST_BROWSER="1")


@nox.session(python=OLDEST_PYTHON, default=False)
def bench(session: nox.Session) -> None:
    """Measure: one process, nothing else running; what follows `--` goes to `multiconv bench`."""
    install(session, NEWEST, "all", groups=["bench"])
    session.run("multiconv", "bench", *(session.posargs or ["--quick"]))


if __name__ == "__main__":
    nox.main()
