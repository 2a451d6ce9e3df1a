"""The examples of SciPy's own docstrings give the same with our functions in SciPy's place.

Pictures of `scipy.datasets` are downloads: the package's own photograph stands in for them. What
draws a figure is left out.
"""

import contextlib
import doctest
import io
import types
from pathlib import Path

import numpy as np
import pytest
import scipy_calls

import multiconv

LEFT_OUT = ("plt", "fig", "ax_", "ax1", "ax.", "axes", "import ", "show", "rng.standard_cauchy")
PHOTOGRAPH = np.load(Path(multiconv.__file__).parent / "data" / "camera.npy")[:96, :96]


def datasets():
    return types.SimpleNamespace(
        ascent=PHOTOGRAPH.copy,
        face=lambda gray: np.tile(PHOTOGRAPH, (6, 11)),
        electrocardiogram=lambda: PHOTOGRAPH.ravel()[:1000] / 7.0,
    )


def run(name, room, module):
    """What the statements of the example assign, and what its expressions give."""
    text = getattr(scipy_calls.original(room), name).__doc__ or ""
    original = scipy_calls.original(room)
    mixed = types.SimpleNamespace(**{k: getattr(original, k) for k in original.__all__})
    vars(mixed).update({k: getattr(module, k) for k in module.__all__})
    space = {"np": np, room: mixed, "datasets": datasets(), "rng": np.random.default_rng(1)}
    space |= {"ndimage": scipy_calls.original("ndimage")} if room == "signal" else {}
    space |= {k: getattr(mixed, k) for k in module.__all__}
    given = []
    for example in doctest.DocTestParser().get_examples(text):
        if any(word in example.source for word in LEFT_OUT):
            continue
        source = example.source.replace("default_rng()", "default_rng(1)")
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                given.append(eval(source, space))
            except SyntaxError:
                exec(source, space)
    arrays = {k: v for k, v in space.items() if isinstance(v, np.ndarray)}
    return [*given, *arrays.values()]


CASES = [(room, name) for room in ("ndimage", "signal") for name in scipy_calls.ours(room).__all__]


@pytest.mark.parametrize(("room", "name"), CASES, ids=map(".".join, CASES))
def test_the_same_numbers(room, name):
    theirs = run(name, room, scipy_calls.original(room))
    ours = run(name, room, scipy_calls.ours(room))
    assert len(theirs) == len(ours)
    for expected, y in zip(map(np.asarray, theirs), map(np.asarray, ours), strict=True):
        if expected.dtype.kind not in "biufc":  # text, and what prints and returns nothing
            continue
        assert expected.dtype == y.dtype
        if expected.dtype.kind in "iub":
            assert np.array_equal(expected, y)
        else:  # sums of at most 2**14 numbers, each rounded, of transforms in norm
            scale = max(float(np.abs(expected).max(initial=0)), 1.0) * 2**14
            assert np.all(np.abs(expected - y) <= float(np.finfo(expected.dtype).eps) * scale)
