"""Learning a kernel by gradient descent: the same way on every backend.

How a backend takes its gradients is its own affair: PyTorch by its autograd, JAX by compiled scans,
and all others by the adjoint of the convolution.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from multiconv.backends import registry
from multiconv.backends.base import Array
from multiconv.core import arguments
from multiconv.core.arguments import IntOrInts
from multiconv.core.calls import takes
from multiconv.core.progress import Progress
from multiconv.layers import shared as layers
from multiconv.learning import problem, rate
from multiconv.learning.normal_form import FloatArray
from multiconv.learning.problem import Problem
from multiconv.learning.table import Callback, Task, descend

LOSSES = ("sum", "mean")


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
        The loss before each step, in float32 for kernels of 16 bits.
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
        The images. Whole numbers are learned from in float32.
    y : array of shape (..., H', W') or (N, O, H', W')
        What the correlation should give, without padding: ``H' = H - kh + 1``.
    kernel_size : int, (int, int) or (O, C, kh, kw)
        Size of the kernel; with four numbers, of a bank of filters over channels.
    steps : int, optional
        Number of steps.
    lr : float, optional
        The learning rate :math:`\eta`, positive.
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
        the parameters that gave it. On JAX some steps are taken before they are all reported.

    Returns
    -------
    LearnedKernel
        With ``weight``, ``bias``, ``losses`` and, where the loss grew or stalled, ``notes``.

    Raises
    ------
    ValueError
        If the shapes of x, y, kernel_size and init do not go together, their numbers are not
        finite, an argument is out of range, or the losses of so many steps fit no memory.
    TypeError
        As in `corr2d`; for complex numbers, and for arrays and rates that have no numbers here,
        as under ``jax.jit``; for a callback that cannot be called.

    Warns
    -----
    RuntimeWarning
        If the learning rate must diverge; numbers may overflow then, without further warnings.

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
    steps = arguments.integer("steps", steps, minimum=0)
    lr = rate.read(lr)
    mean = arguments.choice("loss", loss, LOSSES) == "mean"
    _check_callback(callback)
    losses = _room_for(steps)
    given = problem.read(x, y, kernel_size, bias=bias, method=method)
    weight, offset = _start(given, init, seed)
    scale = given.targets.size if mean else 1
    if steps:
        rate.warn_if_divergent(given, lr, scale)
    with Progress("learning", steps) as progress:

        def report(step: int, value: float, weight: Array, offset: Array | None) -> None:
            losses[step] = value
            if callback is not None:
                callback(step, value, weight, offset)
            progress.advance(f"loss {value:.3g}")

        weight, offset = descend(Task(given, weight, offset, steps, lr, mean, report))
    kept = given.backend.from_numpy(losses, given.sums, given.x)
    return LearnedKernel(weight, offset, kept, rate.explain(given, losses, lr, scale))


def _check_callback(callback: object) -> None:
    if not (callback is None or callable(callback)):
        msg = f"callback must be callable as callback(step, loss, weight, bias), got {callback!r}"
        raise TypeError(msg)


def _room_for(steps: int) -> FloatArray:
    """Return an array for the losses."""
    try:
        return np.empty(steps)
    except (MemoryError, OverflowError, ValueError) as error:
        msg = f"steps={steps} is too many: the losses alone would take {8 * steps} bytes"
        raise ValueError(msg) from error


def _start(given: Problem, init: Any, seed: int | None) -> tuple[Array, Array | None]:
    """Return the kernel and the bias to start from, as arrays beside x."""
    layer = given.layer
    offset: Any
    if init is None:
        weight, offset = layers.initial_parameters(layer, seed, given.dtype)
    else:
        if seed is not None:
            msg = "init and seed are two ways to choose the start: give one of them"
            raise ValueError(msg)
        weight, offset = init if isinstance(init, tuple) and len(init) == 2 else (init, None)
        if offset is not None and not layer.bias:
            msg = "init has a bias, and bias=False: pass bias=True or a kernel alone"
            raise ValueError(msg)
        weight = _given(given, "init", weight, layer.weight_shape)
        if offset is not None:
            offset = _given(given, "init[1]", offset, layer.bias_shape)
        elif layer.bias:
            offset = np.zeros(layer.bias_shape)
    array = given.backend.from_numpy
    weight = array(weight, given.dtype, given.x)
    return weight, None if offset is None else array(offset, given.dtype, given.x)


def _given(given: Problem, name: str, start: Any, shape: tuple[int, ...]) -> FloatArray:
    _, (array,) = registry.backend_of({name: start}, given.backend)
    if tuple(array.shape) != shape:
        msg = f"{name} must have the shape {shape}, got the shape {tuple(array.shape)}"
        raise ValueError(msg)
    return problem.numbers(given.backend, name, array)
