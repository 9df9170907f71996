"""Where the samples of a granule lie, and under which angles, as a file of positions tells."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from obriy.errors import SourceError
from obriy.sources.integrity import HDF4_SUFFIXES
from obriy.sources.modis.hdf4 import Hdf4File, open_hdf4
from obriy.sources.modis.product import GranuleFacts, Near, Said, facts_of
from obriy.sources.modis.scanner import Scanner, scanner_of
from obriy.sources.modis.sun import cos_sun_zenith
from obriy.tables import load_toml

DoubleArray = npt.NDArray[np.float64]


class Fields(Protocol):
    """A file of positions."""

    @property
    def path(self) -> Path:
        """The file."""

    def read(
        self, name: str, start: Sequence[int] | None = None, count: Sequence[int] | None = None
    ) -> npt.NDArray[Any]:
        """Return a window of a field: first index and length in each dimension."""


@dataclasses.dataclass(frozen=True, eq=False)
class Geolocation:
    """Positions and angles of a granule, or of a part of it; finer ones are made on demand.

    Scans and frames are counted in the granule, whichever part is held.

    Attributes:
        file: What they are read from.
        time: When the granule begins, ISO 8601.
        lon: (lines, frames) float32 degrees of what is held; NaN missing.
        lat: The same.
        has_angles: Whether the file has angles and land.
        scans: Scans that are held.
        frames: Frames (positions along a scan) that are held.
        instrument: Whose granule it is: the table of its fields and of its scanner.
    """

    file: Fields
    time: str
    lon: npt.NDArray[np.float32]
    lat: npt.NDArray[np.float32]
    has_angles: bool
    scans: slice
    frames: slice
    instrument: str = "modis"

    @property
    def scanner(self) -> Scanner:
        """How the instrument scans."""
        return scanner_of(self.instrument)

    def part(self, scans: slice, frames: slice) -> "Geolocation":
        """Return the geolocation of a part; the frame behind it is kept to interpolate up to."""
        wide = self._with_next(frames)
        here = self._here(scans, wide)
        lon, lat = self.lon[here].copy(), self.lat[here].copy()
        return dataclasses.replace(self, lon=lon, lat=lat, scans=scans, frames=wide)

    def positions(self, scans: slice, frames: slice) -> tuple[DoubleArray, DoubleArray]:
        """Return longitude and latitude of samples.

        Args:
            scans: Scans wanted.
            frames: Frames wanted.

        Returns:
            (lines, samples) degrees, longitude -180 to 180; NaN missing.
        """
        here = self._here(scans, self._with_next(frames))
        lon, lat = (np.radians(a[here].astype("float64")) for a in (self.lon, self.lat))
        count = frames.stop - frames.start
        x, y, z = (
            self._fine(part, count)
            for part in (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
        )
        return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))

    def cos_sun_zenith(self, scans: slice, frames: slice) -> DoubleArray:
        """Return the cosine of the sun's zenith angle of samples, (lines, samples); NaN missing."""
        here = self._here(scans, self._with_next(frames))
        return self._fine(self._cos_sun[here], frames.stop - frames.start)

    def cos_view_zenith(self, scans: slice, frames: slice) -> DoubleArray:
        """Return the cosine of the view zenith angle of samples, (lines, samples); NaN missing.

        Without angles it is that of the frame on a round Earth, good to half a degree.
        """
        here = self._here(scans, self._with_next(frames))
        return self._fine(self._cos_view[here], frames.stop - frames.start)

    def land(self, scans: slice, frames: slice) -> npt.NDArray[np.bool_]:
        """Return where the file sees land, coast or inland water, (lines, samples)."""
        land, finer = self._land[self._here(scans, frames)], self.scanner.finer
        return np.repeat(np.repeat(land, finer, axis=0), finer, axis=1)

    @functools.cached_property
    def _cos_sun(self) -> DoubleArray:
        if self.has_angles:
            return self._cosines("sun")
        scan = np.repeat(np.arange(self.scans.start, self.scans.stop), self.scanner.lines)
        seconds = load_toml(self.instrument)["orbit"]["scan_seconds"]
        milliseconds = (1000 * scan * seconds).astype("timedelta64[ms]")
        time = np.datetime64(self.time, "ms") + milliseconds
        return cos_sun_zenith(time[:, None], self.lon.astype("float64"), self.lat.astype("float64"))

    @functools.cached_property
    def _cos_view(self) -> DoubleArray:
        if self.has_angles:
            return self._cosines("view")
        _, zenith = self.scanner.view_angles(self.frames)
        return np.broadcast_to(np.cos(zenith), self.lon.shape)

    @functools.cached_property
    def _land(self) -> npt.NDArray[np.bool_]:
        table = self._table
        return np.isin(self._read(table["mask"]), table["land"])

    @property
    def _table(self) -> dict[str, Any]:
        table: dict[str, Any] = load_toml(self.instrument)["geolocation"]
        return table

    def _fine(self, values: DoubleArray, frames: int) -> DoubleArray:
        """Return values of samples, made of those of positions where these are coarser."""
        return values[:, :frames] if self.scanner.finer == 1 else halved(values, frames)

    def _with_next(self, frames: slice) -> slice:
        """Return the frames and the next one, up to which samples are interpolated."""
        return slice(frames.start, min(frames.stop + 1, self.frames.stop))

    def _here(self, scans: slice, frames: slice) -> tuple[slice, slice]:
        """Return the place of scans and frames in what is held."""
        height, frame = self.scanner.lines, self.frames.start
        line = self.scans.start * height
        return (
            slice(scans.start * height - line, scans.stop * height - line),
            slice(frames.start - frame, frames.stop - frame),
        )

    def _read(self, field: str) -> npt.NDArray[Any]:
        """Read a field where positions are held."""
        start = (self.scans.start * self.scanner.lines, self.frames.start)
        return self.file.read(field, start, self.lon.shape)

    def _cosines(self, field: str) -> DoubleArray:
        table = self._table
        numbers = self._read(table[field])
        degrees = np.where(numbers == table["angle_fill"], np.nan, numbers * table["angle_scale"])
        cosines: DoubleArray = np.cos(np.radians(degrees))
        return cosines


def halved(values: DoubleArray, frames: int) -> DoubleArray:
    """Interpolate positions of MODIS from 1 km to 500 m within scans, never across.

    Line j of a scan (0 to 19) lies at 1 km line j/2 - 0.25, sample i at frame i/2; edges are
    extrapolated (MODIS Level 1A Earth Location ATBD 3.0: the detectors of both resolutions share
    the edges of the scan along the track, and the middle of the first sample along it).

    Args:
        values: (lines, frames or one more) at 1 km, whole scans.
        frames: How many frames to give back; one more than these helps at their end.

    Returns:
        (2 lines, 2 frames).
    """
    height = scanner_of("modis").lines
    scans = values.reshape(-1, height, values.shape[1])
    place = np.arange(2 * height) / 2 - 0.25
    low = np.clip(np.floor(place).astype(int), 0, height - 2)
    part = (place - low)[:, None]
    lines = scans[:, low] * (1 - part) + scans[:, low + 1] * part
    if lines.shape[2] == frames:
        lines = np.concatenate([lines, 2 * lines[..., -1:] - lines[..., -2:-1]], axis=2)
    fine = np.empty((*lines.shape[:2], 2 * frames))
    fine[..., ::2] = lines[..., :frames]
    fine[..., 1::2] = (lines[..., :frames] + lines[..., 1 : frames + 1]) / 2
    return fine.reshape(-1, 2 * frames)


def open_geolocation(
    granule: Hdf4File, facts: GranuleFacts, shape: tuple[int, int], path: Path | None
) -> Geolocation:
    """Read where a granule lies.

    Args:
        granule: MOD02HKM or MYD02HKM.
        facts: What it says of itself.
        shape: Its lines and samples of 500 m.
        path: MOD03 or MYD03 of the same granule; None: the one beside it, else its own fields.

    Raises:
        SourceError: where the file is no geolocation, of another granule, or damaged.
        BandError: where a field is missing.
    """
    names = load_toml("modis")["geolocation"]
    path = path or beside(granule.path, facts, HDF4_SUFFIXES)
    file = granule if path is None else open_hdf4(path)
    if path is not None:
        check_same(path, facts_of(file), facts)
        file.require(names["sun"], names["view"], names["mask"])
    file.require(names["longitude"], names["latitude"])
    check_shape(path or granule.path, file.shapes[names["longitude"]], shape, "modis")
    return geolocation_of(file, facts, "modis", has_angles=path is not None)


def geolocation_of(
    file: Fields, facts: GranuleFacts, instrument: str, *, has_angles: bool
) -> Geolocation:
    """Read all positions of a file whose fields are known to be there.

    Raises:
        SourceError: where there is no position, or the file is damaged.
    """
    names, height = load_toml(instrument)["geolocation"], scanner_of(instrument).lines
    lon, lat = (file.read(names[n]).astype("float32") for n in ("longitude", "latitude"))
    nowhere = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
    lon[nowhere] = lat[nowhere] = np.nan
    if nowhere.all():
        raise SourceError(
            f"{file.path} has no position.", f"Name {facts.geolocation} with --geolocation."
        )
    scans, frames = slice(0, len(lon) // height), slice(0, lon.shape[1])
    return Geolocation(file, facts.time, lon, lat, has_angles, scans, frames, instrument)


def check_shape(
    path: Path, positions: tuple[int, ...], samples: tuple[int, int], instrument: str
) -> None:
    """Refuse positions that are not those of so many samples, or no whole scans.

    Raises:
        SourceError: with both sizes.
    """
    scanner = scanner_of(instrument)
    expected = tuple(number // scanner.finer for number in samples)
    if tuple(positions) != expected or expected[0] % scanner.lines:
        raise SourceError(
            f"{path} has positions of {tuple(positions)} lines and frames in scans of "
            f"{scanner.lines}, and the granule needs {expected}.",
            "Download both again.",
        )


def beside(granule: Path, facts: GranuleFacts, endings: tuple[str, ...]) -> Path | None:
    """Return the geolocation in the folder of a granule; the latest of several."""
    near = (path for path in granule.parent.iterdir() if path.name.lower().endswith(endings))
    return Near(sorted(near, reverse=True)).partner(Said(facts.product, facts.time), "geolocation")


def check_same(path: Path, own: GranuleFacts, granule: GranuleFacts) -> None:
    """Refuse what is no geolocation, or that of another granule.

    Raises:
        SourceError: naming what it is.
    """
    hint = f"Name {granule.geolocation} of the same time."
    if own.role != "geolocation":
        raise SourceError(f"{path} is {own.product}, which holds no geolocation.", hint)
    if (own.satellite, own.time) != (granule.satellite, granule.time):
        raise SourceError(
            f"{path} is the geolocation of another granule: of {own.satellite}, {own.time}, "
            f"and the image is of {granule.satellite}, {granule.time}.",
            hint,
        )
