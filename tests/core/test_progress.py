"""One line of progress inside another."""

import io
import sys

import pytest

from multiconv.core.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def watch(monkeypatch):
    """Put a terminal in the place of stderr; return what says which lines it has shown."""

    def watch():
        terminal = Terminal()
        monkeypatch.setattr("multiconv.core.progress._INTERVAL", 0.0)
        monkeypatch.setattr(sys, "stderr", terminal)
        return lambda: terminal.getvalue().split("\r\x1b[K")[1:]

    return watch


class TestNested:
    def test_the_outer_line_stands_before(self, watch):
        lines = watch()
        with Progress("asking", 2, coarse=True) as outer:
            outer.advance("them")
            with Progress("waiting", 3) as inner:
                inner.advance("still")
            outer.advance("us")
        assert lines() == [
            "asking 1/2 them",
            "asking 1/2 them: waiting 0/3",
            "asking 1/2 them: waiting 1/3 still",
            "asking 1/2 them",
            "asking 2/2 us",
            "",
        ]

    def test_an_error_leaves_nothing_for_the_next(self, watch):
        lines = watch()
        with pytest.raises(KeyError), Progress("asking", 2), Progress("waiting", 3):
            raise KeyError
        with Progress("again", 1):
            pass
        assert lines()[-2:] == ["again 0/1", ""]
