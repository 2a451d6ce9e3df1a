"""How loops are compiled."""
