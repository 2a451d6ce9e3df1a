"""What is typed on the command line, read into pictures, methods and backends."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager

from multiconv.backends import registry
from multiconv.core.progress import Progress
from multiconv.coursework import cases, kernel_literals, pictures
from multiconv.coursework.cases import Case
from multiconv.faces import Face, get_backend
from multiconv.methods import table as methods


class MisuseError(Exception):
    """Arguments that cannot be used; the message names the argument and what would work."""


def picture(arguments: argparse.Namespace) -> Case:
    """Read ``--image`` and ``--kernel``."""
    with blaming("--kernel"):
        kernel = kernel_literals.read(arguments.kernel)
    with blaming("--image"):
        image = pictures.camera() if arguments.image is None else pictures.read(arguments.image)
    with blaming("--kernel"):
        return cases.picture(image, kernel)


def method_names(listed: str | None) -> list[str]:
    """Read ``--methods``."""
    if listed is None:
        return list(methods.NAMES)
    names = _split("--methods", listed)
    for name in names:
        if name not in methods.NAMES:
            known = ", ".join(methods.NAMES)
            raise MisuseError(f"--methods: there is no method {name!r}; there are {known}")
    return names


def backends(listed: str | None) -> tuple[list[Face], dict[str, str]]:
    """Read ``--backends``: the backends, and why others that are installed cannot be used."""
    names = registry.available_backends() if listed is None else _split("--backends", listed)
    faces, broken = [], {}
    with Progress("loading", len(names), coarse=True) as progress:
        for name in names:
            progress.advance(name)
            try:
                faces.append(get_backend(name))
            except (ImportError, ValueError) as error:
                if listed is not None:
                    raise MisuseError(f"--backends: {error}") from error
                broken[name] = str(error)
    return faces, broken


def _split(argument: str, listed: str) -> list[str]:
    names = [name.strip() for name in listed.split(",") if name.strip()]
    if not names:
        raise MisuseError(f"{argument}: got {listed!r}, and takes names separated by commas")
    return list(dict.fromkeys(names))


@contextmanager
def blaming(argument: str) -> Iterator[None]:
    """Turn what is wrong with an argument into a MisuseError that names it."""
    try:
        yield
    except (ValueError, ImportError) as error:
        raise MisuseError(f"{argument}: {error}") from error
