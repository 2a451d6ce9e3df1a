"""A correlation as one multiply-add per kernel tap, as a framework does it fastest."""
