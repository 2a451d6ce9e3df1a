"""What was learned, as a part of a JSON document."""

from __future__ import annotations

from typing import Any

import numpy as np

from multiconv.coursework import learning_verdict
from multiconv.coursework.learning import Learning, Pupil

_OF_LESSON = ("bias", "steps", "lr", "momentum", "loss", "seed")
_OF_SOLUTION = ("residual", "rank", "unknowns", "undetermined", "statement")
_MOST_ROWS = 1001


def of_learning(learning: Learning) -> dict[str, Any]:
    """Return what was learned, step by step.

    Of many steps, as many weights as are good to look at: ``weights_before`` says before which
    steps, counted from 0, they were these. Losses are there for all.
    """
    lesson = learning.lesson
    return {
        "image_size": lesson.x.shape,
        "part_of": lesson.part_of,
        "kernel": lesson.kernel,
        "kernel_size": lesson.size,
        **{name: getattr(lesson, name) for name in _OF_LESSON},
        "backends": [_pupil(learning, pupil) for pupil in learning.pupils],
        "broken": learning.broken,
        "compared_steps": learning.compared,
        "agree": learning.agrees,
        "recovered": learning.is_recovered,
        "recovered_within": learning.recovery.within,
        "determined": learning.recovery.is_determined,
        "verdict": learning_verdict.text(learning),
    }


def _pupil(learning: Learning, pupil: Pupil) -> dict[str, Any]:
    away, solved = learning.lesson.away, pupil.solution
    steps = np.unique(np.linspace(0, max(len(pupil.weights) - 1, 0), _MOST_ROWS).astype(int))
    distance = learning.recovery.distance(pupil.weight)
    return {
        "backend": pupil.name,
        "status": pupil.status,
        "problems": pupil.problems,
        "fraction": pupil.fraction,
        "sha256": pupil.digest,
        "weights": pupil.weights[steps] if len(pupil.weights) else pupil.weights,
        "weights_before": steps if len(pupil.weights) else [],
        "losses": pupil.losses,
        "largest_difference": away(pupil.weight),
        "off_by": distance,
        "recovered": learning.recovery.is_reached(pupil.weight),
        "notes": pupil.notes,
        "solved": solved
        and {
            "weight": solved.weight,
            **{name: getattr(solved, name) for name in _OF_SOLUTION},
            "largest_difference": away(solved.weight),
        },
        "time": pupil.timing,
    }
