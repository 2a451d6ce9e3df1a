"""Learning a kernel by gradient descent: the same loop on every backend.

The model is ``y = corr2d(x, weight) + bias`` (or `conv2d` with channels), the loss the squared
error, each step ``weight -= lr * gradient``. How a backend takes its gradients is its own affair:
NumPy runs the layer's backward pass, PyTorch its autograd, JAX one compiled scan over all steps.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from multiconv.backends import registry
from multiconv.backends.base import Array, Backend
from multiconv.core import arguments
from multiconv.core.arguments import IntOrInts
from multiconv.core.calls import takes
from multiconv.core.progress import Progress
from multiconv.layers import shared as layers
from multiconv.layers.shared import LayerArguments
from multiconv.learning.by_adjoint import by_adjoint
from multiconv.learning.least_squares import NormalForm, floating, normal_form, read_shapes
from multiconv.learning.table import descent_of

LOSSES = ("sum", "mean")

#: What a callback is given: step, loss before the step, and the parameters that gave it.
Callback: TypeAlias = Callable[[int, float, Array, Array | None], None]


@dataclass(frozen=True)
class Task:
    """A kernel to be learned, as the backends' loops are given it."""

    layer: LayerArguments
    x: Array
    y: Array
    weight: Array
    bias: Array | None
    steps: int
    lr: float
    mean: bool
    report: Callback


@dataclass(frozen=True)
class LearnedKernel:
    """What `learn_kernel` returns.

    Attributes
    ----------
    weight : array of shape (kh, kw) or (O, C, kh, kw)
        The kernel after the last step.
    bias : array of shape (1,) or (O,), or None
        The bias after the last step, None where none was learned.
    losses : array of shape (steps,)
        The loss before each step.
    notes : list of str
        What is worth knowing: that the descent diverged, or that it stalled, and why.
    """

    weight: Array
    bias: Array | None
    losses: Array
    notes: list[str] = field(default_factory=list)


@takes("x", "y")
def learn_kernel(
    x: Array,
    y: Array,
    kernel_size: IntOrInts,
    *,
    steps: int = 10,
    lr: float = 3e-2,
    loss: str = "sum",
    bias: bool = False,
    init: Any = None,
    seed: int | None = None,
    method: str = "auto",
    callback: Callback | None = None,
) -> LearnedKernel:
    r"""Learn the kernel that turns x into y, by full-batch gradient descent.

    .. math:: w_{t+1} = w_t - \eta \nabla_w L(w_t), \qquad L(w) = \sum (corr2d(x, w) + b - y)^2

    divided by the number of outputs for ``loss="mean"`` (Zhang, Lipton, Li and Smola, "Dive into
    Deep Learning", section 7.2.4). With A the patch matrix of x, the descent diverges for a rate
    beyond :math:`1 / \lambda_{max}(A^T A)`, times the number of outputs for the mean.

    Parameters
    ----------
    x : array of shape (..., H, W) or (N, C, H, W)
        The images.
    y : array of shape (..., H', W') or (N, O, H', W')
        What the correlation should give, without padding: ``H' = H - kh + 1``.
    kernel_size : int, (int, int) or (O, C, kh, kw)
        Size of the kernel; with four numbers, of a bank of filters over channels.
    steps : int, optional
        Number of steps.
    lr : float, optional
        The learning rate.
    loss : {"sum", "mean"}, optional
        Whether the squared errors are added up or averaged.
    bias : bool, optional
        Whether a bias is learned too.
    init : array or (array, array), optional
        The kernel to start from, or (kernel, bias); drawn as a `Conv2D` draws it if left out.
    seed : int, optional
        Of the draw: the same seed starts from the same kernel on every backend.
    method : str, optional
        As in `corr2d`.
    callback : callable, optional
        Called as ``callback(step, loss, weight, bias)`` for every step, with the loss before it and
        the parameters that gave it.

    Returns
    -------
    LearnedKernel
        With ``weight``, ``bias`` and ``losses``.

    Raises
    ------
    ValueError
        If the shapes of x, y, kernel_size and init do not go together, or an argument is out of
        range.
    TypeError
        As in `corr2d`.

    Warns
    -----
    RuntimeWarning
        If the learning rate must diverge.

    Examples
    --------
    The textbook's edge detector, recovered from a striped image:

    >>> import numpy as np
    >>> import multiconv as mc
    >>> x = np.ones((6, 8), dtype=np.float32)
    >>> x[:, 2:6] = 0
    >>> y = mc.corr2d(x, np.array([[1.0, -1.0]], dtype=np.float32))
    >>> learned = mc.learn_kernel(x, y, (1, 2), init=np.zeros((1, 2), np.float32))
    >>> learned.weight.round(1)
    array([[ 1., -1.]], dtype=float32)
    >>> float(learned.losses[0])
    12.0
    """
    backend, (x, y) = registry.backend_of({"x": x, "y": y})
    layer = read_shapes(backend, x, y, kernel_size, bias=bias, method=method)
    steps = arguments.integer("steps", steps, minimum=0)
    lr = _rate(lr)
    mean = arguments.choice("loss", loss, LOSSES) == "mean"
    dtype = floating(backend, x, y)
    x, y = backend.astype(x, dtype), backend.astype(y, dtype)
    weight, offset = _start(backend, layer, init, seed, dtype, like=x)

    system = normal_form(backend, layer, x, y)
    scale = math.prod(y.shape) if mean else 1
    if steps:
        _warn_if_divergent(system, lr, scale)
    with Progress("learning", steps) as progress:

        def report(step: int, value: float, weight: Array, offset: Array | None) -> None:
            if callback is not None:
                callback(step, value, weight, offset)
            progress.advance(f"loss {value:.3g}")

        task = Task(layer, x, y, weight, offset, steps, lr, mean, report)
        descend = descent_of(backend)
        weight, offset, losses = descend(task) if descend else by_adjoint(task, backend)
    notes = _explain(system, backend.to_numpy(losses), lr, scale)
    return LearnedKernel(weight, offset, losses, notes)


def _rate(lr: Any) -> float:
    if isinstance(lr, (str, bool)) or not hasattr(lr, "__float__"):
        msg = f"lr must be a number, got {lr!r} of type {type(lr).__name__}"
        raise TypeError(msg)
    value = float(lr)
    if not (math.isfinite(value) and value > 0):
        msg = f"lr must be a positive number such as 3e-2, got {value}"
        raise ValueError(msg)
    return value


def _start(
    backend: Backend,
    layer: LayerArguments,
    init: Any,
    seed: int | None,
    dtype: str,
    *,
    like: Array,
) -> tuple[Array, Array | None]:
    """Return the kernel and the bias to start from, as arrays beside ``like``."""
    if init is None:
        weight, offset = layers.initial_parameters(layer, seed, dtype)
    else:
        if seed is not None:
            msg = "init and seed are two ways to choose the start: give one of them"
            raise ValueError(msg)
        pair = isinstance(init, tuple) and len(init) == 2
        given, given_offset = init if pair else (init, None)
        weight = _given(backend, "init", given, layer.weight_shape)
        offset = None
        if layer.bias:
            zeros = np.zeros(layer.bias_shape)
            offset = (
                zeros
                if given_offset is None
                else _given(backend, "init[1]", given_offset, layer.bias_shape)
            )
        elif given_offset is not None:
            msg = "init has a bias, and bias=False: pass bias=True or a kernel alone"
            raise ValueError(msg)
    return (
        backend.from_numpy(weight, dtype, like),
        None if offset is None else backend.from_numpy(offset, dtype, like),
    )


def _given(backend: Backend, name: str, given: Any, shape: tuple[int, ...]) -> Any:
    _, (array,) = registry.backend_of({name: given}, backend)
    if tuple(array.shape) != shape:
        msg = f"{name} must have the shape {shape}, got the shape {tuple(array.shape)}"
        raise ValueError(msg)
    return backend.to_numpy(array)


def _warn_if_divergent(system: NormalForm, lr: float, scale: int) -> None:
    limit = scale / system.largest_eigenvalue if system.largest_eigenvalue else math.inf
    if lr > limit:
        msg = (
            f"lr={lr:g} must diverge: the largest eigenvalue of the patch matrix's A^T A is "
            f"{system.largest_eigenvalue:.4g}, so the loss grows beyond lr={limit:.4g}; "
            f"lr={system.best_rate(scale):.2g} is the fastest that converges"
        )
        warnings.warn(msg, RuntimeWarning, stacklevel=_callers_level())


def _callers_level() -> int:
    """Return the stack level of the first caller outside this package, for a warning."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("multiconv."):
        level, frame = level + 1, frame.f_back
    return level


def _explain(system: NormalForm, losses: np.ndarray[Any, Any], lr: float, scale: int) -> list[str]:
    """Say whether the loss diverged or stalled, and why."""
    if len(losses) < 2:
        return []
    first, before, last = (float(losses[i]) for i in (0, -2, -1))
    if not math.isfinite(last) or last > first:
        return [f"the loss grew from {first:.4g} to {last:.4g}: the learning rate is too large"]
    # The last step has gained less than a twentieth, and there is something left to gain.
    if before - last > 0.05 * last or last <= 1e-6 * first:
        return []
    minimum = system.residual / scale
    if last <= 1.01 * minimum:
        return [
            f"the loss has stalled at {last:.4g}, the least that a kernel of this size can reach: "
            f"a larger kernel or a bias may fit better"
        ]
    shrink = system.slowest_factor(lr, scale)
    steps = math.ceil(math.log(100) / (-2 * math.log(shrink))) if 0 < shrink < 1 else None
    more = f"about {steps} steps a hundredfold" if steps else "ever more steps"
    best = system.best_rate(scale)
    advice = (
        f"that rate is small for these data, and lr={best:.2g} converges fastest"
        if lr < 0.9 * best
        else "no rate is much faster for these data; solve_kernel needs no steps"
    )
    return [
        f"the loss has stalled at {last:.4g}, far from its least, {minimum:.4g}: with lr={lr:g} "
        f"the slowest direction takes {more}; {advice}"
    ]
