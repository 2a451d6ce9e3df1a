"""What each array library must say, and how arrays find theirs."""
