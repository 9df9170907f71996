"""Spectral indices: formulas as data, parsed and never executed."""
