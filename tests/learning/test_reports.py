"""What a descent prints, and when it calls back."""

import sys

import numpy as np
import pytest
from comparing import check_error

STRIPES = np.ones((6, 8))
STRIPES[:, 2:6] = 0
EDGES = STRIPES[:, :-1] - STRIPES[:, 1:]


@pytest.fixture
def learn(backend):
    x, y = (backend.array(a, "float32") for a in (STRIPES, EDGES))

    def run(**options):
        start = {} if "seed" in options else {"init": [[0, 0]]}
        return backend.functions.learn_kernel(x, y, (1, 2), **start, **options)

    return run


class TestVerbose:
    def printed(self, learned, steps):
        return [f"step {step}, loss {float(learned.losses[step - 1]):.3g}" for step in steps]

    def test_every_second_step_as_in_the_textbook(self, learn, capsys):
        learned = learn(verbose=True)
        lines = capsys.readouterr().out.splitlines()
        assert lines == self.printed(learned, [2, 4, 6, 8, 10])
        assert lines[0] == "step 2, loss 4.92"  # 12 (1 - 2 * 0.03 * 6)^2

    @pytest.mark.parametrize(
        ("steps", "shown"),
        [
            (0, []),
            (1, [1]),
            (5, [2, 4, 5]),
            (100, range(10, 101, 10)),
            (1003, [*range(100, 1001, 100), 1003]),
        ],
    )
    def test_few_lines_of_many_steps_and_always_the_last(self, learn, capsys, steps, shown):
        learned = learn(verbose=True, steps=steps)
        assert capsys.readouterr().out.splitlines() == self.printed(learned, shown)

    def test_it_changes_no_number(self, backend, learn):
        runs = [
            learn(steps=70, seed=1, **options)
            for options in ({}, {"verbose": True}, {"callback": lambda *_: None})
        ]
        for name in ("weight", "losses"):
            bits = {backend.to_numpy(getattr(run, name)).tobytes() for run in runs}
            assert len(bits) == 1, name

    def test_no_line_is_written_over_it(self, learn, monkeypatch):
        monkeypatch.setattr("multiconv.core.progress._INTERVAL", 0.0)
        monkeypatch.setattr(sys, "stderr", _Terminal())
        learn(verbose=True)
        assert sys.stderr.written == []

    def test_silence_is_the_default(self, learn, capsys):
        learn()
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize("verbose", [1, "yes", None])
    def test_it_is_true_or_false(self, learn, verbose):
        check_error(TypeError, lambda: learn(verbose=verbose), "verbose", "True or False")


class _Terminal:
    def __init__(self):
        self.written = []

    def isatty(self):
        return True

    def write(self, text):
        self.written.append(text)

    def flush(self):
        pass


class TestTheCallback:
    def test_it_is_called_before_the_next_step(self, learn):
        """So that a callback that raises ends the descent where it is."""

        class EnoughError(Exception):
            pass

        seen = []

        def callback(step, loss, weight, bias):
            seen.append((step, loss))
            if loss < 1:
                raise EnoughError

        with pytest.raises(EnoughError):
            learn(steps=10**7, callback=callback)
        assert [step for step, _ in seen] == list(range(len(seen)))
        assert len(seen) < 10

    @pytest.mark.parametrize("steps", [1, 7, 101])
    def test_the_losses_are_those_before_each_step(self, backend, learn, steps):
        """Also where the steps are taken together, and their number is prime."""
        seen = []
        watched = learn(steps=steps, callback=lambda *told: seen.append(told))
        assert [told[0] for told in seen] == list(range(steps))
        losses = backend.to_numpy(learn(steps=steps).losses)
        assert losses.tolist() == backend.to_numpy(watched.losses).tolist()
        assert losses.tolist() == [told[1] for told in seen]
        assert backend.to_numpy(seen[0][2]).tolist() == [[0, 0]]
