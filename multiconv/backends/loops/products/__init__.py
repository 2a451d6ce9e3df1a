"""NumPy's products of patch matrices that are never formed, where Numba is installed."""
