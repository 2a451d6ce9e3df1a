"""What a bug report needs: versions, settings, and whether what is installed works."""

from __future__ import annotations

import os
import platform
import re
import sys
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import multiconv
from multiconv.core.machine import cpu_model, usable_cpus
from multiconv.core.progress import Progress
from multiconv.coursework import environment, libraries, self_test
from multiconv.coursework.environment import BackendState
from multiconv.coursework.libraries import Library
from multiconv.coursework.settings import table as settings
from multiconv.faces import get_backend
from multiconv.planning import constants

# Nothing else of the environment is read: it may hold what is nobody's business.
_VARIABLES = (
    *("MULTICONV_BACKEND", "MULTICONV_CACHE", "OMP_NUM_THREADS", "MKL_NUM_THREADS"),
    *("OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS"),
    *("NUMBA_DISABLE_JIT", "XLA_FLAGS", "JAX_ENABLE_X64", "JAX_PLATFORMS", "KERAS_BACKEND"),
    *("JAX_DEFAULT_MATMUL_PRECISION", "NVIDIA_TF32_OVERRIDE", "CUDA_VISIBLE_DEVICES"),
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)


@dataclass(frozen=True)
class Examined:
    """A backend, what it is set to, and what became of each test."""

    state: BackendState
    settings: dict[str, str]
    tests: dict[str, str]

    @property
    def is_installed(self) -> bool:
        """Tell a backend that is there, and perhaps broken, from one that could be."""
        return self.state.install is None

    @property
    def problems(self) -> list[str]:
        """What is wrong with it, if it is installed."""
        if not self.is_installed:
            return []
        broken = [self.state.problem] if self.state.problem else []
        failed = (f"{test}: {said}" for test, said in self.tests.items() if said != self_test.OK)
        return [*broken, *failed]


@dataclass(frozen=True)
class Checkup:
    """Everything there is to say; ``costs`` is what `auto` goes by."""

    version: str
    place: str
    python: str
    executable: str
    system: str
    cpu: str
    cpus: int
    variables: dict[str, str]
    costs: str
    backends: list[Examined]
    libraries: list[Library]

    @property
    def broken(self) -> list[str]:
        """The names of what is installed and does not work."""
        return [
            *(one.state.name for one in self.backends if one.problems),
            *(library.name for library in self.libraries if library.problem),
        ]

    def document(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        return asdict(self) | {"broken": self.broken}


def check_up() -> Checkup:
    """Examine this installation."""
    with Progress("examining", 2, coarse=True) as progress:
        progress.advance("the backends")
        backends = [_examined(state) for state in environment.backends()]
        progress.advance("the libraries")
        found = libraries.examine()
    return Checkup(
        version=multiconv.__version__,
        place=str(Path(multiconv.__file__).parent),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        executable=sys.executable,
        system=platform.platform(),
        cpu=cpu_model(),
        cpus=usable_cpus(),
        variables={name: os.environ[name] for name in _VARIABLES if os.environ.get(name)},
        costs=_costs(),
        backends=backends,
        libraries=found,
    )


def _examined(state: BackendState) -> Examined:
    if state.problem is not None:
        return Examined(state, {}, {})
    try:
        found = dict(settings.of(state.name))
    except Exception as error:  # a setting that a version does not have is not what breaks it
        found = {"settings": f"not read, {type(error).__name__}: {error}"}
    return Examined(state, found, self_test.run(get_backend(state.name)))


def _costs() -> str:
    """Say which file of measured costs is in use, and why another one is not."""
    try:
        path = constants.user_file()
    except RuntimeError:
        return "as shipped: there is no home folder"
    constants.forget()  # a file that was refused before is refused aloud again
    with warnings.catch_warnings(record=True) as refused:
        warnings.simplefilter("always")
        measured = constants.users_seconds()
    if measured:
        return f"measured here for {', '.join(measured)}, in {path}"
    if refused:
        return f"as shipped: {refused[0].message}"
    return f"as shipped: there is no {path}"


def without_home(value: Any) -> Any:
    """Return a document in which the home folder, which names its owner, is ~."""
    if isinstance(value, dict):
        return {name: without_home(part) for name, part in value.items()}
    if isinstance(value, list):
        return [without_home(part) for part in value]
    return _shortened(value) if isinstance(value, str) else value


def _shortened(text: str) -> str:
    try:
        home = Path.home()
    except RuntimeError:
        return text
    for folder in {str(home), os.path.realpath(home)}:
        if len(Path(folder).parts) > 1:  # and not the root, as in some containers
            text = re.sub(rf"{re.escape(folder)}(?![\w.-])", "~", text)
    return text
