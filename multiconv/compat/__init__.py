"""What other libraries have, by their names and rules, on the arrays of any library.

A module here stands where the original's does, and is imported in its place:

>>> import numpy as np
>>> from multiconv.compat.scipy import ndimage
>>> ndimage.correlate1d(np.array([2, 8, 0, 4, 1, 9, 9, 0]), [1, 3])
array([ 8, 26,  8, 12,  7, 28, 36,  9])

Names, arguments, defaults, sizes, dtypes and errors are the original's; the arrays choose the
backend, as everywhere, and gradients and compilers work. What an original does that cannot be done
with all arrays is an error that says so. No module here imports its original.

Everything is a translation to the package's own functions. A folder stands for a library, a file
for functions that share their rules.
"""
