"""Granules that NASA's Earthdata holds: searched, fetched whole, kept."""
