"""The facts of a cluster in plain words: numbers with their units, and no word for a colour."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from obriy.labelling.year import describe_year
from obriy.model.clusters import ClusterFacts, Spread

MOST_LETTERS: Final = 3000
"""Of a text; what tells least is left out of a longer one."""
_NEIGHBOURS: Final = 3
_LEAST_BORDER: Final = 0.05
"""Share of the border from which a neighbour is told of."""
_FORMS: Final = (
    (0.75, "large compact patches"),
    (0.45, "patches"),
    (0.2, "small patches and strips"),
    (0.0, "specks and thin lines"),
)
"""Share of inner pixels, at least, and what the cluster then looks like."""
_REGIONS: Final = (
    (0.69, "visible"),
    (0.76, "edge of vegetation"),
    (1.1, "near infrared"),
    (math.inf, "shortwave infrared"),
)
"""Wavelength in micrometres, less than, and what the light there is called."""
_COVERS: Final = (
    (0.6, "dense live plants"),
    (0.35, "some live plants"),
    (-math.inf, "few live plants or none"),
)
"""NDVI, at least, and what covers the ground."""
_TOLD: Final = ("green", "nir", "nir08", "swir16", "NDVI", "NDWI", "MNDWI", "NDBI")
"""Of whose ranks and surroundings it is told: the rest follows them."""
_MEANINGS: Final = {
    "NDVI": "live vegetation",
    "NDWI": "open water",
    "MNDWI": "open water",
    "NDBI": "built-up or dry soil",
}


def describe_cluster(
    facts: ClusterFacts,
    everyone: Mapping[int, ClusterFacts],
    waves: Mapping[str, float],
    about_scene: str = "",
    pixel_m: tuple[float, float] | None = None,
) -> str:
    """Return what is known of a cluster in English, at most `MOST_LETTERS` letters.

    Neither its number nor a number or name of another cluster is in it.

    Args:
        facts: Of the cluster.
        everyone: Facts of all clusters by number: neighbours are told by what was measured.
        waves: Wavelengths of the bands, micrometres, shortest first.
        about_scene: Sentences on the image: date, place, sensor, size.
        pixel_m: Height and width of a pixel, metres; None: not known.
    """
    facts = _without_noise(facts)
    paragraphs = [
        _extent(facts, pixel_m),
        _spectrum(facts.spectrum, waves),
        _indices(facts.indices),
        describe_year(facts),
        _form(facts),
        _borders(facts, everyone, waves),
        _local("Surroundings, mean within some 450 m", facts.surroundings, waves),
        _ranks(facts, waves),
        _local("Texture, deviation within some 150 m", facts.texture, waves),
    ]
    text = about_scene
    for paragraph in paragraphs:
        longer = f"{text}\n{paragraph}" if text else paragraph
        if paragraph and len(longer) <= MOST_LETTERS:
            text = longer
    return text


def band_title(wave: float) -> str:
    """Return what a band is called, e.g. ``"near infrared 0.84 µm"``.

    Args:
        wave: Its centre, micrometres.
    """
    return f"{_region(wave)} {wave:.2f} µm"


def _region(wave: float) -> str:
    return next(title for below, title in _REGIONS if wave < below)


def _without_noise(facts: ClusterFacts) -> ClusterFacts:
    """Return facts without NDBI where there is water: of two bands near 0 it is noise."""
    if not _is_wet(facts):
        return facts
    told: dict[str, Any] = {
        part: {name: value for name, value in getattr(facts, part).items() if name != "NDBI"}
        for part in ("indices", "ranks", "texture", "surroundings")
    }
    return dataclasses.replace(facts, **told)


def _is_wet(facts: ClusterFacts) -> bool:
    """Whether the water index of most of its pixels says open water (Xu 2006; McFeeters 1996)."""
    said = [facts.indices[name].median for name in ("MNDWI", "NDWI") if name in facts.indices]
    return bool(said) and said[0] > 0


def _extent(facts: ClusterFacts, pixel_m: tuple[float, float] | None) -> str:
    area = ""
    if pixel_m is not None:
        km2 = facts.pixels * pixel_m[0] * pixel_m[1] / 1e6
        area = f" of {math.sqrt(pixel_m[0] * pixel_m[1]):.3g} m, about {km2:.3g} km²"
    return (
        f"This group of pixels covers {_percent(facts.share)} of what was seen: "
        f"{facts.pixels} pixels{area}."
    )


def _spectrum(spectrum: Mapping[str, Spread], waves: Mapping[str, float]) -> str:
    parts, before = [], ""
    for name, wave in waves.items():
        if name not in spectrum or not math.isfinite(spectrum[name].median):
            continue
        region = _region(wave)
        title = f"{wave:.2f}" if region == before else band_title(wave)
        before = region
        parts.append(f"{title} {_spread(spectrum[name], 100, 1)}")
    if not parts:
        return ""
    return f"Reflectance in %, median (10th to 90th percentile): {'; '.join(parts)}."


def _indices(indices: Mapping[str, Spread]) -> str:
    parts = [
        f"{name} ({_MEANINGS[name]}) {_spread(spread, 1, 2)}"
        if name in _MEANINGS
        else f"{name} {_spread(spread, 1, 2)}"
        for name, spread in indices.items()
        if math.isfinite(spread.median)
    ]
    return f"Indices: {'; '.join(parts)}." if parts else ""


def _form(facts: ClusterFacts) -> str:
    form = next(title for least, title in _FORMS if facts.interior >= least)
    edges = (
        " Such a group is mostly edges between other land, and mixed."
        if facts.interior < 0.2
        else ""
    )
    inside = f"{_percent(facts.interior)} of its pixels have it on all four sides"
    return f"Form: {form}; {inside}.{edges}"


def _ranks(facts: ClusterFacts, waves: Mapping[str, float]) -> str:
    parts = [
        f"{_title(name, waves)} {_percent(rank)}"
        for name, rank in facts.ranks.items()
        if name in _TOLD and math.isfinite(rank)
    ]
    return f"Share of the image that lies lower: {'; '.join(parts)}." if parts else ""


def _local(title: str, values: Mapping[str, float], waves: Mapping[str, float]) -> str:
    parts = [
        f"{_title(name, waves)} {_value(name, value, waves)}"
        for name, value in values.items()
        if name in _TOLD and math.isfinite(value)
    ]
    return f"{title}: {'; '.join(parts)}." if parts else ""


def _borders(
    facts: ClusterFacts, everyone: Mapping[int, ClusterFacts], waves: Mapping[str, float]
) -> str:
    """Tell the neighbours with the longest borders by what was measured of them."""
    beside = [
        (share, _ground(everyone[number], waves))
        for number, share in facts.neighbours.items()
        if share >= _LEAST_BORDER and number in everyone
    ]
    beside.sort(key=lambda item: (-item[0], item[1]))
    parts = [f"{_percent(share)} with {ground}" for share, ground in beside if ground]
    return f"Its border: {'; '.join(parts[:_NEIGHBOURS])}." if parts else ""


def _ground(facts: ClusterFacts, waves: Mapping[str, float]) -> str:
    """Return what a neighbour looks like by its numbers: nobody's name for it is told."""
    parts = [
        f"{name} {_fixed(facts.indices[name].median, 2)}"
        for name in ("NDVI", "MNDWI", "NDWI")
        if name in facts.indices and math.isfinite(facts.indices[name].median)
    ][:2]
    infrared = _infrared(facts.spectrum, waves)
    numbers = ", ".join([*parts, *infrared])
    return f"{_cover(facts)} ({numbers})" if numbers else ""


def _cover(facts: ClusterFacts) -> str:
    if _is_wet(facts):
        return "water"
    if "NDVI" not in facts.indices or not math.isfinite(facts.indices["NDVI"].median):
        return "ground"
    return next(words for least, words in _COVERS if facts.indices["NDVI"].median >= least)


def _infrared(spectrum: Mapping[str, Spread], waves: Mapping[str, float]) -> Sequence[str]:
    for name in ("nir", "nir08"):
        if name in spectrum and name in waves and math.isfinite(spectrum[name].median):
            return [f"near infrared {100 * spectrum[name].median:.0f}%"]
    return []


def _title(name: str, waves: Mapping[str, float]) -> str:
    return band_title(waves[name]) if name in waves else name


def _value(name: str, value: float, waves: Mapping[str, float]) -> str:
    return f"{_fixed(100 * value, 1)}%" if name in waves else _fixed(value, 2)


def _spread(spread: Spread, factor: float, digits: int) -> str:
    low, median, high = (
        _fixed(factor * value, digits) for value in (spread.low, spread.median, spread.high)
    )
    return f"{median} ({low} to {high})"


def _fixed(value: float, digits: int) -> str:
    return f"{round(value, digits) + 0.0:.{digits}f}"  # never -0.00


def _percent(share: float) -> str:
    if 0 < share < 0.001:
        return "less than 0.1%"
    return f"{100 * share:.1f}%" if share < 0.1 else f"{100 * share:.0f}%"
