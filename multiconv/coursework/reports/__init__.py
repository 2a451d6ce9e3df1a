"""A comparison told to people: on a terminal, as a page to hand in, and as Markdown."""
