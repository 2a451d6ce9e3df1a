"""Sums by integers."""
