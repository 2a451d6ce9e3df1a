"""A framework's own convolution and its two adjoints, called with nothing around them."""
