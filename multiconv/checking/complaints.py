"""What is wrong where no numbers came back, or not those of any known mistake."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from multiconv.checking.judging import Outcome
from multiconv.checking.running.reply import Place
from multiconv.checking.task import Mistake, Task


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, where to look for it, and the line where it shows, if there is one."""

    key: str
    says: str
    hint: str
    place: Place | None = None
    mistake: Mistake | None = None


_CUT_HINT = "Which line makes the numbers forget where they came from?"

# Of errors: the type, what the message holds, the key, what it means, where to look.
_ERRORS: tuple[tuple[str, str, str, str, str], ...] = (
    (
        "TypeError",
        "immutable|does not support item assignment",
        "immutable",
        "JAX arrays cannot be assigned to: write Y = Y.at[i, j].set(...).",
        "What does JAX say about assigning to an array? Look for `.at`.",
    ),
    (
        "RuntimeError",
        "Can't call numpy|does not require grad",
        "gradient-cut",
        "The gradient is cut: something in the middle knows no gradients.",
        _CUT_HINT,
    ),
    (
        "TracerArrayConversionError|ConcretizationTypeError|TracerBoolConversionError",
        "",
        "gradient-cut",
        "The gradient is cut: NumPy or a Python number is made in the middle.",
        _CUT_HINT,
    ),
    (
        "ValueError",
        "setting an array element with a sequence",
        "gradient-cut",
        "The gradient is cut: a NumPy array is written into, which knows no gradients.",
        _CUT_HINT,
    ),
    (
        "RuntimeError",
        "leaf Variable|modified by an inplace operation",
        "in-place",
        "A tensor whose gradient is needed is changed in place.",
        "Which tensor is written into? May it be?",
    ),
    ("SystemExit|KeyboardInterrupt", "", "exit", "It ends the program.", "Look for exit()."),
    (
        "RecursionError",
        "",
        "recursion",
        "It calls itself without an end.",
        "When does the recursion stop?",
    ),
    (
        "RuntimeError|XlaRuntimeError|JaxRuntimeError",
        "allocate|RESOURCE_EXHAUSTED",
        "memory",
        "It takes more memory than is allowed.",
        "Which array is the largest? How large need it be?",
    ),
)


def of_an_end(failed: Sequence[Outcome]) -> Diagnosis | None:
    """Explain why the function did not come back, or what it tried and may not."""
    for outcome in failed:
        reply, symptom = outcome.reply, outcome.verdict.symptom
        if reply.refused is not None:
            says = f"It tries to {reply.refused}, which a function that is checked may not."
            hint = "What does the function do besides computing?"
            return Diagnosis("forbidden", says, hint, place=reply.place)
        if symptom == "hung":
            says = f"It does not come to an end: {reply.message}."
            return Diagnosis("hangs", says, "Which loop may never end?")
        if symptom == "died":
            says = f"It ends the whole program: {reply.message}."
            return Diagnosis("exit", says, "Look for exit(), and for calls into C.")
        if reply.is_memory:
            says = "It takes more memory than is allowed."
            hint = "Which array is the largest? How large need it be?"
            return Diagnosis("memory", says, hint, place=reply.place)
    return None


def of_a_kind(task: Task, failed: Sequence[Outcome]) -> Diagnosis | None:
    """Explain what is wrong with the kind of thing that comes back, in all failed cases."""
    symptoms = {o.verdict.symptom for o in failed if o.case.gradient_of is None}
    first = failed[0]
    says = f"{first.verdict.says[:1].upper()}{_sentence(first)[1:]}"
    if not symptoms:
        return _of_gradients(failed)
    if symptoms == {"none"}:
        return Diagnosis(
            "none", "It returns None: there is no `return`.", "What does it give back, and where?"
        )
    if symptoms == {"modified"}:
        return Diagnosis("modified", says, "Which of your lines write into an argument?")
    if len(symptoms) == 1 and symptoms <= {"type", "dtype", "count", "parameters"}:
        return Diagnosis(symptoms.pop(), says, f"It should be called as {task.call}.")
    return None


def of_an_error(task: Task, failed: Sequence[Outcome]) -> Diagnosis | None:
    """Explain an exception."""
    raised = [outcome for outcome in failed if outcome.verdict.symptom == "raised"]
    if not raised:
        return None
    return _explained(raised[0]) or _unexplained(task, raised[0])


def of_numbers(outcome: Outcome) -> Diagnosis:
    """Say what strikes the eye, where nothing explains it."""
    says = f"{outcome.verdict.says[:1].upper()}{_sentence(outcome)[1:]}"
    if outcome.verdict.symptom == "values":
        says = f"The numbers are wrong, and none of the usual mistakes gives them: {says}"
    elif outcome.verdict.symptom == "not finite":
        says = "It gives nan or infinity."
    hint = "Compute the smallest case by hand, and compare."
    return Diagnosis(outcome.verdict.symptom, says, hint, place=outcome.reply.place)


def _sentence(outcome: Outcome) -> str:
    return outcome.verdict.says.rstrip(".") + "."


def _of_gradients(failed: Sequence[Outcome]) -> Diagnosis:
    """Explain why results are right and their gradients are not."""
    first = failed[0]
    explained = _explained(first) if first.verdict.symptom == "raised" else None
    if explained is not None:
        return explained
    cut = first.reply.cut
    if first.verdict.symptom == "cut":
        how = f", {cut[1]}" if cut else ""
        names = " and ".join(str(o.case.gradient_of) for o in failed)
        says = f"The results are right, but the gradient by {names} is cut{how}."
        return Diagnosis("gradient-cut", says, _CUT_HINT, place=cut[0] if cut else None)
    says = f"The results are right, but not {first.wanted[0].name}: {_sentence(first)}"
    return Diagnosis("gradient", says, _CUT_HINT, place=first.reply.place)


def _explained(outcome: Outcome) -> Diagnosis | None:
    reply = outcome.reply
    for kind, message, key, says, hint in _ERRORS:
        if re.fullmatch(kind, reply.error) and re.search(message, reply.message):
            return Diagnosis(key, says, hint, place=reply.place)
    return None


def _unexplained(task: Task, outcome: Outcome) -> Diagnosis:
    reply = outcome.reply
    if reply.place is None and reply.error == "TypeError" and "argument" in reply.message:
        says = f"It cannot be called as {task.call}: {reply.message}."
        return Diagnosis("signature", says, f"It should be called as {task.call}.")
    says = f"It raises {_sentence(outcome)}"
    hint = f"Run it on {outcome.case.title}, and read the last line of the error."
    return Diagnosis("exception", says, hint, place=reply.place)
