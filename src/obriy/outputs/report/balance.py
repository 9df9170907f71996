"""What a season says of the balance: beside the register, and additional evaporation."""

import dataclasses
from collections.abc import Sequence
from typing import Final

from obriy.model.balance import Evaporation, RegisterComparison, RegisterRow
from obriy.outputs.report import cells
from obriy.outputs.report.cells import Columns, Table, getter, signed, table
from obriy.outputs.report.parts import Folded, Part, Words, card, notes
from obriy.render.text import NBSP, Text

_SAME: Final = 0.0005
"""Share of the register below which a difference is none in words."""


def register_part(text: Text, comparison: RegisterComparison | None) -> Part | None:
    """Return the comparison with the register: sentences, a table, notes."""
    if comparison is None:
        return None
    rows, col = comparison.rows, Columns(text, "series")
    estimated = any(row.interval_km2 is not None for row in rows)
    shown = table(
        rows,
        [
            col.place(get="place"),
            col.km2("register_km2"),
            col.km2("measured_km2" if estimated else "measured_seen_km2", "measured_km2"),
            col.span("interval_km2"),
            col.written("difference_km2", lambda r: cells.bare(signed(text, r.difference_km2))),
            col.written("difference_percent", lambda r: _percent(text, r.difference_percent)),
            col.words("inside", lambda r: _yes(text, r.inside_interval)),
            col.km2("channel_km2"),
        ],
    )
    kinds = [
        f"{text.known('kinds', kind or 'unsaid')} {text.area(km2)}"
        for kind, km2 in comparison.by_kind.items()
    ]
    told = [text("series.kinds", kinds=", ".join(kinds))] if any(comparison.by_kind) else []
    told += [text.sentence(note) for note in comparison.notes]
    lead = Words(" ".join(_about_register(text, rows[0])), "lead") if len(rows) == 1 else None
    return card(lead, shown, *notes(told))


def _percent(text: Text, value: float | None) -> str:
    return "" if value is None else ("+" if value > 0 else "") + text.number(value, 1)


def _yes(text: Text, value: bool | None) -> str:
    return "" if value is None else text("report.yes" if value else "report.no")


def _about_register(text: Text, row: RegisterRow) -> list[str]:
    difference, share = row.difference_km2, (row.difference_percent or 0.0) / 100
    same = difference == 0 or 0 < abs(share) < _SAME
    key = "same" if same else "more" if difference > 0 else "less"
    known = row.difference_percent is not None
    said = [
        text(
            f"series.register_{key}",
            difference=text.area(abs(difference)),
            percent=text.percent(abs(share)) if known else cells.UNKNOWN,
            register=text.area(row.register_km2),
        )
    ]
    if row.inside_interval is not None:
        where = "inside" if row.inside_interval else "outside"
        said.append(text(f"series.register_{where}"))
    if row.channel_km2 is not None:
        said.append(text("series.register_channel", channel=text.area(row.channel_km2)))
    return said


def evaporation_part(text: Text, found: Sequence[Evaporation] | None) -> Part | None:
    """Return additional evaporation: a sentence and a table of months for each district."""
    if not found:
        return None
    parts: list[Part] = []
    for one in found:
        said, months = _about_evaporation(text, one), _months(text, one)
        if len(found) > 1:
            title = f"{text.place(one.district)}: {said[0]}"
            parts.append(Folded(title, [*notes(said[1:]), months]))
        else:
            parts += [Words(" ".join(said), "lead"), months]
    told = dict.fromkeys(text.sentence(note) for one in found for note in one.notes)
    formula = Words(text("series.formula"), "formula")
    return card(*parts, formula, *notes([text("series.formula_note"), *told]))


def _about_evaporation(text: Text, one: Evaporation) -> list[str]:
    months = one.months
    if one.volume_1e6m3 is None:
        return [text("series.evaporation_unknown", district=text.place(one.district))]
    bounds = _volumes(text, one.interval_1e6m3)
    said = [
        text(
            "series.evaporation_sentence",
            volume=f"{_volume(text, one.volume_1e6m3)}{NBSP}{text('series.million_m3')}",
            count=len(months),
            start=months[0].month,
            end=months[-1].month,
            interval=text("series.evaporation_interval", interval=bounds) if bounds else "",
        )
    ]
    negative = sum(m.additional_mm < 0 for m in months)
    return [*said, text("series.evaporation_negative", count=negative)] if negative else said


def _months(text: Text, one: Evaporation) -> Table:
    """Return a row for each month, and their sum."""
    col = Columns(text, "series")
    total = {"month": text("series.total"), **dataclasses.asdict(one)}
    return table(
        [*one.months, total],
        [
            col.words("month"),
            col.number("land_mm", digits=1),
            col.number("additional_mm", digits=1),
            col.km2("s_km2", "area_km2"),
            col.words("s_of", lambda m: "" if m is total else text(f"series.of_{m.area_of}")),
            col.written("volume", lambda m: _volume(text, getter("volume_1e6m3")(m))),
            col.written("interval_90", lambda m: _volumes(text, getter("interval_1e6m3")(m))),
        ],
    )


def _volume(text: Text, value: float | None) -> str:
    if value is None:
        return ""
    return text.number(value, 4 if abs(value) < 1 else 3 if abs(value) < 100 else 1)


def _volumes(text: Text, bounds: Sequence[float] | None) -> str:
    return cells.span(text, bounds, lambda value: _volume(text, value))
