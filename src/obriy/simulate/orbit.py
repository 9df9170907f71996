"""Where MODIS and VIIRS look: a circular orbit, a scan mirror, and the ellipsoid below.

An independent check of everything that reads real granules, so it knows the instrument's
specification and nothing of our readers: Wolfe et al. 2002, "Achieving sub-pixel geolocation
accuracy in support of MODIS land science", doi:10.1016/S0034-4257(02)00085-8; Nishihama et al.
1997, MODIS Level 1A Earth Location ATBD v3.0, sections 2 and 3; Wolfe et al. 2013, "Suomi NPP VIIRS
prelaunch and on-orbit geometric calibration", doi:10.1002/jgrd.50873.
"""

import dataclasses
import datetime as dt
import math
from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from obriy.errors import UsageError

FloatArray = npt.NDArray[np.float64]
Satellite = Literal["terra", "aqua"]

EQUATOR_M: Final = 6_378_137.0
FLATTENING: Final = 1 / 298.257223563
"""The ellipsoid of WGS 84."""
GRAVITY: Final = 3.986004418e14
"""Gravitational constant of the Earth, m³/s²."""
EARTH_RATE: Final = 7.292115e-5
"""Rotation of the Earth against the stars, rad/s."""
INCLINATION: Final = math.radians(98.2)
_SQUARED_ECCENTRICITY: Final = FLATTENING * (2 - FLATTENING)
_J2000: Final = dt.datetime(2000, 1, 1, 12, tzinfo=dt.UTC)


@dataclasses.dataclass(frozen=True)
class Instrument:
    """A mirror that sweeps the view of a row of detectors across the track.

    Attributes:
        altitude_m: Of the orbit, above the equator.
        scan_s: Time from scan to scan.
        turn: Turn of the view, rad/s.
        step_m: Nominal size of a pixel.
        detectors: Pixels along the track.
        detector_angle: Angle from one to the next, rad.
        frames: Pixels along the scan from the first to the last, and the angle each takes, rad.
    """

    altitude_m: float
    scan_s: float
    turn: float
    step_m: int
    detectors: int
    detector_angle: float
    frames: tuple[tuple[int, float], ...]

    @property
    def radius_m(self) -> float:
        """Of the orbit."""
        return EQUATOR_M + self.altitude_m

    @property
    def motion(self) -> float:
        """Angle along the orbit, rad/s."""
        return math.sqrt(GRAVITY / self.radius_m**3)

    def across(self, finer: int = 1) -> FloatArray:
        """Return the angle of each sample from nadir, rad, from the first to the last.

        Sample i of finer ones looks where frame i/finer does.
        """
        steps = np.repeat([step for _, step in self.frames], [count for count, _ in self.frames])
        middles = np.cumsum(steps) - steps / 2 - steps.sum() / 2
        return np.ravel(middles[:, None] + steps[:, None] * np.arange(finer) / finer)

    def along(self, finer: int = 1) -> FloatArray:
        """Return the angle that each line looks ahead, rad; line j at that of j/finer - 0.25."""
        line = (np.arange(self.detectors * finer) + 0.5) / finer - 0.5
        return (line - (self.detectors - 1) / 2) * self.detector_angle


FRAMES: Final = 1354
MODIS: Final = Instrument(
    altitude_m=705_000.0,
    scan_s=1.4771,  # half a turn of the two-sided mirror
    turn=2 * math.pi / 1.4771,  # a mirror turns the view by twice its own angle
    step_m=1000,
    detectors=10,
    detector_angle=1000 / 705_000.0,  # 1 km at nadir
    frames=((FRAMES, 2 * math.pi / 1.4771 / 3000),),  # a frame of 1 km takes a third of 1 ms
)
_VIIRS_SAMPLE: Final = math.radians(31.589) / 592 / 3
"""Angle of a sample: 592 frames of three from nadir to 31.589 degrees."""
VIIRS: Final = Instrument(
    altitude_m=829_000.0,
    scan_s=1.7864,
    turn=2 * math.pi / 1.7864,  # the telescope itself turns
    step_m=750,
    detectors=16,
    detector_angle=742 / 829_000.0,
    frames=tuple(
        (count, samples * _VIIRS_SAMPLE)
        for count, samples in ((640, 1), (368, 2), (1184, 3), (368, 2), (640, 1))
    ),
)
"""M-bands: samples are put together by threes and twos where they would be narrow."""
SCAN_S: Final = MODIS.scan_s


@dataclasses.dataclass(frozen=True)
class Angles:
    """Directions from the ground to the satellite and to the sun, degrees.

    Attributes:
        view_zenith: (lines, samples) float32, 0 straight up.
        view_azimuth: (lines, samples) float32, from north, clockwise, -180 to 180.
        sun_zenith: Likewise; above 90 it is night.
        sun_azimuth: Likewise.
    """

    view_zenith: npt.NDArray[np.float32]
    view_azimuth: npt.NDArray[np.float32]
    sun_zenith: npt.NDArray[np.float32]
    sun_azimuth: npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Pass:
    """A stretch of an orbit in which an instrument looks at a place.

    The orbit is laid so that the middle of the stretch meets the place; whether the satellite was
    really there at that time is the caller's business (Terra passes about half past ten in the
    morning of local time, Aqua about half past one).

    Attributes:
        satellite: ``"terra"`` flies southwards by day, ``"aqua"`` northwards, as those of VIIRS do.
        time: Start of the first scan, ISO 8601, UTC.
        over: Longitude and latitude of the place, degrees.
        offset_km: Distance of the place from the ground track, km, along the ground: positive
            towards the last frame (left of the flight: east for Terra, west for Aqua); at most
            1 160 km, the edge of the swath of MODIS, and 1 500 km of VIIRS.
        scans: How many scans; a granule of five minutes of MODIS has 203 or 204.
        instrument: What looks.

    Raises:
        UsageError: where no such pass exists: the place lies nearer to the pole than the track
            ever goes, or beyond the edge of the swath.
    """

    satellite: Satellite
    time: str
    over: tuple[float, float]
    offset_km: float = 0.0
    scans: int = 203
    instrument: Instrument = MODIS

    def __post_init__(self) -> None:
        if abs(self._aim()) > self.instrument.across()[-1]:
            raise UsageError(
                f"A place {abs(self.offset_km):.0f} km from the track lies outside the swath.",
                f"Give an offset of at most {1160 if self.instrument is MODIS else 1500} km.",
            )
        self._orbit()

    @property
    def start(self) -> dt.datetime:
        """Start of the first scan, UTC."""
        return dt.datetime.fromisoformat(self.time).replace(tzinfo=dt.UTC)

    @property
    def seconds(self) -> float:
        """Length of the pass."""
        return self.scans * self.instrument.scan_s

    def positions(self, step: int) -> tuple[FloatArray, FloatArray]:
        """Return longitude and latitude of every pixel, (lines, samples), degrees.

        Args:
            step: Nominal size of the pixels, m: 1000 gives 10 lines per scan and 1354 samples,
                500 gives twice as many of both; 750 is that of VIIRS, 16 lines and 3200 samples.
        """
        parts = [_lonlat(ground) for _, _, ground in self._scans(step)]
        return np.vstack([p[0] for p in parts]), np.vstack([p[1] for p in parts])

    def view_zenith(self, step: int) -> npt.NDArray[np.float32]:
        """Return the zenith angle of the satellite, (lines, samples), degrees."""
        parts = [_zenith(ground, position - ground) for _, position, ground in self._scans(step)]
        return np.vstack(parts).astype("float32")

    def sun_zenith(self, step: int) -> npt.NDArray[np.float32]:
        """Return the zenith angle of the sun, (lines, samples), degrees."""
        parts = [
            _zenith(ground, _sun_direction(self.start, seconds))
            for seconds, _, ground in self._scans(step)
        ]
        return np.vstack(parts).astype("float32")

    def angles(self, step: int) -> Angles:
        """Return the directions to the satellite and to the sun at every pixel."""
        parts: list[list[npt.NDArray[np.float32]]] = []
        for seconds, position, ground in self._scans(step):
            lines = []
            for direction in (position - ground, _sun_direction(self.start, seconds)):
                lines += [_zenith(ground, direction), _azimuth(ground, direction)]
            parts.append([values.astype("float32") for values in lines])
        return Angles(*(np.vstack([part[k] for part in parts]) for k in range(4)))

    def _aim(self) -> float:
        """Return the angle from nadir to the place, rad, on the sphere that fits there."""
        bulge = FLATTENING * math.sin(math.radians(self.over[1])) ** 2
        curved, height = EQUATOR_M * (1 + bulge), self.instrument.altitude_m + EQUATOR_M * bulge
        arc = self.offset_km * 1000 / curved
        return math.atan2(curved * math.sin(arc), curved * (1 - math.cos(arc)) + height)

    def _orbit(self) -> tuple[float, float]:
        """Return the argument of latitude and the longitude of the node as the place is seen."""
        aim = self._aim()

        def seen(argument: float) -> tuple[float, float]:
            position, axes = _attitude(np.array([argument]), np.array([0.0]), self.instrument)
            look = _look(np.array([0.0]), np.array([aim]))
            lon, lat = _lonlat(_hit(position, _turned(look, axes)))
            return float(lon[0, 0]), float(lat[0, 0])

        low, high = (0.5, 1.5) if self.satellite == "terra" else (-0.5, 0.5)
        lon, lat = self.over
        north, south = (seen(math.pi * end)[1] for end in (low, high))
        if not min(north, south) < lat < max(north, south):
            raise UsageError(
                f"With an offset of {self.offset_km:g} km the middle of a pass reaches latitudes "
                f"from {min(north, south):.1f} to {max(north, south):.1f}, not {lat:g}.",
                "Give another offset, or a place farther from the pole.",
            )
        argument = brentq(lambda u: seen(u)[1] - lat, math.pi * low, math.pi * high, xtol=1e-13)
        return argument, math.radians(lon - seen(argument)[0])

    def _scans(self, step: int) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
        """Give scan by scan: seconds since the start, the satellite, and what every pixel sees.

        Satellite (samples, 3) and ground (lines, samples, 3) are metres from the Earth's centre,
        in axes that turn with the Earth.
        """
        finer = self.instrument.step_m // step
        across, turn = self.instrument.across(finer), self.instrument.turn
        look = _look(self.instrument.along(finer), across)
        argument, node = self._orbit()
        # Seconds count from the first frame; samples of half its size do not look before it.
        middle = (self.scans - 1) / 2 * self.instrument.scan_s + (self._aim() - across[0]) / turn
        for scan in range(self.scans):
            seconds = scan * self.instrument.scan_s + (across - across[0]) / turn
            since = seconds - middle
            angle = argument + self.instrument.motion * since
            position, axes = _attitude(angle, node - EARTH_RATE * since, self.instrument)
            yield seconds, position, _hit(position, _turned(look, axes))


def _look(along: FloatArray, across: FloatArray) -> FloatArray:
    """Return directions (lines, samples, 3): forwards, to the right, down.

    The mirror turns about the line of flight, so that it leaves what a detector looks ahead.
    """
    ahead, angle = np.meshgrid(along, across, indexing="ij")
    # The first frame lies to the right of the flight.
    return np.stack(
        [np.sin(ahead), -np.cos(ahead) * np.sin(angle), np.cos(ahead) * np.cos(angle)], axis=-1
    )


def _turned(look: FloatArray, axes: FloatArray) -> FloatArray:
    """Return directions (lines, samples, 3) in the Earth's axes."""
    return np.asarray(np.einsum("sij,lsj->lsi", axes, look))


def _attitude(
    argument: FloatArray, node: FloatArray, instrument: Instrument
) -> tuple[FloatArray, FloatArray]:
    """Return the satellite (n, 3), m, and its axes (n, 3, 3) in columns: forwards, right, down.

    Args:
        argument: Angle along the orbit from the ascending node, rad.
        node: Longitude of that node at the same time, rad; it drifts as the Earth turns.
        instrument: What flies.
    """
    rise = np.stack([np.cos(node), np.sin(node), 0 * node], axis=-1)
    north = np.stack([-np.sin(node), np.cos(node), 0 * node], axis=-1) * math.cos(INCLINATION)
    north[:, 2] = math.sin(INCLINATION)
    cos, sin = np.cos(argument)[:, None], np.sin(argument)[:, None]
    position = instrument.radius_m * (cos * rise + sin * north)
    # The platform points at the geodetic nadir, along the normal of the ellipsoid.
    down = -_normal_below(position)
    forwards = cos * north - sin * rise
    forwards -= down * np.sum(forwards * down, axis=-1, keepdims=True)
    forwards /= np.linalg.norm(forwards, axis=-1, keepdims=True)
    return position, np.stack([forwards, np.cross(down, forwards), down], axis=-1)


def _normal_below(position: FloatArray) -> FloatArray:
    """Return the normal of the ellipsoid that goes through points above it (Bowring 1976)."""
    across = np.hypot(position[..., 0], position[..., 1])
    minor = EQUATOR_M * (1 - FLATTENING)
    angle = np.arctan2(position[..., 2] * EQUATOR_M, across * minor)
    second = _SQUARED_ECCENTRICITY / (1 - _SQUARED_ECCENTRICITY)
    lat = np.arctan2(
        position[..., 2] + second * minor * np.sin(angle) ** 3,
        across - _SQUARED_ECCENTRICITY * EQUATOR_M * np.cos(angle) ** 3,
    )
    return _up(np.arctan2(position[..., 1], position[..., 0]), lat)


def _hit(position: FloatArray, look: FloatArray) -> FloatArray:
    """Return where rays meet the ellipsoid first, m; the sphere that it is when squeezed."""
    squeeze = np.array([1.0, 1.0, 1 / (1 - FLATTENING)])
    start, ray = position * squeeze, look * squeeze
    a = np.sum(ray * ray, axis=-1)
    b = np.sum(start * ray, axis=-1)
    c = np.sum(start * start, axis=-1) - EQUATOR_M**2
    reach = (-b - np.sqrt(b * b - a * c)) / a
    return np.asarray(position + reach[..., None] * look)


def _lonlat(ground: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return geodetic longitude and latitude of points on the ellipsoid, degrees."""
    across = np.hypot(ground[..., 0], ground[..., 1])
    lat = np.arctan2(ground[..., 2], (1 - _SQUARED_ECCENTRICITY) * across)
    return np.degrees(np.arctan2(ground[..., 1], ground[..., 0])), np.degrees(lat)


def _up(lon: FloatArray, lat: FloatArray) -> FloatArray:
    """Return the normal of the ellipsoid at geodetic positions, rad."""
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)


def _zenith(ground: FloatArray, direction: FloatArray) -> FloatArray:
    """Return the zenith angle of directions at points on the ellipsoid, degrees."""
    normal = ground / np.array([1.0, 1.0, 1 - _SQUARED_ECCENTRICITY])
    along = np.sum(normal * direction, axis=-1)
    along /= np.linalg.norm(normal, axis=-1) * np.linalg.norm(direction, axis=-1)
    return np.asarray(np.degrees(np.arccos(along.clip(-1, 1))))


def _azimuth(ground: FloatArray, direction: FloatArray) -> FloatArray:
    """Return the azimuth of directions at points on the ellipsoid, degrees from north."""
    lon, lat = (np.radians(degrees) for degrees in _lonlat(ground))
    east = -np.sin(lon) * direction[..., 0] + np.cos(lon) * direction[..., 1]
    flat = np.cos(lon) * direction[..., 0] + np.sin(lon) * direction[..., 1]
    north = np.cos(lat) * direction[..., 2] - np.sin(lat) * flat
    return np.degrees(np.arctan2(east, north))


def _sun_direction(start: dt.datetime, seconds: FloatArray) -> FloatArray:
    """Return unit vectors to the sun, in axes that turn with the Earth.

    Low-precision formulas of the Astronomical Almanac, good to 0.01 degrees from 1950 to 2050
    (Michalsky 1988, doi:10.1016/0038-092X(88)90045-X); the sun counts as infinitely far.
    """
    days = ((start - _J2000).total_seconds() + seconds) / 86_400
    anomaly = np.radians(357.528 + 0.9856003 * days)
    longitude = np.radians(
        280.460 + 0.9856474 * days + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly)
    )
    tilt = np.radians(23.439 - 0.0000004 * days)
    ascension = np.arctan2(np.cos(tilt) * np.sin(longitude), np.cos(longitude))
    declination = np.arcsin(np.sin(tilt) * np.sin(longitude))
    sidereal = np.radians(280.46062 + 360.985647 * days)  # Greenwich mean sidereal time
    return _up(ascension - sidereal, declination)
