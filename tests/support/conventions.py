"""What the convolutions of many libraries do with a few telling rows: their conventions."""

import importlib
import os
import warnings

import numpy as np

os.environ.setdefault("KERAS_BACKEND", "jax")


def module(name):
    return importlib.import_module(name)


def in_numpy(library, function, *options):
    """A function of two rows, with the mode "same" by position."""
    return lambda x, k: getattr(module(library), function)(x, k, *(options or ("same",)))


def of_images(library, function):
    """The same for images, here of one row."""
    return lambda x, k: in_numpy(library, function)(x[None], k[None])[0]


def in_ndimage(function):
    return lambda x, k: getattr(module("scipy.ndimage"), function)(x, k, mode="constant")


def in_torch(x, k):
    torch = module("torch")
    x, k = torch.as_tensor(x), torch.as_tensor(k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about the border of an even kernel
        return torch.nn.functional.conv1d(x[None], k[None, None], padding="same")[0]


def in_lax(x, k):
    jax = module("jax")
    x, k = jax.numpy.asarray(x), jax.numpy.asarray(k)
    return jax.lax.conv_general_dilated(x[None, None], k[None, None], (1,), "SAME")[0, 0]


def in_keras(x, k):
    return module("keras").ops.conv(x[None, :, None], k[:, None, None], padding="same")[0, :, 0]


def in_opencv(x, k):
    cv2 = module("cv2")
    k = k.astype("float32") if k.dtype.kind == "i" else k
    return cv2.filter2D(x[None], -1, k[None], borderType=cv2.BORDER_CONSTANT)[0]


def in_multiconv(function):
    def call(x, k):
        return getattr(module("multiconv"), function)(x[None], k[None], padding="same")[0]

    return call


FUNCTIONS = {
    "numpy.convolve": in_numpy("numpy", "convolve"),
    "numpy.correlate": in_numpy("numpy", "correlate"),
    "scipy.signal.convolve": in_numpy("scipy.signal", "convolve"),
    "scipy.signal.correlate": in_numpy("scipy.signal", "correlate"),
    "scipy.signal.convolve2d": of_images("scipy.signal", "convolve2d"),
    "scipy.signal.correlate2d": of_images("scipy.signal", "correlate2d"),
    "scipy.signal.fftconvolve": in_numpy("scipy.signal", "fftconvolve"),
    "scipy.signal.oaconvolve": in_numpy("scipy.signal", "oaconvolve"),
    "scipy.ndimage.convolve": in_ndimage("convolve"),
    "scipy.ndimage.correlate": in_ndimage("correlate"),
    "torch.nn.functional.conv1d": in_torch,
    "jax.lax.conv_general_dilated": in_lax,
    "jax.numpy.convolve": in_numpy("jax.numpy", "convolve"),
    "jax.numpy.correlate": in_numpy("jax.numpy", "correlate"),
    "jax.scipy.signal.convolve": in_numpy("jax.scipy.signal", "convolve"),
    "jax.scipy.signal.correlate": in_numpy("jax.scipy.signal", "correlate"),
    "jax.scipy.signal.convolve2d": of_images("jax.scipy.signal", "convolve2d"),
    "jax.scipy.signal.correlate2d": of_images("jax.scipy.signal", "correlate2d"),
    "keras.ops.conv": in_keras,
    "cv2.filter2D": in_opencv,
    "multiconv.convolve2d": in_multiconv("convolve2d"),
    "multiconv.corr2d": in_multiconv("corr2d"),
}

IMPULSE = np.array([0, 0, 1, 0, 0], "float32")
ODD = {(0, 4, 2, 1, 0): "as it is", (0, 1, 2, 4, 0): "flipped"}
EVEN = {
    "as it is": {(0, 2, 1, 0, 0): "end", (0, 0, 2, 1, 0): "start"},
    "flipped": {(0, 1, 2, 0, 0): "end", (0, 0, 1, 2, 0): "start"},
}
COMPLEX = {1: "conjugated", -1: "as it is"}


def described(name):
    """What the table says of a function: kernel, odd pixel, complex kernel, int8."""
    call = FUNCTIONS[name]
    flips = ODD[rounded(call(IMPULSE, np.array([1, 2, 4], "float32")))]
    odd = EVEN[flips][rounded(call(IMPULSE, np.array([1, 2], "float32")))]
    return flips, odd, complex_kernel(call), small_integers(call)


def complex_kernel(call):
    try:
        one = call(np.array([1j], "complex64"), np.array([1j], "complex64"))
    except Exception:  # every library has its own
        return "an error"
    return COMPLEX[round(np.asarray(one)[0].real)]


def small_integers(call):
    try:
        found = np.asarray(call(np.array([9], "int8"), np.array([100], "int8")))
    except Exception:
        return "an error"
    return f"{found[0]:.0f}, {found.dtype}"


def rounded(values):
    """Whole numbers, which transforms return only nearly."""
    return tuple(int(value) for value in np.asarray(values).round())


def bordered(library, name, row, width):
    """A row with the border of that name, as the function that adds one shows it."""
    if library == "numpy.pad":
        return np.pad(row, width, mode=name)
    if library == "torch.nn.functional.pad":
        torch = module("torch")
        return torch.nn.functional.pad(torch.as_tensor(row)[None], (width, width), name)[0]
    if library == "cv2.copyMakeBorder":
        cv2 = module("cv2")
        return cv2.copyMakeBorder(row[None], 0, 0, width, width, getattr(cv2, name))[0]
    if library == "multiconv":
        pads = ((0, 0), (width, width))
        show = np.ones((1, 1), row.dtype)
        return module("multiconv").corr2d(row[None], show, padding=pads, padding_mode=name)[0]
    # These add no border that one could look at: a window that sees one far pixel shows it.
    left, right = np.eye(2 * width + 1, dtype=row.dtype)[[0, -1]]
    if library == "scipy.ndimage":
        seen = [module("scipy.ndimage").correlate1d(row, k, mode=name) for k in (left, right)]
    else:
        signal = module("scipy.signal")
        seen = [signal.correlate2d(row[None], k[None], "same", name)[0] for k in (left, right)]
    return np.concatenate([seen[0][:width], row, seen[1][-width:]])
