"""Where the pixels of a granule lie, and under which angles: MOD03, or the granule's own fields."""

import dataclasses
import functools
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import SourceError
from obriy.sources.integrity import HDF4_SUFFIXES
from obriy.sources.modis.hdf4 import Hdf4File, open_hdf4
from obriy.sources.modis.product import GEOLOCATION, GranuleFacts, Near, Said, facts_of
from obriy.sources.modis.sun import cos_sun_zenith
from obriy.tables import load_toml

DoubleArray = npt.NDArray[np.float64]

SCAN: Final = 10
"""Lines of 1 km in a scan; twice as many of 500 m."""


@dataclasses.dataclass(frozen=True, eq=False)
class Geolocation:
    """Positions and angles of a granule, or of a part of it: at 1 km held, at 500 m made on demand.

    Scans and frames are counted in the granule, whichever part is held.

    Attributes:
        file: What they are read from.
        time: When the granule begins, ISO 8601.
        lon: (lines, frames) float32 degrees of what is held; NaN missing.
        lat: The same.
        has_angles: Whether the file is MOD03, with angles and land.
        scans: Scans that are held.
        frames: Frames of 1 km that are held.
    """

    file: Hdf4File
    time: str
    lon: npt.NDArray[np.float32]
    lat: npt.NDArray[np.float32]
    has_angles: bool
    scans: slice
    frames: slice

    def part(self, scans: slice, frames: slice) -> "Geolocation":
        """Return the geolocation of a part; the frame behind it is kept to interpolate up to."""
        wide = self._with_next(frames)
        here = self._here(scans, wide)
        lon, lat = self.lon[here].copy(), self.lat[here].copy()
        return dataclasses.replace(self, lon=lon, lat=lat, scans=scans, frames=wide)

    def positions(self, scans: slice, frames: slice) -> tuple[DoubleArray, DoubleArray]:
        """Return longitude and latitude at 500 m.

        Args:
            scans: Scans wanted, 20 lines each.
            frames: Frames wanted, two samples each.

        Returns:
            (lines, samples) degrees, longitude -180 to 180; NaN missing.
        """
        here = self._here(scans, self._with_next(frames))
        lon, lat = (np.radians(a[here].astype("float64")) for a in (self.lon, self.lat))
        count = frames.stop - frames.start
        x, y, z = (
            halved(part, count)
            for part in (np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat))
        )
        return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))

    def cos_sun_zenith(self, scans: slice, frames: slice) -> DoubleArray:
        """Return the cosine of the sun's zenith angle at 500 m, (lines, samples); NaN missing."""
        here = self._here(scans, self._with_next(frames))
        return halved(self._cos_sun[here], frames.stop - frames.start)

    def cos_view_zenith(self, scans: slice, frames: slice) -> DoubleArray:
        """Return the cosine of the view zenith angle at 500 m, (lines, samples); NaN missing.

        Without MOD03 it is that of the frame on a round Earth, good to half a degree.
        """
        here = self._here(scans, self._with_next(frames))
        return halved(self._cos_view[here], frames.stop - frames.start)

    def land(self, scans: slice, frames: slice) -> npt.NDArray[np.bool_]:
        """Return where MOD03 sees land, coast or inland water, at 500 m, (lines, samples)."""
        land = self._land[self._here(scans, frames)]
        return np.repeat(np.repeat(land, 2, axis=0), 2, axis=1)

    @functools.cached_property
    def _cos_sun(self) -> DoubleArray:
        if self.has_angles:
            return self._cosines("SolarZenith")
        scan = np.repeat(np.arange(self.scans.start, self.scans.stop), SCAN)
        milliseconds = (1000 * scan * _orbit("scan_seconds")).astype("timedelta64[ms]")
        time = np.datetime64(self.time, "ms") + milliseconds
        return cos_sun_zenith(time[:, None], self.lon.astype("float64"), self.lat.astype("float64"))

    @functools.cached_property
    def _cos_view(self) -> DoubleArray:
        if self.has_angles:
            return self._cosines("SensorZenith")
        _, zenith = view_angles(self.frames)
        return np.broadcast_to(np.cos(zenith), self.lon.shape)

    @functools.cached_property
    def _land(self) -> npt.NDArray[np.bool_]:
        return np.isin(self._read("Land/SeaMask"), load_toml("modis")["geolocation"]["land"])

    def _with_next(self, frames: slice) -> slice:
        """Return the frames and the next one, up to which samples are interpolated."""
        return slice(frames.start, min(frames.stop + 1, self.frames.stop))

    def _here(self, scans: slice, frames: slice) -> tuple[slice, slice]:
        """Return the place of scans and frames in what is held."""
        line, frame = self.scans.start * SCAN, self.frames.start
        return (
            slice(scans.start * SCAN - line, scans.stop * SCAN - line),
            slice(frames.start - frame, frames.stop - frame),
        )

    def _read(self, field: str) -> npt.NDArray[Any]:
        """Read a field where positions are held."""
        return self.file.read(field, (self.scans.start * SCAN, self.frames.start), self.lon.shape)

    def _cosines(self, field: str) -> DoubleArray:
        table = load_toml("modis")["geolocation"]
        numbers = self._read(field)
        degrees = np.where(numbers == table["angle_fill"], np.nan, numbers * table["angle_scale"])
        cosines: DoubleArray = np.cos(np.radians(degrees))
        return cosines


def view_angles(frames: slice) -> tuple[DoubleArray, DoubleArray]:
    """Return the angle from nadir and the view zenith angle by frame, rad, both positive.

    By the law of sines on a sphere; a frame is as wide as 1 km seen from above (``[orbit]`` of
    ``tables/modis.toml``).
    """
    height, radius = _orbit("height_km"), _orbit("radius_km")
    from_middle = np.arange(frames.start, frames.stop) - (_orbit("frames") - 1) / 2
    from_nadir = np.abs(from_middle) / height
    return from_nadir, np.arcsin(np.sin(from_nadir) * (radius + height) / radius)


def halved(values: DoubleArray, frames: int) -> DoubleArray:
    """Interpolate from 1 km to 500 m within scans, never across.

    Line j of a scan (0 to 19) lies at 1 km line j/2 - 0.25, sample i at frame i/2; edges are
    extrapolated (MODIS Level 1A Earth Location ATBD 3.0: the detectors of both resolutions share
    the edges of the scan along the track, and the middle of the first sample along it).

    Args:
        values: (lines, frames or one more) at 1 km, whole scans.
        frames: How many frames to give back; one more than these helps at their end.

    Returns:
        (2 lines, 2 frames).
    """
    scans = values.reshape(-1, SCAN, values.shape[1])
    place = np.arange(2 * SCAN) / 2 - 0.25
    low = np.clip(np.floor(place).astype(int), 0, SCAN - 2)
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
    path = path or _beside(granule.path, facts)
    file = granule if path is None else open_hdf4(path)
    if path is not None:
        _check_same(file, facts)
        file.require("SolarZenith", "SensorZenith", "Land/SeaMask")
    file.require("Longitude", "Latitude")
    expected = (shape[0] // 2, shape[1] // 2)
    if file.shapes["Longitude"] != expected or expected[0] % SCAN:
        raise SourceError(
            f"{file.path} has positions of {file.shapes['Longitude']} lines and frames of 1 km, "
            f"and the granule needs {expected}.",
            "Download both again.",
        )
    lon, lat = (file.read(name).astype("float32") for name in ("Longitude", "Latitude"))
    nowhere = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
    lon[nowhere] = lat[nowhere] = np.nan
    if nowhere.all():
        raise SourceError(f"{file.path} has no position.", "Name MOD03 with --geolocation.")
    return Geolocation(
        file,
        facts.time,
        lon,
        lat,
        has_angles=path is not None,
        scans=slice(0, expected[0] // SCAN),
        frames=slice(0, expected[1]),
    )


def _beside(granule: Path, facts: GranuleFacts) -> Path | None:
    """Return the geolocation in the folder of a granule; the latest of several."""
    near = (path for path in granule.parent.iterdir() if path.name.lower().endswith(HDF4_SUFFIXES))
    return Near(sorted(near, reverse=True)).partner(Said(facts.product, facts.time), GEOLOCATION)


def _check_same(file: Hdf4File, facts: GranuleFacts) -> None:
    own = facts_of(file)
    if own.kind != GEOLOCATION:
        raise SourceError(
            f"{file.path} is {own.product}, which holds no geolocation.",
            f"Name {facts.family}{GEOLOCATION} of the same time.",
        )
    if (own.satellite, own.time) != (facts.satellite, facts.time):
        raise SourceError(
            f"{file.path} is the geolocation of another granule: of {own.satellite}, {own.time}, "
            f"and the image is of {facts.satellite}, {facts.time}.",
            f"Name {facts.family}{GEOLOCATION} of the same time.",
        )


def _orbit(name: str) -> float:
    return float(load_toml("modis")["orbit"][name])
