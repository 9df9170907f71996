"""Document D's district through a limit of 2500 pixels: requests, seams, and its table 1.

A Process API on this machine cuts 120 x 120 km out of a made-up scene of 10 m whose water is known.

    python benchmarks/process_api.py seams           48 m in 1x1 to 12x12 requests, each to the bit
    python benchmarks/process_api.py table OUT       2x2, 5x5, 8x8, 12x12: area, units, time
    python benchmarks/process_api.py table OUT 30    the same of 30 x 30 km with a limit of 625
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import rasterio
import shapely
from affine import Affine

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.servers.process_api import ProcessApi, Scene, serving, write_profile

CRS = "EPSG:32635"
LEFT, TOP = 500_016.0, 5_520_000.0
"""Multiples of 48 m: so the grid of 48 m has 2500 pixels and no more."""
SIDE_KM = 120
SPLITS = ["2x2", "5x5", "8x8", "12x12"]
DAY = "2025-09-26"
LAND, WATER, CLOUD = 4, 6, 9
PATCH = 1500
"""Pixels of the made-up scene, which is laid out again and again, mirrored."""


def write_scene(path: Path, side_km: int) -> float:
    """Write a scene of that size; return the area of its water, km²."""
    from obriy.model.flags import Flag
    from obriy.simulate.water import simulate_water_scene

    made = simulate_water_scene((PATCH, PATCH), 11, 10.0, setting="easy_clear")
    cloud = (made.scene["flags"].to_numpy() & Flag.CLOUD.value) != 0
    planes = {
        name: np.clip(np.round(made.scene[band].to_numpy() * 1e4), 1, None)
        for name, band in (("B03", "green"), ("B08", "nir"))
    }
    planes["SCL"] = np.where(cloud, CLOUD, LAND)
    water = made.truth.to_numpy() == 2
    side = side_km * 100
    grid = {"crs": CRS, "transform": Affine(10, 0, LEFT, 0, -10, TOP)}
    form = {"driver": "GTiff", "dtype": "uint16", "tiled": True, "compress": "deflate"}
    seen = 0
    with rasterio.open(path, "w", count=3, height=side, width=side, zlevel=1, **form, **grid) as to:
        for number, (name, plane) in enumerate(planes.items(), 1):
            to.set_band_description(number, name)
            for top in range(0, side, PATCH):
                strip = laid_out(plane, top, side)
                window = rasterio.windows.Window(0, top, side, strip.shape[0])
                to.write(strip.astype("uint16"), number, window=window)
        for top in range(0, side, PATCH):
            seen += int(laid_out(water, top, side).sum())
    return seen * 1e-4


def laid_out(plane, top: int, side: int):
    """Return a row of patches, every second one mirrored, so that no edge shows."""
    own = plane if top // PATCH % 2 == 0 else plane[::-1]
    row = np.hstack([own if n % 2 == 0 else own[:, ::-1] for n in range(-(-side // PATCH))])
    return row[: min(PATCH, side - top), :side]


def write_district(path: Path, side_km: int) -> str:
    side = side_km * 1000
    box = shapely.to_geojson(shapely.box(LEFT, TOP - side, LEFT + side, TOP))
    crs = '{"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32635"}}'
    feature = f'{{"type": "Feature", "properties": {{"name": "D"}}, "geometry": {box}}}'
    path.write_text(f'{{"type": "FeatureCollection", "crs": {crs}, "features": [{feature}]}}')
    return str(path)


def seams(api: ProcessApi, aoi: str) -> None:
    """48 m in every split: the same pixels, to the bit, as the one request."""
    from obriy.sources.base import Query
    from obriy.sources.districts import read_districts
    from obriy.sources.finding import find_items
    from obriy.sources.scene import asked, open_item

    whole = None
    print("tiles  requests  largest, px   time, s  like one request", flush=True)
    for n in range(1, 13):
        query = Query(districts=tuple(read_districts(aoi)), datetime=DAY, tiles=f"{n}x{n}")
        (item,) = find_items(["process:loopback"], query)
        scene = open_item(item, asked(resolution=48, bands="green,nir"))
        api.requests.clear()
        began = time.perf_counter()
        image = np.stack([scene[name].to_numpy() for name in ("green", "nir", "flags")])
        spent = time.perf_counter() - began
        whole = image if whole is None else whole
        sides = [max(r["output"]["width"], r["output"]["height"]) for r in api.requests]
        like = np.array_equal(whole, image, equal_nan=True)
        print(f"{n}x{n:<5}{len(sides):9d}{max(sides):13d}{spent:10.1f}  {like}", flush=True)


def table(api: ProcessApi, aoi: str, out: Path, limit: int, truth: float) -> None:
    from obriy.workflows.config.water import WaterCompareConfig
    from obriy.workflows.jobs import run_job

    print(f"water of the scene: {truth:.3f} km²")
    config = WaterCompareConfig(
        source=f"process:loopback?limit={limit}", aoi=aoi, datetime=DAY, tiles=SPLITS,
        methods=["ndwi:0.05"], bands=["green", "nir"], out=out,
    )  # fmt: skip
    began = time.perf_counter()
    result = run_job(config).result.to_dict()
    print("tiles   pixel, m  requests   units   area, km²   90 % interval")
    for row in result["rows"]:
        print(f"{row['split']:8}{row['pixel_m']:8.4g}{row['requests']:10d}"
              f"{row['processing_units']:9.1f}{row['area_km2']:11.3f}   "
              f"{row['low_km2']:.3f} to {row['high_km2']:.3f}  {row['reason']}")  # fmt: skip
    print(f"{time.perf_counter() - began:.0f} s; {out}/report.html")


def main() -> None:
    what = sys.argv[1]
    side = int(sys.argv[3]) if len(sys.argv) > 3 else SIDE_KM
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ |= {"OAUTHLIB_INSECURE_TRANSPORT": "1", "OBRIY_CACHE": str(place / "cache")}
        truth = write_scene(place / "scene.tif", side)
        api = ProcessApi([Scene("MADE_UP", f"{DAY}T09:00:00Z", str(place / "scene.tif"))])
        aoi = write_district(place / "district.geojson", side)
        with serving(api) as url:
            os.environ["XDG_CONFIG_HOME"] = str(
                write_profile(place, url, download_timeout_seconds=900)
            )
            if what == "seams":
                seams(api, aoi)
            else:
                table(api, aoi, Path(sys.argv[2]), 2500 * side // SIDE_KM, truth)


if __name__ == "__main__":
    main()
