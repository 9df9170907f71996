"""How a file's numbers become reflectance: by the user, by tags, by the sensor, by the numbers.

reflectance = DN * scale + offset. The order of authority is the user, the metadata of the product
(where the user's numbers differ from it, that is said), the file's own tags, the Landsat MTL, the
sensor's table, and last the numbers themselves; a sensor's factor that makes the numbers impossible
gives way to what the numbers say, with a warning. Whoever decided, what comes is looked at
(`check_plausible`): no surface is darker than black or brighter than snow.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from obriy.errors import BandError, SourceError
from obriy.model.notices import notice
from obriy.sources.reading import FileBand
from obriy.tables.sensor import Sensor

Samples = Mapping[str, npt.NDArray[np.float64]]

LOWEST, HIGHEST = -0.2, 1.6
"""Reflectance lies between: dark water may be a little negative, cloud and snow above 1."""
BRIGHTEST_MEDIAN = 1.2
"""No image has a band whose median reflectance is higher."""
DARKEST_BRIGHT = 0.1
"""Some percent of nearly every image reach 10 % in some band; where none does, it is all water."""
BLACKEST = 0.003
"""In some band one percent of every image, all of deep water too, is brighter."""
DARK_VISIBLE = 0.01
"""Even clear deep water reflects 1 % in blue or green."""
LATTICE_SHARE = 0.98
LATTICE_TOLERANCE = 0.08
"""Counts of 1/10000, stretched to 16 bits, lie within half a DN (0.076 of a count) of a whole
count; numbers from elsewhere do so in one case of six."""
FULL_RANGE = 65_000
IMPOSSIBLE = -0.5, 4.0
"""No surface and no correction gives a reflectance so low, and no glint or cloud one so high."""
FILL_SHARE = 0.001
VISIBLE = ("coastal", "blue", "green", "red")


_DECIDED = {
    "user": "--scale and --offset as given",
    "product": "the quantification and offsets of the product's metadata",
    "file tags": "the scales and offsets that the file names",
    "MTL": "the factors of the scene's MTL",
    "sensor table": "the factor of the sensor",
    "numbers": "the factor that its numbers speak for",
}


@dataclasses.dataclass(frozen=True)
class Linear:
    """reflectance = DN * scale + offset."""

    scale: float
    offset: float = 0.0


@dataclasses.dataclass(frozen=True)
class Scaling:
    """The decision for all bands of an image.

    Attributes:
        bands: Factor and offset by common name.
        by: Who decided: ``user``, ``product``, ``file tags``, ``MTL``, ``sensor table`` or
            ``numbers``.
        reason: Why, in words.
        warnings: What the reader of a figure should know.
        offset_known: Whether the offset is final, so that none is looked for.
        reflectance: False: an 8-bit picture, or digital numbers, of which nobody can tell it.
    """

    bands: dict[str, Linear]
    by: str
    reason: str
    warnings: tuple[str, ...] = ()
    offset_known: bool = False
    reflectance: bool = True

    def describe(self) -> dict[str, Any]:
        """Return plain values for the record; one pair where all bands share it."""
        pairs = {name: [b.scale, b.offset] for name, b in self.bands.items()}
        unique = {tuple(p) for p in pairs.values()}
        shared = unique.pop() if len(unique) == 1 else None
        numbers = {"scale": shared[0], "offset": shared[1]} if shared else {"bands": pairs}
        known = {} if self.reflectance else {"reflectance": False}
        return {**numbers, "by": self.by, "reason": self.reason, **known}


def decide_scaling(
    bands: Mapping[str, FileBand],
    samples: Samples,
    sensor: Sensor | None,
    *,
    scale: float | None,
    offset: float | None,
    mtl: Mapping[str, Linear] | None,
    product: Scaling | None = None,
) -> Scaling:
    """Decide factor and offset of every band.

    Args:
        bands: File bands by common name.
        samples: Valid numbers of each, (n,) DN.
        sensor: The sensor, where it is known.
        scale: The user's factor, or None.
        offset: The user's offset, or None.
        mtl: Factors to TOA reflectance by common name, where the scene has an MTL.
        product: What the metadata of the product tell, of these bands or of more.

    Raises:
        SourceError: where nothing tells the factor.
    """
    if product is not None:
        product = dataclasses.replace(product, bands={n: product.bands[n] for n in bands})
    if scale is not None:
        pair = Linear(scale, 0.0 if offset is None else offset)
        chosen = Scaling(dict.fromkeys(bands, pair), "user", "given", (), offset is not None)
        if offset is None and product is not None:  # the offset is told in DN
            own = {n: Linear(scale, scale * b.offset / b.scale) for n, b in product.bands.items()}
            chosen = dataclasses.replace(chosen, bands=own, offset_known=True)
    else:
        chosen = product or _without_user(bands, samples, sensor, mtl)
    if offset is not None and scale is None:
        pairs = {name: Linear(b.scale, offset) for name, b in chosen.bands.items()}
        by = notice("offset_by_user", by=chosen.by)
        chosen = dataclasses.replace(chosen, bands=pairs, by=by, offset_known=True)
    return chosen if product is None else _against(product, chosen)


def _against(product: Scaling, chosen: Scaling) -> Scaling:
    """Say where the user's numbers are not those of the product."""
    unlike = [name for name, pair in chosen.bands.items() if pair != product.bands[name]]
    if not unlike:
        return chosen
    own, taken = product.bands[unlike[0]], chosen.bands[unlike[0]]
    warning = notice(
        "scale_against_product",
        name=unlike[0],
        scale=own.scale,
        offset=own.offset,
        given=taken.scale,
        added=taken.offset,
    )
    return dataclasses.replace(chosen, warnings=(*chosen.warnings, warning))


def check_plausible(bands: Mapping[str, FileBand], samples: Samples, scaling: Scaling) -> None:
    """Raise where a decision makes numbers that no surface can have, at either end.

    Args:
        bands: File bands by common name.
        samples: Valid numbers of each, (n,) DN.
        scaling: The decision, whoever made it.

    Raises:
        SourceError: which band, what reflectance would come, and what to say.
    """
    seen = {n: s * scaling.bands[n].scale + scaling.bands[n].offset for n, s in samples.items()}
    seen = {name: values for name, values in seen.items() if len(values)}
    if not scaling.reflectance:
        return
    for name in seen:
        if not scaling.bands[name].scale > 0:
            said = f"a factor of {scaling.bands[name].scale:g} for the band '{name}'"
            raise _implausible(bands, samples, scaling, said)
    middle = {name: float(np.median(values)) for name, values in seen.items()}
    high = {name: float(np.percentile(values, 99)) for name, values in seen.items()}
    brightest = max(middle, key=lambda n: middle[n])
    if middle[brightest] > BRIGHTEST_MEDIAN:
        raise _implausible(bands, samples, scaling, _of_median(brightest, middle))
    for name in seen:
        _refuse_fill(bands[name], name, samples[name], seen[name])
    if middle[brightest] < 0:
        raise _implausible(bands, samples, scaling, _of_median(brightest, middle))
    top = max(high, key=lambda n: high[n])
    if high[top] < BLACKEST:
        said = f"a reflectance of {high[top]:.2g} in the band '{top}', and no band is brighter"
        raise _implausible(bands, samples, scaling, said)


def _of_median(name: str, middle: Mapping[str, float]) -> str:
    return f"a reflectance of {middle[name]:.2g} in the band '{name}' (its median)"


def _refuse_fill(
    band: FileBand, name: str, numbers: npt.NDArray[Any], seen: npt.NDArray[Any]
) -> None:
    """Raise where numbers far from any reflectance are a fill value that nobody named."""
    for beyond, where, least in (
        (seen < IMPOSSIBLE[0], "below zero", np.min),
        (seen > IMPOSSIBLE[1], "above what reflects all light", np.max),
    ):
        share = float(beyond.mean())
        if share > FILL_SHARE:
            number, comes = float(least(numbers[beyond])), float(least(seen[beyond]))
            raise SourceError(
                f"{share:.1%} of the band '{name}' of {band.file} lie far {where} (the last is "
                f"{written(number)}, a reflectance of {comes:.3g}): a fill value that nobody "
                "named, or another scale.",
                f"Say it: --nodata {written(number)}, or --scale and --offset.",
            )


def written(number: float) -> str:
    """Return a number of a file as a person may say it again, to the last digit."""
    if number.is_integer() and abs(number) < 1e15:
        return f"{number:.0f}"
    single = np.float32(number)
    return str(single) if float(single) == number else repr(number)


def _implausible(
    bands: Mapping[str, FileBand], samples: Samples, scaling: Scaling, said: str
) -> SourceError:
    """Return the error, with what the numbers themselves speak for."""
    numbers = _from_numbers(bands, samples)
    file = next(iter(bands.values())).file
    better = "0.0001 where 10000 is a reflectance of 1" if numbers.scale is None else (
        f"{numbers.scale:.6g}, which the numbers speak for"
    )  # fmt: skip
    return SourceError(
        f"By {_DECIDED[scaling.by.split(',')[0]]} the numbers of {file} make {said}: no image has "
        "that.",
        f"Say --scale {better} (and --offset), the --sensor, or with --nodata which number means "
        "missing.",
    )


def _without_user(
    bands: Mapping[str, FileBand],
    samples: Samples,
    sensor: Sensor | None,
    mtl: Mapping[str, Linear] | None,
) -> Scaling:
    if any(b.scale != 1 or b.offset != 0 for b in bands.values()):
        pairs = {n: Linear(b.scale, b.offset) for n, b in bands.items()}
        known = any(b.offset != 0 for b in bands.values())
        return Scaling(pairs, "file tags", notice("scales_of_file"), (), known)
    if mtl is not None:
        reason = notice("reflectance_of_mtl")
        return Scaling({n: _of_mtl(mtl, n) for n in bands}, "MTL", reason, (), True)
    numbers = _from_numbers(bands, samples)
    if sensor is None or sensor.scale is None or numbers.final:
        return _by_numbers(bands, numbers, sensor)
    return _by_table(bands, samples, sensor, numbers)


def _of_mtl(mtl: Mapping[str, Linear], name: str) -> Linear:
    twin = {"nir": "nir08", "nir08": "nir"}.get(name, name)
    found = mtl.get(name) or mtl.get(twin)
    if found is None:
        raise BandError(
            f"The scene's MTL has no reflectance for the band '{name}'.",
            f"It has {', '.join(mtl)}: correct --bands, or leave that one out with '-'.",
        )
    return found


def _by_table(
    bands: Mapping[str, FileBand], samples: Samples, sensor: Sensor, numbers: "_Numbers"
) -> Scaling:
    """Take the sensor's factor, unless the numbers rule it out and say another."""
    assert sensor.scale is not None
    brightest = max((np.median(s) for s in samples.values() if len(s)), default=0.0)
    value = float(brightest) * sensor.scale + sensor.offset
    strange = numbers.picture or (numbers.strange and numbers.scale != sensor.scale)
    impossible = not 0 <= value <= BRIGHTEST_MEDIAN or strange
    if impossible and numbers.scale is not None:
        warning = notice(
            "factor_does_not_fit",
            sensor=sensor.id, own=sensor.scale, taken=numbers.scale, why=numbers.reason,
        )  # fmt: skip
        return _by_numbers(bands, numbers, sensor, (warning,))
    if impossible:
        raise _undecidable(bands, f"with the factor of {sensor.id}, {sensor.scale:g}, {value:.2g}")
    pair = Linear(sensor.scale, sensor.offset)
    warnings = (notice("no_mtl"),) if sensor.id == "landsat8_l1" else ()
    reason = notice("table_of_sensor", sensor=sensor.id)
    return Scaling(dict.fromkeys(bands, pair), "sensor table", reason, warnings, sensor.offset != 0)


def _by_numbers(
    bands: Mapping[str, FileBand],
    numbers: "_Numbers",
    sensor: Sensor | None,
    warnings: tuple[str, ...] = (),
) -> Scaling:
    if numbers.scale is None:
        raise _undecidable(bands, numbers.reason)
    if numbers.picture:
        warnings = (*warnings, notice("numbers_without_mtl" if sensor else "image_is_picture"))
    return Scaling(
        dict.fromkeys(bands, Linear(numbers.scale)),
        "numbers",
        numbers.reason,
        warnings,
        numbers.picture,
        reflectance=not numbers.picture,
    )


def _undecidable(bands: Mapping[str, FileBand], reason: str) -> SourceError:
    file = next(iter(bands.values())).file
    return SourceError(
        f"Nothing tells how the numbers of {file} become reflectance: {reason}.",
        "Say it: --scale 0.0001 where 10000 is a reflectance of 1 (and --offset -0.1 for "
        "Sentinel-2 from baseline 04.00 on).",
    )


@dataclasses.dataclass(frozen=True)
class _Numbers:
    """What the numbers say: a factor or None, why, and how far it goes.

    ``final``: no table is needed (they are reflectance already, or a picture). ``strange``: a
    factor that no product has, of which the numbers are nevertheless proof.
    """

    scale: float | None
    reason: str
    final: bool = False
    strange: bool = False
    picture: bool = False


def _from_numbers(bands: Mapping[str, FileBand], samples: Samples) -> _Numbers:
    kinds = {np.dtype(b.dtype) for b in bands.values()}
    numbers = {name: s for name, s in samples.items() if len(s)}
    low = min(float(np.percentile(s, 1)) for s in numbers.values())
    high = max(float(np.percentile(s, 99)) for s in numbers.values())
    if all(k.kind == "f" for k in kinds) and low >= LOWEST and high <= HIGHEST:
        return _Numbers(1.0, notice("floats", low=low, high=high), True)
    if kinds == {np.dtype("uint8")}:
        return _Numbers(1 / 255, notice("eight_bits"), picture=True)
    if any(_on_lattice(s) for s in numbers.values()):
        reason = notice("stretched_counts")
        return _Numbers(1 / 65535, reason, strange=True)
    return _from_spread(numbers, high)


def _from_spread(numbers: Samples, high: float) -> _Numbers:
    """Decide between 1/10000, 1/65535 and 1/1000 from medians and 99th percentiles (DN)."""
    medians = {name: float(np.median(s)) for name, s in numbers.items()}
    middle = max(medians.values())
    visible = max((medians[n] for n in VISIBLE if n in medians), default=None)
    dark = visible is not None and visible < DARK_VISIBLE * 10_000
    land = middle >= DARKEST_BRIGHT * 1000 and high <= HIGHEST * 1000
    said = notice("brightest_band", median=middle, high=high)
    if middle > BRIGHTEST_MEDIAN * 10_000:
        full = max(float(s.max()) for s in numbers.values()) >= FULL_RANGE
        if full:
            return _Numbers(1 / 65535, notice("too_bright_full_range", said=said))
        return _Numbers(None, notice("too_bright", said=said))
    if dark and land:
        reason = notice("visible_bands_dark", said=said, high=visible)
        return _Numbers(1 / 1000, reason, strange=True)
    if high >= DARKEST_BRIGHT * 10_000:
        return _Numbers(1 / 10_000, said)
    if visible is not None and not dark:
        return _Numbers(1 / 10_000, notice("dark_image", said=said))
    return _Numbers(None, notice("fits_no_factor", said=said))


def _on_lattice(values: npt.NDArray[np.float64]) -> bool:
    """Say whether DN are whole counts of 1/10000 stretched to 0..65535 and rounded."""
    numbers = np.unique(values)
    if len(numbers) < 30 or numbers[-1] < 100:
        return False
    counts = numbers * (10_000 / 65_535)
    near = np.abs(counts - np.round(counts)) <= LATTICE_TOLERANCE
    return bool(near.mean() >= LATTICE_SHARE)
