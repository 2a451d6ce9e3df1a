"""Correlating arrays in files, larger than memory: tile by tile, from where it stopped."""
