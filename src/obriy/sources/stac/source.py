"""The source of what STAC catalogues list: searched, chosen, opened lazily where it lies."""

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import shapely

from obriy.errors import ObriyError, SourceError, UsageError
from obriy.model.areas import District
from obriy.model.item import Item
from obriy.model.notices import notice, reason_of
from obriy.sources.base import Cost, Query, Request, Source
from obriy.sources.dates import parse_range
from obriy.sources.stac.answers import answer_of
from obriy.sources.stac.catalogues import Catalogue, catalogues_of
from obriy.sources.stac.choosing import choose, lacking
from obriy.sources.stac.items import Listed
from obriy.sources.stac.search import Raw, Wanted, area_of, parts_of

if TYPE_CHECKING:
    import xarray as xr

_AROUND_DAYS: Final = 45
"""How far beyond the dates asked for the nearest others are looked for."""


def find(texts: Sequence[str], query: Query) -> list[Item]:
    """Find what the catalogues of some addresses list of the districts and dates.

    Of the catalogues that one address names, those that follow the first that has anything are
    asked what it lacks.

    Args:
        texts: Addresses, see `obriy.sources.stac.catalogues.catalogues_of`.
        query: Where, when, and how many dates.

    Returns:
        Items in the order of time, those that are not read with the reason in ``skipped``.

    Raises:
        SourceError: no catalogue answers, or none lists anything, with the nearest dates.
        UsageError: all that there is was left out by what was asked.
    """
    return [item for text in texts for item in _found(catalogues_of(text), query)]


def _found(catalogues: Sequence[Catalogue], query: Query) -> list[Item]:
    area = area_of(query.districts)
    _require_asked(catalogues, area, query)
    longitude = 0.0 if area is None else float(shapely.centroid(parts_of(area)[0]).x)
    days = parse_range(query.datetime) if query.datetime else None
    wanted = Wanted(area, *(days or ()))
    answers, silent = _asked(catalogues, wanted, longitude)
    listed = next((ones for ones in answers.values() if ones), [])
    if not listed:
        raise _nothing(catalogues, wanted, query, silent, longitude)
    if days is not None:
        listed = [one for one in listed if days[0] <= one.day <= days[1]]
    chosen = choose(listed, query, area)
    read = [one for one in chosen if not one.why]
    if not read:
        raise UsageError(
            notice("all_left_out", count=len(chosen), why=chosen[0].why if chosen else ""),
            "Ask for other dates, or for more cloud with --max-cloud.",
        )
    notes = (*silent, *_gaps(answers, area))
    items = [one.item() for one in chosen]
    first = items.index(next(item for item in items if not item.skipped))
    items[first] = _with_notes(items[first], notes)
    return items


def _require_asked(
    catalogues: Sequence[Catalogue], area: shapely.Geometry | None, query: Query
) -> None:
    """Raise where a catalogue in the network would be asked for the world, or for all times."""
    if any("://" in one.href for one in catalogues) and (area is None or query.datetime is None):
        raise UsageError(
            "A catalogue lists the whole Earth, and is asked for a place and a period.",
            "Say --aoi and --datetime; where a command has no --datetime, name a file of items "
            "(stac:items.json).",
        )


def _with_notes(item: Item, notes: Sequence[str]) -> Item:
    return dataclasses.replace(item, notes=(*item.notes, *notes))


def _asked(
    catalogues: Sequence[Catalogue], wanted: Wanted, longitude: float
) -> tuple[dict[str, list[Listed]], list[str]]:
    """Ask all catalogues; return what each that answers lists, and what is said of the others.

    Raises:
        SourceError: where none answers; that of a single one.
    """
    answers: dict[str, list[Listed]] = {}
    errors: list[ObriyError] = []
    notes: list[str] = []
    for catalogue in catalogues:
        try:
            # By the sun a day may begin half a day before or after that of Greenwich.
            raw, said = answer_of(catalogue, wanted.widened(1))
        except SourceError as error:
            errors.append(error)
            continue
        notes += said
        answers[catalogue.name] = _listed(raw, catalogue, longitude, wanted)
    if not answers:
        raise errors[0]
    return answers, [*(reason_of(error) for error in errors), *notes]


def _listed(
    raw: Sequence[Raw], catalogue: Catalogue, longitude: float, wanted: Wanted
) -> list[Listed]:
    ones = [Listed(item, catalogue, longitude) for item in raw]
    return [one for one in ones if wanted.first <= one.day <= wanted.last]


def _gaps(answers: dict[str, list[Listed]], area: shapely.Geometry | None) -> list[str]:
    """Say what the catalogue that is read does not list and another does."""
    used, *others = [name for name, ones in answers.items() if ones]
    said: list[str] = []
    for name in others:
        more = lacking(answers[used], answers[name], area)
        if more:
            one, other = (answers[n][0].catalogue.title for n in (used, name))
            said.append(
                notice("catalogue_lacks", name=one, other=other, count=len(more), some=more[:5])
            )
    return said


def _nothing(
    catalogues: Sequence[Catalogue],
    wanted: Wanted,
    query: Query,
    silent: Sequence[str],
    longitude: float,
) -> SourceError:
    """Return the error where nothing is listed: what was asked, and which dates are nearest."""
    answers, _ = _asked(catalogues, wanted.widened(_AROUND_DAYS), longitude)
    dates = sorted({one.day for ones in answers.values() for one in ones})
    before = [day for day in dates if day < wanted.first][-1:]
    after = [day for day in dates if day > wanted.last][:1]
    names = [f"{c.title} ({', '.join(c.collections)})" if c.collections else c.title
             for c in catalogues]  # fmt: skip
    where = ", ".join(d.name for d in query.districts[:3])
    near = notice("nearest_dates", dates=[*before, *after]) if before or after else ""
    return SourceError(
        notice("nothing_listed", names=names, where=where, when=query.datetime or "..", near=near),
        "Ask for other dates, another place, or another collection (stac:NAME?collection=...).",
    )


def open_one(request: Request) -> "xr.Dataset":
    """Open an item; see `obriy.sources.stac.opening.open_listed`."""
    from obriy.sources.stac.opening import open_listed

    item = request.item
    if item is None:
        query = Query(districts=request.districts)
        items = [one for one in find(request.paths, query) if not one.skipped]
        if len(items) != 1:
            raise UsageError(
                f"{request.paths[0]} lists {len(items)} images, and one is opened at a time.",
                "Name the file of one item, or use 'obriy water' with --aoi and --datetime.",
            )
        item = items[0]
    return open_listed(item, request)


def cost(item: Item, districts: tuple[District, ...], bands: Sequence[str] | None) -> Cost:
    """Estimate what reading an item takes; see `obriy.sources.stac.estimate.cost_of`."""
    from obriy.sources.stac.estimate import cost_of

    size, requests = cost_of(item, districts, bands)
    return {"bytes": size, "requests": requests}


STAC: Final = Source(find, open_one, far=True, cost=cost)
