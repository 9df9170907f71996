"""What plots through time have in common: the axis of time, and what was unseen on each date."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from obriy.model.areas import Area
from obriy.model.flags import Unseen
from obriy.model.ice import IceArea
from obriy.render.figures import INK, LINE, MUTED, open_frame
from obriy.render.palette import UNNAMED_COLOUR, UNSEEN_COLOURS
from obriy.render.text import Text

WIDTH: Final = 10.0
"""Of a plot through time, inches."""
LEFT: Final = 0.72
RIGHT: Final = 0.12

_MOST_TICKS: Final = 11
_LABEL: Final = 0.82
"""Inches that the label of a day takes."""
_STEPS: Final = (1, 2, 3, 6, 12, 24, 60, 120)
"""Months between ticks."""
_HATCHES: Final = {"no_data": "////", "outside": "....", "unknown": "xxxx"}
"""What has no colour on maps is hatched."""
_COLOURS: Final = {
    **{u.name.lower(): colour for u, colour in UNSEEN_COLOURS.items()},
    "no_data": "none",
    "outside": "none",
    "unnamed": UNNAMED_COLOUR,
}


def panel_box(bottom: float, tall: float, height: float) -> tuple[float, float, float, float]:
    """Return the box of a panel, shares of a figure of that height; lengths in inches."""
    wide = (WIDTH - LEFT - RIGHT) / WIDTH
    return LEFT / WIDTH, bottom / height, wide, tall / height


def draw_key(figure: Figure, entries: Sequence[Artist], **own: Any) -> None:
    """Draw the legend under the panels of a plot through time; ``own`` as `Figure.legend` has."""
    figure.legend(
        handles=entries,
        loc="lower left",
        bbox_to_anchor=(LEFT / WIDTH - 0.008, 0.03 / figure.get_figheight()),
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        borderaxespad=0.3,
        **own,
    )


def day_of(date: str | None) -> float:
    """Return a date as days from the first of January of year 1, fractions for its hour."""
    moment = dt.datetime.fromisoformat(str(date))
    return moment.toordinal() + (moment.hour + moment.minute / 60) / 24


def limits_of(days: Sequence[float]) -> tuple[float, float]:
    """Return the ends of the axis of time for days in their order, with a margin."""
    first, last = days[0], days[-1]
    margin = max(0.03 * (last - first), 1.0 if last > first else 15.0)
    return first - margin, last + margin


@dataclasses.dataclass(frozen=True)
class UnseenBars:
    """What was not seen on each date, as bars under a plot.

    Attributes:
        days: Of the dates, as of `day_of`.
        unseen: Shares that were not seen, 0 to 1, by cause, for each date.
        colours: Of causes that have another colour than on maps of water.
    """

    days: Sequence[float]
    unseen: Sequence[Mapping[str, float]]
    colours: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def causes(self) -> list[str]:
        """The causes that occur, in the order of the maps."""
        found = {cause for one in self.unseen for cause, share in one.items() if share > 0}
        order = [u.name.lower() for u in Unseen] + ["outside", "unnamed"]
        return sorted(found, key=lambda c: order.index(c) if c in order else len(order))

    def look(self, cause: str) -> dict[str, Any]:
        """Return the colours of a cause, those of the maps."""
        if cause in _HATCHES:
            hatch = _HATCHES[cause]
            return {"facecolor": "none", "edgecolor": MUTED, "hatch": hatch, "linewidth": 0.5}
        colour = self.colours.get(cause) or _COLOURS.get(cause, MUTED)
        return {"facecolor": colour, "edgecolor": MUTED, "linewidth": 0.3}

    def legend(self, text: Text) -> list[Patch]:
        """Return the entries of a legend."""
        named = text("report.unseen_share")
        return [
            Patch(**self.look(cause), label=f"{named}: {text.known('unseen', cause).lower()}")
            for cause in self.causes
        ]


def unseen_of(area: Area | IceArea) -> Mapping[str, float]:
    """Return what was not seen by cause; where nobody knows the clouds, the rest is unknown."""
    known = sum(area.unseen.values())
    rest = {"unknown": 1 - known} if area.clouds == "unknown" and known < 1 else {}
    return {**area.unseen, **rest}


def draw_unseen(axes: Axes, bars: UnseenBars, limits: tuple[float, float], text: Text) -> None:
    """Draw what was unseen on each date, by cause, from 0 to 100 %."""
    width = _bar_width(bars.days, limits)
    base = np.zeros(len(bars.days))
    for cause in bars.causes:
        share = np.array([one.get(cause, 0.0) for one in bars.unseen])
        axes.bar(bars.days, share, width=width, bottom=base, **bars.look(cause))
        base += share
    axes.set_xlim(limits)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 1], [text.percent(share, 0) for share in (0, 1)])
    axes.tick_params(colors=MUTED, labelsize=7.5, length=0)
    open_frame(axes)
    axes.text(
        -0.008,
        0.5,
        text("report.unseen_share"),
        transform=axes.transAxes,
        fontsize=7.5,
        color=INK,
        ha="right",
        va="center",
    )


def _bar_width(days: Sequence[float], limits: tuple[float, float]) -> float:
    """Return the width of a bar, days: narrow enough for most neighbours not to touch."""
    inch = (limits[1] - limits[0]) / (WIDTH - LEFT - RIGHT)
    gaps = np.diff(np.unique(days))
    usual = float(np.percentile(gaps, 15)) if gaps.size else inch
    return float(np.clip(0.8 * usual, 0.025 * inch, 0.14 * inch))


def time_axis(upper: Axes, lower: Axes, limits: tuple[float, float], days: Sequence[float]) -> None:
    """Put ticks under the strip: the dates themselves where there is room, else months or years."""
    places, labels = _ticks(limits, days)
    upper.set_xticks(places, [""] * len(places))
    lower.set_xticks(places, labels)
    lower.tick_params(axis="x", labelsize=8, length=3, color=LINE, labelcolor=MUTED)
    upper.grid(axis="x", color=LINE, linewidth=0.5)


def _ticks(limits: tuple[float, float], days: Sequence[float]) -> tuple[list[float], list[str]]:
    inch = (limits[1] - limits[0]) / (WIDTH - LEFT - RIGHT)
    gaps = np.diff(days)
    if not gaps.size or gaps.min() >= _LABEL * inch:
        return list(days), [_named(d, "%Y-%m-%d") for d in days]
    for step in _STEPS:
        found = _firsts(limits, step)
        if len(found) <= _MOST_TICKS:
            break
    if len(found) < 2:
        found = _spread_days(limits)
        return found, [_named(d, "%Y-%m-%d") for d in found]
    shape = "%Y" if step >= 12 else "%Y-%m"
    return found, [_named(d, shape) for d in found]


def _firsts(limits: tuple[float, float], step: int) -> list[float]:
    """Return the first days of every so many months between two days."""
    first = dt.date.fromordinal(int(limits[0]))
    found: list[float] = []
    month = first.year * 12 + first.month - 1
    while True:
        year, rest = divmod(month, 12)
        place = float(dt.date(year, rest + 1, 1).toordinal())
        if place > limits[1]:
            return found
        if place >= limits[0] and month % step == 0:
            found.append(place)
        month += 1


def _spread_days(limits: tuple[float, float]) -> list[float]:
    """Return about six whole days between two days."""
    step = max(1, round((limits[1] - limits[0]) / 6))
    return [float(d) for d in np.arange(np.ceil(limits[0]), limits[1], step)]


def _named(day: float, shape: str) -> str:
    return dt.date.fromordinal(int(day)).strftime(shape)


def quiet(axes: Axes, text: Text) -> None:
    """Leave of the frame what helps to read."""
    open_frame(axes)
    axes.tick_params(colors=MUTED, labelsize=8, length=0)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.locator_params(axis="y", nbins=6 if axes.get_position().height > 0.4 else 5)
    low, high = axes.get_ylim()
    ticks = [float(t) for t in axes.get_yticks() if low <= t <= high * (1 + 1e-9)]
    digits = _digits(ticks)
    axes.set_yticks(ticks, [text.number(t, digits) for t in ticks])


def _digits(ticks: Sequence[float]) -> int:
    """Return the decimals that tell neighbouring ticks apart."""
    if len(ticks) < 2:
        return 2
    step = abs(ticks[1] - ticks[0])
    return max(0, next(d for d in range(9) if abs(round(step, d) - step) < 1e-3 * step or d == 8))


def winter_span(winter: str) -> tuple[str, str]:
    """Return the first day of a winter and of the next: ``2020/21`` or, in the south, ``2021``."""
    year = int(winter[:4])
    first = "07-01" if "/" in winter else "01-01"
    return f"{year}-{first}", f"{year + 1}-{first}"


def month_ticks(
    axes: Axes, winter: str, limits: tuple[float, float], text: Text, *, named: bool
) -> None:
    """Put ticks at the first days of months, counted from the first day of a winter."""
    names = text("ice.months").split()
    first = dt.date.fromisoformat(winter_span(winter)[0])
    months = [(first.month - 1 + n) % 12 for n in range(13)]
    starts = [
        dt.date(first.year + (first.month - 1 + n) // 12, m + 1, 1) for n, m in enumerate(months)
    ]
    found = [
        (float((start - first).days), names[month])
        for start, month in zip(starts, months, strict=True)
        if limits[0] <= (start - first).days <= limits[1]
    ]
    axes.set_xticks([day for day, _ in found], [name if named else "" for _, name in found])
    axes.tick_params(axis="x", labelsize=8, length=3 if named else 0, color=LINE, labelcolor=MUTED)
    axes.grid(axis="x", color=LINE, linewidth=0.5)
