"""Whether the +0.1 of Sentinel-2 processing baseline 04.00 is still in the numbers.

From baseline 04.00 (25 January 2022) on, ESA adds 1000 to every DN so that dark pixels stay
positive; providers take it away, or not, or say so wrongly, and old scenes were reprocessed: the
date is no proxy. So metadata are heard first, and the histogram's floor is the judge: with the
offset inside, no band has pixels below about 0.09, and dark surfaces (water, shadow, vegetation in
red and SWIR) gather right above 0.1 in visible and infrared bands alike.

Source: ESA, Sentinel-2 Products Specification Document v14.9, RADIO_ADD_OFFSET, BOA_ADD_OFFSET.
"""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from obriy.model.notices import notice
from obriy.sources.scaling import Linear, Samples

OFFSET = 0.1
"""Reflectance that baseline 04.00 adds."""
FLOOR_PERCENTILE = 0.1
LOWEST_FLOOR = 0.09
"""With the offset inside, the darkest 0.1 % of a band lie above: L2A goes below zero by a hundredth
or so, not more."""
LOWEST_VISIBLE_FLOOR = 0.095
"""Over land and water, L2A hardly ever goes below -0.005 in visible bands."""
HIGHEST_DARK_FLOOR = 0.13
"""With the offset inside, something dark lies below in an infrared band and in a visible one."""
LOWEST_SURFACE = -0.05
"""No correction makes the darkest 0.1 % of most bands darker."""
VISIBLE = ("blue", "green", "red")
INFRARED = ("nir", "nir08", "swir16", "swir22")
ENOUGH_BANDS = 3
"""Of an unknown sensor, fewer bands are no evidence."""

Evidence = Literal["inside", "absent", "unknown"]
TRUE = {"true", "1", "yes"}


@dataclasses.dataclass(frozen=True)
class OffsetDecision:
    """Whether 0.1 is to be taken away, and why.

    Attributes:
        inside: The offset is in the numbers.
        metadata: What metadata say.
        metadata_reason: Which, and what it reads.
        histogram: What the floors say.
        floors: 0.1 percentile of reflectance by band, before any offset.
        warnings: Disagreement or doubt.
    """

    inside: bool
    metadata: Evidence
    metadata_reason: str
    histogram: Evidence
    floors: dict[str, float]
    warnings: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """Return plain values for the record."""
        floors = {name: round(value, 4) for name, value in self.floors.items()}
        return {**dataclasses.asdict(self), "floors": floors, "warnings": list(self.warnings)}


def decide_offset(
    samples: Samples,
    scales: Mapping[str, float],
    tags: Mapping[str, str],
    names: str,
    *,
    is_sentinel2: bool,
) -> OffsetDecision:
    """Decide for one scene.

    Args:
        samples: Valid DN by common name.
        scales: Factor from DN to reflectance by common name.
        tags: Metadata of the files.
        names: File and folder names, where a product name may stand.
        is_sentinel2: Whether the sensor is known to be Sentinel-2.
    """
    floors = {
        name: float(np.percentile(values, FLOOR_PERCENTILE)) * scales[name]
        for name, values in samples.items()
        if len(values) and name in (*VISIBLE, *INFRARED)
    }
    histogram = _histogram(floors)
    if histogram == "inside" and not is_sentinel2 and len(floors) < ENOUGH_BANDS:
        histogram = "unknown"
    metadata, reason = _metadata(tags, names)
    inside = histogram == "inside" or (histogram == "unknown" and metadata == "inside")
    warnings = []
    if {metadata, histogram} == {"inside", "absent"}:
        said = notice("offset_denied" if metadata == "inside" else "offset_found", why=reason)
        warnings.append(said)
    elif histogram == metadata == "unknown" and floors and min(floors.values()) >= LOWEST_FLOOR:
        warnings.append(notice("offset_unknown"))
    return OffsetDecision(inside, metadata, reason, histogram, floors, tuple(warnings))


def doubts_of_product(samples: Samples, bands: Mapping[str, Linear]) -> tuple[str, ...]:
    """Say where numbers speak against the offset that a product's own metadata give; no more.

    ESA's numbers are what its metadata say, and over-corrected water lies below zero. But products
    were harmonised in place, and a folder of bands may hold those of another.

    Args:
        samples: Valid DN by common name.
        bands: Factor and offset by common name, as the metadata give them.
    """
    known = [name for name in (*VISIBLE, *INFRARED) if len(samples.get(name, ()))]
    raw = {n: float(np.percentile(samples[n], FLOOR_PERCENTILE)) * bands[n].scale for n in known}
    below = [name for name in known if raw[name] + bands[name].offset < LOWEST_SURFACE]
    if known and 2 * len(below) > len(known):
        return (notice("offset_taken_twice", bands=below, offset=-bands[below[0]].offset),)
    if known and not any(bands[name].offset for name in known) and _histogram(raw) == "inside":
        return (notice("offset_unknown_to_product", offset=OFFSET),)
    return ()


def _histogram(floors: Mapping[str, float]) -> Evidence:
    if not floors:
        return "unknown"
    if min(floors.values()) < LOWEST_FLOOR:
        return "absent"
    visible = [floors[n] for n in VISIBLE if n in floors]
    infrared = [floors[n] for n in INFRARED if n in floors]
    if not visible or not infrared:
        return "unknown"
    if min(visible) < LOWEST_VISIBLE_FLOOR:
        return "absent"
    dark = min(visible) <= HIGHEST_DARK_FLOOR and min(infrared) <= HIGHEST_DARK_FLOOR
    return "inside" if dark else "unknown"


def _metadata(tags: Mapping[str, str], names: str) -> tuple[Evidence, str]:
    found = {re.sub(r"[^a-z]", "", k.rsplit("#", 1)[-1].lower()): v for k, v in tags.items()}
    applied = _first(found, "boaoffsetapplied", "earthsearchboaoffsetapplied")
    if applied is not None and applied.strip().lower() in TRUE:
        return "absent", f"boa_offset_applied = {applied}"
    added = _first(found, "boaaddoffset", "radioaddoffset")
    if added is not None:
        numbers = [float(n) for n in re.findall(r"-?\d+\.?\d*", added)]
        return ("inside" if any(numbers) else "absent"), f"ADD_OFFSET = {added}"
    baseline = _first(found, "processingbaseline", "sprocessingbaseline")
    if baseline is None:
        product = re.search(r"_N(\d{2})(\d{2})_R\d{3}_", names)
        baseline = f"{product[1]}.{product[2]}" if product else None
    if baseline is None:
        return "unknown", "none"
    number = re.search(r"\d+\.\d+", baseline)
    new = number is not None and float(number[0]) >= 4
    return ("inside" if new else "absent"), notice("baseline", number=baseline)


def _first(found: Mapping[str, str], *names: str) -> str | None:
    return next((found[n] for n in names if n in found), None)
