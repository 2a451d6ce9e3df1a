"""The command ``multiconv apply``."""

from __future__ import annotations

import argparse

from multiconv import kernels
from multiconv.commands import geometry_options
from multiconv.commands.command import FINE, Command, Outcome, as_json

_DESCRIPTION = """\
Run a kernel over an image, and write the result to a file: grey or colour,
every channel by itself, with 8 or 16 bits as the image has them, or floats.
Alpha stays as it is; palettes become colours; images turned by the camera are
set upright. IMAGE is a picture in any format that Pillow reads, or a .npy file
of shape (H, W) or (H, W, C). OUT is a .png, .jpg, .jpeg, .tif, .tiff, .bmp,
.webp or .npy file.

With --memory or --cluster IMAGE may be larger than memory: a .npy file, a TIFF
stack or a Zarr array (..., H, W), of which every image is computed in tiles and
written to a file of such a kind."""

_MORE = """\
Sums of whole numbers are exact, others are those of float64 (in JAX of float32,
without JAX_ENABLE_X64=1). They are rounded half to even and clipped to black
and white; so what a derivative has below 0 is lost, unless it is shown:
  --abs                       as strength, whatever the sign
  --scale 1/8 --offset 128    as darker than a middle grey, which stands for 0
  --normalize                 in grey, from the smallest, black, to the largest
A .npy file takes the numbers as they are, unless --depth is given; so does a
.tiff file with --depth float, in grey.

The border continues the pixels of the edge (--padding-mode replicate), as image
editors do, so that no dark frame appears. OpenCV's default is reflect, that of
scipy.ndimage symmetric, that of a layer zeros.

In tiles, numbers are written as they are: whole ones through a whole kernel as
integers, others in the precision of IMAGE. Until OUT is whole, what is done is
in OUT.unfinished; after a break, the same command goes on from there. The
workers of a cluster must see both files under the same names.

examples:
  multiconv apply sharpen photo.jpg -o sharp.png
  multiconv apply sobel-x photo.jpg -o edges.png --abs
  multiconv apply "1 1 1; 1 1 1; 1 1 1" scan.tiff -o smooth.tiff --scale 1/9
  multiconv apply "[[1, -1]]" photo.png -o edges.npy --padding valid
  multiconv apply kernel.npy photo.png -o out.png --convolve --stride 2
  multiconv apply gaussian scan.npy -o smooth.npy --memory 500MB
  multiconv apply sobel-x stack.tiff -o edges.zarr --cluster tcp://head:8786

exit status: 0, 2 when the command was misused or OUT could not be written"""


def _add(command: argparse.ArgumentParser) -> None:
    option, default = command.add_argument, "(default: %(default)s)"
    known = ", ".join(kernels.names())
    kernel = f'a name ({known}), numbers as in "[[1, -1]]" and "1 -1; 2 0", or a .npy file'
    option("kernel", metavar="KERNEL", help=kernel)
    option("image", metavar="IMAGE", help="the image's file, which is never written to")
    option("-o", "--out", metavar="OUT", required=True, help="where to write the result")
    option("--force", action="store_true", help="replace OUT where it exists")
    flip = "flip the kernel on both axes: convolution, and not correlation"
    option("--convolve", action="store_true", help=flip)
    geometry_options.add(command, padding="same", padding_mode="replicate")
    option("--abs", action="store_true", help="take absolute values")
    option("--scale", metavar="S", help="then multiply, by a number or a fraction such as 1/9")
    offset = "then add, where white is 255 or 65535, or 1 for floats"
    option("--offset", type=float, metavar="B", help=offset)
    option("--normalize", action="store_true", help="instead: from smallest to largest")
    depth = "bits of the result, white staying white, or float (default: those of IMAGE)"
    option("--depth", choices=("8", "16", "float"), help=depth)
    option("--backend", metavar="NAME", help="what computes it (default: the default backend)")
    memory = "compute tiles, and use at most so much memory, such as 500MB or 2GB"
    option("--memory", metavar="SIZE", help=memory)
    cluster = "compute tiles on the workers of a Dask scheduler, such as tcp://head:8786"
    option("--cluster", metavar="ADDRESS", help=cluster)
    option("--method", default="auto", metavar="NAME", help=f"how {default}")


def _run(arguments: argparse.Namespace) -> Outcome:
    from multiconv.coursework import applying, applying_tiles

    in_tiles = applying_tiles.is_meant(arguments)
    applied = (applying_tiles if in_tiles else applying).applied(arguments)
    if arguments.json:
        return as_json({"apply": applied.document()}), FINE
    return applied.lines(), FINE


COMMAND = Command(
    name="apply",
    summary="run a kernel over an image file",
    description=_DESCRIPTION,
    more=_MORE,
    add=_add,
    run=_run,
)
