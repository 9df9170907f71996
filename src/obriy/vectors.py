"""Geometries on grids: coverage of pixels by polygons, rasters to polygons, warps."""
