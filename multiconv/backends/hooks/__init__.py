"""What is asked of a backend, by who asks; `Backend` has all of it."""
