"""Fit the materials of the simulator from real pixels: `tables/materials.toml`.

Each material is a rule that picks pixels of one real image, and the mean and covariance of the
logarithm of their reflectance, kept as three factors and a rest for each band. Only these
statistics go into the table, never pixels. The images are not those that the method `auto` was
fitted on, nor report sets. Bands that an image lacks (the red edge, nir08) are filled by the
regression of their logarithm on the others, fitted on the images that have all ten.

    python benchmarks/simulator/fit_materials.py FOLDER_OF_REAL_DATA [--check]

`--check` compares with the table in place of writing it.
"""

import argparse
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rasterio
import spyndex
from scipy import ndimage

from obriy.tables import load_toml

BANDS = (
    "blue", "green", "red", "rededge071", "rededge075", "rededge078", "nir", "nir08",
    "swir16", "swir22",
)  # fmt: skip
TABLE = Path(__file__).parents[2] / "src/obriy/tables/materials.toml"
LEAST = 0.002
"""Reflectance below which a logarithm is noise, of the sensor and of the correction."""
MOST_SD = 0.6
"""Standard deviation of a logarithm above which it is that noise (dark water in SWIR)."""
FACTORS = 3
Bands = dict[str, np.ndarray]
Rule = Callable[[Bands], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Material:
    name: str
    image: str
    rule: str
    pick: Rule
    pure: int = 0
    """Pixels by which the picked region is shrunk, so that mixed pixels stay out."""


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a - b) / np.maximum(a + b, 1e-4)


def ndvi(b: Bands) -> np.ndarray:
    return ratio(b["nir"], b["red"])


def mndwi(b: Bands) -> np.ndarray:
    return ratio(b["green"], b["swir16"])


MATERIALS = (
    Material("alpine_water", "barbellino", "MNDWI > 0.3, inner pixels",
             lambda b: mndwi(b) > 0.3, 1),
    Material("lagoon_water", "aquileia", "MNDWI > 0.5, inner pixels", lambda b: mndwi(b) > 0.5, 4),
    Material("tidal_water", "sundarbans", "MNDWI > 0.3, inner pixels",
             lambda b: mndwi(b) > 0.3, 2),
    Material("silty_water", "rufiji", "MNDWI > 0.1, inner pixels", lambda b: mndwi(b) > 0.1, 1),
    Material("mud", "sundarbans", "MNDWI -0.25 to -0.02, NDVI < 0.3, swir16 0.06 to 0.16",
             lambda b: (mndwi(b) > -0.25) & (mndwi(b) < -0.02) & (ndvi(b) < 0.3)
             & (b["swir16"] > 0.06) & (b["swir16"] < 0.16)),
    Material("tidal_flat", "aquileia", "MNDWI -0.3 to 0, NDVI < 0.25, swir16 0.05 to 0.16",
             lambda b: (mndwi(b) > -0.3) & (mndwi(b) < 0) & (ndvi(b) < 0.25)
             & (b["swir16"] > 0.05) & (b["swir16"] < 0.16)),
    Material("mangrove", "sundarbans", "NDVI > 0.6, swir16 < 0.14, inner pixels",
             lambda b: (ndvi(b) > 0.6) & (b["swir16"] < 0.14), 1),
    Material("broadleaf", "rufiji", "NDVI > 0.8, inner pixels", lambda b: ndvi(b) > 0.8, 1),
    Material("crop_green", "aquileia", "NDVI > 0.75, inner pixels", lambda b: ndvi(b) > 0.75, 2),
    Material("grass", "aquileia", "NDVI 0.4 to 0.65, inner pixels",
             lambda b: (ndvi(b) > 0.4) & (ndvi(b) < 0.65), 1),
    Material("soil", "aquileia", "NDVI < 0.25, swir16 > 0.2, inner pixels",
             lambda b: (ndvi(b) < 0.25) & (b["swir16"] > 0.2), 2),
    Material("dark_soil", "aquileia", "NDVI < 0.3, swir16 0.14 to 0.24, MNDWI < -0.2",
             lambda b: (ndvi(b) < 0.3) & (b["swir16"] > 0.14) & (b["swir16"] < 0.24)
             & (mndwi(b) < -0.2)),
    Material("fallow", "sundarbans", "NDVI 0.2 to 0.4, swir16 > 0.2, inner pixels",
             lambda b: (ndvi(b) > 0.2) & (ndvi(b) < 0.4) & (b["swir16"] > 0.2), 1),
    Material("village", "sundarbans", "NDVI 0.4 to 0.6, swir16 0.14 to 0.24",
             lambda b: (ndvi(b) > 0.4) & (ndvi(b) < 0.6) & (b["swir16"] > 0.14)
             & (b["swir16"] < 0.24)),
    Material("alpine_grass", "barbellino", "NDVI > 0.35, no cloud (blue < 0.12)",
             lambda b: (ndvi(b) > 0.35) & (b["blue"] < 0.12)),
    Material("bright_soil", "aquileia", "NDVI < 0.2, blue > 0.14, swir16 > 0.3, inner pixels",
             lambda b: (ndvi(b) < 0.2) & (b["blue"] > 0.14) & (b["swir16"] > 0.3), 1),
    Material("town", "spyndex", "the class Urban", lambda b: b["class"] == "Urban"),
    Material("snow", "slovenia", "blue > 0.3, swir16 < 0.15 (top of the atmosphere)",
             lambda b: (b["blue"] > 0.3) & (b["swir16"] < 0.15), 1),
)  # fmt: skip
SOURCES = {
    "barbellino": "Sentinel-2 L2A 2017-07-03, 2019-07-23 (Lago Barbellino, Alps)",
    "aquileia": "Sentinel-2 L2A 2019-04-16 (lagoon and farmland of Aquileia)",
    "sundarbans": "Sentinel-2 L2A 2020-01-27 (Sundarbans)",
    "rufiji": "Sentinel-2 surface reflectance, clear dates 2016 to 2019 (Rufiji delta)",
    "spyndex": "Landsat 8 surface reflectance, spectral samples of spyndex",
    "slovenia": "Sentinel-2 L1C (Slovenia)",
}


def read(path: Path, scale: float, names: tuple[str, ...]) -> Bands:
    with rasterio.open(path) as dataset:
        values = dataset.read().astype(float)
    valid = (values > 0).all(0)
    return {
        n: np.where(valid, v / scale, np.nan)
        for n, v in zip(names, values, strict=True)
        if n in BANDS
    }


def images(folder: Path) -> dict[str, list[Bands]]:
    """Return the images by name, each a list of dates with bands (rows, columns) of reflectance."""
    re = ("rededge071", "rededge075", "rededge078")
    full = ("coastal", "blue", "green", "red", *re, "nir", "nir08", "nir09", "swir16", "swir22")
    sen2r = ("coastal", "blue", "green", "red", *re, "nir", "nir09", "swir16", "swir22")
    six = ("blue", "green", "red", "nir", "swir16", "swir22")
    sundarbans = folder / "s2_sundarbans/S2_L2A_20200127_sundarbans_12band_u16.tif"
    aquileia = folder / "s2_aquileia/S2_L2A_20190416_aquileia_6band_u16.tif"
    rufiji = ("20160710", "20170829", "20180804", "20190615", "20190620")
    return {
        "sundarbans": [read(sundarbans, 65535, full)],
        "aquileia": [read(aquileia, 65535, six)],
        "rufiji": [read(folder / f"s2_rufiji_ts/SEN2_{d}.tif", 1000, BANDS) for d in rufiji],
        "barbellino": [
            read(folder / f"s2_barbellino_small/S2A2A_{d}_022_Barbellino_BOA_10.tif", 10000, sen2r)
            for d in ("20170703", "20190723")
        ],
        "spyndex": [_spyndex()],
        "slovenia": _slovenia(folder),
    }


def _spyndex() -> Bands:
    samples = spyndex.datasets.open("spectral")
    names = {"blue": 2, "green": 3, "red": 4, "nir08": 5, "swir16": 6, "swir22": 7}
    bands = {n: samples[f"SR_B{i}"].to_numpy(float)[:, None] for n, i in names.items()}
    return bands | {"nir": bands["nir08"], "class": samples["class"].to_numpy()[:, None]}


def _slovenia(folder: Path) -> list[Bands]:
    order = (1, 2, 3, 4, 5, 6, 7, 8, 11, 12)
    with np.load(folder / "s2_eolearn_slovenia/reference_scenes_13band.npz") as file:
        scenes = file["TestEOPatch"].astype(float)
    return [{n: scene[..., i] for n, i in zip(BANDS, order, strict=True)} for scene in scenes]


def pixels(material: Material, dates: list[Bands]) -> np.ndarray:
    """Return logarithms of reflectance (n, 10) of the picked pixels; NaN where a band lacks."""
    found = []
    for bands in dates:
        with np.errstate(invalid="ignore"):
            chosen = material.pick(bands)
        if material.pure:
            chosen = ndimage.binary_erosion(chosen, iterations=material.pure)
        empty = np.full(int(chosen.sum()), np.nan)
        rows = [bands[n][chosen] if n in bands else empty for n in BANDS]
        found.append(np.log(np.maximum(np.column_stack(rows), LEAST)))
    return np.vstack(found)


def fill(values: np.ndarray, full: np.ndarray) -> np.ndarray:
    """Fill missing bands by their regression on the others, with the scatter of the residuals."""
    missing = np.isnan(values).all(0)
    if not missing.any():
        return values
    known = np.column_stack([full[:, ~missing], np.ones(len(full))])
    slopes, *_ = np.linalg.lstsq(known, full[:, missing], rcond=None)
    scatter = np.cov((full[:, missing] - known @ slopes).T).reshape(missing.sum(), -1)
    draws = np.random.default_rng(0).multivariate_normal(
        np.zeros(missing.sum()), scatter, len(values)
    )
    values = values.copy()
    values[:, missing] = np.column_stack([values[:, ~missing], np.ones(len(values))]) @ slopes
    values[:, missing] += draws
    return values


def statistics(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean of the logarithm (10,), factors (3, 10), rest (10,) standard deviation."""
    middle = np.median(values, 0)
    spread = 1.4826 * np.median(np.abs(values - middle), 0) + 1e-6
    inside = (np.abs(values - middle) < 5 * spread).all(1)
    values = values[inside]
    mean, covariance = values.mean(0), np.cov(values.T)
    deviation = np.sqrt(np.diag(covariance))
    shrink = np.minimum(1, MOST_SD / deviation)
    covariance = covariance * shrink * shrink[:, None]
    size, vectors = np.linalg.eigh(covariance)
    size, vectors = size[::-1][:FACTORS], vectors[:, ::-1][:, :FACTORS]
    factors = (vectors * np.sqrt(size)).T
    factors *= np.where(factors.sum(1) < 0, -1, 1)[:, None]
    rest = np.sqrt(np.maximum(np.diag(covariance) - (factors**2).sum(0), 1e-6))
    return mean, factors, rest


def fitted(folder: Path) -> dict[str, tuple[int, str, tuple[np.ndarray, ...]]]:
    seen = images(folder)
    picked = {m.name: pixels(m, seen[m.image]) for m in MATERIALS}
    whole = [v for n, v in picked.items() if not np.isnan(v).any() and n != "snow"]
    full = np.vstack([v[:: max(1, len(v) // 3000)] for v in whole])
    result = {}
    for m in MATERIALS:
        values = picked[m.name]
        # sen2r leaves nir08 out, spyndex the other one: they are nearly the same band.
        values = fill(values[:: max(1, len(values) // 50_000)], full)
        source = f"{SOURCES[m.image]}: {m.rule}"
        result[m.name] = (len(picked[m.name]), source, statistics(values))
    return result


def _numbers(values: np.ndarray) -> str:
    return "[" + ", ".join(f"{v:.4f}" for v in values) + "]"


def as_toml(results: dict[str, tuple[int, str, tuple[np.ndarray, ...]]]) -> str:
    parts = []
    for name, (count, source, (mean, factors, rest)) in results.items():
        rows = ",\n  ".join(_numbers(f) for f in factors)
        parts.append(
            f'[materials.{name}]\nsource = "{source}"\npixels = {count}\n'
            f"mean = {_numbers(np.exp(mean))}\nfactors = [\n  {rows},\n]\nrest = {_numbers(rest)}\n"
        )
    return "\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder of real data")
    parser.add_argument("--check", action="store_true", help="compare with the table")
    args = parser.parse_args()
    results = fitted(args.folder)
    for name, (count, _, (mean, _, _)) in results.items():
        print(f"{name:13s} {count:7d}", " ".join(f"{v:.3f}" for v in np.exp(mean)))
    if args.check:
        table = load_toml("materials")["materials"]
        worst = max(
            float(np.abs(np.log(np.array(table[n]["mean"]) / np.exp(r[2][0]))).max())
            for n, r in results.items()
        )
        print(f"largest difference of a mean from the table: {worst:.1%}")
        return
    text = TABLE.read_text("utf-8")
    head, rest = text.split("# fitted: begin\n")[0], text.split("# fitted: end\n")[1]
    TABLE.write_text(f"{head}# fitted: begin\n{as_toml(results)}# fitted: end\n{rest}", "utf-8")


if __name__ == "__main__":
    main()
