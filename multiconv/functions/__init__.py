"""The public functions: documentation, reading of arguments, delegation."""
