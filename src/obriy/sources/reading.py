"""What lies in the files: which rasters, which bands, whether the bytes can be read at all."""

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError
from rasterio.windows import Window

from obriy.blocks.damage import tile_window, tiles_in
from obriy.blocks.decoding import require_room
from obriy.blocks.gdal import Access, is_zarr, open_raster
from obriy.blocks.validity import Layer
from obriy.errors import GridError, SourceError
from obriy.model.notices import notice
from obriy.sources.cube_axes import Slot, names_in_tags, parts_of, slots_of, unread_zarr
from obriy.sources.decodable import read_window, test_read
from obriy.sources.file_grid import grid_of
from obriy.sources.integrity import check_bytes, check_last_bytes, directory_is_cut_off

SAMPLE_WINDOWS = 5
SAMPLE_PIXELS = 128
ALPHA = ColorInterp.alpha
WHOLE_PIXELS = 1 << 20
"""Images up to this many pixels are sampled whole, larger ones in 5 x 5 windows of 128 px."""


@dataclasses.dataclass(frozen=True)
class FileBand:
    """One band of one raster file, before anybody knows what it shows.

    Attributes:
        path: GDAL path.
        file: Name of the file, for messages.
        index: Band number, from 1.
        names: What the file calls it, best first; empty where it says nothing.
        dtype: Numpy type of the numbers.
        grid: The grid.
        nodata: The file's own missing value, or None.
        scale: The file's own factor; 1 where it has none.
        offset: The file's own offset; 0 where it has none.
        tags: Metadata of file and band.
        opacity: Number of the band of the file that it calls alpha; None where none is.
        masked: The file has a mask for it (inside, or a ``.msk`` beside it), beside any number.
        unplaced: The file names a CRS and does not say where in it the pixels lie.
        network: How the path is reached; see `obriy.blocks.gdal.dataset`.
    """

    path: str
    file: str
    index: int
    names: tuple[str, ...]
    dtype: str
    grid: GeoBox
    nodata: float | None
    scale: float
    offset: float
    tags: dict[str, str] = dataclasses.field(hash=False, compare=False)
    opacity: int | None = None
    masked: bool = False
    unplaced: bool = False
    network: Access = False


def probe(path: str, step: int | None = None, network: Access = False) -> list[FileBand]:
    """Return the bands of a file, variables of a NetCDF included.

    Args:
        path: The file, or a store of Zarr.
        step: Which step along its axis of time, where it has one.
        network: How the path is reached; of a file in the network only the head is read.

    Raises:
        SourceError: where it is not a readable raster, each with its own reason; several times,
            where none of them was asked for.
        GridError: where it has ground control points instead of a grid.
    """
    if network:
        return _far_bands(path, network)
    local = Path(path)
    if local.is_file():
        check_bytes(local)
    with _opened(path) as dataset:
        if dataset.count == 0 or dataset.subdatasets:
            parts = parts_of(dataset)
            if not parts:
                raise SourceError(f"{path} holds no band.", "Check that it is the image you mean.")
            return [band for part in parts for band in _bands_of_part(part, path, step)]
        require_room(dataset, path)
        bands = _bands(dataset, path, path, step)
        if local.is_file():
            check_last_bytes(local, dataset)
        if dataset.driver == "VRT":
            _check_members(dataset)
        test_read(dataset, path)
    return bands


def _far_bands(path: str, network: Access) -> list[FileBand]:
    with _opened(path, network) as dataset:
        require_room(dataset, path)
        found = _bands(dataset, path, path, None)
    return [dataclasses.replace(band, network=network) for band in found]


def _check_members(dataset: Any) -> None:
    """Compare the length of the files behind a VRT with what they promise.

    Raises:
        SourceError: where one is cut short.
    """
    for file in dataset.files[1:]:
        if Path(file).is_file():
            with contextlib.suppress(RasterioError), open_raster(file) as member:
                check_last_bytes(Path(file), member)


def _bands_of_part(part: str, path: str, step: int | None) -> list[FileBand]:
    with _opened(part) as dataset:
        if min(dataset.shape) < 2:  # bounds and one-dimensional coordinates
            return []
        require_room(dataset, part)
        test_read(dataset, path)
        variable = part.rsplit(":", 1)[-1].strip('"/')
        return _bands(dataset, part, path, step, variable)


def _bands(
    dataset: Any, path: str, file: str, step: int | None, variable: str = ""
) -> list[FileBand]:
    return [_band(dataset, path, file, slot, variable) for slot in slots_of(dataset, file, step)]


@contextlib.contextmanager
def _opened(path: str, network: Access = False) -> Iterator[Any]:
    with contextlib.ExitStack() as stack:
        try:
            dataset = stack.enter_context(open_raster(path, network=network))
        except RasterioError as error:
            raise _no_image(path, error) from error
        yield dataset


def _no_image(path: str, error: Exception) -> SourceError:
    if directory_is_cut_off(Path(path)):
        return SourceError(notice("file_lacks_directory", name=str(path)), notice("download_again"))
    if path.startswith("ZARR:") or is_zarr(path):
        return unread_zarr(path, error)
    return SourceError(notice("no_image", name=str(path), why=str(error)), notice("open_an_image"))


def _band(dataset: Any, path: str, file: str, slot: Slot, variable: str) -> FileBand:
    index = slot.index
    if dataset.gcps[0] and dataset.transform.is_identity:
        raise GridError(
            f"{file} has ground control points and no grid.",
            f"Lay it on a grid first: gdalwarp -tps -t_srs EPSG:4326 {file} gridded.tif",
        )
    if np.dtype(dataset.dtypes[index - 1]).kind == "c":
        raise SourceError(
            f"{file}, band {index}, has complex numbers: a radar product, not reflectance.",
            "Open an optical image.",
        )
    tags = {**dataset.tags(), **dataset.tags(index), **slot.tags}
    names = (dataset.descriptions[index - 1], slot.name, variable, *names_in_tags(tags))
    kinds = dataset.colorinterp
    grid = grid_of(dataset, tags, lonlat=slot.lonlat)
    return FileBand(
        path=path,
        file=Path(file).name,
        index=index,
        names=tuple(dict.fromkeys(n.strip() for n in names if n and n.strip())),
        dtype=str(dataset.dtypes[index - 1]),
        grid=grid,
        nodata=None if dataset.nodatavals[index - 1] is None else dataset.nodatavals[index - 1],
        scale=float(dataset.scales[index - 1]),
        offset=float(dataset.offsets[index - 1]),
        tags=tags,
        opacity=next((i for i, c in zip(dataset.indexes, kinds, strict=True) if c == ALPHA), None),
        masked=_has_mask(dataset, index),
        unplaced=dataset.crs is not None and grid.affine.is_identity,
    )


def _has_mask(dataset: Any, index: int) -> bool:
    """Say whether a file has a mask that is neither a number of the band nor an alpha band."""
    flags = set(dataset.mask_flag_enums[index - 1])
    by_number = flags == {MaskFlags.nodata}
    return not (by_number or flags & {MaskFlags.all_valid, MaskFlags.alpha})


def masks_in_file(band: FileBand) -> tuple[Layer, ...]:
    """Return what hides pixels of a band in its own file: the file's mask, its alpha band."""
    far = band.network
    own = (Layer(band.path, band.index, band.grid, mask=True, network=far),) if band.masked else ()
    if band.opacity in (None, band.index):
        return own
    return (*own, Layer(band.path, band.opacity, band.grid, network=far))


def sample(band: FileBand, missing: tuple[float, ...]) -> npt.NDArray[np.float64]:
    """Return valid numbers (DN) of a band: all of a small image, windows of a large one.

    Args:
        band: The band.
        missing: Numbers that mean missing; NaN always does.

    Returns:
        (n,) float64, at most about 10⁶ numbers; empty where no sampled pixel is valid.

    Raises:
        SourceError: where no window can be read. One that is damaged is passed over: the map
            lists what it could not read.
    """
    with _opened(band.path, band.network) as dataset:
        windows = sample_windows(*dataset.shape)
        parts = [v.ravel() for w in windows for v in _sound_parts(dataset, band, w)]
        if not parts:  # the first tile says why
            read_window(dataset, band.index, tile_window(dataset, band.index, (0, 0)), band.file)
    values = np.concatenate(parts).astype("float64")
    keep = np.isfinite(values)
    for number in missing:
        keep &= values != number
    return np.asarray(values[keep], "float64")


def _sound_parts(dataset: Any, band: FileBand, window: Window) -> Iterator[npt.NDArray[Any]]:
    """Yield a window, or those of its tiles that are not damaged."""
    try:
        yield _shown(dataset, band, window)
    except SourceError:
        rows, columns = window.toslices()
        for tile in tiles_in(dataset, band.index, rows, columns):
            part = window.intersection(tile_window(dataset, band.index, tile))
            with contextlib.suppress(SourceError):
                yield _shown(dataset, band, part)


def _shown(dataset: Any, band: FileBand, window: Window) -> npt.NDArray[Any]:
    """Return the numbers of a window that no mask in the file hides, (n,)."""
    values = read_window(dataset, band.index, window, band.file)
    shown = np.ones(values.shape, bool)
    for layer in masks_in_file(band):
        read = dataset.read_masks if layer.mask else dataset.read
        shown &= read(layer.index, window=window) != 0
    return values[shown]


def sample_windows(height: int, width: int, along: int = SAMPLE_WINDOWS) -> list[Window]:
    """Return where an image is looked at: all of a small one, windows spread over a large one.

    Args:
        height: Of the image, pixels.
        width: Of the image, pixels.
        along: Windows along a side of a large one.
    """
    if height * width <= WHOLE_PIXELS:
        return [Window(0, 0, width, height)]
    rows, columns = (np.linspace(0, max(n - SAMPLE_PIXELS, 0), along) for n in (height, width))
    for places in (rows, columns):  # within one tile, whose sides are multiples of a window's
        places[:-1] -= places[:-1] % SAMPLE_PIXELS
    size = (min(SAMPLE_PIXELS, width), min(SAMPLE_PIXELS, height))
    return [Window(int(c), int(r), *size) for r in rows for c in columns]


def has_valid_pixel(band: FileBand, missing: tuple[float, ...]) -> bool:
    """Say whether any pixel of the band is valid, reading block by block until one is found."""
    with _opened(band.path, band.network) as dataset:
        for _, window in dataset.block_windows(band.index):
            try:
                values = read_window(dataset, band.index, window, band.file).astype("float64")
            except SourceError:  # damaged: the map lists it
                continue
            keep = np.isfinite(values)
            for number in missing:
                keep &= values != number
            if keep.any():
                return True
    return False
