"""Methods x sets: F1, IoU and kappa of water, with 90 % intervals by bootstrap over places.

Needs the real data of the developers (OBRIY_REALDATA, else ../shared/data). Sets:

    hls-choose   chips of the places to choose settings on; `auto` was fitted on them
    hls-report   chips of the places to report on: nothing is tuned on them
    cloudshadow  one TOA scene: 840 water pixels, so what counts is false water on shadow and land
    amazon       polygons in a scene whose offset is still inside

A clear pixel that a method does not name counts as wrong. The methods stand alone: no cloud is
looked for before them (--clouds auto: as for a user).

    python benchmarks/water_methods.py [--sets hls-report,cloudshadow,amazon] [--clouds auto]
"""

import argparse
import csv
import json
import os
import warnings
from collections import defaultdict
from pathlib import Path

import numpy as np
import rasterio
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage

import obriy
from obriy.coverage import rasterize
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.vectors import place

DATA = Path(os.environ.get("OBRIY_REALDATA", Path(__file__).parents[2] / "shared" / "data"))
BASELINES = [f"{i}:{t}" for i in ("ndwi", "mndwi", "aweish", "aweinsh")
             for t in ("zero", "otsu-untested")]  # fmt: skip
METHODS = [*BASELINES, "mndwi:otsu", "mndwi:edge", "mndwi:local", "mndwi:valley",
           "mndwi:otsu & aweish:otsu", "auto"]  # fmt: skip
CHIP_BANDS = ["coastal", "blue", "green", "red", "nir", "swir16", "swir22"]
CLOUD, SHADOW_OR_ADJACENT = 0b10, 0b1100


def hls_chips(split: str, flags: bool):
    """Yield place, scene, water truth, pixels that count."""
    with (DATA / "hls_chips" / "index.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if r["split"] == split]
    for row in rows:
        name = f"{int(row['chip']):03d}"
        path = DATA / "hls_chips" / "images" / f"{name}.tif"
        bands = [*CHIP_BANDS, *(["fmask"] if flags else [])]
        scene = obriy.open_scene(path, bands=bands, scale=1e-4)
        with rasterio.open(path) as file:
            fmask = file.read(8)
        with rasterio.open(path.with_name(f"{name}_water.png")) as file:
            truth = file.read(1) > 0
        yield row["site_group"], scene, truth, (fmask & CLOUD) == 0


def cloudshadow(flags: bool):
    arrays = np.load(DATA / "s2_cloudshadow" / "sentinel2.npz")
    names = ["blue", "green", "red", "nir", "swir16", "swir22"]
    image, mask = arrays["img"], arrays["msk"][..., 0]
    bands = {n: xr.Variable(("y", "x"), image[..., i]) for i, n in enumerate(names)}
    grid = GeoBox(mask.shape, Affine(30, 0, 5e5, 0, -30, 5e6), "EPSG:32631")
    scene = make_scene(bands, grid, sensor="sentinel2_l1c", provenance=Provenance())
    for name, code in (("shadow", 0), ("land", 3), ("water", 1)):
        yield name, scene, mask == 1, mask == code


def amazon(flags: bool):
    folder = DATA / "s2_amazon_offset"
    scene = obriy.open_scene(folder / "sen2_amazon_12band_f32.tif")
    rows, columns = slice(0, scene.sizes["y"]), slice(0, scene.sizes["x"])
    features = json.loads((folder / "training_polygons.geojson").read_text())["features"]
    for number, feature in enumerate(features):
        placed = place(shapely.geometry.shape(feature["geometry"]), "EPSG:4326", scene.odc.geobox)
        inside = rasterize([(placed, 1)], rows, columns) == 1
        is_water = feature["properties"]["class"] == "water"
        yield f"polygon {number}", scene, inside & is_water, inside


SETS = {
    "hls-choose": lambda flags: hls_chips("choose", flags),
    "hls-report": lambda flags: hls_chips("report", flags),
    "cloudshadow": cloudshadow,
    "amazon": amazon,
}


def counts(labels, truth, valid):
    """Return tp, fp, fn, tn; a pixel without a class is wrong on whichever side it lies."""
    water, land = labels == 2, labels == 1
    return np.array([
        (water & truth & valid).sum(), (~land & ~truth & valid).sum(),
        (~water & truth & valid).sum(), (land & ~truth & valid).sum(),
    ], float)  # fmt: skip


def ring(truth):
    """Return the pixels that touch the edge of the label (one on each side)."""
    square = np.ones((3, 3), bool)
    return ndimage.binary_dilation(truth, square) & ~ndimage.binary_erosion(
        truth, square, border_value=1
    )


def scores(c):
    tp, fp, fn, tn = np.moveaxis(np.asarray(c), -1, 0)
    n = tp + fp + fn + tn
    chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / n**2
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"F1": 2 * tp / (2 * tp + fp + fn), "IoU": tp / (tp + fp + fn),
                "kappa": ((tp + tn) / n - chance) / (1 - chance)}  # fmt: skip


def collect(items, methods, clouds):
    whole = {m: defaultdict(lambda: np.zeros(4)) for m in methods}
    inside = {m: defaultdict(lambda: np.zeros(4)) for m in methods}
    mapped = None  # the scene that `maps` are of: polygons of one scene share its maps
    for site, scene, truth, valid in items:
        if scene is not mapped:
            mapped = scene
            maps = {m: obriy.map_water(scene, m, clouds=clouds).labels.values for m in methods}
        edge = ring(truth)
        for method, labels in maps.items():
            whole[method][site] += counts(labels, truth, valid)
            inside[method][site] += counts(labels, truth, valid & ~edge)
    return whole, inside


def draws(sites, seed=0, n=2000):
    return np.random.default_rng(seed).integers(0, sites, (n, sites))


def interval(values):
    low, high = np.nanpercentile(values, [5, 95])
    return f"[{low:.3f}, {high:.3f}]"


def table(title, tallies):
    print(f"\n{title}\n{'method':28s} {'F1':24s} {'IoU':24s} {'kappa':24s}")
    stacked = {m: np.array(list(sites.values())) for m, sites in tallies.items()}
    picks = draws(len(next(iter(stacked.values()))))
    pooled = {m: scores(c.sum(0)) for m, c in stacked.items()}
    redrawn = {m: scores(c[picks].sum(1)) for m, c in stacked.items()}
    for method, values in pooled.items():
        cells = [f"{values[k]:.3f} {interval(redrawn[method][k]):18s}" for k in values]
        print(f"{method:28s} {cells[0]} {cells[1]} {cells[2]}")
    if "auto" not in pooled:
        return
    best = max((m for m in BASELINES if m in pooled), key=lambda m: pooled[m]["IoU"])
    for k in ("F1", "IoU", "kappa"):
        difference = redrawn["auto"][k] - redrawn[best][k]
        print(f"auto - {best} (best of the four), {k}: "
              f"{pooled['auto'][k] - pooled[best][k]:+.3f} {interval(difference)}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", default="hls-report,cloudshadow,amazon")
    parser.add_argument("--methods", default=None, help="separated by ;")
    parser.add_argument("--clouds", default="flags", help="as of `obriy water`")
    parser.add_argument("--flags", action="store_true", help="let the methods see Fmask")
    args = parser.parse_args()
    if not DATA.is_dir():
        print(f"skipped: no real data at {DATA} (set OBRIY_REALDATA)")
        return
    warnings.simplefilter("ignore")
    methods = args.methods.split(";") if args.methods else METHODS
    for name in args.sets.split(","):
        whole, inside = collect(SETS[name](args.flags), methods, args.clouds)
        if name == "cloudshadow":
            print("\ncloudshadow: share called water")
            for method, sites in whole.items():
                shares = {s: (c[0] + c[1]) / c.sum() for s, c in sites.items()}
                print(f"{method:28s}", {s: round(float(v), 4) for s, v in shares.items()})
            continue
        table(f"{name}, pooled", whole)
        table(f"{name}, pooled, without the one-pixel ring at label edges", inside)


if __name__ == "__main__":
    main()
