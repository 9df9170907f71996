"""The legend beside a map: words and colours, areas and shares, what was not seen."""

from typing import Final

from nicegui import ui

from obriy.model.result.base import RunResult
from obriy.outputs.report import cells
from obriy.render.text import text_of
from obriy.web.pages.frame import Reader, swatch
from obriy.web.rasters import Raster
from obriy.web.shapes import kinds
from obriy.web.shelf import ShelfRun

_UNNAMED: Final = "unknown"
"""Class of what was seen and not named, as results have it."""
_GREY: Final = "#8e949b"
_FEW: Final = ("water", "ice")
"""Classes of which the areas are told one by one."""


def classes(raster: Raster, reader: Reader, areas: dict[str, str]) -> None:
    """Show words and colours of a map; of classes the areas, where they are known."""
    entries = raster.legend(reader.lang)
    if raster.layer.is_quantity:
        colours = ", ".join(colour for _, colour in entries)
        ui.element("div").classes("ob-ramp").style(f"background:linear-gradient(90deg, {colours})")
        with ui.element("div").classes("ob-ends"):
            for word, _ in (entries[0], entries[-1]):
                ui.label(word)
        return
    known_classes = raster.layer.legend
    names = [*(c.name for c in known_classes), _UNNAMED] if known_classes is not None else []
    known = [areas.get(names[n]) if n < len(names) else None for n in range(len(entries))]
    there = not set(areas) <= set(_FEW)  # of a long legend what does not occur is left out
    with ui.element("div").classes("ob-legend"):
        for (word, colour), area in zip(entries, known, strict=True):
            if there and area is None:
                continue
            swatch(colour)
            ui.label(word)
            ui.label(area or "").style("text-align:right")


def areas_of(result: RunResult | None, date: str, reader: Reader) -> dict[str, str]:
    """Return areas and shares of classes, in words, as a result tells them, by name."""
    if result is None:
        return {}
    text = text_of(reader.lang)
    rows = getattr(getattr(result, "total", None), "classes", None)
    if rows is not None:
        areas = {r.name: "" if r.area_km2 is None else f"{text.area(r.area_km2)} · " for r in rows}
        told = {row.name: areas[row.name] + text.percent(row.share) for row in rows}
        count = sum(row.name == _UNNAMED for row in getattr(result, "clusters", []))
        if count and _UNNAMED in told:
            told[_UNNAMED] += f" · {reader.words('clusters_count', count=count)}"
        return told
    row = next((r for r in getattr(result, "dates", []) if (r.date or "") == date), None)
    subject = "ice" if result.job == "ice" else "water"
    area = getattr(row, f"{subject}_km2", None) or getattr(row, "area_km2", None)
    open_water = getattr(row, "water_km2", None) if subject == "ice" else None
    known = {subject: area} if open_water is None else {subject: area, "water": open_water}
    return {name: text.area(float(km2)) for name, km2 in known.items() if km2 is not None}


def unseen(result: RunResult | None, date: str, reader: Reader) -> None:
    """Show the grey of what was not seen, and how much that is."""
    rows = [r for r in getattr(result, "dates", []) if (r.date or "") == date]
    row = next((r for r in (*rows, result) if hasattr(r, "unseen_share")), None)
    with ui.element("div").classes("ob-legend"):
        swatch(_GREY)
        ui.label(reader.words("not_seen"))
        ui.label("" if row is None else cells.unseen(text_of(reader.lang), row))


def outlines(run: ShelfRun, reader: Reader) -> None:
    """Show the lines of districts and of bodies, as ``map.js`` draws them."""
    text, found = text_of(reader.lang), kinds(run)
    if not found:
        return
    with ui.element("div").classes("ob-legend"):
        for kind, word in found.items():
            ui.element("span").classes(f"ob-shape ob-shape-{kind}")
            ui.label(text(f"moving.{word}")).style("grid-column:span 2")
