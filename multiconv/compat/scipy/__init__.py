"""SciPy's convolutions and filters: `signal` and `ndimage`."""
