"""Scaled integers of MOD02HKM and MYD02HKM to reflectance."""

import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import BandError, SourceError
from obriy.model.ice import BANDS
from obriy.sources.modis.hdf4 import Hdf4File
from obriy.tables import load_toml

FloatArray = npt.NDArray[np.float32]
CountArray = npt.NDArray[np.uint16]

RED, NIR, BLUE, GREEN, _, SWIR16, SWIR22 = range(len(BANDS))
"""Places of MODIS bands 1, 2, 3, 4, 6 and 7 in the arrays of this module."""
_ATTRIBUTES: Final = ("band_names", "reflectance_scales", "reflectance_offsets")


@dataclasses.dataclass(frozen=True)
class Level1b:
    """The seven bands of a granule, not read yet.

    Attributes:
        file: The granule.
        places: Field and index of each band in it, in the order of `obriy.model.ice.BANDS`.
        scales: Reflectance of one count, for each band.
        offsets: Count of reflectance 0, for each band.
        shape: Lines and samples of 500 m.
        aqua: Whether it is Aqua's, whose band 6 has dead detectors.
    """

    file: Hdf4File
    places: tuple[tuple[str, int], ...]
    scales: tuple[float, ...]
    offsets: tuple[float, ...]
    shape: tuple[int, int]
    aqua: bool

    @property
    def path(self) -> Path:
        """The granule."""
        return self.file.path

    def calibrate(self, counts: CountArray, cosine: npt.NDArray[Any]) -> "Calibrated":
        """Turn counts of it into reflectance; see `calibrate`."""
        return calibrate(self, counts, cosine)

    def gaps(self, counts: CountArray) -> None:
        """MODIS sends all of its samples down."""

    def read(self, lines: slice, samples: slice) -> CountArray:
        """Read a window of all bands, (7, lines, samples) uint16.

        Raises:
            SourceError: where the file is damaged.
        """
        size = (lines.stop - lines.start, samples.stop - samples.start)
        counts = np.empty((len(self.places), *size), "uint16")
        for field in dict.fromkeys(field for field, _ in self.places):
            # All bands at once: a compressed field is decoded from its beginning at each read.
            depth = self.file.shapes[field][0]
            stack = self.file.read(field, (0, lines.start, samples.start), (depth, *size))
            for band, (own, index) in enumerate(self.places):
                if own == field:
                    counts[band] = stack[index]
        return counts


@dataclasses.dataclass(frozen=True)
class Calibrated:
    """What the counts of a window say.

    Attributes:
        reflectance: (7, lines, samples) float32, divided by the cosine of the sun's zenith angle;
            NaN missing.
        saturated: (lines, samples) bool, True where any band is brighter than can be told.
        special: How many counts had each special meaning, by ``"band: meaning"``.
    """

    reflectance: FloatArray
    saturated: npt.NDArray[np.bool_]
    special: Counter[str]


def open_level1b(file: Hdf4File, *, aqua: bool) -> Level1b:
    """Look at the bands of a granule.

    Args:
        file: MOD02HKM or MYD02HKM.
        aqua: Whether it is Aqua's.

    Raises:
        BandError: where a field or a band is missing.
        SourceError: where a field has no calibration, or one that makes no reflectance, or another
            shape than its neighbour.
    """
    fields = list(load_toml("modis")["l1b"]["fields"])
    file.require(*fields)
    found: dict[str, tuple[str, int, float, float]] = {}
    for field in fields:
        attributes = file.attributes_of(field)
        names, scales, offsets = (_listed(file, field, attributes, a) for a in _ATTRIBUTES)
        for index, name in enumerate(names):
            scale = float(scales[index])
            if not 0 < scale < np.inf:
                raise SourceError(
                    f"{file.path}: reflectance_scales of band {name} is {scale:g}, which makes no "
                    "reflectance.",
                    "Download the granule as NASA ships it.",
                )
            found[str(name)] = (field, index, scale, float(offsets[index]))
    numbers = [str(number) for number in range(1, len(BANDS) + 1)]
    missing = [number for number in numbers if number not in found]
    if missing:
        raise BandError(
            f"{file.path} has no band {', '.join(missing)}, only {', '.join(sorted(found))}.",
            "Download the granule again with all its fields.",
        )
    shapes = {file.shapes[field][1:] for field in fields}
    if len(shapes) > 1:
        raise SourceError(
            f"{file.path} has bands of several sizes: {shapes}.", "Download it again."
        )
    bands = [found[number] for number in numbers]
    lines, samples = shapes.pop()
    return Level1b(
        file=file,
        places=tuple((field, index) for field, index, _, _ in bands),
        scales=tuple(scale for _, _, scale, _ in bands),
        offsets=tuple(offset for _, _, _, offset in bands),
        shape=(lines, samples),
        aqua=aqua,
    )


def calibrate(level1b: Level1b, counts: CountArray, cosine: npt.NDArray[Any]) -> Calibrated:
    """Turn counts into reflectance: scale · (count - offset) / cos θ.

    Special values have each their meaning (``tables/modis.toml``): above the scale is bright, below
    it dark, a failed aggregation of bands 1 and 2 bright where bands 3 and 4 are; lines of Aqua's
    dead detectors of band 6 are filled (`fill_band6`); everything else is missing. So is a sample
    whose counts are at the bottom, or below the offset, in every band: by day the air has light.

    Args:
        level1b: The granule that they are of.
        counts: (7, lines, samples) uint16; whole scans.
        cosine: (lines, samples) of the sun's zenith angle; NaN missing.
    """
    table = load_toml("modis")["l1b"]
    special, largest = _meanings(), int(table["largest"])
    light = per_light(cosine)
    known = counts.copy()
    bright = np.isin(counts, special["bright"])
    known[bright] = largest
    known[np.isin(counts, special["dark"])] = 0
    visible = _scaled(level1b, known)[[BLUE, GREEN]] * light
    failed = np.isin(counts[: NIR + 1], special["aggregation"])
    failed &= (visible >= table["bright"]).all(axis=0)
    known[: NIR + 1][failed] = largest
    bright[: NIR + 1] |= failed
    reflectance = _scaled(level1b, known) * light
    tally = _tally(counts, largest)
    seen = np.isfinite(reflectance)
    black = ((known == 0) | (reflectance < 0) | ~seen).all(axis=0) & seen.any(axis=0)
    reflectance[:, black] = np.nan
    tally["no light in any band"] = int(black.sum())
    for band in (RED, NIR):
        tally[f"{BANDS[band]}: aggregation_failed, bright"] = int(failed[band].sum())
    if level1b.aqua:
        dead = np.isin(counts[SWIR16], special["detector"])
        reflectance[SWIR16] = fill_band6(reflectance[SWIR16], reflectance[SWIR22], dead)
        tally[f"{BANDS[SWIR16]}: filled"] = int(np.isfinite(reflectance[SWIR16][dead]).sum())
    return Calibrated(reflectance, np.asarray(bright.any(axis=0)), +tally)


def per_light(cosine: npt.NDArray[Any]) -> FloatArray:
    """Return one over the cosine of the sun's zenith angle; NaN where the sun is too low."""
    lowest = np.cos(np.radians(load_toml("modis")["l1b"]["max_sun_zenith"]))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(cosine > lowest, 1 / cosine, np.nan).astype("float32")


def fill_band6(band6: FloatArray, band7: FloatArray, dead: npt.NDArray[np.bool_]) -> FloatArray:
    """Fill lines of dead detectors of band 6 by the ratio to band 7 of the nearest good ones.

    Within a scan, in each column, the nearest good detectors above and below, weighted by how near
    they are, give the ratio of band 6 to band 7; at the edges of a scan the one side alone. Where
    band 7 is too dark for a ratio, band 6 itself is interpolated. After the ratio methods for
    Aqua's band 6, e.g. Rakwatin, P. et al. (2009), IEEE TGRS 47(2), 613-627, simplified.

    Args:
        band6: (lines, samples) reflectance of whole scans; NaN missing.
        band7: The same of band 7.
        dead: Where band 6 has no number because its detector is dead.

    Returns:
        Band 6, filled where a good detector is in the scan and band 7 is known.
    """
    table = load_toml("modis")["l1b"]
    height, least = int(table["lines_per_scan"]), float(table["least_ratio"])
    if not dead.any():
        return band6
    scans = (-1, height, band6.shape[1])
    six, seven, gaps = band6.reshape(scans), band7.reshape(scans), dead.reshape(scans)
    good = ~gaps & np.isfinite(six) & np.isfinite(seven)
    line = np.arange(height)[None, :, None]
    above = np.maximum.accumulate(np.where(good, line, -1), axis=1)
    below = np.minimum.accumulate(np.where(good, line, height)[:, ::-1], axis=1)[:, ::-1]
    total = {"six": np.zeros(six.shape, "float32"), "seven": np.zeros(six.shape, "float32")}
    weights = np.zeros(six.shape, "float32")
    for place, there in ((above, above >= 0), (below, below < height)):
        with np.errstate(divide="ignore"):
            weight = np.where(there & gaps, 1 / np.abs(line - place), 0).astype("float32")
        at = np.clip(place, 0, height - 1)
        weights += weight
        for name, values in (("six", six), ("seven", seven)):
            near = np.take_along_axis(values, at, axis=1)
            total[name] += np.where(weight > 0, weight * near, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(total["seven"] > least * weights, seven / (total["seven"] / weights), 1)
        made = np.where(np.isfinite(seven), ratio * total["six"] / weights, np.nan)
    filled: FloatArray = np.where(gaps, made, six).astype("float32").reshape(band6.shape)
    return filled


def _scaled(level1b: Level1b, counts: CountArray) -> FloatArray:
    """Return scale · (count - offset), float32; NaN where a count is beyond the scale."""
    scales, offsets = (
        np.array(values, "float32")[:, None, None] for values in (level1b.scales, level1b.offsets)
    )
    light: FloatArray = (counts.astype("float32") - offsets) * scales
    light[counts > load_toml("modis")["l1b"]["largest"]] = np.nan
    return light


def _meanings() -> dict[str, list[int]]:
    """Return special values by what is made of them; those of no meaning are missing."""
    found: dict[str, list[int]] = {"bright": [], "dark": [], "aggregation": [], "detector": []}
    for entry in load_toml("modis")["special"]:
        if "meaning" in entry:
            found[entry["meaning"]].append(int(entry["value"]))
    return found


def _tally(counts: CountArray, largest: int) -> Counter[str]:
    """Return how many counts have each special meaning, by ``"band: meaning"``."""
    names = {int(entry["value"]): str(entry["name"]) for entry in load_toml("modis")["special"]}
    tally: Counter[str] = Counter()
    for band, values in zip(BANDS, counts, strict=True):
        for value, number in zip(*np.unique(values[values > largest], return_counts=True),
                                 strict=True):  # fmt: skip
            tally[f"{band}: {names.get(int(value), 'off_scale')}"] += int(number)
    return tally


def _listed(file: Hdf4File, field: str, attributes: dict[str, Any], name: str) -> list[Any]:
    """Return an attribute with one entry for each band of a field."""
    value = attributes.get(name)
    if value is None:
        raise SourceError(
            f"{file.path}: the field '{field}' has no attribute '{name}', so that its numbers "
            "cannot become reflectance.",
            "Download the granule as NASA ships it.",
        )
    entries = value.split(",") if isinstance(value, str) else list(np.atleast_1d(value))
    if len(entries) != file.shapes[field][0]:
        raise SourceError(
            f"{file.path}: '{field}' has {file.shapes[field][0]} bands, and '{name}' "
            f"{len(entries)} entries.",
            "Download it again.",
        )
    return [entry.strip() if isinstance(entry, str) else entry for entry in entries]
