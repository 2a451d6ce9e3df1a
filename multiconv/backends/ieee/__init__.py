"""Sums of float32 products that are not rounded on the way, whatever the user allows others."""
