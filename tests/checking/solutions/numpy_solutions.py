"""Functions as students write them in NumPy: right ones, and others, named as they err."""

import numpy as np


def right_einsum(x, k):
    windows = np.lib.stride_tricks.sliding_window_view(x, k.shape)
    return np.einsum("ijkl,kl->ij", windows, k)


def right_recursion(x, k):
    """One tap, and the rest of the kernel by the function itself."""

    def taps(i, j):
        if i == k.shape[0]:
            return 0
        rest = taps(i, j + 1) if j + 1 < k.shape[1] else taps(i + 1, 0)
        rows, columns = x.shape[0] - k.shape[0] + 1, x.shape[1] - k.shape[1] + 1
        return k[i, j] * x[i : i + rows, j : j + columns].astype(np.result_type(x, k)) + rest

    return taps(0, 0)


def right_matrix(*, kernel, image):
    """As a matrix product, with the arguments by name and in another order."""
    (h, w), (kh, kw) = image.shape, kernel.shape
    matrix = np.zeros(((h - kh + 1) * (w - kw + 1), h * w))
    for row, (i, j) in enumerate(np.ndindex(h - kh + 1, w - kw + 1)):
        for p, q in np.ndindex(kh, kw):
            matrix[row, (i + p) * w + j + q] = kernel[p, q]
    return (matrix @ image.ravel()).reshape(h - kh + 1, w - kw + 1)


def corr2d(X, K):
    h, w = K.shape
    Y = np.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def flipped(X, K):
    return corr2d(X, K[::-1, ::-1])


def transposed_kernel(X, K):
    h, w = K.shape
    Y = np.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            for a in range(h):
                for b in range(w):
                    Y[i, j] += X[i + a, j + b] * K[b, a]
    return Y


def window_one_short(X, K):
    h, w = K.shape
    Y = np.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(X.shape[0] - h):
        for j in range(X.shape[1] - w):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def mean(X, K):
    return corr2d(X, K) / K.size


def padded(X, K):
    h, w = K.shape
    low = h // 2, w // 2
    return corr2d(np.pad(X, [(low[0], h - 1 - low[0]), (low[1], w - 1 - low[1])]), K)


def square_images_only(X, K):
    h, w = K.shape
    Y = np.zeros((X.shape[0] - h + 1, X.shape[0] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def square_kernels_only(X, K):
    h = K.shape[0]
    Y = np.zeros((X.shape[0] - h + 1, X.shape[1] - h + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + h] * K).sum()
    return Y


def axes_swapped(X, K):
    h, w = K.shape
    Y = np.zeros((X.shape[1] - w + 1, X.shape[0] - h + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = np.sum(X.T[i : i + w, j : j + h] * K.T) + 1
    return Y


def truncated(X, K):
    return corr2d(X, K).astype(int)


def wrapped(X, K):
    h, w = K.shape
    Y = np.zeros_like(X, shape=(X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def modified(X, K):
    Y = corr2d(X, K)
    X[X < 0] = 0
    return Y


def none(X, K):
    corr2d(X, K)


def imprecise(X, K):
    return corr2d(X, K).astype(np.float32)


def exception(X, K):
    return corr2d(X, K) / Kernel  # noqa: F821


class Right:
    def __init__(self, kernel_size):
        self.weight = np.random.rand(*kernel_size)
        self.bias = np.zeros(1)

    def __call__(self, x):
        return corr2d(x, self.weight) + self.bias


class BiasForgotten(Right):
    def __call__(self, x):
        return corr2d(x, self.weight)


class BiasPerTap(Right):
    def __call__(self, x):
        windows = np.lib.stride_tricks.sliding_window_view(x, self.weight.shape)
        return (windows * self.weight + self.bias).sum(axis=(-2, -1))


class Parameters(Right):
    def __init__(self, kernel_size):
        self.weight = np.random.rand(*kernel_size)


def backward(dout, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    (kh, kw) = w.shape[2:]
    for n, o, i, j in np.ndindex(*dout.shape):
        dx[n, :, i : i + kh, j : j + kw] += dout[n, o, i, j] * w[o]
        dw[o] += dout[n, o, i, j] * x[n, :, i : i + kh, j : j + kw]
    return dx, dw, dout.sum(axis=(0, 2, 3))


def batch_mixed(dout, x, w):
    dx, _, db = backward(dout, x, w)
    return dx, backward(dout[-1:], x[-1:], w)[1], db


def overwritten(dout, x, w):
    _, dw, _ = backward(dout, x, w)
    dx = np.zeros_like(x)
    (kh, kw) = w.shape[2:]
    for n, i, j in np.ndindex(len(x), *dout.shape[2:]):
        patch = sum(dout[n, o, i, j] * w[o] for o in range(len(w)))
        dx[n, :, i : i + kh, j : j + kw] = patch
    return dx, dw


def im2col(x, kernel_size):
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel_size, axis=(-2, -1))
    if x.ndim == 2:
        return windows.reshape(-1, kernel_size[0] * kernel_size[1]).T
    lead, c, (kh, kw) = x.shape[:-3], x.shape[-3], kernel_size
    return np.moveaxis(windows, (-2, -1), (-4, -3)).reshape(*lead, c * kh * kw, -1)


def transposed_result(x, kernel_size):
    return im2col(x, kernel_size).swapaxes(-1, -2)


def one_channel_only(x, kernel_size):
    return im2col(x if x.ndim == 2 else x[..., 0, :, :], kernel_size)


def descend(x, y, kernel_size, rate=3e-2, steps=10):
    k = np.random.rand(*kernel_size)
    for _ in range(steps):
        k = k - rate * corr2d(x, 2 * (corr2d(x, k) - y))
    return k


def learn(x, y, kernel_size):
    return descend(x, y, kernel_size)


def wrong_sign(x, y, kernel_size):
    return descend(x, y, kernel_size, rate=-3e-2)


def wrong_scale(x, y, kernel_size):
    return descend(x, y, kernel_size, rate=3e-2 / y.size)


def too_slow(x, y, kernel_size):
    return descend(x, y, kernel_size, steps=1)


def no_step(x, y, kernel_size):
    return descend(x, y, kernel_size, steps=0)


def fourier(x, k):
    """The product of the transforms: right but for rounding."""
    (h, w), (kh, kw) = x.shape, k.shape
    y = np.fft.irfft2(np.fft.rfft2(x) * np.fft.rfft2(k, x.shape).conj(), x.shape)
    return y[: h - kh + 1, : w - kw + 1]
