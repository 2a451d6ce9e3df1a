"""Whether a function that somebody wrote is right, and if not, what is wrong with it."""
