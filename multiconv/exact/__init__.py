"""The exact mode: sums of products that are rounded once.

`engine.evaluate` computes the sums of a correlation or of one of its adjoints, each as the real
number that it is, rounded once to the nearest number of the result's dtype.
"""
