"""A checkup as Markdown to paste into a bug report, within 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from multiconv.coursework.doctor import Checkup, Examined, without_home
from multiconv.coursework.terminal import Line, Segment

_WIDTH = 80


def lines(checkup: Checkup) -> Iterator[Line]:
    """Yield the report, what is broken first."""
    broken = checkup.broken
    verdict = f"broken: {', '.join(broken)}" if broken else "all that is installed works"
    yield [Segment(f"### multiconv doctor: {verdict}", "bad" if broken else "good")]
    yield []
    yield from _item(f"multiconv {checkup.version}, in {checkup.place}")
    yield from _item(f"{checkup.python}, {checkup.executable}")
    yield from _item(checkup.system)
    yield from _item(f"{checkup.cpu}, {checkup.cpus} CPUs usable")
    for name, value in checkup.variables.items():
        yield from _item(f"{name}={value}")
    yield from _item(f"costs {checkup.costs}")
    yield from _title("Backends")
    for one in checkup.backends:
        yield from _backend(one)
    yield from _title("Libraries")
    yield from _libraries(checkup)


def _backend(one: Examined) -> Iterator[Line]:
    state = one.state
    if not one.is_installed:
        yield from _item(f"{state.name}: {state.problem}: {state.install}", "faint")
        return
    found = " ".join(filter(None, [state.name, state.version]))
    if state.devices:
        found += f" on {', '.join(state.devices)}"
    options = "".join(f", {name} {value}" for name, value in one.settings.items())
    problems = one.problems
    if not problems:
        yield from _item(f"{found}: {' and '.join(one.tests)} ok{options}")
        return
    yield from _item(f"{found}: BROKEN{options}", "bad")
    for problem in problems:
        yield from _item(problem, "bad", "  ")


def _libraries(checkup: Checkup) -> Iterator[Line]:
    working = [one for one in checkup.libraries if one.version and not one.problem]
    if working:
        yield from _item(", ".join(f"{one.name} {one.version}" for one in working))
    for library in checkup.libraries:
        if library.problem:
            yield from _item(f"{library.name} {library.version}: BROKEN: {library.problem}", "bad")
    for library in checkup.libraries:
        if not library.version:
            yield from _item(f"{library.name}: not installed: {library.install}", "faint")


def _title(text: str) -> Iterator[Line]:
    yield []
    yield [Segment(f"**{text}**", "heading")]
    yield []


def _item(text: str, style: str = "", indent: str = "") -> Iterator[Line]:
    """Yield an item of a list; its further lines are indented, as Markdown wants them."""
    text = without_home(" ".join(text.split()))
    for line in textwrap.wrap(
        text, _WIDTH, initial_indent=f"{indent}- ", subsequent_indent=f"{indent}  "
    ):
        yield [Segment(line, style)]
