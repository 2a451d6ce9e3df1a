"""The verdict of a comparison in plain words: who agrees, what does not, and what to do."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from multiconv.backends import registry
from multiconv.core.installation import install_line
from multiconv.coursework.compare import Comparison
from multiconv.coursework.runs import Run

_PROPER = {"numpy": "NumPy", "torch": "PyTorch", "jax": "JAX"}
_FAST = ("direct", "im2col", "folded", "native")  # in the order in which they are recommended
_EXAMPLES = {
    "textbook-int32": "19 25 37 43 in integers",
    "textbook-float32": "19 25 37 43 in floats",
    "picture": "the picture",
}


def sentence(comparison: Comparison) -> str:
    """Return the verdict, a sentence without its full stop."""
    names = [library.name for library in comparison.libraries]
    count, wrong = len(comparison.judged), len(comparison.dissenting)
    only = "only " if 0 < wrong < count else ""
    runs = f"{only}{count - wrong or 'none'} of {count} runs"
    apart = [name for name in names if name in _disagreeing(comparison)]
    if not names:
        text = "nothing was compared"
    elif len(names) == 1:
        text = f"{_PROPER.get(names[0], names[0])} alone: {runs} agree with the exact result"
    elif not wrong:
        text = f"{'both' if len(names) == 2 else f'all {len(names)}'} frameworks agree: {runs}"
    else:
        verb = "disagrees" if len(apart) == 1 else "disagree"
        text = f"{spoken(apart)} {verb}: {runs} agree with the exact result"
    slow = [pupil.name for pupil in comparison.learning.pupils if pupil.status != "agrees"]
    if slow:
        text += f"; {spoken(slow)} {'does' if len(slow) == 1 else 'do'} not learn as expected"
    if comparison.broken:
        text += f"; {spoken(list(comparison.broken))} cannot be used"
    return text


def problems(comparison: Comparison) -> list[tuple[str, str]]:
    """Return where something is wrong, and what: the same thing of a framework only once."""
    wrong: dict[tuple[str, str], list[Run]] = {}
    for run in comparison.dissenting:
        for problem in run.problems:
            wrong.setdefault((run.configuration.face.name, problem), []).append(run)
    found = [(_places(name, runs), problem) for (name, problem), runs in wrong.items()]
    found += [
        (f"{pupil.name}, learning a kernel", problem)
        for pupil in comparison.learning.pupils
        for problem in pupil.problems
    ]
    return found + [(f"{name} cannot be used", why) for name, why in comparison.broken.items()]


def _places(name: str, runs: Sequence[Run]) -> str:
    """Return what ran on what: "torch, direct and auto, compiled, on the picture"."""
    methods = spoken(list(dict.fromkeys(run.configuration.method for run in runs)))
    examples = spoken(list(dict.fromkeys(_EXAMPLES[run.case.name] for run in runs)))
    modes = {run.configuration.mode for run in runs}
    compiled = ", compiled" if modes == {"jit"} else ""
    return f"{name}, {methods}{compiled}, on {examples}"


def advice(comparison: Comparison) -> Iterator[str]:
    """Yield what can be done about all that is wrong, a sentence or two for each framework."""
    for name in comparison.broken:
        others = ",".join(library.name for library in comparison.libraries)
        again = f" `{install_line(name)}`" if name in registry.BUILT_IN else ""
        leave_out = f", or leave it out: `--backends {others}`" if others else ""
        yield f"{name}: install it again{again}{leave_out}."
    for name in _disagreeing(comparison):
        wrong = [run for run in comparison.dissenting if run.configuration.face.name == name]
        if wrong:
            yield _remedy(name, wrong, comparison)
            yield f"To see it alone: `{_again(name, wrong, comparison)}`"
        else:
            yield f"{name}: look at its steps alone: `multiconv learn --backends {name}`"


def _remedy(name: str, wrong: Sequence[Run], comparison: Comparison) -> str:
    """Say what is at fault, as far as the other runs of a framework tell, and what works."""
    own = [run for run in comparison.judged if run.configuration.face.name == name]
    bad = {run.configuration.method for run in wrong}
    right = {run.configuration.method for run in own} - bad
    if all(run.configuration.jitted for run in wrong):
        return (
            f"{name}: without compilation it agrees, so the fault lies with its compiler: update "
            f"{name}, or leave compilation out (`--no-jit`)."
        )
    if right:
        usable = next((method for method in _FAST if method in right), min(right))
        return (
            f"{name}: {spoken(sorted(bad))} cannot be trusted here; `method={usable!r}` agrees. "
            f"Update {name}, and report it with what `multiconv doctor` prints."
        )
    return (
        f"{name}: no method agrees, so the fault lies with {name} itself or with its backend: "
        f"update it, and report it with what `multiconv doctor` prints."
    )


def _again(name: str, wrong: Sequence[Run], comparison: Comparison) -> str:
    """Return the command that runs only what is wrong."""
    listed = ",".join(dict.fromkeys(run.configuration.method for run in wrong))
    words = ["multiconv", "compare", "--backends", name, "--methods", listed]
    if not any(run.configuration.jitted for run in wrong):
        words.append("--no-jit")
    if any(not run.case.is_exact for run in wrong):
        words += comparison.asked
    return shlex.join([*words, "-v"])


def _disagreeing(comparison: Comparison) -> list[str]:
    """Return the names of the frameworks of which anything is wrong."""
    names = [run.configuration.face.name for run in comparison.dissenting]
    names += [p.name for p in comparison.learning.pupils if p.status != "agrees"]
    return list(dict.fromkeys(names))


def spoken(names: Sequence[str]) -> str:
    """Return names as they are spoken: a, b and c."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
