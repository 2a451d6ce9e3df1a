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

import os
import zipfile
from pathlib import Path

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
LIBRARIES = ["flax", "equinox", "keras", "optax"]  # whose layers and optimisers work with ours
OPTIONAL_MODULES = [
    *FRAMEWORKS,
    *LIBRARIES,
    "dask",
    "matplotlib",
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
    here = f".[{','.join(extras)}]"
    # Most of a framework is never imported: compiling it beforehand would take a minute.
    session.install("--no-compile", "-c", constraints, "-e", here, *tools)


def run_python(session: nox.Session, code: str, *arguments: str) -> None:
    """Run Python code that sees what is installed, not what lies in the working tree."""
    session.run("python", "-P", "-c", code, *arguments, silent=True, log=False)


@nox.session(tags=["quick"])
def lint(session: nox.Session) -> None:
    """Look for mistakes and departures from the style."""
    session.install("-c", NEWEST, "ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(python=OLDEST_PYTHON)
def typing(session: nox.Session) -> None:
    """Check the types, beside the real types of every framework."""
    install(session, NEWEST, "all", groups=["lint"])
    session.run("mypy", "--strict", "multiconv")


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
    shipped = {f"{package}/py.typed", f"{package}/data/camera.npy", f"{about}/licenses/LICENSE"}
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


@nox.session
@nox.parametrize(
    ("python", "backends", "constraints"),
    [
        nox.param(OLDEST_PYTHON, ["numpy"], NEWEST, id="numpy", tags=["numpy", "quick"]),
        nox.param(OLDEST_PYTHON, ["strict"], NEWEST, id="strict", tags=["strict", "quick"]),
        nox.param(OLDEST_PYTHON, ["torch"], NEWEST, id="torch", tags=["torch"]),
        nox.param(OLDEST_PYTHON, ["jax"], NEWEST, id="jax", tags=["jax"]),
        nox.param(
            OLDEST_PYTHON,
            ["numpy", "torch", "jax", "strict"],
            NEWEST,
            id="all",
            tags=["numpy", "torch", "jax", "strict"],
        ),
        nox.param(
            OLDEST_PYTHON,
            ["numpy", "strict"],
            LOWEST,
            id="lowest",
            tags=["numpy", "strict", "lowest"],
        ),
        nox.param(OLDEST_PYTHON, ["jax"], LOWEST, id="jax-lowest", tags=["jax", "lowest"]),
        *(
            nox.param(python, [backend], NEWEST, id=f"{backend}-{python}", tags=[backend])
            for python in NEWER_PYTHONS
            for backend in ("numpy", "jax")
        ),
    ],
)
def tests(session: nox.Session, backends: list[str], constraints: str) -> None:
    """Test with these backends installed and no others.

    What follows `--` goes to pytest: `nox -s "tests(numpy)" -- -n 0 -k padding`.
    """
    frameworks = [name for name in FRAMEWORKS if name in backends]
    everything = frameworks == FRAMEWORKS
    larger = LARGER_EXTRAS if everything or constraints == LOWEST else []
    install(session, constraints, *TESTED_EXTRAS, *larger, *frameworks, groups=["test"])

    run_python(session, ABSENT, *(name for name in FRAMEWORKS if name not in backends))
    run_python(session, NOT_LOADED, *OPTIONAL_MODULES)

    environment = {
        "MULTICONV_TEST_BACKENDS": ",".join(backends),
        "MULTICONV_TEST_LIBRARIES": "",  # `exchange` has them
        "MULTICONV_EXPECT_VERSIONS": expected_versions(constraints, session.python, backends),
        "OMP_NUM_THREADS": "1",  # pytest already runs one process per core
    }
    arguments = ["-n", "auto"]
    if everything:
        arguments += ["-m", "not gpu"]
    else:
        environment["HYPOTHESIS_PROFILE"] = "quick"
        arguments += ["-m", "not gpu and not slow"]
    if constraints == LOWEST:
        arguments += ["-W", "default"]  # old packages warn about each other
    session.run("pytest", *arguments, *session.posargs, env=environment)


@nox.session(python=OLDEST_PYTHON, tags=["torch", "jax"])
def exchange(session: nox.Session) -> None:
    """Test our layers with other libraries, Keras on either framework."""
    install(session, NEWEST, "io", "exchange", *FRAMEWORKS, groups=["test", "test-exchange"])
    for framework, libraries in (("jax", LIBRARIES), ("torch", ["keras"])):
        environment = {
            "MULTICONV_TEST_BACKENDS": ",".join(["numpy", *FRAMEWORKS]),
            "MULTICONV_TEST_LIBRARIES": ",".join(libraries),
            "KERAS_BACKEND": framework,
            "KERAS_HOME": str(
                Path(session.create_tmp()).resolve()
            ),  # else it writes into the user's home
            "OMP_NUM_THREADS": "1",
        }
        files = ["tests/layers/test_exchange.py", "tests/layers/test_layers_jax.py"]
        session.run("pytest", "-n", "auto", *files, *session.posargs, env=environment)


@nox.session(default=False, venv_params=["--system-site-packages"])
def gpu(session: nox.Session) -> None:
    """Test on this machine's GPU, with the torch and JAX that it has; without one, say so."""
    backends = os.environ.get("MULTICONV_TEST_BACKENDS", ",".join(FRAMEWORKS))
    session.install("-e", ".", *nox.project.dependency_groups(PYPROJECT, "test"))
    environment = {"MULTICONV_TEST_BACKENDS": backends}
    session.run("pytest", "-m", "gpu", "-rs", *session.posargs, env=environment)


@nox.session(python=OLDEST_PYTHON, default=False)
def bench(session: nox.Session) -> None:
    """Measure: one process, nothing else running; pass the names of scripts to run only those."""
    install(session, NEWEST, "all", groups=["test"])
    for name in session.posargs or ("overhead", "images"):
        session.run("python", f"benchmarks/{name}.py")


if __name__ == "__main__":
    nox.main()
