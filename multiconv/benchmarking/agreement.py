"""Whether a candidate's result is the right one: nothing that is wrong is timed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from multiconv.benchmarking.reference import Operands


@dataclass(frozen=True)
class Verdict:
    """What was found: a ``problem``, or none; and whether all numbers are the exact ones."""

    problem: str | None = None
    is_equal: bool = True


def judge(
    found: Mapping[str, NDArray[Any]],
    operands: Operands,
    dtype: str,
    *,
    in_norm: bool,
    is_rounded_once: bool = False,
) -> Verdict:
    """Compare results with the exact ones, by the names of `Operands.exact`.

    They must be those numbers rounded to the dtype; where ``in_norm``, the error need only keep the
    Fourier method's bound, and where the operands have bounds, those: unless ``is_rounded_once``.
    """
    is_equal = True
    for name, exact in operands.exact.items():
        result = np.asarray(found[name])
        if result.shape != exact.shape:
            return Verdict(f"{name} has the shape {result.shape}, not {exact.shape}", False)
        if dtype not in (result.dtype.name, "bfloat16"):  # which NumPy does not have
            return Verdict(f"{name} has the dtype {result.dtype}, not {dtype}", False)
        bounds = operands.bounds.get(name)
        right = _rounded(exact, dtype) if bounds is None else exact.astype(np.float64)
        errors = np.abs(result.astype(np.float64) - right)
        if not errors.any():
            continue
        is_equal = False
        if bounds is not None and not is_rounded_once:
            if not (errors <= bounds).all():
                return Verdict(f"{name} is off by {(errors / bounds).max():.3g} bounds", False)
            continue
        largest, bound = float(errors.max()), operands.bounds_in_norm[name]
        if not in_norm:
            count = int(np.count_nonzero(errors))
            text = f"{count} of {errors.size} numbers of {name} are not the exact ones"
            return Verdict(f"{text}: off by {largest:.3g} at most", False)
        if not largest <= bound:  # NaN too
            return Verdict(f"{name} is off by {largest:.3g}, and its bound is {bound:.3g}", False)
    return Verdict(None, is_equal)


def _rounded(exact: NDArray[np.float64], dtype: str) -> NDArray[np.float64]:
    """Round to the dtype, of those that NumPy has, and widen again."""
    if dtype == "bfloat16":
        import ml_dtypes

        return exact.astype(ml_dtypes.bfloat16).astype(np.float64)
    with np.errstate(invalid="ignore"):
        return exact.astype(np.int64).astype(dtype).astype(np.float64)
