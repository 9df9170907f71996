"""A season against its single dates: two series of real Sentinel-2 scenes, and simulated years.

    python benchmarks/seasons.py slovenia [--clusters 8,12]
    python benchmarks/seasons.py rufiji OUT        # contact sheets and years to look at; no labels
    python benchmarks/seasons.py simulated [--clusters 8,12]
    python benchmarks/seasons.py cost [--size 2048] [--dates 12]

Slovenia is one square kilometre with land use of the ministry of agriculture (forest 76 %, grass
18 %, shrubs 4 %, built-up 2 %, crops 11 pixels: left out). Of its 68 dates NDVI is at hand, and
of ten of them 13 bands at the top of the atmosphere, five from July to September and five from
December to February; which dates those are is told by their NDVI, which is the same to the last
digit. So: all bands over the ten dates, as `obriy landcover` makes a season of them, named and
with the best names; and NDVI alone over 68 dates, which nobody can name, with the best names.
Clouds are those of the data set's own mask. The best single date is chosen afterwards, by the
truth: nobody could know it.
"""

import argparse
import datetime as dt
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.blocks.engine import EngineOptions
from obriy.labelling.spectral import SpectralLabeller
from obriy.methods.clustering.parse import parse_clusterer
from obriy.model.clusters import Portrait
from obriy.model.flags import FLAG_ATTRS, Flag
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.prepare.season import Stack
from obriy.prepare.visibility import edge_pixels
from obriy.simulate.materials import code
from obriy.simulate.season import make_season
from obriy.workflows.landcover.clustering import cluster_in_memory

DATA = Path(os.environ.get("OBRIY_REALDATA", "../shared/data"))
BANDS = ("coastal", "blue", "green", "red", "rededge071", "rededge075", "rededge078", "nir",
         "nir08", "nir09", "cirrus", "swir16", "swir22")  # fmt: skip
ARRAYS = {
    "TestEOPatch": ("2017-01-01", "2016-12-12", "2017-01-11", "2017-02-20", "2016-12-22"),
    "example_data": ("2015-08-20", "2015-07-31", "2015-09-09", "2015-08-30", "2015-07-11"),
}
"""Dates of the arrays of 13 bands, found by their NDVI."""
CODES = {2: 10, 3: 30, 4: 20, 8: 50}
"""Land use of Slovenia to WorldCover."""
NAMES = {10: "forest", 20: "shrubs", 30: "grass", 50: "built-up"}
LEAST_SEEN = 0.5
"""Share of a single date that must be seen for it to be compared."""


def slovenia_scene(date: str, planes: dict[str, np.ndarray], cloud: np.ndarray) -> xr.Dataset:
    """Return a date as a Scene, clouds of the data set as flags."""
    grid = GeoBox((101, 100), Affine(9.99, 0, 465181, 0, -10.0, 5080254.6), "EPSG:32633")
    flags = np.where(cloud, np.uint16(Flag.CLOUD), np.uint16(0))
    return make_scene(
        {n: xr.Variable(("y", "x"), p.astype("float32")) for n, p in planes.items()},
        grid,
        sensor="sentinel2_l1c",
        provenance=Provenance().with_step("scaling", by="MTL", reflectance=True),
        flags=xr.Variable(("y", "x"), flags, FLAG_ATTRS),
        time=date,
    )


def slovenia() -> tuple[list[xr.Dataset], list[xr.Dataset], np.ndarray]:
    """Return the dates with all bands, those with NDVI alone, and the truth in WorldCover."""
    folder = DATA / "s2_eolearn_slovenia"
    patch = np.load(folder / "eopatch_68dates.npz")
    dates = [t[:10] for t in json.loads((folder / "timestamps.json").read_text())]
    cloud = {day: patch["CLM"][i, ..., 0] > 0 for i, day in enumerate(dates)}
    full = []
    with np.load(folder / "reference_scenes_13band.npz") as arrays:
        for name, days in ARRAYS.items():
            for stack, day in zip(arrays[name], days, strict=True):
                planes = {b: stack[..., i] for i, b in enumerate(BANDS) if b != "cirrus"}
                full.append(slovenia_scene(day, planes, cloud[day]))
    ndvi = []
    for i, day in enumerate(dates):
        # Of a band pair only its NDVI counts: any pair with this NDVI is as good.
        value = patch["NDVI"][i, ..., 0]
        pair = {"red": 0.2 * (1 - value), "nir": 0.2 * (1 + value)}
        ndvi.append(slovenia_scene(day, pair, cloud[day]))
    truth = np.vectorize(lambda c: CODES.get(c, 0))(patch["LULC"][..., 0]).astype("uint8")
    return sorted(full, key=lambda s: s.attrs["time"]), ndvi, truth


def clustered(scene: xr.Dataset, clusters: int, seed: int = 0):
    """Cluster a scene by itself."""
    method = parse_clusterer("kmeans", clusters=clusters, seed=seed)
    return cluster_in_memory(scene, method, clouds="flags", options=EngineOptions(workers=1))


def named(found) -> np.ndarray:
    """Return the map that `spectral` makes of clusters, in codes of WorldCover."""
    portraits = [Portrait(facts) for facts in found.facts]
    answers = SpectralLabeller().label(portraits, load_legend("worldcover"))
    table = np.zeros(256, "uint8")
    for answer in answers:
        table[answer.cluster] = answer.code
    return table[found.map.labels.to_numpy()]


def best(labels: np.ndarray, truth: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Return the map with the best name for each cluster."""
    table = np.zeros(256, "uint8")
    for number in np.unique(labels[counted]):
        table[number] = np.bincount(truth[counted & (labels == number)]).argmax()
    return table[labels]


def scores(said: np.ndarray, truth: np.ndarray, counted: np.ndarray) -> dict[int | str, float]:
    """Return the overall accuracy, mean IoU, and the F1 of each class."""
    mine, true = said[counted], truth[counted]
    found: dict[int | str, float] = {"oa": float((mine == true).mean())}
    ious = []
    for one in np.unique(true):
        both, any_ = ((mine == one) & (true == one)).sum(), ((mine == one) | (true == one)).sum()
        ious.append(both / any_)
        found[int(one)] = float(2 * both / ((mine == one).sum() + (true == one).sum()))
    return found | {"iou": float(np.mean(ious))}


def row(title: str, found: dict[int | str, float], names: dict[int, str]) -> str:
    parts = [f"{names[c]} {found[c]:.2f}" for c in names if c in found]
    return f"{title:44} OA {found['oa']:.3f}  mIoU {found['iou']:.3f}  F1: {', '.join(parts)}"


def compare(
    scenes: Sequence[xr.Dataset],
    truth: np.ndarray,
    clusters: int,
    names: dict[int, str],
    *,
    naming: bool,
) -> None:
    """Print the best single date and the season, with the best names and as named."""
    rows = []
    for scene in scenes:
        clear = (scene["flags"].to_numpy() & int(Flag.CLOUD | Flag.CIRRUS)) == 0
        if (clear & np.isfinite(scene["red"].to_numpy())).mean() < LEAST_SEEN:
            continue
        found = clustered(scene, clusters)
        labels = found.map.labels.to_numpy()
        counted = (truth > 0) & (labels > 0)
        told = scores(named(found), truth, counted) if naming else None
        rows.append(
            (scene.attrs["time"], scores(best(labels, truth, counted), truth, counted), told)
        )
    season = Stack(scenes, edge_pixels(10.0)).scene()
    found = clustered(season, clusters)
    labels = found.map.labels.to_numpy()
    counted = (truth > 0) & (labels > 0)
    print(f"-- {clusters} clusters; {len(rows)} dates that show half or more")
    top = max(rows, key=lambda r: r[1]["oa"])
    middle = sorted(r[1]["oa"] for r in rows)[len(rows) // 2]
    print(row(f"best names, best date ({top[0]})", top[1], names), f" median date {middle:.3f}")
    print(row("best names, season", scores(best(labels, truth, counted), truth, counted), names))
    if naming:
        top = max(rows, key=lambda r: r[2]["oa"])
        middle = sorted(r[2]["oa"] for r in rows)[len(rows) // 2]
        print(row(f"as named, best date ({top[0]})", top[2], names), f" median date {middle:.3f}")
        print(row("as named, season", scores(named(found), truth, counted), names))


def simulated(clusters: int) -> None:
    """Compare on simulated years; truth is how the simulator lets each place turn green."""
    for setting, seed in (("easy_clear", 3), ("hard_cloudy", 5)):
        season = make_season((96, 96), seed, setting=setting)
        days = [dt.date(2023, 3, 5) + dt.timedelta(days=15 * i) for i in range(17)]
        dates = [season.on(day.isoformat()) for day in days]
        land = season.land
        kinds = np.select([land.rhythm == -1, land.rhythm == -2, land.leaf == code("conifers"),
                           land.rhythm > 0], [1, 2, 3, 4])  # fmt: skip
        fine = kinds.shape[0] // 96
        shares = np.stack(
            [(kinds == k).reshape(96, fine, 96, fine).mean(axis=(1, 3)) for k in range(5)]
        )
        wet = np.max([one.truth_fraction.to_numpy() for one in dates], axis=0)
        pure = (shares.max(axis=0) > 0.95) & (wet < 0.01)
        truth = np.where(pure, shares.argmax(axis=0), 0).astype("uint8")
        print(f"== {setting}, seed {seed}")
        names = {1: "broad leaves", 2: "grass", 3: "needles", 4: "crops"}
        compare([one.scene for one in dates], truth, clusters, names, naming=False)


def rufiji(out: Path) -> None:
    """Map Rufiji from its season and from its best date, with all that a run leaves."""
    from obriy.workflows.config.base import make_config
    from obriy.workflows.config.landcover import LandcoverConfig
    from obriy.workflows.jobs import run_job

    source = DATA / "s2_rufiji_ts"
    for name, datetime in (("season", None), ("date", "2019-06-15"), ("dry", "2018-08-19")):
        given = {"source": str(source), "scale": 0.001, "sensor": "sentinel2_l2a",
                 "datetime": datetime, "clusters": 10, "out": out / name}  # fmt: skip
        result = run_job(make_config(LandcoverConfig, given)).result
        told = ", ".join(f"{c.name} {c.share:.1%}" for c in result.classes)
        print(f"{name}: unseen {result.unseen_share:.1%}; {told}")


def cost(size: int, count: int) -> None:
    """Say what a date of a season costs beside its decoding, processor seconds."""
    import tempfile

    import rasterio

    import obriy
    from obriy.model.item import Item
    from obriy.workflows.inputs import OpenedItem
    from obriy.workflows.landcover.season import dates_of, season_to_files

    names = ("blue", "green", "red", "rededge071", "rededge075", "rededge078", "nir", "nir08",
             "swir16", "swir22")  # fmt: skip
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number in range(count):
            day = (dt.date(2025, 1, 5) + dt.timedelta(days=number * 330 // count)).isoformat()
            files.append(Path(folder, f"{day}.tif"))
            base = rng.integers(300, 4000, (10, size // 64, size // 64)).repeat(64, 1).repeat(64, 2)
            with rasterio.open(files[-1], "w", driver="GTiff", width=size, height=size, count=10,
                               dtype="uint16", crs="EPSG:32636", tiled=True, blockxsize=512,
                               blockysize=512, compress="DEFLATE", interleave="band",
                               transform=Affine(10, 0, 5e5, 0, -10, 5.2e6)) as file:  # fmt: skip
                file.write((base + rng.integers(0, 200, base.shape)).astype("uint16"))
                file.descriptions = names
        started = time.process_time()
        for path in files:
            with rasterio.open(path) as file:
                for _, window in file.block_windows(1):
                    file.read(window=window)
        floor = (time.process_time() - started) / count
        scenes = [obriy.open_scene(path, sensor="sentinel2_l2a", scale=1e-4) for path in files]
        opened = [
            OpenedItem(Item(f.stem, "files", (str(f),), f.stem), f.stem, scene, scene)
            for f, scene in zip(files, scenes, strict=True)
        ]
        season_to_files(dates_of(opened[:1], "none"), Path(folder), EngineOptions(workers=1))
        started = time.process_time()
        season_to_files(dates_of(opened, "none"), Path(folder), EngineOptions(workers=1))
        taken = (time.process_time() - started) / count
        print(f"{size} x {size}, {count} dates of ten bands: reading {floor:.2f} s a date, "
              f"season {taken:.2f} s a date, {taken / floor:.1f} times")  # fmt: skip


def main() -> None:
    """Parse arguments, run one part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["slovenia", "rufiji", "simulated", "cost"])
    parser.add_argument("out", nargs="?", type=Path, default=Path("seasons"))
    parser.add_argument("--clusters", default="8,12")
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--dates", type=int, default=12)
    options = parser.parse_args()
    if options.part == "rufiji":
        rufiji(options.out)
        return
    if options.part == "cost":
        cost(options.size, options.dates)
        return
    for clusters in map(int, options.clusters.split(",")):
        if options.part == "simulated":
            simulated(clusters)
            continue
        full, ndvi, truth = slovenia()
        print("== all bands, ten dates")
        compare(full, truth, clusters, NAMES, naming=True)
        print("== NDVI alone, 68 dates")
        compare(ndvi, truth, clusters, NAMES, naming=False)


if __name__ == "__main__":
    main()
