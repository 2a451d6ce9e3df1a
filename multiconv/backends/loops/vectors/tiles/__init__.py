"""Sums with channels, of many outputs at once."""
