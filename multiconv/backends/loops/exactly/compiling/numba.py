"""How a loop of the exact mode is compiled.

A product of two float32 numbers is exact in float64, so that fusing it with the addition that
follows changes nothing.
"""

from __future__ import annotations

from multiconv.backends.loops.compiling.numba import compilers

jit, inlined = compilers(may_fuse=True)
