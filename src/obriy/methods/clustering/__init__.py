"""Scene to numbered clusters: fit on a sample, predict by block."""
