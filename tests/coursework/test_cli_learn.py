"""The command line learns: `multiconv learn`, and the last section of `multiconv compare`."""

import io
import json
import math
import re

import backends_under_test
import numpy as np
import pytest
from subprocesses import run_python

from multiconv import cli, kernels
from multiconv.core import rounding
from multiconv.coursework import (
    arguments,
    learning,
    learning_report,
    pace,
    pictures,
    recovery,
    terminal,
)
from multiconv.coursework.lesson import of_picture, textbook
from multiconv.faces import Face, get_backend

BUILT_IN = [name for name in backends_under_test.CHOSEN if name != "strict"]
BACKENDS = ["--backends", ",".join(BUILT_IN or ["numpy"])]


@pytest.fixture
def run(capsys):
    """Run the command in this process: its exit status, stdout and stderr."""

    def run(*arguments):
        status = cli.main([str(a) for a in arguments])
        return (status, *capsys.readouterr())

    return run


@pytest.fixture
def learn(run):
    """The exit status and the JSON of `multiconv learn`."""

    def learn(*arguments):
        status, out, err = run("learn", *BACKENDS, "--json", *arguments)
        assert err == ""
        return status, json.loads(out)["learning"]

    return learn


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.npy"
    np.save(path, np.random.default_rng(3).integers(0, 256, (12, 10)).astype(np.uint8))
    return path


class TestCompare:
    @pytest.fixture
    def compared(self, small):
        return ["compare", *BACKENDS, "--methods", "direct", "--no-jit", "--image", small]

    def test_the_section(self, run, compared):
        status, out, _ = run(*compared)
        assert status == 0
        section = out[out.index("\nlearning\n") :]
        words = " ".join(section.split())
        assert "bring the textbook's edge detector [1 -1] back as [0.99 -0.99]" in words
        assert max(map(len, section.splitlines())) <= 80

    def test_the_document(self, run, compared):
        status, out, _ = run(*compared, "--json")
        found = json.loads(out)["learning"]
        assert status == 0
        assert found["agree"] is True
        assert (found["steps"], found["lr"], found["seed"]) == (10, 0.03, None)
        for pupil in found["backends"]:
            assert np.shape(pupil["weights"]) == (11, 2)
            assert pupil["weights"][0] == [0, 0]
            assert pupil["losses"][0] == 12
            assert len(pupil["losses"]) == 10
            assert 0 <= pupil["fraction"] <= 1
            assert pupil["time"]["calls"] >= 3
            assert np.allclose(pupil["solved"]["weight"], [1, -1])

    def test_what_is_learned_wrongly_is_a_disagreement(self, run, compared, monkeypatch):
        monkeypatch.setattr(learning, "_descend", _wrong)
        status, out, _ = run(*compared)
        assert status == 1
        first = " ".join(out.partition("\n\n")[0].split())
        assert re.search(r"(\d+) of \1 runs.* not learn as expected", first)


def _wrong(pupil, *_, **__):
    pupil.wrong.append("its weight is wrong")


class TestLearn:
    def test_ours(self, run):
        """With its defaults, on a photograph, the kernel comes back."""
        status, out, err = run("learn", *BACKENDS)
        assert (status, err) == (0, "")
        text = " ".join(out.split())
        off = re.match(r"recovered: yes, by [a-z, ]+: off by (?:at most )?(\S+) After", text)[1]
        assert float(off) < 1e-4
        assert "moves no more than one rounding of float32" in text
        assert "128x128" in text
        assert "sobel-x" in text
        assert "determine all 9 numbers" in text
        assert re.search(
            r"agrees? .*all of \d+ steps and the solution \(\d+ s\)$", out, re.MULTILINE
        )
        assert max(map(len, out.splitlines())) <= 80

    def test_the_kernel_comes_back(self, learn, small):
        status, found = learn("--image", small, "--kernel", "prewitt-y")
        assert status == 0
        truth = kernels.named("prewitt-y").ravel()
        for pupil in found["backends"]:
            assert np.round(pupil["solved"]["weight"], 5).tolist() == truth.tolist()
            assert np.round(pupil["weights"][-1], 5).tolist() == truth.tolist()
            assert pupil["largest_difference"] < 1e-5
            assert pupil["off_by"] < 1e-5
            assert pupil["losses"][-1] < 1e-9 * pupil["losses"][0]
            assert len(pupil["losses"]) == found["steps"]
            assert pupil["weights_before"] == list(range(found["steps"] + 1))
            assert pupil["status"] == "agrees"
        starts = {tuple(pupil["weights"][0]) for pupil in found["backends"]}
        assert len(starts) == 1

    def test_a_larger_kernel_and_a_bias(self, learn, small):
        arguments = ["--image", small, "--kernel", "[[1, -1]]", "--size", "2x3", "--bias"]
        status, found = learn(*arguments, "--loss", "mean", "--seed", 5)
        assert status == 0
        for pupil in found["backends"]:
            solved = pupil["solved"]
            assert np.round(solved["weight"], 5).tolist() == [1, -1, 0, 0, 0, 0, 0]
            assert solved["largest_difference"] < 1e-6
            assert np.shape(pupil["weights"]) == (found["steps"] + 1, 7)
        assert found["loss"] == "mean"

    def test_a_smaller_kernel_cannot_fit(self, run, learn, small):
        status, found = learn("--image", small, "--kernel", "sobel-x", "--size", "1,3")
        assert status == 0
        assert found["backends"][0]["largest_difference"] is None
        assert found["backends"][0]["off_by"] < 1e-6
        assert found["backends"][0]["solved"]["residual"] > 0.1
        out = run("learn", *BACKENDS, "--image", small, "--size", "1x3")[1]
        assert out.startswith("recovered: as well as 1x3 can, by ")
        assert "A kernel of 1x3 cannot do all that one of 3x3 did." in out

    def test_the_rate_is_the_fastest_unless_it_is_given(self, learn, small):
        auto = learn("--image", small)[1]
        assert learn("--image", small, "--loss", "mean")[1]["lr"] == pytest.approx(
            auto["lr"] * 10 * 8
        )
        plain = learn("--image", small, "--momentum", 0)[1]
        assert plain["lr"] * (1 + auto["momentum"]) == pytest.approx(auto["lr"])
        assert plain["steps"] > 2 * auto["steps"]
        given = learn("--image", small, "--lr", "1e-3")[1]
        assert (given["lr"], given["momentum"]) == (1e-3, 0)  # as in the textbook
        both = learn("--image", small, "--lr", "1e-3", "--momentum", "0.5")[1]
        assert (both["lr"], both["momentum"]) == (1e-3, 0.5)

    def test_steps_are_a_limit(self, run, learn, small):
        settled = learn("--image", small)[1]["steps"]
        assert learn("--image", small, "--steps", 10**9)[1]["steps"] == settled
        status, found = learn("--image", small, "--steps", settled // 2)
        assert (status, found["steps"]) == (0, settled // 2)
        out = run("learn", *BACKENDS, "--image", small, "--steps", settled // 2)[1]
        assert "the limit that --steps sets, it moves still" in " ".join(out.split())

    def test_the_middle_of_a_large_picture_is_enough(self, run, learn, tmp_path, monkeypatch):
        monkeypatch.setattr("multiconv.coursework.learning_arguments._MOST_OUTPUTS", 100)
        np.save(tmp_path / "large.npy", np.random.default_rng(0).random((30, 40)))
        arguments = ["--image", tmp_path / "large.npy", "--kernel", "laplacian"]
        status, found = learn(*arguments)
        assert status == 0
        assert (found["image_size"], found["part_of"]) == ([12, 12], [30, 40])
        out = run("learn", *BACKENDS, *arguments)[1]
        assert re.search(r"the middle 12x12 of \S+, 30x40 \(--whole", " ".join(out.split()))
        for more in (["--whole"], ["--size", "3x8"]):  # or where the kernel needs more
            status, found = learn(*arguments, *more)
            assert status == 0
            assert (found["image_size"], found["part_of"]) == ([30, 40], None)

    def test_the_weights_of_many_steps_are_thinned_out(self, learn, small):
        found = learn("--image", small, "--lr", "1e-6", "--steps", 3000)[1]
        pupil = found["backends"][0]
        assert len(pupil["losses"]) == found["steps"] == 3000
        assert len(pupil["weights"]) == len(pupil["weights_before"]) == 1001
        assert (pupil["weights_before"][0], pupil["weights_before"][-1]) == (0, 3000)

    def test_a_rate_that_is_too_large(self, run, learn, small):
        status, out, err = run("learn", *BACKENDS, "--image", small, "--lr", 1)
        assert (status, err) == (1, "")
        text = " ".join(out.split())
        assert re.match(r"recovered: no, not by [a-z, ]+: the descent diverged", text)
        limit = float(re.search(r"--lr 1 is beyond (\S+), from where on the loss grows", text)[1])
        assert "up to overflow" in text
        status, found = learn("--image", small, "--lr", 1)
        assert status == 1
        assert 3 < found["compared_steps"] <= found["steps"] < 100
        assert found["backends"][0]["losses"][-1] is None
        assert "the descent diverged" in found["verdict"]
        # And that is the limit.
        assert "diverged" in learn("--image", small, "--lr", 1.001 * limit)[1]["verdict"]
        assert "diverged" not in learn("--image", small, "--lr", 0.999 * limit)[1]["verdict"]

    def test_data_that_leave_something_open(self, run, tmp_path):
        np.save(tmp_path / "flat.npy", np.full((6, 8), 0.5))
        image = tmp_path / "flat.npy"
        status, out, _ = run("learn", *BACKENDS, "--image", image, "--kernel", "[[1, -1]]")
        assert status == 1
        text = " ".join(out.split())
        assert text.startswith("recovered: no: the picture does not determine the kernel")
        assert "It fixes 1 of 2 numbers, and as far as these go the kernel is learned." in text
        assert "in part" in text
        assert "of its 2 numbers 1 are fixed" in text

    def test_a_black_picture(self, learn, tmp_path):
        np.save(tmp_path / "black.npy", np.zeros((6, 8)))
        status, found = learn("--image", tmp_path / "black.npy")
        assert (status, found["agree"], found["determined"]) == (1, True, False)
        assert found["backends"][0]["solved"]["rank"] == 0

    def test_a_picture_in_several_blocks_is_the_same(self, monkeypatch):
        learned = of_picture(pictures.camera(), np.float32([[1, -1]]), (2, 2), bias=True, seed=0)
        whole = learned.moments()
        monkeypatch.setattr("multiconv.learning.normal_form._BLOCK_ELEMENTS", 3000)
        # Two orders of at most n products, none of them above 1: pixels and their differences.
        n = 128 * 128
        bound = 2 * rounding.gamma(n, 2.0**-53) * n
        for found, expected in zip(learned.moments(), whole, strict=True):
            assert np.all(np.abs(np.asarray(found) - expected) <= bound)

    def test_a_large_kernel_is_not_printed(self, run, small):
        arguments = ["--image", small, "--size", "3x8"]
        status, out, _ = run("learn", "--backends", "numpy", *arguments)
        assert status == 0
        assert "3x8 is not printed" in out


class TestRecovery:
    """The exit status says whether the kernel came back, and the first lines why not."""

    def said(self, out):
        return " ".join(out[: out.index("\n\n")].split())

    def test_too_few_steps(self, run, small):
        arguments = ["learn", "--backends", "numpy", "--image", small]
        status, out, _ = run(*arguments, "--steps", 2)
        assert status == 1
        found = re.match(
            r"recovered: no, not by numpy: off by [\d.]+, where 0\.5 would do 2 steps are too few: "
            r"at this rate --steps (\d+) would do\. Least squares, which takes no steps, gives it "
            r"back\.",
            self.said(out),
        )
        assert run(*arguments, "--steps", found[1])[0] == 0

    def test_plain_steps_on_our_photograph_are_many(self, run):
        arguments = ["learn", "--backends", "numpy", "--momentum", 0]
        status, out, _ = run(*arguments, "--steps", 200)
        assert status == 1
        steps = re.search(r"at this rate --steps (\d+) would do", self.said(out))[1]
        assert int(steps) > 1000
        assert run(*arguments, "--steps", steps)[0] == 0
        fewer = re.search(r"at the fastest --steps (\d+) would do", self.said(out))[1]
        assert int(fewer) < 300
        assert run("learn", "--backends", "numpy", "--steps", fewer)[0] == 0

    @pytest.mark.parametrize("rate", ["10", "1e-9"])
    def test_a_rate_that_leads_nowhere(self, run, small, rate):
        arguments = ["learn", "--backends", "numpy", "--image", small]
        status, out, _ = run(*arguments, "--lr", rate)
        assert status == 1
        assert ("the descent diverged" in self.said(out)) == (rate == "10")
        advice = r"Leave --lr and --momentum out: at the fastest (--steps \d+) would do"
        found = re.search(advice, self.said(out))[1]
        assert run(*arguments, *found.split())[0] == 0

    def test_in_the_document(self, learn, small):
        status, found = learn("--image", small, "--steps", 2)
        assert (status, found["agree"], found["recovered"]) == (1, True, False)
        assert found["recovered_within"] == 0.5
        assert not any(pupil["recovered"] for pupil in found["backends"])
        status, found = learn("--image", small)
        assert (status, found["agree"], found["recovered"]) == (0, True, True)
        assert all(pupil["recovered"] for pupil in found["backends"])

    @pytest.mark.parametrize(
        ("kernel", "within"),
        [
            ([[1, -1]], 0.5),
            ([[2, 0, -0.25]], 0.125),
            ([[1, 1 / 256]], 0.5),  # the second is less than a grey level of 255
            (np.full((17, 17), 0.5), 0.25),
            ([[0, 0]], math.inf),
        ],
    )
    def test_what_counts(self, kernel, within):
        kernel = np.float32(kernel)
        found = recovery.recovery(of_picture(pictures.camera(), kernel, kernel.shape))
        assert found.within == within
        truth = kernel.ravel().astype(np.float64)
        assert found.is_reached(truth)
        for value in (np.nan, np.inf):
            assert not found.is_reached(truth + value)
        if math.isfinite(within):
            change = np.zeros_like(truth)
            change[0] = within
            assert found.is_reached(truth + change * 0.999)
            assert not found.is_reached(truth + change * 1.001)

    def test_what_the_data_leave_open_does_not_count(self):
        flat = np.full((6, 8), 0.5, np.float32)
        found = recovery.recovery(of_picture(flat, np.float32([[1, -1]]), (1, 2)))
        assert found.is_reached(np.array([7.0, -7.0]))
        assert not found.is_reached(np.array([2.0, -0.5]))

    @pytest.mark.parametrize("momentum", [0.0, 0.8])
    def test_the_steps_are_those_of_exact_descent(self, momentum):
        """Followed in float64, which is near enough to exact for so few steps."""
        picture = np.random.default_rng(0).random((9, 9)).astype(np.float32)
        lesson = of_picture(picture, np.float32([[1, -1]]), (2, 2), seed=3)
        goal, rate, system = recovery.recovery(lesson), 1e-3, lesson.moments()
        steps = int(goal.steps(rate, momentum))
        weight, velocity, path = lesson.start.astype(float), 0, []
        for _ in range(steps + 1):
            path.append(np.linalg.norm(weight - lesson.truth))
            velocity = momentum * velocity + 2 * (system.gram @ weight - system.cross)
            weight = weight - rate * velocity
        assert path[steps] <= goal.within
        if not momentum:  # with it, the last step has to be small as well
            assert path[steps - 1] > goal.within
        assert goal.steps(10.0, momentum) == math.inf

    def test_where_it_settles(self):
        picture = np.random.default_rng(0).random((9, 9)).astype(np.float32)
        lesson = of_picture(picture, np.float32([[1, -1]]), (1, 2), seed=3)
        slow, fast = (pace.paced(lesson, None, m, 10**9) for m in (0.0, None))
        assert fast.momentum > 0
        assert fast.steps < slow.steps / 2
        for chosen in (slow, fast):
            found = learning.learn([get_backend("numpy")], chosen)
            assert found.agrees
            # Rounding may move it as far from there as it gained on exact descent before.
            assert found.recovery.distance(found.pupils[0].weight) < 1e-5


class TestDisagreement:
    def learned(self, wrap):
        face = Face(get_backend("numpy").backend)
        original = face.learn_kernel
        face.learn_kernel = lambda *args, **options: wrap(original(*args, **options))
        return learning.learn([face], textbook())

    def test_a_right_one(self):
        assert self.learned(lambda result: result).agrees

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda r: {"weight": r.weight * np.float32(1.01)}, "step 10 is"),
            (lambda r: {"weight": r.weight * np.float32("nan")}, "not finite"),
            (lambda r: {"losses": r.losses / 42}, "loss before step 1 is"),
            (lambda r: {"losses": r.losses[:-1]}, "losses are float32 of shape (9,)"),
            (lambda r: {"losses": r.losses.astype("float64")}, "losses are float64"),
            (lambda r: {"weight": r.weight.tolist()}, "AttributeError"),
        ],
    )
    def test_a_wrong_one(self, change, words):
        found = self.learned(
            lambda r: type(r)(**{"weight": r.weight, "bias": None, "losses": r.losses} | change(r))
        )
        assert not found.agrees
        (pupil,) = found.pupils
        assert any(words in problem for problem in pupil.problems) or (
            words == "AttributeError" and pupil.status != "agrees"
        )
        text = "".join(s.text for line in learning_report.section(found) for s in line)
        assert "1 of 1 backend did not learn as they should" in text

    def test_an_error(self):
        def broken(result):
            raise RuntimeError("no such unit")

        found = self.learned(broken)
        assert found.pupils[0].status == "failed"
        assert found.pupils[0].problems == ["RuntimeError: no such unit"]

    def test_a_wrong_solution(self, monkeypatch):
        face = Face(get_backend("numpy").backend)
        original = face.solve_kernel

        def solve(*args, **options):
            solved = original(*args, **options)
            solved.weight[0, 0] *= 1.0001
            return solved

        face.solve_kernel = solve
        found = learning.learn([face], textbook())
        assert "normal equations" in found.pupils[0].problems[0]

    def test_the_exit_status(self, run, small, monkeypatch):
        monkeypatch.setattr(learning, "_descend", _wrong)
        status, out, _ = run("learn", "--backends", "numpy", "--image", small)
        assert status == 1
        assert "numpy: its weight is wrong" in out

    def test_a_broken_installation(self, run, small, monkeypatch):
        monkeypatch.setattr(arguments, "backends", lambda _: ([], {"torch": "libtorch is gone"}))
        status, out, _ = run("learn", "--image", small)
        assert status == 1
        assert "torch cannot be used: libtorch is gone" in out


class TestMisuse:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--steps", "0"], ["--steps", "0"]),
            (["--steps", "many"], ["--steps", "many"]),
            (["--lr", "fast"], ["--lr", "fast", "auto"]),
            (["--lr", "0"], ["--lr", "'0'", "positive"]),
            (["--lr", "nan"], ["--lr", "nan"]),
            (["--lr=-1"], ["--lr", "-1"]),
            (["--momentum", "1"], ["--momentum", "'1'", "0.9"]),
            (["--momentum=-0.5"], ["--momentum", "-0.5"]),
            (["--momentum", "much"], ["--momentum", "much", "auto"]),
            (["--loss", "max"], ["--loss", "max", "mean"]),
            (["--seed", "x"], ["--seed", "x"]),
            (["--seed", str(2**64)], ["--seed", "64 bits"]),
            (["--size", "3"], ["--size", "'3'", "3x5"]),
            (["--size", "0x3"], ["--size", "0x3"]),
            (["--size", "200x3"], ["--size", "200x3", "128x128"]),
            (["--size", "100x100"], ["--size", "10000", "1024"]),
            (["--kernel", "sobel"], ["--kernel", "sobel-x"]),
            (["--image", "no/such.png"], ["--image", "no/such.png"]),
            (["--backends", "numpi"], ["--backends", "numpi"]),
            (["--save", "a.safetensors"], ["--save"]),
        ],
        ids=lambda value: " ".join(value)[:40],
    )
    def test_it_names_the_argument_and_what_would_work(self, run, arguments, words):
        status, out, err = run("learn", *arguments)
        assert (status, out) == (2, "")
        for word in words:
            assert word in err

    def test_help(self, run):
        status, out, _ = run("learn", "--help")
        assert status == 0
        assert "auto, the fastest that converges" in " ".join(out.split())


@pytest.mark.parametrize(
    ("losses", "text"),
    [
        ([], ""),
        ([1.0], "▁"),
        ([1e7, 1e3, 1.0], "█▄▁"),
        ([1.0, math.inf, math.nan], "▁██"),
        ([100.0, 0.0], "▁▁"),
        ([0.0, 0.0], "▁▁"),
        ([1e30, 1e26, 1.0, 0.0], "█▅▁▁"),
    ],
)
def test_a_curve(losses, text):
    assert learning_report.curve(np.array(losses)) == text


def test_a_long_curve_is_sampled():
    text = learning_report.curve(np.logspace(0, -5, 1000))
    assert len(text) == 14
    assert text[0] == "█"
    assert text[-1] == "▁"


def test_a_curve_where_blocks_are_missing():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    terminal.show([[terminal.Segment("█▅▁ 3 µs")]], stream)
    stream.flush()
    assert stream.buffer.getvalue().strip() == b"#=_ 3 us"


@pytest.mark.needs_backend("strict")
def test_a_library_of_the_array_api_learns_too():
    out = run_python(
        """
        import array_api_strict, multiconv
        from multiconv.backends.array_api import ArrayAPIBackend
        from multiconv.coursework import learning
        from multiconv.coursework.lesson import textbook
        multiconv.register_backend(ArrayAPIBackend(array_api_strict))
        found = learning.learn([multiconv.get_backend("array_api_strict")], textbook())
        print(found.agrees, found.pupils[0].problems)
        """
    )
    assert out == "True []"
