"""The grid of a scene: the image's own, the finest of several, or the one the user asked for."""

import dataclasses
import math
from collections.abc import Mapping

from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.errors import GridError, UsageError
from obriy.model.grid import describe, pixel_metres, same_grid
from obriy.model.notices import notice
from obriy.model.place import doubt_of_place
from obriy.sources.reading import FileBand

MOST_SIDE = 2**31 - 1
"""Pixels along a side of a raster, as GDAL counts them."""
MOST_PIXELS = 2 * 10**10
"""Pixels of a scene: 160 tiles of Sentinel-2, some hours of work on one machine."""
COARSER = 1.01
"""A grid coarser than this many pixels of a band averages it; a finer one interpolates."""
_UNPLACED = notice("crs_without_place")


@dataclasses.dataclass(frozen=True)
class SceneGrid:
    """The grid of a scene, and the grid that each file is taken to lie on.

    Attributes:
        geobox: The grid.
        of_file: Grid by (path, band index): the file's own, or a made-up one.
        notes: What was decided, as plain values; empty where the image keeps its grid.
        warnings: What the reader of a figure should know.
    """

    geobox: GeoBox
    of_file: Mapping[tuple[str, int], GeoBox]
    notes: Mapping[str, object]
    warnings: tuple[str, ...] = ()


def scene_grid(bands: list[FileBand], resolution: float | None) -> SceneGrid:
    """Choose the grid on which all bands meet: that of the finest.

    Args:
        bands: All bands that will be read.
        resolution: Pixel size wanted, metres; None: the finest there is.

    Raises:
        GridError: bands in several CRSs or places, a turned grid without a CRS, or more pixels than
            anybody waits for.
        UsageError: a pixel larger than the image.
    """
    grids = {(b.path, b.index): b.grid for b in bands}
    finest = min(bands, key=lambda b: abs(b.grid.affine.determinant)).grid
    _check_together(bands, finest)
    unplaced = tuple(_UNPLACED for b in bands[:1] if b.unplaced)
    if resolution is None or finest.crs is None:
        _require_countable(finest, bands[0].file)
    doubts = tuple(doubt for doubt in (doubt_of_place(finest),) if doubt)
    if resolution is None:
        return SceneGrid(finest, grids, {}, unplaced + doubts)
    if finest.crs is None:
        return _made_up(grids, finest, resolution)
    geobox, dropped = _at_resolution(finest, resolution)
    _require_countable(geobox, bands[0].file, resolution)
    notes = {
        "wanted_m": resolution,
        "file": describe(finest),
        "scene": describe(geobox),
        "dropped_m": dropped,
    }
    return SceneGrid(geobox, grids, notes, doubts)


def resampling_of(own: GeoBox, wanted: GeoBox) -> str | None:
    """Return how reflectance gets from one grid to another; None where they are the same."""
    if same_grid(own, wanted):
        return None
    ratio = abs(wanted.affine.determinant) / abs(own.affine.determinant)
    return "average" if math.sqrt(ratio) > COARSER else "bilinear"


def _check_together(bands: list[FileBand], finest: GeoBox) -> None:
    for band in bands:
        if band.grid.crs != finest.crs:
            raise GridError(
                f"The files lie in different CRSs: {band.file} in {_name(band.grid)}, another in "
                f"{_name(finest)}.",
                "Bring them to one: gdalwarp -t_srs EPSG:CODE IN OUT, or open one at a time.",
            )
        if band.grid.affine.is_identity and band.grid.shape != finest.shape:
            raise GridError(
                f"{band.file} says neither where it lies nor how large its pixels are, and has "
                "another shape than the other files.",
                "Give it a CRS and a place (gdal_edit -a_srs, -a_ullr), or leave it out.",
            )
        if not _overlap(band.grid, finest):
            raise GridError(
                f"{band.file} lies somewhere else than the other files.",
                "Open the bands of one scene.",
            )
    if finest.crs is None and (finest.affine.b or finest.affine.d):
        raise GridError(
            f"{bands[0].file} has a turned grid and no CRS.", "Set its CRS: gdal_edit -a_srs."
        )


def _require_countable(grid: GeoBox, file: str, resolution: float | None = None) -> None:
    """Refuse a grid of more than `MOST_PIXELS`, before anything of its size is made."""
    pixels = float(grid.shape.y) * float(grid.shape.x)
    if pixels <= MOST_PIXELS:
        return
    limit = f"at most {MOST_PIXELS:.0e} can be mapped at once"
    if resolution is None:
        raise GridError(
            f"{file} has {grid.shape.y} x {grid.shape.x} pixels ({pixels:.1e}), and {limit}.",
            f"Cut it to where you need it: gdal_translate -projwin W N E S {file} part.tif, or say "
            "--resolution.",
        )
    least = resolution * math.sqrt(pixels / MOST_PIXELS)
    raise GridError(
        f"--resolution {resolution:g} makes {pixels:.1e} pixels of {file}, and {limit}.",
        f"Give --resolution {least:.3g} or more, or leave it away.",
    )


def _name(grid: GeoBox) -> str:
    return str(describe(grid)["crs"] or "none")[:60]


def _overlap(a: GeoBox, b: GeoBox) -> bool:
    one, two = a.extent.boundingbox, b.extent.boundingbox
    return bool(
        one.left < two.right
        and two.left < one.right
        and one.bottom < two.top
        and two.bottom < one.top
    )


def _at_resolution(grid: GeoBox, resolution: float) -> tuple[GeoBox, dict[str, float]]:
    """Return a grid in the same CRS, same corner, of as many pixels of that size as fit.

    A pixel that hung over the edge would count area of which the image says nothing; the strip
    of less than one pixel at the bottom and at the right is dropped instead.

    Returns:
        The grid, and the height and width of what is dropped, metres.

    Raises:
        UsageError: where not even one pixel fits.
    """
    height, width = pixel_metres(grid)
    down, across = resolution / height, resolution / width
    if min(down, across) * MOST_SIDE < max(grid.shape):
        raise UsageError(
            f"With pixels of {resolution:g} m the image would have more than {MOST_SIDE:g} of them "
            "along a side.",
            f"Give --resolution {min(height, width):g} (its own) or more.",
        )
    # Rounded first: 9.9999999 pixels are ten.
    rows = math.floor(round(grid.shape.y / down, 6))
    columns = math.floor(round(grid.shape.x / across, 6))
    tall, wide = grid.shape.y * height, grid.shape.x * width
    if min(rows, columns) < 1:
        raise UsageError(
            f"A pixel of {resolution:g} m is larger than the image ({wide:.0f} x {tall:.0f} m).",
            f"Give --resolution {min(tall, wide):.0f} or less.",
        )
    dropped = {
        "bottom": round(max(0.0, tall - rows * resolution), 3),
        "right": round(max(0.0, wide - columns * resolution), 3),
    }
    affine = grid.affine @ Affine.scale(across, down)
    return GeoBox((rows, columns), affine, grid.crs), dropped


def local_plane(grid: GeoBox, resolution: float) -> Affine:
    """Return what lays a grid without a CRS into local metres, its corner at 0, north up."""
    a = grid.affine
    scale = resolution / abs(a.a)
    return Affine.scale(scale, -scale if a.e > 0 else scale) @ Affine.translation(-a.c, -a.f)


def _made_up(
    grids: Mapping[tuple[str, int], GeoBox], finest: GeoBox, resolution: float
) -> SceneGrid:
    """Take an image without a CRS to have pixels of that size, in local metres."""
    plane = local_plane(finest, resolution)
    laid = {k: GeoBox(g.shape, plane @ g.affine, None) for k, g in grids.items()}
    geobox = GeoBox(finest.shape, plane @ finest.affine, None)
    warning = notice("pixels_taken_wide", size=resolution)
    notes = {"made_up": True, "pixel_m": resolution, "scene": describe(geobox)}
    return SceneGrid(geobox, laid, notes, (warning,))
