"""Tiles of a matrix product."""
