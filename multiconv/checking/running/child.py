"""The process in which a function runs: it is told what to load, then answers call after call.

What the function prints goes where nobody reads messages. What it gives is sent back as it is:
the answers that are right are not known here.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from types import FrameType
from typing import Any, BinaryIO

import numpy as np

from multiconv.checking.running import guard, wire
from multiconv.checking.running.framework import Caller, ParameterError

_LARGEST = 10**5  # numbers in a result that is sent back
_LONGEST = 300  # of an error's message


def main() -> None:
    """Serve the process that has started this one, through what were stdin and stdout."""
    jobs = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.dont_write_bytecode = True
    Child(jobs, replies).serve()
    os._exit(0)  # without what the function may have left to be done at the end


class Child:
    """Answers messages."""

    def __init__(self, jobs: BinaryIO, replies: BinaryIO) -> None:
        self.jobs, self.replies = jobs, replies
        self.files: set[str] = set()
        self.refused: str | None = None
        self.cut: dict[str, Any] | None = None
        self.caller: Caller

    def serve(self) -> None:
        """Load the function, and call it as often as is asked."""
        order = wire.loads(self.jobs.readline())
        self.caller = caller_of(order["framework"], order["form"], order["aliases"])
        self.caller.warm_up()
        self.send({"is": "ready"})
        guard.limit(order["memory"], order["seconds"])
        guard.forbid(order["folder"], self.note_refused)
        try:
            self.caller.target = self.load(order)
        except BaseException as error:
            self.send(self.raised(error))
            return
        self.send({"is": "loaded"})
        for line in self.jobs:
            self.send(self.answer(wire.loads(line)))

    def send(self, message: dict[str, Any]) -> None:
        """Send a message at once."""
        self.replies.write(wire.dumps(message | {"refused": self.refused}))
        self.replies.flush()

    def note_refused(self, what: str) -> None:
        """Remember what the function tried."""
        self.refused = what

    def load(self, order: dict[str, Any]) -> Any:
        """Return the function from its file, or from the pieces of a notebook."""
        sys.path[:] = order["path"]
        if order["file"] is not None:
            found: Any = self.module(order["file"])
            names = order["name"].split(".")
        else:
            namespace: dict[str, Any] = {"__name__": "checked"}
            for source, file, line in order["pieces"]:
                self.files.add(file)
                tree = ast.increment_lineno(ast.parse(source, file), line - 1)
                exec(compile(tree, file, "exec"), namespace)
            found, names = namespace[order["name"]], []
        for name in names:
            found = getattr(found, name)
        if not callable(found):
            raise TypeError(f"{order['name']} is a {type(found).__name__}, and cannot be called")
        return found

    def module(self, file: str) -> Any:
        """Import a file as a module that is not the main one."""
        self.files.add(file)
        spec = importlib.util.spec_from_file_location("checked", file)
        if spec is None or spec.loader is None:
            raise ImportError(f"{file} is no Python file")
        module = importlib.util.module_from_spec(spec)
        sys.modules["checked"] = module
        spec.loader.exec_module(module)
        return module

    def answer(self, call: dict[str, Any]) -> dict[str, Any]:
        """Call the function once."""
        self.refused = self.cut = None
        given = call["inputs"]
        is_array = {name: isinstance(value, np.ndarray) for name, value in given.items()}
        try:
            self.caller.seed()
            inputs = {
                name: self.caller.array(value) if is_array[name] else tuple(value)
                for name, value in given.items()
            }
            if call["of"] is None:
                result = self.caller.result(inputs)
            else:
                result = self.caller.gradient(inputs, call["of"], call["g"], self.note_cut)
            if _is_nested(result):  # rows of numbers are an array, too
                result = np.array(result)
            answer = {"is": "returned", "results": self.described(result), "cut": self.cut}
            changed = [
                name
                for name in given
                if is_array[name] and not self.same(inputs[name], given[name])
            ]
            return answer | {"modified": changed, "several": isinstance(result, (tuple, list))}
        except ParameterError as error:
            return {"is": "parameters", "message": str(error)}
        except BaseException as error:
            return self.raised(error)

    def same(self, array: Any, values: Any) -> bool:
        """Tell whether an input still is what it was."""
        now = self.caller.read(array)
        return now is not None and np.array_equal(now, values)

    def described(self, result: Any) -> list[dict[str, Any]]:
        """Return what is known of each result; the numbers, where there are not too many."""
        results = result if isinstance(result, (tuple, list)) else [result]
        return [self.one(found) for found in list(results)[:4]]

    def one(self, found: Any) -> dict[str, Any]:
        """Describe one result."""
        values = self.caller.read(found)
        if values is None:
            return {"type": _type_name(found), "shape": None, "values": None}
        is_fit = values.size <= _LARGEST and values.dtype.kind in "biufc"
        shape, dtype = list(values.shape), str(values.dtype)
        kept = np.ascontiguousarray(values).reshape(shape) if is_fit else None
        return {"type": _type_name(found), "shape": shape, "dtype": dtype, "values": kept}

    def note_cut(self, where: str | None, what: str) -> None:
        """Remember the first place where a gradient is lost."""
        if self.cut is None:
            line = None
            frame: FrameType | None = sys._getframe(1) if where else None
            while frame is not None and line is None:
                line = frame.f_lineno if frame.f_code.co_filename in self.files else None
                frame = frame.f_back
            if where is None or line is not None:
                self.cut = {"line": line, "what": what}

    def raised(self, error: BaseException) -> dict[str, Any]:
        """Describe an error, and the last line of the student's that led to it."""
        place = None
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename in self.files:
                place = {"file": frame.filename, "line": frame.lineno}
        if isinstance(error, SyntaxError) and error.filename in self.files:
            place = {"file": error.filename, "line": error.lineno}
        message = next((line for line in _text_of(error).splitlines() if line.strip()), "")
        return {
            "is": "raised",
            "type": type(error).__name__,
            "is_memory": isinstance(error, MemoryError),
            "message": message[:_LONGEST],
            "place": place,
        }


def caller_of(framework: str, form: str, aliases: Mapping[str, Sequence[str]]) -> Caller:
    """Return what calls functions of a framework's arrays."""
    if framework == "numpy":
        return Caller(form, aliases)
    module = importlib.import_module(f"multiconv.checking.running.{framework}")
    caller: Caller = module.CALLER(form, aliases)
    return caller


def _is_nested(result: object) -> bool:
    """Tell whether a result is rows of numbers, in Python's lists."""
    return isinstance(result, list) and bool(result) and all(isinstance(r, list) for r in result)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # it may be one of the student's own
        return ""


def _type_name(value: object) -> str:
    if value is None:
        return "None"
    module = type(value).__module__.partition(".")[0]
    name = type(value).__name__
    return name if module == "builtins" else f"{module}.{name}"
