"""A sample to label: a table, points for a GIS, a page with pictures, and the sealed design.

What a person sees (table, points, page) holds no class of the map: who knows what the map says
agrees with it more often.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import shapely

from obriy.csv_text import csv_text
from obriy.errors import OutputError
from obriy.model.sample import CANNOT_TELL, SampleDesign
from obriy.outputs.files import write_text
from obriy.outputs.geopackage import VectorLayer, write_layers
from obriy.outputs.pages import render
from obriy.outputs.styles import Look
from obriy.render.chips import Chip, ChipView
from obriy.render.palette import OUTLINE
from obriy.render.text import Text, text_of

COLUMNS: Final = ("id", "lon", "lat", "x", "y", "label")
SHEET, POINTS, PAGE, DESIGN = "sample.csv", "sample.gpkg", "sheet.html", "design.json"


def check_free(folder: Path) -> None:
    """Refuse a folder that holds a sample already: labels are hours of somebody's work.

    Raises:
        OutputError: naming the file.
    """
    for name in (SHEET, DESIGN):
        if (folder / name).exists():
            raise OutputError(
                f"{folder / name} is there already, perhaps with labels.",
                "Choose another folder with --out, or move the old sample away.",
            )


def write_sample(
    design: SampleDesign,
    folder: Path,
    *,
    views: Sequence[ChipView] = (),
    chips: Sequence[Sequence[Chip]] = (),
    image: str = "",
    lang: str = "en",
) -> dict[str, Path]:
    """Write the files of a sample; return their paths by name.

    Args:
        design: The sample.
        folder: Where; made where it is missing.
        views: How the pictures show the image; none: no page is written.
        chips: Pictures of each unit, in the order of the design.
        image: Name of the image, for the page.
        lang: Language of the page.

    Raises:
        OutputError: a sample is there already, or a file could not be written.
    """
    check_free(folder)
    files = {"points": _write_points(design, folder / POINTS)}
    if views:
        page = render_page(design, views, chips, image, text_of(lang))
        files["page"] = write_text(folder / PAGE, page)
    written = json.dumps(design.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)
    files["design"] = write_text(folder / DESIGN, written + "\n")
    # Last of all: where the sheet stands, everything does.
    files["sheet"] = write_text(folder / SHEET, _table(design))
    return files


def render_page(
    design: SampleDesign,
    views: Sequence[ChipView],
    chips: Sequence[Sequence[Chip]],
    image: str,
    text: Text,
) -> str:
    """Return the page to label a sample on: pictures, keys, and a filled sheet to save.

    The page needs nothing beside it and no network. It keeps labels in the browser while it is
    open and, where the browser lets it, afterwards.
    """
    data = json.dumps(_page_data(design, views, chips, text), ensure_ascii=False)
    # In a script element only "<" could end it, and JSON may write it otherwise.
    data = data.replace("<", "\\u003c")
    return render("sheet.html.j2", {"t": text, "lang": text.lang, "image": image, "data": data})


def _page_data(
    design: SampleDesign, views: Sequence[ChipView], chips: Sequence[Sequence[Chip]], text: Text
) -> Mapping[str, Any]:
    keys = [str(i + 1) if i < 9 else "" for i in range(len(design.legend.classes))]
    return {
        "key": f"obriy-sample-{design.map_sha256[:16]}-{design.seed}-{len(design.units)}",
        "file": SHEET,
        "columns": COLUMNS,
        "cannotTell": CANNOT_TELL,
        "classes": [
            {
                "code": c.code,
                "name": c.name,
                "title": c.called(text.lang),
                "colour": c.colour,
                "key": key,
            }
            for c, key in zip(design.legend, keys, strict=True)
        ],
        "views": [_caption(view, text) for view in views],
        "units": [
            {"cells": cells, "chips": [_chip(chip) for chip in shown]}
            for cells, shown in zip(_cells(design), chips, strict=True)
        ],
        "words": {
            key: text(f"sheet.{key}")
            for key in ("unit", "done", "no_picture", "label_none", "wrong_file", "loaded")
        },
    }


def _caption(view: ChipView, text: Text) -> dict[str, Any]:
    key = "map.true_colour" if view.true_colour else "map.false_colour"
    far = view.metres >= 1000
    length = text.significant(view.metres / 1000 if far else view.metres, 2)
    width = f"{length}\u00a0{text('units.km' if far else 'units.m')}"
    colours = text(key, bands=", ".join(dict.fromkeys(view.bands)))
    return {"title": colours, "width": text("sheet.width", width=width), "close": view.close}


def _chip(chip: Chip) -> dict[str, str]:
    encoded = base64.b64encode(chip.data).decode("ascii")
    return {
        "src": f"data:{chip.media_type};base64,{encoded}",
        "outline": " ".join(f"{x * 100:g},{y * 100:g}" for x, y in chip.outline),
    }


def _cells(design: SampleDesign) -> list[list[str]]:
    """Return the row of each unit, without its label."""
    return [
        [str(u.number), f"{u.lon:.7f}", f"{u.lat:.7f}", f"{u.x:.10g}", f"{u.y:.10g}"]
        for u in design.units
    ]


def _table(design: SampleDesign) -> str:
    return csv_text(COLUMNS, ([*cells, ""] for cells in _cells(design)))


def _write_points(design: SampleDesign, path: Path) -> Path:
    units = design.units
    columns = {
        "id": [u.number for u in units],
        "lon": [u.lon for u in units],
        "lat": [u.lat for u in units],
        "label": [""] * len(units),
    }
    points = [shapely.Point(u.x, u.y) for u in units]
    frame = gpd.GeoDataFrame(columns, geometry=points, crs=design.crs)
    look = Look("marker", [(None, "sample", OUTLINE)])
    return write_layers([VectorLayer("sample", frame, look, "Point")], path)
