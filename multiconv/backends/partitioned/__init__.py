"""Computations that a compiler divides over a mesh as we say: a file for each framework."""
