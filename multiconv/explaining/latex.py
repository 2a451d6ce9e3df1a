"""The sum of one output as LaTeX."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multiconv.core.dtypes import itemsize
from multiconv.explaining import sums
from multiconv.explaining.figures import factor, whole

if TYPE_CHECKING:
    from multiconv.explaining.explanation import Explanation

_MOST_ON_A_LINE = 12
_MOST_LINES = 8


def of(e: Explanation) -> str:
    """Return a formula; of many terms, an ``aligned`` one with a line for each kernel row."""
    left = f"y_{{{','.join(map(str, e.at))}}}"
    right = _number(whole(e.value, e.dtype))
    if sums.wraps(e):
        bits = 8 * itemsize(e.dtype)
        right = rf"{sums.total(e)} \equiv {right} \pmod{{2^{{{bits}}}}}"
    bias = [] if e.bias is None else [_number(factor(e.bias))]
    terms = [_number(sums.product(term, r" \cdot ")) for term in e.terms]
    if len(terms) <= _MOST_ON_A_LINE:
        return f"{left} = {' + '.join([*terms, *bias]) or '0'} = {right}"
    columns = e.geometry.kernel_size[1]
    rows = [terms[start : start + columns] for start in range(0, len(terms), columns)]
    added = [" + ".join(sums.shortened(row, _MOST_ON_A_LINE // 2, r"\cdots")) for row in rows]
    body = " \\\\\n&\\quad + ".join([*sums.shortened(added, _MOST_LINES, r"\cdots"), *bias])
    return f"\\begin{{aligned}}\n{left} &= {body} \\\\\n&= {right}\n\\end{{aligned}}"


def _number(text: str) -> str:
    r"""Write 1e-05 as a power of ten, and nan and inf in LaTeX's words."""
    words = []
    for word in text.split(" "):
        bare = word.strip("()")
        mantissa, e, exponent = bare.partition("e")
        shown = rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if e else bare
        shown = shown.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}")
        words.append(word.replace(bare, shown))
    return " ".join(words)
