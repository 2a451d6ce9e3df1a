"""Compiled loops of the exact mode, where Numba is installed: the same bits, faster."""
