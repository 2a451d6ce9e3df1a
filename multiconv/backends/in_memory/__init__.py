"""The compiled loops on the memory of other libraries' arrays, without a copy."""
