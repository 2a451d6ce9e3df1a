"""The phases of a strided adjoint, against the definition: which tap falls on which output."""

import itertools

import pytest

from multiconv.core.phases import Gap, Phase, phases

CASES = list(
    itertools.product((1, 2, 5, 9), (1, 2, 4, 7), (1, 2, 3, 4, 6), (1, 2, 3, 4), (0, 1, 3))
)


def width(part):
    return part.width if isinstance(part, Gap) else 1


class TestPhases:
    @pytest.mark.parametrize("stride", [1, 2, 3, 4, 6])
    def test_every_output_is_reached_by_its_taps_in_order(self, stride):
        for outputs, kernel, _, dilation, low in (case for case in CASES if case[2] == stride):
            found = phases(outputs, kernel, stride, dilation, low)
            assert sum(map(width, found)) == min(stride, outputs)
            r = 0
            for part in found:
                taps = range(part.start, kernel, part.step) if isinstance(part, Phase) else ()
                for phase in range(r, r + width(part)):
                    reaching = [
                        k for k in range(kernel) if (dilation * k - low - phase) % stride == 0
                    ]
                    assert list(taps) == reaching
                if isinstance(part, Phase):
                    assert part.taps == len(taps) >= 1
                    falls = [(dilation * k - low - r) // stride for k in taps]
                    assert falls == [part.first + part.dilation * i for i in range(part.taps)]
                r += width(part)

    def test_no_gap_is_empty_or_next_to_another(self):
        for case in CASES:
            found = phases(*case)
            gaps = [isinstance(part, Gap) for part in found]
            assert all(part.width > 0 for part in found if isinstance(part, Gap))
            assert not any(a and b for a, b in itertools.pairwise(gaps))
