"""The filters of scipy.ndimage that are correlations."""
