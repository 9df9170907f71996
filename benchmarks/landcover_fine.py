"""How well `spectral` names clusters of 10 m, on scenes to choose by.

    python benchmarks/landcover_fine.py [summer winter euro kakhovka simulated] [--clusters 8,12]

Nothing of these was fitted to, none is to report on: a change of the labeller may be chosen by
them. Summer and winter: five dates of one square kilometre of Slovenia at the top of the
atmosphere, land use. EuroSAT: images of fields and of forest, four beside each other. Kakhovka: 40
polygons of the drained reservoir, laid beside each other in three ways; few clusters, so one name
turned is much. Simulated: four places with towns, each on three dates. Overall accuracy of main
classes, share of each that is found, share of all pixels that is called built-up and is not, and
what the best name for each cluster would reach; means over scenes.
"""

import argparse
import csv
import functools
from collections.abc import Callable, Iterator

import numpy as np
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from sklearn.cluster import DBSCAN

import seasons
from obriy.blocks.engine import EngineOptions
from obriy.labelling.spectral import SpectralLabeller
from obriy.methods.clustering.parse import parse_clusterer
from obriy.model.clusters import Portrait
from obriy.model.legend import UNNAMED, load_legend
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.simulate.materials import code
from obriy.simulate.season import make_season
from obriy.workflows.landcover.clustering import cluster_in_memory
from tune_landcover import chips

DATA = chips.DATA.parent
MAIN_NAMES = ("tree", "low", "built", "bare", "water")
TREE, GRASS, CROP, BUILT, BARE, WATER = 0, 2, 3, 4, 5, 7
"""Places in `chips.CODES`; -1 in a truth does not count."""
WIDTH = 260
"""Pixels in a row of polygons of Kakhovka."""
PLACE = 160
"""Pixels along a simulated place."""

Scene = tuple[dict[str, np.ndarray], np.ndarray]
"""Bands, (y, x), and the truth."""


def slovenia(months: tuple[str, ...]) -> Iterator[Scene]:
    """Yield the dates of some months that show half of the place or more."""
    dates, _, land = seasons.slovenia()
    truth = np.full(land.shape, -1)
    for number in seasons.CODES.values():
        truth[land == number] = np.searchsorted(chips.CODES, number)
    for scene in (s for s in dates if s.attrs["time"][5:7] in months):
        clear = scene["flags"].to_numpy() == 0
        bands = {name: np.where(clear, scene[name].to_numpy(), np.nan) for name in chips.BANDS}
        if np.isfinite(bands["red"]).mean() >= seasons.LEAST_SEEN:
            yield bands, truth


def euro() -> Iterator[Scene]:
    """Yield mosaics of two by two images, turned at random; both kinds are in each."""
    folder, images = DATA / "s2_small_labelled" / "EuroSAT", {}
    for kind in ("AnnualCrop", "Forest"):
        for number in (1, 2, 3):
            with rasterio.open(folder / f"{kind}_{number}.tif") as file:
                images[kind, number] = file.read([2, 3, 4, 8, 11, 12]).astype("float32") / 1e4
    rng = np.random.default_rng(5)
    for _ in range(12):
        kinds = [("AnnualCrop", "Forest")[int(rng.random() < 0.5)] for _ in range(4)]
        tiles = [
            np.rot90(images[kind, rng.integers(1, 4)], rng.integers(4), (1, 2)) for kind in kinds
        ]
        if len(set(kinds)) == 1:
            continue
        stack = np.concatenate([np.concatenate(tiles[i : i + 2], axis=2) for i in (0, 2)], axis=1)
        known = np.array([CROP if kind == "AnnualCrop" else TREE for kind in kinds]).reshape(2, 2)
        yield dict(zip(chips.BANDS, stack, strict=True)), known.repeat(64, 0).repeat(64, 1)


def kakhovka() -> Iterator[Scene]:
    """Yield the polygons laid beside each other, the largest first, then in two random orders."""
    codes = {"Built-up": BUILT, "Soil": BARE, "Vegetation": GRASS, "Water": WATER}
    with (DATA / "kakhovka" / "pixels.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    names = ("B2", "B3", "B4", "B8", "B11", "B12")
    values = np.array([[float(row[n]) for n in names] for row in rows], "float32") / 1e4 - 0.1
    truth = np.array([codes[row["label"]] for row in rows])
    degrees = np.array([[float(row["Latitude"]), float(row["Longitude"])] for row in rows])
    metres = degrees * 111_195 * [-1, np.cos(np.radians(degrees[:, 0].mean()))]
    places = np.rint((metres - metres.min(axis=0)) / 10).astype(int)
    polygons = []
    for label in np.unique(truth):
        of_label = np.flatnonzero(truth == label)
        groups = DBSCAN(eps=60, min_samples=1).fit_predict(metres[of_label])
        polygons += [of_label[groups == group] for group in np.unique(groups)]
    polygons.sort(key=lambda own: -np.ptp(places[own, 0]))
    for seed in range(3):
        order = (
            np.random.default_rng(seed).permutation(len(polygons)) if seed else range(len(polygons))
        )
        laid = _beside(places, [polygons[i] for i in order])
        shape = laid.max(axis=0) + 1
        stack, known = np.full((6, *shape), np.nan, "float32"), np.full(shape, -1)
        stack[:, laid[:, 0], laid[:, 1]], known[laid[:, 0], laid[:, 1]] = values.T, truth
        yield dict(zip(chips.BANDS, stack, strict=True)), known


def _beside(places: np.ndarray, polygons: list) -> np.ndarray:
    """Return where pixels lie when polygons stand in rows, one pixel apart."""
    laid, row, column, height = np.zeros_like(places), 0, 0, 0
    for own in polygons:
        inner = places[own] - places[own].min(axis=0)
        tall, wide = inner.max(axis=0) + 1
        if column + wide > WIDTH:
            row, column, height = row + height + 1, 0, 0
        laid[own] = inner + np.array([row, column])
        column, height = column + wide + 1, max(height, tall)
    return laid


def simulated() -> Iterator[Scene]:
    """Yield places on dates; a pixel counts where one kind holds more than half of it."""
    for setting, seed in (
        ("easy_clear", 3),
        ("hard_clear", 5),
        ("easy_clear", 7),
        ("easy_clear", 11),
    ):
        season = make_season((PLACE, PLACE), seed, setting=setting)
        kinds = _kinds(season.land)
        fine = len(kinds) // PLACE
        codes = np.array([TREE, GRASS, CROP, BUILT])
        shares = np.stack([
            (kinds == c).reshape(PLACE, fine, PLACE, fine).mean(axis=(1, 3)) for c in codes
        ])  # fmt: skip
        dry = np.where(shares.max(axis=0) > 0.5, codes[shares.argmax(axis=0)], -1)
        for day in ("2023-04-20", "2023-07-05", "2023-09-10"):
            date = season.on(day)
            wet = date.truth_fraction.to_numpy()
            truth = np.where(wet > 0.5, WATER, np.where(wet > 0.02, -1, dry))
            yield {name: date.scene[name].to_numpy() for name in chips.BANDS}, truth


def _kinds(land) -> np.ndarray:
    built = [code(n) for n in ("village", "town", "dark_roof", "bright_roof", "asphalt")]
    ever = land.rhythm == -3  # the same all year
    needles = ever & (land.leaf == code("conifers"))
    return np.select(
        [(land.rhythm == -1) | needles, ever & np.isin(land.bare, built), land.rhythm == -2,
         land.rhythm > 0],
        [TREE, BUILT, GRASS, CROP], -1,
    )  # fmt: skip


SOURCES: dict[str, Callable[[], Iterator[Scene]]] = {
    "summer": functools.partial(slovenia, ("07", "08", "09")),
    "winter": functools.partial(slovenia, ("12", "01", "02")),
    "euro": euro,
    "kakhovka": kakhovka,
    "simulated": simulated,
}


def confusions(bands: dict[str, np.ndarray], truth: np.ndarray, clusters: int) -> tuple:
    """Return the main confusion as named, and with the best name for each cluster."""
    seen = np.isfinite(np.stack(list(bands.values()))).all(axis=0)
    grid = GeoBox(truth.shape, rasterio.Affine(10, 0, 5e5, 0, -10, 5.2e6), "EPSG:32636")
    planes = {
        name: xr.Variable(("y", "x"), np.where(seen, plane, np.nan).astype("float32"))
        for name, plane in bands.items()
    }
    scene = make_scene(planes, grid, sensor="unknown", provenance=Provenance())
    method = parse_clusterer("kmeans", clusters=clusters, seed=0)
    found = cluster_in_memory(scene, method, clouds="none", options=EngineOptions(workers=1))
    labels = found.map.labels.to_numpy()
    answers = SpectralLabeller().label(
        [Portrait(facts) for facts in found.facts], load_legend("worldcover")
    )
    counts = np.stack([
        np.bincount(truth[(labels == a.cluster) & (truth >= 0)], minlength=len(chips.CODES))
        for a in answers
    ])  # fmt: skip
    named = [-1 if a.code == UNNAMED else np.searchsorted(chips.CODES, a.code) for a in answers]
    return tuple(
        chips.merged(chips.confusion(np.asarray(names), counts))
        for names in (named, counts.argmax(axis=1))
    )


def main() -> None:
    """Parse arguments, print a line for each source."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="*", default=list(SOURCES), choices=list(SOURCES))
    parser.add_argument("--clusters", default="8,12")
    options = parser.parse_args()
    for source in options.sources:
        rows = []
        for bands, truth in SOURCES[source]():
            for clusters in map(int, options.clusters.split(",")):
                said, best = confusions(bands, truth, clusters)
                hits, total = np.diag(said), said.sum(axis=1)
                recall = np.where(total > 0, hits / np.maximum(total, 1), np.nan)
                shares = np.array([hits.sum(), np.diag(best).sum(), said[:, 2].sum() - hits[2]])
                rows.append([*shares / said.sum(), *recall])
        oa, ceiling, wrong, *recall = np.nanmean(rows, axis=0)
        told = ", ".join(
            f"{n} {r:.2f}" for n, r in zip(MAIN_NAMES, recall, strict=True) if np.isfinite(r)
        )
        print(
            f"{source:10} OA {oa:.3f} (best names {ceiling:.3f}), found: {told}; "
            f"not built-up but called so {wrong:.3f}", flush=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
