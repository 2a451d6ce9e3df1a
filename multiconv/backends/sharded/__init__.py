"""Arrays divided over the devices of a mesh: slabs of neighbouring blocks."""
