"""Gradient descent on the squared error in exact arithmetic, and how far rounding may lead away.

With A the patch matrix (a column of ones for the bias), the exact path of one filter is

    r = A w - y,    g = s A^T r,    w' = w - lr g,    s = 2, over the number of outputs for the mean

Let e bound the distance of a rounded path from it. A rounded step from a point w^ costs, with n
unknowns, m rows, u the unit roundoff and gamma_k = k u / (1 - k u), in any order of summation:

    residual    |r^ - r| <= d = gamma_(n+2) (|A| |w^| + |y|)
    gradient    |g^ - g| <= s |A|^T (d + gamma_(m+6) |r^|)      products, sums, at most 5 scalings
    update      gamma_3 (|w^| + lr |g^|)                        rate, product, difference

Call the sum of the last two, the first of them times lr, the local error. The exact step from the
rounded point contracts the distance by rho = ||I - lr s A^T A||_2, so that

    e' = rho e + ||local error||_2

With momentum m the velocity v' = m v + g takes the place of g in the step and in the update. It is
off by |g^ - g| and by gamma_3 (m |v^| + |g^|), and z = (w, lr v) goes through the matrix

    M = [[I - lr s A^T A, -m I], [lr s A^T A, m I]]

whose powers carry a local error on: the distance is the sum of ||M^(t-1-j)|| ||local error j||,
where the local error is that of w and that of lr v.

Underflow, to zero at worst, adds 2^-126 (2^-1022) for every operation. The exact path is made of
fractions; the bounds are float64, whose own rounding, some 1e-14 of a bound, is left out.
"""

import dataclasses

import numpy as np
import oracle

ROUNDOFF = {"float32": 2.0**-24, "float64": 2.0**-53}
NORMAL = {"float32": 2.0**-126, "float64": 2.0**-1022}


@dataclasses.dataclass
class Step:
    """Before a step: the exact point and its loss, and the bounds of a rounded one."""

    weight: np.ndarray  # (unknowns, filters), fractions
    loss: object
    distance: np.ndarray  # (filters,)
    loss_error: float


def patches(x, kernel, bias=False):
    """A: images (N, C, H, W) to rows (N * positions, C * taps), and 1 where there is a bias."""
    columns = oracle.im2col(x, kernel)
    rows = columns.transpose(0, 2, 1).reshape(-1, columns.shape[1])
    return np.concatenate([rows, 0 * rows[:, :1] + 1], axis=1) if bias else rows


def targets(y):
    """(N, O, H, W) to (N * positions, O)."""
    return y.reshape(*y.shape[:2], -1).transpose(0, 2, 1).reshape(-1, y.shape[1])


def path(a, y, start, lr, steps, *, mean=False, dtype="float32", momentum=0.0, count=None):
    """The steps, and after them the end: ``steps + 1`` of them. All arrays are of fractions.

    ``count`` is the number of outputs, where they are not y alone but those of several groups.
    """
    u, tiny = ROUNDOFF[dtype], NORMAL[dtype]
    (rows, unknowns), count = a.shape, count or y.size
    exact_scale = oracle.exactly([2.0])[0] / (count if mean else 1)
    exact_lr, scale = oracle.exactly([lr])[0], float(exact_scale)
    exact_momentum = oracle.exactly([momentum])[0]
    matrix = a.astype(float)
    absolute, lengths = abs(matrix), np.linalg.norm(matrix, axis=1)[:, None]
    target = abs(y.astype(float))
    carried = transition(lr * scale * matrix.T @ matrix, momentum)

    def gamma(k):
        return k * u / (1 - k * u)

    weight, velocity, distance = start, 0 * start, np.zeros(y.shape[1])
    found, local_errors = [], []
    for _ in range(steps + 1):
        r = a @ weight - y
        loss = (r * r).sum() / (count if mean else 1)
        reach = abs(weight.astype(float)) + distance
        d = gamma(unknowns + 2) * (absolute @ reach + target) + (2 * unknowns + 2) * tiny
        exact = abs(r.astype(float))
        moved = exact + lengths * distance
        off = lengths * distance + d
        loss_error = np.sum(off * (2 * exact + off)) + gamma(count + 3) * np.sum((exact + off) ** 2)
        loss_error = (loss_error + 2 * count * tiny) / (count if mean else 1)
        found.append(Step(weight, loss, distance, loss_error))
        slope = scale * absolute.T @ (d + gamma(rows + 6) * (moved + d)) + 2 * rows * tiny
        size = scale * absolute.T @ moved + slope
        if momentum:
            size = momentum * (abs(velocity.astype(float)) + distance / lr) + size
            slope = slope + gamma(3) * size + 3 * tiny
            size = size + slope
        local = lr * slope + gamma(3) * (reach + lr * size) + 3 * tiny
        local_errors.append(np.concatenate([local, lr * slope]) if momentum else local)
        distance = sum(
            np.linalg.norm(np.linalg.matrix_power(carried, power), 2)
            * np.linalg.norm(error, axis=0)
            for power, error in enumerate(reversed(local_errors))
        )
        velocity = exact_momentum * velocity + exact_scale * (a.T @ r)
        weight = weight - exact_lr * velocity
    return found


def transition(slope, momentum):
    """What a step does to the distance, or to it and lr times that of the velocity."""
    eye = np.eye(len(slope))
    if not momentum:
        return eye - slope
    return np.block([[eye - slope, -momentum * eye], [slope, momentum * eye]])


def norms(columns):
    """The Euclidean length of each column of fractions."""
    return np.linalg.norm(columns.astype(float), axis=0)


def point(backend, weight, bias):
    """Weight and bias of any backend as one exact column for each filter."""
    values = backend.to_numpy(weight).astype(np.float64)
    columns = values.reshape(1 if values.ndim == 2 else len(values), -1)
    if bias is not None:
        columns = np.concatenate([columns, backend.to_numpy(bias).astype(float)[:, None]], axis=1)
    return oracle.exactly(columns.T)
