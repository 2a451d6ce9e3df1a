"""PyTorch's functions on the arrays of any library: see `multiconv.compat.torch.nn.functional`."""
