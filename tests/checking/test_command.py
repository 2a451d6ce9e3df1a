"""The command ``multiconv check``: its output, its exit status, its files."""

import json

import pytest

from multiconv.cli import main

RIGHT = """
import numpy as np

def corr2d(x, k):
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape)
    return np.einsum("ijkl,kl->ij", windows, k)

def mine(x, k):
    return corr2d(x, k[::-1, ::-1])
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "solution.py"
    path.write_text(RIGHT)
    return path


def test_a_right_function(file, capsys):
    assert main(["check", f"{file}:corr2d"]) == 0
    assert capsys.readouterr().out.startswith("solution.py:corr2d is right: 13 of 13 points\n")


def test_the_function_with_the_name_of_a_task_is_found(file, capsys):
    assert main(["check", str(file)]) == 0
    assert main(["check", str(file), "--task", "corr2d"]) == 0
    assert "solution.py:corr2d" in capsys.readouterr().out


def test_a_wrong_one_says_what_is_wrong(file, capsys):
    assert main(["check", f"{file}:mine", "--task", "corr2d"]) == 1
    said = capsys.readouterr().out
    assert "What is wrong: The kernel is flipped" in said
    assert "right is [[1]]" in said
    assert max(map(len, said.splitlines())) <= 80


def test_hints(file, capsys):
    assert main(["check", f"{file}:mine", "--task", "corr2d", "--hints"]) == 1
    assert "Where to look: Which pixel of the window" in capsys.readouterr().out


def test_json(file, capsys):
    assert main(["check", f"{file}:mine", "--task", "corr2d", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["check"]
    assert found["mistake"]["key"] == "flipped"
    assert (found["points"], found["max_points"]) == (1, 13)
    assert len(found["cases"]) == 13


def test_the_same_seed_draws_the_same(file, capsys):
    outputs = []
    for seed in ("1", "1", "2"):
        main(["check", f"{file}:mine", "--task", "corr2d", "--seed", seed, "--json"])
        outputs.append(json.loads(capsys.readouterr().out)["check"]["cases"])
    assert outputs[0] == outputs[1]


def test_gradescope(file, tmp_path, capsys):
    results = tmp_path / "results.json"
    assert main(["check", f"{file}:mine", "--task", "corr2d", "--gradescope", str(results)]) == 1
    found = json.loads(results.read_text())
    assert found["score"] == sum(test["score"] for test in found["tests"]) == 1
    assert {test["status"] for test in found["tests"]} == {"passed", "failed"}


def test_tasks(capsys):
    assert main(["check", "--tasks"]) == 0
    said = capsys.readouterr().out
    for name in ("corr2d", "convolve2d", "im2col", "conv_backward", "Conv2D", "learn"):
        assert name in said
    assert max(map(len, said.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "FILE.py:FUNCTION"),
        (["missing.py:corr2d"], "missing.py cannot be read"),
        (["{file}:nothing", "--task", "corr2d", "--framework", "tensorflow"], "framework must be"),
        (["{file}:mine"], "is the name of no task"),
        (["{file}:mine", "--task", "conv"], "task must be one of"),
        (["{file}", "--task", "learn"], "no function"),
        (["{file}:corr2d", "--seconds", "0"], "seconds must be positive"),
        (["{file}:corr2d", "--gradescope", "/no/such/folder/x"], "cannot be written"),
    ],
)
def test_misuse_is_one_line(file, arguments, says, capsys):
    assert main(["check", *(a.format(file=file) for a in arguments)]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert len(said.splitlines()) == 1
