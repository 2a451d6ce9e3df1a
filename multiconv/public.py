"""The functions that every face has, for type checkers and for `multiconv` itself."""

from multiconv.functions.conv import conv1d, conv2d, conv3d
from multiconv.functions.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from multiconv.functions.correlate import convolve2d, corr2d
from multiconv.functions.gradients import conv_input_grad, conv_weight_grad
from multiconv.functions.matrices import col2im, im2col, toeplitz_matrix
from multiconv.functions.plan import plan
from multiconv.functions.sizes import output_size
from multiconv.layers.receptive_field import receptive_field
from multiconv.layers.storage import load, save
from multiconv.learning.descend import learn_kernel
from multiconv.learning.least_squares import solve_kernel

__all__ = [
    "col2im",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_input_grad",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "conv_weight_grad",
    "convolve2d",
    "corr2d",
    "im2col",
    "learn_kernel",
    "load",
    "output_size",
    "plan",
    "receptive_field",
    "save",
    "solve_kernel",
    "toeplitz_matrix",
]
