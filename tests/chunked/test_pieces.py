"""Which pieces of an axis in chunks make up a part of it with its border."""

import numpy as np
import pytest
from chunking import chunks
from hypothesis import given
from hypothesis import strategies as st

from multiconv.chunked.blocks import shares
from multiconv.chunked.pieces import Axis
from multiconv.methods.borders import pixel_of_border

MODES = ("reflect", "symmetric", "replicate", "circular")


def pixels(axis, pieces):
    """The pixels that pieces show, in their order."""
    shown = []
    for piece in pieces:
        first = axis.bounds[piece.chunk]
        run = list(range(first + piece.start, first + piece.stop))
        repeats = piece.length if piece.length != len(run) else 1
        shown += (run[::-1] if piece.mirrored else run) * repeats
    return shown


@pytest.mark.parametrize("mode", MODES)
def test_pieces_show_what_the_border_shows(mode):
    @given(st.data())
    def check(data):
        n = data.draw(st.integers(2, 30))
        low, high = (data.draw(st.integers(0, n - 1)) for _ in range(2))
        axis = Axis(data.draw(chunks(n)), low, high, mode)
        start = data.draw(st.integers(0, n + low + high - 1))
        stop = data.draw(st.integers(start + 1, n + low + high))
        expected = pixel_of_border(n, low, high, mode)[start:stop].tolist()
        assert pixels(axis, axis.padded(start, stop)) == expected

    check()


@pytest.mark.parametrize("mode", MODES)
def test_shares_bring_every_position_back_to_its_pixel(mode):
    @given(st.data())
    def check(data):
        n = data.draw(st.integers(2, 20))
        low, high = (data.draw(st.integers(0, n - 1)) for _ in range(2))
        axis = Axis([n], low, high, mode)
        start = data.draw(st.integers(0, n - 1))
        stop = data.draw(st.integers(start + 1, n))
        back = np.zeros(stop - start, int)
        found = shares(axis, (start, stop))
        for (first, _), place in zip(*found, strict=True):
            back[place.at : place.at + place.width] += (
                place.join.length if place.join.length != place.width else 1
            )
            assert first + place.start + place.join.length <= n + low + high
        expected = np.bincount(pixel_of_border(n, low, high, mode), minlength=n)[start:stop]
        assert np.array_equal(back, expected)

    check()


def test_the_border_of_an_axis_that_no_memory_holds():
    axis = Axis([10**15], 3, 3, "reflect")
    assert pixels(axis, axis.padded(0, 5)) == [3, 2, 1, 0, 1]
    end = 10**15 + 6
    assert pixels(axis, axis.padded(end - 4, end)) == [10**15 - n for n in (1, 2, 3, 4)]
