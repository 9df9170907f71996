"""Scenes that STAC catalogues list: in the network, in a static catalogue, in a file of items."""
