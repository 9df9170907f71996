"""Examples to fit on: clusters of the even chips in many ways, and reference spectra among them."""

import dataclasses

import numpy as np
from chips import CODES, Chip, clusters_of, scene_of
from sklearn.cluster import KMeans

from obriy.labelling.facts import measure_clusters
from obriy.labelling.spectral_features import BANDS, INDEX_BANDS
from obriy.methods.clustering.scaling import fit_scale
from obriy.model.clusters import ClusterFacts, Spread
from obriy.tables import load_toml

FIT_PIXELS = 5000
LEAST_PIXELS = 15
LEAST_VALUES = 500
SETS = {
    "all": (*BANDS, *INDEX_BANDS),
    "bands": BANDS,
    "indices": (*INDEX_BANDS, "nir", "swir16"),
    "no_swir": ("blue", "green", "red", "nir", "NDVI", "NDWI"),
}
WAYS = (
    (6, "all"), (9, "bands"), (12, "all"), (12, "all"), (16, "bands"), (20, "all"),
    (30, "all"), (12, "no_swir"), (10, "indices"), (25, "bands"),
)  # fmt: skip
"""Clusters, and what they are made of."""
CROPS = 4
"""Parts of each chip that are clustered too."""


@dataclasses.dataclass(frozen=True)
class Example:
    """Clusters of one scene.

    Attributes:
        chip: Number of the chip.
        site: Its site.
        facts: Facts of its clusters.
        counts: Pixels by class without flooded land, (clusters, 11).
        counts_all: With it.
        synthetic: Whether reference spectra are among them.
    """

    chip: int
    site: str
    facts: list[ClusterFacts]
    counts: np.ndarray
    counts_all: np.ndarray
    synthetic: bool = False


def layers_of(chip: Chip) -> dict[str, np.ndarray]:
    """Return bands and indices, (y, x); undefined indices are 0."""
    bands = {name: chip.scene[name].values for name in BANDS}
    return bands | {name: index_of(name, bands) for name in INDEX_BANDS}


def index_of(name: str, bands: dict) -> np.ndarray:
    """Return a normalised difference of bands; 0 where it is undefined."""
    first, second = {
        "NDVI": ("nir", "red"),
        "NDWI": ("green", "nir"),
        "MNDWI": ("green", "swir16"),
        "NDBI": ("swir16", "nir"),
    }[name]
    total = np.asarray(bands[first] + bands[second], float)
    with np.errstate(all="ignore"):
        return np.clip(np.where(total > 0, (bands[first] - bands[second]) / total, 0), -1, 1)


def kmeans(layers: dict[str, np.ndarray], names: tuple, k: int, seed: int) -> np.ndarray:
    """Cluster by K-Means on robustly scaled features; 0 no data, (y, x)."""
    stack = np.stack([layers[name] for name in names], axis=-1)
    seen = np.isfinite(stack).all(axis=-1)
    labels = np.zeros(seen.shape, int)
    values = stack[seen].astype(np.float32)
    if len(values) < LEAST_VALUES:
        return labels
    scaled = fit_scale(values).apply(values.T).T
    chosen = np.random.default_rng(seed).permutation(len(values))[:FIT_PIXELS]
    found = KMeans(k, n_init=1, random_state=seed).fit(scaled[chosen])
    labels[seen] = found.predict(scaled) + 1
    return labels


def example(chip: Chip, labels: np.ndarray) -> Example | None:
    """Measure clusters and count what the reference says of them; None where nothing is left."""
    for i in np.unique(labels):
        if (labels == i).sum() < LEAST_PIXELS:
            labels = np.where(labels == i, 0, labels)
    if not labels.any():
        return None
    facts = measure_clusters(chip.scene, clusters_of(chip.scene, labels))

    def count(mask: np.ndarray) -> np.ndarray:
        known = mask & (chip.reference >= 0)
        return np.stack(
            [
                np.bincount(chip.reference[known & (labels == f.id)], minlength=len(CODES))
                for f in facts
            ]
        )

    every = np.ones(labels.shape, bool)
    return Example(chip.number, chip.site, facts, count(~chip.flooded), count(every))


def examples_of(chip: Chip, seed: int) -> list[Example]:
    """Cluster a chip and parts of it in many ways."""
    rng = np.random.default_rng([seed, chip.number])
    layers = layers_of(chip)
    found = [
        example(chip, kmeans(layers, SETS[names], k, seed + i)) for i, (k, names) in enumerate(WAYS)
    ]
    for i in range(CROPS):
        part = crop(chip, rng)
        k, names = int(rng.integers(5, 16)), ("all", "bands")[i % 2]
        found.append(example(part, kmeans(layers_of(part), SETS[names], k, seed + 20 + i)))
    return [e for e in found if e is not None]


def crop(chip: Chip, rng: np.random.Generator) -> Chip:
    """Cut a part out of a chip."""
    (top, left), (height, width) = rng.integers(0, 64, 2), rng.integers(48, 100, 2)
    part = (slice(top, top + height), slice(left, left + width))
    stack = np.stack([chip.scene[name].values[part] for name in BANDS])
    return dataclasses.replace(
        chip,
        scene=scene_of(stack),
        reference=chip.reference[part],
        flooded=chip.flooded[part],
    )


class References:
    """The reference spectra, to draw from."""

    def __init__(self) -> None:
        table, materials = load_toml("reference_spectra"), load_toml("materials")
        self.themes = table["themes"]
        self._references = table["references"]
        self._materials = materials["materials"]
        self._places = [materials["bands"].index(band) for band in BANDS]

    def draw(self, name: str, rng: np.random.Generator) -> np.ndarray:
        """Draw a spectrum, (6,)."""
        entry = self._references[name]
        if "material" not in entry:
            wide = entry["deviation"] * rng.standard_normal()
            own = 0.06 * rng.standard_normal(len(BANDS))
            return np.array(entry["mean"]) * np.exp(wide + own)
        material = self._materials[entry["material"]]
        spread = self._materials[material.get("covariance_of", entry["material"])]
        factors, rest = np.array(spread["factors"]), np.array(spread["rest"])
        change = rng.standard_normal(len(factors)) @ factors
        change += rest * rng.standard_normal(len(rest))
        return (np.array(material["mean"]) * np.exp(change))[self._places]

    def shares(self, name: str) -> np.ndarray:
        """Return the shares of the classes, (11,)."""
        shares = self._references[name]["shares"]
        return np.array([shares.get(str(code), 0.0) for code in CODES])

    def texture(self, name: str) -> float:
        """Return the deviation of near infrared in 5 x 5 pixels, over its mean."""
        return float(self._references[name]["texture"])


def synthetic_of(known: Example, references: References, rng: np.random.Generator) -> Example:
    """Put reference spectra in the place of some clusters, or of all, of a real scene.

    Half of the scenes keep their layout: shares, borders and how compact clusters are. The others
    have one to six clusters of any share and compactness: there the spectra alone must speak.
    """
    known = known if rng.random() < 0.5 else _laid_out_anew(known, rng)
    theme = _theme(references, rng)
    share = rng.choice([0.15, 0.5, 1.0], p=[0.25, 0.25, 0.5])
    replaced = rng.random(len(known.facts)) < share
    replaced[rng.integers(len(known.facts))] = True
    facts, counts = list(known.facts), np.zeros(known.counts.shape)
    light = np.exp(0.05 * rng.standard_normal())
    pixels = known.counts_all.sum()
    for i in np.flatnonzero(replaced):
        name = str(rng.choice(theme))
        spectrum = references.draw(name, rng) * light
        facts[i] = _painted(facts[i], spectrum, references.texture(name), rng)
        counts[i] = pixels * facts[i].share * references.shares(name)
    facts = _again_in_scene(facts, rng)
    return Example(known.chip, known.site, facts, counts, counts, synthetic=True)


def _theme(references: References, rng: np.random.Generator) -> list[str]:
    """Draw what may lie in a scene; a third of the time anything."""
    if rng.random() < 1 / 3:
        return sorted({name for theme in references.themes.values() for name in theme})
    return references.themes[rng.choice(sorted(references.themes))]


def _laid_out_anew(known: Example, rng: np.random.Generator) -> Example:
    count = min(len(known.facts), int(rng.integers(1, 7)))
    chosen = rng.choice(len(known.facts), count, replace=False)
    shares = rng.dirichlet(np.ones(count) * 1.5)
    facts = [
        dataclasses.replace(
            known.facts[i], share=float(share), interior=float(rng.uniform(0.2, 1.0) ** 0.5)
        )
        for i, share in zip(chosen, shares, strict=True)
    ]
    return dataclasses.replace(
        known, facts=facts, counts=known.counts[chosen], counts_all=known.counts_all[chosen]
    )


def _painted(
    facts: ClusterFacts, spectrum: np.ndarray, texture: float, rng: np.random.Generator
) -> ClusterFacts:
    bands = dict(zip(BANDS, spectrum, strict=True))
    medians = bands | {name: float(index_of(name, bands)) for name in INDEX_BANDS}
    wide = rng.uniform(0.05, 0.25)
    spreads = {}
    for name, value in medians.items():
        half = wide * value if name in BANDS else wide * rng.uniform(0.1, 0.6)
        spreads[name] = Spread(float(value - half), float(value), float(value + half))
    rough = texture * np.exp(0.4 * rng.standard_normal())
    textures = {
        "nir": rough * bands["nir"],
        "green": 0.8 * rough * bands["green"],
        "NDVI": 0.3 * rough * (1 - medians["NDVI"] ** 2) + 0.005,
    }
    return dataclasses.replace(
        facts,
        spectrum={name: spreads[name] for name in BANDS},
        indices={name: spreads[name] for name in INDEX_BANDS},
        texture={name: float(value) for name, value in textures.items()},
    )


def _again_in_scene(facts: list[ClusterFacts], rng: np.random.Generator) -> list[ClusterFacts]:
    """Work ranks and surroundings out again, from the medians of the clusters."""
    shares = np.array([f.share for f in facts])
    names = (*BANDS, *INDEX_BANDS)
    values = {
        n: np.array([(f.spectrum if n in BANDS else f.indices)[n].median for f in facts])
        for n in names
    }
    places = {f.id: i for i, f in enumerate(facts)}
    again = []
    for i, f in enumerate(facts):
        own = np.sqrt(f.interior) * rng.uniform(0.7, 1.0)
        beside = [(places[o], s) for o, s in f.neighbours.items() if o in places]
        around, ranks = {}, {}
        for n in names:
            others = sum(s * values[n][o] for o, s in beside) if beside else values[n][i]
            around[n] = float(own * values[n][i] + (1 - own) * others)
            below = shares @ (values[n] < values[n][i])
            ranks[n] = float((below + shares[i] / 2) / shares.sum())
        again.append(dataclasses.replace(f, surroundings=around, ranks=ranks))
    return again


def through_another_sky(known: Example, rng: np.random.Generator) -> Example:
    """Change gains and haze of a scene a little, as another sensor and sky would."""
    gain = np.exp(0.05 * rng.standard_normal() + 0.03 * rng.standard_normal(len(BANDS)))
    haze = rng.uniform(-0.006, 0.012) * np.array([1.0, 0.6, 0.45, 0.25, 0.1, 0.05])
    rough = float(np.exp(0.3 * rng.standard_normal()))
    facts = [_seen_through(f, gain, haze, rough) for f in known.facts]
    return dataclasses.replace(known, facts=facts)


def _seen_through(f: ClusterFacts, gain: np.ndarray, haze: np.ndarray, rough: float):
    def seen(n: str, v: float) -> float:
        i = BANDS.index(n)
        return float(v * gain[i] + haze[i])

    spectrum = {
        n: Spread(seen(n, s.low), seen(n, s.median), seen(n, s.high)) for n, s in f.spectrum.items()
    }
    around = {n: seen(n, v) for n, v in f.surroundings.items() if n in BANDS}
    medians = {n: np.float64(s.median) for n, s in spectrum.items()}
    old = {n: np.float64(s.median) for n, s in f.spectrum.items()}
    indices = {}
    for n, s in f.indices.items():
        # The index of the medians moves by so much; the percentiles move along.
        move = float(index_of(n, medians) - index_of(n, old))
        indices[n] = Spread(s.low + move, s.median + move, s.high + move)
        around[n] = f.surroundings[n] + move
    texture = {n: v * rough for n, v in f.texture.items()}
    return dataclasses.replace(
        f, spectrum=spectrum, indices=indices, surroundings=around, texture=texture
    )
