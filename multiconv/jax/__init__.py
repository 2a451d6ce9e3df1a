"""multiconv with JAX: the functions of `multiconv`, taking JAX arrays and nested lists.

>>> from multiconv import jax as d2l
>>> d2l.corr2d([[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[0, 1], [2, 3]]).tolist()
[[19, 25], [37, 43]]
"""

from typing import TYPE_CHECKING

from multiconv.faces import get_backend

if TYPE_CHECKING:
    from multiconv.functions import *  # noqa: F403
else:
    from multiconv import functions

    _face = get_backend("jax")
    globals().update({name: getattr(_face, name) for name in functions.__all__})
    __all__ = list(functions.__all__)
