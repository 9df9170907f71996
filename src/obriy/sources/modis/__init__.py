"""MODIS products as NASA ships them, HDF4, to Scenes."""
