"""Plots of a series: areas through time with their intervals, and where the uncertainty is from."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from obriy.model.areas import Area, AreaSeries, PeriodArea
from obriy.render.figures import ACCENT, INK, LINE, MUTED, new_figure
from obriy.render.palette import SERIES
from obriy.render.text import Text, area_digits, text_of
from obriy.render.timeline import (
    WIDTH,
    UnseenBars,
    day_of,
    draw_key,
    draw_unseen,
    limits_of,
    panel_box,
    quiet,
    time_axis,
    unseen_of,
)

CAUSES: Final = ("classification", "shore", "unseen", "registration", "resolution")
"""Causes of uncertainty, in the order of the plot."""
ONE_SIDED: Final = {"omission": "+", "commission": "\u2212"}
"""What is no standard deviation, but how much further up, or down, the interval reaches."""

MOST_PANELS: Final = 6
"""Districts that a plot has room for."""

_HEAD: Final = 0.34
_GAP: Final = 0.15
_STRIP: Final = 0.42
_BAND: Final = 0.16
"""Opacity of an interval."""
_CUT: Final = 1.3
"""Intervals are drawn up to so many times the greatest area."""
_LOST: Final = SERIES[0]
_BAR: Final[dict[str, Any]] = {"color": ACCENT, "alpha": 0.8}
_ABOVE: Final[dict[str, Any]] = {
    "facecolor": "none", "edgecolor": ACCENT, "hatch": "////", "linewidth": 0.8,
}  # fmt: skip


def district_title(text: Text, name: str) -> str:
    """Return what people call a district: those that the software named have words."""
    return text.place(name)


def series_figure(series: AreaSeries, *, lang: str = "en") -> Figure:
    """Draw areas through time, a panel for each district, with what was unseen under each.

    A full mark is the best estimate of the whole district, its size the weight of the date, the bar
    through it the 90 % interval; a hollow mark is what was seen, a tick that with what other dates
    tell. Lines and band are the same of the period. A date without an estimate has no full mark.

    Args:
        series: With a period for each district; dates that were not seen have areas of None.
        lang: Language.
    """
    text = text_of(lang)
    panels = [
        _Panel(p, tuple(a for a in series.areas if a.district == p.district), text)
        for p in series.periods
    ]
    entries = _legend_entries(panels, text)
    plot = 2.7 if len(panels) == 1 else 1.75
    legend = 0.14 + 0.21 * -(-len(entries) // 3)
    each = _HEAD + plot + _GAP + _STRIP + 0.36
    height = each * len(panels) + legend
    figure = new_figure(WIDTH, height)
    days = sorted({day_of(a.date) for a in series.areas})
    limits = limits_of(days)
    for number, panel in enumerate(panels):
        top = height - number * each - _HEAD
        upper = figure.add_axes(panel_box(top - plot, plot, height))
        lower = figure.add_axes(panel_box(top - plot - _GAP - _STRIP, _STRIP, height))
        _draw_areas(upper, panel, limits)
        draw_unseen(lower, _bars(panel.areas), limits, text)
        time_axis(upper, lower, limits, days)
    draw_key(figure, entries, ncols=3, handlelength=1.6, columnspacing=1.6)
    return figure


def causes_figure(uncertainty: dict[str, float], *, lang: str = "en") -> Figure:
    """Draw the standard deviation of an area by cause.

    Args:
        uncertainty: Standard deviation by cause, km², and ``omission`` and ``commission``, which
            are drawn apart; names as in `obriy.model.areas.Area`.
        lang: Language.
    """
    text = text_of(lang)
    known: list[str] = [cause for cause in CAUSES if cause in uncertainty]
    known += [cause for cause in uncertainty if cause not in (*CAUSES, *ONE_SIDED)]
    known += [cause for cause in ONE_SIDED if uncertainty.get(cause)]
    values = [uncertainty[cause] for cause in known]
    figure = new_figure(5.6, 0.2 + 0.34 * len(known))
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    places = np.arange(len(known))[::-1]
    top = max(values, default=0.0) or 1.0
    for place, cause, value in zip(places, known, values, strict=True):
        axes.barh(place, value, height=0.5, **(_ABOVE if cause in ONE_SIDED else _BAR))
    axes.axvline(0, color=LINE, linewidth=0.8)
    for place, cause, value in zip(places, known, values, strict=True):
        name = text.known("causes", cause)
        axes.text(-0.02 * top, place, name, ha="right", va="center", color=INK, fontsize=9)
        label = f"{_size(text, value, top, ONE_SIDED.get(cause, ''))}\u00a0{text('units.km2')}"
        axes.text(value + 0.02 * top, place, label, va="center", color=INK, fontsize=9)
    axes.set_xlim(-0.95 * top, 1.6 * top)
    axes.set_ylim(-0.6, len(known) - 0.4)
    axes.set_axis_off()
    return figure


def _size(text: Text, value: float, top: float, sign: str) -> str:
    """Write the length of a bar with the decimals of the longest; a trace as less than the last."""
    digits = area_digits(top)
    least = 10.0**-digits
    if 0 < value < least:
        return f"<\u00a0{text.number(least, digits)}"
    return f"{sign}{text.number(value, digits)}" if value else "0"


@dataclasses.dataclass(frozen=True)
class _Panel:
    """What one panel shows."""

    period: PeriodArea
    areas: tuple[Area, ...]
    text: Text

    @property
    def seen(self) -> list[Area]:
        """Dates that have an area."""
        return [a for a in self.areas if a.area_km2 is not None]

    @property
    def estimated(self) -> list[Area]:
        """Dates that have an estimate of the whole."""
        return [a for a in self.areas if a.expected_km2 is not None]

    @property
    def filled(self) -> list[Area]:
        """Dates that have a filled area."""
        return [a for a in self.areas if a.filled_km2 is not None]

    def lost(self, status: str) -> list[Area]:
        """Return the dates without an area that failed, or that showed nothing."""
        failed = status == "failed"
        blind = [a for a in self.areas if a.area_km2 is None]
        return [a for a in blind if (a.status == "failed") == failed]

    def beyond(self, high: float) -> list[Area]:
        """Return the dates whose interval ends above an area, km²."""
        return [a for a in self.areas if a.interval_km2 is not None and a.interval_km2[1] > high]

    def sizes(self, areas: Sequence[Area]) -> list[float]:
        """Return marks' areas in points², by weight; one size where no weight is known."""
        weights = self.period.weights
        top = max(weights.values(), default=0.0)
        largest = 62.0 if len(self.areas) <= 40 else 34.0
        if not top:
            return [largest * 0.5] * len(areas)
        return [9 + largest * weights.get(str(a.date), 0.0) / top for a in areas]


def _draw_areas(axes: Axes, panel: _Panel, limits: tuple[float, float]) -> None:
    period = panel.period
    if period.interval_km2 is not None:
        axes.axhspan(*period.interval_km2, color=ACCENT, alpha=_BAND, linewidth=0)
    if period.area_km2 is not None:
        axes.axhline(period.area_km2, color=ACCENT, linewidth=1.1, linestyle=(0, (4, 3)))
    if period.expected_km2 is not None:
        axes.axhline(period.expected_km2, color=ACCENT, linewidth=1.4)
    for area in panel.areas:
        if area.interval_km2 is not None:
            axes.vlines(day_of(area.date), *area.interval_km2, color=INK, linewidth=0.9, zorder=2.1)
    _marks(axes, panel)
    low, high = _reach(panel)
    axes.set_ylim(low, high)
    _marks_beyond(axes, panel, high)
    _marks_lost(axes, panel, low)
    axes.set_xlim(limits)
    quiet(axes, panel.text)
    title = district_title(panel.text, period.district)
    axes.set_title(
        f"{title} · {panel.text('report.area')}", loc="left", fontsize=9.5, color=INK, pad=7
    )


def _bars(areas: Sequence[Area]) -> UnseenBars:
    return UnseenBars([day_of(a.date) for a in areas], [unseen_of(a) for a in areas])


def _marks(axes: Axes, panel: _Panel) -> None:
    seen, filled, estimated = panel.seen, panel.filled, panel.estimated
    axes.scatter(
        [day_of(a.date) for a in filled],
        [a.filled_km2 or 0.0 for a in filled],
        marker="_",
        s=48,
        color=INK,
        linewidth=1.3,
        zorder=3.2,
    )
    axes.scatter(
        [day_of(a.date) for a in estimated],
        [a.expected_km2 or 0.0 for a in estimated],
        s=panel.sizes(estimated),
        color=ACCENT,
        linewidth=0,
        clip_on=False,
        zorder=3,
    )
    axes.scatter(
        [day_of(a.date) for a in seen],
        [a.area_km2 or 0.0 for a in seen],
        s=panel.sizes(seen),
        facecolor="none",
        edgecolor=ACCENT,
        linewidth=1.2,
        clip_on=False,
        zorder=3.1,
    )


def _marks_beyond(axes: Axes, panel: _Panel, high: float) -> None:
    """Mark the intervals that go on above the plot."""
    beyond = panel.beyond(high)
    axes.scatter(
        [day_of(a.date) for a in beyond],
        [high] * len(beyond),
        marker="^",
        s=22,
        color=INK,
        linewidth=0,
        clip_on=False,
        zorder=4,
    )


def _marks_lost(axes: Axes, panel: _Panel, low: float) -> None:
    """Mark on the axis the dates that have no area."""
    for status, marker, colour in (("failed", "x", _LOST), ("skipped", "d", MUTED)):
        lost = panel.lost(status)
        axes.scatter(
            [day_of(a.date) for a in lost],
            [low] * len(lost),
            marker=marker,
            s=26,
            color=colour,
            linewidth=1.5 if marker == "x" else 0,
            clip_on=False,
            zorder=4,
        )


def _reach(panel: _Panel) -> tuple[float, float]:
    """Return the ends of the axis of areas: from 0, unless all lie far above it.

    The interval of a date of which little was seen may be many times the area: it is cut off, so
    that the other dates stay readable.
    """
    period = panel.period
    values = [v for a in panel.areas for v in (a.area_km2, a.filled_km2, a.expected_km2)]
    values += [period.area_km2, period.expected_km2, *(period.interval_km2 or ())]
    known = [v for v in values if v is not None]
    bounds = [a.interval_km2 for a in panel.areas if a.interval_km2 is not None]
    low = min(known + [bound[0] for bound in bounds], default=0.0)
    most = _CUT * max(known, default=1.0)
    high = max(known + [min(bound[1], most) for bound in bounds], default=1.0)
    if low <= 0.6 * high:
        return 0.0, high * 1.06 or 1.0
    margin = 0.12 * (high - low) or 0.05 * high
    return low - margin, high + margin


def _legend_entries(panels: Sequence[_Panel], text: Text) -> list[Any]:
    estimated = any(p.estimated for p in panels)
    found: list[Any] = [
        _mark(text("series.mark_expected"), hollow=False),
        Line2D([], [], color=INK, linewidth=0.9, marker="|", markersize=9, linestyle="none",
               label=text("series.mark_interval")),
    ] if estimated else []  # fmt: skip
    found.append(_mark(text("series.mark_seen"), hollow=True))
    if any(p.filled for p in panels):
        found.append(
            Line2D([], [], color=INK, marker="_", markersize=8, linestyle="none",
                   label=text("series.mark_filled"))
        )  # fmt: skip
    if estimated:
        found.append(
            Line2D([], [], color=ACCENT, linewidth=1.4, label=text("series.line_expected"))
        )
    found.append(
        Line2D([], [], color=ACCENT, linewidth=1.1, linestyle=(0, (4, 3)),
               label=text("series.line_seen"))
    )  # fmt: skip
    if any(p.period.interval_km2 for p in panels):
        found.append(Patch(color=ACCENT, alpha=_BAND, linewidth=0, label=text("series.band")))
    found += _legend_of_lost(panels, text)
    return found + _bars([a for p in panels for a in p.areas]).legend(text)


def _legend_of_lost(panels: Sequence[_Panel], text: Text) -> list[Any]:
    found: list[Any] = []
    if any(p.beyond(_reach(p)[1]) for p in panels):
        found.append(
            Line2D([], [], color=INK, marker="^", markersize=5, linestyle="none",
                   markeredgewidth=0, label=text("series.mark_beyond"))
        )  # fmt: skip
    for status, marker, colour in (("failed", "x", _LOST), ("skipped", "d", MUTED)):
        if any(p.lost(status) for p in panels):
            label = text(f"series.mark_{status}")
            found.append(
                Line2D([], [], color=colour, marker=marker, markersize=5, linestyle="none",
                       markeredgewidth=1.5 if marker == "x" else 0, label=label)
            )  # fmt: skip
    return found


def _mark(label: str, *, hollow: bool) -> Line2D:
    return Line2D(
        [],
        [],
        marker="o",
        markersize=6.5,
        linestyle="none",
        markerfacecolor="none" if hollow else ACCENT,
        markeredgecolor=ACCENT if hollow else "none",
        markeredgewidth=1.2,
        label=label,
    )
