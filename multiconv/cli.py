"""The command ``multiconv``: comparing backends, and listing them."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence

import multiconv
from multiconv import kernels, methods, registry
from multiconv.faces import Face, get_backend

AGREED, DISAGREED, MISUSED, INTERRUPTED = 0, 1, 2, 130
_PIPE_CLOSED = 141  # what shells report for a program that SIGPIPE ended

_DESCRIPTION = "One convolution for every array library, with the same answer."

_COMPARE = """\
Run every installed backend and every method, eager and compiled, forward and through the
gradients, on the textbook's example and on a photograph, and say whether they agree with the
exact result; then how long they take."""

_COMPARE_MORE = """\
examples:
  multiconv compare --backends numpy,torch
  multiconv compare --image photo.jpg --kernel laplacian
  multiconv compare --kernel "[[1, -1]]" --no-jit
  multiconv compare --kernel="-1 0 1; -2 0 2; -1 0 1" --json > comparison.json

exit status: 0 when all agree, 1 when not, 2 when the command was misused"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process, if left out.

    Returns
    -------
    int
        The exit status: 0 for success, 1 if a comparison found a disagreement, 2 for misuse, 130
        after an interruption from the keyboard.
    """
    try:
        arguments = _parser().parse_args(argv)
        run: Callable[[argparse.Namespace], int] = arguments.run
        status = run(arguments)
        sys.stdout.flush()
    except SystemExit as leave:  # argparse has said why
        return leave.code if isinstance(leave.code, int) else MISUSED
    except _MisuseError as error:
        print(f"multiconv: error: {error}", file=sys.stderr)
        return MISUSED
    except KeyboardInterrupt:
        print("multiconv: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone. Python would complain when it flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _PIPE_CLOSED
    return status


class _MisuseError(Exception):
    """Arguments that cannot be used; the message names the argument and what would work."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="multiconv", description=_DESCRIPTION)
    parser.add_argument("--version", action="version", version=f"multiconv {multiconv.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    compare = commands.add_parser(
        "compare",
        help="compare backends and methods: agreement first, then time",
        description=_COMPARE,
        epilog=_COMPARE_MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument(
        "--image", metavar="FILE", help="a picture of your own, or a .npy file, instead of ours"
    )
    compare.add_argument(
        "--kernel",
        default="sobel-x",
        metavar="NAME or literal",
        help=f"the picture's kernel: {', '.join(kernels.names())}, or numbers as in "
        f'"[[1, -1]]" and "1 -1; 2 0" (default: %(default)s)',
    )
    compare.add_argument(
        "--backends", metavar="a,b", help="only these (default: all that are installed)"
    )
    compare.add_argument(
        "--methods",
        metavar="a,b",
        help=f"only these of {', '.join(methods.NAMES)} (default: all)",
    )
    compare.add_argument(
        "--no-jit", action="store_true", help="leave out the compiled runs, which take longest"
    )
    compare.add_argument("--json", action="store_true", help="print one JSON document instead")
    compare.set_defaults(run=_compare)

    backends = commands.add_parser(
        "backends",
        help="list the backends: versions, devices, and how to install what is missing",
        description="List the backends that are installed, and how to install the others.",
    )
    backends.add_argument("--json", action="store_true", help="print one JSON document instead")
    backends.set_defaults(run=_backends)
    return parser


def _compare(arguments: argparse.Namespace) -> int:
    from multiconv.comparison import cases, document, kernel_literals, pictures, report, terminal
    from multiconv.comparison.compare import compare

    try:
        kernel = kernel_literals.read(arguments.kernel)
    except ValueError as error:
        raise _MisuseError(f"--kernel: {error}") from error
    try:
        image = pictures.camera() if arguments.image is None else pictures.read(arguments.image)
    except ValueError as error:
        raise _MisuseError(f"--image: {error}") from error
    try:
        picture = cases.picture(image, kernel)
    except ValueError as error:
        raise _MisuseError(f"--kernel: {error}") from error
    chosen_methods = _chosen_methods(arguments.methods)
    faces, broken = _chosen_backends(arguments.backends)

    comparison = compare(
        faces,
        chosen_methods,
        picture,
        arguments.kernel.strip(),
        jit=not arguments.no_jit,
        broken=broken,
    )
    if arguments.json:
        print(json.dumps(document.of_comparison(comparison), indent=1, allow_nan=False))
    else:
        terminal.show(report.lines(comparison), sys.stdout)
    return AGREED if comparison.agrees else DISAGREED


def _chosen_methods(listed: str | None) -> list[str]:
    if listed is None:
        return list(methods.NAMES)
    names = _split("--methods", listed)
    for name in names:
        if name not in methods.NAMES:
            known = ", ".join(methods.NAMES)
            raise _MisuseError(f"--methods: there is no method {name!r}; there are {known}")
    return names


def _chosen_backends(listed: str | None) -> tuple[list[Face], dict[str, str]]:
    """Return the backends, and why others that are installed cannot be used."""
    if listed is not None:
        try:
            return [get_backend(name) for name in _split("--backends", listed)], {}
        except (ImportError, ValueError) as error:
            raise _MisuseError(f"--backends: {error}") from error
    faces, broken = [], {}
    for name in registry.available_backends():
        try:
            faces.append(get_backend(name))
        except ImportError as error:
            broken[name] = str(error)
    return faces, broken


def _split(argument: str, listed: str) -> list[str]:
    names = [name.strip() for name in listed.split(",") if name.strip()]
    if not names:
        raise _MisuseError(f"{argument}: got {listed!r}, and takes names separated by commas")
    return list(dict.fromkeys(names))


def _backends(arguments: argparse.Namespace) -> int:
    from multiconv.comparison import document, environment

    states = environment.backends()
    if arguments.json:
        print(json.dumps(document.of_backends(states), indent=1))
        return AGREED
    width = max(len(state.name) for state in states)
    for state in states:
        if state.problem is None:
            found = f"{state.version or ''} on {', '.join(state.devices)}".strip()
        else:
            found = state.problem
        advice = f": {state.install}" if state.install else ""
        print(f"{state.name:<{width}}  {found}{advice}")
    return AGREED
