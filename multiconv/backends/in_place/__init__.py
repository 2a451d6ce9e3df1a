"""A correlation as one multiply-add per kernel tap, written over what is there."""
