"""How many leading bits several results share, against their bit patterns."""

import numpy as np
import pytest

from multiconv.coursework.common_bits import Window, common_bits, in_common

ONE = np.float32(1)


def written_bits(a, b):
    """The leading bits that two positive floats of one exponent share, read from their patterns."""
    different = int(a.view(np.uint32)) ^ int(b.view(np.uint32))
    return 24 - different.bit_length()


class TestCommonBits:
    def test_of_equal_numbers_are_all(self):
        x = np.array([0, -0.0, 1, 1e-40, 3e38], np.float32)
        assert common_bits([x, x.copy(), x]).tolist() == [24] * 5

    def test_of_neighbours_are_all_but_one(self):
        for a in (ONE, np.float32(1.5), np.float32(-3e-20), np.float32(2) ** 100):
            for towards in (-np.inf, np.inf):
                assert common_bits([a, np.nextafter(a, np.float32(towards))]) == 23

    def test_of_a_change_in_one_place_are_those_before_it(self):
        for place in range(23):
            other = (ONE.view(np.uint32) | np.uint32(1 << place)).view(np.float32)
            assert common_bits([ONE, other]) == written_bits(ONE, other) == 23 - place

    def test_are_never_fewer_than_the_written_ones(self):
        """Fewer are written where a carry runs through: 0111 and 1000 are neighbours."""
        rng = np.random.default_rng(7)
        patterns = rng.integers(0, 2**23, (2, 1000), dtype=np.uint32) | ONE.view(np.uint32)
        a, b = patterns.view(np.float32)
        found = common_bits([a, b])
        assert all(n >= written_bits(p, q) for n, p, q in zip(found, a, b, strict=True))

    def test_of_different_signs_are_none(self):
        assert common_bits([ONE, -ONE]) == 0
        assert common_bits([ONE, np.float32(0)]) == 0

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_of_what_is_not_finite_are_none(self, value):
        odd = np.array([value, 1], np.float32)
        assert common_bits([odd, odd]).tolist() == [0, 24]

    def test_the_worst_of_several_counts(self):
        near, far = np.nextafter(ONE, np.float32(2)), np.float32(1.25)
        assert common_bits([ONE, near, far]) == 2

    def test_of_other_dtypes(self):
        assert common_bits([np.float64(1), np.nextafter(1.0, 2.0)]) == 52
        assert common_bits([np.float16(1), np.float16(1)]) == 11


class TestInCommon:
    X = np.arange(1, 31, dtype=np.float32).reshape(5, 6)

    def test_where_windows_overlap(self):
        part = self.X[1:4, 2:6].copy()
        part[0, 0] = np.nextafter(part[0, 0], np.float32(99))
        part[1, 1] += 100
        found = in_common("direct", [Window((0, 0), self.X), Window((1, 2), part)])
        assert (found.method, found.results, found.size, found.bits) == ("direct", 2, (3, 4), 24)
        assert (found.minimum, found.median, found.equal) == (0, 24, 10 / 12)

    def test_where_they_do_not(self):
        found = in_common("direct", [Window((0, 0), self.X[:2]), Window((3, 0), self.X[3:])])
        assert found is None
        assert in_common("direct", []) is None
