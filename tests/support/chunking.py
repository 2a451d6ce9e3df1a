"""Dask arrays in chunks of any sizes, and what is to be seen of them."""

import itertools

import numpy as np
from hypothesis import strategies as st


@st.composite
def cuts(draw, shape):
    """The chunks of every axis: any sizes that add up."""
    return tuple(tuple(draw(chunks(size))) for size in shape)


@st.composite
def chunks(draw, size):
    sizes = []
    while size > 0:
        sizes.append(draw(st.integers(1, size)))
        size -= sizes[-1]
    return sizes or [0]


def in_chunks(array, sizes):
    import dask.array

    return dask.array.from_array(array, chunks=sizes)


def computed(array):
    """The numbers of a Dask array, on one thread."""
    return array.compute(scheduler="synchronous")


def assert_same_as_whole(lazy, expected):
    """A Dask array that says truly what it is, and has exactly these numbers."""
    import dask.array

    assert isinstance(lazy, dask.array.Array)
    assert lazy.shape == expected.shape
    assert lazy.dtype == expected.dtype
    found = computed(lazy)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)
    for place in itertools.product(*map(range, lazy.numblocks)):
        sizes = tuple(axis[number] for axis, number in zip(lazy.chunks, place, strict=True))
        assert computed(lazy.blocks[place]).shape == sizes


def tasks(lazy):
    """How many tasks there are beside those of the sources."""
    return sum(
        len(layer) for name, layer in lazy.dask.layers.items() if name.startswith("multiconv")
    )
