"""Learning a kernel by gradient descent: the same way on every backend.

How a backend takes its gradients is its own affair: PyTorch by its autograd, JAX by a compiled
loop, and all others by the adjoint of the convolution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from multiconv.backends.base import Array
from multiconv.core import arguments
from multiconv.core.arguments import IntOrInts, Padding
from multiconv.core.calls import takes
from multiconv.learning import problem, rate, start
from multiconv.learning.reports import Report
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
    stride: IntOrInts = 1,
    padding: Padding = 0,
    dilation: IntOrInts = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
    padding_value: float | Sequence[float] = 0,
    momentum: float = 0.0,
    optimizer: Any = None,
    verbose: bool = False,
) -> LearnedKernel:
    r"""Learn the kernel that turns x into y, by full-batch gradient descent.

    .. math:: w_{t+1} = w_t - \eta \nabla_w L(w_t), \qquad L(w) = \sum (corr2d(x, w) + b - y)^2

    divided by the number of outputs for ``loss="mean"`` (Zhang, Lipton, Li and Smola, "Dive into
    Deep Learning", section 7.2.4). With A the patch matrix of x and a momentum :math:`\beta`, the
    descent diverges for a rate beyond :math:`(1 + \beta) / \lambda_{max}(A^T A)`, times the number
    of outputs for the mean.

    Parameters
    ----------
    x : array of shape (..., H, W) or (N, C, H, W)
        The images. Whole numbers are learned from in float32.
    y : array of shape (..., H', W') or (N, O, H', W')
        What the correlation should give: without padding ``H' = H - kh + 1``.
    kernel_size : int, (int, int) or (O, C/groups, kh, kw)
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
        the parameters that gave it, before the next one is taken.
    stride, padding, dilation, groups, padding_mode, padding_value : optional
        Those of the correlation that gave y, as in `conv2d`; the value of a constant border is a
        number, or one per channel.
    momentum : float, optional
        How much of the last step every step keeps, at least 0 and less than 1; see below.
    optimizer : optional
        One of the framework's own, instead of gradient descent. In PyTorch a class, which is called
        with the parameters and ``lr=lr``, or another callable, which is called with the parameters
        alone: ``torch.optim.Adam``, ``lambda p: torch.optim.Adam(p, lr=0.1)``. In JAX an
        ``optax.GradientTransformation``, or what makes one of the rate: ``optax.adam(0.1)``,
        ``optax.adam``. Other arrays have none. What is made already has a rate of its own, and lr
        is not used.
    verbose : bool, optional
        Whether to print lines such as "step 2, loss 4.97" with the loss before that step: of every
        second step, as the textbook does, or of a tenth of many.

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
        as under ``jax.jit``; for a callback that cannot be called, and for an optimizer that is not
        of the arrays' framework.

    Warns
    -----
    RuntimeWarning
        If the learning rate must diverge; numbers may overflow then, without further warnings.
    UserWarning
        As in `corr2d`, without channels.

    Notes
    -----
    With momentum (Polyak, 1964; "Dive into Deep Learning", section 12.6) the steps are

    .. math:: v_{t+1} = \beta v_t + \nabla_w L(w_t), \qquad w_{t+1} = w_t - \eta v_{t+1}

    from :math:`v_0 = 0`, as in ``torch.optim.SGD``. On data that are badly conditioned, as
    photographs are, it needs the root of the number of steps.

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

    A larger kernel, of a picture with a border, as it goes:

    >>> y = mc.corr2d(x, np.float32([[0, 1, -1]]), padding="same", padding_mode="replicate")
    >>> start = np.zeros((1, 3), np.float32)
    >>> options = {"padding": "same", "padding_mode": "replicate", "lr": 0.01, "init": start}
    >>> _ = mc.learn_kernel(x, y, (1, 3), steps=6, verbose=True, **options)
    step 2, loss 8.37
    step 4, loss 4.71
    step 6, loss 2.97
    """
    steps = arguments.integer("steps", steps, minimum=0)
    lr, momentum = rate.read(lr), rate.read_momentum(momentum)
    mean = arguments.choice("loss", loss, LOSSES) == "mean"
    _check_callback(callback)
    _check_optimizer(optimizer, momentum)
    report = Report(steps, callback, verbose=arguments.flag("verbose", verbose))
    given = problem.read(
        x,
        y,
        kernel_size,
        bias=bias,
        method=method,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        padding_mode=padding_mode,
        padding_value=padding_value,
    )
    weight, offset = start.read(given, init, seed)
    scale = math.prod(given.y.shape) if mean else 1
    if steps and optimizer is None:
        rate.warn_if_divergent(given, lr, momentum, scale)
    watched = callback is not None
    with report:
        task = Task(
            given, weight, offset, steps, lr, momentum, mean, optimizer, report, watched=watched
        )
        weight, offset = descend(task)
    notes = (
        rate.explain(given, report.losses, lr, momentum, scale)
        if optimizer is None
        else rate.explain_optimizer(given, report.losses, scale)
    )
    kept = given.backend.from_numpy(report.losses, given.sums, given.x)
    return LearnedKernel(weight, offset, kept, notes)


def _check_callback(callback: object) -> None:
    if not (callback is None or callable(callback)):
        msg = f"callback must be callable as callback(step, loss, weight, bias), got {callback!r}"
        raise TypeError(msg)


def _check_optimizer(optimizer: object, momentum: float) -> None:
    if optimizer is not None and momentum:
        msg = (
            f"momentum={momentum:g} is that of gradient descent, and optimizer takes its place: "
            f"give one of them"
        )
        raise ValueError(msg)
