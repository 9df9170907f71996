"""What a run tells: of its districts, of holes in an image, what several records warn of."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from obriy.model.areas import PARTIAL_ABOVE, WHOLE_IMAGE, District
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.result.base import Failure, FailureKind, parts_that_failed

_TOLD: Final = 5
"""Holes of an image that its record tells one by one."""


def with_holes(record: Provenance, found: Mapping[str, Any]) -> Provenance:
    """Add to a record what of the image could not be read.

    Args:
        record: Of the image.
        found: What a run of the engine found, as plain values.
    """
    holes = found["failed"]
    for hole in holes[:_TOLD]:
        record = record.with_warning(notice("part_unreadable", why=hole["reason"]))
    if len(holes) > _TOLD:
        more = notice("more_parts_unreadable", count=len(holes) - _TOLD)
        record = record.with_warning(more)
    return record


class Image(Protocol):
    """What became of one image."""

    @property
    def opened(self) -> Any:
        """The image, with its name."""

    @property
    def status(self) -> str:
        """``failed`` where it has no map."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def holes(self) -> Sequence[Mapping[str, Any]]:
        """Parts of it that could not be read."""


def failures_of(images: Sequence[Image], kind: FailureKind) -> list[Failure]:
    """Return what failed of several images, each by its name: whole ones, and parts of others.

    Args:
        images: What became of them.
        kind: What their names are.
    """
    failed = []
    for one in images:
        name = str(one.opened.name)
        if one.status == "failed":
            failed.append(Failure(kind=kind, name=name, reason=one.reason))
        failed += parts_that_failed(name, one.holes)
    return failed


class Judged(Protocol):
    """What was made of a district, by any job."""

    @property
    def district(self) -> str:
        """Its name."""

    @property
    def status(self) -> str:
        """``skipped`` where nothing was seen."""


class Place(Judged, Protocol):
    """What was measured of a district, by any job."""

    @property
    def outside_share(self) -> float:
        """Share of it that lies outside the image."""

    @property
    def never_imaged_share(self) -> float:
        """Share of it of which there is no picture."""

    @property
    def declined(self) -> bool:
        """Whether that is too much to estimate the whole."""

    @property
    def reason(self) -> str:
        """Why."""


def about_districts(
    districts: Sequence[District], places: Sequence[Place], *, overlap: bool
) -> list[str]:
    """Say what was done to districts, which lie outside the image, how they are added up.

    Args:
        districts: As they were measured.
        places: What was measured of each, on every date.
        overlap: Whether they overlap.
    """
    notes = list(dict.fromkeys(note for d in districts for note in d.notes))
    by_name = _by_district(places)
    lacks = [said for own in by_name.values() if (said := _lack(own))]
    if len(lacks) > _TOLD:
        more = notice("more_districts_outside", count=len(lacks) - _TOLD)
        lacks = [*lacks[:_TOLD], more]
    return [*notes, *lacks, *([notice("districts_overlap")] if overlap else [])]


def _lack(dates: Sequence[Place]) -> str:
    """Say what the images do not show of a place on any date; empty where that is nothing."""
    if not dates:
        return ""
    least = min(dates, key=lambda p: p.never_imaged_share)
    whole = least.district == WHOLE_IMAGE
    name = notice("the_image") if whole else least.district
    if all(p.status == "skipped" for p in dates):
        return notice("of_one", name=name, said=least.reason)
    if least.declined:
        share = least.never_imaged_share
        if whole:
            return notice("image_not_pictured", share=share)
        return notice("district_not_pictured", name=name, share=share)
    if least.outside_share > PARTIAL_ABOVE:
        return notice("district_outside", name=name, share=least.outside_share)
    return ""


def districts_that_failed(
    districts: Sequence[District], places: Sequence[Place], measured: Sequence[Judged] = ()
) -> list[Failure]:
    """Return the districts of which not enough was imaged on any date, or nothing was measured.

    Args:
        districts: That were asked for.
        places: What was measured of each, on every date.
        measured: What was made of that, where a district of which nothing was seen is a failure.
    """
    by_name = _by_district(places)
    whole = {p.district for p in places if not p.declined}
    lost = [d.name for d in districts if d.name not in whole]
    lost += [m.district for m in measured if m.status not in ("ok", "partial")]
    return [
        Failure(kind="district", name=name, reason=_lack(by_name.get(name, ())))
        for name in dict.fromkeys(lost)
    ]


def _by_district(places: Sequence[Place]) -> dict[str, list[Place]]:
    by_name: dict[str, list[Place]] = {}
    for place in places:
        by_name.setdefault(place.district, []).append(place)
    return by_name
