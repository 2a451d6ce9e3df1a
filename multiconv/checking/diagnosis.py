"""What is wrong: the mistake that explains all that came back, right results among it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from multiconv.checking import complaints
from multiconv.checking.complaints import Diagnosis
from multiconv.checking.judging import Outcome
from multiconv.checking.task import Mistake, Results, Task
from multiconv.core.rounding import gamma, unit_roundoff


def diagnose(task: Task, outcomes: Sequence[Outcome]) -> Diagnosis | None:
    """Return what is wrong, None where nothing is."""
    failed = [outcome for outcome in outcomes if not outcome.verdict.is_right]
    if not failed:
        return None
    end = complaints.of_an_end(failed)
    # Gradients of wrong results say nothing new.
    failed = [o for o in failed if o.case.gradient_of is None] or failed
    return (
        end
        or _of_a_mistake(task, outcomes)
        or complaints.of_a_kind(task, failed)
        or _of_swapped_axes(failed)
        or _of_precision(failed)
        or _of_a_feature(task, outcomes)
        or complaints.of_an_error(task, failed)
        or complaints.of_numbers(failed[0])
    )


def explains(mistake: Mistake, outcome: Outcome) -> bool:
    """Tell whether a mistake gives what came back."""
    predicted = mistake.gives(outcome.case)
    if predicted is None:
        return not outcome.verdict.is_right
    return _agree(predicted, outcome)


def _of_a_mistake(task: Task, outcomes: Sequence[Outcome]) -> Diagnosis | None:
    plain = [o for o in outcomes if o.case.gradient_of is None]
    returned = [o for o in plain if o.arrays]
    wrong = [o for o in returned if not o.verdict.is_right]
    if not any(o.verdict.symptom in ("values", "shape") for o in wrong):
        return None
    for mistake in task.mistakes:
        speaks = any(mistake.gives(o.case) is not None for o in wrong)
        raises = all(mistake.gives(o.case) is None for o in plain if o.reply.kind == "raised")
        if speaks and raises and all(explains(mistake, o) for o in returned):
            return Diagnosis(mistake.key, mistake.says, mistake.hint, mistake=mistake)
    return None


def _agree(predicted: Results, outcome: Outcome) -> bool:
    """Compare with twice the roundings of a right sum: a mistake may take a few more."""
    found = outcome.arrays
    if not found or len(predicted) < len(found):
        return False
    for values, expected, want in zip(found, predicted, outcome.wanted, strict=False):
        if values.shape != expected.shape:
            return False
        _, magnitudes, products = want.sums
        largest = max(float(magnitudes.max()), float(np.abs(expected).max(initial=0)))
        within = gamma(2 * products + 4, unit_roundoff("float32")) * largest
        if not bool((np.abs(values - expected) <= within).all()):
            return False
    return True


def _of_swapped_axes(failed: Sequence[Outcome]) -> Diagnosis | None:
    shapes = [o for o in failed if o.verdict.symptom == "shape" and o.case.gradient_of is None]
    if not shapes or any(o.verdict.symptom not in ("shape", "raised", "values") for o in failed):
        return None
    for outcome in shapes:
        if outcome.reply.results[0].shape != outcome.wanted[0].sums.values.shape[::-1]:
            return None
    return Diagnosis(
        "axes-swapped",
        "Rows and columns are exchanged: the result has the shape of its transpose.",
        "Which of H and W is shape[0]? Follow each through your loops.",
    )


_FEATURES = {
    "image": ("square-images-only", "It is right on square images only."),
    "wide": ("wide-images", "It is wrong for images that are wider than tall."),
    "tall": ("tall-images", "It is wrong for images that are taller than wide."),
    "kernel": ("square-kernels-only", "It is right with square kernels only."),
    "square": ("square-only", "It is right only where image and kernel are square."),
    "negative": ("positive-only", "It is right for positive numbers only."),
    "integer": ("floats-only", "It is right for floats, and not for integers."),
    "fractions": ("whole-only", "It is right for whole numbers only."),
    "one": ("one-tap", "It is wrong for a kernel of one number."),
    "whole image": ("whole-image", "It is wrong where the kernel is as large as the image."),
    "channels": ("one-channel-only", "It is right with one channel only."),
    "filters": ("one-filter-only", "It is right with one output channel only."),
    "batch": ("batch-mixed", "It is right for a single image only: a batch gets mixed up."),
}
_HINTS = {
    "image": "Take an image of 4 x 7: which of its sizes do your loops and arrays use where?",
    "kernel": "Take a kernel of 2 x 3: which of its sizes do your loops and arrays use where?",
    "wide": "Take an image of 4 x 7: which of its sizes do your loops and arrays use where?",
    "tall": "Take an image of 7 x 4: which of its sizes do your loops and arrays use where?",
    "square": "Take sizes that all differ: which of them stands where in your code?",
}


def _of_a_feature(task: Task, outcomes: Sequence[Outcome]) -> Diagnosis | None:
    """Find what the failed cases have in common, and no other has."""
    plain = [o for o in outcomes if o.case.gradient_of is None and o.reply.kind != "not run"]
    failed = [o for o in plain if not o.verdict.is_right]
    right = [o for o in plain if o.verdict.is_right]
    if not failed or not right:
        return None
    for name, has in task.features.items():
        if all(has(o.case) for o in failed) and not any(has(o.case) for o in right):
            key, says = _FEATURES[name]
            hint = _HINTS.get(name, f"Look at the cases that fail: {failed[0].case.title}.")
            places = [o.reply.place for o in failed if o.reply.place is not None]
            return Diagnosis(key, says, hint, place=places[0] if places else None)
    return None


def _of_precision(failed: Sequence[Outcome]) -> Diagnosis | None:
    """Tell rounding, by a Fourier transform or in a narrower float, from mistakes."""
    for outcome in failed:
        if outcome.verdict.symptom != "values" or any(w.nearest for w in outcome.wanted):
            return None
        right = tuple(want.sums.values for want in outcome.wanted)
        if not _agree(right, outcome):
            return None
    return Diagnosis(
        "imprecise",
        "The numbers are right but for rounding: a narrower float, or a Fourier transform.",
        "Which dtype do you compute in? Whole numbers must come out whole.",
    )
