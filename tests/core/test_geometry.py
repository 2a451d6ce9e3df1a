"""Integer arithmetic: parts of a correlation, and pads that depend on no image."""

import hypothesis
import numpy as np
import oracle
import pytest
from hypothesis import strategies as st
from strategies import configurations

from multiconv.core import arguments
from multiconv.core.geometry import fixed_pads, resolve


def resolved(c):
    stride, dilation = (
        arguments.per_axis("s", v, c.axes, minimum=1) for v in (c.stride, c.dilation)
    )
    padding = arguments.padding(c.padding, c.axes)
    return resolve(c.size, c.kernel, stride, dilation, padding, c.padding_mode)


class TestPart:
    @hypothesis.given(configurations(modes=("zeros",)), st.data())
    def test_a_slab_gives_the_outputs_that_it_is_for(self, c, data):
        """Any range of outputs along any axis, from the slab alone, bit for bit."""
        geometry = resolved(c)
        axis = data.draw(st.integers(0, c.axes - 1))
        count = geometry.output_size[axis]
        start = data.draw(st.integers(0, count - 1))
        stop = data.draw(st.integers(start + 1, count))
        x, weight = c.integers((1, *c.size), (1, 1, *c.kernel))
        options = {"stride": geometry.stride, "dilation": geometry.dilation}
        whole = oracle.conv(x, weight, padding=geometry.pads, **options)

        slab, part = geometry.part(axis, start, stop)
        cut = x[(..., slab, *(slice(None),) * (c.axes - axis - 1))]
        assert part.output_size[axis] == stop - start
        assert cut.shape[1:] == part.input_size
        window = (..., slice(start, stop), *(slice(None),) * (c.axes - axis - 1))
        found = oracle.conv(np.pad(cut, [(0, 0), *part.pads]), weight, **options)
        assert np.array_equal(found, whole[window])

    def test_a_slab_that_lies_in_the_border_alone_is_empty(self):
        geometry = resolve((2,), (1,), (1,), (1,), ((3, 4),))
        slab, part = geometry.part(0, 0, 2)
        assert (slab, part.input_size, part.pads) == (slice(0, 0), (0,), ((2, 0),))
        slab, part = geometry.part(0, 6, 9)
        assert (slab, part.input_size, part.pads) == (slice(2, 2), (0,), ((0, 3),))


class TestFixedPads:
    @hypothesis.given(configurations(modes=("zeros",)))
    def test_they_are_those_of_every_image_or_none(self, c):
        geometry = resolved(c)
        padding = arguments.padding(c.padding, c.axes)
        sizes = c.kernel, geometry.stride, geometry.dilation
        found = fixed_pads(padding, *sizes)
        if found is not None:
            assert found == geometry.pads
            return
        pads = {tuple(oracle.resolve_pads(c.padding, (n,) * c.axes, *sizes)) for n in range(7, 13)}
        assert len(pads) > 1

    @pytest.mark.parametrize("name", ["same", "same_lower"])
    def test_same_depends_on_the_image_where_it_strides(self, name):
        assert fixed_pads(name, (3,), (2,), (1,)) is None
        assert fixed_pads(name, (1,), (2,), (1,)) == ((0, 0),)


class TestBorders:
    @pytest.mark.parametrize("mode", ["reflect", "symmetric", "circular", "replicate"])
    @pytest.mark.parametrize("size", [1, 4])
    def test_they_may_be_wider_than_the_image(self, mode, size):
        for pads in ((99, 0), (0, 99)):
            assert resolve((size,), (1,), (1,), (1,), (pads,), mode).pads == (pads,)

    @pytest.mark.parametrize("mode", ["reflect", "symmetric", "circular", "replicate"])
    def test_an_empty_image_has_nothing_to_show(self, mode):
        for pads in ((1, 0), (0, 1)):
            with pytest.raises(ValueError, match=r"size 0 along the width .* no pixels to show"):
                resolve((0,), (1,), (1,), (1,), (pads,), mode)
        for constant in ("zeros", "constant"):
            found = resolve((0,), (1,), (1,), (1,), ((1, 1),), constant)
            assert found.output_size == (2,)
