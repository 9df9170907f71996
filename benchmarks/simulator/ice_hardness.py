"""How hard the simulated ice scenes are: published tests, thresholds and nearest neighbours.

Each seed is a bay on a date from November to April, in turn by Terra and Aqua; seeds from 5000 on
belong to this benchmark alone. Scores are pooled over all sea pixels: ice where the truth says
ice, and everything else (water, cloud) not.

    python benchmarks/simulator/ice_hardness.py [--seeds 40] [--first 5000]
"""

import argparse
import datetime as dt
import time

import numpy as np
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER
from obriy.simulate.ice.scene import simulate_ice

TRAIN_SHARE, TRAIN_PIXELS, TEST_PIXELS = 0.5, 1500, 3000
Scenes = list[tuple[np.ndarray, np.ndarray]]


def scene_of(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return reflectance of sea pixels (n, 7) and their codes (n,)."""
    day = dt.date(2010 + seed % 10, 11, 20) + dt.timedelta(days=(seed * 37) % 150)
    satellite, hour = (("terra", "02:05"), ("aqua", "04:15"))[seed % 2]
    made = simulate_ice(seed, f"{day}T{hour}", satellite=satellite)
    codes = made.truth.to_numpy()
    values = np.stack([made.scene[n].to_numpy() for n in BANDS], -1)
    return values[codes != LAND], codes[codes != LAND]


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a - b) / np.maximum(a + b, 1e-4)


def indices(values: np.ndarray) -> dict[str, np.ndarray]:
    """Return bands and indices by name."""
    b = dict(zip(BANDS, values.T, strict=True))
    return b | {
        "NDSI green/swir16": ratio(b["green"], b["swir16"]),
        "NDSI green/swir22": ratio(b["green"], b["swir22"]),
        "NDSI red/swir16": ratio(b["red"], b["swir16"]),
        "NDSII-2 green/nir": ratio(b["green"], b["nir"]),
        "nir/swir16": ratio(b["nir"], b["swir16"]),
        "nir/swir12": ratio(b["nir"], b["swir12"]),
        "swir16/swir22": ratio(b["swir16"], b["swir22"]),
        "green - swir16": b["green"] - b["swir16"],
        "nir - swir16": b["nir"] - b["swir16"],
    }


def iou(mapped: np.ndarray, true: np.ndarray) -> float:
    return float((mapped & true).sum() / max((mapped | true).sum(), 1))


def fixed_ndsi(values: np.ndarray) -> np.ndarray:
    """NDSI above 0.4 with NIR above 0.11: MOD10, Hall and Riggs."""
    b = indices(values)
    return (b["NDSI green/swir16"] > 0.4) & (b["nir"] > 0.11)


def best_threshold(quantity: np.ndarray, true: np.ndarray) -> tuple[float, str]:
    """Return the best IoU that one cut of a quantity can reach, fitted on the truth itself."""
    cuts = np.quantile(quantity, np.linspace(0.01, 0.99, 99))
    found = [(iou(quantity > c, true), f"> {c:.3f}") for c in cuts]
    found += [(iou(quantity < c, true), f"< {c:.3f}") for c in cuts]
    return max(found)


def sample(scenes: Scenes, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    picks = [rng.choice(len(c), min(count, len(c)), replace=False) for _, c in scenes]
    return (
        np.concatenate([v[p] for (v, _), p in zip(scenes, picks, strict=True)]),
        np.concatenate([c[p] for (_, c), p in zip(scenes, picks, strict=True)]),
    )


def neighbours(scenes: Scenes, rng: np.random.Generator) -> tuple[float, str]:
    """Return IoU of ice by nearest neighbours learnt on other seeds, and what it confuses."""
    cut = int(TRAIN_SHARE * len(scenes))
    values, codes = sample(scenes[:cut], TRAIN_PIXELS, rng)
    scale = StandardScaler().fit(values)
    model = KNeighborsClassifier(15).fit(scale.transform(values), codes)
    test, true = sample(scenes[cut:], TEST_PIXELS, rng)
    mapped = model.predict(scale.transform(test))
    table = [
        " ".join(f"{((mapped == m) & (true == t)).sum() / max((true == t).sum(), 1):.3f}"
                 for m in (WATER, ICE, CLOUD)) for t in (WATER, ICE, CLOUD)
    ]  # fmt: skip
    return iou(mapped == ICE, true == ICE), " | ".join(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--first", type=int, default=5000)
    asked = parser.parse_args()
    start = time.perf_counter()
    scenes = [scene_of(s) for s in range(asked.first, asked.first + asked.seeds)]
    print(f"{(time.perf_counter() - start) / asked.seeds:.2f} s a scene")
    rng = np.random.default_rng(0)
    values = np.concatenate([v for v, _ in scenes])
    codes = np.concatenate([c for _, c in scenes])
    shares = {n: float((codes == k).mean()) for n, k in (("ice", ICE), ("cloud", CLOUD))}
    print({n: round(s, 3) for n, s in shares.items()})
    print(f"fixed NDSI: {iou(fixed_ndsi(values), codes == ICE):.3f}")
    seen = codes != CLOUD
    clear = iou(fixed_ndsi(values[seen]), codes[seen] == ICE)
    print(f"fixed NDSI, true clouds left out: {clear:.3f}")
    part, true = sample(scenes, TEST_PIXELS, rng)
    for name, quantity in indices(part).items():
        score, cut = best_threshold(quantity, true == ICE)
        print(f"best of {name} {cut}: {score:.3f}")
    score, table = neighbours(scenes, rng)
    print(f"15 nearest neighbours, other seeds: {score:.3f}")
    print(f"shares of true water | ice | cloud called water ice cloud: {table}")


if __name__ == "__main__":
    main()
