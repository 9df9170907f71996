"""Maps that move: the layers of a map or of a run on an `ipyleaflet` map."""

import dataclasses
import html
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio.warp
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling

from obriy.blocks.decimate import steps_for
from obriy.blocks.gdal import open_raster
from obriy.blocks.raster import file_geobox
from obriy.errors import EmptyResultError, MissingExtraError
from obriy.installation import install_hint
from obriy.model.classmap import PARTS, ClassMap
from obriy.model.layers import LAYERS, Layer, layer_of
from obriy.model.result.base import RunResult
from obriy.notebook.pages import png
from obriy.notebook.words import language
from obriy.outputs.styles import raster_entries
from obriy.render.pictures import RGBA, map_picture
from obriy.render.text import text_of
from obriy.render.tiles import painted
from obriy.runs.result_file import read_result
from obriy.sources.legends import legend_from_tag

_LARGEST: Final = 1600
"""Longest side of a layer, pixels: it travels to the page as one picture."""
_MERCATOR: Final = "EPSG:3857"
_LONLAT: Final = "EPSG:4326"
_OPACITY: Final = 0.8
_SHOWN: Final = 400
"""Height of a map in a notebook, pixels."""
_DEGREES: Final = 256 / 360
"""Pixels of a degree of longitude where all of the Earth is one tile."""

Corners = tuple[tuple[float, float], tuple[float, float]]
"""South-west and north-east of a layer: latitude and longitude, or rows and columns."""


@dataclasses.dataclass(frozen=True)
class _Sheet:
    """A layer made small.

    Attributes:
        title: What it is, and of which date.
        rgba: (rows, columns, 4) uint8.
        grid: Of that picture.
        legend: Words and colours.
    """

    title: str
    rgba: RGBA
    grid: GeoBox
    legend: Sequence[tuple[str, str]]


def explore(
    shown: ClassMap | RunResult | Path | str | Sequence[ClassMap],
    *,
    lang: str = "",
    basemap: str = "",
) -> Any:
    """Return a map that moves, with layers, their legends and their opacity.

    Nothing is fetched from anywhere: there is no basemap unless its address is given. A map
    without a CRS lies in a plane of its own.

    Args:
        shown: A map, maps of several dates, the result of a run, or the folder of one.
        lang: Language of the words; empty: that of ``OBRIY_LANG``, else English.
        basemap: Address of the tiles of a basemap, ``https://.../{z}/{x}/{y}.png``.

    Returns:
        An `ipyleaflet.Map`: its layers can be taken off and added to.

    Raises:
        MissingExtraError: where the extra ``notebook`` is not installed.
        EmptyResultError: where there is no map to show.
        InputError: a folder that holds no result.
    """
    try:
        import ipyleaflet
    except ImportError as error:
        raise MissingExtraError(
            "A map that moves needs ipyleaflet.", f"Run: {install_hint('notebook')}"
        ) from error
    lang = language(lang)
    sheets = list(_sheets(shown, lang))
    if not sheets:
        raise EmptyResultError(
            "There is no map to show: the files of the run were moved, or it made none.",
            "Give the folder of the run, where it lies now.",
        )
    flat = any(sheet.grid.crs is None for sheet in sheets)
    overlays = [_overlay(ipyleaflet, sheet, first=not k) for k, sheet in enumerate(sheets)]
    below = [ipyleaflet.TileLayer(url=basemap, base=True)] if basemap and not flat else []
    planes = {"crs": ipyleaflet.projections.Simple, "min_zoom": -8} if flat else {}
    moving = ipyleaflet.Map(
        layers=tuple(below + overlays),
        scroll_wheel_zoom=True,
        **planes,
        **_view(overlays[0].bounds, 1.0 if flat else _DEGREES),
    )
    for control in _controls(ipyleaflet, sheets, overlays, lang):
        moving.add(control)
    return moving


def _view(corners: Corners, unit: float) -> dict[str, Any]:
    """Return centre and zoom at which a layer fills a map; ``unit``: pixels of 1 at zoom 0.

    The map could fit itself, but only where it is shown already.
    """
    (south, west), (north, east) = corners
    size = max(north - south, east - west, 1e-9) * unit
    return {"center": ((south + north) / 2, (west + east) / 2),
            "zoom": math.floor(math.log2(_SHOWN / size))}  # fmt: skip


def _sheets(shown: Any, lang: str) -> Iterator[_Sheet]:
    if isinstance(shown, ClassMap):
        yield from _of_map(shown, lang)
    elif isinstance(shown, RunResult):
        yield from _of_run(shown, None, lang)
    elif isinstance(shown, str | Path):
        yield from _of_run(read_result(shown), Path(shown), lang)
    else:
        for one in shown:
            yield from _of_map(one, lang)


def _of_map(shown: ClassMap, lang: str) -> Iterator[_Sheet]:
    """Yield the layers of a map; what lies in files is read block by block, or by steps."""
    picture = map_picture(shown, lang=lang, max_size=_LARGEST)
    small = _smaller(shown.geobox, picture.extent, picture.rgba.shape[:2])
    title = text_of(lang)("map.classes")
    yield _Sheet(_dated(title, shown.time), picture.rgba, small, picture.legend)
    down, along = steps_for(shown.labels.shape, _LARGEST)
    for name in PARTS[1:]:
        part, layer = getattr(shown, name), LAYERS[name]
        if part is not None:
            values = part.variable[down // 2 :: down, along // 2 :: along].to_numpy()
            extent = values.shape[0] * down, values.shape[1] * along
            yield _sheet(
                layer, values, _smaller(shown.geobox, extent, values.shape), shown.time, lang
            )


def _of_run(result: RunResult, folder: Path | None, lang: str) -> Iterator[_Sheet]:
    """Yield the rasters of a run, by the overviews of their files."""
    dates = [(row.date, row.outputs) for row in getattr(result, "dates", [])]
    drawn: set[Path] = set()
    for date, outputs in [*dates, (None, result.outputs)]:
        for output, where in outputs.items():
            layer, file = layer_of(output, result.job), _found(where, folder)
            if layer is None or file is None or file in drawn:
                continue
            drawn.add(file)
            yield _of_file(file, layer, date, lang)


def _found(where: str, folder: Path | None) -> Path | None:
    """Return where a file of a run lies, wherever its folder is now."""
    parts = Path(where).parts
    inside = [] if folder is None else [folder.joinpath(*parts[k:]) for k in range(1, len(parts))]
    return next((path for path in [*inside, Path(where)] if path.is_file()), None)


def _of_file(file: Path, layer: Layer, date: str | None, lang: str) -> _Sheet:
    with open_raster(file) as raster:
        steps = max(1, -(-max(raster.shape) // _LARGEST))
        shape = tuple(max(1, round(size / steps)) for size in raster.shape)
        values = raster.read(1, out_shape=shape, resampling=Resampling.nearest)
        grid = _smaller(file_geobox(raster), raster.shape, shape)
        legend = legend_from_tag(raster.tags(1).get("legend"))
    own = layer if legend is None else layer.of(legend)
    return _sheet(own, values, grid, date, lang)


def _sheet(layer: Layer, values: Any, grid: GeoBox, date: str | None, lang: str) -> _Sheet:
    text = text_of(lang)
    known = np.ones(values.shape, bool) if layer.missing is None else values != layer.missing
    rgba = np.moveaxis(painted(layer, values, known), 0, -1)
    if layer.is_quantity:
        entries = [(f"{text.significant(v)} {layer.unit}".strip(), c) for v, c in layer.ramp]
    else:
        present = set(np.unique(values[known]).tolist())
        entries = [(word, c) for code, word, c in raster_entries(layer, lang) if code in present]
    title = layer.called(lang).format(name="")
    return _Sheet(_dated(title, date), rgba, grid, entries)


def _dated(title: str, date: str | None) -> str:
    return f"{date[:10]} {title}" if date else title


def _smaller(grid: GeoBox, extent: Sequence[int], shape: Sequence[int]) -> GeoBox:
    """Return the grid of a picture that covers so many rows and columns of a larger one."""
    rows, columns = (int(n) for n in shape)
    scale = Affine.scale(extent[1] / columns, extent[0] / rows)
    return GeoBox((rows, columns), grid.affine @ scale, grid.crs)


def _placed(sheet: _Sheet) -> tuple[RGBA, Corners]:
    """Return a picture in the plane of the map, and its corners."""
    rows, columns = sheet.rgba.shape[:2]
    if sheet.grid.crs is None:
        down = abs(sheet.grid.affine.e / sheet.grid.affine.a) or 1.0
        return sheet.rgba, ((0.0, 0.0), (rows * down, float(columns)))
    crs, (left, bottom, right, top) = sheet.grid.crs.to_wkt(), sheet.grid.boundingbox
    affine, width, height = rasterio.warp.calculate_default_transform(
        crs, _MERCATOR, columns, rows, left, bottom, right, top
    )
    bands = np.zeros((4, height, width), "uint8")
    rasterio.warp.reproject(
        np.ascontiguousarray(np.moveaxis(sheet.rgba, -1, 0)),
        bands,
        src_transform=sheet.grid.affine,
        src_crs=crs,
        dst_transform=affine,
        dst_crs=_MERCATOR,
        resampling=Resampling.nearest,
    )
    x, y = affine @ (0, height)
    east, north = affine @ (width, 0)
    lons, lats = rasterio.warp.transform(_MERCATOR, _LONLAT, [x, east], [y, north])
    return np.moveaxis(bands, 0, -1), ((lats[0], lons[0]), (lats[1], lons[1]))


def _overlay(library: Any, sheet: _Sheet, *, first: bool) -> Any:
    rgba, corners = _placed(sheet)
    return library.ImageOverlay(
        url=f"data:image/png;base64,{png(rgba)}",
        bounds=corners,
        name=html.escape(sheet.title),  # Leaflet takes names as HTML
        opacity=_OPACITY,
        visible=first,
    )


def _controls(
    library: Any, sheets: Sequence[_Sheet], overlays: Sequence[Any], lang: str
) -> Iterator[Any]:
    """Yield what stands on the map: which layers, how opaque, and what their colours mean."""
    import ipywidgets

    text = text_of(lang)
    slider = ipywidgets.FloatSlider(
        value=_OPACITY, min=0, max=1, step=0.05, description=text("notebook.opacity")
    )
    for overlay in overlays:
        ipywidgets.jslink((slider, "value"), (overlay, "opacity"))
    yield library.LayersControl(position="topright")
    yield library.WidgetControl(widget=slider, position="topright")
    words = ipywidgets.HTML(_legend(sheets))
    yield library.WidgetControl(widget=words, position="bottomleft", max_height=320)
    yield library.ScaleControl(position="bottomright", imperial=False)


def _legend(sheets: Sequence[_Sheet]) -> str:
    """Return the legends as HTML, each once: the dates of a series have one."""
    swatch = "display:inline-block;width:.9em;height:.9em;margin-right:.4em;border:1px solid #888"
    entries = dict.fromkeys(entry for sheet in sheets for entry in sheet.legend)
    lines = [
        f'<div><i style="{swatch};background:{html.escape(colour)}"></i>{html.escape(word)}</div>'
        for word, colour in entries
    ]
    return f'<div style="padding:.3em .6em;line-height:1.4">{"".join(lines)}</div>'
