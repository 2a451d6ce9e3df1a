"""PyTorch's ``torch.nn`` as far as it is here: `multiconv.compat.torch.nn.functional`."""
