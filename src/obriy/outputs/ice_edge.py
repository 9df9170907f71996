"""The edge of the ice as lines, beside the ice as polygons, in one GeoPackage."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
import xarray as xr
from odc.geo.geobox import GeoBox
from skimage import measure

from obriy.model.areas import District
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, ClassMap
from obriy.outputs.geopackage import VectorLayer, write_layers
from obriy.outputs.polygons import polygon_layer
from obriy.outputs.styles import Look
from obriy.render.palette import EDGE as EDGE_COLOUR
from obriy.render.text import text_of

EDGE_SHARE: Final = 0.15
"""Concentration along which ice charts draw the edge of the ice."""
EDGE: Final = "ice_edge"
ICE: Final = "ice"


def write_ice_edge(
    concentration: xr.DataArray,
    class_map: ClassMap,
    path: Path | str,
    *,
    districts: Sequence[District] = (),
    lang: str = "en",
) -> Path:
    """Write the edge of the ice and the ice itself as a GeoPackage; return its path.

    Layer ``ice_edge``: lines along which the concentration is 15 %, interpolated between the
    middles of pixels, in the CRS of the map. Where land or too little of the sea lies on one side
    there is none: a coast is no edge. Fields: ``id`` from 1, the longest first; ``date``; ``level``
    (0.15). Layer ``ice``: the pixels of ice as polygons, with the fields of
    `obriy.outputs.polygons.write_polygons`. Maps are read whole: some 20 bytes per pixel.

    Args:
        concentration: (y, x) uint8 half per cents, 255 missing, on the grid of the map.
        class_map: A map of the legend ``ice``.
        path: The file wanted, ``*.gpkg``.
        districts: Where polygons are cut; the edge is that of the whole map.
        lang: Language of the styles.
    """
    polygons = polygon_layer(class_map, class_name=ICE, districts=districts, lang=lang)
    lines = edge_lines(concentration.to_numpy(), class_map.geobox)
    look = Look("line", [(None, text_of(lang)("ice.edge_line"), EDGE_COLOUR)])
    edge = VectorLayer(EDGE, _edge_table(lines, class_map), look, "MultiLineString")
    return write_layers([polygons, edge], Path(path))


def edge_lines(shares: npt.NDArray[np.uint8], geobox: GeoBox) -> list[shapely.LineString]:
    """Return the lines of 15 % in the CRS of the grid, the longest (in its units) first.

    Args:
        shares: (y, x) half per cents, 255 missing: no line passes there.
        geobox: The grid.
    """
    if min(shares.shape) < 2:
        return []
    level = EDGE_SHARE * FRACTION_SCALE
    found = measure.find_contours(shares.astype("float64"), level, mask=shares != FRACTION_MISSING)
    lines = [_line(points, geobox) for points in found if len(points) > 1]
    return sorted(lines, key=lambda line: -line.length)


def _line(points: npt.NDArray[np.float64], geobox: GeoBox) -> shapely.LineString:
    """Return a line of rows and columns, counted from the middles of pixels, in the CRS."""
    a = geobox.affine
    y, x = (points + 0.5).T
    return shapely.LineString(np.column_stack([a.a * x + a.b * y + a.c, a.d * x + a.e * y + a.f]))


def _edge_table(lines: Sequence[shapely.LineString], class_map: ClassMap) -> Any:
    import geopandas
    import pandas as pd

    geobox, count = class_map.geobox, len(lines)
    columns = {
        "id": np.arange(1, count + 1, dtype="int64"),
        "date": pd.array([(class_map.time or "")[:10] or None] * count, "string"),
        "level": np.full(count, EDGE_SHARE),
    }
    crs = None if geobox.crs is None else geobox.crs.to_wkt()
    return geopandas.GeoDataFrame(columns, geometry=list(lines), crs=crs)
