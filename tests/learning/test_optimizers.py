"""The frameworks' own optimizers, and momentum on every backend."""

import functools
import re

import backends_under_test
import numpy as np
import pytest
from comparing import check_error

STRIPES = np.ones((6, 8))
STRIPES[:, 2:6] = 0
EDGES = STRIPES[:, :-1] - STRIPES[:, 1:]
TRUTH = [[1, -1]]


def learner(backend):
    x, y = (backend.array(a, "float32") for a in (STRIPES, EDGES))

    def run(**options):
        start = {} if "seed" in options else {"init": [[0, 0]]}
        return backend.functions.learn_kernel(x, y, (1, 2), **start, **options)

    return run


class Recorder:
    def __init__(self):
        self.calls = []

    def __call__(self, step, loss, weight, bias):
        self.calls.append((step, loss, weight, bias))


class TestMomentum:
    def test_it_gets_there_in_fewer_steps(self, backend):
        """Of the eigenvalues 30 and 6, one step of it is worth almost two without."""
        learn = learner(backend)
        momentum = ((5**0.5 - 1) / (5**0.5 + 1)) ** 2
        fast = learn(seed=0, steps=25, momentum=momentum, lr=(1 + momentum) / 36)
        slow = learn(seed=0, steps=25, lr=1 / 36)
        assert float(fast.losses[-1]) < 1e-4 * float(slow.losses[-1])

    def test_two_steps_by_hand(self, backend):
        """From zero: g = (-12, 12), v = g, w = (1.5, -1.5) / 4; then the velocity halves."""
        learned = learner(backend)(steps=2, lr=2.0**-5, momentum=0.5)
        # A^T A = [[18, 12], [12, 18]] and A^T y = (6, -6): the way is along (1, -1).
        first = 12 / 32
        second = first + 2.0**-5 * (0.5 * 12 + 12 - 12 * first)
        assert backend.to_numpy(learned.weight).tolist() == [[second, -second]]

    def test_the_limit_of_the_rate_grows_with_it(self, backend):
        learn = learner(backend)
        learn(lr=0.99 * 1.5 / 30, momentum=0.5)
        with pytest.warns(RuntimeWarning, match=r"beyond lr=0\.05 with momentum=0\.5"):
            learned = learn(lr=1.01 * 1.5 / 30, momentum=0.5, seed=0, steps=400)
        assert "grew" in learned.notes[0]

    def test_the_notes_lead_to_it(self, backend):
        """From a rate that is too small by way of the best one, on a picture that is smooth."""
        picture = np.cumsum(np.random.default_rng(0).normal(size=(20, 20)), axis=1) / 20
        x = backend.array(picture, "float32")
        y = backend.array(picture[:, 2:] - picture[:, :-2], "float32")

        def notes(**options):
            learn = backend.functions.learn_kernel
            return learn(x, y, (1, 3), seed=0, steps=150, **options).notes

        (note,) = notes(lr=1e-4)
        rate = re.search(r"lr=(\S+) converges fastest", note)[1]
        (note,) = notes(lr=float(rate))
        momentum, rate = re.search(r"momentum=(\S+) with lr=(\S+) is", note).groups()
        assert notes(lr=float(rate), momentum=float(momentum)) == []

    @pytest.mark.parametrize(
        ("error", "momentum", "words"),
        [
            (ValueError, 1, ("momentum", "less than 1", "0.9")),
            (ValueError, -0.1, ("momentum", "at least 0")),
            (ValueError, float("nan"), ("momentum", "nan")),
            (TypeError, "much", ("momentum", "much", "0.9")),
            (TypeError, None, ("momentum", "None")),
        ],
    )
    def test_what_it_may_be(self, backend, error, momentum, words):
        check_error(error, lambda: learner(backend)(momentum=momentum), *words)

    def test_it_is_no_optimizers(self, backend):
        learn = learner(backend)
        check_error(ValueError, lambda: learn(momentum=0.5, optimizer=max), "momentum", "optimizer")


@pytest.mark.needs_backend("torch")
class TestTorch:
    @pytest.fixture
    def learn(self):
        return learner(backends_under_test.Torch())

    def test_a_class_is_given_the_rate(self, learn):
        import torch

        made = []

        class Watched(torch.optim.Adam):
            def __init__(self, parameters, lr):
                made.append(lr)
                super().__init__(parameters, lr)

        learned = learn(optimizer=Watched, lr=0.5, steps=200, seed=0)
        assert made == [0.5]
        assert np.round(learned.weight.numpy(), 1).tolist() == TRUTH
        assert not learned.weight.requires_grad

    def test_a_factory_is_given_the_parameters_alone(self, learn):
        """The framework's descent with momentum takes our way, up to its fused operations."""
        import torch

        seen = Recorder()
        theirs = learn(
            optimizer=lambda p: torch.optim.SGD(p, lr=2.0**-6, momentum=0.5),
            steps=3,
            callback=seen,
        )
        ours = learn(steps=3, lr=2.0**-6, momentum=0.5)  # whole numbers over powers of two
        assert torch.equal(theirs.weight, ours.weight)
        assert torch.equal(theirs.losses, ours.losses)
        assert [call[0] for call in seen.calls] == [0, 1, 2]
        assert seen.calls[0][2].tolist() == [[0, 0]]  # and not what it has become
        assert not seen.calls[0][2].requires_grad

    def test_one_that_looks_more_than_once(self, learn):
        """The loss that is kept is the one before the step, of L-BFGS too."""
        import torch

        learned = learn(optimizer=torch.optim.LBFGS, lr=1.0, steps=3)
        assert float(learned.losses[0]) == 12
        assert np.round(learned.weight.numpy(), 3).tolist() == TRUTH

    def test_a_bias_and_every_mode(self, learn):
        import torch

        for mode in (torch.no_grad, torch.inference_mode):
            with mode():
                learned = learn(optimizer=torch.optim.Rprop, bias=True, steps=150)
            assert np.round(learned.weight.numpy(), 1).tolist() == TRUTH
            assert tuple(learned.bias.shape) == (1,)

    def test_one_that_diverges_is_told_so(self, learn):
        import torch

        learned = learn(optimizer=lambda p: torch.optim.SGD(p, lr=10.0), seed=0, steps=60)
        assert "the optimizer's rate is too large" in learned.notes[0]

    def test_what_is_none(self, learn):
        import torch

        other = torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=1.0)
        for wrong, words in (
            (3, ("int", "torch.optim.Adam")),
            (other, ("SGD", "other parameters", "lambda p")),
            (lambda p: None, ("NoneType", "torch.optim.Optimizer")),
        ):
            check_error(TypeError, lambda o=wrong: learn(optimizer=o), "optimizer", *words)


class Descent:
    """Gradient descent as a transformation of gradients: what optax's are, without optax."""

    def __init__(self, rate):
        self.rate = rate

    def init(self, parameters):
        return 0

    def update(self, gradients, memory, parameters=None):
        import jax

        return jax.tree.map(lambda g: -self.rate * g, gradients), memory + 1


@pytest.mark.needs_backend("jax")
class TestJax:
    @pytest.fixture
    def learn(self):
        return learner(backends_under_test.Jax())

    @pytest.mark.parametrize("given", [Descent(2.0**-6), functools.partial(Descent)])
    def test_a_transformation_or_what_makes_one(self, learn, given):
        seen = Recorder()
        learned = learn(optimizer=given, lr=2.0**-6, steps=3, callback=seen)
        ours = learn(lr=2.0**-6, steps=3)
        assert learned.weight.tolist() == ours.weight.tolist()
        assert learned.losses.tolist() == ours.losses.tolist()
        assert seen.calls[0][2].tolist() == [[0, 0]]

    @pytest.mark.needs_library("optax")
    def test_those_of_optax(self, learn):
        import optax

        for given, steps in ((optax.adam(0.3), 200), (optax.adam, 200), (optax.lbfgs(), 8)):
            learned = learn(optimizer=given, lr=0.3, steps=steps, bias=True)
            assert np.round(np.asarray(learned.weight), 1).tolist() == TRUTH

    def test_what_is_none(self, learn):
        for wrong in (3, Recorder, lambda rate: None):
            check_error(
                TypeError, lambda o=wrong: learn(optimizer=o), "optimizer", "optax.adam(0.1)"
            )


def test_arrays_without_autodiff_have_none(backend):
    if backend.name in ("torch", "jax"):
        return
    for steps in (0, 3):
        check_error(
            TypeError,
            lambda n=steps: learner(backend)(optimizer=Descent(0.1), steps=n),
            "optimizer",
            "Descent",
            "momentum=0.9",
        )
