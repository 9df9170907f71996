"""How GIS programs show a map: class names beside the file (PAM) and a QGIS style."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from obriy.model.classmap import FRACTION_SCALE
from obriy.model.legend import UNNAMED, Legend
from obriy.outputs.files import write_bytes
from obriy.render.palette import UNNAMED_COLOUR, rgb
from obriy.render.text import text_of

_OCCURRENCE: Final = (
    (0, "#f7fbff", 0),
    (1, "#deebf7", 255),
    (25, "#9ecae1", 255),
    (50, "#4292c6", 255),
    (75, "#2171b5", 255),
    (100, "#08306b", 255),
)
"""Per cent, colour, opacity: ColorBrewer's Blues, which grow darker for every kind of eye."""

_SURENESS: Final = (
    (0, "#f7f4f9"),
    (25, "#d4b9da"),
    (50, "#df65b0"),
    (75, "#ce1256"),
    (100, "#67001f"),
)
"""Per cent and colour: ColorBrewer's PuRd, which no class of a legend is taken for."""


def write_categories(path: Path, legend: Legend, lang: str) -> Path:
    """Write ``<path>.aux.xml``: class names and colours for GDAL, QGIS and ArcGIS.

    TIFF itself has no place for class names that GDAL reads, hence the sidecar; the legend is
    in a tag of the TIFF too, and colours are in its own table.

    Args:
        path: The map.
        legend: Its classes.
        lang: Language of the names.
    """
    root = ET.Element("PAMDataset")
    band = ET.SubElement(root, "PAMRasterBand", band="1")
    names = ET.SubElement(band, "CategoryNames")
    titles = _titles(legend, lang)
    for code in range(max(legend.codes) + 1):
        ET.SubElement(names, "Category").text = titles.get(code, "")
    _attribute_table(band, legend, lang)
    ET.indent(root)
    return write_bytes(path.with_name(f"{path.name}.aux.xml"), ET.tostring(root, encoding="utf-8"))


def write_style(path: Path, legend: Legend, lang: str) -> Path:
    """Write a QGIS style (``mask.qml`` beside ``mask.tif`` is picked up by itself).

    Args:
        path: The style file.
        legend: Classes of the map.
        lang: Language of the names.
    """
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    renderer = ET.SubElement(
        pipe, "rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1"
    )
    palette = ET.SubElement(renderer, "colorPalette")
    entries = [(c.code, _title(c.title, lang), c.colour) for c in legend]
    for code, title, colour in [*entries, (UNNAMED, text_of(lang)("map.unnamed"), UNNAMED_COLOUR)]:
        ET.SubElement(
            palette, "paletteEntry", value=str(code), label=title, color=colour, alpha="255"
        )
    ET.indent(root)
    doctype = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return write_bytes(path, (doctype + ET.tostring(root, encoding="unicode")).encode())


def write_occurrence_style(path: Path, lang: str) -> Path:
    """Write a QGIS style for water occurrence: a ramp of blues, never wet transparent.

    Args:
        path: The style file, beside ``occurrence.tif`` and of its name.
        lang: Language of the labels.
    """
    text = text_of(lang)
    entries = [
        (
            float(value),
            text("occurrence.share", percent=value) if value else text("occurrence.never"),
            colour,
            alpha,
        )
        for value, colour, alpha in _OCCURRENCE
    ]
    return _write_ramp(path, entries)


def write_share_style(path: Path, lang: str) -> Path:
    """Write a QGIS style for ``confidence.tif`` or ``agreement.tif``: darker is surer.

    Args:
        path: The style file, beside the raster and of its name.
        lang: Language of the labels.
    """
    text = text_of(lang)
    entries = [
        (FRACTION_SCALE * percent / 100, text.percent(percent / 100, 0), colour, 255)
        for percent, colour in _SURENESS
    ]
    return _write_ramp(path, entries)


def _write_ramp(path: Path, entries: Sequence[tuple[float, str, str, int]]) -> Path:
    """Write a ramp between values: value, label, colour, opacity of each."""
    low, high = (f"{entries[i][0]:g}" for i in (0, -1))
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology")
    renderer = ET.SubElement(
        ET.SubElement(root, "pipe"), "rasterrenderer", type="singlebandpseudocolor", band="1",
        opacity="1", alphaBand="-1", classificationMin=low, classificationMax=high,
    )  # fmt: skip
    shader = ET.SubElement(
        ET.SubElement(renderer, "rastershader"), "colorrampshader",
        colorRampType="INTERPOLATED", clip="0", minimumValue=low, maximumValue=high,
    )  # fmt: skip
    for value, label, colour, alpha in entries:
        ET.SubElement(
            shader, "item", value=f"{value:g}", label=label, color=colour, alpha=str(alpha)
        )
    ET.indent(root)
    doctype = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
    return write_bytes(path, (doctype + ET.tostring(root, encoding="unicode")).encode())


def _titles(legend: Legend, lang: str) -> dict[int, str]:
    return {0: text_of(lang)("unseen.no_data")} | {c.code: _title(c.title, lang) for c in legend}


def _title(title: dict[str, str], lang: str) -> str:
    return title.get(lang) or title["en"]


def _attribute_table(band: ET.Element, legend: Legend, lang: str) -> None:
    """Add GDAL's raster attribute table: value, name, red, green, blue."""
    table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    fields = (("Value", 0, 5), ("Class", 2, 2), ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8))
    for index, (name, kind, usage) in enumerate(fields):
        field = ET.SubElement(table, "FieldDefn", index=str(index))
        for tag, value in (("Name", name), ("Type", kind), ("Usage", usage)):
            ET.SubElement(field, tag).text = str(value)
    for index, cls in enumerate(legend):
        row = ET.SubElement(table, "Row", index=str(index))
        for value in (cls.code, _title(cls.title, lang), *rgb(cls.colour)):
            ET.SubElement(row, "F").text = str(value)
