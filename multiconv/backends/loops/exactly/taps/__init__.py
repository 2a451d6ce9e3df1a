"""Loops over the taps of a kernel."""
