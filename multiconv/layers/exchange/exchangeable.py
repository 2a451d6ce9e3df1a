"""Layers to and from the convolutions of torch.nn, flax.nnx, equinox and keras.

What an argument means in a library stands once, as data, in `multiconv.layers.exchange.dialects`. A
library's own file only takes its modules apart and puts them together; it is imported when one of
its modules, or its name, is given.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any, ClassVar, Self

from multiconv.backends import registry
from multiconv.backends.transfer import moved
from multiconv.core.arguments import choice
from multiconv.core.installation import install_line
from multiconv.layers import shared as layers
from multiconv.layers.exchange.dialects import DIALECTS, InexpressibleError, dialects
from multiconv.layers.exchange.spelling import spell, understand
from multiconv.layers.shared import LayerArguments
from multiconv.layers.table import KINDS

_WINGS = {library: f"multiconv.layers.exchange.{library}" for library in DIALECTS}

_AXES = {1: ("one", "axis"), 2: ("two", "axes"), 3: ("three", "axes")}


class Exchangeable:
    """What the layers of all frameworks inherit: ways from and to other libraries' convolutions."""

    #: Whose arrays the layer's parameters are.
    backend_name: ClassVar[str]
    #: Which of the layers it is; its own name, but for subclasses of users.
    kind: ClassVar[str]
    #: The layer's arguments, weight and bias.
    arguments: Any
    weight: Any
    bias: Any

    @classmethod
    def from_parameters(cls, arguments: Any, weight: Any, bias: Any) -> Self:
        """Return a layer with the given parameters."""
        raise NotImplementedError

    @classmethod
    def from_native(
        cls,
        module: Any,
        *,
        channels_last: bool = False,
        weight_order: str | None = None,
        method: str = "auto",
    ) -> Self:
        """Return a layer that computes what another library's convolution does.

        Parameters
        ----------
        module : torch.nn.Conv2d, flax.nnx.Conv, equinox.nn.Conv2d or keras.layers.Conv2D
            The convolution, or for a transposed layer the transposed one, of as many spatial axes.
        channels_last : bool, optional
            Whether the layer's images are (N, H, W, C) or (H, W, C), as those of flax and of most
            modules of keras are. Left out, they are (N, C, H, W) or (C, H, W), whatever the
            module's are.
        weight_order : {"OIHW", "HWIO"}, optional
            The order of the axes of the layer's weight, that of torch or that of flax and keras.
        method : str, optional
            As in `multiconv.conv2d`.

        Returns
        -------
        layer
            With channels; its parameters are copies, and the numbers in its outputs are the same.

        Raises
        ------
        TypeError
            If ``module`` is no module of the four libraries.
        ValueError
            If it computes something that this layer does not; the message says what.

        Examples
        --------
        >>> import torch
        >>> from multiconv.torch import Conv2D
        >>> module = torch.nn.Conv2d(3, 8, (1, 2), padding="same")
        >>> layer = Conv2D.from_native(module)
        >>> layer
        Conv2D(kernel_size=(1, 2), in_channels=3, out_channels=8, padding='same')
        >>> torch.equal(layer.weight, module.weight)
        True
        """
        wing, library = _of(module)
        transposed = _is_transposed(module, wing, library)
        axes = len(_kernel_size(module))
        if (axes, transposed) != KINDS[cls.kind]:
            raise ValueError(_another(cls.kind, module, axes, transposed, library))
        dialect = dialects(transposed=transposed)[library]
        options = {its: getattr(module, its, None) for its in dialect.names.values()}
        try:
            weight, bias = wing.read(module, transposed)
        except InexpressibleError as lack:
            msg = f"{type(module).__name__} {lack}"
            raise ValueError(msg) from None
        if weight.ndim != axes + 2:
            title, shape = dialect.title(axes), tuple(weight.shape)
            msg = f"the weight of {title} has {axes + 2} axes, this one the shape {shape}"
            raise ValueError(msg)
        backend = registry.load(cls.backend_name)
        weight = moved("weight", weight, backend)
        weight = backend.xp.permute_dims(weight, dialect.axes_from_theirs(axes))
        bias = None if bias is None else moved("bias", bias, backend).reshape(-1)
        shape = tuple(weight.shape)
        found = understand(dialect, options, shape, bias=bias is not None, method=method)
        own = {"channels_last": channels_last, "weight_order": weight_order}
        arguments = layers.read(**(found.to_dict() | own))
        weight = backend.xp.permute_dims(weight, arguments.from_usual)
        return cls.from_parameters(arguments, weight, bias)

    def to_native(self, library: str, *, layout: str | None = None) -> Any:
        """Return another library's convolution that computes what this layer does.

        Parameters
        ----------
        library : {"torch", "flax", "equinox", "keras"}
            For a torch.nn.Conv2d, flax.nnx.Conv, equinox.nn.Conv2d or keras.layers.Conv2D, or
            what it has for another number of axes, or transposed.
        layout : {"NCHW", "CHW", "NHWC"}, optional
            That of the module's images; with other axes "NCL" or "NCDHW" and so on. torch has NCHW,
            flax NHWC and equinox CHW, which is one image: ``jax.vmap(module)`` takes a batch. keras
            has NHWC, or NCHW if asked for; whatever the layer's are.

        Returns
        -------
        module
            Its parameters are copies, and the numbers in its outputs are the same. A layer without
            channels becomes a module with one channel.

        Raises
        ------
        ImportError
            If the library is not installed; the message says how to install it.
        ValueError
            If the library has no such convolution; the message says what it lacks and who has it.

        Examples
        --------
        >>> import torch
        >>> from multiconv.torch import Conv2D
        >>> Conv2D(3, padding=1, padding_mode="reflect", bias=False).to_native("torch")
        Conv2d(1, 1, kernel_size=(3, 3), ..., padding=(1, 1), bias=False, padding_mode=reflect)
        >>> Conv2D(3, padding="same", stride=2).to_native("torch")
        Traceback (most recent call last):
        ...
        ValueError: torch.nn.Conv2d has no padding='same' with stride=(2, 2); flax, equinox and ...
        """
        library = choice("library", library, tuple(DIALECTS))
        axes, transposed = KINDS[self.kind]
        dialect = dialects(transposed=transposed)[library]
        title, layouts = dialect.title(axes), dialect.layouts_of(axes)
        if layout is None:
            layout = layouts[0]
        if layout not in layouts:
            allowed = " or ".join(map(repr, layouts))
            msg = f"layout must be {allowed} for {title}, got {layout!r}"
            raise ValueError(msg)
        options = spell(self.arguments, dialect)
        wing = _wing(library)
        backend = registry.load(wing.BACKEND)
        weight = moved("weight", self.weight, backend)
        bias = None if self.bias is None else moved("bias", self.bias, backend)
        if bias is not None and bias.dtype != weight.dtype:
            msg = f"weight is {weight.dtype} and bias {bias.dtype}: cast one of them to the other"
            raise ValueError(msg)
        weight = backend.xp.permute_dims(weight, self.arguments.to_usual)
        if weight.ndim == 2:
            weight = weight[None, None]
        weight = backend.xp.permute_dims(weight, dialect.axes_to_theirs(axes))
        try:
            return wing.write(title.rpartition(".")[2], options, weight, bias, layout)
        except InexpressibleError as lack:
            msg = f"{title} {lack}"
            raise ValueError(msg) from None


def seen_by(module: Any) -> LayerArguments:
    """Return the arguments of one filter that sees what another library's convolution sees.

    Whatever its weights are, and what it does to its sums.
    """
    wing, library = _of(module)
    transposed = _is_transposed(module, wing, library)
    dialect = dialects(transposed=transposed)[library]
    if hasattr(wing, "check_sight"):
        try:
            wing.check_sight(module)
        except InexpressibleError as lack:
            msg = f"{type(module).__name__} {lack}"
            raise ValueError(msg) from None
    names = (its for ours, its in dialect.names.items() if ours != "groups")
    options = {its: getattr(module, its, None) for its in names}
    return understand(dialect, options, (1, 1, *_kernel_size(module)), bias=False)


def _kernel_size(module: Any) -> tuple[int, ...]:
    """Return the size of a module's kernel, of which flax.linen takes an int for one axis."""
    size = module.kernel_size
    return (size,) if isinstance(size, int) else tuple(size)


def _is_transposed(module: Any, wing: ModuleType, library: str) -> bool:
    """Tell whether a library's convolution is transposed; refuse what is none, or its own."""
    kind = type(module)
    known = (k for k in wing.CONVOLUTIONS + wing.TRANSPOSED if isinstance(module, k))
    standard = next(known, None)
    usual = DIALECTS[library].title(2)
    if standard is None:
        msg = f"{kind.__name__} is no convolution, such as {usual}"
        raise ValueError(msg)
    computing = [name for name in wing.COMPUTING if hasattr(standard, name)]
    if any(getattr(kind, name) is not getattr(standard, name) for name in computing):
        shown = f"{usual.rpartition('.')[0]}.{standard.__name__}"
        msg = f"{kind.__name__} computes something of its own instead of {shown}"
        raise ValueError(msg)
    return standard in wing.TRANSPOSED


def _another(kind: str, module: Any, axes: int, transposed: bool, library: str) -> str:
    """Say which layer a module becomes, where it is not ``kind``."""
    wanted = KINDS[kind]
    shown = type(module).__name__
    if transposed != wanted.transposed:
        shown += ", a transposed convolution," if transposed else ", which is not transposed,"
    right = f"Conv{'Transpose' if transposed else ''}{axes}D"
    advice = f": {right}.from_native(module) takes it" if right in KINDS else ""
    title = dialects(transposed=wanted.transposed)[library].title(wanted.axes)
    count, noun = _AXES[wanted.axes]
    return (
        f"{shown} has a kernel of {axes} axes, and a {kind} is made of {title}, "
        f"{count}-dimensional, with {count} spatial {noun}{advice}"
    )


def _of(module: Any) -> tuple[ModuleType, str]:
    """Return the wing and the name of a module's library."""
    if isinstance(module, Exchangeable):
        msg = "module is a layer of multiconv itself; save and load take it to another backend"
        raise TypeError(msg)
    # Keras first: its layers are modules of the framework it runs on, too.
    for library in ("keras", "torch", "flax", "equinox"):
        if library not in sys.modules:  # a module cannot exist without its library
            continue
        try:
            wing = _wing(library)
        except ImportError:  # a broken or half-imported library owns nothing
            continue
        if isinstance(module, wing.MODULE):
            return wing, library
    titles = ", ".join(dialect.title(2) for dialect in DIALECTS.values())
    msg = f"module must be one of {titles}, got {type(module).__module__}.{type(module).__name__}"
    raise TypeError(msg)


def _wing(library: str) -> ModuleType:
    try:
        return importlib.import_module(_WINGS[library])
    except ImportError as error:
        msg = (
            f"{DIALECTS[library].title(2)} needs the package {library}, which does not import "
            f"({error}): {install_line(library)}"
        )
        raise ImportError(msg, name=library) from error
