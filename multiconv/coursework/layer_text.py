"""Layers in the spelling of torch.nn, read from text and never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from multiconv.core.suggestions import closest
from multiconv.coursework import layer_spellings
from multiconv.coursework.stack_layers import Layer

_FORM = 'layers are written as in "Conv2d(1, 6, 5, padding=2)"'


class Named(NamedTuple):
    """A layer, and how it is shown."""

    text: str
    layer: Layer


def read(text: str) -> Iterator[Named]:
    """Yield the layers of a text: one, several with commas between, or a Sequential of them."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        yield from _layers(tree)
    except (SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"{text!r} is no layer: {_FORM}") from None


def _layers(tree: ast.expr) -> Iterator[Named]:
    inner: list[ast.expr] | None = None
    name = None
    if isinstance(tree, (ast.Tuple, ast.List)):
        inner = tree.elts
    elif isinstance(tree, ast.Call):
        name = _name(tree.func)
        inner = tree.args if name == "Sequential" else None
    if inner is not None:
        for element in inner:
            yield from _layers(element)
    elif isinstance(tree, ast.Call) and name is not None:
        text = ast.unparse(ast.Call(ast.Name(name), tree.args, tree.keywords))
        try:
            yield Named(text, _layer(name, tree))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{text}: {error}") from None
    else:
        raise ValueError(f"{ast.unparse(tree)!r} is no layer: {_FORM}")


def _name(function: ast.expr) -> str | None:
    """Return Conv2d for Conv2d, nn.Conv2d and torch.nn.Conv2d."""
    if isinstance(function, ast.Attribute):
        return None if _name(function.value) is None else function.attr
    return function.id if isinstance(function, ast.Name) else None


def _layer(name: str, call: ast.Call) -> Layer:
    known = layer_spellings.known()
    if name not in known:
        meant = closest(name, known, {})
        hint = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
        raise ValueError(f"no layer is called {name}; {hint}")
    spelling = known[name]
    try:
        # A keyword without a name is **more, which no literal can be.
        args = [ast.literal_eval(argument) for argument in call.args]
        kwargs = {str(k.arg): ast.literal_eval(k.value) for k in call.keywords}
    except (ValueError, TypeError):
        raise ValueError("its arguments must be numbers, words, True or False") from None
    try:
        given = spelling.signature.bind(*args, **kwargs).arguments
    except TypeError as error:
        listed = ", ".join(spelling.signature.parameters)
        raise ValueError(f"{error}; it is {name}({listed})") from None
    return spelling.make(given)
