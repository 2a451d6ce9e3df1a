"""multiconv with NumPy: the functions of `multiconv`, taking NumPy arrays and nested lists.

>>> from multiconv import numpy as d2l
>>> d2l.corr2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]]).tolist()
[[19, 25], [37, 43]]
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiconv import kernels as kernels
    from multiconv.layers.numpy import Conv1D as Conv1D
    from multiconv.layers.numpy import Conv2D as Conv2D
    from multiconv.layers.numpy import Conv3D as Conv3D
    from multiconv.layers.numpy import ConvTranspose1D as ConvTranspose1D
    from multiconv.layers.numpy import ConvTranspose2D as ConvTranspose2D
    from multiconv.layers.numpy import ConvTranspose3D as ConvTranspose3D
    from multiconv.public import *  # noqa: F403
else:
    from multiconv.faces import exports

    __getattr__, __dir__, __all__ = exports(globals())
