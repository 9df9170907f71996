"""Rasters of the network: GDAL reads a file of this machine, of which the tiles it needs are here.

GDAL itself asks no server. Before it reads a window, the tiles behind it are fetched; what cannot
be fetched is an error of these tiles, as if their bytes were broken, and never a number.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from obriy.blocks.quiet import QuietReader
from obriy.errors import RemoteError
from obriy.net.remote import RemoteFile
from obriy.net.spans import Span
from obriy.net.tiff import Level

_NEARLY: Final = 1.2
"""GDAL takes an overview whose pixels are larger than wanted by less than this factor."""


class Layout:
    """Which bytes of a file hold which pixels; of a format whose tiles are not known, all hold all.

    Args:
        file: The file; its directories are fetched, and what is no TIFF is fetched whole.
    """

    def __init__(self, file: RemoteFile) -> None:
        self.file = file
        self.levels = file.levels

    def spans(
        self,
        bands: Iterable[int],
        rows: slice,
        columns: slice,
        shape: tuple[int, int],
        *,
        mask: bool,
    ) -> Iterator[Span]:
        """Yield the bytes that GDAL reads for a window.

        Args:
            bands: From 1.
            rows: Of the window, in pixels of the file.
            columns: Of the window.
            shape: Rows and columns that are read of it; fewer are read of overviews.
            mask: Whether the mask of the file is read with it.
        """
        if not self.levels:
            return
        whole = self.levels[0]
        factor = min(
            (part.stop - part.start) / max(count, 1)
            for part, count in zip((rows, columns), shape, strict=True)
        )
        for scale in {_scale(whole, level) for level in self._levels(whole, factor)}:
            for level in self.levels:
                if _scale(whole, level) == scale and (mask or not level.is_mask):
                    down, across = _reduced(rows, whole, level), _reduced(columns, whole, level)
                    for band in bands:
                        yield from level.spans(min(band, level.bands), down, across)

    def _levels(self, whole: Level, factor: float) -> list[Level]:
        """Return the levels that GDAL may take to read every n-th pixel: one, or its neighbours."""
        smaller = [level for level in self.levels if level.is_reduced and not level.is_mask]
        found = []
        for most in (factor, factor * _NEARLY):
            fit = [level for level in smaller if _scale(whole, level) <= most]
            found.append(max(fit, key=lambda level: _scale(whole, level)) if fit else whole)
        return found


class RemoteRaster(QuietReader):
    """An open raster of the network; what is read of it is fetched before.

    Only `read` and `read_masks` fetch: `fetch` does for what reads past them (a warp).
    """

    def __init__(self, file: RemoteFile, drivers: Iterable[str]) -> None:
        self.layout = Layout(file)
        super().__init__(str(file.path), driver=list(drivers))

    def read(self, indexes: Any = None, *args: Any, **options: Any) -> Any:
        """Read as rasterio does, once the tiles are here.

        Raises:
            RasterioIOError: where a tile of the window cannot be fetched, or decoded.
        """
        self._fetch_for(indexes, options, mask=bool(options.get("masked")))
        return super().read(indexes, *args, **options)

    def read_masks(self, indexes: Any = None, *args: Any, **options: Any) -> Any:
        """Read the mask, once the tiles are here; see `read`."""
        self._fetch_for(indexes, options, mask=True)
        return super().read_masks(indexes, *args, **options)

    def fetch(
        self,
        bands: Iterable[int],
        windows: Iterable[Window],
        *,
        by_warp: bool = False,
        wait: bool = True,
    ) -> None:
        """Fetch the tiles behind windows at full resolution.

        Args:
            bands: From 1.
            windows: Of the file.
            by_warp: They are read by a warp, which may read beyond: a file whose tiles would not
                show that they are not here is fetched whole.
            wait: False: they are only asked for, since they are read soon.

        Raises:
            RasterioIOError: where a tile cannot be fetched, and it is waited for.
        """
        bands = list(bands)
        if by_warp and any(not level.is_telling for level in self.layout.levels):
            windows = [Window(0, 0, self.width, self.height)]
        spans: list[Span] = []
        for window in windows:
            rows, columns = window.toslices()
            shape = (rows.stop - rows.start, columns.stop - columns.start)
            spans += self.layout.spans(bands, rows, columns, shape, mask=True)
        if wait:
            self._need(spans)
        else:
            self.layout.file.begin(spans)

    def _fetch_for(self, indexes: Any, options: dict[str, Any], *, mask: bool) -> None:
        window = options.get("window") or Window(0, 0, self.width, self.height)
        if not isinstance(window, Window):
            window = Window.from_slices(*window, height=self.height, width=self.width)
        rows, columns = (
            slice(max(0, int(part.start)), min(size, -int(-part.stop // 1)))
            for part, size in zip(window.toslices(), self.shape, strict=True)
        )
        shape = options.get("out_shape") or (rows.stop - rows.start, columns.stop - columns.start)
        bands = [indexes] if isinstance(indexes, int) else list(indexes or self.indexes)
        self._need(self.layout.spans(bands, rows, columns, tuple(shape[-2:]), mask=mask))

    def _need(self, spans: Iterable[Span]) -> None:
        try:
            self.layout.file.need(spans)
        except RemoteError as error:
            raise RasterioIOError(str(error)) from error


def _scale(whole: Level, level: Level) -> float:
    return whole.width / level.width


def _reduced(part: slice, whole: Level, level: Level) -> slice:
    """Return the pixels of an overview under some of the whole, and one around them."""
    scale = _scale(whole, level)
    if scale == 1:
        return part
    return slice(max(0, int(part.start / scale) - 1), int(part.stop / scale) + 2)
