"""The labeller `spectral`: names clusters by numbers alone, without network, key or pictures."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from obriy.errors import ObriyError
from obriy.labelling.season_rules import with_season
from obriy.labelling.spectral_expert import load_expert
from obriy.labelling.spectral_features import feature_table, known_bands, median_of
from obriy.labelling.spectral_ground import is_fitted_size, why_unknown
from obriy.labelling.spectral_sky import through_skies
from obriy.model.clusters import Answer, ClusterFacts, Portrait
from obriy.model.crosswalk import main_classes, translate_codes
from obriy.model.legend import NO_DATA, UNNAMED, Legend, load_legend
from obriy.model.notices import joined, notice, reason_of

OWN_LEGEND: Final = "worldcover"
MIXED: Final = 0.6
"""A cluster is called mixed where the second class is this likely, as a part of the first, and both
are of different main classes: between crop and grass it is in doubt, not mixed."""
UNSURE: Final = 3.0
"""Logarithms of probabilities are divided by it where pixels are of a size that was not fitted."""
UNKNOWN: Final = "unknown"
NO_REFLECTANCE: Final = notice("image_is_no_reflectance")


class SpectralLabeller:
    """A fitted expert on spectra, indices, texture, surroundings and the rest of the scene.

    It gives a calibrated probability to each of the 11 classes of ESA WorldCover; for another
    legend they are added up along the cross-walk, and what the legend has no class for counts as
    unknown. The portraits given together should be all clusters of one scene: a cluster is
    compared with the others. Where they cover less than 0.9 of it, it is named by itself, which is
    less sure.

    Attributes:
        name: ``"spectral"``.
    """

    name: str = "spectral"

    def label(self, portraits: Sequence[Portrait], legend: Legend) -> list[Answer]:
        """Return one answer for each portrait, in their order.

        The answer is 255 only where the spectrum is like none that the expert knows, the legend
        has no class for what it most likely is, or the image is no reflectance, noise, of one
        value, or of a few pixels. Of pixels that are finer or coarser than those that it was
        fitted on it is never sure.
        """
        if not portraits:
            return []
        facts = [portrait.facts for portrait in portraits]
        if not all(f.reflectance for f in facts):
            return [self._failed(f, NO_REFLECTANCE) for f in facts]
        if problem := why_unknown(facts):
            return [self._failed(f, problem) for f in facts]
        try:
            codes = translate_codes(load_legend(OWN_LEGEND), legend)
        except ObriyError as error:
            return [self._failed(f, reason_of(error)) for f in facts]
        expert = load_expert()
        table = feature_table(facts)
        seen = [expert.probabilities(feature_table(sky)) for sky in through_skies(facts)]
        own = with_season(np.mean(seen, axis=0), expert.codes, facts)
        own = own if is_fitted_size(facts) else _unsure(own)
        known = expert.is_known(table)
        mixed = _are_mixed(own, expert.codes)
        names = {c.code: c.name for c in legend} | {UNNAMED: UNKNOWN}
        return [
            self._answer(f, _translated(own[i], expert.codes, codes), names, mixed[i])
            if known[i]
            else self._unlike(f)
            for i, f in enumerate(facts)
        ]

    def _answer(
        self,
        facts: ClusterFacts,
        likely: Mapping[int, float],
        names: Mapping[int, str],
        mixed: bool,
    ) -> Answer:
        first, *others = sorted(likely, key=lambda code: -likely[code])
        second = next((code for code in others if code != UNNAMED), None)
        return Answer(
            cluster=facts.id,
            labeller=self.name,
            said=names[first],
            code=first,
            confidence=likely[first],
            second=second,
            mixed=mixed,
            evidence=describe_evidence(facts),
            normalised="exact",
            probabilities=dict(likely),
        )

    def _unlike(self, facts: ClusterFacts) -> Answer:
        why = joined((describe_evidence(facts), notice("like_no_spectrum")))
        return Answer(facts.id, self.name, UNKNOWN, evidence=why, normalised="exact")

    def _failed(self, facts: ClusterFacts, problem: str) -> Answer:
        return Answer(facts.id, self.name, "", problem=problem)


def describe_evidence(facts: ClusterFacts) -> str:
    """Return one sentence with the numbers of a cluster that tell land covers apart."""
    parts = [
        notice("index_value", index=name, value=facts.indices[name].median)
        for name in ("NDVI", "MNDWI", "NDWI", "NDBI")
        if name in facts.indices and not (name == "NDWI" and "MNDWI" in facts.indices)
    ]
    parts += [
        notice("band_value", band=name, percent=100 * median_of(facts, name))
        for name in known_bands(facts)
    ]
    texture = facts.texture.get("nir", float("nan"))
    if np.isfinite(texture):
        parts.append(notice("texture_of", percent=100 * texture))
    rank = facts.ranks.get("NDVI", float("nan"))
    if np.isfinite(rank):
        parts.append(notice("rank_of", percent=100 * rank))
    parts.append(notice("inside_patches", percent=100 * facts.interior))
    return notice("medians", parts=parts)


def _unsure(likely: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return probabilities that lie nearer to each other, in the same order."""
    flat = likely ** (1 / UNSURE)
    unsure: npt.NDArray[np.float64] = flat / flat.sum(axis=1, keepdims=True)
    return unsure


def _are_mixed(likely: npt.NDArray[np.float64], codes: npt.NDArray[np.int64]) -> list[bool]:
    """Say of each cluster whether two main classes are nearly as likely, (clusters, classes)."""
    main = translate_codes(load_legend(OWN_LEGEND), main_classes())
    order = np.argsort(likely, axis=1)
    found = []
    for row, (second, first) in zip(likely, order[:, -2:], strict=True):
        apart = main[int(codes[first])] != main[int(codes[second])]
        found.append(bool(apart and row[second] >= MIXED * row[first]))
    return found


def _translated(
    likely: npt.NDArray[np.float64], own: npt.NDArray[np.int64], codes: Mapping[int, int]
) -> dict[int, float]:
    """Add probabilities up by the code of another legend; 255 for what it has no class for."""
    found: dict[int, float] = {}
    for code, probability in zip(own.tolist(), likely.tolist(), strict=True):
        target = codes.get(code, NO_DATA) or UNNAMED
        found[target] = found.get(target, 0.0) + probability
    return found
