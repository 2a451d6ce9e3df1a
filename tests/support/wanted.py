"""A convolution and its two adjoints: which of x, weight and y is wanted of the others."""

import numpy as np
import oracle

WANTED = ("y", "x", "weight")
OPERANDS = {"y": ("x", "weight"), "x": ("y", "weight"), "weight": ("x", "y")}


def shapes(c, wanted):
    """The shapes of the operands, and behind those of a result that of a bias."""
    sizes = {"x": c.x_shape, "weight": c.weight_shape, "y": c.y_shape}
    bias = [c.weight_shape[:1]] if wanted == "y" else []
    return [*(sizes[role] for role in OPERANDS[wanted]), *bias]


def called(functions, c, wanted, *arrays, **options):
    """What the public function gives for the arrays; a bias or None may be the third."""
    options = {**c.geometry, **options}
    if wanted == "y":
        return getattr(functions, f"conv{c.axes}d")(*arrays, **options)
    if wanted == "x":
        return functions.conv_input_grad(*arrays[:2], c.size, **options)
    return functions.conv_weight_grad(*arrays[:2], c.kernel, **options)


def of_oracle(c, wanted, *arrays):
    """The same from the definition, of NumPy's arrays."""
    if wanted == "y":
        return oracle.conv(*arrays, **c.geometry)
    if wanted == "x":
        return oracle.input_grad(*arrays[:2], c.size, **c.geometry)
    return oracle.weight_grad(*arrays[:2], c.kernel, **c.geometry)


def drawn(c, wanted):
    """Floats over a range of magnitudes, some zeros among them; complex where the dtype is."""
    rng = np.random.default_rng(c.seed)

    def real(shape):
        values = rng.standard_normal(shape) * 2.0 ** rng.integers(-5, 5, shape)
        return np.where(rng.random(shape) < 0.1, 0.0, values)

    arrays = [real(shape) for shape in shapes(c, wanted)]
    if c.dtype.startswith("complex"):
        arrays = [a + 1j * real(a.shape) for a in arrays]
    return arrays if c.bias else arrays[:2]
