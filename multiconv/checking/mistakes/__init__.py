"""The usual mistakes, each as what it would give."""
