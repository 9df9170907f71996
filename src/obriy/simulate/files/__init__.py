"""Simulated scenes and granules as the files that readers of real ones open."""
