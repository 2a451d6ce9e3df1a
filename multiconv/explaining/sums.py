"""The sum of one output, written out, and what stands for it where it is long."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from multiconv.explaining.figures import factor, short, whole

if TYPE_CHECKING:
    from multiconv.explaining.explanation import Explanation, Number, Term

WIDTH = 80
_MOST_TERMS = 6  # of a sum on one line, where there are more than fit
_MOST_LINES = 5  # of a sum that is written out
_MOST_PARTS = 8  # of a sum that is written in parts


def product(term: Term, times: str = "x") -> str:
    """Return one product."""
    return f"{factor(term.pixel)}{times}{factor(term.weight)}"


def total(e: Explanation) -> Number:
    """Return the sum in Python's arithmetic, in which integers have no limit."""
    return sum((term.product for term in e.terms), start=e.bias or 0)


def wraps(e: Explanation) -> bool:
    """Tell whether the sum is an integer beyond its dtype."""
    return isinstance(e.value, int) and total(e) != e.value


def result(e: Explanation) -> str:
    """Return what the sum gives."""
    shown = whole(e.value, e.dtype)
    return f"{total(e)}, which wraps around to {shown} in {e.dtype}" if wraps(e) else shown


def shortened(texts: Sequence[str], most: int, gap: str = "...") -> list[str]:
    """Return texts with a gap in their middle, where there are more than ``most``."""
    if len(texts) <= most:
        return list(texts)
    return [*texts[: most - most // 3], gap, *texts[len(texts) - most // 3 :]]


def summands(e: Explanation, times: str = "x") -> list[str]:
    """Return the products and the bias; a zero, where there are none."""
    products = [product(term, times) for term in e.terms]
    return [*products, *_bias(e)] or ["0"]


def line(e: Explanation) -> str:
    """Return the sum on one line, shortened where it is longer than a terminal."""
    written = f"{' + '.join(summands(e))} = {result(e)}"
    if len(written) <= WIDTH:
        return written
    products = [product(term) for term in e.terms]
    left = len(products) - _MOST_TERMS
    kept = shortened(products, _MOST_TERMS, f"... ({left} more) ...")
    return f"{' + '.join([*kept, *_bias(e)])} = {result(e)}"


def lines(e: Explanation) -> list[str]:
    """Return the sum on a few lines: whole, or by the rows of the kernel, or by channels."""
    written = packed([*_led(summands(e)), f"= {result(e)}"])
    if len(written) <= _MOST_LINES:
        return written
    by_channel = len(e.view.channels) > 1
    named = channels(e) if by_channel else kernel_rows(e)
    parts = [_part(f"{name}: ", terms) for name, terms in named]
    name = "channels" if by_channel else "rows"
    left = len(parts) - _MOST_PARTS
    listed = shortened(parts, _MOST_PARTS, f"... ({left} more {name}) ...")
    added = "".join(f" + {bias}" for bias in _bias(e))
    return [*listed, f"sum of the {len(parts)} {name}{added} = {result(e)}"]


def kernel_rows(e: Explanation) -> list[tuple[str, list[Term]]]:
    """Return the terms of each row of the kernel."""
    return _grouped(e.terms, lambda term: term.tap[-2], "row")


def channels(e: Explanation) -> list[tuple[str, list[Term]]]:
    """Return the terms of each channel that the filter sees, by the channel's number in x."""
    return _grouped(e.terms, lambda term: e.view.channels[term.tap[1]], "channel")


def packed(words: Iterable[str], width: int = WIDTH) -> list[str]:
    """Return words on as few lines as hold them."""
    found: list[str] = []
    for word in words:
        if found and len(found[-1]) + 1 + len(word) <= width:
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def _bias(e: Explanation) -> list[str]:
    return [] if e.bias is None else [f"bias {factor(e.bias)}"]


def _led(texts: Sequence[str]) -> list[str]:
    return [texts[0], *(f"+ {text}" for text in texts[1:])]


def _grouped(
    terms: Iterable[Term], key: Callable[[Term], int], name: str
) -> list[tuple[str, list[Term]]]:
    return [(f"{name} {value}", list(group)) for value, group in itertools.groupby(terms, key)]


def _part(name: str, terms: Sequence[Term]) -> str:
    """Return a part of the sum on one line, with fewer products where these are long."""
    total: Number = sum(term.product for term in terms)
    products = [product(term) for term in terms]
    for most in (3, 2, 1):
        written = f"{name}{' + '.join(shortened(products, most))} = {short(total)}"
        if len(written) <= WIDTH:
            break
    return written
