"""Tiles of sums, as many at once as registers hold."""
