"""How one output number of a convolution comes about: numbers, text, HTML and LaTeX."""
