"""Keras's functions on the arrays of any library: see `multiconv.compat.keras.ops`."""
