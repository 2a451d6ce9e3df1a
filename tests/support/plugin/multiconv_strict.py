"""A backend from outside the project, with a native convolution: the whole of it."""

import array_api_strict as xp

from multiconv.backends.base import Backend


class StrictBackend(Backend):
    name = "outside"
    xp = xp

    def owns(self, array):
        return type(array) is type(xp.empty(0))

    def native_refusal(self, dtype, device, axes):
        return None if axes == 2 else f"only images of 2 axes, not {axes}"

    def native(self, x, weight, *, stride, pads, dilation, groups):
        """One product per tap, on the padded image; no groups, to stay short."""
        if groups != 1:
            raise ValueError(f"groups must be 1 for this native convolution, got {groups}")
        x = self.pad_zeros(x, pads)
        reach = [d * (k - 1) for d, k in zip(dilation, weight.shape[2:], strict=True)]
        total = 0
        for i in range(weight.shape[2]):
            for j in range(weight.shape[3]):
                low = i * dilation[0], j * dilation[1]
                high = x.shape[2] - reach[0] + low[0], x.shape[3] - reach[1] + low[1]
                rows, columns = slice(low[0], high[0], stride[0]), slice(low[1], high[1], stride[1])
                total = total + xp.tensordot(
                    weight[:, :, i, j], x[:, :, rows, columns], axes=([1], [1])
                )
        return xp.moveaxis(total, 0, 1)
