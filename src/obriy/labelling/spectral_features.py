"""What the labeller `spectral` makes of the facts of the clusters of one scene: a table of numbers.

Each feature knows the bands it needs, so that a scene with fewer bands has fewer features, and the
expert was taught to do without them.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.model.clusters import ClusterFacts

FloatArray = npt.NDArray[np.float64]

BANDS: Final = ("blue", "green", "red", "nir", "swir16", "swir22")
"""Bands that Sentinel-2 and Landsat share."""
INDEX_BANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "NDVI": ("red", "nir"),
    "NDWI": ("green", "nir"),
    "MNDWI": ("green", "swir16"),
    "NDBI": ("nir", "swir16"),
}
LAYERS: Final = (*BANDS, *INDEX_BANDS)
TEXTURES: Final = ("nir", "green", "NDVI")
CONTEXT: Final = ("NDVI", "MNDWI", "nir", "swir16", "red", "green")
"""Layers by which the rest of the scene, and what lies beside a cluster, are described."""
LEAST_SHARE: Final = 0.9
"""The clusters given must cover so much of the scene to speak for it."""
WATER: Final = 0.0
"""MNDWI above which a cluster is likely water (Xu 2006, doi:10.1080/01431160600589179)."""
DENSE: Final = 0.6
"""NDVI above which vegetation is dense."""
_SMALL: Final = 0.003
"""Added before a logarithm: a texture of this much is sensor noise."""


@dataclasses.dataclass(frozen=True)
class Feature:
    """A column of the table.

    Attributes:
        name: ``KIND_LAYER``, e.g. ``"median_nir"``.
        bands: Bands without which it is missing.
        of_scene: Whether it speaks of the other clusters of the scene.
    """

    name: str
    bands: tuple[str, ...] = ()
    of_scene: bool = False


def _features() -> tuple[Feature, ...]:
    def of(kind: str, layers: Sequence[str], of_scene: bool = False) -> list[Feature]:
        return [Feature(f"{kind}_{n}", INDEX_BANDS.get(n, (n,)), of_scene) for n in layers]

    return (
        *of("median", LAYERS),
        *of("width", LAYERS),
        *of("texture", TEXTURES),
        *of("around", LAYERS),
        *of("rank", LAYERS),
        Feature("interior"),
        Feature("share"),
        *of("mean", CONTEXT, of_scene=True),
        *of("deviation", CONTEXT, of_scene=True),
        *of("beside", CONTEXT, of_scene=True),
        Feature("water_share", INDEX_BANDS["MNDWI"], of_scene=True),
        Feature("dense_share", INDEX_BANDS["NDVI"], of_scene=True),
        Feature("scene_texture", ("nir",), of_scene=True),
    )


FEATURES: Final = _features()


def feature_table(facts: Sequence[ClusterFacts]) -> FloatArray:
    """Return the features of all clusters of a scene.

    Args:
        facts: Of the clusters of one scene. Where they cover less than 0.9 of it, what speaks of
            the scene is missing.

    Returns:
        (clusters, features) float64 in the order of `FEATURES`, NaN missing: square root of
        reflectance (it stretches the dark), indices as they are, widths from the 10th to the 90th
        percentile, logarithms of textures and of the share.
    """
    columns: dict[str, FloatArray] = {}
    median = {name: _column(facts, name, lambda f, n: _spread(f, n).median) for name in LAYERS}
    for name in LAYERS:
        is_band = name in BANDS
        columns[f"median_{name}"] = _root(median[name]) if is_band else median[name]
        columns[f"width_{name}"] = _column(
            facts, name, lambda f, n: _spread(f, n).high - _spread(f, n).low
        )
        columns[f"around_{name}"] = _column(facts, name, lambda f, n: f.surroundings[n])
        columns[f"rank_{name}"] = _column(facts, name, lambda f, n: f.ranks[n])
    for name in TEXTURES:
        columns[f"texture_{name}"] = np.log(_texture(facts, name) + _SMALL)
    columns["interior"] = np.array([f.interior for f in facts], float)
    columns["share"] = np.log(np.array([f.share for f in facts], float) + _SMALL)
    columns |= _of_scene(facts, median)
    return np.stack([columns[feature.name] for feature in FEATURES], axis=1)


def known_bands(facts: ClusterFacts) -> list[str]:
    """Return those of `BANDS` that a cluster has."""
    return [name for name in BANDS if _alias(facts.spectrum, name) in facts.spectrum]


def median_of(facts: ClusterFacts, name: str) -> float:
    """Return the median of a band or index; NaN where the cluster has none."""
    try:
        return float(_spread(facts, name).median)
    except KeyError:
        return float("nan")


def _of_scene(
    facts: Sequence[ClusterFacts], median: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    shares = np.array([f.share for f in facts], float)
    nothing = np.full(len(facts), np.nan)
    if shares.sum() < LEAST_SHARE:
        return {feature.name: nothing for feature in FEATURES if feature.of_scene}
    shares /= shares.sum()
    beside = _beside(facts)
    columns = {}
    for name in CONTEXT:
        values = median[name]
        mean = float(shares @ values)
        columns[f"mean_{name}"] = np.full(len(facts), mean)
        columns[f"deviation_{name}"] = np.full(len(facts), np.sqrt(shares @ (values - mean) ** 2))
        columns[f"beside_{name}"] = beside @ values
    columns["water_share"] = _share_above(shares, median["MNDWI"], WATER)
    columns["dense_share"] = _share_above(shares, median["NDVI"], DENSE)
    texture = np.log(float(shares @ _texture(facts, "nir")) + _SMALL)
    columns["scene_texture"] = np.full(len(facts), texture)
    return columns


def _share_above(shares: FloatArray, values: FloatArray, least: float) -> FloatArray:
    found = np.nan if np.isnan(values).any() else float(shares @ (values > least))
    return np.full(len(values), found)


def _beside(facts: Sequence[ClusterFacts]) -> FloatArray:
    """Return the weights (clusters, clusters) of what lies beside each; itself where nothing."""
    place = {f.id: i for i, f in enumerate(facts)}
    weights = np.zeros((len(facts), len(facts)))
    for i, f in enumerate(facts):
        for other, share in f.neighbours.items():
            if other in place:
                weights[i, place[other]] = share
        total = weights[i].sum()
        weights[i] = weights[i] / total if total > 0 else np.eye(len(facts))[i]
    return weights


def _column(facts: Sequence[ClusterFacts], name: str, value: Any) -> FloatArray:
    found = np.full(len(facts), np.nan)
    for i, f in enumerate(facts):
        try:
            found[i] = value(f, _alias(f.spectrum, name))
        except KeyError:
            continue
    return found


def _texture(facts: Sequence[ClusterFacts], name: str) -> FloatArray:
    return np.array([f.texture.get(name, np.nan) for f in facts], float)


def _spread(facts: ClusterFacts, name: str) -> Any:
    name = _alias(facts.spectrum, name)
    return facts.indices[name] if name in INDEX_BANDS else facts.spectrum[name]


def _alias(spectrum: Mapping[str, Any], name: str) -> str:
    """Return ``nir08`` for ``nir`` where that is what there is."""
    return "nir08" if name == "nir" and "nir" not in spectrum else name


def _root(values: FloatArray) -> FloatArray:
    """Return the square root of reflectance; below 0 (over-corrected dark water) is 0."""
    return np.sqrt(np.maximum(values, 0))
