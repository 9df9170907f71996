"""From the results of sea ice to the strings of its report."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from obriy.model.areas import PARTIAL_ABOVE
from obriy.model.headline import IceHeadline, ice_headline, leading, saw_enough
from obriy.model.ice import IceArea, IceSeason
from obriy.model.result.ice import IceDate
from obriy.outputs.report_view import bare, counts, figures, interval_km2, score_of, span_km2
from obriy.outputs.series_view import Table, table
from obriy.render.ice_series import place_title
from obriy.render.text import Text

_UNKNOWN: Final = "–"
_TOLD: Final = 2
"""Winters that are told in sentences; of more the table speaks."""
_NAMED: Final = 3
"""Images of a date whose names stand in the table."""
_SCORES: Final = ("overall_accuracy", "iou", "precision", "recall", "f1", "kappa")


def answer(
    text: Text, result: Mapping[str, Any], areas: Sequence[IceArea], seasons: Sequence[IceSeason]
) -> dict[str, Any]:
    """Return the first screen: how much ice, its interval, when it came and went.

    Args:
        text: The language.
        result: ``result.json``.
        areas: Of each place and date.
        seasons: Of each place and winter.
    """
    rows = dates_of(result)
    most, head = leading(rows), ice_headline(rows)
    if most is None or head is None:
        return {
            "label": text("ice.title"),
            "known": False,
            "values": [(text("ice.none_seen"), "")],
            "interval": None,
            "says": [],
            "lines": [],
            "seen": "",
            "trust": text("ice.trust_none"),
            "facts": _facts(text, result, rows[0]),
        }
    largest = "ice.answer_max" if len(rows) > 1 and head.maximum else "ice.answer_date"
    first = figures(text, head, "sea")
    return first | {
        "label": text(largest, date=head.date),
        "says": [
            *first["says"],
            *_counted(text, head),
            *_latest(text, rows, most),
            *_winters(text, seasons),
        ],
        "seen": _seen(text, most, areas),
        "trust": _trust(text, result.get("evaluation")),
        "facts": _facts(text, result, most),
    }


def dates_of(result: Mapping[str, Any]) -> list[IceDate]:
    """Return the dates of a result."""
    return [IceDate(**row) for row in result["dates"]]


def _counted(text: Text, head: IceHeadline) -> list[str]:
    """Say of how many of several dates the headline is the most, and whether one shows more."""
    says = []
    if head.larger_date is not None and head.larger_km2 is not None:
        area = text.area(head.larger_km2)
        says.append(text("ice.not_known_maximum", date=head.larger_date, area=area))
    if head.dates > 1 and head.counted < head.dates:
        says.append(text("ice.counted", used=head.counted, all=head.dates))
    return says


def _latest(text: Text, rows: Sequence[IceDate], most: IceDate) -> list[str]:
    sure = [row for row in rows if saw_enough(row)]
    if not sure or sure[-1] is most:
        return []
    latest = sure[-1].headline
    area = text.area(latest.km2 or 0.0)
    if latest.interval_km2:
        area += f" ({interval_km2(text, latest.interval_km2)})"
    return [text("ice.latest", date=latest.date, area=area)]


def _winters(text: Text, seasons: Sequence[IceSeason]) -> list[str]:
    """Tell of one or two winters when ice came and went; not of a single date."""
    told = [s for s in seasons if s.dates > 1]
    return [_winter(text, s) for s in told] if len(told) <= _TOLD else []


def _winter(text: Text, season: IceSeason) -> str:
    if season.first_ice is None or season.last_ice is None:
        said = text("ice.no_ice")
    else:
        came = "ice.came" if season.first_ice_after else "ice.came_before"
        went = "ice.went" if season.last_ice_before else "ice.went_after"
        said = " ".join(
            [
                text(came, before=season.first_ice_after, first=season.first_ice),
                text(went, last=season.last_ice, after=season.last_ice_before),
            ]
        )
    return text("ice.season_sentence", season=season.season, said=said)


def _seen(text: Text, row: IceDate, areas: Sequence[IceArea]) -> str:
    if row.unseen_share <= 0:
        return text("ice.seen_all")
    causes, share = _causes(text, _only(areas, row)), text.percent(row.unseen_share)
    counted = counts(text, {"unseen_share": row.unseen_share, "expected_km2": row.expected_km2})
    if not causes:
        return text("ice.seen_part_plain", share=share) + counted
    return text("ice.seen_part", share=share, causes=causes) + counted


def _only(areas: Sequence[IceArea], row: IceDate) -> IceArea | None:
    """Return the area behind a row, where one place and one image make it."""
    found = [a for a in areas if a.date == row.date]
    return found[0] if len(found) == 1 else None


def _causes(text: Text, area: IceArea | None) -> str:
    ordered = sorted((area.unseen if area else {}).items(), key=lambda item: -item[1])
    return ", ".join(
        f"{text.known('unseen', cause).lower()} {text.percent(share)}" for cause, share in ordered
    )


def _trust(text: Text, scores: Mapping[str, Any] | None) -> str:
    """Say how the maps fared against labels, or that nobody knows."""
    if not scores:
        return text("ice.trust_none")
    if scores["iou"] is None:
        return text("ice.trust_undefined")
    interval = (scores.get("intervals") or {}).get("iou")
    span = interval and text.span(*(text.number(v, 3) for v in interval))
    cloud = scores.get("cloud_as_ice")
    return text(
        "ice.trust",
        images=scores["scenes"],
        iou=score_of(text, scores["iou"]),
        interval=text("report.trust_interval", interval=span) if span else "",
        accuracy=score_of(text, scores["overall_accuracy"]),
        cloud="" if cloud is None else text("ice.trust_cloud", share=text.percent(cloud)),
    )


def _facts(text: Text, result: Mapping[str, Any], most: IceDate) -> list[tuple[str, str]]:
    rows = dates_of(result)
    used = sum(row.ice_km2 is not None for row in rows)
    facts = [(text("ice.sea"), text.area(most.sea_km2))] if most.sea_km2 else []
    if most.ice_share is not None:
        facts.append((text("ice.share_of_sea"), text.percent(most.ice_share)))
        facts.append((text("ice.extent"), text.area(most.extent_km2 or 0.0)))
        facts.append((text("report.clear"), text.percent(1 - most.unseen_share)))
    if len(rows) > 1:
        facts.append((text("ice.dates_seen"), text("ice.dates_of", used=used, all=len(rows))))
    else:
        facts.append((text("ice.granules"), _granules(text, rows[0].granule)))
    return [*facts, (text("report.method"), str(result["method"]))]


def series_notes(text: Text, seasons: Sequence[IceSeason]) -> list[str]:
    """Return the notes under the plot through time."""
    several = len({s.season for s in seasons}) > 1
    notes = [text("ice.series_note")]
    return [*notes, text("ice.series_winters_note")] if several else notes


def little_maps_note(text: Text, drawn: int, mapped: int) -> str:
    """Return the note under the little maps: what they show, and what was left out."""
    note = text("ice.multiples_note")
    left = text("series.multiples_left", shown=drawn, all=mapped)
    return f"{note} {left}" if drawn < mapped else note


def winters_table(text: Text, seasons: Sequence[IceSeason]) -> Table | None:
    """Return the table of winters; None without one of more than a single date."""
    if not any(s.dates > 1 for s in seasons):
        return None
    names = ("winter", "place", "dates_counted", "first_ice", "last_ice", "maximum_km2",
             "maximum_date")  # fmt: skip
    several = len({s.district for s in seasons}) > 1
    rows = [
        [
            s.season,
            place_title(text, s.district) if several else "",
            text.number(s.dates, 0),
            _turn(text, s.first_ice, s.first_ice_after, "between", "before_then"),
            _turn(text, s.last_ice, s.last_ice_before, "until", "until_then"),
            _km2(text, s.maximum_km2),
            s.maximum_date or "",
        ]
        for s in seasons
    ]
    return table([text(f"ice.{name}") for name in names], rows, [1, 3, 4, 6])


def _turn(text: Text, date: str | None, beyond: str | None, both: str, one: str) -> str:
    """Write the first or last day of ice with the date on the other side of it."""
    if date is None:
        return _UNKNOWN
    if beyond is None:
        return text(f"ice.{one}", first=date, last=date)
    return text(f"ice.{both}", first=date, last=date, before=beyond, after=beyond)


def dates_table(text: Text, rows: Sequence[IceDate], areas: Sequence[IceArea]) -> Table:
    """Return the table of dates, those without an area too."""
    names = ("date", "granules", "expected_km2", "interval_km2", "ice_km2", "bounds_km2",
             "extent_km2", "ice_share", "water_share", "cloud_share", "unseen_share",
             "note")  # fmt: skip
    cells = [_date_row(text, row, _only(areas, row)) for row in rows]
    return table([text(f"ice.{name}") for name in names], cells, [1, 11])


def _date_row(text: Text, row: IceDate, area: IceArea | None) -> list[str]:
    return [
        row.date,
        _granules(text, row.granule),
        _km2(text, row.expected_km2),
        span_km2(text, row.interval_km2),
        _km2(text, row.ice_km2),
        span_km2(text, row.bounds_km2 if row.unseen_share > PARTIAL_ABOVE else None),
        _km2(text, row.extent_km2),
        _share(text, row.ice_share),
        _share(text, row.water_share),
        _share(text, row.cloud_share),
        _share(text, row.unseen_share),
        _note(text, row, area),
    ]


def _note(text: Text, row: IceDate | IceArea, area: IceArea | None) -> str:
    if row.status == "ok":
        return ""
    if row.status == "partial" and area is not None:
        # Clouds have a column of their own.
        return "" if set(area.unseen) <= {"cloud"} else _causes(text, area)
    said = text.sentence(row.reason)
    return f"{text.known('status', row.status)}: {said}" if said else ""


def _granules(text: Text, names: str | Sequence[str]) -> str:
    listed = [names] if isinstance(names, str) else list(names)
    more = len(listed) - _NAMED
    shown = ", ".join(listed[:_NAMED])
    return f"{shown}, {text('ice.more', count=more)}" if more > 0 else shown


def _km2(text: Text, value: float | None) -> str:
    return _UNKNOWN if value is None else bare(text.area(value))


def _share(text: Text, value: float | None) -> str:
    return _UNKNOWN if value is None else text.percent(value)


def districts_table(text: Text, areas: Sequence[IceArea], date: str) -> Table | None:
    """Return the table of places on one date; None for a single place."""
    found = [a for a in areas if a.date == date]
    if len({a.district for a in found}) < 2:
        return None
    names = ("place", "expected_km2", "interval_km2", "ice_km2", "bounds_km2", "extent_km2",
             "ice_share", "unseen_share", "note")  # fmt: skip
    rows = [
        [
            place_title(text, a.district),
            _km2(text, a.expected_km2),
            span_km2(text, a.interval_km2),
            _km2(text, a.ice_km2),
            span_km2(text, a.bounds_km2 if a.unseen_share > PARTIAL_ABOVE else None),
            _km2(text, a.extent_km2),
            _share(text, a.ice_share),
            _share(text, a.unseen_share),
            _note(text, a, a),
        ]
        for a in found
    ]
    return table([text(f"ice.{name}") for name in names], rows, [8])


def scores_table(text: Text, scores: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the scores against labels with their intervals; None where there are none."""
    if not scores:
        return None
    intervals = scores.get("intervals") or {}
    names = {key: text(f"measures.{key}") for key in _SCORES}
    names |= {key: text(f"ice.{key}") for key in ("cloud_as_ice", "ice_as_cloud")}
    rows = [
        [name, score_of(text, scores.get(key)), _span(text, intervals.get(key))]
        for key, name in names.items()
    ]
    header = [text(f"report.{key}") for key in ("measure", "value", "interval_score")]
    note = text("ice.scores_note", pixels=text.number(scores["pixels"], 0), images=scores["scenes"])
    source = text("report.reference", source=text.sentence(str(scores.get("reference") or "")))
    return {"table": table(header, rows, []), "note": f"{source} {note}"}


def _span(text: Text, bounds: Sequence[float] | None) -> str:
    return text.span(*(text.number(v, 3) for v in bounds)) if bounds else ""
