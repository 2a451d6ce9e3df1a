"""The process that checked code runs in, as seen from outside: started, asked, ended."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from multiconv.checking.running import reply, wire
from multiconv.checking.running.reply import Reply
from multiconv.checking.source import Source, search_path
from multiconv.checking.task import Case, Task

_IMPORTING = 120.0  # seconds for a framework on a slow disk; not the function's
_PRINTED = 4000  # bytes that are kept of what is printed
_STARTS = 3  # processes that one function may use up
_CALLS = 1000  # more than are ever made; the limit of processor time allows for them

_START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
_SERVE = "from multiconv.checking.running.child import main; main()"


@dataclass(frozen=True)
class Limits:
    """What a function may use: seconds for a call, MiB beyond the framework's, for loading."""

    seconds: float = 10.0
    memory: int = 1024
    loading: float = 60.0


class Runner:
    """Runs a function in another process, and in a new one where that ended: a context manager."""

    def __init__(self, source: Source, task: Task, limits: Limits) -> None:
        self.source, self.task, self.limits = source, task, limits
        self.starts = 0
        self.loading: Reply | None = None  # what went wrong there, for good
        self._process: _Process | None = None

    def __enter__(self) -> Runner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def call(self, case: Case) -> Reply:
        """Run the function on a case."""
        if self._process is None:
            if self.starts >= _STARTS:
                return Reply("not run", message="the function has ended too many processes")
            if self.loading is None:
                self._start()
            if self.loading is not None:
                return self.loading
        assert self._process is not None
        sent = {"inputs": dict(case.inputs), "of": case.gradient_of, "g": case.g}
        found = self._process.ask(sent, self.limits.seconds)
        if found.kind in ("hung", "died"):
            self._end()
        return found

    def _start(self) -> None:
        self.starts += 1
        self._process = _Process()
        pieces = [(piece.text, piece.file, piece.line) for piece in self.source.pieces]
        order = {
            "file": self.source.file,
            "pieces": pieces,
            "name": self.source.name,
            "path": self.source.path,
            "framework": self.source.framework,
            "form": self.task.form,
            "aliases": self.task.aliases,
            "folder": self._process.folder.name,
            "memory": self.limits.memory,
            "seconds": self.limits.loading + _CALLS * self.limits.seconds,
        }
        ready = self._process.ask(order, _IMPORTING)
        if ready.kind != "not run":
            said = self._process.printed().strip().splitlines()
            self._end()
            why = said[-1] if said else ready.message
            raise RuntimeError(f"{self.source.framework} cannot be loaded: {why}")
        loaded = self._process.ask(None, self.limits.loading)
        if loaded.kind == "hung":
            says = f"loading it takes longer than {self.limits.loading:g} s: what is not the "
            loaded = replace(loaded, message=f"{says}function belongs below if __name__ == ...")
        if loaded.kind != "not run":
            self.loading = loaded
            self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None


class _Process:
    """One process, its group, its folder, and two threads that read what comes from it."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="multiconv-", ignore_cleanup_errors=True)
        path = json.dumps([str(Path(__file__).parents[3]), *search_path()])
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START + _SERVE, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder.name,
            env=_environment(self.folder.name),
            start_new_session=True,
        )
        self.lines: queue.Queue[bytes] = queue.Queue(maxsize=4)
        self.kept = bytearray()
        self.threads = [
            threading.Thread(target=target, daemon=True)
            for target in (self._read_replies, self._read_prints)
        ]
        for thread in self.threads:
            thread.start()

    def ask(self, message: dict[str, Any] | None, seconds: float) -> Reply:
        """Send a message, and wait for the reply; "not run" stands for a plain acknowledgement."""
        try:
            if message is not None:
                _stream(self.process.stdin).write(wire.dumps(message))
                _stream(self.process.stdin).flush()
            line = self.lines.get(timeout=seconds)
        except queue.Empty:
            return Reply("hung", message=f"no answer within {seconds:g} s")
        except OSError:  # its end of the pipe is closed
            line = b""
        if not line:
            return Reply("died", message=self._how_it_ended())
        try:
            found = wire.loads(line)
            if found.get("is") in ("ready", "loaded"):
                return Reply("not run", refused=found.get("refused"))
            return reply.read(found)
        except (LookupError, TypeError, ValueError, OverflowError, RecursionError):
            return Reply("died", message="it sent what is no answer")

    def end(self) -> None:
        """Kill the process and all that it has started."""
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(OSError):
            _stream(self.process.stdin).close()
        while self.threads[0].is_alive():  # it may wait for room
            with contextlib.suppress(queue.Empty):
                self.lines.get(timeout=0.05)
        for thread, stream in zip(
            self.threads, (self.process.stdout, self.process.stderr), strict=True
        ):
            thread.join()
            _stream(stream).close()
        self.folder.cleanup()

    def printed(self) -> str:
        """Return the beginning of what was printed."""
        return bytes(self.kept).decode(errors="replace")

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self.process.wait(timeout=2)
            if status < 0:
                with contextlib.suppress(ValueError):
                    return f"the process was ended by {signal.Signals(-status).name}"
            return f"the process ended with exit status {status}"
        return "the process closed its connection"

    def _read_replies(self) -> None:
        stream = _stream(self.process.stdout)
        while line := stream.readline(wire.LONGEST):
            self.lines.put(line)
        self.lines.put(b"")

    def _read_prints(self) -> None:
        """Keep the beginning and let the rest go, so that nothing waits or grows."""
        stream = _stream(self.process.stderr)
        while some := os.read(stream.fileno(), 2**16):
            self.kept += some[: max(0, _PRINTED - len(self.kept))]


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _environment(folder: str) -> dict[str, str]:
    """Return this process's environment, with homes and caches in the folder, and one processor."""
    theirs = {"MPLBACKEND": "Agg", "PYTHONHASHSEED": "0", "JAX_PLATFORMS": "cpu"}
    # JAX would keep what it compiles where this user does, which is outside the folder.
    theirs["JAX_ENABLE_COMPILATION_CACHE"] = "0"
    theirs |= dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "XDG_CACHE_HOME"), folder)
    theirs |= dict.fromkeys(("MPLCONFIGDIR", "NUMBA_CACHE_DIR"), folder)
    theirs |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return os.environ | theirs | {"CUDA_VISIBLE_DEVICES": "", "MULTICONV_CHECKING": "1"}
