"""What `multiconv bench` needs: a grid of cells, candidates, agreement, time and a summary."""
