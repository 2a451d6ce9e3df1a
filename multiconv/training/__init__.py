"""The exact mode's pieces of a training step, beside convolutions: update, squared error, mean.

Each is a few sums of products, and so a correlation by the method "exact".
"""
