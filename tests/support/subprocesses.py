"""Running Python afresh: what an import loads and changes can only be seen there."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path


def run_python(code, *, path=(), timeout=300, **environment):
    """The output of ``code`` in a new interpreter; ``path`` comes first on its search path."""
    variables = {k: v for k, v in os.environ.items() if k != "MULTICONV_BACKEND"}
    variables |= environment
    inherited = variables.get("PYTHONPATH")
    entries = [*map(str, path), *([inherited] if inherited else [])]
    if entries:
        variables["PYTHONPATH"] = os.pathsep.join(entries)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=variables,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run_with_file(file, code):
    """Run ``code`` in a new interpreter, among the names of the test file ``file``.

    For PyTorch's real compiler: it imports setuptools, which stops in a process in which anything
    has imported the standard library's distutils before.
    """
    names = f"import runpy; globals().update(runpy.run_path({str(file)!r}))\n"
    run_python(names + textwrap.dedent(code), path=[Path(__file__).parent])
