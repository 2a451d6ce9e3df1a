"""Layers to and from other libraries' convolutions."""
