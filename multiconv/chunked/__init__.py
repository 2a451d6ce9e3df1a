"""Convolutions of arrays in chunks: which pieces each block of a result needs, and the graph."""
