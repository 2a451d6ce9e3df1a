"""Running a function in a process of its own, which can do no harm to the one that asks."""
