"""Which of the items that a catalogue lists are read, and why the others are not."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import shapely

from obriy.model.notices import notice
from obriy.sources.base import Query
from obriy.sources.stac.items import Listed
from obriy.sources.stac.search import meets

_ONE_PASS_S: Final = 600.0
"""Times of the same tile that differ less are of one pass, seconds."""
_SAME_GROUND: Final = 0.5
"""Share of the smaller of two outlines above which they show the same ground: parts of a tile from
two data strips of one pass share a seam."""


def choose(listed: Iterable[Listed], query: Query, area: shapely.Geometry | None) -> list[Listed]:
    """Decide which items are read.

    Args:
        listed: Of one catalogue, within area and dates.
        query: ``max_cloud``, ``max_dates`` and ``best``.
        area: Where, degrees.

    Returns:
        All of them in the order of time; those that are not read say why.
    """
    ordered = sorted(listed, key=lambda one: (one.time, one.id))
    ordered = _newest(ordered)
    if query.max_cloud is not None:
        ordered = [_below(one, query.max_cloud) for one in ordered]
    days = _days(ordered)
    if query.max_dates is not None and len(days) > query.max_dates:
        kept = _spread(days, query.max_dates, area)
        ordered = _only(ordered, kept, lambda day: notice("date_over_most", most=query.max_dates))
    if query.best is not None:
        days = _days(ordered)
        ranked = sorted(days, key=lambda day: (-clear_share(days[day], area), day))
        kept = set(ranked[: query.best])
        ordered = _only(ordered, kept, lambda day: notice("date_not_best", best=query.best))
    return ordered


def _days(listed: Sequence[Listed]) -> dict[str, list[Listed]]:
    """Return what is read, by day."""
    read = sorted((one for one in listed if not one.why), key=lambda one: one.day)
    return {day: list(ones) for day, ones in itertools.groupby(read, lambda one: one.day)}


def _below(one: Listed, most: float) -> Listed:
    if one.why or one.cloud is None or one.cloud <= most:
        return one
    return dataclasses.replace(one, why=notice("scene_too_cloudy", share=one.cloud / 100))


def _only(listed: Sequence[Listed], days: set[str], why: Callable[[str], str]) -> list[Listed]:
    return [
        one if one.why or one.day in days else dataclasses.replace(one, why=why(one.day))
        for one in listed
    ]


def clear_share(images: Sequence[Listed], area: shapely.Geometry | None) -> float:
    """Return the share of an area that the images of a day show clear, as far as is told, 0 to 1.

    Clouds count as if they lay evenly over a scene; one that does not tell them has none.
    """
    clear, seen = 0.0, list[shapely.Geometry]()
    for one in images:
        share = 1 - (one.cloud or 0.0) / 100
        part = _part_of(one, area, seen)
        clear += share * part
        if one.footprint is not None:
            seen.append(one.footprint)
    return clear


def _part_of(one: Listed, area: shapely.Geometry | None, seen: list[shapely.Geometry]) -> float:
    """Return the share of an area that an image shows and those before it do not."""
    if area is None or one.footprint is None:
        return 0.0 if seen else 1.0
    shown = shapely.intersection(one.footprint, area)
    return float(shapely.difference(shown, shapely.union_all(seen)).area / area.area)


def _spread(days: dict[str, list[Listed]], most: int, area: shapely.Geometry | None) -> set[str]:
    """Return so many days, the clearest of each of as many equal parts of the list."""
    names = sorted(days)
    parts = [names[len(names) * i // most : len(names) * (i + 1) // most] for i in range(most)]
    return {max(part, key=lambda day: (clear_share(days[day], area), day)) for part in parts}


def _newest(listed: Sequence[Listed]) -> list[Listed]:
    """Leave out what was processed again: of the versions of one image the newest is read."""
    kept: list[Listed] = []
    for one in sorted(listed, key=lambda each: each.made, reverse=True):
        newer = next((other for other in kept if not other.why and _is_again(other, one)), None)
        if newer is None:
            kept.append(one)
            continue
        again = notice("scene_made_again", name=newer.id, older=one.id)
        place = kept.index(newer)
        kept[place] = dataclasses.replace(newer, notes=(*newer.notes, again))
        kept.append(dataclasses.replace(one, why=again))
    return sorted(kept, key=lambda each: (each.time, each.id))


def _is_again(one: Listed, other: Listed) -> bool:
    """Say whether two items are versions of one image."""
    if (one.place, one.platform) != (other.place, other.platform):
        return False
    if abs((one.time - other.time).total_seconds()) > _ONE_PASS_S:
        return False
    if one.footprint is None or other.footprint is None:
        return bool(one.place)
    shared = shapely.intersection(one.footprint, other.footprint).area
    return bool(shared > _SAME_GROUND * min(one.footprint.area, other.footprint.area))


def lacking(
    listed: Sequence[Listed], others: Sequence[Listed], area: shapely.Geometry | None
) -> list[str]:
    """Return what one catalogue does not list and another does: days, with their tiles.

    Args:
        listed: Of the one.
        others: Of the other.
        area: Where, degrees.
    """
    known = {(one.day, one.place) for one in listed}
    more = {
        (one.day, one.place): one for one in others if area is None or meets(one.footprint, area)
    }
    return [f"{day} {place}".strip() for day, place in sorted(more) if (day, place) not in known]
