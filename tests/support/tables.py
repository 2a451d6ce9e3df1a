"""The tables of the documentation as tests: where a row says what a call gives, it is run.

Those are the tables whose last column is called "gives" or "multiconv". The last two cells of each
row are expressions of equal value; an exception in the last is what the other raises.
"""

import re

import numpy as np
from sybil import Region

TABLE = re.compile(r"(?:^\|.*\|[ ]*\n)+", re.MULTILINE)
RUN = ("gives", "multiconv")


def parse_tables(document):
    """Yield a region for every row that is run."""
    for table in TABLE.finditer(document.text):
        header, _, *rows = table.group().splitlines(keepends=True)
        start = table.start() + len("".join([header, _]))
        for row in rows:
            if cells_of(header)[-1] in RUN:
                yield Region(start, start + len(row), tuple(cells_of(row)[-2:]), evaluate)
            start += len(row)


def cells_of(row):
    return [cell.strip().strip("`") for cell in row.strip().strip("|").split("|")]


def evaluate(example):
    """Return what is wrong with a row, None where it holds."""
    call, other = example.parsed
    expected = eval(other, example.namespace)
    if isinstance(expected, type) and issubclass(expected, Exception):
        try:
            found = eval(call, example.namespace)
        except expected:
            return None
        return f"{call} raises no {other}, it gives {found!r}"
    found = eval(call, example.namespace)
    return None if are_equal(found, expected) else f"{call} is {found!r}, and {other} {expected!r}"


def are_equal(found, expected):
    """Tell whether arrays of any library have the same shape and numbers, or things are the same.

    A number of one element counts as that number: there is no more than one to confuse.
    """
    found, expected = (a.detach() if hasattr(a, "detach") else a for a in (found, expected))
    if isinstance(expected, (str, type(None))) or not is_numeric(expected):
        return found == expected
    return np.array_equal(np.asarray(found), np.asarray(expected), equal_nan=True)


def is_numeric(value):
    return hasattr(value, "shape") or isinstance(value, (list, tuple, int, float, complex))
