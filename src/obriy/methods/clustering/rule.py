"""The rule of a clusterer: which cluster a pixel is of; it can be split, kept in a file, reused."""

import dataclasses
import functools
import json
from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import Block, ByteArray, FloatArray, Histogram, Labelled
from obriy.blocks.planes import planes_of
from obriy.errors import BandError
from obriy.methods.clustering.lloyd import centres_of, number_by_size
from obriy.methods.clustering.look import Look
from obriy.methods.clustering.pixels import Nearest, nearest_in, pairs_of
from obriy.methods.clustering.prototypes import Prototypes
from obriy.methods.clustering.sample import Sample
from obriy.methods.clustering.space import Space, space_from_arrays
from obriy.methods.clustering.spec import Spec, parse_spec
from obriy.model.clusters import MOST_CLUSTERS, NOISE
from obriy.model.notices import notices_in, with_notices

LEAST_UNITS: Final = 5
"""Units of the sample that each part of a split cluster must have on average."""
Arrays = dict[str, npt.NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Split:
    """A cluster that was cut into parts.

    Attributes:
        parent: Number of the cluster; no pixel has it any more.
        parts: Prototypes of the parts, which only the pixels of the parent are asked of.
    """

    parent: int
    parts: Prototypes


@dataclasses.dataclass(frozen=True)
class ClusterRule:
    """A fitted clusterer.

    Attributes:
        spec: What the user asked for.
        look: How units and features are made.
        space: How features become points.
        prototypes: The clusters.
        sample: The units they were found in.
        seed: Of the sample and of the clusters.
        about: How they came about, as plain values (JSON).
        splits: Clusters that were cut afterwards, in this order.
    """

    spec: Spec
    look: Look
    space: Space
    prototypes: Prototypes
    sample: Sample
    seed: int
    about: dict[str, Any]
    splits: tuple[Split, ...] = ()

    @property
    def ids(self) -> list[int]:
        """Numbers that pixels can have: 1 to k, those of parts in place of what was split."""
        ids = set(self.prototypes.ids)
        for split in self.splits:
            ids = ids - {split.parent} | set(split.parts.ids)
        return sorted(ids)

    def apply(self, block: Block) -> Labelled:
        """Number the clusters of a block.

        Returns:
            Labels 1 to k, `NOISE`, or 0 where a band is missing, in the core of the block. Of
            segments those whose tile touches it; the engine crops the rest.

        Raises:
            BandError: where the block lacks a band that the clusters were found in.
        """
        block = self._with_bands(block)
        if self._nearest is not None:
            return Labelled(self._nearest.number(block.bands, self.sample.bands, block.core))
        labels = np.zeros(block.shape, np.uint8)
        for patch in self.look.patches(block):
            if patch.seen.any():
                points = self.space.points(patch.values())
                labels[patch.place] = patch.spread(self._assign(points))
        return Labelled(labels)

    def describe(self) -> dict[str, Any]:
        """Return what was looked at, how the clusters were found, and what was split."""
        return {
            "method": self.spec.text,
            "units": "pixels" if self.look.segmenter is None else "segments",
            "features": list(self.sample.names),
            "units_seen": self.sample.seen,
            "units_sampled": len(self.sample.keys),
            "seed": self.seed,
            **self.about,
            "splits": [{"cluster": s.parent, "parts": s.parts.ids} for s in self.splits],
        }

    def histograms(self) -> list[Histogram]:
        """Return none: clusters lie in many dimensions."""
        return []

    def split(self, cluster: int, parts: int = 2) -> Self | None:
        """Cut a cluster into parts by K-Means; all other clusters stay as they are.

        Args:
            cluster: One of `ids`. Its number is not used again: its pixels get new ones.
            parts: How many.

        Returns:
            The new rule; None where the cluster cannot be split: it has too few units in the
            sample, or they are all alike, or the numbers are used up.
        """
        found = self._halves(cluster, self._first_free(), parts)
        return None if found is None else self._with_splits([Split(cluster, found)])

    def cut(self) -> Self:
        """Return the rule with each cluster cut in two, as `split` would, as far as numbers go."""
        splits: list[Split] = []
        first = self._first_free()
        for cluster in self.ids:
            found = self._halves(cluster, first + 2 * len(splits), 2)
            if found is not None:
                splits.append(Split(cluster, found))
        return self._with_splits(splits)

    def expected(self) -> npt.NDArray[np.float64]:
        """Return (256,) pixels of each number in the scene, as the sample has it."""
        sizes = self.sample.sizes.astype(np.float64)
        counted = np.bincount(self._sampled[1], weights=sizes, minlength=256)
        return np.asarray(counted * (self.sample.seen / len(sizes)), np.float64)

    @functools.cached_property
    def _sampled(self) -> tuple[FloatArray, ByteArray]:
        """Points of the sample, (dimensions, n) float32, and the number of each."""
        points = self.space.points(np.ascontiguousarray(self.sample.values.T))
        return points, self._assign(points)

    def _first_free(self) -> int:
        parts = (n for s in self.splits for n in s.parts.ids)
        return max({*self.prototypes.ids, *parts} - {NOISE}, default=0) + 1

    def _with_splits(self, splits: list[Split]) -> Self:
        return dataclasses.replace(self, splits=(*self.splits, *splits))

    def _halves(self, cluster: int, first: int, parts: int) -> Prototypes | None:
        """Return the parts of a cluster, numbered from the first; None where it has none."""
        points, numbers = self._sampled
        mine = numbers == cluster
        if mine.sum() < LEAST_UNITS * parts or first + parts - 1 > MOST_CLUSTERS:
            return None
        own, sizes = np.ascontiguousarray(points[:, mine].T), self.sample.sizes[mine]
        if len(np.unique(own, axis=0)) < parts:
            return None
        centres, _ = centres_of(own, sizes, parts, self.seed)
        found = number_by_size(centres, own, sizes)
        if len(found.points) < parts:
            return None
        return dataclasses.replace(found, numbers=found.numbers + np.uint8(first - 1))

    def to_arrays(self) -> Arrays:
        """Return the rule as arrays, for `numpy.savez`; none holds objects."""
        facts = {
            "spec": self.spec.text,
            "weights": self.spec.weights,
            "groups": list(self.look.groups),
            "seed": self.seed,
            "about": self.about,
            "notices": notices_in(self.about),
            "bands": list(self.sample.bands),
            "names": list(self.sample.names),
            "seen": self.sample.seen,
            "reach": None if np.isinf(self.prototypes.reach) else self.prototypes.reach,
        }
        arrays: Arrays = {
            "facts": np.array(json.dumps(facts)),
            "points": self.prototypes.points,
            "numbers": self.prototypes.numbers,
            "sample_keys": self.sample.keys,
            "sample_values": self.sample.values,
            "sample_sizes": self.sample.sizes,
            "split_parents": np.array([s.parent for s in self.splits], np.uint8),
            **self.space.to_arrays(),
        }
        for place, split in enumerate(self.splits):
            arrays[f"split_{place}_points"] = split.parts.points
            arrays[f"split_{place}_numbers"] = split.parts.numbers
        return arrays

    @functools.cached_property
    def _nearest(self) -> Nearest | None:
        """What numbers pixels by themselves, without points; None where that cannot be."""
        pairs = pairs_of(self.sample.names, self.sample.bands)
        if self.look.tile or pairs is None:
            return None
        splits = {split.parent: split.parts for split in self.splits}
        return nearest_in(self.space, self.prototypes, splits, pairs)

    def _with_bands(self, block: Block) -> Block:
        """Keep the bands that the clusters were found in."""
        missing = [name for name in self.sample.bands if name not in block.bands]
        if missing:
            raise BandError(
                f"The clusters were found with {', '.join(missing)}, which the image lacks.",
                "Find clusters in this image itself, or give an image with the same bands.",
            )
        return dataclasses.replace(block, bands=planes_of(block.bands).only(self.sample.bands))

    def _assign(self, points: FloatArray) -> ByteArray:
        """Return the cluster of each of (dimensions, n) points."""
        labels = self.prototypes.assign(points)
        for split in self.splits:
            mine = labels == split.parent
            if mine.any():
                labels[mine] = split.parts.assign(np.ascontiguousarray(points[:, mine]))
        return labels


def rule_from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> ClusterRule:
    """Return the rule that `ClusterRule.to_arrays` gave."""
    facts = json.loads(str(arrays["facts"]))
    about = with_notices(facts["about"], facts.get("notices", ()))
    spec = parse_spec(facts["spec"], facts["weights"])
    reach = np.inf if facts["reach"] is None else facts["reach"]
    sample = Sample(
        bands=tuple(facts["bands"]),
        names=tuple(facts["names"]),
        keys=arrays["sample_keys"],
        values=arrays["sample_values"],
        sizes=arrays["sample_sizes"],
        seen=facts["seen"],
        limit=len(arrays["sample_keys"]),
    )
    splits = (
        Split(int(parent), Prototypes(arrays[f"split_{i}_points"], arrays[f"split_{i}_numbers"]))
        for i, parent in enumerate(arrays["split_parents"])
    )
    return ClusterRule(
        spec=spec,
        look=spec.look(tuple(facts["groups"])),
        space=space_from_arrays(arrays),
        prototypes=Prototypes(arrays["points"], arrays["numbers"], reach),
        sample=sample,
        seed=facts["seed"],
        about=about,
        splits=tuple(splits),
    )


@dataclasses.dataclass(frozen=True)
class FixedClusters:
    """A rule that is found already, as a method: to apply it again, or to another scene."""

    rule: ClusterRule
    gives_fraction: bool = False

    @property
    def name(self) -> str:
        """What the user wrote."""
        return self.rule.spec.text

    @property
    def halo(self) -> int:
        """Pixels around a block that the rule looks at."""
        return self.rule.look.halo

    @property
    def work_bytes(self) -> int:
        """Bytes per pixel of what is made of a block, beside its bands."""
        return self.rule.look.work_bytes

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands that the clusters were found in.

        Raises:
            BandError: where one is missing.
        """
        wanted = set(self.rule.sample.bands)
        if wanted - available:
            raise BandError(
                f"The clusters were found with {', '.join(sorted(wanted - available))}, "
                "which the image lacks.",
                "Find clusters in this image itself, or give an image with the same bands.",
            )
        return wanted

    def collect(self, block: Block) -> None:
        """Nothing is asked of the scene."""

    def decide(self, statistics: object) -> ClusterRule:
        """Return the rule."""
        return self.rule
