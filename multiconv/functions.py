"""The functions that every face has, for type checkers and for `multiconv` itself."""

from multiconv.conv import conv1d, conv2d, conv3d
from multiconv.conv_transpose import conv_transpose1d, conv_transpose2d, conv_transpose3d
from multiconv.correlate import convolve2d, corr2d
from multiconv.geometry import output_size
from multiconv.gradients import conv_input_grad, conv_weight_grad
from multiconv.learning import learn_kernel
from multiconv.least_squares import solve_kernel
from multiconv.matrices import col2im, im2col, toeplitz_matrix
from multiconv.receptive_field import receptive_field
from multiconv.storage import load, save

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
    "receptive_field",
    "save",
    "solve_kernel",
    "toeplitz_matrix",
]
