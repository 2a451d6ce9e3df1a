"""Sums with channels by compiled loops, without a patch matrix."""
