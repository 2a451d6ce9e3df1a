"""NumPy's loops: one order of additions, by whole arrays or compiled."""
