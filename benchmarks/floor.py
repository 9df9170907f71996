"""The floor of a job: to read its bands, compare two of them, and write one deflated mask."""

FLOOR = """
import sys
import numpy as np, rasterio
from concurrent.futures import ThreadPoolExecutor
from rasterio.windows import Window
out, *names = sys.argv[1:]
files = [rasterio.open(name) for name in names]
height, width = files[0].shape
with rasterio.open(out, "w", driver="GTiff", width=width, height=height, count=1, dtype="uint8",
                   tiled=True, blockxsize=512, blockysize=512, compress="deflate",
                   crs=files[0].crs, transform=files[0].transform) as to:
    for row in range(0, height, 1024):
        for column in range(0, width, 1024):
            w = Window(column, row, min(1024, width - column), min(1024, height - row))
            bands = [f.read(1, window=w) for f in files]
            to.write((bands[0] > bands[-1]).astype("uint8"), 1, window=w)
"""
FIXED = 1100
"""Pixels on a side of an image that costs little beside what every run costs."""
