"""What an image does not say: the numbers and the masks that mean that nothing was measured.

Heard are, all of them: the user's number, else the file's and the sensor's; NaN; the mask of a
file; alpha bands and bands that are named as data masks. What nobody declares is looked for: a
*collar*, that is, pixels that hold 0 (or another number as dark) in every band at once, as
warping, mosaics, swath edges and masked clouds leave them.

A number that no surface can have hides its band wherever it stands. One that a dark surface can
have (0, where no offset is taken off) hides a pixel only where every band holds it: providers clip
at 0, and clear lakes have exact zeros in near and short-wave infrared. See
``docs/design/0018-validity.md``.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from obriy.blocks.validity import Layer, Validity, Witness
from obriy.errors import SourceError
from obriy.model.bands import SPECTRAL
from obriy.model.notices import notice
from obriy.sources.bands import Naming
from obriy.sources.reading import FileBand, masks_in_file
from obriy.sources.sampled import Numbers, layer_of
from obriy.sources.scaling import DARK_VISIBLE, Linear, Samples, written
from obriy.tables.sensor import Sensor

BoolArray = npt.NDArray[np.bool_]
Missing = Mapping[str, tuple[float, ...]]
"""Numbers that mean missing, by common name."""

BLACK = 0.02
"""As dark as no pixel is in every band at once: share of the brightness (the brightest band) of the
median pixel."""
FILL_SHARE = 0.001
"""Of the pixels, at which a number that stands in every band is no coincidence."""
ALIKE_SHARE = 0.01
"""The same for a number that a surface could have in one band."""
FAR_ABOVE = 2.0
"""A fill lies at least this many times above what all but 0.1 % of the pixels reach."""
DARKEST = -0.05
"""Reflectance below is no surface, but a number that means missing."""
TAIL = 0.02
"""Pixels close above a number, for each that holds it, at which the numbers of a band are held to
run down to it, as those of dark surfaces that were clipped do."""
BRIGHT = 0.1
"""Reflectance in another band of the infrared (in any, where there is none) that no water has."""
INFRARED = ("rededge075", "rededge078", "nir", "nir08", "swir16", "swir22")


@dataclasses.dataclass(frozen=True)
class Fills:
    """Numbers that nobody declared and that mean nothing where every band holds them.

    Attributes:
        shares: Share of the pixels looked at, by number.
        warnings: What the reader of a figure should know.
        hidden: (n,) which of the places looked at hold one; None: nowhere.
    """

    shares: dict[float, float]
    warnings: tuple[str, ...] = ()
    hidden: BoolArray | None = None


@dataclasses.dataclass(frozen=True)
class Hidden:
    """All that hides pixels of a scene.

    Attributes:
        alone: Numbers that hide their band wherever they stand.
        everywhere: Numbers that hide a pixel where every band holds them.
        masks: Masks over each band.
        found: Share of the pixels looked at, of numbers that nobody declared.
    """

    alone: Missing
    everywhere: tuple[float, ...]
    masks: Mapping[str, tuple[Layer, ...]]
    found: Mapping[float, float]

    def of_scene(self, bands: Mapping[str, FileBand]) -> Validity:
        """Return what reads it, one for all bands of the scene."""
        # Visible bands first: those of dark water hold no 0, and end the search.
        order = [n for n in SPECTRAL if n in bands]
        witnesses = (Witness(layer_of(bands[n]), self.alone[n]) for n in order)
        return Validity(self.everywhere, witnesses)

    def describe(self, bands: Mapping[str, FileBand]) -> dict[str, Any]:
        """Return plain values for the record."""
        numbers = {n: sorted({*self.alone[n], *self.everywhere}) for n in bands}
        said: dict[str, Any] = {"numbers": numbers, "in_all_bands": list(self.everywhere)}
        if self.found:
            said["found"] = {written(number): round(s, 6) for number, s in self.found.items()}
        layers = dict.fromkeys(layer for n in bands for layer in self.masks[n])
        if layers:
            said["masks"] = [
                notice(
                    "mask_band_of" if layer.mask else "band_of",
                    file=layer.path,
                    number=layer.index,
                )
                for layer in layers
            ]
        return said


def masks_of(naming: Naming) -> dict[str, tuple[Layer, ...]]:
    """Return the masks over each band: its file's own, data masks in its file or theirs, its gaps.

    Args:
        naming: What each band is.
    """
    filled = {b.path for b in naming.bands.values()}
    over: dict[str, tuple[Layer, ...]] = {}
    for name, band in naming.bands.items():
        own = masks_in_file(dataclasses.replace(band, opacity=None))
        data = [m for m in naming.masks if m.path == band.path or m.path not in filled]
        gaps = [naming.gaps[name]] if name in naming.gaps else []
        over[name] = (*own, *map(layer_of, (*data, *gaps)))
    return over


def declared(
    band: FileBand,
    sensor: Sensor | None,
    given: float | None,
    numbers: npt.NDArray[np.float64],
) -> tuple[float, ...]:
    """Return the numbers of a band that mean missing: the user's, else the file's and the table's.

    The user's word stands in place of theirs, but for a number that lies far from all others: that
    is nothing whoever says so. A sensor's own missing value counts in integer files only: in
    floats 0 is a dark pixel.

    Args:
        band: The band.
        sensor: The sensor, where it is known.
        given: The user's number.
        numbers: What the band holds, DN.
    """
    own = () if band.nodata is None or np.isnan(band.nodata) else (float(band.nodata),)
    if given is not None:
        if band.dtype == "float32":  # 1e20, as a person writes it, is another number there
            given = float(np.float32(given))
        said = () if np.isnan(given) else (given,)  # NaN is missing whoever says so
        rest = numbers[np.isfinite(numbers) & ~_held(numbers, (*said, *own))]
        return (*said, *(n for n in own if n not in said and _is_far(n, rest, rest)))
    integers = np.dtype(band.dtype).kind in "iu"
    table = sensor.nodata if sensor is not None and integers else None
    return own if table is None or table in own else (*own, float(table))


def occurs(number: float, numbers: Numbers) -> bool:
    """Say whether some band holds a number, as a user writes it."""
    return any(_held(values, (number, float(np.float32(number)))).any()
               for values in numbers.values())  # fmt: skip


def find_fills(numbers: Numbers, missing: Missing, file: str) -> Fills:
    """Look for numbers that stand in every band at once, and that nobody declared.

    0 means nothing unless the numbers of the scene run down to it in all bands at once: then it
    is the end of what is dark, clipped. So does another number as dark, of at least 0.1 %.

    Args:
        numbers: What the bands hold, DN.
        missing: Numbers that were declared.
        file: Name of the file, for messages.

    Raises:
        SourceError: a number far from all others stands in every band.
    """
    if len(numbers) < 2:
        return Fills({})
    low, high, count = _extremes(numbers, missing)
    places = count > 1
    alike = places & (low == high)
    rest = high[places & ~alike]
    if not len(rest):
        black = alike.any() and not high[alike].any()
        return Fills({0.0: 1.0}, hidden=alike) if black else Fills({})
    black = BLACK * abs(float(np.median(rest)))
    dark = float((places & (high <= black) & (low >= -black)).mean())
    held, times = np.unique(high[alike], return_counts=True)
    shares = dict(zip(held.tolist(), (times / len(high)).tolist(), strict=True))
    _refuse_far(shares, low[places & ~alike], rest, file)
    often = {v: s for v, s in shares.items() if s >= FILL_SHARE and len(numbers) > 2}
    blacks = {0.0: shares.get(0.0, 0.0)} | {v: s for v, s in often.items() if abs(v) <= black}
    fills = _standing_out(blacks, dark)
    warnings = [notice("alike_hidden", share=s, number=written(v)) for v, s in fills.items() if s]
    warnings += [
        notice("alike_dark", share=s, number=written(v))
        for v, s in blacks.items()
        if v not in fills and v == 0
    ]
    for number, share in often.items():
        if number not in blacks and share >= ALIKE_SHARE:
            # Of what is brightest it may be the end of the scale, as of cloud that saturates.
            saturated = number >= rest.max()
            fills |= {} if saturated else {number: share}
            said = written(number)
            warnings.append(
                notice("alike" if saturated else "alike_hidden", share=share, number=said)
            )
    hidden = alike & _held(high, tuple(fills))
    return Fills(fills, tuple(warnings), hidden if hidden.any() else None)


def kept(fills: Fills) -> Fills:
    """Return what is left where a user names a number that does not occur: all is measured."""
    said = (notice("alike_kept", share=s, number=written(v)) for v, s in fills.shares.items() if s)
    return Fills({}, tuple(said))


def _standing_out(shares: Mapping[float, float], dark: float) -> dict[float, float]:
    """Return the numbers that are no part of a run of dark pixels.

    Args:
        shares: Of all pixels, by number that every band holds.
        dark: Of the pixels that are as dark in every band, these included.
    """
    fills: dict[float, float] = {}
    for number, share in sorted(shares.items(), key=lambda item: -item[1]):
        dark -= share
        if share and share < dark:
            break
        fills[number] = share
    return fills


def valid(numbers: Numbers, missing: Missing, fills: Fills) -> Samples:
    """Return what bands hold where something was measured, (n,) DN each."""
    found = {}
    for name, values in numbers.items():
        keep = np.isfinite(values) & ~_held(values, missing[name])
        found[name] = values[keep if fills.hidden is None else keep & ~fills.hidden]
    return found


def settle(
    numbers: Numbers,
    missing: Missing,
    fills: Fills,
    scaling: Mapping[str, Linear],
    masks: Mapping[str, tuple[Layer, ...]],
) -> Hidden:
    """Decide which numbers hide their band alone, and which only where every band holds them.

    Args:
        numbers: What the bands hold, DN.
        missing: Numbers that were declared.
        fills: Numbers that were found.
        scaling: How they become reflectance.
        masks: Masks over each band.
    """
    alone: dict[str, tuple[float, ...]] = {}
    shared: set[float] = set()
    for name in numbers:
        wanted = dict.fromkeys((*missing[name], *fills.shares))
        doubtful = {
            v
            for v in wanted
            if len(numbers) > 1
            and v * scaling[name].scale + scaling[name].offset >= DARKEST
            and (v not in missing[name] or _could_be_dark(v, name, numbers, missing, scaling))
        }
        alone[name] = tuple(v for v in wanted if v not in doubtful)
        shared |= doubtful
    found = {v: s for v, s in fills.shares.items() if s}
    return Hidden(alone, tuple(sorted(shared)), masks, found)


def _could_be_dark(
    number: float, name: str, numbers: Numbers, missing: Missing, scaling: Mapping[str, Linear]
) -> bool:
    """Say whether a declared number in one band, where others hold some, may be a dark surface.

    It is a hole instead where no number of the band comes close above it, and others are bright.
    """
    linear = scaling[name]
    if number * linear.scale + linear.offset > DARK_VISIBLE:
        return False
    values = numbers[name]
    held = values == number
    for other, theirs in numbers.items():
        if other != name and held.any():
            held &= np.isfinite(theirs) & ~_held(theirs, (number, *missing[other]))
    if not held.any():
        return True
    above = (values - number) * linear.scale
    close = int(((above > 0) & (above <= DARK_VISIBLE)).sum())
    others = [n for n in numbers if n != name]
    others = [n for n in others if n in INFRARED] or others
    seen = (numbers[n][held] * scaling[n].scale + scaling[n].offset for n in others)
    brightest = functools.reduce(np.fmax, seen)
    return close >= TAIL * int(held.sum()) or float(np.median(brightest)) <= BRIGHT


def _extremes(
    numbers: Numbers, missing: Missing
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Return the lowest and the highest number of each place, and how many bands have one."""
    size = len(next(iter(numbers.values())))
    low, high, count = np.full(size, np.nan), np.full(size, np.nan), np.zeros(size, "int64")
    for name, values in numbers.items():
        known = np.where(_held(values, missing[name]), np.nan, values)
        low, high = np.fmin(low, known), np.fmax(high, known)
        count += np.isfinite(known)
    return low, high, count


def _held(values: npt.NDArray[np.float64], wanted: tuple[float, ...]) -> BoolArray:
    held = np.zeros(values.shape, bool)
    for number in wanted:
        held |= values == number
    return held


def _refuse_far(
    shares: Mapping[float, float],
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    file: str,
) -> None:
    """Raise where a number that every band holds lies far from what the others reach."""
    far = {v: s for v, s in shares.items() if s >= FILL_SHARE and _is_far(v, low, high)}
    if far:
        number = max(far, key=lambda v: far[v])
        raise SourceError(
            f"{far[number]:.1%} of the pixels of {file} hold {written(number)} in every band, far "
            "from all other numbers: a fill value that the file does not name.",
            f"Say it: --nodata {written(number)}",
        )


def _is_far(number: float, low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]) -> bool:
    """Say whether a number lies far from others, of which the lowest and highest are told."""
    if not len(high):
        return False
    floor = float(low.min()) - abs(float(np.median(high)))
    return not floor <= number <= FAR_ABOVE * float(np.percentile(high, 99.9))


def _alike(number: float, share: float) -> str:
    return (
        f"{share:.1%} of the pixels hold {written(number)} in every band. If nothing was measured "
        f"there, say --nodata {written(number)}."
    )
