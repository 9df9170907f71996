"""Collect what maps of places with known water add up to, for `fit.py`.

    python benchmarks/tune_intervals/collect.py chips FOLDER --split choose
    python benchmarks/tune_intervals/collect.py simulator FOLDER --first 100 --places 12

One CSV for each set, a row for each map: method, place, true areas, and the sums of its tally. A
file that is there already is kept: delete those of a method that changed, or the folder.

A hand-drawn label has an edge of its own, about a pixel wide. Three truths are kept: the label
(``outer``), the label without its edge pixel (``inner``), and the mean of both areas (``midway``).
"""

import argparse
import csv
import dataclasses
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from scipy import ndimage

import obriy
from obriy.measures.areas import add_up, verdict, whole_areas
from obriy.measures.filling import learn_filling
from obriy.measures.tally import BlockSums
from obriy.model.grid import geobox_of
from obriy.workflows.water.mapping import map_water
from obriy.workflows.water.measuring import _occurrence, dated

sys.path.insert(0, str(Path(__file__).parents[1]))
from area_error import quarters, truths

DATA = Path(os.environ.get("OBRIY_REALDATA", Path(__file__).parents[3] / "shared" / "data"))
METHODS = ("auto", "ndwi:zero", "mndwi:zero", "mndwi:otsu")
SIMULATED = ("auto", "ndwi:zero", "mndwi:otsu")
BANDS = ["coastal", "blue", "green", "red", "nir", "swir16", "swir22"]
PIXEL_M = 30
MOST_CLOUD = 0.02
"""Of a chip: nobody knows what its label says of the ground under a cloud."""
DATES = ("2024-04-08", "2024-06-07", "2024-08-11", "2024-10-05")
LEAST_WATER_PX = 50


def sums_of(tally, whole):
    """Return the numbers of a tally that an estimate is made of."""
    return {
        "total": verdict(tally, whole).total,
        "blind_inside": float(tally.by_code[0] + tally.by_code[255]),
        "dry": float(tally.by_code[1]), "water": float(tally.by_code[2]),
        **{name: getattr(tally, name) for name in
           ("fraction", "doubtful", "drops", "shore", "beside", "filled", "fillable", "pixel")},
        "moved": float(np.hypot(*tally.moved)),
        **{f"b_{k}": v for k, v in dataclasses.asdict(tally.blocks).items()},
    }  # fmt: skip


def tally_of(row):
    """Return the tally that a row was made of, as far as an estimate needs it."""
    from obriy.measures.tally import Tally

    by_code = np.zeros(256)
    by_code[[0, 1, 2]] = row["blind_inside"], row["dry"], row["water"]
    names = ("fraction", "doubtful", "drops", "shore", "beside", "filled", "fillable", "pixel")
    blocks = BlockSums(**{f.name: row[f"b_{f.name}"] for f in dataclasses.fields(BlockSums)})
    return Tally(by_code=by_code, moved=np.array([row["moved"], 0.0]), blocks=blocks,
                 **{n: row[n] for n in names})  # fmt: skip


def truths_of(label, cell):
    """Return the area of a hand-drawn label by kind of truth, m²."""
    inner = ndimage.binary_erosion(label, border_value=1)
    outer, least = float(label.sum()) * cell, float(inner.sum()) * cell
    return {"outer": outer, "midway": (outer + least) / 2, "inner": least}


def chips(args):
    """Yield the rows of the chips of one half of the places."""
    table = pd.read_csv(DATA / "hls_chips" / "index.csv", dtype={"site_group": str})
    table = table[(table.split == args.split) & (table.fmask_cloud_share <= MOST_CLOUD)]
    for chip in table.itertuples():
        path = DATA / "hls_chips" / "images" / f"{chip.chip:03d}.tif"
        scene = obriy.open_scene(path, bands=BANDS, scale=1e-4)
        with rasterio.open(path.with_name(f"{chip.chip:03d}_water.png")) as file:
            known = truths_of(file.read(1) > 0, float(PIXEL_M**2))
        for method in METHODS:
            water = map_water(scene, method)
            (tally,) = add_up(water, "water", pixel_size_m=PIXEL_M)
            yield {"set": args.split, "place": chip.site_group, "chip": chip.chip,
                   "method": method, **known, **sums_of(tally, None)}  # fmt: skip


def simulated(setting, resolution, sensor, args):
    """Yield the rows of simulated places of one setting."""
    from obriy.simulate.season import make_season

    dates = DATES if "cloudy" in setting else DATES[2:3]
    size = {10: 256, 30: 192}[resolution]
    for seed in range(args.first, args.first + args.places):
        season = make_season((size, size), seed, setting=setting, resolution=float(resolution),
                             sensor=sensor)  # fmt: skip
        made = [season.on(date) for date in dates]
        geobox = geobox_of(made[0].scene)
        places = quarters(geobox)
        cell = abs(geobox.affine.a * geobox.affine.e)
        true = {d.name: truths(made, geobox, d, season) for d in places}
        for method in SIMULATED if len(dates) == 1 else SIMULATED[:1]:
            maps = dated([map_water(d.scene, method) for d in made])
            others = _occurrence(maps) if len(maps) > 1 else None
            for number, water in enumerate(maps):
                told = None if others is None else learn_filling(water, *others, maps=maps)
                tallies = add_up(water, "water", places, others=told)
                wholes = whole_areas(places, geobox, None)
                for district, tally, whole in zip(places, tallies, wholes, strict=True):
                    truth = true[district.name][number] * 1e6
                    if truth < LEAST_WATER_PX * cell or not tally.by_code[1:255].sum():
                        continue
                    yield {"set": f"{setting}_{resolution}", "place": f"{setting}{seed}",
                           "chip": number, "method": method, "outer": truth, "midway": truth,
                           "inner": truth, **sums_of(tally, whole)}  # fmt: skip


def write(path, rows):
    """Write rows, unless the file is there."""
    if path.exists():
        print(f"{path} is kept")
        return
    draft, writer = path.with_suffix(".part"), None
    with draft.open("w", newline="") as file:
        for row in rows:
            writer = writer or csv.DictWriter(file, [*row])
            if not file.tell():
                writer.writeheader()
            writer.writerow(row)
    draft.rename(path)


SETTINGS = (("easy_clear", 10, "sentinel2_l2a"), ("hard_clear", 10, "sentinel2_l2a"),
            ("easy_cloudy", 10, "sentinel2_l2a"), ("hard_cloudy", 10, "sentinel2_l2a"),
            ("easy_clear", 30, "sentinel2_l2a"), ("hard_clear", 30, "sentinel2_l2a"))  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["chips", "simulator"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="choose", choices=["choose", "report"])
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--places", type=int, default=12)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.kind == "chips":
        write(args.folder / f"chips_{args.split}.csv", chips(args))
        return
    for setting, resolution, sensor in SETTINGS:
        name = f"{setting}_{resolution}_{args.first}.csv"
        write(args.folder / name, simulated(setting, resolution, sensor, args))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
