"""How `multiconv shape` shows a stack of layers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from multiconv.core.geometry import AXIS_NAMES
from multiconv.coursework import layout
from multiconv.coursework.layout import by
from multiconv.coursework.stack import Followed
from multiconv.coursework.stack_layers import Images, Window
from multiconv.coursework.terminal import Line, Segment

_WIDTH = 80
_LEGEND = "field: input pixels that one output sees; jump: from there to what the next sees"


def lines(images: Images, stack: Sequence[Followed]) -> Iterator[Line]:
    """Yield a formula for every axis of a single layer, or a table of several."""
    if len(stack) == 1:
        yield from _single(images, stack[0])
    else:
        yield from _table(images, stack)


def document(images: Images, stack: Sequence[Followed]) -> dict[str, Any]:
    """Return what ``--json`` prints; counts are None where no channels are known."""
    counted = _is_counted(stack)
    return {
        "input": images.shape,
        "output": stack[-1].step.images.shape,
        "layers": [
            {
                "layer": one.text,
                "output": one.step.images.shape,
                "padding": one.step.pads,
                "formulas": one.step.formulas,
                "parameters": one.step.parameters if counted else None,
                "multiply_adds": one.step.multiply_adds if counted else None,
                "receptive_field": one.field,
                "jump": one.jump,
            }
            for one in stack
        ],
        "parameters": sum(one.step.parameters for one in stack) if counted else None,
        "multiply_adds": sum(one.step.multiply_adds for one in stack) if counted else None,
        "receptive_field": stack[-1].field,
        "jump": stack[-1].jump,
    }


def _single(images: Images, one: Followed) -> Iterator[Line]:
    step = one.step
    yield [Segment(f"{by(images.shape)} -> {by(step.images.shape)}", "heading")]
    axes = len(step.formulas)
    names = AXIS_NAMES.get(axes, [f"axis {axis}" for axis in range(axes)])
    rows = list(zip(names, step.formulas, strict=True))
    if isinstance(one.layer, Window) and isinstance(one.layer.padding, str):
        rows.append(("padding", f"{one.layer.padding} is {step.pads}"))
    if one.field and one.jump:
        rows.append(("sees", f"{by(one.field)} pixels, neighbours {by(one.jump)} apart"))
    if _is_counted([one]):
        rows.append(
            ("counts", f"{step.parameters:,} parameters, {step.multiply_adds:,} multiply-adds")
        )
    width = max((len(name) for name, _ in rows), default=0)
    for name, text in rows:
        yield [Segment(f"{name:<{width}}  {text}")]


def _table(images: Images, stack: Sequence[Followed]) -> Iterator[Line]:
    counted = _is_counted(stack)
    titles = ["output", *(["params", "mult-adds"] if counted else []), "field", "jump"]
    rows = [[by(images.shape), *[""] * (len(titles) - 1)]]
    rows += [_cells(one, counted=counted) for one in stack]
    if counted:
        sums = [
            f"{sum(getattr(one.step, name) for one in stack):,}"
            for name in ("parameters", "multiply_adds")
        ]
        rows.append(["", *sums, "", ""])
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    room = _WIDTH - sum(width + 2 for width in widths)
    texts = ["input", *(_cut(one.text, room) for one in stack), *["total"] * counted]
    cells = [[Segment(text), *map(Segment, row)] for text, row in zip(texts, rows, strict=True)]
    yield from layout.table(["layer", *titles], cells, left=["layer"])
    yield []
    yield [Segment(_LEGEND, "faint")]


def _cells(one: Followed, *, counted: bool) -> list[str]:
    step = one.step
    counts = [f"{step.parameters:,}", f"{step.multiply_adds:,}"] if counted else []
    return [by(step.images.shape), *counts, _short(one.field), _short(one.jump)]


def _short(sizes: tuple[int, ...] | None) -> str:
    """Return one number where all axes are alike."""
    if sizes is None:
        return "-"
    return str(sizes[0]) if len(set(sizes)) == 1 else by(sizes)


def _cut(text: str, room: int) -> str:
    least = 12  # of a layer there is more to see than its name
    return text if len(text) <= room else text[: max(room, least) - 2] + ".."


def _is_counted(stack: Sequence[Followed]) -> bool:
    """Tell whether channels are known, so that there is something to count."""
    return stack[-1].step.images.channels is not None
