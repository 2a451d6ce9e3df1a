"""`multiconv exact`: one hash on every machine, and what is said where it is another."""

import json

import backends_under_test
import numpy as np
import pytest

from multiconv import cli, get_backend
from multiconv.coursework import exact_digest, exact_problems
from multiconv.exact import self_test

BUILT_IN = [name for name in backends_under_test.CHOSEN if name != "strict"]
WHOLE = "ed5afe133ab2950dc03d6505daf22e6fe3dcd10d55997f0c94b5888f2d8b5914"


@pytest.fixture
def run(capsys):
    """Run the command in this process: its exit status and stdout."""

    def run(*arguments):
        status = cli.main(["exact", *arguments])
        out, err = capsys.readouterr()
        return status, out, err

    return run


def digest(name):
    face = get_backend(name)
    return exact_digest.digest(face, face.backend.asarray([]))


class TestTheDigest:
    def test_it_is_what_the_readme_says(self):
        assert WHOLE == exact_digest.EXPECTED_WHOLE

    @pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "jax"])
    def test_it_is_the_same_in_every_library(self, name):
        found = digest(name)
        assert found.groups == exact_digest.EXPECTED
        assert found.whole == WHOLE

    @pytest.mark.slow
    @pytest.mark.needs_backend("jax")
    def test_it_is_the_same_with_jax(self):  # compiles every problem
        assert digest("jax").whole == WHOLE

    def test_every_group_has_problems(self):
        groups = {problem.group for problem in exact_problems.problems()}
        assert {*groups, "training"} == set(exact_problems.GROUPS) == set(exact_digest.EXPECTED)

    def test_the_numbers_are_those_of_the_generator(self):
        found = exact_problems.numbers((3,), 0) * 2**24
        assert np.array_equal(found, np.round(found))
        assert not np.array_equal(found, exact_problems.numbers((3,), 1) * 2**24)

    def test_a_bit_makes_another_hash(self, monkeypatch):
        monkeypatch.setattr(exact_digest, "_LESSONS", ())
        solved = exact_digest._solved

        def almost(problem, face, like):
            y = solved(problem, face, like)
            if problem.group == "borders":
                y = y.copy()
                y.flat[0] = np.nextafter(y.flat[0], np.float32(0))
            return y

        monkeypatch.setattr(exact_digest, "_solved", almost)
        assert digest("numpy").differing == ["borders", "training"]


class TestTheCommand:
    def test_it_explains_and_tests(self, run):
        status, out, _ = run("--backend", "numpy")
        assert status == 0
        assert out.startswith('method="exact" gives the exact sum of all products, rounded once')
        assert out.count("✓") == len(self_test.PROBES)
        assert max(map(len, out.splitlines())) <= 80

    def test_it_prints_the_hashes(self, run):
        status, out, _ = run("--digest", "--backend", "numpy")
        assert status == 0
        assert f"all           {WHOLE}" in out
        assert "✓ as it must be" in out
        assert max(map(len, out.splitlines())) <= 80

    def test_in_json(self, run):
        status, out, _ = run("--digest", "--backend", "numpy", "--json")
        found = json.loads(out)["exact"]
        assert status == 0
        assert found["sha256"] == WHOLE
        assert found["as_expected"] is True
        assert found["groups"] == exact_digest.EXPECTED

    def test_a_device_that_differs(self, run, monkeypatch):
        wrong = exact_digest.EXPECTED | {"limits": "0" * 64}
        monkeypatch.setattr(exact_digest, "EXPECTED", wrong)
        status, out, _ = run("--digest", "--backend", "numpy")
        assert status == 1
        assert "✗ not as it must be: limits" in out

    def test_a_device_that_is_refused(self, run, monkeypatch):
        probe = self_test.PROBES[0]._replace(run=lambda backend, like: "3 of 64 are wrong")
        monkeypatch.setattr(self_test, "PROBES", (probe,))
        status, out, _ = run("--backend", "numpy")
        assert status == 1
        assert "✗ float64 products must keep 53 bits\n    3 of 64 are wrong" in out
        assert 'method="exact" is refused here.' in out

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--backend", "nympy"], "--backend: there is no backend 'nympy'"),
            (["--backend", "numpy", "--device", "cuda"], "--device: the numpy backend has no"),
        ],
    )
    def test_misuse(self, run, arguments, words):
        status, _, err = run(*arguments)
        assert status == 2
        assert words in err

    @pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "numpy"])
    def test_a_device_that_is_not_there(self, run, name):
        status, _, err = run("--backend", name, "--device", "cuda:7")
        assert status == 2
        assert "has no device 'cuda:7' here: there are cpu" in err
