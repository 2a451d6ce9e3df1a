"""What can be checked: a file per task."""
