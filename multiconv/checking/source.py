"""Where a function stands, and for which framework it is written."""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import linecache
import sys
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FRAMEWORKS = ("numpy", "torch", "jax")
_PLAIN = (bool, int, float, complex, str, bytes, type(None))


@dataclass(frozen=True)
class Piece:
    """Some source: its text, the file it is from, and its first line there."""

    text: str
    file: str
    line: int = 1


@dataclass(frozen=True)
class Source:
    """What another process needs to have the function: a file, or pieces of source."""

    title: str
    name: str
    framework: str
    file: str | None = None
    pieces: tuple[Piece, ...] = ()
    path: tuple[str, ...] = ()


class NoSourceError(Exception):
    """The source of a function cannot be had; the message says why."""


def of_file(path: Path, name: str | None, known: Iterable[str], framework: str | None) -> Source:
    """Return where a function of a file stands; without a name, the one that is ``known``."""
    if path.suffix == ".ipynb":
        msg = f"{path} is a notebook: jupyter nbconvert --to script {path} makes a file of it"
        raise ValueError(msg)
    text = path.read_text(encoding="utf-8")
    try:
        tree = ast.parse(text)
    except SyntaxError:  # said when the file is loaded, as what is wrong with it
        tree = ast.Module([], [])
    defined = _defined(tree)
    if name is None:
        found = [one for one in defined if one in set(known)]
        if len(found) != 1:
            several = f"{len(found)} functions ({', '.join(found)})" if found else "no function"
            msg = f"{path} has {several} with the name of a task: write FILE.py:FUNCTION"
            raise ValueError(msg)
        name = found[0]
    elif "." not in name and defined and not {name, "*"} & {*defined, *_brought(tree)}:
        msg = f"{path} defines no {name!r}; it defines {', '.join(defined)}"
        raise ValueError(msg)
    chosen = framework or _framework(tree, name)
    full = str(path.resolve())
    search = (str(path.resolve().parent), *search_path())
    return Source(f"{path.name}:{name}", name, chosen, file=full, path=search)


def _brought(tree: ast.Module) -> list[str]:
    """Return the names that a file imports or assigns; a star stands for any."""
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    imported = [alias.asname or alias.name for node in imports for alias in node.names]
    stored = [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    ]
    return imported + stored


def of_function(function: Callable[..., Any], framework: str | None) -> Source:
    """Return where a function of this process stands.

    One of an importable module is loaded from there. Of the main script or a notebook, only the
    function is taken, with what it uses: the rest would run again.
    """
    name = getattr(function, "__qualname__", "")
    module = sys.modules.get(getattr(function, "__module__", ""))
    file = getattr(module, "__file__", None)
    search = search_path()
    if "<" in name or not name:
        raise NoSourceError("it was defined inside another function, or is no plain function")
    importable = module is not None and module.__name__ != "__main__"
    if importable and file and Path(file).suffix == ".py" and _found(module, name) is function:
        tree = ast.parse(Path(file).read_text(encoding="utf-8"))
        chosen = framework or _framework(tree, name)
        return Source(name, name, chosen, file=str(Path(file).resolve()), path=search)
    pieces: dict[str, Piece] = {}
    _collect(function, pieces)
    text = "\n".join(piece.text for piece in pieces.values())
    chosen = framework or _framework(ast.parse(text), name)
    return Source(name, name, chosen, pieces=tuple(pieces.values()), path=search)


def search_path() -> tuple[str, ...]:
    """Return where this process looks for modules, as another folder's process would find it."""
    return tuple(str(Path(entry).resolve()) for entry in sys.path)


def _found(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part, None)
    return module


def framework_of(function: Callable[..., Any]) -> str:
    """Return the framework whose modules a function uses, as far as that can be seen."""
    scope = getattr(function, "__globals__", {})
    code = getattr(function, "__code__", None)
    used = [scope.get(name) for name in (code.co_names if code else ())]
    roots = [getattr(v, "__name__", "").partition(".")[0] for v in used if inspect.ismodule(v)]
    return next((name for name in ("torch", "jax") if name in roots), "numpy")


def _collect(thing: Any, pieces: dict[str, Piece]) -> None:
    """Add the source of a function or a class, after that of all that it uses."""
    own = _piece_of(thing)
    pieces[thing.__qualname__] = own  # it may use itself
    scope = getattr(thing, "__globals__", None) or vars(sys.modules[thing.__module__])
    names = {node.id for node in ast.walk(ast.parse(own.text)) if isinstance(node, ast.Name)}
    for name in sorted(names):
        if name in scope and name not in pieces and not hasattr(builtins, name):
            _collect_global(name, scope[name], pieces)
    pieces[thing.__qualname__] = pieces.pop(thing.__qualname__)  # what it uses comes first


def _piece_of(thing: Any) -> Piece:
    """Return the source of a function, or of a class, also of a notebook."""
    function = thing
    if inspect.isclass(thing):
        function = next((v for v in vars(thing).values() if inspect.isfunction(v)), None)
    code = getattr(inspect.unwrap(function) if function else None, "__code__", None)
    lines = linecache.getlines(code.co_filename) if code else []
    with contextlib.suppress(SyntaxError):  # other lines than those it was made of
        for node in ast.parse("".join(lines)).body:
            if code is None or getattr(node, "name", None) != thing.__qualname__:
                continue
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
            if first <= code.co_firstlineno <= (node.end_lineno or first):
                text = "".join(lines[first - 1 : node.end_lineno])
                return Piece(text, code.co_filename, first)
    raise NoSourceError(f"the source of {thing.__qualname__} cannot be had")


def _collect_global(name: str, value: Any, pieces: dict[str, Piece]) -> None:
    if isinstance(value, types.ModuleType):
        pieces[name] = Piece(f"import {value.__name__} as {name}\n", "<imports>")
    elif _is_plain(value):
        pieces[name] = Piece(f"{name} = {value!r}\n", "<constants>")
    elif getattr(value, "__module__", None) == "__main__" and hasattr(value, "__qualname__"):
        _collect(value, pieces)
    elif getattr(value, "__module__", None) and hasattr(value, "__qualname__"):
        home, known = value.__module__, value.__qualname__
        pieces[name] = Piece(f"from {home} import {known} as {name}\n", "<imports>")
    else:
        kind = type(value).__name__
        raise NoSourceError(f"it uses {name}, a {kind} that another process has not")


def _is_plain(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    return isinstance(value, _PLAIN)


def _defined(tree: ast.Module) -> list[str]:
    kinds = (ast.FunctionDef, ast.ClassDef)
    assigned = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    return [node.name for node in tree.body if isinstance(node, kinds)] + assigned


def _framework(tree: ast.Module, name: str) -> str:
    """Return the framework that is imported; of several, the one that the function uses most."""
    bound = dict(_imports(tree))
    if len(set(bound.values())) > 1:
        body = [n for n in tree.body if getattr(n, "name", None) == name.partition(".")[0]]
        used = [
            bound[node.id]
            for part in body
            for node in ast.walk(part)
            if isinstance(node, ast.Name) and node.id in bound
        ]
        others = [framework for framework in used if framework != "numpy"]
        if used:
            chosen = others or used  # NumPy beside another framework is a helper
            return max(FRAMEWORKS, key=chosen.count)
    found = set(bound.values()) - {"numpy"}
    return next((framework for framework in FRAMEWORKS if framework in found), "numpy")


def _imports(tree: ast.Module) -> Iterable[tuple[str, str]]:
    """Yield the names that imports bind to a framework, also `from d2l import torch as d2l`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                if root in FRAMEWORKS:
                    yield alias.asname or root, root
                elif root in ("flax", "equinox"):
                    yield alias.asname or root, "jax"
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = node.module.split(".")
            for alias in node.names:
                root = parts[0] if parts[0] in FRAMEWORKS else ""
                if parts[0] in ("d2l", "multiconv"):
                    root = next((p for p in (*parts[1:], alias.name) if p in FRAMEWORKS), "")
                if parts[0] in ("flax", "equinox"):
                    root = "jax"
                if root:
                    yield alias.asname or alias.name, root
