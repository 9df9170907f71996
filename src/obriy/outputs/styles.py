"""How GIS programs show a layer: styles of QGIS, and class names beside a raster (PAM)."""

import dataclasses
import functools
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from obriy.model.layers import Layer, classes
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.outputs.files import write_bytes
from obriy.render.palette import UNNAMED_COLOUR, rgb
from obriy.render.text import Text, text_of

Entry = tuple[int, str, str]
"""Number, name in the language of the reader, colour."""
Kind = Literal["fill", "outline", "line", "marker"]

_QGIS: Final = "3.22.0"
_DOCTYPE: Final = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_RIM: Final = "#33475b"
"""Around polygons and points: dark enough for a body as light as ice."""


def raster_entries(layer: Layer, lang: str) -> list[Entry]:
    """Return what each class, or code, of a layer is called and drawn in.

    What says nothing of a pixel is not among them, nor a code without a colour.
    """
    text = text_of(lang)
    if layer.legend is not None:
        named = [(c.code, c.called(lang), c.colour) for c in layer.legend]
        rest = [(UNNAMED, text("map.unnamed"), UNNAMED_COLOUR)] if layer.unnamed else []
        return [*named, *rest]
    codes = layer.codes.items()
    return [(int(c), text(f"{layer.name}.{c.name.lower()}"), colour) for c, colour in codes]


def write_categories(path: Path, layer: Layer, lang: str) -> Path:
    """Write ``<path>.aux.xml``: names and colours of codes for GDAL, QGIS and ArcGIS.

    TIFF itself has no place for class names that GDAL reads, hence the sidecar; the legend is
    in a tag of the TIFF too, and colours are in its own table.

    Args:
        path: The map, in the folder of `atomic_path`, with which the sidecar moves.
        layer: Classes or codes.
        lang: Language of the names.
    """
    text = text_of(lang)
    entries = raster_entries(layer, lang)
    if layer.legend is not None:
        nothing = text("unseen.no_data")
        entries = [entry for entry in entries if entry[0] != UNNAMED]
    else:
        nothing = text(f"{layer.name}.{layer.members[NO_DATA].name.lower()}")
    sidecar = path.with_name(f"{path.name}.aux.xml")
    sidecar.write_bytes(_categories(tuple(entries), nothing))
    return sidecar


@functools.lru_cache(maxsize=64)
def _categories(entries: tuple[Entry, ...], nothing: str) -> bytes:
    """Make them once for all dates of a series, as styles are."""
    root = ET.Element("PAMDataset")
    band = ET.SubElement(root, "PAMRasterBand", band="1")
    names = ET.SubElement(band, "CategoryNames")
    titles = {NO_DATA: nothing} | {code: title for code, title, _ in entries}
    for code in range(max(titles) + 1):
        ET.SubElement(names, "Category").text = titles.get(code, "")
    _attribute_table(band, entries)
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8")
    return content


def write_style(path: Path, layer: Layer, lang: str) -> Path:
    """Write a style of QGIS: ``NAME.qml`` beside ``NAME.tif`` is picked up by itself.

    Args:
        path: The style file.
        layer: What the raster holds.
        lang: Language of the names.
    """
    if layer.is_quantity:
        low, high = (f"{layer.ramp[i][0]:g}" for i in (0, -1))
        style = _ramp(low, high, tuple(_stops(layer, text_of(lang))))
    else:
        style = _palette(tuple(raster_entries(layer, lang)))
    return write_bytes(path, style.encode())


@dataclasses.dataclass(frozen=True)
class Look:
    """How a layer of vectors is drawn.

    Attributes:
        kind: Filled polygons, their outlines alone, lines, or points.
        entries: Value of the field, name, and colour.
        field: Whose values tell the entries apart; empty: all features are of the first entry.
    """

    kind: Kind
    entries: Sequence[tuple[Any, str, str]]
    field: str = ""


def legend_look(legend: Legend, lang: str, *, field: str) -> Look:
    """Return the look of polygons of many classes, told apart by their codes in a field."""
    return Look("fill", raster_entries(classes(legend), lang), field)


def class_look(legend: Legend, name: str, lang: str) -> Look:
    """Return the look of polygons of one class."""
    found = legend.by_name(name)
    return Look("fill", [(found.code, found.called(lang), found.colour)])


def vector_style(look: Look) -> str:
    """Return a style of QGIS for a layer of vectors."""
    root = ET.Element("qgis", version=_QGIS, styleCategories="Symbology")
    if not look.field:
        renderer = ET.SubElement(root, "renderer-v2", type="singleSymbol")
        _symbol(ET.SubElement(renderer, "symbols"), "0", look.kind, look.entries[0][2])
        return _document(root)
    renderer = ET.SubElement(root, "renderer-v2", type="categorizedSymbol", attr=look.field)
    categories = ET.SubElement(renderer, "categories")
    symbols = ET.SubElement(renderer, "symbols")
    for number, (value, label, colour) in enumerate(look.entries):
        ET.SubElement(
            categories, "category", value=str(value), label=label, symbol=str(number), render="true"
        )
        _symbol(symbols, str(number), look.kind, colour)
    return _document(root)


@functools.lru_cache(maxsize=64)
def _palette(entries: tuple[Entry, ...]) -> str:
    """Return the style of classes, or codes."""
    root = ET.Element("qgis", version=_QGIS, styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    renderer = ET.SubElement(
        pipe, "rasterrenderer", type="paletted", band="1", opacity="1", alphaBand="-1"
    )
    palette = ET.SubElement(renderer, "colorPalette")
    for code, label, colour in entries:
        ET.SubElement(
            palette, "paletteEntry", value=str(code), label=label, color=colour, alpha="255"
        )
    return _document(root)


@functools.lru_cache(maxsize=64)
def _ramp(low: str, high: str, stops: tuple[tuple[float, str, str, int], ...]) -> str:
    """Return a ramp between values; QGIS scales the numbers of the file before it looks here."""
    root = ET.Element("qgis", version=_QGIS, styleCategories="Symbology")
    pipe = ET.SubElement(root, "pipe")
    renderer = ET.SubElement(
        pipe, "rasterrenderer", type="singlebandpseudocolor", band="1",
        opacity="1", alphaBand="-1", classificationMin=low, classificationMax=high,
    )  # fmt: skip
    shader = ET.SubElement(
        ET.SubElement(renderer, "rastershader"), "colorrampshader", colorRampType="INTERPOLATED",
        clip="0", minimumValue=low, maximumValue=high,
    )  # fmt: skip
    # A list of colours with their words: the bar that QGIS draws otherwise has ends alone.
    ET.SubElement(shader, "rampLegendSettings", useContinuousLegend="0")
    for value, label, colour, alpha in stops:
        ET.SubElement(
            shader, "item", value=f"{value:g}", label=label, color=colour, alpha=str(alpha)
        )
    return _document(root)


def _stops(layer: Layer, text: Text) -> list[tuple[float, str, str, int]]:
    """Return value, name, colour and opacity of each stop of a ramp."""
    stops = [
        (
            value,
            text.percent(value / 100, 0) if layer.unit == "%" else text.significant(value),
            colour,
            255,
        )
        for value, colour in layer.ramp
        if value or not layer.zero
    ]
    return [(0.0, text(layer.zero), layer.ramp[0][1], 0), *stops] if layer.zero else stops


def _symbol(parent: ET.Element, name: str, kind: Kind, colour: str) -> None:
    """Add what one entry is drawn with; widths and sizes in millimetres."""
    red, green, blue = rgb(colour)
    own, rim = f"{red},{green},{blue},255", "{},{},{},255".format(*rgb(_RIM))
    drawn: dict[str, tuple[str, str, dict[str, str]]] = {
        "fill": ("fill", "SimpleFill", {
            "color": own, "style": "solid", "outline_color": rim, "outline_width": "0.1",
            "outline_style": "solid",
        }),
        "outline": ("fill", "SimpleFill", {
            "color": own, "style": "no", "outline_color": own, "outline_width": "0.5",
            "outline_style": "solid",
        }),
        "line": ("line", "SimpleLine", {"line_color": own, "line_width": "0.5"}),
        "marker": ("marker", "SimpleMarker", {
            "name": "circle", "size": "2.4", "color": own, "outline_color": rim,
            "outline_width": "0.2",
        }),
    }  # fmt: skip
    shape, cls, settings = drawn[kind]
    symbol = ET.SubElement(parent, "symbol", type=shape, name=name, alpha="1")
    layer = ET.SubElement(symbol, "layer", {"class": cls, "enabled": "1", "pass": "0"})
    options = ET.SubElement(layer, "Option", type="Map")
    for key, value in settings.items():
        ET.SubElement(options, "Option", name=key, type="QString", value=value)


def _document(root: ET.Element) -> str:
    ET.indent(root)
    return _DOCTYPE + ET.tostring(root, encoding="unicode")


def _attribute_table(band: ET.Element, entries: Sequence[Entry]) -> None:
    """Add GDAL's raster attribute table: value, name, red, green, blue."""
    table = ET.SubElement(band, "GDALRasterAttributeTable", tableType="thematic")
    fields = (("Value", 0, 5), ("Class", 2, 2), ("Red", 0, 6), ("Green", 0, 7), ("Blue", 0, 8))
    for index, (name, kind, usage) in enumerate(fields):
        field = ET.SubElement(table, "FieldDefn", index=str(index))
        for tag, value in (("Name", name), ("Type", kind), ("Usage", usage)):
            ET.SubElement(field, tag).text = str(value)
    for index, (code, title, colour) in enumerate(entries):
        row = ET.SubElement(table, "Row", index=str(index))
        for value in (code, title, *rgb(colour)):
            ET.SubElement(row, "F").text = str(value)
