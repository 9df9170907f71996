"""The layers of a granule on a grid: bands, flags and angles, made window by window."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.model.flags import Flag
from obriy.model.ice import BANDS
from obriy.sources.modis.geolocation import SCAN
from obriy.sources.modis.l1b import CountArray, Level1b, calibrate
from obriy.sources.modis.swath import Part, SwathGrid

MOST: Final = 2_000_000
"""Pixels of the largest window that is made at once, and samples that it is made of; a larger one
is put together of two."""
_SURVEY: Final = 10
"""Scans that are looked at together before the work."""
Layers = dict[str, npt.NDArray[Any]]
FLAGS: Final = "flags"
ANGLES: Final = ("view_zenith", "sun_zenith")


@dataclasses.dataclass(frozen=True)
class Survey:
    """What the counts near a grid are.

    Attributes:
        special: How many had each special meaning, by ``"band: meaning"``.
        seen: Whether any became reflectance.
        sun_zenith: Smallest zenith angle of the sun, degrees.
    """

    special: Counter[str]
    seen: bool
    sun_zenith: float


class GranuleLayers:
    """All layers of a granule on a grid.

    They are made together, since each needs the neighbours, and most need the same counts; the
    last window of each thread is kept, so that its seven bands are made once.

    Args:
        level1b: The bands.
        swath: The grid, and where the samples lie.
        land: Whether land is taken from the geolocation.
        clouds: (lines, samples) bool of the granule at 500 m, True for cloud; None: no mask.
    """

    def __init__(
        self,
        level1b: Level1b,
        swath: SwathGrid,
        *,
        land: bool,
        clouds: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self._level1b = level1b
        self._swath = swath
        self._land = land
        # A copy: of the whole granule's mask only this is kept.
        self._clouds = None if clouds is None else clouds[swath.lines, swath.samples].copy()
        self._last = _Last()

    def layer(self, name: str, rows: slice, columns: slice) -> npt.NDArray[Any]:
        """Return a window of a layer.

        Args:
            name: A band, ``flags``, ``view_zenith`` or ``sun_zenith``.
            rows: Rows of the window.
            columns: Columns of the window.

        Returns:
            (rows, columns) float32, NaN missing; of flags uint16.
        """
        if _length(rows) * _length(columns) <= MOST:
            return self._window(rows, columns)[name]
        axis, halves = _halves(rows, columns)
        return np.concatenate([self.layer(name, *half) for half in halves], axis)

    def survey(self) -> Survey:
        """Look at all counts that may serve the grid."""
        frames = self._swath.frames
        special: Counter[str] = Counter()
        seen, suns = False, []
        for scans in _pieces(self._swath.scans, _SURVEY):
            cosine = self._swath.geolocation.cos_sun_zenith(scans, frames)
            calibrated = calibrate(self._level1b, self._counts(scans, frames), cosine)
            special.update(calibrated.special)
            seen = seen or bool(np.isfinite(calibrated.reflectance).any())
            suns.append(float(np.nanmax(cosine, initial=-1)))
        return Survey(special, seen, float(np.degrees(np.arccos(min(max(suns), 1)))))

    def _counts(self, scans: slice, frames: slice) -> CountArray:
        return _HELD.counts(self._level1b, self._swath)[:, *self._swath.here(scans, frames)]

    def _window(self, rows: slice, columns: slice) -> Layers:
        key = (rows.start, rows.stop, columns.start, columns.stop)
        if self._last.key != key:
            self._last.layers = self._made(rows, columns)
            self._last.key = key
        return self._last.layers

    def _made(self, rows: slice, columns: slice) -> Layers:
        hull = self._swath.hull(rows, columns)
        if hull is None:
            return _nothing((_length(rows), _length(columns)))
        if _samples(*hull) > MOST and _length(rows) * _length(columns) > 1:
            axis, halves = _halves(rows, columns)
            made = [self._made(*half) for half in halves]
            return {name: np.concatenate([m[name] for m in made], axis) for name in made[0]}
        part = self._swath.part(rows, columns, *hull)
        if part is None:
            return _nothing((_length(rows), _length(columns)))
        geolocation = self._swath.geolocation
        cosine = geolocation.cos_sun_zenith(part.scans, part.frames)
        counts = self._counts(part.scans, part.frames)
        calibrated = calibrate(self._level1b, counts, cosine)
        layers: Layers = {
            band: part.resample(values)
            for band, values in zip(BANDS, calibrated.reflectance, strict=True)
        }
        layers[FLAGS] = self._flags(part, calibrated.saturated)
        view = geolocation.cos_view_zenith(part.scans, part.frames)
        for name, values in zip(ANGLES, (view, cosine), strict=True):
            degrees = np.degrees(np.arccos(np.clip(values, -1, 1))).astype("float32")
            layers[name] = part.pick(degrees, np.nan)
        return layers

    def _flags(self, part: Part, saturated: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
        flags = np.where(saturated, np.uint16(Flag.SATURATED), np.uint16(0))
        if self._land:
            land = self._swath.geolocation.land(part.scans, part.frames)
            flags |= np.where(land, np.uint16(Flag.LAND), np.uint16(0))
        if self._clouds is not None:
            cloud = self._clouds[self._swath.here(part.scans, part.frames)]
            flags |= np.where(cloud, np.uint16(Flag.CLOUD), np.uint16(0))
        return part.pick(flags, np.uint16(Flag.NO_DATA))


class _Held:
    """The counts of the granule that was looked at last, as far as they may serve its grid.

    A compressed field is decoded from its beginning at each read, which for windows one by one
    would take many times as long. All of a granule takes 154 MB, Peter the Great Bay 2 MB.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key: tuple[Any, ...] = ()
        self._counts = np.empty((0, 0, 0), "uint16")

    def counts(self, level1b: Level1b, swath: SwathGrid) -> CountArray:
        """Return the counts of the lines and samples that may serve a grid."""
        lines, samples = swath.lines, swath.samples
        status = level1b.file.path.stat()
        key = (level1b.file.path, status.st_mtime_ns, status.st_size,
               lines.start, lines.stop, samples.start, samples.stop)  # fmt: skip
        with self._lock:
            if self._key != key:
                self._key, self._counts = (), np.empty((0, 0, 0), "uint16")
                self._counts = level1b.read(lines, samples)
                self._key = key
            return self._counts


_HELD: Final = _Held()


class _Last(threading.local):
    """The last window of a thread."""

    def __init__(self) -> None:
        self.key: tuple[int, int, int, int] | None = None
        self.layers: Layers = {}

    def __reduce__(self) -> Any:
        """Windows stay where they were made: a copy in another process starts without."""
        return (_Last, ())


def _nothing(shape: tuple[int, int]) -> Layers:
    """Return the layers of a window that the granule does not reach."""
    layers: Layers = {name: np.full(shape, np.nan, "float32") for name in (*BANDS, *ANGLES)}
    layers[FLAGS] = np.full(shape, np.uint16(Flag.NO_DATA))
    return layers


def _samples(scans: slice, frames: slice) -> int:
    return _length(scans) * _length(frames) * 4 * SCAN


def _length(part: slice) -> int:
    return int(part.stop - part.start)


def _halves(rows: slice, columns: slice) -> tuple[int, list[tuple[slice, slice]]]:
    """Cut a window across its longer side: the squarer it is, the fewer samples it shares."""
    axis = 0 if _length(rows) >= _length(columns) else 1
    whole = (rows, columns)[axis]
    middle = (whole.start + whole.stop + 1) // 2
    parts = slice(whole.start, middle), slice(middle, whole.stop)
    return axis, [(part, columns) if axis == 0 else (rows, part) for part in parts]


def _pieces(whole: slice, length: int) -> Iterator[slice]:
    for start in range(whole.start, whole.stop, length):
        yield slice(start, min(start + length, whole.stop))
