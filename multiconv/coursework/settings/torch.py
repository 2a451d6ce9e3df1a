"""What PyTorch is set to."""

from __future__ import annotations

import torch

from multiconv.backends.ieee.torch import rounds_products


def settings() -> dict[str, str]:
    """Return threads, default dtype, GPUs, and which products of float32 may be rounded (TF32)."""
    rounded = [name for name in ("conv", "matmul") if rounds_products("cuda", name)]
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "threads": str(torch.get_num_threads()),
        "default dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        "CUDA": " ".join([str(torch.version.cuda or "none"), *gpus]),
        "TF32 on CUDA": f"allowed for {' and '.join(rounded)}" if rounded else "off",
        "deterministic": "yes" if torch.are_deterministic_algorithms_enabled() else "no",
    }
