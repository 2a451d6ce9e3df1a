"""The convolutions of scipy.signal."""
