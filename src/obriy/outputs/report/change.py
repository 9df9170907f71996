"""What became of a class between two dates or periods: whoever asks for it, is told it first."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from obriy.model.change import ChangeArea, WaterChange
from obriy.outputs.report import cells
from obriy.outputs.report.cells import Columns, interval_km2, signed, span_km2, table
from obriy.outputs.report.first import First
from obriy.outputs.report.parts import Part, Words, card
from obriy.render.text import Text


def leading(result: Any) -> WaterChange | None:
    """Return the change of a result, which its reader wants to know first; None: there is none."""
    found: WaterChange | None = getattr(result, "change", None)
    return None if found is None or found.total.net_km2 is None else found


def led_by(text: Text, found: WaterChange, average: First) -> First:
    """Return the first screen of a change; the average of all dates stands beneath it.

    Args:
        text: The language.
        found: The change. Where nothing of it is known its reason is said, and the average leads.
        average: The first screen of the average.
    """
    plain = [*about(text, found), *average.plain]
    if found.total.net_km2 is None:
        return dataclasses.replace(average, plain=plain)
    value, what = average.value
    own = [(value, ", ".join(filter(None, (text("series.change_average"), what))))]
    lead = figures(text, found)
    return dataclasses.replace(
        average,
        label=lead.label,
        value=lead.value,
        interval=lead.interval,
        beneath=[*lead.beneath, *(own if average.known else []), *average.beneath],
        known=True,
        plain=plain,
    )


def figures(text: Text, found: WaterChange) -> First:
    """Return the figures of a change that is known: the net one, what came, went and stayed."""
    total, bounds = found.total, found.total.net_interval_km2
    parts = {"gained": total.gained_km2, "lost": total.lost_km2, "stable": total.stable_km2}
    seen = 1 - total.unseen_km2 / total.district_km2
    partly = text("series.change_net_seen", share=text.percent(seen))
    return First(
        text("series.change_of", before=_dated(found.before), after=_dated(found.after)),
        (signed(text, total.net_km2 or 0.0), text("series.change_net") if seen >= 1 else partly),
        None if bounds is None else (_span(text, bounds), text("answer.interval")),
        [
            (text.area(km2), text(f"series.change_{name}"))
            for name, km2 in parts.items()
            if km2 is not None
        ],
    )


def _span(text: Text, bounds: Sequence[float]) -> str:
    """Write an interval of a difference with its unit."""
    if bounds[0] >= 0:
        return interval_km2(text, bounds)
    low, high = (signed(text, value, plus="+") for value in bounds)
    return text("series.range", low=cells.bare(low), high=high)


def changed(text: Text, found: WaterChange | None) -> Part | None:
    """Return the table of what became water and what ceased to be, with intervals."""
    if found is None:
        return None
    areas = [*found.areas, *([found.total] if len(found.areas) > 1 else [])]
    col = Columns(text, "series")
    with_interval = "_interval" if any(row.net_interval_km2 for row in areas) else ""
    shown = table(
        areas,
        [
            col.place(),
            *(
                col.written(f"{name}{with_interval}", _changed(text, name))
                for name in ("gained", "lost", "net")
            ),
            col.km2("stable", "stable_km2"),
            col.share("unseen_both", lambda row: row.unseen_km2 / row.district_km2),
        ],
    )
    return card(shown, Words(text("series.change_note")), look="card below")


def _changed(text: Text, name: str) -> Callable[[ChangeArea], str]:
    """Return what writes a change, a net one with its sign, and its interval."""

    def cell(row: ChangeArea) -> str:
        value: float | None = getattr(row, f"{name}_km2")
        bounds = span_km2(text, getattr(row, f"{name}_interval_km2"))
        if value is None:
            return ""
        shown = cells.bare(signed(text, value, plus="+" if name == "net" else ""))
        return f"{shown} ({bounds})" if bounds else shown

    return cell


def about(text: Text, found: WaterChange) -> list[str]:
    """Say how much changed, whether the maps show that anything did, and of what part that is."""
    total = found.total
    if total.net_km2 is None:
        return [text.sentence(total.reason)]
    bounds = total.net_interval_km2
    interval = "" if bounds is None else _span(text, bounds)
    said = [
        text(
            "series.change_sentence",
            before=_dated(found.before),
            after=_dated(found.after),
            net=signed(text, total.net_km2),
            interval=text("series.change_interval", interval=interval) if interval else "",
        )
    ]
    if bounds is not None:
        unclear = bounds[0] <= 0 <= bounds[1]
        said.append(text("series.change_unclear" if unclear else "series.change_clear"))
    share = total.unseen_km2 / total.district_km2
    if share > 0:
        said.append(text("series.change_unseen", share=text.percent(share)))
    return said


def _dated(dates: Sequence[str | None]) -> str:
    known = list(dict.fromkeys(str(d) for d in dates if d))
    return " – ".join(known) or cells.UNKNOWN
