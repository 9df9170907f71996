"""Plots of sea ice through time: area with its interval, winters, and how they differ."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from obriy.model.areas import ALL
from obriy.model.headline import ENOUGH
from obriy.model.ice import IceArea, IceSeason
from obriy.model.legend import load_legend
from obriy.render.figures import ACCENT, INK, LINE, MUTED, new_figure
from obriy.render.palette import SERIES
from obriy.render.series import MOST_PANELS, district_title
from obriy.render.text import Text, text_of
from obriy.render.timeline import (
    WIDTH,
    UnseenBars,
    day_of,
    draw_key,
    draw_unseen,
    limits_of,
    month_ticks,
    panel_box,
    quiet,
    time_axis,
    unseen_of,
    winter_span,
)

MOST_WINTERS: Final = 6
"""Winters that a plot has room for: the latest."""
_HEAD: Final = 0.34
_GAP: Final = 0.15
_STRIP: Final = 0.42
_FOOT: Final = 0.36
_CUT: Final = 1.6
"""Intervals are drawn up to so many times the greatest best estimate."""
_STYLES: Final = ("--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
"""Of older winters, beside their colours: for readers who cannot tell all of those apart."""


def ice_series_figure(
    areas: Sequence[IceArea],
    seasons: Sequence[IceSeason] = (),
    *,
    lang: str = "en",
) -> Figure:
    """Draw the area of ice through time, a panel for each place, with what was unseen below.

    Rings are the ice that was seen, dashes the best estimate for the whole place with its 90 %
    interval. Several winters are laid over each other from their first day on; rings, intervals
    and bars are then those of the latest.

    Args:
        areas: Of the places; of more than six the first ones are drawn.
        seasons: Their winters; without them there is one.
        lang: Language.
    """
    text = text_of(lang)
    names = list(dict.fromkeys(a.district for a in areas))[:MOST_PANELS]
    winters = sorted({s.season for s in seasons})[-MOST_WINTERS:]
    panels = [
        _Panel.of(
            [a for a in areas if a.district == name],
            [s for s in seasons if s.district == name],
            winters if len(winters) > 1 else [],
        )
        for name in names
    ]
    entries = _entries(panels, text)
    plot = 3.0 if len(panels) == 1 else 1.75
    legend = 0.2 + 0.21 * -(-len(entries) // 3)
    each = _HEAD + plot + _GAP + _STRIP + _FOOT
    height = each * len(panels) + legend
    figure = new_figure(WIDTH, height)
    limits = _limits(panels)
    for number, panel in enumerate(panels):
        top = height - number * each - _HEAD
        upper = figure.add_axes(panel_box(top - plot, plot, height))
        lower = figure.add_axes(panel_box(top - plot - _GAP - _STRIP, _STRIP, height))
        _draw(upper, panel, limits, text)
        draw_unseen(lower, panel.bars, limits, text)
        _axis(upper, lower, panel, limits, text)
    draw_key(figure, entries, ncols=3, handlelength=1.9, columnspacing=1.6)
    return figure


def place_title(text: Text, name: str) -> str:
    """Return what people call a place: those that the software named have words."""
    return text("ice.places_all") if name == ALL else district_title(text, name)


@dataclasses.dataclass(frozen=True)
class _Panel:
    """What one panel shows.

    Attributes:
        name: Of the place.
        winters: Dates by winter, the latest last; one of the name ``""`` where time runs on.
        seasons: Of the place, as far as they are drawn.
    """

    name: str
    winters: Mapping[str, Sequence[IceArea]]
    seasons: Sequence[IceSeason]

    @classmethod
    def of(
        cls,
        areas: Sequence[IceArea],
        seasons: Sequence[IceSeason],
        winters: Sequence[str],
    ) -> "_Panel":
        dated = sorted(areas, key=lambda a: a.date)
        spans = {winter: winter_span(winter) for winter in winters}
        groups = {
            winter: [a for a in dated if first <= a.date[:10] < last]
            for winter, (first, last) in spans.items()
        }
        return cls(areas[0].district, groups or {"": dated}, seasons)

    @property
    def latest(self) -> str:
        """The winter in front."""
        return list(self.winters)[-1]

    @property
    def dates(self) -> Sequence[IceArea]:
        """Dates of the winter in front."""
        return self.winters[self.latest]

    @property
    def bars(self) -> UnseenBars:
        """What was not seen on them; clouds in the colour that they have on the map."""
        return UnseenBars(
            [self.day(a.date, self.latest) for a in self.dates],
            [unseen_of(a) for a in self.dates],
            {"cloud": load_legend("ice").by_name("cloud").colour},
        )

    def day(self, date: str, winter: str) -> float:
        """Return where a date stands: since its winter began, where there are several."""
        return day_of(date) - (day_of(winter_span(winter)[0]) if winter else 0.0)

    def on_line(self, winter: str) -> list[tuple[float, IceArea]]:
        """Return the dates that a line joins, with where they stand."""
        return [
            (self.day(a.date, winter), a)
            for a in self.winters[winter]
            if a.expected_km2 is not None and 1 - a.unseen_share >= ENOUGH
        ]

    @property
    def turns(self) -> list[tuple[str, str]]:
        """Pairs of dates between which ice came or went, where time runs on."""
        if self.latest:
            return []
        pairs = [(s.first_ice_after, s.first_ice) for s in self.seasons]
        pairs += [(s.last_ice, s.last_ice_before) for s in self.seasons]
        return [(first, last) for first, last in pairs if first and last]


def _limits(panels: Sequence[_Panel]) -> tuple[float, float]:
    days = sorted(
        {p.day(a.date, w) for p in panels for w, dates in p.winters.items() for a in dates}
    )
    return limits_of(days)


def _draw(axes: Axes, panel: _Panel, limits: tuple[float, float], text: Text) -> None:
    high = _top(panel)
    for first, last in panel.turns:
        axes.axvspan(day_of(first), day_of(last), color=LINE, alpha=0.55, linewidth=0, zorder=0.5)
    for winter, look in _older(panel).items():
        line = panel.on_line(winter)
        axes.plot([d for d, _ in line], [a.expected_km2 or 0.0 for _, a in line], **look)
    _draw_latest(axes, panel, high)
    axes.set_ylim(0, high)
    axes.set_xlim(limits)
    quiet(axes, text)
    title = f"{place_title(text, panel.name)} · {text('ice.axis')}"
    axes.set_title(title, loc="left", fontsize=9.5, color=INK, pad=7)


def _draw_latest(axes: Axes, panel: _Panel, high: float) -> None:
    line = panel.on_line(panel.latest)
    known = [d for d, _ in line], [a.expected_km2 or 0.0 for _, a in line]
    axes.plot(*known, color=ACCENT, linewidth=1.6, zorder=3)
    for area in panel.dates:
        day = panel.day(area.date, panel.latest)
        if area.interval_km2 is not None:
            axes.vlines(day, *area.interval_km2, color=INK, linewidth=0.9, zorder=3.1)
            if area.interval_km2[1] > high:
                axes.plot(day, high, marker="^", markersize=4, color=INK, clip_on=False, zorder=4)
        if area.expected_km2 is not None:
            axes.plot(day, area.expected_km2, marker="_", markersize=6, color=INK, zorder=3.2)
        if area.extent_km2 is not None:
            axes.plot(day, area.extent_km2, zorder=2.9, clip_on=False, **_EXTENT)
        if area.ice_km2 is not None:
            axes.plot(day, area.ice_km2, zorder=3.3, clip_on=False, **_RING)
        else:
            axes.plot(day, 0, clip_on=False, zorder=4, **_LOST[area.status == "failed"])


_EXTENT: Final[dict[str, Any]] = {
    "marker": "x", "markersize": 4, "linestyle": "none", "color": SERIES[3], "markeredgewidth": 1.1,
}  # fmt: skip
_RING: Final[dict[str, Any]] = {
    "marker": "o", "markersize": 5.5, "linestyle": "none", "markerfacecolor": "none",
    "markeredgecolor": ACCENT, "markeredgewidth": 1.2,
}  # fmt: skip
_LOST: Final[dict[bool, dict[str, Any]]] = {
    True: {"color": SERIES[0], "marker": "X", "markersize": 6, "linestyle": "none"},
    False: {"color": MUTED, "marker": "d", "markersize": 5, "linestyle": "none",
            "markeredgewidth": 0},
}  # fmt: skip
"""Marks on the axis of dates that failed, and of dates on which nothing was seen."""


def _older(panel: _Panel) -> dict[str, dict[str, Any]]:
    """Return how the winters behind the latest are drawn."""
    older = list(panel.winters)[:-1]
    return {
        winter: {
            "color": (*SERIES, MUTED)[number % 5],
            "linestyle": _STYLES[number % 5],
            "linewidth": 1.2,
            "marker": ".",  # a winter of a single date has no line
            "markersize": 4,
        }
        for number, winter in enumerate(older[::-1])
    }


def _top(panel: _Panel) -> float:
    """Return the end of the axis of areas: an interval of a date hardly seen does not set it."""
    every = [a for dates in panel.winters.values() for a in dates]
    known = [v for a in every for v in (a.ice_km2, a.expected_km2, a.extent_km2) if v is not None]
    most = max(known, default=0.0)
    bounds = [a.interval_km2[1] for a in panel.dates if a.interval_km2 is not None]
    return 1.06 * max([most, *(min(b, _CUT * most) for b in bounds)]) or 1.0


def _axis(upper: Axes, lower: Axes, panel: _Panel, limits: tuple[float, float], text: Text) -> None:
    if not panel.latest:
        time_axis(upper, lower, limits, sorted({day_of(a.date) for a in panel.dates}))
        return
    month_ticks(upper, panel.latest, limits, text, named=False)
    month_ticks(lower, panel.latest, limits, text, named=True)


def _entries(panels: Sequence[_Panel], text: Text) -> list[Any]:
    """Return the legend: of the dates, of the winters, of what was lost."""
    first = panels[0]
    named = text("ice.latest_winter", season=first.latest) if first.latest else ""
    found: list[Any] = [
        Line2D([], [], **_RING, label=text("ice.mark_seen")),
        Line2D([], [], color=ACCENT, linewidth=1.6, label=text("ice.line_expected")),
        Line2D([], [], color=INK, linewidth=0.9, marker="|", markersize=9, linestyle="none",
               label=text("series.mark_interval")),
        Line2D([], [], **_EXTENT, label=text("ice.mark_extent")),
    ]  # fmt: skip
    if named:
        found.insert(0, Line2D([], [], color=ACCENT, linewidth=1.6, label=named))
        found.pop(2)
    found += [Line2D([], [], **look, label=winter) for winter, look in _older(first).items()]
    if any(panel.turns for panel in panels):
        found.append(Patch(color=LINE, alpha=0.55, linewidth=0, label=text("ice.turned")))
    lost = [a for p in panels for a in p.dates if a.ice_km2 is None]
    for failed, name in ((True, "failed"), (False, "skipped")):
        if any((a.status == "failed") == failed for a in lost):
            found.append(Line2D([], [], **_LOST[failed], label=text(f"series.mark_{name}")))
    together = UnseenBars([], [unseen_of(a) for p in panels for a in p.dates], first.bars.colours)
    return found + together.legend(text)
