"""Long work as a short loop of a framework's, whose body is compiled once."""
