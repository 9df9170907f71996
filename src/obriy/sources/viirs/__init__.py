"""Granules of VIIRS in netCDF-4: what follows MODIS."""
