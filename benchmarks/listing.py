"""What it costs to find the images of a folder: processor time of `find_items`, user and system.

    python benchmarks/listing.py [FILES]      # 1000 by default

Folders of small GeoTIFFs dated by name, by tag, with a file a band; of NetCDF files dated by their
coordinate; of granules of MODIS by NASA's names; and one cube of as many steps.
"""

import resource
import shutil
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
import xarray as xr
from affine import Affine

from obriy.sources.finding import find_items

SIDE = 64


def days(number):
    return [date(2020, 1, 1) + timedelta(days=i) for i in range(number)]


def write(path, bands, tags=None):
    with rasterio.open(
        path, "w", driver="GTiff", width=SIDE, height=SIDE, count=bands, dtype="uint16",
        crs="EPSG:32636", transform=Affine(10, 0, 5e5, 0, -10, 5.2e6),
    ) as file:  # fmt: skip
        file.write(np.full((bands, SIDE, SIDE), 500, "uint16"))
        file.update_tags(**(tags or {}))
    return path


def cube(times):
    shape = (len(times), 8, 8)
    bands = {n: (("time", "y", "x"), np.ones(shape, "int16")) for n in ("B03", "B08", "B11")}
    return xr.Dataset(bands, {"time": times})


def by_name(folder, number):
    one = write(folder.parent / "one.tif", 6)
    for day in days(number):
        shutil.copy(one, folder / f"scene_{day}.tif")


def by_tag(folder, number):
    for i, day in enumerate(days(number)):
        write(folder / f"scene_{i:05d}.tif", 6, {"datetime": f"{day}T08:36:00Z"})


def a_file_a_band(folder, number):
    one = write(folder.parent / "band.tif", 1)
    for day in days(number // 4):
        for band in ("B02", "B03", "B08", "B11"):
            shutil.copy(one, folder / f"S2_{day:%Y%m%d}_{band}.tif")


def by_coordinate(folder, number):
    for i, time in enumerate(pd.to_datetime(days(number))):
        cube([time]).to_netcdf(folder / f"scene_{i:05d}.nc")


def granules(folder, number):
    for day in days(number // 3):
        for kind in ("02HKM", "03", "35_L2"):
            (folder / f"MOD{kind}.A{day:%Y%j}.0225.061.2021049131500.hdf").write_bytes(b"0")


def one_cube(folder, number):
    cube(pd.to_datetime(days(number))).to_netcdf(folder / "cube.nc")


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main(number):
    with tempfile.TemporaryDirectory() as place:
        find_items([str(write(Path(place) / "first_2020-01-01.tif", 6))])  # what loads once
        for make in (by_name, by_tag, a_file_a_band, by_coordinate, granules, one_cube):
            folder = Path(place) / make.__name__
            folder.mkdir()
            make(folder, number)
            files, before = len(list(folder.iterdir())), cpu()
            found = len(find_items([str(folder)]))
            print(f"{make.__name__:14} {files:5} files {found:5} images {cpu() - before:6.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
