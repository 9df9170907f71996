"""The numbers of all bands at the same places of an image, looked at before the work."""

import functools
import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox
from rasterio.errors import RasterioError
from rasterio.windows import Window

from obriy.blocks.around import part_around
from obriy.blocks.gdal import gdal_env
from obriy.blocks.validity import Layer, Layers
from obriy.blocks.waiting import at_once
from obriy.errors import RemoteError, SourceError
from obriy.model.areas import District
from obriy.model.notices import notice
from obriy.sources.reading import SAMPLE_WINDOWS, FileBand, sample_windows

Numbers = dict[str, npt.NDArray[np.float64]]
"""(n,) float64 by common name, the same places in all; NaN where a file does not reach, where a
mask hides it, where it cannot be read, and where it was not."""
Seen = list[tuple[Window, bool]]
"""Windows, and whether they are read."""

FEW = 3
"""Windows along a side where metadata decide, and the numbers are no more than checked."""
SMALLEST = 16
"""Side in pixels of a window that is not split further where its bytes are broken."""


def look(
    bands: Mapping[str, FileBand],
    masks: Mapping[str, tuple[Layer, ...]],
    *,
    told: bool = False,
    districts: Sequence[District] = (),
    resolved: GeoBox | None = None,
    mapped: Collection[str] | None = None,
) -> Numbers:
    """Read all of a small image, windows of a large one, on the grid of its finest band.

    Args:
        bands: File bands by common name, all in one CRS.
        masks: Masks over each.
        told: Metadata decide what the numbers mean, and a few windows check them: each costs
            decoding a whole tile, of JPEG 2000 of Sentinel-2 1024 pixels wide. Where a band holds
            nothing in them, all windows are read.
        districts: Around which the image is looked at; none: everywhere.
        resolved: Grid on which it is looked at, of overviews where it is coarse; None: that of the
            finest band.
        mapped: Bands whose tiles will be decoded anyway; None: all. The others are read in one
            window of each row and each column, and wherever those alone cannot tell what means
            nothing; elsewhere they are NaN. All of one in which that finds hardly anything is read.

    Raises:
        GeometryError: where the image meets no district.
        RemoteError: where a server refuses a part of a file, or not one window of a band comes.
        SourceError: where not one window of a band can be read. What is damaged here and there is
            passed over: the map lists what it could not read.
    """
    finest = resolved or min((b.grid for b in bands.values()), key=_pixel_size)
    finest = finest[part_around(districts, finest)] if districts else finest
    first = [name for name in bands if mapped is None or name in mapped]
    others = [name for name in bands if name not in first]
    kept, passed = Layers(ahead=True), Layers(ahead=True, last=True)
    far = any(band.network for band in bands.values())

    def read(layers: Layers, names: list[str], seen: Seen) -> Numbers:
        def numbers_of(name: str) -> npt.NDArray[np.float64]:
            with gdal_env():
                return _numbers(layers, bands[name], masks[name], finest, seen)

        return dict(zip(names, at_once(numbers_of, names, waits=far), strict=True))

    for along in (FEW, SAMPLE_WINDOWS) if told else (SAMPLE_WINDOWS,):
        windows = sample_windows(finest.shape.y, finest.shape.x, along)
        everywhere = [(window, True) for window in windows]
        found = read(kept, first, everywhere)
        found |= read(passed, others, _where_others_tell(found, bands, windows))
        scarce = [name for name in others if _known(found[name]) * len(windows) < len(found[name])]
        found |= read(passed, scarce, everywhere)
        if all(map(_known, found.values())):
            break
    return {name: found[name] for name in bands}


def _known(values: npt.NDArray[np.float64]) -> int:
    """Return how many numbers are neither 0 nor missing."""
    return int((np.isfinite(values) & (values != 0)).sum())


def _where_others_tell(
    found: Numbers, bands: Mapping[str, FileBand], windows: list[Window]
) -> Seen:
    """Return in which windows other bands are read: a few, and those where some pixel is doubtful.

    It is one that is missing, holds a number that may mean so, or the same number in all bands.

    Args:
        found: What the bands that are mapped hold, the windows one after the other.
        bands: All of them.
        windows: As many along each side.
    """
    along = math.isqrt(len(windows))
    few = {row * along + (along - 1 - row if row % 2 else row) for row in range(along)}
    plain = functools.reduce(np.minimum, found.values()) < functools.reduce(
        np.maximum, found.values()
    )
    for number in {0.0, *(band.nodata for band in bands.values() if band.nodata is not None)}:
        for values in found.values():
            plain &= values != number
    ends = np.cumsum([round(window.width) * round(window.height) for window in windows])
    parts = np.split(plain, ends[:-1])
    return [
        (window, place in few or not part.all())
        for place, (window, part) in enumerate(zip(windows, parts, strict=True))
    ]


def _pixel_size(grid: GeoBox) -> float:
    return abs(float(grid.affine.determinant))


def layer_of(band: FileBand) -> Layer:
    """Return where the numbers of a band lie."""
    return Layer(band.path, band.index, band.grid, network=band.network)


def _numbers(
    layers: Layers,
    band: FileBand,
    masks: tuple[Layer, ...],
    on: GeoBox,
    seen: Seen,
) -> npt.NDArray[np.float64]:
    broken: list[RasterioError] = []

    def read(rows: slice, columns: slice) -> npt.NDArray[np.float64]:
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        try:
            numbers, covered = layers.read(layer_of(band), rows, columns, on, shape)
            bare = [layers.bare(mask, rows, columns, on, shape) for mask in masks]
        except RasterioError as error:
            refused = error.__cause__
            if isinstance(refused, RemoteError) and refused.is_refusal:
                raise refused from error
            broken.append(error)
            if max(shape) <= SMALLEST:
                return np.full(shape, np.nan)
            axis = int(np.argmax(shape))
            return np.concatenate([read(*half) for half in _halves(rows, columns, axis)], axis)
        values = numbers.astype("float64")
        for nothing in (*bare, *(() if covered is None else (~covered,))):
            values[nothing] = np.nan
        return values

    parts = [
        read(*window.toslices()).ravel()
        if is_read
        else np.full(round(window.width) * round(window.height), np.nan)
        for window, is_read in seen
    ]
    values = np.concatenate(parts)
    if broken and not np.isfinite(values).any():
        if isinstance(broken[0].__cause__, RemoteError):
            raise broken[0].__cause__ from broken[0]
        raise SourceError(
            notice("band_damaged", name=str(band.path), band=band.index, why=str(broken[0])),
            notice("download_again"),
        ) from broken[0]
    values[np.isinf(values)] = np.nan
    return values


def _halves(rows: slice, columns: slice, axis: int) -> list[tuple[slice, slice]]:
    whole = (rows, columns)[axis]
    middle = (whole.start + whole.stop) // 2
    parts = slice(whole.start, middle), slice(middle, whole.stop)
    return [(part, columns) if axis == 0 else (rows, part) for part in parts]
