"""One call of every function of `multiconv.compat`, as a function of its image alone.

All of them are linear in it. The other numbers are whole and small, or the weights of a Gaussian.
"""

import importlib

import numpy as np

MODULES = {
    name: importlib.import_module(f"multiconv.compat.{name}")
    for name in ("cv2", "jax.lax", "keras.ops", "scipy.ndimage", "scipy.signal")
}
MODULES["torch"] = importlib.import_module("multiconv.compat.torch.nn.functional")

K = np.array([[1.0, -2.0, 0.0], [3.0, 1.0, -1.0]])
LINE = [1.0, -2.0, 3.0]
W = np.arange(16.0).reshape(2, 2, 2, 2) - 7
HWIO = W.transpose(2, 3, 1, 0)
ONE = np.arange(8.0).reshape(2, 2, 2) - 3
THREE = np.arange(8.0).reshape(1, 2, 1, 2, 2) - 3
TAPS = np.array([[0.25], [0.5], [0.25]])
STRIDES, PADS = (2, 1), [(1, 0), (0, 1)]

IMAGE, LINES, BATCH, VOLUMES = (5, 6), (2, 2, 7), (1, 2, 5, 4), (1, 2, 2, 3, 3)
LAST = (1, 5, 4, 2)

# Module, function, shape of the image, arguments behind it, of which arrays are the backend's own.
CALLS = [
    *[
        ("scipy.ndimage", name, IMAGE, args, options)
        for name, args, options in [
            ("convolve", (K,), {"mode": "mirror"}),
            ("convolve1d", (LINE,), {"axis": 0, "mode": "wrap"}),
            ("correlate", (K,), {"mode": "constant"}),
            ("correlate1d", (LINE,), {"axis": 0}),
            ("gaussian_filter", (1,), {"order": (0, 1)}),
            ("gaussian_filter1d", (0.8,), {"axis": 0}),
            ("gaussian_laplace", (0.8,), {"mode": "nearest"}),
            ("laplace", (), {"mode": "wrap"}),
            ("prewitt", (), {"axis": 0}),
            ("sobel", (), {"mode": "nearest"}),
            ("uniform_filter", (2,), {"mode": "constant"}),
            ("uniform_filter1d", (4,), {"axis": 0}),
        ]
    ],
    *[
        ("scipy.signal", name, IMAGE, (K, *args), {})
        for name, args in [
            ("convolve", ("same", "direct")),
            ("convolve2d", ("full", "symm")),
            ("correlate", ("valid", "direct")),
            ("correlate2d", ("same", "wrap")),
            ("fftconvolve", ("same",)),
            ("oaconvolve", ("full",)),
        ]
    ],
    ("scipy.signal", "sepfir2d", IMAGE, (np.array(LINE), np.array([1.0, 2.0, 1.0])), {}),
    *[
        ("cv2", name, IMAGE, (-1, *args), options)
        for name, args, options in [
            ("boxFilter", ((3, 2),), {"normalize": False}),
            ("filter2D", (K,), {"borderType": 1}),
            ("Laplacian", (), {"ksize": 3}),
            ("Scharr", (1, 0), {}),
            ("sepFilter2D", (TAPS, TAPS), {"borderType": 2}),
            ("Sobel", (1, 1), {"ksize": 5}),
        ]
    ],
    ("cv2", "blur", IMAGE, ((2, 4),), {}),
    ("cv2", "GaussianBlur", IMAGE, ((5, 3), 0), {}),
    ("torch", "conv1d", LINES, (ONE,), {"padding": "same"}),
    ("torch", "conv2d", BATCH, (W,), {"stride": STRIDES, "padding": 1}),
    ("torch", "conv3d", VOLUMES, (THREE,), {}),
    ("torch", "conv_transpose1d", LINES, (ONE,), {"stride": 2, "output_padding": 1}),
    ("torch", "conv_transpose2d", BATCH, (W,), {"stride": STRIDES, "padding": 1}),
    ("torch", "conv_transpose3d", VOLUMES, (THREE.transpose(1, 0, 2, 3, 4),), {"stride": 2}),
    ("torch", "unfold", BATCH, (2,), {"padding": 1}),
    ("torch", "fold", (1, 8, 6), ((3, 4), 2), {}),
    ("jax.lax", "conv", BATCH, (W, STRIDES, "SAME"), {}),
    ("jax.lax", "conv_with_general_padding", BATCH, (W, STRIDES, PADS, (2, 1), (1, 2)), {}),
    ("jax.lax", "conv_general_dilated", BATCH, (W, STRIDES, PADS), {"rhs_dilation": (1, 2)}),
    ("jax.lax", "conv_general_dilated_patches", BATCH, ((2, 2), STRIDES, "VALID"), {}),
    ("jax.lax", "conv_transpose", LAST, (HWIO, STRIDES, "SAME"), {}),
    ("keras.ops", "conv", LAST, (HWIO,), {"strides": 2, "padding": "same"}),
    ("keras.ops", "conv_transpose", LAST, (HWIO,), {"strides": 2}),
    ("keras.ops", "depthwise_conv", LAST, (HWIO,), {"padding": "same"}),
    ("keras.ops", "separable_conv", LAST, (HWIO, np.ones((1, 1, 4, 3))), {}),
]
IDS = [f"{module}.{name}" for module, name, *_ in CALLS]

# What is no linear function of an image, or makes no use of one.
OTHERS = {
    "scipy.ndimage": ("gaussian_gradient_magnitude", "generic_gradient_magnitude",
                      "generic_laplace"),
    "cv2": ("getDerivKernels", "getGaussianKernel", "error"),
    "jax.lax": ("ConvDimensionNumbers", "conv_dimension_numbers"),
}  # fmt: skip


def functions(module):
    """The names of a module's functions."""
    public = [n for n in MODULES[module].__all__ if callable(getattr(MODULES[module], n))]
    return set(public) - set(OTHERS.get(module, ()))


def of(call, backend):
    """The call as a function of the image, with the other arrays on a backend, in float64."""
    module, name, _, args, options = call
    own = [backend.array(a, "float64") if isinstance(a, np.ndarray) else a for a in args]
    function = getattr(MODULES[module], name)
    return lambda x: function(x, *own, **options)


def of_kernel(call, place, backend):
    """The call as a function of one of its other arrays."""
    module, name, shape, args, options = call
    image, function = backend.array(numbers(shape)), getattr(MODULES[module], name)
    own = [backend.array(a, "float64") if isinstance(a, np.ndarray) else a for a in args]
    return lambda k: function(image, *own[:place], k, *own[place + 1 :], **options)


KERNELS = [
    (call, place)
    for call in CALLS
    for place, given in enumerate(call[3])
    if isinstance(given, np.ndarray)
]


def numbers(shape, seed=0):
    """Whole numbers from -3 to 3."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype("float64")
