"""Exact sums of images in a border of numbers, which are differentiated too."""
