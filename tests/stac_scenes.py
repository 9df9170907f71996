"""Scenes as catalogues list them: a COG a band, STAC items, a STAC API on loopback (rustac)."""

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
import shapely
from affine import Affine
from pyproj import Transformer
from tests.servers.running import serving_files

WATER = {"B02": 500, "B03": 600, "B04": 100, "B08": 150, "B11": 80, "B12": 50}
LAND = {"B02": 400, "B03": 700, "B04": 700, "B08": 3000, "B11": 2200, "B12": 1300}
COMMON = {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B11": "swir16",
          "B12": "swir22"}  # fmt: skip
ADDED = 1000
"""What baseline 04.00 adds to every number."""


def write_band(path, numbers, crs, transform, *, nodata=0):
    """A tiled GeoTIFF of one band with overviews, as providers lay COGs out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = path.with_suffix(".plain.tif")
    with rasterio.open(
        plain, "w", driver="GTiff", width=numbers.shape[1], height=numbers.shape[0], count=1,
        dtype="uint16", nodata=nodata, crs=crs, transform=transform,
    ) as file:  # fmt: skip
        file.write(numbers.astype("uint16"), 1)
    rasterio.shutil.copy(plain, path, driver="COG", blocksize=128, compress="DEFLATE",
                         overviews="AUTO", overview_resampling="AVERAGE")  # fmt: skip
    plain.unlink()
    return path


def write_scene(folder, water, *, crs="EPSG:32636", corner=(500_000, 5_200_000), seed=1,
                added=ADDED, cloud=None, pixel=10.0):  # fmt: skip
    """Bands of 10 m (SWIR of 20 m) and SCL of 20 m; returns file by band.

    ``water`` says where water is; ``cloud`` where SCL says cloud; ``added`` what is in the numbers.
    """
    water = np.asarray(water, bool)
    rng = np.random.default_rng(seed)
    files = {}
    for band, dark in WATER.items():
        coarse = 2 if band in ("B11", "B12") else 1
        numbers = np.where(water, dark, LAND[band]) + rng.integers(-20, 20, water.shape)
        numbers = numbers[::coarse, ::coarse] + added
        place = Affine(pixel * coarse, 0, corner[0], 0, -pixel * coarse, corner[1])
        files[band] = write_band(folder / f"{band}.tif", numbers, crs, place)
    classes = np.where(water, 6, 4)
    if cloud is not None:
        classes[cloud] = 9
    place = Affine(2 * pixel, 0, corner[0], 0, -2 * pixel, corner[1])
    files["SCL"] = write_band(folder / "SCL.tif", classes[::2, ::2], crs, place)
    return files


def outline(file):
    """The footprint of a raster in degrees."""
    with rasterio.open(file) as dataset:
        left, bottom, right, top = dataset.bounds
        to = Transformer.from_crs(dataset.crs, "EPSG:4326", always_xy=True)
    corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
    return shapely.Polygon([to.transform(*corner) for corner in corners])


def item_of(files, name, when, *, href=str, collection="sentinel-2-l2a", tile="36TWT",
            cloud=3.0, baseline="05.11", names=None, platform="sentinel-2b", made=None,
            geometry=None, **more):  # fmt: skip
    """A STAC item of band files; ``href`` makes the address of each, ``names`` its asset."""
    shape = geometry or outline(files["B02"])
    names = names or {}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": name,
        "collection": collection,
        "geometry": json.loads(shapely.to_geojson(shape)),
        "bbox": list(shape.bounds),
        "properties": {
            "datetime": when, "platform": platform, "eo:cloud_cover": cloud,
            "s2:processing_baseline": baseline, "s2:mgrs_tile": tile,
            "s2:generation_time": made or when, **more,
        },
        "links": [],
        "assets": {
            names.get(band, band): {"href": href(file), "type": "image/tiff; application=geotiff"}
            for band, file in files.items()
        },
    }  # fmt: skip


def write_items(path, items):
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(items)}))
    return path


def served(items, address):
    """A file of items whose images lie at an address: what a server lists names no local file."""
    text = items.read_text().replace(f'"{items.parent}/', f'"{address}/')
    file = items.with_suffix(f".{address.rpartition(':')[2]}.json")
    file.write_text(text)
    return file


@contextlib.contextmanager
def stac_api(*files):
    """A real STAC API over files of items, whose images are served beside; yields its address."""
    with contextlib.ExitStack() as stack:
        pixels = [stack.enter_context(serving_files(file.parent)).url for file in files]
        listed = [served(file, url) for file, url in zip(files, pixels, strict=True)]
        yield stack.enter_context(api_of(*listed))


@contextlib.contextmanager
def api_of(*files):
    """A real STAC API over files of items as they are; yields its address."""
    rustac = shutil.which("rustac", path=str(Path(sys.executable).parent))
    with socket.socket() as held:
        # A port that is bound here and not listened at is given to nobody but who names it.
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{held.getsockname()[1]}"
        server = subprocess.Popen(
            [rustac, "serve", "--create-collections", "-a", at, *map(str, files)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            while held_by_nobody(held.getsockname()):
                assert server.poll() is None, server.stderr.read()
                time.sleep(0.02)
            yield f"http://{at}"
        finally:
            server.kill()
            server.communicate()


def held_by_nobody(address):
    with socket.socket() as asking:
        return asking.connect_ex(address) != 0
