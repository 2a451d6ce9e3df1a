"""From the arguments of a call to a function of its arrays."""
