"""Kernels from examples: gradient descent on every backend, and least squares."""
