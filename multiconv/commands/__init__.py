"""The commands of ``multiconv``, a file each, in one table."""
