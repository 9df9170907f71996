"""Charts that move: areas through time, what one pixel was, its spectrum."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nicegui import ui

from obriy.web.pages.frame import Reader
from obriy.web.spot import Through
from obriy.workflows.pixel import Spectrum

_TEXT: Final = "getComputedStyle(document.body).getPropertyValue('--soft')"
"""JavaScript: the colour of words, on a light page or a dark one."""
_BAR: Final = """(params, api) => {
  const [x, y] = api.coord([api.value(0), api.value(1)]);
  const [, floor] = api.coord([api.value(0), 0]);
  const shape = {x: x - 5, y, width: 10, height: floor - y};
  return {type: "rect", shape, style: {fill: "#9aa5ae"}};
}"""
"""JavaScript: a bar at its date; the bars of ECharts move the dates of their axis."""
_DATES: Final = """value => {
  const day = new Date(value), said = how => day.toLocaleDateString(document.documentElement.lang, how);
  if (day.getDate() > 1) return said({day: "numeric", month: "short"});
  return day.getMonth() ? said({month: "short"}) : String(day.getFullYear());
}"""  # noqa: E501
"""JavaScript: a date as the language of the page writes it: ECharts knows only English months."""
_NUMBER: Final = """value => value == null ? "–" : Number(value).toLocaleString(
  document.documentElement.lang, {maximumSignificantDigits: 4})
  .replace(/\\u00a0/g, "\\u202f").replace("-", "−")"""
"""JavaScript: a number likewise, with the marks of `obriy.render.text`."""
_BAND: Final = """one => one.value[2] + ", " + one.value[0] + " µm: " + one.value[1]"""
_CLASS: Final = """one => one.data.day + ": " + one.name"""
_LINE: Final = "#2f80c2"
_OTHER: Final = "#d9822b"
_UNSEEN: Final = "#9aa5ae"
_QUIET: Final = {"lineStyle": {"color": "#8aa0b455"}}
_HECTARES: Final = 100.0
"""In a square kilometre."""


def series_chart(
    runs: Mapping[str, Sequence[Any]], reader: Reader, *, hectares: bool = False
) -> None:
    """Show areas through time, with their intervals and the share that was not seen.

    Args:
        runs: Dates by the name of their run; one without a name alone.
        reader: Who looks.
        hectares: Of something small: in hectares.
    """
    words = reader.words
    series: list[dict[str, Any]] = []
    for (name, rows), colour in zip(runs.items(), (_LINE, _OTHER), strict=False):
        series += _lines(name, rows, colour, words, _HECTARES if hectares else 1.0)
    days = sorted(row.date for rows in runs.values() for row in rows)
    time = {**_time(), "min": days[0], "max": days[-1]}
    unit = words("area_ha" if hectares else "area")
    _chart(
        {
            "grid": [
                {"left": 64, "right": 24, "top": 96 if len(series) > 4 else 60, "bottom": 140},
                {"left": 64, "right": 24, "bottom": 40, "height": "14%"},
            ],
            "legend": {
                "top": 0,
                "textStyle": {":color": _TEXT},
                "type": "plain" if len(runs) == 1 else "scroll",
                "data": [_key(one) for one in series if "name" in one],
            },
            "tooltip": {"trigger": "axis", ":valueFormatter": _NUMBER},
            "xAxis": [
                {**time, "gridIndex": 0, "axisLabel": {"show": False}},
                {**time, "gridIndex": 1},
            ],
            "yAxis": [
                {**_values(unit), "gridIndex": 0, "min": 0},
                {**_values(f"{words('unseen')}, %"), "gridIndex": 1, "max": 100, "interval": 50},
            ],
            "series": series,
        },
        words("chart_alt"),
    )


def _key(series: Mapping[str, Any]) -> dict[str, Any]:
    """Return an entry of the legend: a band is told by a band, not by the mark of a line."""
    band = {"icon": "roundRect", "itemStyle": {"opacity": 0.35}} if "areaStyle" in series else {}
    return {"name": series["name"], **band}


# fmt: off
def _lines(
    name: str, rows: Sequence[Any], colour: str, words: Any, factor: float
) -> list[dict[str, Any]]:
    title = f"{name} · " if name else ""
    known = [row for row in rows if row.interval_km2 is not None]
    estimated = any(row.expected_km2 is not None for row in rows)
    band = {"type": "line", "stack": f"band {name}", "symbol": "none", "silent": True,
            "lineStyle": {"opacity": 0}, "tooltip": {"show": False}}
    low = [[row.date, factor * row.interval_km2[0]] for row in known]
    wide = [[row.date, factor * (row.interval_km2[1] - row.interval_km2[0])] for row in known]
    best = [[row.date, _times(factor, row.expected_km2)] for row in rows]
    whole = [[row.date, _times(factor, seen(row))] for row in rows if _is_whole(row)]
    parts = [[row.date, _times(factor, seen(row))] for row in rows if not _is_whole(row)]
    unseen = [[row.date, round(100 * row.unseen_share, 1)] for row in rows]
    estimates = [
        {**band, "data": low},
        {**band, "data": wide, "name": f"{title}{words('interval')}", "color": colour,
         "areaStyle": {"color": colour, "opacity": 0.25}},
        {"type": "line", "name": f"{title}{words('best')}", "data": best, "color": colour,
         "symbol": "circle", "symbolSize": 9, "connectNulls": True},
    ]
    in_part = {"type": "scatter", "name": f"{title}{words('seen_in_part')}", "data": parts,
               "color": _UNSEEN, "symbol": "emptyCircle", "symbolSize": 9}
    return [
        *(estimates if estimated else []),
        {"type": "line", "name": f"{title}{words('seen')}", "data": whole, "color": colour,
         "symbol": "emptyDiamond", "symbolSize": 9, "lineStyle": {"type": "dashed", "width": 1}},
        *([in_part] if parts else []),
        {"type": "custom", "name": f"{title}{words('unseen')}, %", "data": unseen,
         "xAxisIndex": 1, "yAxisIndex": 1, "color": _UNSEEN, ":renderItem": _BAR, "clip": False},
    ]


# fmt: on
def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value


def _is_whole(row: Any) -> bool:
    """Say whether a date counts: of a body of water one of which enough was seen."""
    return bool(getattr(row, "counts", True))


def seen(row: Any) -> float | None:
    """Return what was seen on a date, km²; of ice it has a name of its own."""
    found: float | None = getattr(row, "ice_km2", None)
    return found if found is not None else getattr(row, "area_km2", None)


def spot_chart(through: Through, reader: Reader) -> None:
    """Show what one pixel was, date by date: its values as lines, its classes as marks below."""
    words = reader.words
    marks = [
        {"value": [day, 0], "name": word, "day": day,
         "itemStyle": {"color": colour or _UNSEEN, "borderColor": _UNSEEN}}
        for day, word, colour in through.classes
    ]  # fmt: skip
    lines = [
        {"type": "line", "name": curve.title, "data": [list(point) for point in curve.points],
         "color": colour, "symbol": "circle", "symbolSize": 7}
        for curve, colour in zip(through.curves, (_LINE, _OTHER), strict=False)
    ]  # fmt: skip
    units = ", ".join(dict.fromkeys(curve.unit for curve in through.curves if curve.unit))
    axis = _values(units) | ({"min": 0, "max": 100} if units == "%" else {})
    classes = {
        "type": "scatter", "name": words("class"), "data": marks, "xAxisIndex": 1, "yAxisIndex": 1,
        "symbol": "rect", "symbolSize": [12, 18], "color": _UNSEEN,
        "tooltip": {":formatter": _CLASS, "trigger": "item"}, "clip": False,
    }  # fmt: skip
    _chart(
        {
            "grid": [
                {"left": 48, "right": 20, "top": 56, "bottom": 88},
                {"left": 48, "right": 20, "bottom": 32, "height": 28},
            ],
            "legend": {
                "top": 0, "textStyle": {":color": _TEXT}, "type": "scroll",
                "data": [curve.title for curve in through.curves],
            },
            "tooltip": {"trigger": "item", ":valueFormatter": _NUMBER},
            "xAxis": [{**_time(), "gridIndex": 0, "axisLabel": {"show": False}},
                      {**_time(), "gridIndex": 1}],
            "yAxis": [{**axis, "gridIndex": 0},
                      {"type": "value", "gridIndex": 1, "show": False, "min": -1, "max": 1}],
            "series": [*lines, classes],
        },
        f"{words('spot_alt')}: " + "; ".join(f"{day} {word}" for day, word, _ in through.classes),
        "ob-chart ob-small",
    )  # fmt: skip


def spectrum_chart(spectrum: Spectrum, reader: Reader) -> None:
    """Show what each band of a pixel measured, by wavelength."""
    words = reader.words
    points = [[wave, round(value, 4), name] for name, wave, value in spectrum.bands]
    name = words("reflectance") if spectrum.reflectance else words("number_of_file")
    _chart(
        {
            "grid": {"left": 48, "right": 24, "top": 36, "bottom": 40},
            "tooltip": {"trigger": "item", ":formatter": _BAND},
            "xAxis": {**_values("µm"), "scale": True, "splitNumber": 4, "nameGap": 4},
            "yAxis": {**_values(name), "nameTextStyle": {":color": _TEXT, "align": "left"}},
            "series": [
                {"type": "line", "data": points, "color": _LINE, "symbol": "circle",
                 "symbolSize": 8}
            ],
        },
        f"{name}: " + ", ".join(f"{band} {value}" for _, value, band in points),
        "ob-chart ob-small",
    )  # fmt: skip


def _chart(options: dict[str, Any], says: str, classes: str = "ob-chart") -> None:
    said = says.replace('"', "'")
    aria = {"enabled": True, "label": {"description": said}}
    made = ui.echart({"aria": aria, "animation": False, **options}).classes(classes)
    made.props(f'role="img" aria-label="{said}"')


def _time() -> dict[str, Any]:
    label = {":color": _TEXT, "hideOverlap": True, ":formatter": _DATES}
    return {"type": "time", "minInterval": 86_400_000, "axisLabel": label}


def _values(name: str) -> dict[str, Any]:
    return {
        "type": "value", "name": name, "nameTextStyle": {":color": _TEXT}, "splitLine": _QUIET,
        "axisLabel": {":color": _TEXT, ":formatter": _NUMBER, "hideOverlap": True},
    }  # fmt: skip
