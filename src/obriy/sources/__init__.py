"""Bytes somewhere to a Scene."""
