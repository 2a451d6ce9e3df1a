"""What a check found out: its points, what is wrong, and the smallest case that shows it."""

from __future__ import annotations

import html
import linecache
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from multiconv.checking.complaints import Diagnosis
from multiconv.checking.judging import Outcome
from multiconv.checking.running.reply import printable
from multiconv.checking.shown import as_list, shown
from multiconv.checking.source import Source
from multiconv.checking.task import Task

_WIDTH = 80


@dataclass(frozen=True, eq=False)
class Report:
    """What `multiconv.check` returns: true where all is right; its ``str`` is text to read.

    Attributes
    ----------
    points, max_points : int
        How many cases are right, and how many there are.
    mistake : Diagnosis or None
        What is wrong: ``key`` names the mistake, ``says`` tells it, ``hint`` says where to look,
        and ``place`` has the line where it shows.
    outcomes : tuple of Outcome
        Every case, with what came back and whether that is right.
    smallest : Outcome or None
        A small case that shows what is wrong.
    protection : str
        What protection was missing; empty where the function ran in a process of its own.
    """

    source: Source
    task: Task
    outcomes: tuple[Outcome, ...]
    mistake: Diagnosis | None
    smallest: Outcome | None
    seed: int
    protection: str
    hints: bool = False

    @property
    def points(self) -> int:
        """How many cases are right."""
        return sum(outcome.verdict.is_right for outcome in self.outcomes)

    @property
    def max_points(self) -> int:
        """How many cases there are."""
        return len(self.outcomes)

    def __bool__(self) -> bool:
        return self.mistake is None

    def __repr__(self) -> str:
        return f"<{self.source.title}: {self.points} of {self.max_points} points>"

    def __str__(self) -> str:
        return "\n".join("".join(text for text, _ in line) for line in self.lines())

    def lines(self) -> Iterator[list[tuple[str, str]]]:
        """Yield lines of pieces of text, each with the name of its style."""
        verdict, style = ("right", "good") if self else ("not right", "bad")
        points = f": {self.points} of {self.max_points} points"
        yield [(f"{self.source.title} is ", ""), (verdict, style), (points, "")]
        yield [(f"as {self.task.call}, with {self.source.framework}", "faint")]
        if self.mistake is not None:
            yield []
            yield from self._mistake_lines(self.mistake)
        yield []
        for before, outcome in zip((None, *self.outcomes), self.outcomes, strict=False):
            yield from _case_lines(outcome, before)
        if self.protection:
            yield []
            yield from _wrapped(self.protection, "", "faint")

    def _mistake_lines(self, mistake: Diagnosis) -> Iterator[list[tuple[str, str]]]:
        title, text = (
            ("Where to look", mistake.hint) if self.hints else ("What is wrong", mistake.says)
        )
        yield from _wrapped(f"{title}: {text}", "  ", "heading")
        line = self.line
        if line is not None:
            text = f"line {line}: {self._source_line(line)}"
            yield [(f"  {textwrap.shorten(text, _WIDTH - 4, placeholder=' ...')}", "")]
        if self.smallest is not None:
            yield []
            yield [("The smallest case that was found:", "")]
            for name, value in self.smallest.case.inputs.items():
                yield from shown(name, value)
            yield from self._results(self.smallest)

    def _results(self, smallest: Outcome) -> Iterator[list[tuple[str, str]]]:
        """Yield what came back where it is not right, and what is right unless that is a hint."""
        given = dict(zip(smallest.wanted, smallest.arrays, strict=False))
        wrong = [w for w, array in given.items() if not np.array_equal(array, w.sums.values)]
        if not given:
            yield from _wrapped(f"  {smallest.verdict.says}", "  ")
        for want in wrong or smallest.wanted:
            name = "" if len(smallest.wanted) == 1 else f" {want.name}"
            if want in given:
                yield from shown(f"it gives{name}", given[want], " ")
            if not self.hints:
                yield from shown(f"right is{name}", want.sums.values, " ")

    @property
    def line(self) -> int | None:
        """The line of the source where what is wrong shows, where that is known."""
        place = None if self.mistake is None else self.mistake.place
        return None if place is None else place.line

    def _source_line(self, line: int) -> str:
        """Return a line of the function's own source, and of no other file that is named."""
        place = None if self.mistake is None else self.mistake.place
        own = [self.source.file, *(piece.file for piece in self.source.pieces)]
        files = [file for file in own if file and place and place.file in (None, file)]
        texts = (printable(linecache.getline(file, line).strip()) for file in files)
        return next((text for text in texts if text), "")

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as what JSON can hold; with ``hints``, without the answers."""
        mistake = None
        if self.mistake is not None:
            told = {"key": self.mistake.key, "says": self.mistake.says}
            mistake = {"hint": self.mistake.hint, "line": self.line, **({} if self.hints else told)}
        return {
            "function": self.source.title,
            "task": self.task.name,
            "framework": self.source.framework,
            "seed": self.seed,
            "right": bool(self),
            "points": self.points,
            "max_points": self.max_points,
            "mistake": mistake,
            "smallest": None if self.smallest is None else self._smallest(self.smallest),
            "cases": [
                {"case": o.case.title, "right": o.verdict.is_right, "says": o.verdict.says}
                for o in self.outcomes
            ],
            "protection": self.protection,
        }

    def _smallest(self, outcome: Outcome) -> dict[str, Any]:
        found = {
            "inputs": {name: as_list(value) for name, value in outcome.case.inputs.items()},
            "gives": [as_list(values) for values in outcome.arrays],
        }
        if not self.hints:
            found["right"] = [as_list(want.sums.values) for want in outcome.wanted]
        return found

    def as_gradescope(self) -> dict[str, Any]:
        """Return what Gradescope's autograder reads as ``results.json``."""
        return {
            "score": self.points,
            "output": str(self),
            "output_format": "text",
            "tests": [
                {
                    "name": outcome.case.title,
                    "score": int(outcome.verdict.is_right),
                    "max_score": 1,
                    "status": "passed" if outcome.verdict.is_right else "failed",
                    "output": outcome.verdict.says,
                }
                for outcome in self.outcomes
            ],
        }

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{'✓' if o.verdict.is_right else '✗'}</td>"
            f"<td style='text-align:left'>{html.escape(o.case.title)}</td>"
            f"<td style='text-align:left'>{html.escape(o.verdict.says)}</td></tr>"
            for o in self.outcomes
        )
        lines = "\n".join("".join(text for text, _ in line) for line in self._explanation())
        text = f"<pre>{html.escape(lines)}</pre>" if lines else ""
        verdict = "right" if self else "not right"
        head = f"{html.escape(self.source.title)} is {verdict}: {self.points} of {self.max_points}"
        return f"<b>{head} points</b><table>{rows}</table>{text}"

    def _explanation(self) -> Iterator[list[tuple[str, str]]]:
        if self.mistake is not None:
            yield from self._mistake_lines(self.mistake)
        if self.protection:
            yield from _wrapped(self.protection, "")


def _case_lines(outcome: Outcome, before: Outcome | None) -> Iterator[list[tuple[str, str]]]:
    """Yield a case, and what is wrong there unless the case before says the same."""
    if outcome.verdict.is_right:
        yield [("  ok  ", "good"), (outcome.case.title, "")]
        return
    if before is not None and before.verdict == outcome.verdict:
        yield [("  no  ", "bad"), (outcome.case.title, "")]
        return
    says = f": {outcome.verdict.says}"
    room = _WIDTH - len(outcome.case.title) - 6
    fits = len(says) <= room
    yield [("  no  ", "bad"), (outcome.case.title, ""), (says if fits else "", "faint")]
    if not fits:
        short = textwrap.shorten(outcome.verdict.says, 2 * (_WIDTH - 8), placeholder=" ...")
        yield from _wrapped(f"        {short}", "        ", "faint")


def _wrapped(text: str, indent: str, style: str = "") -> Iterator[list[tuple[str, str]]]:
    for line in textwrap.wrap(text, _WIDTH, subsequent_indent=indent):
        yield [(line, style)]
