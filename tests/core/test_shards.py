"""Slabs of neighbouring blocks, put together of the messages that the arithmetic lists."""

from itertools import pairwise

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from multiconv.core.geometry import resolve
from multiconv.core.shards import exchange
from multiconv.methods.borders import pixel_of_border


def delivered(blocks, halo, shard):
    """The halo of a shard, of what others send."""
    joined = []
    for message in halo.messages:
        senders = [a for a, b in message.pairs if b == shard]
        rows = message.stop - message.start
        block = blocks[senders[0]] if senders else np.zeros(len(blocks[0]), int)
        joined += list(block[message.start : message.stop]) if senders else [0] * rows
    if halo.is_joined:
        return joined
    return [0 if row < 0 else joined[row] for row in halo.table[shard]]


def slab(blocks, found, shard):
    low = delivered(blocks, found.low, shard)
    if not found.has_block:
        return low
    line = [*low, *blocks[shard], *delivered(blocks, found.high, shard)]
    return line[found.starts[shard] : found.starts[shard] + found.rows]


@st.composite
def axes(draw):
    n, kernel = draw(st.integers(1, 24)), draw(st.integers(1, 5))
    stride, dilation = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    mode = draw(st.sampled_from(("zeros", "reflect", "symmetric", "replicate", "circular")))
    name = draw(st.sampled_from(("valid", "full", "same", "same_lower", ((2, 0),), ((1, 3),))))
    try:
        return resolve((n,), (kernel,), (stride,), (dilation,), name, mode)
    except ValueError:
        assume(False)


@given(axes(), st.integers(2, 8))
def test_every_shard_gets_the_rows_that_its_outputs_read(geometry, shards):
    [n], [(low, high)], [outputs] = geometry.input_size, geometry.pads, geometry.output_size
    pixels = pixel_of_border(n, low, high, geometry.padding_mode)
    found = exchange(geometry, 0, outputs, shards, ("a",), pixels)
    image = np.arange(1, n + 1)
    padded = np.append(image, 0)[pixels]
    whole = np.zeros(found.block * shards, int)
    whole[:n] = image
    blocks = whole.reshape(shards, found.block)
    assert found.outputs * shards >= outputs
    for shard in range(shards):
        for output in range(shard * found.outputs, min((shard + 1) * found.outputs, outputs)):
            first = (output - shard * found.outputs) * geometry.stride[0]
            seen = slab(blocks, found, shard)[first : first + geometry.span[0]]
            start = output * geometry.stride[0]
            assert list(seen) == list(padded[start : start + geometry.span[0]])


@given(axes(), st.integers(2, 8))
def test_messages_stay_within_blocks_and_have_one_sender(geometry, shards):
    [n], [pads], [outputs] = geometry.input_size, geometry.pads, geometry.output_size
    pixels = pixel_of_border(n, *pads, geometry.padding_mode)
    found = exchange(geometry, 0, outputs, shards, ("a",), pixels)
    for halo in (found.low, found.high):
        assert [stop - start for start, stop in pairwise(halo.bounds)] == [
            message.stop - message.start for message in halo.messages
        ]
        for message in halo.messages:
            assert 0 <= message.start < message.stop <= found.block
            receivers = [receiver for _, receiver in message.pairs]
            assert len(set(receivers)) == len(receivers)


def test_a_same_border_takes_one_row_from_each_neighbour():
    geometry = resolve((16,), (3,), (1,), (1,), "same")
    found = exchange(geometry, 0, 16, 4, ("a",), pixel_of_border(16, 1, 1, "zeros"))
    assert (found.block, found.outputs, found.rows) == (4, 4, 6)
    assert [(m.start, m.stop, m.pairs) for m in found.low.messages] == [
        (3, 4, ((0, 1), (1, 2), (2, 3)))
    ]
    assert [(m.start, m.stop, m.pairs) for m in found.high.messages] == [
        (0, 1, ((1, 0), (2, 1), (3, 2)))
    ]
    assert found.low.is_joined
    assert found.starts == (0, 0, 0, 0)
