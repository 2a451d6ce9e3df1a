"""Reading the arguments of a convolution into plain tuples of integers, one per spatial axis.

Each reader names the argument, what was given and a value that would work. What depends on the
sizes of the arrays (the named paddings, the limits of the border modes) is resolved in `geometry`.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from numbers import Complex
from typing import Any, TypeAlias

from multiconv.core.suggestions import closest

PADDING_NAMES = ("valid", "same", "same_lower", "full")
PADDING_MODES = ("zeros", "constant", "reflect", "symmetric", "replicate", "circular")

Pairs: TypeAlias = tuple[tuple[int, int], ...]
IntOrInts: TypeAlias = int | Sequence[int]
Padding: TypeAlias = str | int | Sequence[int] | Sequence[tuple[int, int]]
#: What a constant border shows: one number, or one per channel. None stands for an array of them.
Constant: TypeAlias = complex | tuple[complex, ...] | None

MAXIMUM_DEPTH = 64  # of nested lists: NumPy's, the greatest of all
_LONGEST = 80  # of a value in a message

# What other libraries call the same padding, and the names of borders given in its place.
_PADDING_ALIASES = {"same_upper": "same", "half": "same", "none": "valid"}

# numpy.pad's names, which mean one thing in every library, and so are taken.
_NUMPYS_MODES = {"edge": "replicate", "wrap": "circular"}

# What other libraries call the same border.
_MODE_ALIASES = {
    "zero": "zeros",
    "fill": "constant",
    "nearest": "replicate",
    "border": "replicate",
    "periodic": "circular",
    "mirror": "reflect",
    "reflect_101": "reflect",
    "symm": "symmetric",
}


def integer(name: str, value: Any, *, minimum: int) -> int:
    """Read one integer of at least ``minimum``."""
    number = _index(name, value, "an integer")
    if number < minimum:
        msg = f"{name} must be at least {minimum}, got {number}"
        raise ValueError(msg)
    return number


def flag(name: str, value: Any) -> bool:
    """Read a True or False, also NumPy's."""
    if type(value).__name__ not in ("bool", "bool_") or getattr(value, "shape", ()) != ():
        msg = f"{name} must be True or False, got {_shown(value)}"
        raise TypeError(msg)
    return bool(value)


def per_axis(name: str, value: Any, axes: int, *, minimum: int) -> tuple[int, ...]:
    """Read one integer for all axes, or a sequence of one integer per axis."""
    if type(value) is int:  # by far the commonest, and on the path of every call
        if value >= minimum:
            return (value,) * axes
    elif is_sequence(name, value):
        items = tuple(value)
        if len(items) != axes:
            example = (max(minimum, 1),) * axes
            msg = (
                f"{name} must be an int or one int per spatial axis, {axes} here, "
                f"got {len(items)}: {name}={value!r}; {name}={example} would work"
            )
            raise ValueError(msg)
        return tuple(integer(f"{name}[{i}]", item, minimum=minimum) for i, item in enumerate(items))
    number = _index(name, value, f"an int or {axes} ints")
    if number < minimum:
        msg = f"{name} must be at least {minimum} on every axis, got {name}={number}"
        raise ValueError(msg)
    return (number,) * axes


def padding(value: Any, axes: int, *, name: str = "padding") -> str | Pairs:
    """Read a padding name, or the explicit ``(low, high)`` pairs that the other forms stand for."""
    if type(value) is int and value >= 0:
        return ((value, value),) * axes
    if isinstance(value, str):
        return choice(name, value, PADDING_NAMES, aliases=_PADDING_ALIASES)
    if not is_sequence(name, value):
        return tuple((p, p) for p in per_axis(name, value, axes, minimum=0))
    items = tuple(value)
    if len(items) != axes:
        example: Any = ((0, 1),) * axes
        meaning = ""
        if len(items) == 2 * axes and all(type(p) is int for p in items):
            example = tuple(zip(items[::2], items[1::2], strict=True))
            meaning = " if these are the pairs of the axes in order"
        msg = (
            f"{name} must be an int, one int or one (low, high) pair per spatial axis, {axes} "
            f"here, or one of {_listed(PADDING_NAMES)}; got {len(items)} entries: "
            f"{name}={value!r}; {name}={example} would work{meaning}"
        )
        raise ValueError(msg)
    return tuple(_pair(f"{name}[{axis}]", item) for axis, item in enumerate(items))


def padding_mode(value: Any) -> str:
    """Read the name of a border."""
    if isinstance(value, str):
        value = _NUMPYS_MODES.get(value, value)
    return choice("padding_mode", value, PADDING_MODES, aliases=_MODE_ALIASES)


def border(mode: Any, value: Any) -> tuple[str, Constant]:
    """Read the name of a border and the number that it shows; a constant 0 is zeros.

    The value is a number, a sequence of one per channel, or None for an array of them.
    """
    mode = padding_mode(mode)
    if isinstance(value, (tuple, list)):
        shown: Constant = tuple(_number(f"padding_value[{i}]", v) for i, v in enumerate(value))
    else:
        shown = None if value is None else _number("padding_value", value)
    is_zero = type(shown) is not tuple and shown == 0
    if mode == "constant":
        return ("zeros", 0) if is_zero else (mode, shown)
    if not is_zero:
        given = "an array" if value is None else repr(value)
        msg = (
            f"padding_value={given} is what a constant border shows, and padding_mode={mode!r} has "
            f"none; padding_mode='constant' has"
        )
        raise ValueError(msg)
    return mode, 0


def listed(value: Any) -> Any:
    """Return an array of numbers as a list of them, or as its only one."""
    return value.tolist() if hasattr(value, "tolist") else value


def _number(name: str, value: Any) -> Any:
    """Read one number, also one of NumPy's."""
    if type(value) in (int, float, complex):  # Dynamo's open numbers say that they are such
        return value
    if isinstance(value, Complex):
        found: Any = value
        return found.item() if hasattr(found, "item") else found
    msg = f"{name} must be a number, one per channel or an array of them, got {_shown(value)}"
    raise TypeError(msg)


def choice(
    name: str, value: Any, allowed: Sequence[str], *, aliases: Mapping[str, str] | None = None
) -> str:
    """Read one of the ``allowed`` names."""
    if not isinstance(value, str):
        msg = f"{name} must be one of {_listed(allowed)}, got {_shown(value)}"
        raise TypeError(msg)
    if value in allowed:
        return value
    near = closest(value, allowed, aliases or {})
    hint = f"; did you mean {near!r}?" if near else ""
    msg = f"{name} must be one of {_listed(allowed)}, got {value!r}{hint}"
    raise ValueError(msg)


def axes(name: str, value: Any, count: int) -> tuple[int, ...]:
    """Read the numbers of so many axes, negative ones counted from the end."""
    items = tuple(value) if is_sequence(name, value) else (value,)
    found = tuple(_index(name, item, "an int or a sequence of ints") for item in items)
    if len(found) != count:
        last = -1 if count == 1 else tuple(range(-count, 0))
        msg = (
            f"{name} must be {count} ints, one for each axis of the kernel, got {name}={value!r}; "
            f"{name}={last} would be the last"
        )
        raise ValueError(msg)
    return found


def sizes(name: str, value: Any, axes: int) -> tuple[int, ...]:
    """Read a kernel or image size: an int for all axes or one per axis, none of them negative."""
    return per_axis(name, value, axes, minimum=0)


def count_axes(name: str, value: Any, default: int) -> int:
    """Return how many spatial axes a size speaks of; an int leaves it at ``default``."""
    if not is_sequence(name, value):
        return default
    axes = len(tuple(value))
    if axes == 0:
        msg = f"{name} must have at least one axis, got {name}={value!r}"
        raise ValueError(msg)
    return axes


def rank(name: str, array: Any) -> int:
    """Return the number of axes of an array or a nested list."""
    shape = getattr(array, "shape", None)
    if shape is not None:
        return len(shape)
    axes = 0
    while isinstance(array, (list, tuple)):
        axes += 1
        if axes > MAXIMUM_DEPTH:
            limit = f"arrays have at most {MAXIMUM_DEPTH} axes"
            msg = f"{name} is nested too deep, or holds itself: {limit}"
            raise ValueError(msg)
        array = array[0] if array else None
    return axes


def is_sequence(name: str, value: Any) -> bool:
    """Tell a sequence of integers from one of them; refuse what has no order, and arrays."""
    if isinstance(value, (tuple, list)):
        return True
    shape = getattr(value, "shape", None)
    if shape is None:
        if isinstance(value, (set, frozenset, dict)):
            msg = f"{name} must have an order, and a {type(value).__name__} has none: got {value!r}"
            raise TypeError(msg)
        return isinstance(value, (Sequence, range)) and not isinstance(value, (str, bytes))
    if len(shape) > 1:
        sizes = tuple(shape)
        msg = f"{name} must be made of ints, got an array of shape {sizes}: pass its shape, {sizes}"
        raise TypeError(msg)
    return len(shape) == 1


def _pair(name: str, value: Any) -> tuple[int, int]:
    if not is_sequence(name, value):
        number = integer(name, value, minimum=0)
        return (number, number)
    items = tuple(value)
    if len(items) != 2:
        msg = f"{name} must be an int or a (low, high) pair, got {value!r}"
        raise ValueError(msg)
    low, high = (integer(f"{name}[{i}]", item, minimum=0) for i, item in enumerate(items))
    return (low, high)


def _index(name: str, value: Any, wanted: str) -> int:
    if not isinstance(value, bool):  # True as a stride is a slip, not a 1
        try:
            return operator.index(value)
        except TypeError:
            pass
    msg = f"{name} must be {wanted}, got {_shown(value)}"
    raise TypeError(msg)


def _shown(value: Any) -> str:
    shape = getattr(value, "shape", None)
    shown = f"an array of shape {tuple(shape)}" if shape else repr(value)
    if len(shown) > _LONGEST:
        shown = f"{shown[:_LONGEST]}..."
    return f"{shown} of type {type(value).__name__}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
