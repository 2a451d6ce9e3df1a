"""One trajectory of a hundred steps: in every library, eager, compiled and scanned, bit for bit."""

import hashlib

import numpy as np
import pytest
from subprocesses import run_with_file

import multiconv as mc
from multiconv import exact

STEPS, LR = 100, 0.5
OPTIONS = {"padding": 1, "stride": 2, "method": "exact"}

#: Of the weight, the bias and the losses of all steps, float32 in C order and little endian.
GOLDEN = "1776bc2c26b0ed9b849414dd61cf3e0dab2321b971aa82eee002a1d840a64358"


def lesson():
    """Images, and what a kernel with a bias makes of them, with noise: nothing fits."""
    bits = np.random.Philox(key=1).random_raw(2 * 2 * 8 * 8 + 2 * 3 * 4 * 4)
    numbers = ((bits >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1).astype(np.float32)
    return numbers[:256].reshape(2, 2, 8, 8), numbers[256:].reshape(2, 3, 4, 4)


def start():
    learned = mc.learn_kernel(*lesson(), (3, 2, 3, 3), steps=0, seed=0, bias=True, **OPTIONS)
    return learned.weight, learned.bias


def hashed(weight, bias, losses):
    arrays = (np.asarray(a, "<f4") for a in (weight, bias, losses))
    return hashlib.sha256(b"".join(a.tobytes() for a in arrays)).hexdigest()


class TestLearnKernel:
    def test_the_hash(self, backend):
        x, y = map(backend.array, lesson())
        begin = tuple(map(backend.array, start()))
        options = {"bias": True, "steps": STEPS, "lr": LR, "loss": "mean", **OPTIONS}
        learned = mc.learn_kernel(x, y, (3, 2, 3, 3), init=begin, **options)
        found = (backend.to_numpy(a) for a in (learned.weight, learned.bias, learned.losses))
        assert hashed(*found) == GOLDEN


class TestByHand:
    def test_numpy_with_its_layer(self):
        x, y = lesson()
        layer = mc.numpy.Conv2D(3, in_channels=2, out_channels=3, **OPTIONS)
        layer.weight[...], layer.bias[...] = start()
        losses = []
        for _ in range(STEPS):
            out = layer(x)
            losses.append(exact.squared_error(out, y, reduction="mean"))
            layer.zero_grad()
            layer.backward(exact.squared_error_grad(out, y, reduction="mean"))
            layer.weight = exact.update(layer.weight, layer.weight_grad, LR)
            layer.bias = exact.update(layer.bias, layer.bias_grad, LR)
        assert hashed(layer.weight, layer.bias, losses) == GOLDEN


@pytest.mark.needs_backend("torch")
class TestTorch:
    def layer(self):
        import torch

        layer = mc.torch.Conv2D(3, in_channels=2, out_channels=3, **OPTIONS)
        with torch.no_grad():
            for parameter, values in zip(layer.parameters(), start(), strict=True):
                parameter.copy_(torch.tensor(values))
        return layer

    def trained(self, layer, loss_of):
        import torch

        x, y = (torch.tensor(a) for a in lesson())
        losses = []
        for _ in range(STEPS):
            loss = loss_of(layer, x, y)
            layer.zero_grad()
            loss.backward()
            with torch.no_grad():
                for parameter in layer.parameters():
                    parameter.copy_(exact.update(parameter, parameter.grad, LR))
            losses.append(loss.item())
        return hashed(*(p.detach().numpy() for p in layer.parameters()), losses)

    @staticmethod
    def loss_of(layer, x, y):
        return exact.squared_error(layer(x), y, reduction="mean")

    def test_autograd(self):
        assert self.trained(self.layer(), self.loss_of) == GOLDEN

    @pytest.mark.slow
    def test_compiled(self):
        run_with_file(
            __file__,
            """
            import torch
            here = TestTorch()
            compiled = torch.compile(here.loss_of, fullgraph=True)
            assert here.trained(here.layer(), compiled) == GOLDEN
            """,
        )


@pytest.mark.needs_backend("jax")
class TestJax:
    def layer(self):
        import jax

        weight, bias = map(jax.numpy.asarray, start())
        layer = mc.jax.Conv2D(3, in_channels=2, out_channels=3, **OPTIONS)
        return layer.replace(weight=weight, bias=bias)

    @staticmethod
    def loss_of(layer):
        import jax

        x, y = map(jax.numpy.asarray, lesson())
        return exact.squared_error(layer(x), y, reduction="mean")

    def step(self, gradient):
        import jax

        def step(layer, _=None):
            loss, grads = gradient(layer)
            return jax.tree.map(lambda p, g: exact.update(p, g, LR), layer, grads), loss

        return step

    def looped(self, step):
        layer, losses = self.layer(), []
        for _ in range(STEPS):
            layer, loss = step(layer)
            losses.append(loss)
        return hashed(layer.weight, layer.bias, losses)

    def test_one_scan_of_all_steps(self):
        import jax

        step = self.step(jax.value_and_grad(self.loss_of))
        run = jax.jit(lambda layer: jax.lax.scan(step, layer, length=STEPS))
        layer, losses = run(self.layer())
        assert hashed(layer.weight, layer.bias, losses) == GOLDEN

    @pytest.mark.slow
    def test_eager(self):
        import jax

        assert self.looped(self.step(jax.value_and_grad(self.loss_of))) == GOLDEN

    @pytest.mark.slow
    def test_a_compiled_step(self):
        import jax

        step = jax.jit(self.step(jax.value_and_grad(self.loss_of)))
        assert self.looped(step) == GOLDEN

    @pytest.mark.slow
    def test_a_compiled_gradient(self):
        import jax

        assert self.looped(self.step(jax.jit(jax.value_and_grad(self.loss_of)))) == GOLDEN
