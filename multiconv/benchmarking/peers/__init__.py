"""What the libraries themselves have, a file for each."""
