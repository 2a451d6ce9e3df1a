"""Reductions of whole arrays to a few numbers."""
