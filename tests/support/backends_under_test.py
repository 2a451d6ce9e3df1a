"""What the tests need to know about every backend: how to make its arrays and how to read them.

The environment variable MULTICONV_TEST_BACKENDS names the backends of a run, among numpy, torch,
jax and strict (array-api-strict, which stands for all libraries that the package does not know).
"""

import contextlib
import importlib
import os

import numpy as np

from multiconv.methods.table import METHODS as TABLE
from multiconv.methods.table import NAMES as NAMES_OF_METHODS

NAMES = ("numpy", "torch", "jax", "strict")
PACKAGES = {"numpy": "numpy", "torch": "torch", "jax": "jax", "strict": "array_api_strict"}
CHOSEN = tuple(
    name.strip()
    for name in os.environ.get("MULTICONV_TEST_BACKENDS", ",".join(NAMES)).split(",")
    if name.strip()
)

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
IN_NORM = tuple(name for name, method in TABLE.items() if method.error == "norm")
"""The methods whose bound holds in norm only."""
EXACT = tuple(name for name in NAMES_OF_METHODS if name not in IN_NORM)
"""The methods that keep the element-wise error bound."""
ELEMENTWISE = tuple(name for name in EXACT if name != "native")
"""Those of them that every backend has."""


def check_choice():
    """Why the chosen backends cannot be tested, as one line each; none, where they can."""
    problems = [
        f"MULTICONV_TEST_BACKENDS names {name!r}, which is none of {', '.join(NAMES)}"
        for name in CHOSEN
        if name not in NAMES
    ]
    if not CHOSEN:
        problems.append("MULTICONV_TEST_BACKENDS names no backend at all")
    for name in set(CHOSEN) & set(NAMES):
        try:
            importlib.import_module(PACKAGES[name])
        except Exception as error:
            problems.append(
                f"MULTICONV_TEST_BACKENDS names {name!r}, but {PACKAGES[name]} cannot be imported: "
                f"{error!r}"
            )
    return problems


class NumPy:
    """NumPy arrays, and what the other backends share."""

    name = "numpy"
    cost = 1
    """How many times fewer examples a property is checked on than on NumPy."""
    dtypes = (*INTEGERS, "bool", "float16", "float32", "float64", "complex64", "complex128")
    native_dtypes = ()
    default_integer = "int64"
    differentiable = False

    @property
    def functions(self):
        """The face of this backend; the functions that look at the arrays, where it has none."""
        return importlib.import_module(f"multiconv.{self.name}")

    @property
    def methods(self):
        return ELEMENTWISE

    def methods_for(self, dtype, dilation=1):
        """The methods of the element-wise bound that must accept such inputs."""
        native = dtype in self.native_dtypes and not self.native_gap(dtype, dilation)
        return (*self.methods, "native") if native else self.methods

    def native_gap(self, dtype, dilation):
        """Whether the framework's own convolution may be missing for such inputs."""
        return False

    def array(self, values, dtype=None):
        values = np.asarray(values)
        return values.copy() if dtype is None else values.astype(dtype)

    def to_numpy(self, array):
        """The values, copied; bfloat16 as float32, which holds them all."""
        return np.array(array)

    def dtype_name(self, array):
        return str(array.dtype)

    def is_native_array(self, array):
        """Whether this is an array of the backend, on the device that its arrays are made on."""
        return type(array) is np.ndarray

    def wide(self, *dtypes):
        """A context in which arrays of these dtypes can be made."""
        return contextlib.nullcontext()

    def __repr__(self):
        return self.name


class Torch(NumPy):
    name = "torch"
    cost = 2
    dtypes = (*NumPy.dtypes, "bfloat16")
    native_dtypes = (
        *("int8", "int16", "int32", "int64", "uint8"),
        *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
    )
    differentiable = True

    def native_gap(self, dtype, dilation):
        return dtype in INTEGERS and np.max(dilation) > 1

    def __init__(self, device="cpu"):
        self.device = device

    def array(self, values, dtype=None):
        import torch

        values = np.array(values, order="C")
        if dtype == "bfloat16":
            tensor = torch.from_numpy(values.astype(np.float32)).to(torch.bfloat16)
        else:
            tensor = torch.from_numpy(values if dtype is None else values.astype(dtype))
        return tensor.to(self.device)

    def to_numpy(self, array):
        import torch

        array = array.detach().cpu()
        if array.dtype == torch.bfloat16:
            array = array.to(torch.float32)
        return array.resolve_conj().resolve_neg().numpy().copy()

    def dtype_name(self, array):
        return str(array.dtype).removeprefix("torch.")

    def is_native_array(self, array):
        import torch

        return type(array) is torch.Tensor and array.device.type == self.device


class Jax(NumPy):
    """JAX arrays, with 64-bit types only where a test asks for them: they are off by default."""

    name = "jax"
    cost = 12  # every new shape is compiled
    dtypes = (*NumPy.dtypes, "bfloat16")
    native_dtypes = (*INTEGERS, *Torch.native_dtypes[5:])
    differentiable = True

    def __init__(self, platform="cpu"):
        self.platform = platform

    @property
    def default_integer(self):
        import jax

        return "int64" if jax.config.jax_enable_x64 else "int32"

    def array(self, values, dtype=None):
        import jax

        values = np.asarray(values)
        dtype = str(values.dtype) if dtype is None else dtype
        result = jax.device_put(
            values.astype(jax.numpy.dtype(dtype)), jax.devices(self.platform)[0]
        )
        if str(result.dtype) != dtype:
            raise AssertionError(
                f"a test made {dtype} arrays without `with backend.wide({dtype!r})`"
            )
        return result

    def to_numpy(self, array):
        array = np.array(array)
        return array.astype(np.float32) if array.dtype.name == "bfloat16" else array

    def is_native_array(self, array):
        import jax

        return isinstance(array, jax.Array) and {d.platform for d in array.devices()} == {
            self.platform
        }

    def wide(self, *dtypes):
        need = set(dtypes) & {"int64", "uint64", "float64", "complex128"}
        return enable_x64() if need else contextlib.nullcontext()


def enable_x64():
    """JAX's local context for 64-bit types, by whichever name the version has."""
    import jax

    if hasattr(jax, "enable_x64"):
        return jax.enable_x64(True)
    from jax.experimental import enable_x64

    return enable_x64(True)


class Strict(NumPy):
    """array-api-strict: what the standard promises and nothing more, on its second device."""

    name = "strict"
    cost = 4
    dtypes = (*INTEGERS, "bool", "float32", "float64", "complex64", "complex128")

    @property
    def functions(self):
        return importlib.import_module("multiconv")

    @property
    def device(self):
        import array_api_strict

        return array_api_strict.Device("device1")

    def array(self, values, dtype=None):
        import array_api_strict

        values = np.asarray(values)
        values = values if dtype is None else values.astype(dtype)
        return array_api_strict.asarray(values.copy(), device=self.device)

    def to_numpy(self, array):
        import array_api_strict

        return np.array(array.to_device(array_api_strict.Device("CPU_DEVICE")))

    def dtype_name(self, array):
        return str(array.dtype).removeprefix("array_api_strict.")

    def is_native_array(self, array):
        import array_api_strict

        return isinstance(array, array_api_strict._array_object.Array) and (
            array.device == self.device
        )


CLASSES = {"numpy": NumPy, "torch": Torch, "jax": Jax, "strict": Strict}


def make(name):
    return CLASSES[name]()
