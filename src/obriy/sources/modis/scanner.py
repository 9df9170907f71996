"""How a scanner looks at the ground: angles and footprints by frame, on a round Earth."""

import dataclasses
import functools
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.tables import load_toml

DoubleArray = npt.NDArray[np.float64]

REACH: Final = 0.75
"""A sample reaches this part of its footprint's diagonal: half would tile a plane, the rest covers
mountains, which move samples against each other."""


@dataclasses.dataclass(frozen=True)
class Scanner:
    """An instrument whose mirror sweeps lines across the track.

    Attributes:
        lines: Lines of positions in a scan.
        finer: Samples of the bands along a position, in both directions.
        height_km: Of the orbit, above the ground.
        radius_km: Of the Earth.
        track_km: A position along the track at nadir.
        frames: Positions along a scan from its first to its last, and the width of each at nadir,
            km: a zone in which samples are put together by threes has three times that of none.
    """

    lines: int
    finer: int
    height_km: float
    radius_km: float
    track_km: float
    frames: tuple[tuple[int, float], ...]

    def view_angles(self, frames: slice) -> tuple[DoubleArray, DoubleArray]:
        """Return the angle from nadir and the view zenith angle by frame, rad, both positive.

        By the law of sines on a sphere; a frame is as wide as its step seen from above.
        """
        from_nadir = np.abs(self._middles[frames])
        up = (self.radius_km + self.height_km) / self.radius_km
        return from_nadir, np.arcsin(np.sin(from_nadir) * up)

    def footprint_m(self, frames: slice) -> tuple[DoubleArray, DoubleArray]:
        """Return the size of samples along the scan and along the track, metres, by frame.

        They grow with the view angle, on a round Earth: those of MODIS of 500 m to 2.4 x 1.0 km at
        the ends of a scan (MODIS Level 1A Earth Location ATBD 3.0, section 2), those of VIIRS of
        750 m to 1.6 x 1.6 km.
        """
        from_nadir, zenith = self.view_angles(frames)
        slant = self.radius_km * np.sin(zenith - from_nadir) / np.sin(from_nadir)
        longer = 1000 / self.finer * slant / self.height_km
        return self._steps[frames] * longer / np.cos(zenith), self.track_km * longer

    def reaches_m(self, frames: slice) -> DoubleArray:
        """Return how far samples reach, metres, by sample."""
        reach: DoubleArray = REACH * np.hypot(*self.footprint_m(frames))
        return np.repeat(reach, self.finer)

    @functools.cached_property
    def _steps(self) -> DoubleArray:
        return np.repeat([km for _, km in self.frames], [number for number, _ in self.frames])

    @functools.cached_property
    def _middles(self) -> DoubleArray:
        """Angle of each frame from nadir, rad."""
        ends = np.cumsum(self._steps)
        middles: DoubleArray = (ends - self._steps / 2 - ends[-1] / 2) / self.height_km
        return middles


@functools.cache
def scanner_of(instrument: str) -> Scanner:
    """Return the scanner of an instrument, by ``[orbit]`` and ``[scanner]`` of its table."""
    table: dict[str, Any] = load_toml(instrument)
    orbit, scanner = table["orbit"], table["scanner"]
    return Scanner(
        lines=int(scanner["lines"]),
        finer=int(scanner["finer"]),
        height_km=float(orbit["height_km"]),
        radius_km=float(orbit["radius_km"]),
        track_km=float(scanner["track_km"]),
        frames=tuple((int(number), float(km)) for number, km in scanner["frames"]),
    )
