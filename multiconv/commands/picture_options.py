"""The options of commands that work on a picture and a kernel."""

from __future__ import annotations

import argparse

from multiconv import kernels


def add(command: argparse.ArgumentParser) -> None:
    """Add ``--image``, ``--kernel`` and ``--backends``."""
    option, known = command.add_argument, ", ".join(kernels.names())
    image = "a picture of your own, or a .npy file, instead of ours"
    option("--image", metavar="FILE", help=image)
    kernel = (
        f'the picture\'s kernel: {known}, or numbers as in "[[1, -1]]" and "1 -1; 2 0" '
        f"(default: %(default)s)"
    )
    option("--kernel", default="sobel-x", metavar="NAME or literal", help=kernel)
    option("--backends", metavar="a,b", help="only these (default: all that are installed)")
