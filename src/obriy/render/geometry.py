"""What a picture must know of its place: size of a pixel, where north is, a round length."""

import dataclasses
import math

import pyproj
from odc.geo.geobox import GeoBox

NORTH_UP = 10.0
"""An arrow to the north is drawn where north is up to so many degrees."""


@dataclasses.dataclass(frozen=True)
class Scale:
    """Size of a pixel on the ground, in the middle of the map.

    Attributes:
        along: Metres from one column to the next.
        down: Metres from one row to the next.
        bearing: Where "up" points, degrees clockwise from north; None where nobody knows.
    """

    along: float
    down: float
    bearing: float | None

    @property
    def north_up(self) -> bool:
        """Whether north is at the top of the picture."""
        return self.bearing is not None and abs(self.bearing) <= NORTH_UP


def ground_scale(geobox: GeoBox, pixel_size_m: float | None = None) -> Scale | None:
    """Return the size of a pixel on the ground; None where neither CRS nor size is known.

    Args:
        geobox: The grid.
        pixel_size_m: What the user says of a grid with no CRS.
    """
    if geobox.crs is None:
        return Scale(pixel_size_m, pixel_size_m, None) if pixel_size_m else None
    crs = pyproj.CRS.from_user_input(geobox.crs.to_wkt())
    if crs.geodetic_crs is None:
        return None
    to_lonlat = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    affine, (rows, columns) = geobox.affine, geobox.shape
    row, column = int(rows) / 2, int(columns) / 2
    points = [
        to_lonlat.transform(
            affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f
        )
        for x, y in ((column, row), (column + 1, row), (column, row - 1))
    ]
    if not all(math.isfinite(v) for point in points for v in point):
        return None
    geod = crs.get_geod()
    if geod is None:
        return None
    _, _, along = geod.inv(*points[0], *points[1])
    bearing, _, down = geod.inv(*points[0], *points[2])
    return Scale(along, down, bearing) if along > 0 and down > 0 else None


def pixel_aspect(geobox: GeoBox, scale: Scale | None) -> float:
    """Return height of a pixel over its width, as it should be drawn."""
    if scale is not None:
        return scale.down / scale.along
    affine = geobox.affine
    return math.hypot(affine.b, affine.e) / math.hypot(affine.a, affine.d)


def round_length(metres: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20 ... metres that is not longer."""
    power = 10.0 ** math.floor(math.log10(metres))
    return next(step * power for step in (5, 2, 1) if step * power <= metres * (1 + 1e-9))
