"""Fit the labeller `spectral` on the places to choose by; say how good and how calibrated it is.

    python benchmarks/tune_landcover/fit_spectral.py [--cache FILE] [--only-check]

writes src/obriy/tables/spectral_expert.npz; fixed seeds, so that the same file comes out again
(on the same processor: sums of floats differ in the last digit between machines). The check
leaves sites out in ten folds; the file is then fitted on all of them. About half an hour on two
cores.

What it learns from: K-Means of each chip and of parts of it in many ways (`examples.WAYS`), with
WorldCover's share of each class in each cluster as the target, without flooded land; the same under
another sensor and sky; and the same with reference spectra in the place of some clusters, at
`SYNTHETIC` of the weight, for what the chips lack. Bands and the rest of the scene are left out of
some rows, so that the expert does without them.
"""

import argparse
import pickle
from pathlib import Path

import chips
import numpy as np
from examples import (
    SETS,
    Example,
    References,
    example,
    examples_of,
    kmeans,
    layers_of,
    synthetic_of,
    through_another_sky,
)
from network import NEEDED, OF_SCENE, Options, fit, flags_of, inputs, logits, softmax
from sklearn.cluster import KMeans

from obriy.labelling import spectral_expert
from obriy.labelling.spectral_features import BANDS, FEATURES, feature_table

SEED = 100
FOLDS = 10
NETWORKS_CHECK, NETWORKS = 2, 5
SYNTHETIC = 0.3
DRAWN = 2
"""Scenes with reference spectra for each real one."""
RARE = 0.3
"""Classes weigh by their share to the power of minus this while training."""
FLATTER = 0.2
"""How much of that stays in the probabilities: other scenes have other shares."""
LEAST_TOTAL = 2000
SMOOTH = 1e4
SPECTRA = 64
REACH = 1.3
"""The expert knows spectra as far as this times the farthest that it was fitted on."""
FILE = Path(spectral_expert.__file__).parents[1] / "tables" / spectral_expert.FILE


class Rows:
    """Examples as arrays, a row for each cluster."""

    def __init__(self, examples: list[Example]) -> None:
        sizes = [len(e.facts) for e in examples]
        self.table = np.concatenate([feature_table(e.facts) for e in examples])
        self.counts = np.concatenate([e.counts for e in examples]).astype(float)
        self.counts_all = np.concatenate([e.counts_all for e in examples]).astype(float)
        self.site = np.repeat([e.site for e in examples], sizes)
        self.synthetic = np.repeat([e.synthetic for e in examples], sizes)
        self.total = np.repeat([max(e.counts.sum(), LEAST_TOTAL) for e in examples], sizes)


class Fit:
    """Everything that does not depend on which sites are left out."""

    def __init__(self, check: list[Example], train: list[Example]) -> None:
        rng, references = np.random.default_rng(SEED), References()
        train = [*train, *check]
        skies = [through_another_sky(e, rng) for e in train]
        synthetic = [synthetic_of(e, references, rng) for _ in range(DRAWN) for e in train]
        self.check, self.rows = Rows(check), Rows([*train, *skies, *synthetic])
        shares = self.check.counts.sum(axis=0) + SMOOTH
        self.prior = shares / shares.sum()
        self.class_weight = self.prior**-RARE / (self.prior ** (1 - RARE)).sum()
        self.shift = -np.log(self.class_weight) - FLATTER * np.log(self.prior)
        self.centre = np.nanmean(self.rows.table, axis=0)
        self.width = np.nanstd(self.rows.table, axis=0) + 1e-3
        self.weights = self.rows.counts / self.rows.total[:, None]
        real, drawn = ~self.rows.synthetic, self.rows.synthetic
        self.weights[real] *= self.class_weight  # what is drawn has no lack of rare classes
        self.weights[drawn] *= SYNTHETIC * self.weights[real].sum() / self.weights[drawn].sum()
        self.scaled = inputs(self.rows.table, self.centre, self.width)
        self.flags = flags_of(self.rows.table)

    def network(self, without: np.ndarray, seed: int) -> list[np.ndarray]:
        """Train one network without some sites."""
        # The spectra drawn for a site left out are not of it; only its layout is.
        keep = (~np.isin(self.rows.site, without) | self.rows.synthetic) & (
            self.weights.sum(axis=1) > 0
        )
        return fit(self.scaled[keep], self.flags[keep], self.weights[keep], Options(), seed)

    def held_out(self) -> dict[str, np.ndarray]:
        """Return mean probabilities of the networks for sites that they were not fitted on."""
        scaled = inputs(self.check.table, self.centre, self.width)
        views = {
            "all bands": _view(scaled, ()),
            "without SWIR": _view(scaled, ("swir16", "swir22")),
            "without blue and swir22": _view(scaled, ("blue", "swir22")),
            "without the scene": _view(np.where(OF_SCENE, np.nan, scaled), ()),
        }
        found = {name: np.zeros(self.check.counts.shape) for name in views}
        sites = np.unique(self.check.site)
        np.random.default_rng(SEED).shuffle(sites)
        for fold in range(FOLDS):
            out = sites[fold::FOLDS]
            rows = np.isin(self.check.site, out)
            for seed in range(NETWORKS_CHECK):
                network = self.network(out, seed)
                for name, view in views.items():
                    found[name][rows] += softmax(logits(network, view[rows])) / NETWORKS_CHECK
        return {name: np.log(np.maximum(p, 1e-6)) + self.shift for name, p in found.items()}

    def arrays(self, temperature: float) -> dict[str, np.ndarray]:
        """Fit on all sites; return what goes into the file."""
        networks = [self.network(np.array([]), seed) for seed in range(NETWORKS)]
        spectra, reach = self.spectra()
        return {
            "codes": chips.CODES,
            "features": np.array([feature.name for feature in FEATURES]),
            "centre": self.centre,
            "width": self.width,
            "shift": self.shift,
            "temperature": np.float64(temperature),
            "spectra": spectra.astype(np.float32),
            "reach": np.float64(REACH * reach),
        } | {
            f"layer_{i}": np.stack([network[i] for network in networks]).astype(np.float32)
            for i in range(len(networks[0]))
        }

    def spectra(self) -> tuple[np.ndarray, float]:
        """Return what stands for all spectra fitted on, and how far they lie from it."""
        roots = self.rows.table[:, [i for i in range(len(FEATURES)) if _is_level(i)]]
        found = KMeans(SPECTRA, n_init=1, random_state=SEED).fit(roots)
        away = roots - found.cluster_centers_[found.labels_]
        return found.cluster_centers_, float(np.sqrt((away**2).mean(axis=1)).max())


def _is_level(i: int) -> bool:
    return FEATURES[i].name in {f"median_{band}" for band in BANDS}


def _view(scaled: np.ndarray, gone: tuple[str, ...]) -> np.ndarray:
    missing = np.array([band in gone for band in BANDS])
    view = np.where(NEEDED[:, missing].any(axis=1), np.nan, scaled)
    flags = np.tile((~missing).astype(float), (len(view), 1))
    return np.hstack([np.where(np.isnan(view), 0, view), flags])


def reliability(probability: np.ndarray, counts: np.ndarray) -> list[tuple[float, ...]]:
    """Return confidence, share that is right, and share of pixels, by tenths of confidence."""
    named, confidence = probability.argmax(axis=1), probability.max(axis=1)
    total = counts.sum(axis=1)
    right = counts[np.arange(len(named)), named]
    bins = np.minimum((confidence * 10).astype(int), 9)
    table = []
    for i in range(10):
        rows = bins == i
        pixels = total[rows].sum()
        if pixels:
            said = (confidence[rows] * total[rows]).sum() / pixels
            table.append((said, right[rows].sum() / pixels, pixels / total.sum()))
    return table


def calibration_error(table: list[tuple[float, ...]]) -> float:
    """Return the expected calibration error (Guo et al. 2017, arXiv:1706.04599)."""
    return sum(share * abs(said - right) for said, right, share in table)


def best_temperature(scores: np.ndarray, counts: np.ndarray) -> float:
    """Return the temperature with the least calibration error on held-out sites."""
    tried = np.arange(0.8, 1.41, 0.05)
    errors = [calibration_error(reliability(softmax(scores / t), counts)) for t in tried]
    return float(tried[int(np.argmin(errors))])


def report(made: Fit, held_out: dict[str, np.ndarray], temperature: float) -> None:
    """Print how good the expert is on sites that it was not fitted on."""
    counts = made.check.counts
    ceiling = chips.main_scores(chips.confusion(counts.argmax(axis=1), counts))
    print("ceiling", _rounded(ceiling))
    for name, scores in held_out.items():
        found = chips.main_scores(chips.confusion(scores.argmax(axis=1), counts))
        print(name, _rounded(found))
    probability = softmax(held_out["all bands"] / temperature)
    flooded = made.check.counts_all
    named = probability.argmax(axis=1)
    print("with flooded land", _rounded(chips.main_scores(chips.confusion(named, flooded))))
    print("F1", np.round(chips.by_class(chips.confusion(named, counts)), 2))
    table = reliability(probability, counts)
    print(f"temperature {temperature:.2f}, ECE {calibration_error(table):.3f}")
    for said, right, share in table:
        print(f"  said {said:.2f}  right {right:.2f}  pixels {share:.3f}")
    _report_mixed(probability, counts)


def _report_mixed(probability: np.ndarray, counts: np.ndarray) -> None:
    ordered, order = np.sort(probability, axis=1), np.argsort(probability, axis=1)
    apart = chips.MAIN[order[:, -1]] != chips.MAIN[order[:, -2]]
    ratio = np.where(apart, ordered[:, -2] / ordered[:, -1], 0)
    total = counts.sum(axis=1)
    main = np.stack([counts[:, i == chips.MAIN].sum(axis=1) for i in range(5)], axis=1)
    impure = main.max(axis=1) < 0.8 * total
    for least in (0.4, 0.5, 0.6, 0.7):
        flagged = ratio >= least
        both = total[flagged & impure].sum()
        print(
            f"mixed from {least}: {total[flagged].sum() / total.sum():.2f} of pixels, "
            f"precision {both / total[flagged].sum():.2f}, recall {both / total[impure].sum():.2f}"
        )


def _rounded(found: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in found.items()}


def gather() -> tuple[list[Example], list[Example]]:
    """Return K-Means of 12 for the check, and all to fit on."""
    even = chips.load("choose")
    check = [example(chip, kmeans(layers_of(chip), SETS["all"], 12, 0)) for chip in even]
    train = [e for chip in even for e in examples_of(chip, SEED)]
    return [e for e in check if e is not None], train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", type=Path, help="examples are kept here")
    parser.add_argument("--only-check", action="store_true", help="do not write the file")
    options = parser.parse_args()
    if options.cache and options.cache.exists():
        check, train = pickle.loads(options.cache.read_bytes())
    else:
        check, train = gather()
        if options.cache:
            options.cache.write_bytes(pickle.dumps((check, train)))
    made = Fit(check, train)
    held_out = made.held_out()
    temperature = best_temperature(held_out["all bands"], made.check.counts)
    report(made, held_out, temperature)
    if not options.only_check:
        np.savez_compressed(FILE, **made.arrays(temperature))
        print(f"{FILE.name}: {FILE.stat().st_size} bytes")


if __name__ == "__main__":
    main()
