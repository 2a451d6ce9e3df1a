"""The commands: comparing backends, learning on them, and what both need."""
