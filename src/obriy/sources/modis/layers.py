"""The layers of a granule on a grid: bands, flags and angles, made window by window."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from obriy.model.flags import Flag
from obriy.model.ice import BANDS
from obriy.sources.modis.geolocation import Geolocation
from obriy.sources.modis.l1b import Calibrated, CountArray
from obriy.sources.modis.swath import Part, SwathGrid

MOST: Final = 2_000_000
"""Pixels of the largest window that is made at once, and samples that it is made of; a larger one
is put together of two."""
_SURVEY: Final = 10
"""Scans that are looked at together before the work."""
Layers = dict[str, npt.NDArray[Any]]
FLAGS: Final = "flags"
ANGLES: Final = ("view_zenith", "sun_zenith")


class Bands(Protocol):
    """The seven bands of a granule, not read yet, in the order of `obriy.model.ice.BANDS`."""

    @property
    def path(self) -> Path:
        """The granule."""

    def read(self, lines: slice, samples: slice) -> CountArray:
        """Return the numbers of a window, (layers, lines, samples)."""

    def calibrate(self, counts: CountArray, cosine: npt.NDArray[Any]) -> Calibrated:
        """Return what numbers of whole scans say, by the cosine of the sun's zenith angle."""

    def gaps(self, counts: CountArray) -> npt.NDArray[np.bool_] | None:
        """Return which samples were never sent down; None where all are."""


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
        bands: The bands.
        swath: The grid, and where the samples lie.
        land: Whether land is taken from the geolocation.
        clouds: (lines, samples) bool of the samples of the granule, True for cloud; None: no mask.
    """

    def __init__(
        self,
        bands: Bands,
        swath: SwathGrid,
        *,
        land: bool,
        clouds: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        self._bands = bands
        self._swath = swath
        self.has_land = land
        # A copy: of the whole granule's mask only this is kept.
        self._clouds = None if clouds is None else clouds[swath.lines, swath.samples].copy()
        self._last = _Last()

    @property
    def geolocation(self) -> Geolocation:
        """Where the samples lie."""
        return self._swath.geolocation

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
            calibrated = self._bands.calibrate(self._counts(scans, frames), cosine)
            special.update(calibrated.special)
            seen = seen or bool(np.isfinite(calibrated.reflectance).any())
            suns.append(float(np.nanmax(cosine, initial=-1)))
        return Survey(special, seen, float(np.degrees(np.arccos(min(max(suns), 1)))))

    def _counts(self, scans: slice, frames: slice) -> CountArray:
        return _HELD.counts(self._bands, self._swath)[:, *self._swath.here(scans, frames)]

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
        if self._samples(*hull) > MOST and _length(rows) * _length(columns) > 1:
            axis, halves = _halves(rows, columns)
            made = [self._made(*half) for half in halves]
            return {name: np.concatenate([m[name] for m in made], axis) for name in made[0]}
        counts = self._counts(*hull)
        part = self._swath.part(rows, columns, *hull, gaps=self._bands.gaps(counts))
        if part is None:
            return _nothing((_length(rows), _length(columns)))
        geolocation = self._swath.geolocation
        cosine = geolocation.cos_sun_zenith(part.scans, part.frames)
        calibrated = self._bands.calibrate(counts, cosine)
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

    def _samples(self, scans: slice, frames: slice) -> int:
        scanner = self._swath.geolocation.scanner
        return _length(scans) * _length(frames) * scanner.finer**2 * scanner.lines

    def _flags(self, part: Part, saturated: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint16]:
        flags = np.where(saturated, np.uint16(Flag.SATURATED), np.uint16(0))
        if self.has_land:
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

    def counts(self, bands: Bands, swath: SwathGrid) -> CountArray:
        """Return the counts of the lines and samples that may serve a grid."""
        lines, samples = swath.lines, swath.samples
        status = bands.path.stat()
        key = (bands.path, status.st_mtime_ns, status.st_size,
               lines.start, lines.stop, samples.start, samples.stop)  # fmt: skip
        with self._lock:
            if self._key != key:
                self._key, self._counts = (), np.empty((0, 0, 0), "uint16")
                self._counts = bands.read(lines, samples)
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
