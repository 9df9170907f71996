"""A small district of a large scene through a STAC API: bytes read, bytes needed, and time.

    python -m benchmarks.catalogue [--side 5490] [--district 300] [--folder DIR] [--late 0.05]

Lays a scene down as COGs (once in a folder), serves it and its item on this machine, each in a
process of its own, and reads four bands and the classes of a district of so many pixels: by
Obriy, cold and with its cache, and by odc-stac. Needed are the tiles that hold the district.
"""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from pyproj import Transformer
from tests.stac_scenes import item_of, stac_api, write_items, write_scene

BANDS = ("B02", "B03", "B04", "B08", "SCL")
NAMES = ("blue", "green", "red", "nir")
CORNER = (500_000, 5_200_000)


def lay(folder, side):
    """Write the scene unless it is there: noise over fields, as bands pack in truth."""
    rng = np.random.default_rng(0)
    files = {}
    for band in BANDS:
        files[band] = folder / f"{band}.tif"
        if files[band].exists():
            continue
        fields = rng.integers(1200, 3000, (side // 61 + 1, side // 61 + 1))
        numbers = np.kron(fields, np.ones((61, 61), int))[:side, :side]
        numbers = numbers + rng.integers(-60, 60, numbers.shape)
        if band == "SCL":
            numbers = np.where(numbers > 1500, 4, 6)
        draft = folder / "draft.tif"
        with rasterio.open(
            draft, "w", driver="GTiff", width=side, height=side, count=1, dtype="uint16", nodata=0,
            crs="EPSG:32636", transform=rasterio.Affine(10, 0, CORNER[0], 0, -10, CORNER[1]),
        ) as file:  # fmt: skip
            file.write(numbers.astype("uint16"), 1)
        rasterio.shutil.copy(draft, files[band], driver="COG", compress="DEFLATE", predictor=2,
                             blocksize=512, num_threads="2")  # fmt: skip
        draft.unlink()
    return files


SERVER = """
import asyncio, sys, uvicorn
from starlette.staticfiles import StaticFiles
files, log = StaticFiles(directory=sys.argv[1]), open(sys.argv[3], "a", buffering=1)
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    place = scope["path"].split("/")[1]
    async def told(message):
        if message["type"] == "http.response.body":
            log.write(f"{place}:{len(message.get('body', b''))}\\n")
        elif message["type"] == "http.response.start":
            log.write(f"{place}:request\\n")
        await send(message)
    await asyncio.sleep(float(sys.argv[4]))
    await files(scope, receive, told)
uvicorn.run(app, port=int(sys.argv[2]), log_level="critical", lifespan="off")
"""


@contextlib.contextmanager
def served(folder, log, late_s):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = [str(folder), str(port), str(log), str(late_s)]
    server = subprocess.Popen([sys.executable, "-c", SERVER, *told])
    try:
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port)).close()
                break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def start_of(side):
    """First row and column of the district: a tile holds it where it is small."""
    return side // 2 // 512 * 512 + 100


def needed(files, side, district):
    """Bytes of the tiles that hold the district with the context that is read around it."""
    from obriy.blocks.around import CONTEXT

    low, high = start_of(side) - CONTEXT, start_of(side) + district + CONTEXT
    total = 0
    for file in files.values():
        with rasterio.open(file) as dataset:
            tile = dataset.block_shapes[0][0]
            for row in range(low // tile, (high - 1) // tile + 1):
                for column in range(low // tile, (high - 1) // tile + 1):
                    size = dataset.get_tag_item(f"BLOCK_SIZE_{column}_{row}", "TIFF", 1)
                    total += int(size)
    return total


OBRIY = """
import sys, time, json
from obriy.net.client import client
from obriy.sources.base import Query
from obriy.sources.finding import find_items
from obriy.sources.districts import read_districts
from obriy.sources.scene import asked, open_item

def read(month):
    districts = tuple(read_districts(sys.argv[2]))
    query = Query(datetime=month, districts=districts)
    (item,) = find_items([f"stac:{sys.argv[1]}"], query)
    scene = open_item(item, asked(bands="blue,green,red,nir"), districts)
    return [scene[name].to_numpy() for name in ("blue", "green", "red", "nir", "flags")]

read("2025-07")
begun, before = time.perf_counter(), client().traffic.received
made = read("2025-06")
print(json.dumps([time.perf_counter() - begun, list(made[3].shape), float(made[3].mean())]))
"""
ODC = """
import sys, time, json, warnings
warnings.simplefilter("ignore")
import odc.stac, pystac_client

def read(month):
    box = [float(v) for v in sys.argv[2].split(",")]
    when = f"{month}-01T00:00:00Z/{month}-30T23:59:59Z"
    search = pystac_client.Client.open(sys.argv[1]).search(bbox=box, datetime=when)
    bands = ["B02", "B03", "B04", "B08", "SCL"]
    made = odc.stac.load(search.items(), bands=bands, bbox=box, crs="EPSG:32636", resolution=10)
    return [made[name].to_numpy() for name in bands]

read("2025-07")
begun = time.perf_counter()
made = read("2025-06")
print(json.dumps([time.perf_counter() - begun, list(made[3].shape)[1:], float(made[3].mean())]))
"""


def timed(code, api, box, cache, log):
    before = log.read_text().split()
    env = os.environ | {"OBRIY_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-c", code, api, box], env=env, capture_output=True,
                          text=True, check=False)  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    lines = log.read_text().split()[len(before) :]
    lines = [line.split(":")[1] for line in lines if line.startswith("scene:")]
    requests = lines.count("request")
    return *json.loads(done.stdout), requests, sum(int(line) for line in lines if line != "request")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=5490)
    parser.add_argument("--district", type=int, default=300)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--late", type=float, default=0.05, help="seconds before each answer")
    given = parser.parse_args()
    work = given.folder or Path(tempfile.mkdtemp())
    folder, log, cache = work / "scene", work / "log", work / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    log.write_text("")
    files = lay(folder, given.side)
    to = Transformer.from_crs("EPSG:32636", "EPSG:4326", always_xy=True)
    start = start_of(given.side) * 10
    middle = [CORNER[0] + start, CORNER[1] - start]
    west, north = to.transform(middle[0] + 50, middle[1] - 50)
    east, south = to.transform(*(m + s * (given.district * 10 - 50) for m, s in
                                 zip(middle, (1, -1), strict=True)))  # fmt: skip
    box = f"{west},{south},{east},{north}"
    least = needed(files, given.side, given.district)
    total = sum(file.stat().st_size for file in files.values())
    print(f"needed {least / 1e6:.2f} MB of {total / 1e6:.0f} MB, five files")
    corner = (middle[0] - 1000, middle[1] + 1000)
    warm = write_scene(work / "warm", np.zeros((512, 512), bool), corner=corner)
    with served(work, log, given.late) as cogs:
        items = [
            item_of(bands, name, f"2025-{month}-05T08:36:09Z",
                    href=lambda file: f"{cogs}/{file.parent.name}/{file.name}")
            for bands, name, month in ((files, "scene", "06"), (warm, "warm", "07"))
        ]  # fmt: skip
        with stac_api(write_items(work / "items.json", items)) as api:
            rows = [("odc-stac", ODC), ("Obriy, cold", OBRIY), ("Obriy, kept", OBRIY)]
            shutil.rmtree(cache, ignore_errors=True)
            for name, code in (*rows, rows[0]):
                s, shape, mean, requests, size = timed(code, api, box, cache, log)
                print(f"{name}: {s:.2f} s, {requests} requests, {size / 1e6:.2f} MB "
                      f"({size / least:.2f} of needed), {shape}, mean {mean:.4f}")  # fmt: skip


if __name__ == "__main__":
    main()
