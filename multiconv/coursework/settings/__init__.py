"""What each framework is set to, for a bug report: read, and never changed."""
