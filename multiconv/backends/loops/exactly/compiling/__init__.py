"""How the loops of the exact mode are compiled."""
