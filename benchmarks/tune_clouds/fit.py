"""Fit the spectral cloud test: `tables/clouds.toml`. About two minutes on one core.

    python benchmarks/tune_clouds/fit.py [--write]

No cloud label takes part. Real clear pixels (the `choose` chips of HLS, and scenes that nothing is
reported on) are laid under veils of a known thickness, and the test learns to tell them from the
same pixels without; spectra of what is bright and no cloud (snow, sand, salt, roofs, surf) are
added from `tables/materials.toml` and `tables/reference_spectra.toml`. A veil of optical albedo `a`
over ground of reflectance R, light going to and fro between them, looks like

    a + (1 - a)^2 R / (1 - a R)

(the two-stream limit of a cloud over a Lambertian ground: Chandrasekhar 1960, eq. 13.4). `a` is
nearly the same in visible and near infrared, and less in SWIR, where drops and crystals absorb
(King et al. 1992). A veil below 0.05 is called clear, one above 0.12 cloud: under it the near
infrared of water is land's. What lies between takes no part.
"""

import argparse
import csv
import dataclasses
import os
import warnings
from pathlib import Path

import numpy as np
import rasterio
from sklearn.linear_model import LogisticRegression

import obriy
from obriy.prepare.clouds.spectral import FEATURES
from obriy.tables import load_toml

DATA = Path(os.environ.get("OBRIY_REALDATA", Path(__file__).parents[3] / "shared" / "data"))
TABLE = Path(__file__).parents[2] / "src" / "obriy" / "tables" / "clouds.toml"
BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
SETS = {
    "six": BANDS,
    "five": BANDS[:5],
    "four": BANDS[:4],
    "green_red_nir_swir": ("green", "red", "nir", "swir16"),
}
TERMS = {
    "six": ["least_visible", "haze", "blue_red", "green_swir", "nir_red", "nir_swir", "nir",
            "swir16", "swir22", "least_swir", "swirs", "blue", "blue_green"],
    "five": ["least_visible", "haze", "blue_red", "green_swir", "nir_red", "nir_swir", "nir",
             "swir16", "least_swir", "blue", "blue_green"],
    "four": ["least_visible", "haze", "blue_red", "nir_red", "nir", "least_nir", "blue",
             "blue_green", "green_nir"],
    "green_red_nir_swir": ["least_of_two", "green_red", "green_swir", "nir_red", "nir_swir", "nir",
                           "swir16", "least_swir", "green", "green_nir"],
}  # fmt: skip
PATH = np.array([0.08, 0.042, 0.023, 0.010, 0.003, 0.001])
"""Path reflectance of a clear sky, seen from the top of the atmosphere."""
CLEAR, CLOUD = 0.05, 0.12
KNOTS = 7
SEED = 20
BRIGHT = ("snow", "bright_roof", "grey_ice", "town", "bright_soil", "mud", "tidal_flat")
REFERENCES = (
    "old_snow",
    "desert_sand",
    "salt_flat",
    "dense_city",
    "dry_soil",
    "rock",
    "shaded_snow",
)


@dataclasses.dataclass(frozen=True)
class Ground:
    """Clear pixels (n, 6), and the place that each comes from (n,)."""

    pixels: np.ndarray
    places: np.ndarray


def chips(rng) -> list[tuple[str, np.ndarray]]:
    """Return pixels that Fmask calls neither cloud nor shadow, by place, of the choose chips."""
    found = []
    with (DATA / "hls_chips" / "index.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "choose"]
    for row in rows:
        with rasterio.open(DATA / "hls_chips" / "images" / f"{int(row['chip']):03d}.tif") as file:
            image = file.read()
        clear = (image[7] & 0b1010) == 0
        pixels = image[1:7].astype("float64").reshape(6, -1)[:, clear.ravel()].T / 1e4
        if len(pixels) > 600:
            found.append((row["site_group"], pixels[rng.choice(len(pixels), 600, replace=False)]))
    return found


def scenes(rng) -> list[tuple[str, np.ndarray]]:
    """Return pixels of clear scenes that nothing is reported on."""
    found = []
    rufiji = sorted((DATA / "s2_rufiji_ts").glob("*.tif"))
    for name, path, count in [
        ("aquileia", DATA / "s2_aquileia" / "S2_L2A_20190416_aquileia_6band_u16.tif", 6000),
        ("sundarbans", DATA / "s2_sundarbans" / "S2_L2A_20200127_sundarbans_12band_u16.tif", 6000),
        ("elkton", DATA / "l8_elkton_labels", 3000),
        *(("rufiji", path, 300) for path in rufiji),
    ]:
        scene = obriy.open_scene(path)
        names = [b if b in scene else "nir08" for b in BANDS]
        stack = np.stack([scene[b].values for b in names], -1).reshape(-1, 6)
        stack = stack[np.isfinite(stack).all(axis=1)].astype("float64")
        found.append((name, stack[rng.choice(len(stack), min(count, len(stack)), replace=False)]))
    return found


def spectra(rng) -> list[tuple[str, np.ndarray]]:
    """Return what is bright and no cloud, with its brightness varied."""
    materials, references = load_toml("materials"), load_toml("reference_spectra")
    columns = [materials["bands"].index(band) for band in BANDS]
    means = {n: np.array(materials["materials"][n]["mean"])[columns] for n in BRIGHT}
    means |= {n: np.array(references["references"][n]["mean"]) for n in REFERENCES}
    found = []
    for name, mean in means.items():
        spread = rng.normal(0, 0.25, (700, 1)) + rng.normal(0, 0.06, (700, 6))
        found.append((name, mean * np.exp(spread)))
    # Salt and snow are dazzling, and what tells them from cloud is their SWIR.
    return found


def veiled(ground: np.ndarray, albedo: np.ndarray, rng) -> np.ndarray:
    """Lay veils of an albedo (n,) over the ground (n, 6)."""
    count = len(ground)
    crystals = rng.random(count) < 0.25
    swir16 = np.where(crystals, rng.uniform(0.3, 0.6, count), rng.uniform(0.7, 0.95, count))
    swir22 = swir16 * rng.uniform(0.65, 0.95, count)
    tilt = rng.normal(0, 0.03, count)
    nir = 1 - tilt / 2 + rng.normal(0, 0.02, count)
    shape = np.stack([1 + 2 * tilt, 1 + tilt, np.ones(count), nir, swir16, swir22], 1)
    over = np.clip(albedo[:, None] * shape, 0, 1.2)
    thick = np.minimum(over, 0.97)
    below = np.maximum(ground, 0)
    return over + (1 - thick) ** 2 / (1 - thick * np.minimum(below, 0.98)) * ground


def through_air(seen: np.ndarray, rng) -> np.ndarray:
    """Add what sensors and corrections do: path reflectance, gain, noise."""
    count = len(seen)
    top = rng.random(count) < 0.4
    haze = np.where(top, rng.uniform(0.6, 1.5, count), np.maximum(0, rng.normal(0, 0.15, count)))
    seen = seen * (1 - 0.5 * haze[:, None] * PATH) + haze[:, None] * PATH
    return seen * rng.normal(1, 0.05, (count, 1)) + rng.normal(0, 0.004, seen.shape)


def examples(ground: Ground, rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return reflectance (n, 6), whether it is cloud (n,), and the albedo of the veil (n,)."""
    count = len(ground.pixels)
    thin, thick = rng.uniform(CLOUD, 0.4, count), rng.uniform(0.3, 1.0, count)
    cloud = rng.random(count) < 0.5
    albedo = np.where(cloud, np.where(rng.random(count) < 0.4, thin, thick), 0)
    haze = ~cloud & (rng.random(count) < 0.3)
    albedo[haze] = rng.uniform(0, CLEAR, haze.sum())
    return through_air(veiled(ground.pixels, albedo, rng), rng), cloud, albedo


def features(pixels: np.ndarray, terms: list[str]) -> np.ndarray:
    """Return the features (n, terms) of reflectance (n, 6)."""
    by_name = dict(zip(BANDS, pixels.T, strict=True))
    return np.stack([FEATURES[t][1](*(by_name[b] for b in FEATURES[t][0])) for t in terms], 1)


def hats(values: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Return a clipped line for each stretch between knots, (n, terms * (knots - 1))."""
    parts = [np.clip((values[:, [j]] - k[:-1]) / np.diff(k), 0, 1) for j, k in enumerate(knots)]
    return np.concatenate(parts, 1)


def fit(seen: np.ndarray, cloud: np.ndarray, terms: list[str]) -> dict:
    """Return the intercept, and knots and log-odds by term."""
    values = features(seen, terms)
    knots = np.array([np.quantile(v, np.linspace(0.01, 0.99, KNOTS)) for v in values.T])
    model = LogisticRegression(C=1.0, max_iter=3000).fit(hats(values, knots), cloud)
    steps = model.coef_[0].reshape(len(terms), KNOTS - 1)
    return {
        "intercept": float(model.intercept_[0]),
        "terms": {
            term: {"knots": k.tolist(), "logodds": [0.0, *np.cumsum(s).tolist()]}
            for term, k, s in zip(terms, knots, steps, strict=True)
        },
    }


def log_odds(found: dict, pixels: np.ndarray, terms: list[str]) -> np.ndarray:
    values = features(pixels, terms)
    return found["intercept"] + sum(
        np.interp(v, found["terms"][t]["knots"], found["terms"][t]["logodds"])
        for t, v in zip(terms, values.T, strict=True)
    )


def report(name, odds, cloud, albedo, places):
    """Print how often clear ground is called cloud, and cloud of each thickness is found."""
    steps = [(0.12, 0.16), (0.16, 0.25), (0.25, 0.4), (0.4, 1.01)]
    found = ", ".join(
        f"{low:.2f}-{high:.2f}: {(odds[(albedo >= low) & (albedo < high)] > 0).mean():.3f}"
        for low, high in steps
    )
    print(f"{name}: clear called cloud {(odds[~cloud] > 0).mean():.4f}; cloud found {found}")
    worst = {p: (odds[~cloud & (places == p)] > 0).mean() for p in np.unique(places)}
    ranked = sorted(worst.items(), key=lambda one: -one[1])[:6]
    print("   worst:", ", ".join(f"{place} {share:.2f}" for place, share in ranked))


def write(found: dict[str, dict]) -> None:
    lines = [
        "# Log-odds of cloud: an intercept and piecewise-linear ramps, by set of bands. Fitted on",
        "# real clear pixels under made veils by benchmarks/tune_clouds/fit.py, which writes this.",
        "version = 1",
    ]
    for name, one in found.items():
        bands = ", ".join(f'"{b}"' for b in SETS[name])
        lines += ["", f"[sets.{name}]", f"bands = [{bands}]", f"intercept = {one['intercept']:.3f}"]
        for term, values in one["terms"].items():
            knots = ", ".join(f"{v:.4f}" for v in values["knots"])
            odds = ", ".join(f"{v:.3f}" for v in values["logodds"])
            lines.append(f"terms.{term} = {{ knots = [{knots}], logodds = [{odds}] }}")
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", message="Dataset has no geotransform")
    rng = np.random.default_rng(SEED)
    parts = [*chips(rng), *scenes(rng), *spectra(rng)]
    ground = Ground(
        np.concatenate([pixels for _, pixels in parts]),
        np.concatenate([np.full(len(pixels), place) for place, pixels in parts]),
    )
    seen, cloud, albedo = examples(ground, rng)
    names = np.unique(ground.places)
    made = np.isin(ground.places, [*BRIGHT, *REFERENCES])
    half = np.isin(ground.places, rng.permutation(names)[::2]) | made
    found = {}
    for name in SETS:
        checked = fit(seen[half], cloud[half], TERMS[name])
        rest = ~half
        bright = log_odds(checked, seen[made & ~cloud], TERMS[name]) > 0
        print(f"   spectra of bright ground called cloud: {bright.mean():.3f}")
        report(f"{name}, places left out", log_odds(checked, seen[rest], TERMS[name]), cloud[rest],
               albedo[rest], ground.places[rest])  # fmt: skip
        found[name] = fit(seen, cloud, TERMS[name])
    if arguments.write:
        write(found)


if __name__ == "__main__":
    main()
