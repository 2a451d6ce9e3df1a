"""Measuring what methods cost on a machine: `multiconv tune`."""
