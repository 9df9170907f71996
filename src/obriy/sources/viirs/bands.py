"""Scaled integers of VNP02MOD, VJ102MOD and VJ202MOD to reflectance."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from obriy.errors import SourceError
from obriy.model.ice import BANDS
from obriy.sources.modis.l1b import Calibrated, CountArray, per_light
from obriy.sources.viirs.netcdf import NetcdfFile
from obriy.tables import load_toml
from obriy.tables.sensor import load_sensor


@dataclasses.dataclass(frozen=True)
class MBands:
    """The M-bands of a granule that stand for bands 1 to 7 of MODIS, not read yet.

    Attributes:
        file: The granule.
        names: Its fields, in the order of `obriy.model.ice.BANDS`.
        scales: Reflectance times the cosine of the sun's zenith angle of one count, by band.
        offsets: The same of count 0.
        shape: Lines and samples.
    """

    file: NetcdfFile
    names: tuple[str, ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    shape: tuple[int, int]

    @property
    def path(self) -> Path:
        """The granule."""
        return self.file.path

    def read(self, lines: slice, samples: slice) -> CountArray:
        """Read a window of all bands, then of the quality flags of each, (14, ...) uint16.

        Raises:
            SourceError: where the file is damaged.
        """
        start = (lines.start, samples.start)
        size = (lines.stop - lines.start, samples.stop - samples.start)
        flags = (flags_of(name) for name in self.names)
        return np.stack([self.file.read(name, start, size) for name in (*self.names, *flags)])

    def calibrate(self, counts: CountArray, cosine: npt.NDArray[Any]) -> Calibrated:
        """Turn counts into reflectance: (scale · count + offset) / cos θ.

        What stands above the scale is missing (``tables/viirs.toml``), but a sample whose counts
        were at their top, by its flags, is as bright as the scale goes where the calibration failed
        for it. A sample of count 0 in every band is missing too: by day the air has light.

        Args:
            counts: As `read` returns them; whole scans.
            cosine: (lines, samples) of the sun's zenith angle; NaN missing.
        """
        table = load_toml("viirs")["l1b"]
        counts, flags = counts[: len(BANDS)], counts[len(BANDS) :]
        largest, told = int(table["largest"]), ~np.isin(counts, table["lost"])
        topped = (flags & np.uint16(sum(table["saturated"])) > 0) & (flags != table["no_flags"])
        saturated = told & (topped | (counts == largest))
        known = np.where(saturated, np.minimum(counts, largest), counts).astype("float32")
        known[known > largest] = np.nan
        scales, offsets = (
            np.array(values, "float32")[:, None, None] for values in (self.scales, self.offsets)
        )
        reflectance = (known * scales + offsets) * per_light(cosine)
        reflectance[:, (counts == 0).all(axis=0)] = np.nan
        tally = _tally(counts, saturated, largest)
        return Calibrated(reflectance, np.asarray(saturated.any(axis=0)), tally)

    def gaps(self, counts: CountArray) -> npt.NDArray[np.bool_]:
        """Return which samples the instrument deleted, because the next scan sees their ground."""
        deleted = counts[: len(BANDS)] == load_toml("viirs")["l1b"]["bowtie"]
        return np.asarray(deleted.all(axis=0))


def flags_of(band: str) -> str:
    """Return the name of the quality flags of a band."""
    return band + str(load_toml("viirs")["l1b"]["flags"])


def open_mbands(file: NetcdfFile) -> MBands:
    """Look at the bands of a granule.

    Args:
        file: VNP02MOD, VJ102MOD or VJ202MOD, of the day.

    Raises:
        BandError: where a band or its flags are missing.
        SourceError: where a band has no calibration, or another shape than its neighbour.
    """
    table = load_toml("viirs")["l1b"]
    ids = {band.common: band.id for band in load_sensor(table["sensor"]).bands}
    names = tuple(f"{table['group']}/{ids[band]}" for band in BANDS)
    file.require(*names, *map(flags_of, names))
    factors = [_factors(file, name) for name in names]
    shapes = {file.shape(name) for name in (*names, *map(flags_of, names))}
    if len(shapes) > 1:
        raise SourceError(
            f"{file.path} has bands of several sizes: {shapes}.", "Download it again."
        )
    scales, offsets = zip(*factors, strict=True)
    return MBands(file, names, scales, offsets, shapes.pop())


def _factors(file: NetcdfFile, name: str) -> tuple[float, float]:
    """Return scale and offset of a band."""
    attributes = file.attributes_of(name)
    try:
        scale, offset = (float(attributes[key]) for key in ("scale_factor", "add_offset"))
    except (KeyError, ValueError) as error:
        raise SourceError(
            f"{file.path}: the field '{name}' has no scale_factor and add_offset, so that its "
            "numbers cannot become reflectance.",
            "Download the granule as NASA ships it.",
        ) from error
    if not 0 < scale < np.inf:
        raise SourceError(
            f"{file.path}: the scale_factor of '{name}' is {scale:g}, which makes no reflectance.",
            "Download the granule as NASA ships it.",
        )
    return scale, offset


def _tally(counts: CountArray, saturated: npt.NDArray[np.bool_], largest: int) -> Counter[str]:
    """Return how many counts have each special meaning, by ``"band: meaning"``."""
    names = {int(entry["value"]): str(entry["name"]) for entry in load_toml("viirs")["special"]}
    tally: Counter[str] = Counter()
    for band, values, topped in zip(BANDS, counts, saturated, strict=True):
        special = zip(*np.unique(values[values > largest], return_counts=True), strict=True)
        for value, number in special:
            tally[f"{band}: {names.get(int(value), 'off_scale')}"] += int(number)
        tally[f"{band}: saturated"] += int(topped.sum())
    return +tally
