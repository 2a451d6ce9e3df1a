"""The innermost of the compiled loops, in vectors."""
