"""Scenes of several dates to one Scene of their season: what is seen of each pixel, robustly.

Each date is hidden where clouds are, as a map of land cover hides them (`prepare/visibility.py`),
and what is left of a pixel becomes medians and percentiles. Snow counts only where a pixel was
never seen without it: of a field it hides the season, and its NDSI is that of water.
"""

import dataclasses
import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.base import Block, FloatArray
from obriy.blocks.computed import computed_variable
from obriy.blocks.damage import read_around
from obriy.blocks.decoding import DECODING
from obriy.blocks.memory import TAKES
from obriy.indices.catalogue import get_index
from obriy.indices.features import ground_bands
from obriy.model.bands import resolve_nir
from obriy.model.flags import CLOUDS_STEP
from obriy.model.grid import geobox_of
from obriy.model.notices import notice
from obriy.model.provenance import Provenance, shared_warnings
from obriy.model.scene import band_names, make_scene, provenance_of
from obriy.model.season import (
    GREEN_SHARE,
    INDICES,
    MONTHS,
    SEASONAL,
    SPREAD,
    STEP,
    WET_SHARE,
    curve,
)
from obriy.prepare.over_dates import (
    I16,
    MEDIAN,
    MISSING,
    Mask,
    as_codes,
    as_values,
    median,
    quantiles,
    quantise,
    ratio,
)
from obriy.prepare.season_shares import (
    Planes,
    dates_in_leaf,
    dates_that_count,
    ends,
    green_share,
    wet_share,
)
from obriy.prepare.visibility import hide_for_cover, is_snow

_PICTURED: Final = ("blue", "green", "red", "nir", "nir08", "swir16")
_TOLD: Final = 5
"""Dates without a band that a warning names; the record names all."""

_SPREAD_OF: Final = ("red", "nir", "nir08", "swir16")
"""Bands whose percentiles are kept, for whoever reads the file. No clusters are made of them: in
simulated years they blur what the indices tell (`docs/design/0039-seasons.md`)."""


@dataclasses.dataclass(frozen=True)
class Window:
    """What a season is in a window.

    Attributes:
        planes: (rows, columns) int16 of each layer, in `UNIT`, `MISSING` where never seen.
        curves: The same of the medians of the months, of those that have dates.
        count: (rows, columns) dates on which each pixel was seen.
        seen: Pixels that each date showed.
    """

    planes: Planes
    curves: Planes
    count: npt.NDArray[np.int64]
    seen: npt.NDArray[np.int64]


class Stack:
    """Scenes of one place, each of a date, that are read together window by window.

    Args:
        scenes: Scenes on one grid that know their time, in its order.
        edge: Pixels around cloud and shadow of which nothing is seen, see `hide_for_cover`.
        detect: Makes of a scene what finds its clouds block by block; None: its flags tell.
        only: Bands that are wanted; None: all that see the ground.

    Attributes:
        bands: Bands that all of them have, by wavelength.
        lacking: Of the others that see the ground, the dates that lack them, by band.
        dates: ISO 8601, of each.
        holes: What could not be read, by the number of its date.
    """

    def __init__(
        self,
        scenes: Sequence[xr.Dataset],
        edge: int,
        detect: Callable[[xr.Dataset], Any] | None = None,
        only: Sequence[str] | None = None,
    ) -> None:
        self.scenes = tuple(scenes)
        self.dates = [str(scene.attrs["time"])[:10] for scene in scenes]
        own = [{name for name in band_names(scene) if "_" not in name} for scene in scenes]
        ground = ground_bands(set.intersection(*own))
        self.bands = [name for name in ground if only is None or name in only]
        self.lacking = {
            name: [date for date, had in zip(self.dates, own, strict=True) if name not in had]
            for name in ground_bands(set.union(*own))
            if any(name not in had for had in own)
        }
        self.holes: dict[int, str] = {}
        self._months = np.array([dt.date.fromisoformat(date).month for date in self.dates])
        self._edge, self._detect = edge, detect
        self._detectors = [None if detect is None else detect(scene) for scene in scenes]
        self._last = threading.local()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_last": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "_last": threading.local()}

    def of_month(self, month: int) -> "Stack":
        """Return the dates of a month alone, in the bands of pictures and of clouds."""
        scenes = [s for s, own in zip(self.scenes, self._months, strict=True) if own == month]
        return Stack(scenes, self._edge, self._detect, _PICTURED)

    @property
    def grid(self) -> GeoBox:
        """The grid of all of them."""
        return geobox_of(self.scenes[0])

    @property
    def months(self) -> list[int]:
        """Months that have a date."""
        return [month for month in MONTHS if month in self._months]

    @property
    def indices(self) -> list[str]:
        """Indices that the bands allow."""
        able = [name for name in INDICES if get_index(name).is_possible(set(self.bands))]
        return able[:2] if "MNDWI" in able else able

    @property
    def names(self) -> list[str]:
        """Layers of the season: medians, percentiles, shares."""
        spread = [name for name in self.bands if name in _SPREAD_OF]
        spread += [name.lower() for name in self.indices]
        shares = [GREEN_SHARE] * ("NDVI" in self.indices)
        shares += [WET_SHARE] * bool({"MNDWI", "NDWI"} & set(self.indices))
        return [*self.bands, *(f"{name}_{end}" for name in spread for end in SPREAD), *shares]

    @property
    def curves(self) -> list[str]:
        """Medians of the months."""
        return [curve(index, month) for index in self.indices for month in self.months]

    @property
    def bytes_per_pixel(self) -> int:
        """What a pixel of a window takes while its season is made."""
        kept = 2 * len(self.dates) * (len(self.bands) + 1) + 3 * len(self.dates)
        return kept + 14 * len(self.bands) + 8 * (len(self.names) + len(self.curves))

    def window(self, rows: slice, columns: slice) -> Window:
        """Return what the season is in a window; the last one of each thread is kept."""
        key = (rows.start, rows.stop, columns.start, columns.stop)
        if getattr(self._last, "key", None) != key:
            self._last.made = None  # one at a time
            self._last.made = self._make(rows, columns)
            self._last.key = key
        made: Window = self._last.made
        return made

    def _make(self, rows: slice, columns: slice) -> Window:
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        count = shape[0] * shape[1]
        values = np.empty((len(self.bands), len(self.dates), count), np.int16)
        snow = np.zeros((len(self.dates), count), np.bool_)
        for number in range(len(self.dates)):
            block = self._block(number, rows, columns)
            snow[number] = is_snow(block).ravel()
            for band, name in enumerate(self.bands):
                quantise(np.ascontiguousarray(block.bands[name]).ravel(), values[band, number])
        used = dates_that_count(values[0], snow)
        made = self._layers(dict(zip(self.bands, values, strict=True)), used)
        planes, curves = ({n: p.reshape(shape) for n, p in part.items()} for part in made)
        return Window(
            planes, curves, used.sum(axis=0).reshape(shape), used.sum(axis=1, dtype=np.int64)
        )

    def _layers(self, values: Mapping[str, I16], used: Mask) -> tuple[Planes, Planes]:
        """Return the layers, and the curves, of (dates, pixels) values of each band."""
        indices = {index: self._index(index, values, used) for index in self.indices}
        leafy = dates_in_leaf(indices["NDVI"], used) if "NDVI" in indices else used
        planes = {name: median(own, leafy) for name, own in values.items()}
        for name in _SPREAD_OF:
            if name in values:
                planes |= ends(name, quantiles(values[name], used))
        blind = ~used.any(axis=0)
        for index, own in indices.items():
            found = quantiles(own, used)
            found[:, (found[MEDIAN] == MISSING) & ~blind] = 0  # undefined: neither one nor other
            planes |= ends(index.lower(), found)
        curves = {
            curve(index, month): self._month(own, used, month)
            for index, own in indices.items()
            for month in self.months
        }
        shares = {GREEN_SHARE: green_share(curves), WET_SHARE: wet_share(indices)}
        planes |= {
            name: np.where(blind, np.int16(MISSING), share)
            for name, share in shares.items()
            if share is not None
        }
        return {name: planes[name] for name in self.names}, curves

    def _index(self, name: str, values: Mapping[str, I16], used: Mask) -> I16:
        pair = get_index(name).formula.difference
        assert pair is not None
        nir = resolve_nir(set(values)) or "nir"
        one, other = (values[nir if band == "nir" else band] for band in pair)
        found: I16 = ratio(one, other, used)
        return found

    def _month(self, values: I16, used: Mask, month: int) -> I16:
        of_it = np.flatnonzero(self._months == month)
        return median(values[of_it], used[of_it])

    def _block(self, number: int, rows: slice, columns: slice) -> Block:
        """Return a window of one date, what clouds hide taken out of it."""
        scene, detector = self.scenes[number], self._detectors[number]
        around = self._edge + 2 if "flags" in scene or detector is not None else 0
        halo = max(around, 0 if detector is None else detector.halo)
        outer = [
            slice(max(0, part.start - halo), min(size, part.stop + halo))
            for part, size in zip((rows, columns), self.grid.shape, strict=True)
        ]
        core = tuple(
            slice(part.start - wide.start, part.stop - wide.start)
            for part, wide in zip((rows, columns), outer, strict=True)
        )
        also = set() if detector is None else set(detector.bands)
        bands = {
            name: self._read(number, name, outer[0], outer[1])
            for name in dict.fromkeys((*self.bands, *sorted(also)))
        }
        flags = None
        if "flags" in scene:
            flags = np.asarray(read_around(scene["flags"].variable, *outer)[0], np.uint16)
        block = Block(bands, flags, outer[0].start, outer[1].start, (core[0], core[1]))
        return hide_for_cover(self._edge, block if detector is None else detector(block)).crop()

    def _read(self, number: int, name: str, rows: slice, columns: slice) -> FloatArray:
        values, holes = read_around(self.scenes[number][name].variable, rows, columns)
        plane = np.asarray(values, np.float32)
        if holes:
            plane = plane.copy()
            self.holes.setdefault(number, holes[0].reason)
        for hole in holes:
            plane[hole.within(rows, columns)] = np.nan
        return plane

    def scene(self) -> xr.Dataset:
        """Return the season as a Scene, each window of which is made when it is read.

        Its bands are medians over the dates; what else tells its pixels apart has the names of
        `obriy.model.season.SEASONAL`. NaN: never seen. Medians of months stand beside them, see
        `obriy.model.season.CURVES`.
        """
        first = self.scenes[0]
        made = make_scene(
            {name: self._lazy(name) for name in self.names if name in (*self.bands, *SEASONAL)},
            self.grid,
            sensor=str(first.attrs["sensor"]),
            provenance=_record(self),
            time=f"{self.dates[0]}/{self.dates[-1]}",
        )
        return made.assign({name: self._coded(name) for name in self.curves})

    def _coded(self, name: str) -> xr.Variable:
        def make(rows: slice, columns: slice) -> npt.NDArray[np.uint8]:
            return as_codes(self.window(rows, columns).curves[name])

        return computed_variable(make, self.grid, "uint8")

    def _lazy(self, name: str) -> xr.Variable:
        def make(rows: slice, columns: slice) -> FloatArray:
            return as_values(self.window(rows, columns).planes[name])

        made = computed_variable(make, self.grid, "float32")
        made.encoding.update(self._encoding())
        return made

    def _encoding(self) -> dict[str, Any]:
        """Return what reading takes: files are open side by side, and clouds are looked for."""
        of = [s[name].encoding for s in self.scenes for name in (*self.bands, "flags") if name in s]
        found = {k: v for k, v in of[0].items() if k == "preferred_chunks"}
        decoding = dict(one[DECODING] for one in of if DECODING in one)
        if decoding:
            found[DECODING] = next(iter(decoding)), max(decoding.values())
        takes = max((one.get(TAKES, 0) for one in of), default=0)  # dates are read one by one
        return found | ({TAKES: takes} if takes else {})


def _record(stack: Stack) -> Provenance:
    """Return what a season was made from: the inputs of all, the steps of the first."""
    records = [provenance_of(scene) for scene in stack.scenes]
    steps = tuple(_without(step, stack.lacking) for step in records[0].steps)
    made = Provenance(tuple(entry for one in records for entry in one.inputs), steps)
    for sentence in shared_warnings([*zip(stack.dates, records, strict=True)], "dates"):
        made = made.with_warning(sentence)
    if stack.lacking:
        made = made.with_warning(_about_bands(stack))
    clouds = dict.fromkeys(str((one.step(CLOUDS_STEP) or {}).get("by", "flags")) for one in records)
    made = made.with_step(CLOUDS_STEP, by=", ".join(clouds))
    lacking = {"lacking": stack.lacking} if stack.lacking else {}
    return made.with_step(STEP, dates=stack.dates, percentiles=[10, 50, 90], **lacking)


def _without(step: Mapping[str, Any], bands: Mapping[str, object]) -> dict[str, Any]:
    """Return a step of a record that does not tell of bands as read which no season has."""
    read = step.get("read")
    if step["name"] != "bands" or not isinstance(read, Mapping):
        return dict(step)
    return {**step, "read": {name: by for name, by in read.items() if name not in bands}}


def _about_bands(stack: Stack) -> str:
    """Say which bands a season leaves out, and which dates lack them."""
    by_dates: dict[tuple[str, ...], list[str]] = {}
    for name, dates in stack.lacking.items():
        by_dates.setdefault(tuple(dates), []).append(name)
    lacks = [
        notice(
            "bands_lacking", bands=names, count=len(dates), all=len(stack.dates),
            dates=[*dates[:_TOLD], *(["…"] if len(dates) > _TOLD else [])],
        )
        for dates, names in by_dates.items()
    ]  # fmt: skip
    return notice("season_bands_left_out", lacks=lacks, kept=stack.bands)
