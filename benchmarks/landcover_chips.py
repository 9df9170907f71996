"""How well the labeller `spectral` names clusters of the chips, against WorldCover.

    python benchmarks/landcover_chips.py report [--clusters 12] [--method kmeans] [--features ...]

Each chip is clustered by itself and named by itself; pixels are pooled over the chips. Three
figures keep the causes apart: as named; with the best name for each cluster (by majority, and one
name for one cluster by Hungarian within each chip); and the gap. The first block leaves out pixels
where the water label says water and WorldCover another thing (it is of another date), the second
takes all; the best names are found again in each. A pixel without a name counts as wrong.
Intervals (90 %) are of places drawn anew: chips of one place are of one flood, and overlap.

The labeller that is shipped was fitted on the even sites of an older split, some of which lie at
places to report on: say so where its figures are quoted. For figures of places to choose
by that were left out, see benchmarks/tune_landcover/fit_spectral.py.
"""

import argparse
from collections.abc import Iterator

import numpy as np
from scipy.optimize import linear_sum_assignment

from obriy.blocks.base import Block
from obriy.labelling.facts import measure_clusters
from obriy.labelling.spectral import SpectralLabeller
from obriy.methods.clustering.parse import parse_clusterer
from obriy.model.clusters import Portrait
from obriy.model.legend import load_legend
from tune_landcover import chips

LEGEND = load_legend("worldcover")


def cluster(chip: chips.Chip, options: argparse.Namespace) -> np.ndarray:
    """Return the numbers of clusters, (y, x)."""
    method = parse_clusterer(
        options.method, options.clusters, options.features.split(","), seed=options.seed
    )
    names = method.bands(set(chips.BANDS))
    bands = {name: chip.scene[name].values for name in chips.BANDS if name in names}
    shape = chip.reference.shape
    block = Block(bands, None, 0, 0, (slice(0, shape[0]), slice(0, shape[1])))
    return method.decide(method.collect(block)).apply(block).labels


def named(chip: chips.Chip, options: argparse.Namespace) -> Iterator[tuple]:
    """Yield of each cluster: code, confidence, mixed, where it lies."""
    labels = cluster(chip, options)
    facts = measure_clusters(chip.scene, chips.clusters_of(chip.scene, labels))
    answers = SpectralLabeller().label([Portrait(f) for f in facts], LEGEND)
    for answer in answers:
        yield answer.code, answer.confidence, answer.mixed, labels == answer.cluster


class Tables:
    """Confusion tables of one choice of pixels."""

    def __init__(self) -> None:
        classes = len(chips.CODES)
        self.as_named, self.majority, self.hungarian = np.zeros((3, classes, classes + 1))
        self.said: list[tuple[float, float, float]] = []
        self.by_site: dict[str, np.ndarray] = {}

    def add(self, site: str, codes: np.ndarray, confidence: np.ndarray, counts: np.ndarray) -> None:
        """Take the clusters of a chip."""
        table = chips.confusion(codes, counts)
        self.as_named += table
        self.by_site[site] = self.by_site.get(site, 0) + table
        self.majority += chips.confusion(counts.argmax(axis=1), counts)
        rows, columns = linear_sum_assignment(-counts)
        one = np.full(len(counts), -1)
        one[rows] = columns
        self.hungarian += chips.confusion(one, counts)
        for code, said, count in zip(codes, confidence, counts, strict=True):
            self.said.append((said, count[code] if code >= 0 else 0, count.sum()))

    def show(self, title: str) -> None:
        """Print the figures."""
        print(f"\n{title}: {self.as_named.sum():.0f} pixels")
        for name, table in (
            ("as named", self.as_named),
            ("best by majority", self.majority),
            ("best one to one", self.hungarian),
        ):
            figures = chips.main_scores(table)
            print(f"  {name:18}", "  ".join(f"{k} {v:.3f}" for k, v in figures.items()))
        for name, (low, high) in self.intervals().items():
            print(f"  {name:12} 90 % of places {low:.3f} to {high:.3f}")
        codes = [int(code) for code in chips.CODES]
        f1 = dict(zip(codes, np.round(chips.by_class(self.as_named), 3).tolist(), strict=True))
        best = dict(zip(codes, np.round(chips.by_class(self.majority), 3).tolist(), strict=True))
        print("  F1 as named       ", f1)
        print("  F1 best           ", best)
        print("  F1 merged         ", np.round(chips.by_class(chips.merged(self.as_named)), 3))
        self._reliability()

    def intervals(self, times: int = 1000) -> dict[str, tuple[float, float]]:
        """Return the 5th and 95th percentile of the scores, of places drawn anew with a seed."""
        rng, places = np.random.default_rng(0), np.array(list(self.by_site.values()))
        drawn = [
            chips.main_scores(places[rng.integers(0, len(places), len(places))].sum(axis=0))
            for _ in range(times)
        ]
        return {k: tuple(np.percentile([d[k] for d in drawn], [5, 95])) for k in drawn[0]}

    def _reliability(self) -> None:
        said, right, total = np.array(self.said).T
        bins, error = np.minimum((said * 10).astype(int), 9), 0.0
        for i in range(10):
            rows = bins == i
            if not total[rows].sum():
                continue
            mean = (said[rows] * total[rows]).sum() / total[rows].sum()
            hit = right[rows].sum() / total[rows].sum()
            share = total[rows].sum() / total.sum()
            error += share * abs(mean - hit)
            print(f"  confidence {mean:.2f}  right {hit:.2f}  pixels {share:.3f}")
        print(f"  expected calibration error {error:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("split", choices=("choose", "report"))
    parser.add_argument("--method", default="kmeans")
    parser.add_argument("--clusters", type=int, default=12)
    parser.add_argument("--features", default="bands,indices")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    without, everything = Tables(), Tables()
    mixed = impure_mixed = impure = total = 0.0
    for chip in chips.load(options.split):
        found = list(named(chip, options))
        if not found:
            continue
        codes, confidence, is_mixed, places = zip(*found, strict=True)
        place = np.array([np.searchsorted(chips.CODES, c) if c < 255 else -1 for c in codes])
        for tables, left_out in ((without, chip.flooded), (everything, np.zeros((), bool))):
            counts = np.stack([_counts(chip, where & ~left_out) for where in places])
            tables.add(chip.site, place, np.array(confidence), counts)
            if tables is without:
                sums = counts.sum(axis=1)
                unclear = _main_counts(counts).max(axis=1) < 0.8 * sums
                flagged = np.array(is_mixed)
                total, mixed = total + sums.sum(), mixed + sums[flagged].sum()
                impure += sums[unclear].sum()
                impure_mixed += sums[unclear & flagged].sum()
    print(f"places to {options.split}, {options.method}, {options.clusters} clusters")
    without.show("Without flooded land")
    everything.show("All pixels")
    print(
        f"\nmixed: {mixed / total:.2f} of pixels; of them {impure_mixed / mixed:.2f} in clusters "
        f"where no main class holds 80 % (of all pixels {impure / total:.2f})"
    )


def _main_counts(counts: np.ndarray) -> np.ndarray:
    return np.stack([counts[:, i == chips.MAIN].sum(axis=1) for i in range(5)], axis=1)


def _counts(chip: chips.Chip, where: np.ndarray) -> np.ndarray:
    known = where & (chip.reference >= 0)
    return np.bincount(chip.reference[known], minlength=len(chips.CODES))


if __name__ == "__main__":
    main()
