"""When, where and by what an image was taken, in words: what a cluster is judged with."""

import math
from datetime import date
from typing import Final

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.errors import GridError
from obriy.model.grid import geobox_of, pixel_metres
from obriy.model.provenance import hrefs_of
from obriy.model.scene import provenance_of
from obriy.tables.sensor import load_sensor, sensor_ids
from obriy.vectors import lonlat_bounds

_TROPIC: Final = 23.4
"""Latitude of the tropics, degrees."""
_SEASONS: Final = ("winter", "spring", "summer", "autumn")
"""Of three months each, from December on in the north, from June on in the south."""
_PARTS: Final = ("early", "mid", "late")
MONTH_NAMES: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_MADE_UP: Final = "simulated:"
_TOO_ROUND: Final = (400_000.0, 500_000.0)
"""Eastings in UTM at which no product begins, metres: Sentinel-2's tiles do at 399 960, 499 980."""
_ROUND: Final = 100_000.0


def about_scene(scene: xr.Dataset, side: int) -> str:
    """Return when, where, how large and by what an image is, in English, and what is not known.

    Args:
        scene: A Scene of any size; no pixel is read.
        side: Of a magnified place, pixels.
    """
    grid = geobox_of(scene)
    size = pixel_size(scene)
    latitude, place = _place(scene, grid)
    told = [_when(scene.attrs.get("time"), latitude), place, _sensor(scene, size)]
    magnified = f"Each magnified place is {side} pixels wide"
    if size is not None:
        tall, wide = size
        rows, columns = int(grid.shape.y), int(grid.shape.x)
        told.append(
            f"The scene is {wide * columns / 1000:.3g} by {tall * rows / 1000:.3g} km (width by "
            f"height)."
        )
        magnified += f", {wide * side:.3g} m"
    return " ".join([*told, f"{magnified}."])


def pixel_size(scene: xr.Dataset) -> tuple[float, float] | None:
    """Return height and width of a pixel in metres; None where nothing says them.

    A grid without a CRS has the size that the user named, which the record of the scene holds.
    """
    grid = geobox_of(scene)
    if grid.crs is not None:
        return pixel_metres(grid)
    named = (provenance_of(scene).step("grid") or {}).get("pixel_m")
    return None if named is None else (float(named), float(named))


def has_a_place(scene: xr.Dataset) -> bool:
    """Whether the grid of a scene says where on Earth it lies.

    It does not where there is no CRS, where the scene is simulated, and where somebody laid an
    image without a place on a grid of UTM that begins at a round corner, such as the central
    meridian and a whole 100 km of northing (500 000 E, 5 400 000 N): no product begins there.
    """
    grid = geobox_of(scene)
    if grid.crs is None or any(h.startswith(_MADE_UP) for h in hrefs_of(provenance_of(scene))):
        return False
    corner = grid.affine.c, grid.affine.f
    in_utm = (grid.crs.epsg or 0) // 100 in (326, 327)
    return not (in_utm and corner[0] in _TOO_ROUND and corner[1] % _ROUND == 0)


def season_of(day: date, latitude: float) -> str:
    """Return the season of a day, ``"early summer"``; between the tropics the hemisphere's alone.

    Args:
        day: The day.
        latitude: Degrees, north positive.
    """
    north = latitude >= 0
    since_winter = (day.month - (12 if north else 6)) % 12
    season = f"{_PARTS[since_winter % 3]} {_SEASONS[since_winter // 3]}"
    half = "northern" if north else "southern"
    if abs(latitude) < _TROPIC:
        return f"between the tropics, where rain makes the seasons; {half} half of the Earth"
    return f"{season} of the {half} half of the Earth"


def _when(stamp: object, latitude: float | None) -> str:
    if not stamp:
        return "The date is not known: nothing says which season it is."
    try:
        first, *last = (date.fromisoformat(one[:10]) for one in str(stamp).split("/"))
    except ValueError:
        return f"Image of {stamp}."
    if last:
        return (
            f"Made of images from {_written(first)} to {_written(last[-1])}: each pixel has the "
            "medians of its dates, of those in leaf where its plants have leaves for a time."
        )
    written = _written(first)
    if latitude is None:
        return f"Image of {written}; on which half of the Earth is not known, so neither season."
    return f"Image of {written}: {season_of(first, latitude)}."


def _written(day: date) -> str:
    return f"{day.day} {MONTH_NAMES[day.month - 1]} {day.year}"


def _place(scene: xr.Dataset, grid: GeoBox) -> tuple[float | None, str]:
    """Return the latitude of the middle, degrees north, and the place in words."""
    unknown = "Where on Earth it lies is not known."
    if not has_a_place(scene):
        return None, unknown
    try:
        west, south, east, north = lonlat_bounds(grid)
    except GridError:
        return None, unknown
    latitude, longitude = (south + north) / 2, (west + east) / 2
    where = f"{_degrees(latitude, 'N', 'S')} {_degrees(longitude, 'E', 'W')}"
    return latitude, f"It lies around {where}."


def _sensor(scene: xr.Dataset, size: tuple[float, float] | None) -> str:
    name = str(scene.attrs.get("sensor", "")).lower()
    title = load_sensor(name).title if name in sensor_ids() else "not known"
    pixels = "" if size is None else f", pixels of {math.sqrt(size[0] * size[1]):.3g} m"
    return f"Sensor: {title}{pixels}."


def _degrees(value: float, positive: str, negative: str) -> str:
    turned = (value + 180) % 360 - 180 if positive == "E" else value
    return f"{abs(turned):.1f}° {positive if turned >= 0 else negative}"
