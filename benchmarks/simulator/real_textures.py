"""A second generator of scenes with known water, of another kind: real textures, real shapes.

Water bodies are contours of real occurrence fields (GSW, resampled smoothly to cells of an eighth
of a pixel) at a level that moves with the date; land is a real chip without water, water is the
real water of a third chip, each gap filled with the nearest pixel of its kind. Both are mixed by
the exact share, blurred and given noise. There is no cloud, and no model of light or of spectra:
what both generators agree on hangs on neither. Only checks verdicts; nothing is fitted here.

The chips are those of the odd sites, which `auto` was not fitted on.

    python benchmarks/simulator/real_textures.py [--seeds 40]
"""

import argparse
import csv
import datetime as dt
import math
import os
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage

import obriy
from obriy.model.flags import FLAG_ATTRS
from obriy.model.grid import coords_of
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.simulate.fields import stream
from obriy.simulate.season import SimulatedDate

DATA = (
    Path(os.environ.get("OBRIY_REALDATA", Path(__file__).parents[3] / "shared" / "data"))
    / "hls_chips"
)
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
FIRST, FMASK, OCCURRENCE = 1, 7, 11
CLOUDY, WATERY = 0b1010, 0b100000
"""Fmask: cloud or shadow; water."""
RESOLUTION = 30.0
FINE = 8
"""Cells along a side of a pixel."""
PARTS = 2
"""Ground squares along a side of a pixel, on which land and water are mixed."""
BLUR, NOISE = 0.4, 0.0015
"""Point spread, pixels; noise, reflectance."""
SWING, CHANCE = 30.0, 6.0
"""Of the level that cuts the occurrence: by season, by date; per cents of occurrence."""


@cache
def chips() -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Return bands (6, y, x), occurrence (0 to 100), any sign of water, and clear pixels."""
    with (DATA / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if int(row["site_group"][0], 16) % 2 == 1]
    found = []
    for row in rows:
        path = DATA / "images" / f"{int(row['chip']):03d}.tif"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with (
                rasterio.open(path) as image,
                rasterio.open(path.with_name(f"{path.stem}_water.png")) as label,
            ):
                values, water = image.read(), label.read(1) > 0
        fmask = values[FMASK]
        occurrence = np.clip(values[OCCURRENCE].astype(float), 0, 100)
        bands = values[FIRST : FIRST + 6].astype("float32") / 1e4
        clear = ((fmask & CLOUDY) == 0) & (bands > -0.05).all(0)
        any_sign = water | (fmask & WATERY > 0) | (occurrence > 2)
        surely = water & (fmask & WATERY > 0) & (occurrence >= 85)
        found.append((bands, occurrence, np.stack([any_sign, surely]), clear))
    return found


@cache
def pools() -> tuple[list[int], list[int], list[int]]:
    """Return the chips that give shapes, land and water."""
    shapes, lands, waters = [], [], []
    for k, (_, occurrence, signs, clear) in enumerate(chips()):
        if 0.03 < (occurrence >= 50).mean() < 0.6:
            shapes.append(k)
        if signs[0].mean() < 0.02 and clear.mean() > 0.97:
            lands.append(k)
        if (_inner(signs[1]) & clear).sum() > 600:
            waters.append(k)
    return shapes, lands, waters


def season(seed: int, dates: Sequence[str]) -> Iterator[SimulatedDate]:
    """Make the scenes of a place on some dates; 128 x 128 pixels of 30 m.

    Args:
        seed: The same seed takes the same chips.
        dates: ISO 8601.
    """
    shapes, lands, waters = pools()
    rng = stream(seed, "chips")
    shape, land, water = (int(rng.choice(pool)) for pool in (shapes, lands, waters))
    bands, _, signs, clear = chips()[land]
    ground = _filled(bands, ~ndimage.binary_dilation(signs[0], iterations=1) & clear)
    bands, _, signs, clear = chips()[water]
    wet = _filled(bands, _inner(signs[1]) & clear)
    occurrence = ndimage.zoom(
        ndimage.gaussian_filter(chips()[shape][1], 0.7), FINE, order=1, grid_mode=True,
        mode="nearest",
    )  # fmt: skip
    for date in dates:
        yield _scene(seed, date, occurrence, ground, wet)


def _scene(
    seed: int, date: str, occurrence: np.ndarray, ground: np.ndarray, wet: np.ndarray
) -> SimulatedDate:
    rng = stream(seed, "date", date)
    day = dt.date.fromisoformat(date).timetuple().tm_yday
    level = SWING * math.cos(2 * math.pi * (day - 110) / 365) + CHANCE * rng.standard_normal()
    water = occurrence > np.clip(50 - level, 3, 97)
    parts = water.reshape(128 * PARTS, FINE // PARTS, 128 * PARTS, FINE // PARTS).mean((1, 3))
    grow = np.ones((1, PARTS, PARTS))
    gain = 1 + 0.04 * rng.standard_normal()
    mixed = np.kron(ground, grow) * gain
    mixed = mixed + parts * (np.kron(wet, grow) - mixed)
    blurred = ndimage.gaussian_filter(mixed, (0, BLUR * PARTS, BLUR * PARTS), mode="nearest")
    seen = blurred.reshape(6, 128, PARTS, 128, PARTS).mean((2, 4))
    seen = (seen + NOISE * rng.standard_normal(seen.shape)).astype("float32")
    geobox = GeoBox((128, 128), Affine(RESOLUTION, 0, 4e5, 0, -RESOLUTION, 5.4e6), "EPSG:32636")
    truth = water.reshape(128, FINE, 128, FINE).mean((1, 3)).astype("float32")
    scene = make_scene(
        {n: xr.Variable(("y", "x"), v) for n, v in zip(BANDS, seen, strict=True)},
        geobox,
        sensor="hls",
        provenance=Provenance(({"href": "real textures", "seed": seed},)),
        flags=xr.Variable(("y", "x"), np.zeros((128, 128), "uint16"), FLAG_ATTRS),
        time=date,
    )
    km2 = float(water.mean()) * (128 * RESOLUTION) ** 2 / 1e6
    fraction = xr.DataArray(truth, coords_of(geobox), ("y", "x"), "truth_fraction")
    return SimulatedDate(date, scene, fraction, km2, level / 100, 0.0)


def _inner(mask: np.ndarray) -> np.ndarray:
    return ndimage.binary_erosion(mask, iterations=2)


def _filled(bands: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Return bands with every pixel that is not good replaced by the nearest that is."""
    nearest = ndimage.distance_transform_edt(~good, return_distances=False, return_indices=True)
    return bands[:, nearest[0], nearest[1]]


def main() -> None:
    from hardness import METHODS, date_of

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=40)
    args = parser.parse_args()
    print("chips for shapes, land, water:", *map(len, pools()))
    found: dict[str, list[float]] = {}
    for seed in range(args.seeds):
        made = next(season(seed, [date_of(seed)]))
        truth = made.truth_fraction.to_numpy().astype(float)
        for method in METHODS:
            mapped = obriy.map_water(made.scene, method=method)
            seen = (mapped.labels.to_numpy() > 0) & (mapped.labels.to_numpy() < 255)
            true = truth[seen].sum()
            area = (mapped.labels.to_numpy() == 2)[seen].sum()
            found.setdefault(method, []).append(area / true - 1)
            if mapped.fraction is not None:
                share = mapped.fraction.to_numpy()[seen] / 200.0
                found.setdefault(f"{method} fraction", []).append(share.sum() / true - 1)
    print("| error in area | median of size | 10 % | 50 % | 90 % |\n|---|---|---|---|---|")
    for name, errors in found.items():
        low, middle, high = np.percentile(errors, [10, 50, 90])
        print(f"| {name} | {np.median(np.abs(errors)):.1%} | {low:+.1%} | {middle:+.1%} "
              f"| {high:+.1%} |")  # fmt: skip


if __name__ == "__main__":
    main()
