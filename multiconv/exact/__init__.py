"""The exact mode: sums of products that are rounded once.

``engine.evaluate`` computes the sums of a correlation or of one of its adjoints, each as the real
number that it is, rounded once to the nearest number of the result's dtype.

For users it is the module of what a training step needs beside convolutions with
``method="exact"``: `update`, `squared_error`, `squared_error_grad` and `mean`.

>>> import numpy as np
>>> from multiconv import exact
>>> exact.mean(np.float32([1e8, 1, -1e8, 2]))
array(0.75, dtype=float32)
"""

import importlib
from typing import TYPE_CHECKING, Any

# They stand on the public functions, rooms above this one.
_PLACES = {
    "mean": "multiconv.training.errors",
    "squared_error": "multiconv.training.errors",
    "squared_error_grad": "multiconv.training.errors",
    "update": "multiconv.training.update",
}

__all__ = ["mean", "squared_error", "squared_error_grad", "update"]

if TYPE_CHECKING:
    from multiconv.training.errors import mean as mean
    from multiconv.training.errors import squared_error as squared_error
    from multiconv.training.errors import squared_error_grad as squared_error_grad
    from multiconv.training.update import update as update
else:

    def __getattr__(name: str) -> Any:
        if name not in _PLACES:
            msg = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(msg)
        function = globals()[name] = getattr(importlib.import_module(_PLACES[name]), name)
        return function

    def __dir__() -> list[str]:
        return __all__
