"""The pixels of districts, added up window by window: while a map is made, or of one that is."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import shapely
from odc.geo.geobox import GeoBox

from obriy.blocks.windows import BLOCK as FIELD
from obriy.blocks.windows import windows
from obriy.measures.field import BLOCK
from obriy.measures.pixel_area import AreaField, area_field
from obriy.measures.seams import Seams
from obriy.measures.sites import Part, may_meet, pixels_around, sites_of
from obriy.measures.tally import ByteArray, FloatArray, Mask, Others, Pixels, Tally
from obriy.model.areas import District

View = Callable[[Pixels], Pixels]
"""How the pixels of a district are to be taken, e.g. without those on land."""
LAYERS: Final = ("labels", "fraction", "unseen", "doubt")
"""Layers of a map that are added up, where it has them."""


class Adding:
    """Adds up the pixels of each district of a map.

    Windows come in any order and from any thread; how the map is cut into them changes nothing.

    Args:
        geobox: Grid of the map.
        code: Of the class; None: the areas of all codes are wanted, and nothing else.
        districts: Where; none: the whole image.
        pixel_size_m: Side of a pixel in metres, for a map with no CRS.
        others: What other dates tell of the same place.
        view: How the pixels of a district are to be taken; None: as they stand in the map.

    Raises:
        GeometryError: no district meets the image.
    """

    def __init__(
        self,
        geobox: GeoBox,
        code: int | None,
        districts: Sequence[District] = (),
        *,
        pixel_size_m: float | None = None,
        others: Others | None = None,
        view: View | None = None,
    ) -> None:
        self._geobox = geobox
        self._shape = (int(geobox.shape.y), int(geobox.shape.x))
        self._code = code
        self._pixel_size_m = pixel_size_m
        self._others = others
        self._view = view
        self._sites = sites_of(districts, geobox)
        self._bounds = shapely.bounds([site.outline for site in self._sites])
        self._seams = Seams(self._shape)
        self._parts: list[tuple[int, int, int, Tally]] = []
        self._lock = threading.Lock()

    def see(self, rows: slice, columns: slice, layers: Mapping[str, Any]) -> None:
        """Add a window of the map.

        Args:
            rows: Rows of the window.
            columns: Columns of the window.
            layers: (rows, columns) uint8 of those of `LAYERS` that the map has, in memory or lazy.
        """
        first = (rows.start, columns.start)
        for window in _in_fields(rows, columns):
            near = np.flatnonzero(may_meet(self._bounds, window, 1))
            parts = [self._sites[k].within(window, 1) for k in near]
            some = shapely.area(parts) > 0
            bounds = shapely.bounds(parts)[some]
            met = dict(zip(near[some].tolist(), bounds.tolist(), strict=True))
            if met:
                region = pixels_around([*bounds[:, :2].min(0), *bounds[:, 2:].max(0)], window)
                cut = _relative(region, first)
                known = {n: np.asarray(layers[n][cut]) for n in LAYERS if n in layers}
                self._add(met, window, region, known)

    def tallies(self) -> list[Tally]:
        """Return what each district adds up to, once all windows were seen."""
        found: dict[int, Tally] = {}
        for number, _, _, part in sorted(self._parts, key=lambda part: part[:3]):
            if number in found:
                found[number].merge(part)
            else:
                found[number] = part
        self._parts.clear()
        tallies = [found.get(number) or Tally() for number in range(len(self._sites))]
        if self._code is not None:
            self._add_shore(tallies, self._code)
        for tally in tallies:
            tally.close()
        return tallies

    def _add(
        self,
        met: Mapping[int, Sequence[float]],
        window: Part,
        region: Part,
        known: Mapping[str, Any],
    ) -> None:
        """Add districts, by number the bounds of what meets a window; a region of it is known."""
        if self._code is not None:
            self._keep_seams(window, region, known)
        expected = None
        if self._others is not None:
            expected = self._others.expected(*region, known["labels"])
        field = self._field(window, region)
        area = None
        for k, bounds in met.items():
            site, inner = self._sites[k], pixels_around(bounds, region)
            cut = _relative(inner, (region[0].start, region[1].start))
            inside: AreaField | FloatArray = field
            slope = None
            if site.has_edge:
                area = field.array if area is None else area
                inside, slope = site.inside(inner, area[cut])
            pixels = Pixels(
                area=inside,
                slope=slope,
                expected=None if expected is None else expected[cut],
                corner=(inner[0].start, inner[1].start),
                **{name: layer[cut] for name, layer in known.items()},
            )
            tally = Tally()
            taken = self._view(pixels) if self._view else pixels
            if self._code is None:
                tally.add_codes(taken)
            else:
                tally.add(taken, self._code, self._held(inner, window))
            with self._lock:
                self._parts.append((k, window[0].start, window[1].start, tally))

    def _keep_seams(self, window: Part, region: Part, known: Mapping[str, Any]) -> None:
        """Keep the labels, as they are taken, at the sides of a window."""

        def labels(*part: slice) -> ByteArray:
            cut = _relative((part[0], part[1]), (region[0].start, region[1].start))
            layers = {name: layer[cut] for name, layer in known.items()}
            pixels = Pixels(area=np.zeros(layers["labels"].shape), corner=(0, 0), **layers)
            return (self._view(pixels) if self._view else pixels).labels

        self._seams.keep(window, region, labels)

    def _field(self, window: Part, region: Part) -> AreaField:
        """Return the areas of pixels: those of a square of the grid, however a map is cut."""
        corner = [part.start // FIELD * FIELD for part in window]
        square = tuple(
            slice(start, min(start + FIELD, n))
            for start, n in zip(corner, self._shape, strict=True)
        )
        field = area_field(self._geobox[square], pixel_size_m=self._pixel_size_m)
        return field.cut(*_relative(region, (corner[0], corner[1])))

    def _held(self, inner: Part, window: Part) -> Mask | None:
        """Say which blocks of pixels may go on in another window; None: none does."""
        lines = []
        for part, side, length in zip(inner, window, self._shape, strict=True):
            blocks = np.arange(part.start // BLOCK, (part.stop - 1) // BLOCK + 1)
            first = side.start // BLOCK if side.start > 0 else -1
            last = (side.stop - 1) // BLOCK if side.stop < length else -1
            lines.append((blocks == first) | (blocks == last))
        if not (lines[0].any() or lines[1].any()):
            return None
        held: Mask = lines[0][:, None] | lines[1]
        return held

    def _add_shore(self, tallies: Sequence[Tally], code: int) -> None:
        """Add the pixels that are shore for what they touch in another window."""
        shore = self._seams.shore(code)
        if not len(shore):
            return
        for window in windows(self._shape):
            own = shore[_is_in(shore, [(side.start, side.stop) for side in window])]
            if not len(own):
                continue
            field = self._field(window, window)
            row, column = (own - [side.start for side in window]).T
            area = field.at(row, column)
            for k in np.flatnonzero(may_meet(self._bounds, window)).tolist():
                left, top, right, bottom = self._bounds[k]
                near = _is_in(own, [(top - 1, bottom), (left - 1, right)])
                if not near.any():
                    continue
                inside = area[near] * self._sites[k].shares(own[near])
                tallies[k].add_shore(own[near], inside)


def _in_fields(rows: slice, columns: slice) -> Iterator[Part]:
    """Cut a window where the squares of `Adding._field` meet."""
    sides = [
        [
            slice(max(start, side.start), min(start + FIELD, side.stop))
            for start in range(side.start // FIELD * FIELD, side.stop, FIELD)
        ]
        for side in (rows, columns)
    ]
    for down in sides[0]:
        for across in sides[1]:
            yield down, across


def _relative(part: Part, first: tuple[int, int]) -> Part:
    """Return a part of a map as one of an array that begins at a pixel of it."""
    rows, columns = part
    return (
        slice(rows.start - first[0], rows.stop - first[0]),
        slice(columns.start - first[1], columns.stop - first[1]),
    )


def _is_in(
    places: npt.NDArray[np.int64], sides: Sequence[tuple[float, float]]
) -> npt.NDArray[np.bool_]:
    """Say which places (n, 2) lie in half-open ranges of rows and of columns."""
    down, across = ((side[0] <= p) & (p < side[1]) for side, p in zip(sides, places.T, strict=True))
    found: npt.NDArray[np.bool_] = down & across
    return found
