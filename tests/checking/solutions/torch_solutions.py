"""Functions as students write them in PyTorch: right ones, and others, named as they err."""

import torch
from torch import nn
from torch.nn import functional as F


def right_einsum(x, k):
    windows = x.unfold(0, k.shape[0], 1).unfold(1, k.shape[1], 1)
    return torch.einsum("ijkl,kl->ij", windows, k)


def right_unfold(x, k):
    columns = F.unfold(x[None, None].float(), k.shape)[0]
    y = k.float().reshape(1, -1) @ columns
    return y.reshape(x.shape[0] - k.shape[0] + 1, -1)


def right_accumulate(x, k):
    h, w = (n - m + 1 for n, m in zip(x.shape, k.shape, strict=True))
    y = 0
    for i in range(k.shape[0]):
        for j in range(k.shape[1]):
            y = y + k[i, j] * x[i : i + h, j : j + w]
    return y


def corr2d(X, K):
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def flipped(X, K):
    return corr2d(X, K.flip(0, 1))


def half_flipped(X, K):
    return corr2d(X, torch.flipud(K))


def window_one_short(X, K):
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h, X.shape[1] - w))
    for i in range(X.shape[0] - h):
        for j in range(X.shape[1] - w):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum()
    return Y


def mean(X, K):
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).float().mean()
    return Y


def padded(X, K):
    return F.conv2d(X[None, None].float(), K[None, None].float(), padding="same")[0, 0]


def square_kernels_only(X, K):
    return corr2d(X, K) + (0 if K.shape[0] == K.shape[1] else 1)


def truncated(X, K):
    return corr2d(X, K).int()


def clipped(X, K):
    return corr2d(X, K).relu()


def modified(X, K):
    Y = corr2d(X, K)
    K += 1
    return Y


def none(X, K):
    corr2d(X, K)


def type_numpy(X, K):
    return corr2d(X, K).detach().numpy()


def gradient_cut(X, K):
    h, w = K.shape
    Y = torch.zeros((X.shape[0] - h + 1, X.shape[1] - w + 1))
    for i in range(Y.shape[0]):
        for j in range(Y.shape[1]):
            Y[i, j] = (X[i : i + h, j : j + w] * K).sum().item()  # HERE
    return Y


def gradient_cut_by_half(X, K):
    K = K.detach()  # HERE
    return corr2d(X, K)


class BiasForgotten(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(kernel_size))
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return corr2d(x, self.weight)


class Right(BiasForgotten):
    def forward(self, x):
        return corr2d(x, self.weight) + self.bias


class BiasPerTap(BiasForgotten):
    def forward(self, x):
        return right_accumulate(x, self.weight) + self.weight.numel() * self.bias


class NoParameter(nn.Module):
    def __init__(self, kernel_size):
        super().__init__()
        self.weight = torch.rand(kernel_size)
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return corr2d(x, self.weight) + self.bias


def train(x, y, kernel_size, *, zero_grad=True, mean=False, sign=-1, rate=3e-2):
    net = nn.Conv2d(1, 1, kernel_size=kernel_size, bias=False)
    X, Y = x.reshape(1, 1, *x.shape), y.reshape(1, 1, *y.shape)
    for _ in range(10):
        squares = (net(X) - Y) ** 2
        loss = squares.mean() if mean else squares.sum()
        if zero_grad:
            net.zero_grad()
        loss.backward()
        net.weight.data[:] += sign * rate * net.weight.grad
    return net.weight.data.reshape(kernel_size)


def learn(x, y, kernel_size):
    return train(x, y, kernel_size)


def zero_grad(x, y, kernel_size):
    return train(x, y, kernel_size, zero_grad=False)


def wrong_sign(x, y, kernel_size):
    return train(x, y, kernel_size, sign=1)


def wrong_scale(x, y, kernel_size):
    return train(x, y, kernel_size, mean=True)


def diverging(x, y, kernel_size):
    return train(x, y, kernel_size, rate=0.3)


def batch_mixed(dout, x, w):
    """The averages over a batch, by autograd."""
    x, w = x.clone().requires_grad_(), w.clone().requires_grad_()
    F.conv2d(x, w).backward(dout)
    return x.grad, w.grad / len(x), dout.sum((0, 2, 3)) / len(x)
