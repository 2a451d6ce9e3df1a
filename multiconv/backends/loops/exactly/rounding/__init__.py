"""Loops that look at numbers, and round sums."""
