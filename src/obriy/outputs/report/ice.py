"""The report of sea ice."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from obriy.model.headline import IceHeadline, saw_enough
from obriy.model.ice import IceArea, IceSeason
from obriy.model.result.ice import IceDate, IceEvaluation, IceResult
from obriy.outputs.report import cells
from obriy.outputs.report.cells import Columns, interval_km2, table
from obriy.outputs.report.evaluation import Measure, measures
from obriy.outputs.report.first import First, could_not_be_seen, figures, in_words
from obriy.outputs.report.moving import by_district, figures_of, moving_map, patch
from obriy.outputs.report.page import Page, Report
from obriy.outputs.report.parts import Grid, Headed, Part, Section, Words, card, notes, section
from obriy.outputs.report.series import little_maps
from obriy.render.ice_series import place_title
from obriy.render.text import Text

_LABELS: Final = {"map_picture": "picture"}
_TOLD: Final = 2
"""Winters that are told in sentences; of more the table speaks."""
_NAMED: Final = 3
"""Images of a date whose names stand in the table."""
_SCORES: Final = ("overall_accuracy", "iou", "precision", "recall", "f1", "kappa")


def page(
    report: Report[IceResult],
    *,
    areas: Sequence[IceArea],
    seasons: Sequence[IceSeason],
    shown: str = "",
    drawn: int = 0,
    mapped: int = 0,
) -> Page:
    """Lay out the report.

    Args:
        report: With the figures ``map``, ``concentration``, ``series``, ``anomaly``,
            ``multiples``; what is missing is left out.
        areas: Of each place and date.
        seasons: Of each place and winter.
        shown: Date of the map and of the concentration.
        drawn: Dates of which ``multiples`` shows a little map.
        mapped: Dates that have a map.
    """
    text, result = report.text, report.result
    most, rows = result.leading_date, result.dates
    shown = shown or (most.date if most else "")
    winters = [text("ice.series_note")]
    if len({s.season for s in seasons}) > 1:
        winters.append(text("ice.series_winters_note"))
    return Page(
        report,
        _first(report, areas, seasons),
        [
            section(
                text("ice.map_title", date=shown),
                _map(report, areas, shown),
                name="map",
            ),
            _drawn(report, "series", winters, alt="ice.series_alt"),
            section(text("ice.winters"), _winters(text, seasons)),
            report.warned(),
            section("", _concentration(report, shown)),
            section(text("ice.districts"), _districts(text, areas, shown)),
            _drawn(
                report, "anomaly", [text("ice.anomalies_note")], "ice.anomalies_alt", "anomalies"
            ),
            _drawn(report, "multiples", [little_maps(text, "ice", drawn, mapped)]),
            section(text("ice.dates"), _dates(text, rows, areas)),
            section(text("report.accuracy"), _scores(text, result.evaluation)),
            section(
                text("ice.method"),
                card(
                    *(
                        Words(text(f"ice.method_{key}"), "lead")
                        for key in ("lines", "interval", "limits")
                    )
                ),
            ),
        ],
        _LABELS,
    )


def _map(report: Report[IceResult], areas: Sequence[IceArea], shown: str) -> Part | None:
    """Return the map of a day, with the figures of places on that day."""
    text, view = report.text, report.view
    still = report.drawing(
        "map", text("ice.map_alt", date=shown), look="card map", caption=text("report.map_note")
    )
    own = [row for row in report.result.dates if row.date == shown and row.ice_km2 is not None]
    return moving_map(
        text,
        view,
        still,
        districts=by_district(text, [area for area in areas if area.date == shown]),
        classes={view.code: figures_of(text, own[0])} if view and own else {},
        body=patch,
        kind="ice",
    )


def _drawn(
    report: Report[IceResult], name: str, said: Sequence[str], alt: str = "", title: str = ""
) -> Section | None:
    """Return a section of one wide figure and what is said of it; None where it was not drawn."""
    heading = report.text(f"ice.{title or name}")
    drawing = report.drawing(name, report.text(alt) if alt else heading, look="card wide")
    return section(heading, drawing, *notes(said)) if drawing else None


def _concentration(report: Report[IceResult], shown: str) -> Part | None:
    title = report.text("ice.concentration", date=shown)
    note = report.text("ice.concentration_note")
    drawing = report.drawing("concentration", title, caption=note)
    return drawing and Grid([Headed(title, [drawing], level=2)], "maps one")


def _first(
    report: Report[IceResult], areas: Sequence[IceArea], seasons: Sequence[IceSeason]
) -> First:
    """Return the first screen: how much ice, its interval, when it came and went."""
    text, result = report.text, report.result
    rows, most, head = result.dates, result.leading_date, result.headline
    if most is None or head is None:
        return First(
            text("ice.title"),
            (text("ice.none_seen"), ""),
            known=False,
            trust=text("ice.trust_none"),
            facts=_facts(text, result, rows[0]),
        )
    largest = "ice.answer_max" if len(rows) > 1 and head.maximum else "ice.answer_date"
    first = figures(text, text(largest, date=head.date), head, "sea")
    used = {"used": sum(row.ice_km2 is not None for row in rows), "all": len(rows)}
    more = [*_counted(text, head), *_latest(text, rows, most), *_told(text, seasons)]
    return dataclasses.replace(
        first,
        plain=in_words(
            text, head, text("plain.on", date=head.date), "sea", text("plain.images", **used)
        ),
        says=[*first.says, *more],
        seen=_seen(text, most, _only(areas, most)),
        trust=_trust(text, result.evaluation),
        facts=_facts(text, result, most),
    )


def _seen(text: Text, most: IceDate, area: IceArea | None) -> str:
    """Say what could not be seen: where clouds are unknown, what else hid the sea."""
    if most.unseen_share <= 0 and cells.clouds_unknown(most):
        return ""
    return could_not_be_seen(text, most, area, "ice")


def _counted(text: Text, head: IceHeadline) -> list[str]:
    """Say of how many of several dates the headline is the most, and whether one shows more."""
    says = []
    if head.larger_date is not None and head.larger_km2 is not None:
        area = text.area(head.larger_km2)
        says.append(text("ice.not_known_maximum", date=head.larger_date, area=area))
    if head.dates > 1 and head.counted < head.dates and head.clouds != "unknown":
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


def _told(text: Text, seasons: Sequence[IceSeason]) -> list[str]:
    """Tell of one or two winters when ice came and went; not of a single date."""
    told = [s for s in seasons if s.dates > 1]
    return [_winter(text, s) for s in told] if len(told) <= _TOLD else []


def _winter(text: Text, season: IceSeason) -> str:
    said = text("ice.no_ice")
    if season.first_ice is not None and season.last_ice is not None:
        came = "ice.came" if season.first_ice_after else "ice.came_before"
        went = "ice.went" if season.last_ice_before else "ice.went_after"
        said = " ".join(
            [
                text(came, before=season.first_ice_after, first=season.first_ice),
                text(went, last=season.last_ice, after=season.last_ice_before),
            ]
        )
    return text("ice.season_sentence", season=season.season, said=said)


def _only(areas: Sequence[IceArea], row: IceDate) -> IceArea | None:
    """Return the area behind a row, where one place and one image make it."""
    found = [a for a in areas if a.date == row.date]
    return found[0] if len(found) == 1 else None


def _trust(text: Text, found: IceEvaluation | None) -> str:
    """Say how the maps fared against labels, or that nobody knows."""
    if found is None:
        return text("ice.trust_none")
    scores = dict(found)
    if found.iou is None:
        return text("ice.trust_undefined")
    cloud = found.cloud_as_ice
    return text(
        "ice.trust",
        images=scores["scenes"],
        recall=_of(text, found.recall),
        precision=_of(text, found.precision),
        cloud="" if cloud is None else text("ice.trust_cloud", share=text.percent(cloud)),
    )


def _of(text: Text, share: float | None) -> str:
    return text("report.undefined") if share is None else text.percent(share)


def _facts(text: Text, result: IceResult, most: IceDate) -> list[tuple[str, str]]:
    rows = result.dates
    used = sum(row.ice_km2 is not None for row in rows)
    facts = [(text("ice.sea"), text.area(most.sea_km2))] if most.sea_km2 else []
    if most.ice_share is not None:
        facts.append((text("ice.share_of_sea"), text.percent(most.ice_share)))
        facts.append((text("ice.extent"), text.area(most.extent_km2 or 0.0)))
        facts.append((text("report.clear"), cells.seen(text, most)))
    if len(rows) > 1:
        facts.append((text("ice.dates_seen"), text("ice.dates_of", used=used, all=len(rows))))
    else:
        facts.append((text("ice.granules"), _granules(text, rows[0].granule)))
    return [*facts, (text("report.method"), result.method)]


def _winters(text: Text, seasons: Sequence[IceSeason]) -> Part | None:
    """Return the table of winters; None without one of more than a single date."""
    if not any(s.dates > 1 for s in seasons):
        return None
    several = len({s.district for s in seasons}) > 1
    col = Columns(text, "ice")
    shown = table(
        seasons,
        [
            col.words("winter", "season"),
            col.words("place", lambda s: place_title(text, s.district) if several else ""),
            col.number("dates_counted", "dates"),
            col.words(
                "first_ice",
                lambda s: _turn(text, s.first_ice, s.first_ice_after, "between", "before_then"),
            ),
            col.words(
                "last_ice",
                lambda s: _turn(text, s.last_ice, s.last_ice_before, "until", "until_then"),
            ),
            col.km2("maximum_km2"),
            col.span("interval_km2", "maximum_interval_km2"),
            col.words("maximum_date"),
        ],
    )
    return card(shown, Words(text("ice.winters_note")))


def _turn(text: Text, date: str | None, beyond: str | None, both: str, one: str) -> str:
    """Write the first or last day of ice with the date on the other side of it."""
    if date is None:
        return cells.UNKNOWN
    key = one if beyond is None else both
    return text(f"ice.{key}", first=date, last=date, before=beyond, after=beyond)


def _measured(col: Columns) -> list[cells.Column]:
    """Return the columns of areas that a date and a place have alike."""
    return [
        col.km2("expected_km2"),
        col.span("interval_km2"),
        col.km2("ice_km2"),
        col.span("bounds_km2", cells.far),
        col.km2("extent_km2"),
        col.share("ice_share"),
    ]


def _dates(text: Text, rows: Sequence[IceDate], areas: Sequence[IceArea]) -> Part | None:
    """Return the table of dates, those without an area too."""
    col = Columns(text, "ice")
    shown = table(
        rows,
        [
            col.words("date"),
            col.words("granules", lambda row: _granules(text, row.granule)),
            *_measured(col),
            col.share("water_share"),
            col.share("cloud_share"),
            col.written("unseen_share", lambda row: cells.unseen(text, row)),
            col.words("note", lambda row: _note(text, row, _only(areas, row))),
        ],
    )
    return card(shown, Words(text("ice.dates_note")))


def _districts(text: Text, areas: Sequence[IceArea], date: str) -> Part | None:
    """Return the table of places on one date; None for a single place."""
    found = [a for a in areas if a.date == date]
    if len({a.district for a in found}) < 2:
        return None
    col = Columns(text, "ice")
    shown = table(
        found,
        [
            col.words("place", lambda a: place_title(text, a.district)),
            *_measured(col),
            col.written("unseen_share", lambda a: cells.unseen(text, a)),
            col.words("note", lambda a: _note(text, a, a)),
        ],
    )
    return card(shown, Words(text("ice.districts_note", date=date)))


def _note(text: Text, row: IceDate | IceArea, area: IceArea | None) -> str:
    """Say what there is to say of a row; clouds have a column of their own."""
    clouds_alone = area is not None and set(area.unseen) <= {"cloud"}
    return "" if row.status == "partial" and clouds_alone else cells.note(text, row, area)


def _granules(text: Text, names: str | Sequence[str]) -> str:
    listed = [names] if isinstance(names, str) else list(names)
    more = len(listed) - _NAMED
    shown = ", ".join(listed[:_NAMED])
    return f"{shown}, {text('ice.more', count=more)}" if more > 0 else shown


def _scores(text: Text, found: IceEvaluation | None) -> Part | None:
    """Return the scores against labels with their intervals; None where there are none."""
    if found is None:
        return None
    scores = dict(found)
    intervals = scores.get("intervals") or {}
    titles = {key: text(f"measures.{key}") for key in _SCORES}
    titles |= {key: text(f"ice.{key}") for key in ("cloud_as_ice", "ice_as_cloud")}
    rows = [
        Measure(title[:1].upper() + title[1:], key, scores, intervals.get(key))
        for key, title in titles.items()
    ]
    note = text("ice.scores_note", pixels=text.number(scores["pixels"], 0), images=scores["scenes"])
    drawn = "scores_drawn" if any(intervals.values()) else "scores_few"
    source = text("report.reference", source=text.sentence(found.reference))
    return card(measures(text, rows), Words(f"{source} {note} {text(f'ice.{drawn}')}"))
