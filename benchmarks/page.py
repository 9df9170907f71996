"""How quick the page is: the first result, pages while runs use all cores, tiles of a full tile.

    python benchmarks/page.py

Prints seconds and milliseconds; nothing is asserted.
"""

import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import xarray as xr
from affine import Affine
from morecantile import tms
from odc.geo.geobox import GeoBox
from tests.page_server import PageServer

from obriy.model.grid import coords_of
from obriy.model.layers import LAYERS
from obriy.outputs.cog import write_layer

SIDE = 10_980
"""Pixels of a tile of Sentinel-2."""


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        runs = Path(place, "runs")
        server = PageServer(runs).start()
        try:
            began = time.perf_counter()
            job = {"job": "water", "options": {"source": "simulated:"}, "name": "first"}
            server.post("/api/runs", json=job).raise_for_status()
            server.wait("first", "done")
            say("first result, a simulated scene of 512 x 512", time.perf_counter() - began, "s")
            _full_tile(runs)
            _tiles(server)
            _pages(server, "page of a run, nothing at work")
            for seed in (1, 2):
                options = {"source": f"simulated:?seed={seed}&size=1500"}
                job = {"job": "water", "options": options, "name": f"busy {seed}"}
                server.post("/api/runs", json=job).raise_for_status()
            time.sleep(3)
            _pages(server, "page of a run, two runs at work")
            for seed in (1, 2):
                server.post(f"/api/runs/busy {seed}/cancel")
        finally:
            server.stop()


def say(what: str, seconds: float, unit: str = "ms") -> None:
    shown = f"{seconds:.1f}" if unit == "s" else f"{1000 * seconds:.0f}"
    print(f"{what}: {shown} {unit}")


def spread(what: str, found: list[float]) -> None:
    cut = statistics.quantiles(found, n=20)
    say(f"{what}, p50 of {len(found)}", statistics.median(found))
    say(f"{what}, p95", cut[-1])


def _full_tile(runs: Path) -> None:
    """Leave a run whose mask has the size of a tile of Sentinel-2: blobs of water in land."""
    folder = runs / "tile"
    shutil.copytree(runs / "first", folder)
    grid = GeoBox((SIDE, SIDE), Affine(10, 0, 500_000, 0, -10, 5_500_000), "EPSG:32636")
    rows, columns = np.ogrid[:SIDE, :SIDE]
    wet = np.sin(rows / 61) * np.sin(columns / 47) + np.sin(rows / 7 + columns / 5) > 0.9
    array = xr.DataArray(np.where(wet, 2, 1).astype("uint8"), coords_of(grid), ("y", "x"))
    write_layer(array, folder / "mask.tif", LAYERS["mask"])


def _tiles(server: PageServer) -> None:
    mask = server.get("/api/runs/tile/maps").json()[0]
    web = tms.get("WebMercatorQuad")
    asked = [t for zoom in (9, 11, 13) for t in web.tiles(*mask["bounds"], zooms=[zoom])]
    asked = asked[:: max(1, len(asked) // 80)]
    for how in ("cold", "kept"):
        found = []
        for tile in asked:
            began = time.perf_counter()
            path = f"/api/runs/tile/tiles/{tile.z}/{tile.x}/{tile.y}.png"
            server.get(path, params={"map": mask["map"]}).raise_for_status()
            found.append(time.perf_counter() - began)
        spread(f"tile of a full Sentinel-2 tile, {how}", found)


def _pages(server: PageServer, what: str) -> None:
    found = []
    for _ in range(40):
        began = time.perf_counter()
        server.get("/runs/first").raise_for_status()
        found.append(time.perf_counter() - began)
    spread(what, found)


if __name__ == "__main__":
    main()
