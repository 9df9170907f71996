"""How the ice of each ten days differs from that of other winters."""

from collections.abc import Sequence
from typing import Any, Final

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from obriy.model.ice import IceSeason
from obriy.render.figures import ACCENT, INK, MUTED, new_figure
from obriy.render.ice_series import MOST_WINTERS
from obriy.render.palette import SERIES
from obriy.render.text import text_of
from obriy.render.timeline import (
    WIDTH,
    day_of,
    draw_key,
    month_ticks,
    panel_box,
    quiet,
    winter_span,
)

_LEAST_DAYS: Final = 120.0
"""That the axis of anomalies spans: the bar of ten days is no wide one."""
_TEN: Final = 9.0
"""Width of the bar of ten days, days."""


def anomaly_figure(seasons: Sequence[IceSeason], *, lang: str = "en") -> Figure | None:
    """Draw how each ten days differ from those of the other winters; a row for each winter.

    Args:
        seasons: Of one place; of more than six the latest.
        lang: Language.

    Returns:
        None where no ten days were seen in two winters.
    """
    text = text_of(lang)
    rows = [(s, known) for s in seasons if (known := _anomalies(s))][-MOST_WINTERS:]
    if not rows:
        return None
    values = [v for _, known in rows for v in known.values()]
    most = 1.12 * max(map(abs, values)) or 1.0
    days = [day for _, known in rows for day in known]
    wider = max(0.0, _LEAST_DAYS - (max(days) - min(days))) / 2
    limits = min(days) - 4.0 - wider, max(days) + 14.0 + wider
    tall, head, foot = 0.85, 0.26, 0.75
    height = len(rows) * (tall + head) + foot
    figure = new_figure(WIDTH, height)
    for number, (season, known) in enumerate(rows):
        bottom = height - (number + 1) * (tall + head)
        axes = figure.add_axes(panel_box(bottom, tall, height))
        for day, value in known.items():
            axes.bar(day + _TEN / 2, value, width=_TEN, **_look(value))
        axes.axhline(0, color=MUTED, linewidth=0.8)
        axes.set_ylim(-most, most)
        axes.set_xlim(limits)
        quiet(axes, text)
        axes.set_title(
            f"{season.season} · {text('units.km2')}", loc="left", fontsize=9.5, color=INK, pad=3
        )
        month_ticks(axes, season.season, limits, text, named=number == len(rows) - 1)
    draw_key(
        figure,
        [
            Patch(**_look(1.0), label=text("ice.more_ice")),
            Patch(**_look(-1.0), label=text("ice.less_ice")),
        ],
        ncols=2,
    )
    return figure


def _anomalies(season: IceSeason) -> dict[float, float]:
    """Return the anomaly of ten days, km², by their first day since the winter began."""
    first = day_of(winter_span(season.season)[0])
    return {
        day_of(row["start"]) - first: row["anomaly_km2"]
        for row in season.ten_days
        if row["anomaly_km2"] is not None
    }


def _look(value: float) -> dict[str, Any]:
    """Return the colours of more ice, or of less; hatched, so that they differ in grey too."""
    if value >= 0:
        return {"facecolor": ACCENT, "edgecolor": ACCENT, "linewidth": 0.4, "alpha": 0.85}
    return {"facecolor": "none", "edgecolor": SERIES[0], "linewidth": 0.9, "hatch": "////"}
