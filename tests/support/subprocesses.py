"""Running Python afresh: what an import loads and changes can only be seen there."""

import os
import subprocess
import sys
import textwrap


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
