"""From the results of a series to the strings of its report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from obriy.model.areas import PARTIAL_ABOVE, Area, AreaSeries, PeriodArea
from obriy.model.headline import Headline
from obriy.outputs.report_view import bare, causes_of, figures, interval_km2, place_of, seen_share
from obriy.render.series import MOST_PANELS, ONE_SIDED, district_title
from obriy.render.text import NBSP, Text

Table = dict[str, Any]
"""``header``, ``numeric`` (by column) and ``rows``, all strings."""

_SAME: Final = 0.0005
"""Share of the register below which a difference is none in words."""
_UNKNOWN: Final = "–"
_ROUNDING: Final = 1e-6
"""km²: less than a square metre between dates is the rounding of sums."""


def answer(
    text: Text, result: Mapping[str, Any], total: AreaSeries, *, several: bool
) -> dict[str, Any]:
    """Return the first screen: S, its interval, what it rests on.

    Args:
        text: The language.
        result: ``result.json``.
        total: All districts together.
        several: Whether there is more than one district.
    """
    period = total.periods[0]
    span = text("series.span", start=period.start, end=period.end)
    head = Headline.of_estimate("water", period, period.area_km2, clouds=period.clouds)
    first = figures(text, head, place_of(period.district))
    if period.filled_km2 is not None:
        first["values"] = [*first["values"], _filled(text, period.filled_km2)]
    return first | {
        "label": text("series.period", span=period.start if period.start == period.end else span),
        "seen": " ".join(_about_dates(text, period, several=several)),
        "trust": text("report.trust_none"),
        "facts": _facts(text, result, total, several=several),
    }


def _filled(text: Text, km2: float) -> tuple[str, str]:
    return text.area(km2), text("series.filled_value")


def _about_dates(text: Text, period: PeriodArea, *, several: bool) -> list[str]:
    """Tell change in time from the error of measuring, and say on which date S leans."""
    said = []
    if period.interval_km2 is not None:
        said.append(text("series.measuring"))
    if period.change_sd_km2 > _ROUNDING:
        key = "series.in_time_most" if several else "series.in_time"
        said.append(text(key, sd=text.area(period.change_sd_km2)))
    others, area = period.leave_one_out_km2, period.area_km2
    if len(others) > 1 and area is not None and _spread(others) > _ROUNDING:
        date = max(others, key=lambda d: abs(others[d] - area))
        said.append(
            text(
                "series.leave_one",
                range=interval_km2(text, (min(others.values()), max(others.values()))),
                date=date,
                change=signed(text, others[date] - area),
            )
        )
    return said


def _spread(areas: Mapping[str, float]) -> float:
    return max(areas.values()) - min(areas.values())


def _facts(
    text: Text, result: Mapping[str, Any], total: AreaSeries, *, several: bool
) -> list[tuple[str, str]]:
    period, areas = total.periods[0], total.areas
    failed = [a for a in areas if a.area_km2 is None and a.status == "failed"]
    blind = [a for a in areas if a.area_km2 is None and a.status != "failed"]
    idle = [d for d, weight in period.weights.items() if weight == 0]
    used = len(areas) - len(failed) - len(blind) - len(idle)
    counts = {"dates_failed": len(failed), "dates_blind": len(blind), "dates_zero": len(idle)}
    effective = "series.effective_least" if several else "series.effective"
    return [
        (text("series.dates_used"), text("series.dates_of", used=used, all=len(areas))),
        *((text(f"series.{key}"), str(count)) for key, count in counts.items() if count),
        (text(effective), text.number(period.effective_dates, 1)),
        (text("series.weights"), weights_of(text, result["weights"])),
        (text("series.unseen"), _unseen(text, period)),
        (text("report.method"), str(result["method"])),
    ]


def _unseen(text: Text, period: PeriodArea) -> str:
    if period.clouds == "unknown":
        return text("report.share_unknown")
    return text.percent(period.unseen_share)


def _is_partial(row: Mapping[str, Any]) -> bool:
    return bool(row["unseen_share"] > PARTIAL_ABOVE or row.get("unseen") == "unknown")


def weights_of(text: Text, weights: str) -> str:
    """Say how the dates were weighed: by a rule, or by a file."""
    if weights in ("clear", "cloud"):
        return text(f"weights.{weights}")
    return text("weights.given", name=Path(weights).name)


def signed(text: Text, km2: float) -> str:
    """Write an area that is a difference, with its sign."""
    sign = "+" if km2 > 0 else "−" if km2 < 0 else ""
    return f"{sign}{text.area(abs(km2))}"


def plot_notes(text: Text, series: AreaSeries) -> list[str]:
    """Return the notes under the plot of the series."""
    notes = [text("series.plot_note")]
    if len(series.periods) > MOST_PANELS:
        notes.append(text("series.plot_total", most=MOST_PANELS))
    return notes


def causes_notes(text: Text, total: AreaSeries, *, several: bool) -> list[str]:
    """Return the notes beside the plot of causes."""
    notes = [text("series.causes_note_total" if several else "series.causes_note")]
    if any(total.periods[0].uncertainty.get(cause) for cause in ONE_SIDED):
        notes.append(text("series.causes_upwards"))
    return notes


def multiples_note(text: Text, drawn: int, mapped: int) -> str:
    """Return the note under the little maps: what they show, and what was left out."""
    note = text("series.multiples_note")
    if drawn < mapped:
        note += " " + text("series.multiples_left", shown=drawn, all=mapped)
    return note


def table(header: Sequence[str], rows: Sequence[Sequence[str]], words: Sequence[int]) -> Table:
    """Return a table without the columns that hold nothing.

    Args:
        header: Titles.
        rows: Cells.
        words: Columns of words; the first is one, the others hold numbers.
    """
    keep = [i for i in range(len(header)) if i == 0 or any(row[i] for row in rows)]
    return {
        "header": [header[i] for i in keep],
        "numeric": [i != 0 and i not in words for i in keep],
        "rows": [[row[i] for i in keep] for row in rows],
    }


def dates_table(text: Text, result: Mapping[str, Any], total: AreaSeries) -> Table:
    """Return the table of dates, failed ones too."""
    names = ("date", "expected", "interval_km2", "area_seen", "area_filled", "bounds", "seen",
             "weight", "threshold", "cloud", "note")  # fmt: skip
    by_date = {a.date: a for a in total.areas}
    rows = [_date_row(text, row, by_date.get(row["date"])) for row in result["dates"]]
    return table([text(f"series.{name}") for name in names], rows, [10])


def _date_row(text: Text, row: Mapping[str, Any], area: Area | None) -> list[str]:
    weight, threshold = row["weight"], row["threshold"]
    return [
        row["date"],
        _km2(text, row["expected_km2"], _UNKNOWN),
        _bounds(text, row["interval_km2"]),
        _km2(text, row["area_km2"], _UNKNOWN),
        _km2(text, row["filled_km2"]),
        _bounds(text, row["bounds_km2"] if _is_partial(row) else None),
        seen_share(text, row),
        "" if weight is None else text.number(weight, 3),
        "" if threshold is None else text.significant(threshold, 3),
        "" if row["cloud_percent"] is None else text.number(row["cloud_percent"], 0),
        _note(text, row, area),
    ]


def _note(text: Text, row: Mapping[str, Any], area: Area | None) -> str:
    if row["status"] in ("failed", "skipped"):
        said = text.sentence(row["reason"])
        return f"{text.known('status', row['status'])}: {said}" if said else ""
    return causes_of(text, area) if area else ""


def _km2(text: Text, value: float | None, missing: str = "") -> str:
    return missing if value is None else bare(text.area(value))


def _bounds(text: Text, bounds: Sequence[float] | None) -> str:
    """Write an interval of areas without its unit."""
    if bounds is None:
        return ""
    low, high = (bare(text.area(abs(v))) for v in bounds)
    if bounds[0] >= 0:
        return text.span(low, high)
    signs = ["−" if v < 0 else "" for v in bounds]
    return text("series.range", low=signs[0] + low, high=signs[1] + high)


def _volumes(text: Text, bounds: Sequence[float] | None) -> str:
    """Write an interval of volumes without its unit."""
    if bounds is None:
        return ""
    low, high = (_volume(text, v) for v in bounds)
    return text.span(low, high) if bounds[0] >= 0 else text("series.range", low=low, high=high)


def districts_table(text: Text, series: AreaSeries) -> Table:
    """Return the table of districts over the period."""
    header = [
        text("report.district"),
        *(text(f"series.{key}") for key in ("s", "interval_km2", "s_seen", "s_filled", "bounds")),
        *(text(key) for key in ("series.unseen", "series.effective", "series.sd_time")),
        text("report.status"),
    ]
    rows = [
        [
            district_title(text, p.district),
            _km2(text, p.expected_km2, _UNKNOWN),
            _bounds(text, p.interval_km2),
            _km2(text, p.area_km2, _UNKNOWN),
            _km2(text, p.filled_km2),
            _bounds(
                text,
                p.bounds_km2 if p.unseen_share > PARTIAL_ABOVE or p.clouds == "unknown" else None,
            ),
            _unseen(text, p),
            text.number(p.effective_dates, 1),
            _km2(text, p.change_sd_km2),
            text.known("status", p.status),
        ]
        for p in series.periods
    ]
    return table(header, rows, [9])


def register(text: Text, comparison: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the comparison with the register: sentences, a table, notes."""
    if comparison is None:
        return None
    rows = comparison["rows"]
    names = ("register_km2", "measured_km2", "interval_km2", "difference_km2",
             "difference_percent", "inside", "channel_km2")  # fmt: skip
    header = [text("report.district"), *(text(f"series.{name}") for name in names)]
    kinds = {k: v for k, v in comparison["by_kind"].items() if k}
    notes = [text.sentence(note) for note in comparison["notes"]]
    if kinds:
        shown = [
            f"{text.known('kinds', kind or 'unsaid')} {text.area(km2)}"
            for kind, km2 in comparison["by_kind"].items()
        ]
        notes.insert(0, text("series.kinds", kinds=", ".join(shown)))
    return {
        "sentences": _about_register(text, rows[0]) if len(rows) == 1 else [],
        "table": table(header, [_register_row(text, row) for row in rows], [6]),
        "notes": notes,
    }


def _about_register(text: Text, row: Mapping[str, Any]) -> list[str]:
    difference, share = row["difference_km2"], (row["difference_percent"] or 0.0) / 100
    same = difference == 0 or 0 < abs(share) < _SAME
    key = "same" if same else "more" if difference > 0 else "less"
    said = [
        text(
            f"series.register_{key}",
            difference=text.area(abs(difference)),
            percent=_UNKNOWN if row["difference_percent"] is None else text.percent(abs(share)),
            register=text.area(row["register_km2"]),
        )
    ]
    if row["inside_interval"] is not None:
        where = "inside" if row["inside_interval"] else "outside"
        said.append(text(f"series.register_{where}"))
    if row["channel_km2"] is not None:
        said.append(text("series.register_channel", channel=text.area(row["channel_km2"])))
    return said


def _register_row(text: Text, row: Mapping[str, Any]) -> list[str]:
    inside, percent = row["inside_interval"], row["difference_percent"]
    return [
        district_title(text, row["place"]),
        _km2(text, row["register_km2"]),
        _km2(text, row["measured_km2"]),
        _bounds(text, row["interval_km2"]),
        bare(signed(text, row["difference_km2"])),
        "" if percent is None else _plus(percent) + text.number(percent, 1),
        "" if inside is None else text("report.yes" if inside else "report.no"),
        _km2(text, row["channel_km2"]),
    ]


def _plus(value: float) -> str:
    return "+" if value > 0 else ""


def evaporation(text: Text, found: Sequence[Mapping[str, Any]] | None) -> dict[str, Any] | None:
    """Return additional evaporation: a sentence and a table of months for each district."""
    if not found:
        return None
    notes = dict.fromkeys(text.sentence(note) for one in found for note in one["notes"])
    return {
        "districts": [
            {
                "name": district_title(text, one["district"]),
                "sentences": _about_evaporation(text, one),
                "table": _months_table(text, one),
            }
            for one in found
        ],
        "formula": text("series.formula"),
        "formula_note": text("series.formula_note"),
        "notes": list(notes),
    }


def _about_evaporation(text: Text, one: Mapping[str, Any]) -> list[str]:
    months = one["months"]
    if one["volume_1e6m3"] is None:
        return [text("series.evaporation_unknown", district=district_title(text, one["district"]))]
    bounds = _volumes(text, one["interval_1e6m3"])
    volume = f"{_volume(text, one['volume_1e6m3'])}{NBSP}{text('series.million_m3')}"
    said = [
        text(
            "series.evaporation_sentence",
            volume=volume,
            count=len(months),
            start=months[0]["month"],
            end=months[-1]["month"],
            interval=text("series.evaporation_interval", interval=bounds) if bounds else "",
        )
    ]
    negative = sum(m["additional_mm"] < 0 for m in months)
    if negative:
        said.append(text("series.evaporation_negative", count=negative))
    return said


def _months_table(text: Text, one: Mapping[str, Any]) -> Table:
    names = ("month", "land_mm", "additional_mm", "s_km2", "s_of", "volume", "interval_90")
    rows = [
        [
            m["month"],
            text.number(m["land_mm"], 1),
            text.number(m["additional_mm"], 1),
            _km2(text, m["area_km2"], _UNKNOWN),
            text(f"series.of_{m['area_of']}"),
            _volume(text, m["volume_1e6m3"]),
            _volumes(text, m["interval_1e6m3"]),
        ]
        for m in one["months"]
    ]
    rows.append(
        [
            text("series.total"),
            "",
            text.number(one["additional_mm"], 1),
            "",
            "",
            _volume(text, one["volume_1e6m3"]),
            _volumes(text, one["interval_1e6m3"]),
        ]
    )
    return table([text(f"series.{name}") for name in names], rows, [4])


def _volume(text: Text, value: float | None) -> str:
    if value is None:
        return _UNKNOWN
    return text.number(value, 4 if abs(value) < 1 else 3 if abs(value) < 100 else 1)


def change(text: Text, found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what became water and what ceased to be, with intervals."""
    if found is None:
        return None
    areas = list(found["areas"])
    if len(areas) > 1:
        areas.append(found["total"])
    names = ("gained", "lost", "net", "stable", "unseen_both")
    header = [text("report.district"), *(text(f"series.{name}") for name in names)]
    return {
        "sentences": _about_change(text, found),
        "table": table(header, [_change_row(text, row) for row in areas], []),
        "note": text("series.change_note"),
    }


def _about_change(text: Text, found: Mapping[str, Any]) -> list[str]:
    total = found["total"]
    if total["net_km2"] is None:
        return [text.sentence(total["reason"])]
    bounds = total["net_interval_km2"]
    interval = _bounds(text, bounds)
    said = [
        text(
            "series.change_sentence",
            before=_span(found["before"]),
            after=_span(found["after"]),
            net=signed(text, total["net_km2"]),
            interval=text("series.change_interval", interval=interval) if interval else "",
        )
    ]
    if bounds is not None:
        unclear = bounds[0] <= 0 <= bounds[1]
        said.append(text("series.change_unclear" if unclear else "series.change_clear"))
    share = total["unseen_km2"] / total["district_km2"]
    if share > 0:
        said.append(text("series.change_unseen", share=text.percent(share)))
    return said


def _span(dates: Sequence[str | None]) -> str:
    known = list(dict.fromkeys(str(d) for d in dates if d))
    return " – ".join(known) or _UNKNOWN


def _change_row(text: Text, row: Mapping[str, Any]) -> list[str]:
    net = row["net_km2"]
    shown = {
        "gained": _km2(text, row["gained_km2"], _UNKNOWN),
        "lost": _km2(text, row["lost_km2"], _UNKNOWN),
        "net": _UNKNOWN if net is None else bare(signed(text, net)),
    }
    bounds = {name: _bounds(text, row[f"{name}_interval_km2"]) for name in shown}
    return [
        district_title(text, row["district"]),
        *(f"{v} ({bounds[k]})" if bounds[k] else v for k, v in shown.items()),
        _km2(text, row["stable_km2"], _UNKNOWN),
        text.percent(row["unseen_km2"] / row["district_km2"]),
    ]


def bodies(text: Text, found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the largest water bodies, and how many there are."""
    if found is None:
        return None
    rule, largest = found["rule"], found.get("largest", [])
    names = ("body", "body_max", "body_extent", "body_first", "body_last", "body_wet")
    rows = [
        [
            body["id"],
            _UNKNOWN if body["area_max_km2"] is None else bare(text.hectares(body["area_max_km2"])),
            bare(text.hectares(body["area_km2"])),
            body["first_water"] or _UNKNOWN,
            body["last_water"] or _UNKNOWN,
            _UNKNOWN if body["half_wet"] is None else text.percent(body["half_wet"], 0),
        ]
        for body in largest
    ]
    return {
        "sentence": text(
            "series.bodies_count",
            count=text.number(found["count"], 0),
            detection=rule["detection_percent"],
            extent=rule["extent_percent"],
        ),
        "more": text("series.bodies_largest", count=len(rows))
        if len(rows) < found["count"]
        else "",
        "table": table([text(f"series.{name}") for name in names], rows, [3, 4]),
    }
