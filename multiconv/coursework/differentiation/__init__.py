"""How each framework compiles and differentiates, for the comparison."""
