"""Satellite images to maps of water, ice and land cover, and the maps to numbers."""

__version__ = "0.1.0"
