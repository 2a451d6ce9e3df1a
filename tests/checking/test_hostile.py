"""What a function does in its process does no harm to the one that asks."""

import threading
import time
from pathlib import Path

import pytest

from multiconv.checking.check import check_file
from multiconv.checking.running.runner import Limits

FILE = Path(__file__).parent / "solutions" / "hostile.py"
SHORT = Limits(seconds=1.0, memory=256, loading=20.0)


def checked(name, path=FILE, limits=SHORT):
    return check_file(path, name, "corr2d", None, limits, 0)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *((name, "hangs") for name in ("hang", "sleep_sometimes", "flood")),
        *((name, "exit") for name in ("exits", "exits_at_once", "segfault")),
        *((name, "forbidden") for name in ("forks", "forks_quietly", "shell", "kills", "connects")),
        ("memory", "memory"),
        ("recursion", "recursion"),
        ("fills_the_disk", "exception"),
        ("raises_oddly", "exception"),
        ("writes_to_every_descriptor", "exit"),
        ("large_result", "shape"),
        ("patches_numpy", "values"),
        ("returns_objects", "shape"),
        ("returns_lies", "values"),
    ],
)
def test_it_is_told_and_the_grader_goes_on(name, key):
    began = time.monotonic()
    report = checked(name)
    assert report.mistake.key == key, str(report)
    assert time.monotonic() - began < 60
    assert not [t for t in threading.enumerate() if "_read" in t.name]


@pytest.mark.parametrize(
    "name", ["solution", "prints_much", "writes_here", "uses_a_temporary_folder"]
)
def test_what_harms_nobody_is_right(name):
    assert checked(name)


@pytest.mark.parametrize(
    "name",
    [
        *("writes", "removes", "renames_out"),
        *("removes_by_folder", "writes_by_folder", "writes_through_a_link"),
    ],
)
def test_other_files_stay_as_they_are(name, tmp_path, monkeypatch):
    target = tmp_path / "target.txt"
    target.write_text("safe")
    monkeypatch.setenv("MULTICONV_TEST_TARGET", str(target))
    assert checked(name).mistake.key == "forbidden"
    assert target.read_text() == "safe"


def test_files_of_its_own_are_gone_afterwards(tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert checked("writes_here")
    assert list(tmp_path.iterdir()) == []


def test_cases_before_and_after_a_hang_count():
    report = checked("sleep_sometimes")
    assert report.points >= 3
    assert {o.verdict.symptom for o in report.outcomes} == {"", "hung", "not run"}


def test_a_message_cannot_move_the_cursor(tmp_path):
    path = tmp_path / "solution.py"
    path.write_text("def corr2d(x, k):\n    raise ValueError('\\x1b[2J')\n")
    assert "\x1b" not in str(checked("corr2d", path))


class TestLoading:
    @pytest.mark.parametrize(
        ("text", "key"),
        [
            ("def corr2d(x, k)\n    pass\n", "exception"),
            ("import no_such_package\ndef corr2d(x, k): pass\n", "exception"),
            ("import os\nos._exit(3)\ndef corr2d(x, k): pass\n", "exit"),
            ("import sys\nsys.exit()\ndef corr2d(x, k): pass\n", "exit"),
            ("while True: pass\ndef corr2d(x, k): pass\n", "hangs"),
            ("corr2d = 3\n", "exception"),
        ],
    )
    def test_what_goes_wrong_there_is_told(self, text, key, tmp_path):
        path = tmp_path / "solution.py"
        path.write_text(text)
        report = checked("corr2d", path, Limits(seconds=1, memory=256, loading=3))
        assert report.points == 0
        assert report.mistake.key == key, str(report)

    def test_the_main_part_of_a_file_does_not_run(self, tmp_path):
        path = tmp_path / "solution.py"
        path.write_text(FILE.read_text() + "\nif __name__ == '__main__':\n    raise OSError\n")
        assert checked("solution", path)

    def test_files_beside_it_can_be_imported(self, tmp_path):
        (tmp_path / "helper.py").write_text(FILE.read_text())
        path = tmp_path / "task.py"
        path.write_text("from helper import solution\ndef corr2d(x, k): return solution(x, k)\n")
        assert checked("corr2d", path)
