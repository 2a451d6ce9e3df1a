"""The first weights of a layer, the same numbers on every backend for the same seed.

By name they are those of Keras, Flax and torch.nn.init: uniform in +-sqrt(3 v) or normal with the
variance v, which keeps the size of signals from layer to layer (LeCun, Bottou, Orr and Mueller,
"Efficient BackProp", 1998; Glorot and Bengio, 2010; He, Zhang, Ren and Sun, 2015).
"""

from __future__ import annotations

import math
import secrets
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from multiconv.core import arguments

Numbers: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


class Initial(NamedTuple):
    """How weights are drawn: with the variance ``scale / fan``, or ``scale`` 0 for zeros.

    The fan is the number of products in an output, those that an input is part of, or their mean.
    """

    scale: float
    fan: str = "in"
    is_normal: bool = False

    def spread(self, fan_in: int, fan_out: int) -> float:
        """Return the largest uniform number, or the standard deviation of normal ones."""
        fan = {"in": fan_in, "out": fan_out, "mean": (fan_in + fan_out) / 2}[self.fan]
        share = self.scale if self.is_normal else 3 * self.scale
        return 1 / math.sqrt(max(fan, 1) / share) if share else 0.0


#: ``default`` is uniform in +-1/sqrt(fan_in), as in torch.nn, and so is its bias; others have none.
INITIAL = {
    "default": Initial(1 / 3),
    "zeros": Initial(0.0),
    "lecun_uniform": Initial(1.0),
    "lecun_normal": Initial(1.0, is_normal=True),
    "glorot_uniform": Initial(1.0, "mean"),
    "glorot_normal": Initial(1.0, "mean", is_normal=True),
    "he_uniform": Initial(2.0),
    "he_normal": Initial(2.0, is_normal=True),
}
_TORCHS = {
    "xavier_uniform": "glorot_uniform",
    "xavier_normal": "glorot_normal",
    "kaiming_uniform": "he_uniform",
    "kaiming_normal": "he_normal",
}


def read(weight_init: Any) -> str:
    """Read the name of an initialiser; torch's names of the same are taken."""
    if isinstance(weight_init, str):
        weight_init = _TORCHS.get(weight_init.removesuffix("_"), weight_init)
    return arguments.choice("weight_init", weight_init, tuple(INITIAL))


def seed_of(seed: Any) -> int:
    """Read a seed, None being a fresh one."""
    if seed is None:
        return secrets.randbits(64)
    return arguments.integer("seed", seed, minimum=-(2**63))


def draw(seed: int, count: int, *, is_normal: bool) -> Numbers:
    """Return numbers uniform in [-1, 1), or normal ones, of one stream.

    Philox counts, so it has no state to share (Salmon, Moraes, Dror and Shaw, "Parallel random
    numbers: as easy as 1, 2, 3", 2011), and NumPy keeps its bits the same in every version. The
    normal ones are made of pairs (Box and Muller, 1958).
    """
    if not is_normal:
        return 2 * _uniform(seed, count) - 1
    pairs = _uniform(seed, 2 * count).reshape(2, count)
    radius = np.sqrt(-2 * np.log1p(-pairs[0]))
    normal: Numbers = radius * np.cos(2 * np.pi * pairs[1])
    return normal


def _uniform(seed: int, count: int) -> Numbers:
    """Return numbers in [0, 1), multiples of 2**-24: exact in float32 and wider."""
    bits: Any = np.random.Philox(key=seed % 2**64).random_raw(count)
    numbers: Numbers = (bits >> np.uint64(40)).astype(np.float64)
    return numbers * 2.0**-24
