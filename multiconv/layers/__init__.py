"""Layers that learn, one thin class per framework over what all share."""
