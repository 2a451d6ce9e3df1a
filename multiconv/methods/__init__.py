"""The algorithms, one file each, over any array namespace."""
