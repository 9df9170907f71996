"""Methods for water side by side: masks, scores, areas, and what every threshold would give."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from obriy.blocks.decimate import steps_for
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.legend import NO_DATA
from obriy.model.scores import COMPARED
from obriy.render.figures import ACCENT, INK, LINE, MUTED, new_figure, open_frame, write_numbers
from obriy.render.furniture import draw_legend, draw_outlines, draw_scale_bar
from obriy.render.geometry import ground_scale, pixel_aspect
from obriy.render.maps import show_picture
from obriy.render.palette import METHODS, SERIES, rgb
from obriy.render.pictures import Picture, preview
from obriy.render.text import Text, text_of
from obriy.vectors import place

AGREED, EXTRA, MISSED, LAND, HIDDEN = "#1f5fa8", "#e8a33d", "#8e1c62", "#efece4", "#c9c9cf"
"""Water in both, in the map alone, in the reference alone; no water; what was not seen."""
_SIDE: Final = 500
"""Longest side of a mask, picture elements."""
_STRIP: Final = 2**24
"""Pixels of a map that are read at once."""
_ACROSS: Final = 4
_TALL: Final = 1.6
"""Height over width above which twice as many pictures stand side by side."""
_WIDE: Final = 12.4
_LONGEST: Final = 44
_LETTER: Final = 0.085
"""Inches that a letter beside a plot takes, at most."""
_MARKS: Final = {"published": (INK, "-"), "otsu": (SERIES[1], "--"), "best": (SERIES[0], "-.")}
"""Colour and line of thresholds that are known."""


def masks_figure(
    scene: xr.Dataset,
    maps: Mapping[str, ClassMap],
    truth: xr.DataArray | None,
    *,
    districts: Sequence[District] = (),
    lang: str = "en",
    pixel_size_m: float | None = None,
) -> Figure:
    """Draw the scene, and the mask of each method; where there is a reference, how they agree.

    Args:
        scene: The Scene that was mapped.
        maps: Maps of water by method, all on its grid.
        truth: (y, x) codes of the reference on that grid, in the legend of the maps, 0 where it
            says nothing; in memory or lazy. None: masks alone.
        districts: Outlined on all.
        lang: Language.
        pixel_size_m: For a scale bar where the image has no CRS.
    """
    text = text_of(lang)
    geobox = geobox_of(scene)
    scale = ground_scale(geobox, pixel_size_m)
    aspect = pixel_aspect(geobox, scale)
    image = preview(scene, _SIDE)
    key = "map.true_colour" if image.true_colour else "map.false_colour"
    panels = [(text(key, bands=", ".join(dict.fromkeys(image.bands))), image)]
    panels += [(name, _mask(water, truth)) for name, water in maps.items()]
    slim = image.extent[0] * aspect > _TALL * image.extent[1]
    down = -(-len(panels) // (2 * _ACROSS if slim else _ACROSS))
    across = -(-len(panels) // down)  # rows about equally long
    wide = (_WIDE - 0.2 * (across - 1)) / across
    tall = min(wide * image.extent[0] * aspect / image.extent[1], 7.0)
    head, foot = 0.34, 0.5
    height = down * (tall + head) + foot
    figure = new_figure(_WIDE, height)
    outlines = [place(d.geometry, d.crs, geobox) for d in districts]
    for number, (title, picture) in enumerate(panels):
        left = (number % across) * (wide + 0.2) / _WIDE
        bottom = 1 - ((number // across) + 1) * (tall + head) / height
        axes = figure.add_axes((left, bottom, wide / _WIDE, tall / height))
        show_picture(axes, picture, aspect)
        draw_outlines(axes, outlines, width=0.8)
        axes.set_title(title, loc="left", fontsize=9.5, color=INK, pad=5)
    legend = _legend(text, with_reference=truth is not None)
    draw_legend(figure, legend, (0.0, (foot - 0.08) / height), columns=len(legend),
                corner="upper left")  # fmt: skip
    if scale is not None:
        shown = min(wide, tall * image.extent[1] / (image.extent[0] * aspect))
        at = 1 - 3.2 / _WIDE, (foot - 0.2) / height
        draw_scale_bar(figure, scale, image.extent[1] * scale.along / shown, text, at)
    return figure


def scores_figure(rows: Sequence[Mapping[str, Any]], lang: str = "en") -> Figure:
    """Draw the six scores of each method as bars with their intervals (document C, figure 3).

    Args:
        rows: ``method`` and, 0 to 1 or None, each score with its ``_low`` and ``_high``.
        lang: Language.
    """
    text = text_of(lang)
    across = min(len(rows), 6) or 1
    height = 3.72 + 0.26 * -(-len(rows) // across)
    figure = new_figure(_WIDE, height)
    axes = figure.add_axes((0.045, 0.5 / height, 0.945, 3.05 / height))
    width = 0.84 / max(len(rows), 1)
    lowest = 0.0
    for number, row in enumerate(rows):
        at = np.arange(len(COMPARED)) + (number - (len(rows) - 1) / 2) * width
        values = [row.get(score) for score in COMPARED]
        heights = np.array([np.nan if v is None else v for v in values], "float64")
        axes.bar(at, heights, width * 0.92, color=METHODS[number % len(METHODS)], zorder=2,
                 label=str(row["method"]))  # fmt: skip
        lowest = min(lowest, float(np.nanmin(np.append(heights, 0.0))))
        for x, value, score in zip(at, values, COMPARED, strict=True):
            _whisker(axes, x, row.get(f"{score}_low"), row.get(f"{score}_high"))
            if value is not None and len(rows) <= 6:
                _figure_of(axes, x, value, row.get(f"{score}_high"), text)
    axes.set_xticks(range(len(COMPARED)), [text(f"compare_water.{score}") for score in COMPARED])
    axes.set_ylim(min(lowest, 0.0), 1.06)
    _quiet(axes, "y", text)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper left", bbox_to_anchor=(0.035, 1.0), ncols=across,
                  frameon=False, fontsize=9, labelcolor=INK)  # fmt: skip
    return figure


def area_figure(rows: Sequence[Mapping[str, Any]], lang: str = "en") -> Figure:
    """Draw the area of each method: the best estimate with its interval, and what was seen.

    Args:
        rows: ``method``, and in km² or None ``area_km2``, ``expected_km2``, ``low_km2`` and
            ``high_km2``.
        lang: Language.
    """
    text = text_of(lang)
    height = 0.92 + 0.34 * len(rows)
    figure = new_figure(9.0, height)
    names = [_shortened(str(row["method"])) for row in rows]
    left = 0.03 + max(map(len, names)) * _LETTER / 9.0
    axes = figure.add_axes((left, 0.45 / height, 0.97 - left, (0.34 * len(rows)) / height))
    for number, row in enumerate(rows):
        if row["low_km2"] is not None:
            axes.plot((row["low_km2"], row["high_km2"]), (number, number), color=ACCENT, alpha=0.4,
                      linewidth=3, solid_capstyle="butt", zorder=2)  # fmt: skip
        if row["expected_km2"] is not None:
            axes.plot(row["expected_km2"], number, "o", color=ACCENT, markersize=6.5, zorder=4)
        if row["area_km2"] is not None:
            axes.plot(row["area_km2"], number, "|", color=INK, markersize=13, markeredgewidth=1.8,
                      zorder=3)  # fmt: skip
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(left=0)
    _quiet(axes, "x", text)
    axes.tick_params(axis="y", colors=INK, labelsize=9)
    axes.set_xlabel(text("units.km2"), color=INK, fontsize=9)
    marks = [
        axes.plot([], [], "o", color=ACCENT, markersize=6.5)[0],
        axes.plot([], [], color=ACCENT, alpha=0.4, linewidth=3)[0],
        axes.plot([], [], "|", color=INK, markersize=13, markeredgewidth=1.8)[0],
    ]
    figure.legend(marks, [text(f"compare_water.{n}") for n in ("whole", "span90", "seen")],
                  loc="upper left", bbox_to_anchor=(left - 0.015, 1.0), ncols=3, frameon=False,
                  fontsize=9, labelcolor=INK)  # fmt: skip
    return figure


def _shortened(name: str) -> str:
    """Return a name that fits beside a plot, its middle left out."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 14]}…{name[-13:]}"


def sweep_figure(sweep: Mapping[str, Any], lang: str = "en") -> Figure:
    """Draw the area of water, and the scores, against the threshold of an index.

    Args:
        sweep: ``index``; ``table`` with arrays of one length, ``threshold`` and what there is of
            ``area_km2``, ``f1`` and ``iou``; and the thresholds ``published``, ``otsu``, ``best``.
        lang: Language.
    """
    text, table = text_of(lang), sweep["table"]
    panels = [names for names in (("area_km2",), ("iou", "f1", "kappa")) if names[0] in table]
    height = 0.68 + 2.35 * len(panels)
    figure = new_figure(9.0, height)
    known = {n: sweep[n] for n in _MARKS if sweep.get(n) is not None}
    for number, names in enumerate(panels):
        bottom = height - 0.45 - 2.35 * (number + 1) + 0.42
        axes = figure.add_axes((0.09, bottom / height, 0.89, 1.75 / height))
        _curves(axes, table, names, text)
        marks = _thresholds(axes, known, text)
        axes.set_xlim(*_shown(table, known))
        axes.set_ylim(bottom=0)
        _quiet(axes, "both", text)
    axes.set_xlabel(text("compare_water.threshold_of", index=sweep["index"]), color=INK, fontsize=9)
    figure.legend(marks, [str(mark.get_label()) for mark in marks], loc="upper left",
                  bbox_to_anchor=(0.075, 1.0), ncols=3, frameon=False, fontsize=9,
                  labelcolor=INK)  # fmt: skip
    return figure


def season_sweep_figure(sweep: Mapping[str, Any], lang: str = "en") -> Figure:
    """Draw the area of a season, and that of each of its dates, against the threshold.

    Args:
        sweep: ``index``, ``published`` or None, and ``table``: ``threshold``, ``area_km2`` (S) with
            ``low_km2`` and ``high_km2``, and the area of each date by its name.
        lang: Language.
    """
    text, table = text_of(lang), sweep["table"]
    figure = new_figure(9.0, 4.1)
    axes = figure.add_axes((0.09, 0.13, 0.89, 0.72))
    for name, curve in table.items():
        if name not in ("threshold", "area_km2", "low_km2", "high_km2"):
            axes.plot(table["threshold"], curve, color=MUTED, linewidth=0.9, alpha=0.6, zorder=2)
    axes.plot([], [], color=MUTED, linewidth=0.9, label=text("compare_water.date_curve"))
    ends = (table["low_km2"], table["high_km2"])
    axes.fill_between(table["threshold"], *ends, color=ACCENT, alpha=0.15, linewidth=0, zorder=3)
    axes.plot(table["threshold"], table["area_km2"], color=ACCENT, linewidth=2.4, zorder=4,
              label=text("compare_water.season_curve"))  # fmt: skip
    known = {n: sweep[n] for n in _MARKS if sweep.get(n) is not None}
    _thresholds(axes, known, text)
    axes.set_xlim(*_shown(table, known))
    axes.set_ylim(bottom=0)
    _quiet(axes, "both", text)
    axes.set_title(text("compare_water.area_km2"), loc="left", fontsize=9, color=INK, pad=5)
    axes.set_xlabel(text("compare_water.threshold_of", index=sweep["index"]), color=INK, fontsize=9)
    figure.legend(*axes.get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(0.075, 1.0),
                  ncols=3, frameon=False, fontsize=9, labelcolor=INK)  # fmt: skip
    return figure


def splits_figure(
    rows: Sequence[Mapping[str, Any]], sensor_m: float | None, lang: str = "en"
) -> Figure:
    """Draw the area of one image against the size of its pixels (document D, table 1).

    Args:
        rows: ``split``, and ``pixel_m`` in m, ``area_km2``, ``expected_km2``, ``low_km2`` and
            ``high_km2`` in km², or None.
        sensor_m: Finest pixels of the sensor, m: left of it nothing is seen in more detail.
        lang: Language.
    """
    text = text_of(lang)
    good = sorted((r for r in rows if r["area_km2"] is not None), key=lambda row: row["pixel_m"])
    sizes = [row["pixel_m"] for row in good]
    figure = new_figure(9.0, 4.2)
    axes = figure.add_axes((0.09, 0.14, 0.89, 0.7))
    if sensor_m is not None and sizes[0] < sensor_m:
        finer = text("compare_water.resampled", size=text.significant(sensor_m))
        axes.axvspan(sizes[0] * 0.8, sensor_m, color=LINE, alpha=0.6, lw=0, zorder=1, label=finer)
    for row in good:
        _whisker(axes, row["pixel_m"], row["low_km2"], row["high_km2"])
    axes.set_ylim(*_of_areas(axes, good))
    whole = [row["expected_km2"] for row in good]
    if all(value is not None for value in whole):
        axes.plot(sizes, whole, "o-", color=ACCENT, markersize=6.5, linewidth=1.4, zorder=4,
                  label=text("compare_water.whole"))  # fmt: skip
    axes.plot(sizes, [row["area_km2"] for row in good], "o", color=INK, markersize=4, zorder=5,
              label=text("compare_water.seen"))  # fmt: skip
    axes.set_xscale("log")
    names = [f"{text.significant(row['pixel_m'])}\n{row['split']}" for row in good]
    axes.set_xticks(sizes, names)
    axes.minorticks_off()
    axes.set_xlim(sizes[0] * 0.8, sizes[-1] * 1.25)
    _quiet(axes, "y", text)
    axes.set_title(text("compare_water.split_areas"), loc="left", fontsize=9, color=INK, pad=5)
    axes.set_xlabel(text("compare_water.pixel_and_tiles"), color=INK, fontsize=9)
    figure.legend(*axes.get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(0.075, 1.0),
                  ncols=3, frameon=False, fontsize=9, labelcolor=INK)  # fmt: skip
    return figure


def _of_areas(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return the limits in which areas are told apart; an interval beyond them gets an arrow."""
    areas = [
        row[key] for row in rows for key in ("area_km2", "expected_km2") if row[key] is not None
    ]
    room = max(0.75 * (max(areas) - min(areas)), 0.1 * max(areas))
    low, high = max(0.0, min(areas) - room), max(areas) + room
    for row in rows:
        if row["high_km2"] is not None and row["high_km2"] > high:
            axes.plot(row["pixel_m"], high, "^", color=INK, markersize=7, clip_on=False, zorder=5)
    return low, high


def _curves(
    axes: Axes, table: Mapping[str, npt.NDArray[np.float64]], names: Sequence[str], text: Text
) -> None:
    """Draw one or several quantities against the threshold."""
    if names == ("area_km2",) and "low_km2" in table:
        axes.fill_between(table["threshold"], table["low_km2"], table["high_km2"], color=ACCENT,
                          alpha=0.18, linewidth=0, label=text("compare_water.as_good"))  # fmt: skip
        axes.legend(loc="upper right", frameon=False, fontsize=8.5, labelcolor=INK)
    for line, name in enumerate(names):
        colour = ACCENT if line == 0 else METHODS[line]
        axes.plot(table["threshold"], table[name], color=colour, linewidth=1.8, zorder=3,
                  label=text(f"compare_water.{name}"))  # fmt: skip
    title = "area_km2" if len(names) == 1 else "agreement"
    axes.set_title(text(f"compare_water.{title}"), loc="left", fontsize=9, color=INK, pad=5)
    if len(names) > 1:
        axes.legend(loc="upper right", frameon=False, fontsize=8.5, labelcolor=INK)


def _thresholds(axes: Axes, known: Mapping[str, float], text: Text) -> list[Any]:
    """Draw the thresholds that are known; return their lines."""
    return [
        axes.axvline(value, color=_MARKS[name][0], linestyle=_MARKS[name][1], linewidth=1.3,
                     zorder=2, label=text(f"compare_water.at_{name}", value=text.number(value, 2)))
        for name, value in known.items()
    ]  # fmt: skip


def _shown(
    table: Mapping[str, npt.NDArray[np.float64]], known: Mapping[str, float]
) -> tuple[float, float]:
    """Return the part of the thresholds in which something changes, and those that are known."""
    thresholds = table["threshold"]
    curve = table.get("area_km2", table.get("iou"))
    if curve is None:
        return float(thresholds[0]), float(thresholds[-1])
    # A step from or to where nothing is defined is no change that is to be seen.
    moving = np.flatnonzero(np.abs(np.diff(curve)) > 1e-4 * np.nanmax(np.abs(curve)))
    ends = [*known.values()]
    if len(moving):
        ends += [thresholds[moving[0]], thresholds[min(moving[-1] + 1, len(thresholds) - 1)]]
    low, high = min(ends), max(ends)
    pad = max(0.05 * (high - low), 0.02)
    return float(low - pad), float(high + pad)


def _thinned(labels: xr.DataArray, steps: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return every n-th pixel, read in strips, so that no whole map lies in memory."""
    rows, columns = labels.shape
    strip = max(1, _STRIP // (columns * steps[0])) * steps[0]
    parts = [
        labels[top : top + strip : steps[0], :: steps[1]].to_numpy()
        for top in range(0, rows, strip)
    ]
    return np.vstack(parts)


def _mask(water: ClassMap, truth: xr.DataArray | None) -> Picture:
    """Return a mask made small: every n-th pixel, so that no colour is a mixture."""
    code = water.legend.by_name("water").code
    step = steps_for(water.labels.shape, _SIDE)
    said = _thinned(water.labels, step)
    colours = np.full((*said.shape, 4), (*rgb(LAND), 255), "uint8")
    colours[said == code] = (*rgb(AGREED), 255)
    if truth is not None:
        known = _thinned(truth, step)
        colours[(said == code) & (known != code) & (known != NO_DATA)] = (*rgb(EXTRA), 255)
        colours[(said != code) & (known == code)] = (*rgb(MISSED), 255)
    colours[said == NO_DATA] = (*rgb(HIDDEN), 255)
    rows, columns = said.shape
    return Picture(colours, (rows * step[0], columns * step[1]))


def _legend(text: Text, *, with_reference: bool) -> list[tuple[str, str]]:
    names = {"agreed": AGREED, "extra": EXTRA, "missed": MISSED} if with_reference else {}
    first = names or {"water": AGREED}
    return [
        (text(f"compare_water.{n}"), c)
        for n, c in {**first, "land": LAND, "hidden": HIDDEN}.items()
    ]


def _whisker(axes: Axes, x: float, low: float | None, high: float | None) -> None:
    if low is not None and high is not None:
        axes.plot((x, x), (low, high), color=INK, linewidth=1.1, zorder=3)


def _figure_of(axes: Axes, x: float, value: float, high: float | None, text: Text) -> None:
    """Write a score over its bar and its interval."""
    top = max(value, high or 0.0, 0.0)
    axes.annotate(text.number(value, 2), (x, top), xytext=(0, 2), textcoords="offset points",
                  fontsize=8, color=INK, ha="center", va="bottom", zorder=4)  # fmt: skip


def _quiet(axes: Axes, grid: Any, text: Text) -> None:
    axes.tick_params(colors=MUTED, labelsize=8.5, length=0)
    axes.grid(axis=grid, color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    if grid in ("x", "both"):
        write_numbers(axes.xaxis, text, 3)
    if grid in ("y", "both"):
        write_numbers(axes.yaxis, text, 3)
    open_frame(axes)
