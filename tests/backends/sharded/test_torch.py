"""DTensors: two processes, and what they compute is what one does."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs_backend("torch")

SCRIPT = Path(__file__).parents[2] / "support" / "dtensors.py"


def test_two_processes_give_what_one_gives():
    done = subprocess.run(
        [sys.executable, SCRIPT], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("cases are convolutions, and right")
