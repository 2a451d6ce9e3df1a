"""The options of commands that slide a kernel over an image: how far, and over which border."""

from __future__ import annotations

import argparse


def add(
    command: argparse.ArgumentParser, *, padding: str = "0", padding_mode: str = "zeros"
) -> None:
    """Add ``--stride``, ``--padding``, ``--dilation`` and ``--padding-mode``, with defaults."""
    option, default = command.add_argument, "(default: %(default)s)"
    option("--stride", default="1", metavar="N", help=f"one number, or one per axis {default}")
    as_in = f"as in corr2d {default}"
    option("--padding", default=padding, metavar="N or name", help=as_in)
    option("--dilation", default="1", metavar="N", help=f"one number, or one per axis {default}")
    border = f"of the border {default}"
    option("--padding-mode", default=padding_mode, metavar="NAME", help=border)
