"""Blocks of a scene, read and prepared for methods; what is broken in the files is noted."""

import copy
import dataclasses
import itertools
import math
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np
import xarray as xr

from obriy.blocks.base import Block, FlagArray, FloatArray
from obriy.blocks.damage import Hole, read_around
from obriy.blocks.memory import TAKES
from obriy.blocks.plan import Plan, Window
from obriy.blocks.planes import LINEAR, Numbers, Planes, packed, planes_of
from obriy.blocks.raster import fetch_ahead, read_numbers
from obriy.blocks.rims import Rims
from obriy.errors import SourceError


class Reader:
    """Reads and prepares blocks; keeps them for the second pass as far as memory goes."""

    def __init__(
        self,
        scene: xr.Dataset,
        wanted: Sequence[frozenset[str]],
        plan: Plan,
        prepare: Callable[[Block], Block],
        *,
        keep: int,
        origin: tuple[int, int],
        alone: bool = False,
    ) -> None:
        self.plan = plan
        self._rims = Rims(plan, keep) if alone else None
        self._alone = alone
        self._origin = origin
        self._shape = (scene.sizes["y"], scene.sizes["x"])
        self._holes: dict[int, list[Hole]] = {}
        self._wanted = wanted
        names = sorted(frozenset().union(*wanted))
        self._variables = {name: scene[name].variable for name in names}
        self._flags = scene["flags"].variable if "flags" in scene else None
        self._prepare = prepare
        self._free = 0 if alone else keep
        self._kept: dict[int, Block] = {}
        self._lock = threading.Lock()

    def blocks(self, number: int) -> list[Block]:
        """Return a block as each method sees it, prepared; where bytes are broken it is NaN."""
        alike = len(set(self._wanted)) == 1
        kept = self._kept.get(number)
        if kept is not None:
            block = dataclasses.replace(kept, bands=planes_of(kept.bands).bare())
        else:
            read = self._read(number) if self._rims is None else self._beside(number, self._rims)
            block = self._prepare(read) if alike else read
            self._keep(number, block)
        if alike:
            return [block] * len(self._wanted)
        views = {names: self._prepare(_only(block, names)) for names in set(self._wanted)}
        return [views[names] for names in self._wanted]

    def turn(self) -> None:
        """From now on blocks come with their halo, also where they came without."""
        self._alone = False

    def _beside(self, number: int, rims: Rims) -> Block:
        """Read a block alone; once others were, make one with its halo."""
        core = rims.core(number)
        if core is None:
            block = self._read(number, 0)
            core = block.bands if isinstance(block.bands, Planes) else None  # else it has holes
            if self._alone:
                if core is not None:
                    rims.keep(number, core)
                return block
        planes = None if core is None else rims.around(number, core)
        return self._read(number) if planes is None else self._block(number, planes, None)

    def broken(self, number: int) -> list[tuple[slice, slice]]:
        """Return what could not be read of a block that was read, as slices into its core."""
        core = self._place(number).slices
        return [hole.within(*core) for hole in self._holes.get(number, ())]

    def failed(self) -> dict[Window, str]:
        """Return what could not be read of all blocks, in pixels of what is mapped, and why."""
        area = Window(*self._origin, *self.plan.shape).slices
        found: dict[Window, str] = {}
        for hole in itertools.chain.from_iterable(self._holes.values()):
            found.setdefault(Window.of(*hole.within(*area)), hole.reason)
        return dict(sorted(found.items(), key=lambda item: (item[0].row, item[0].column)))

    def see_whole(self) -> None:
        """Have a mask made that rests on all of the scene: before others, too, would make it."""
        if self._flags is not None and TAKES in self._flags.encoding:
            for number in range(len(self.plan.windows)):  # one mask for each image of a mosaic
                place = self._place(number)
                np.asarray(self._flags[place.row : place.row + 1, place.column : place.column + 1])

    def bare(self) -> Self:
        """Return one that reads the same blocks without a halo."""
        other = copy.copy(self)
        other.plan = dataclasses.replace(self.plan, halo=0)
        return other

    def told(self, numbers: Iterable[int]) -> list[list[Any]]:
        """Return what could not be read of blocks, as plain values, for `take`."""
        return [
            [number, hole.rows.start, hole.rows.stop, hole.columns.start, hole.columns.stop,
             hole.reason]
            for number in numbers
            for hole in self._holes.get(number, ())
        ]  # fmt: skip

    def take(self, told: Iterable[Sequence[Any]]) -> None:
        """Note what could not be read of blocks that were read elsewhere."""
        for number, top, bottom, left, right, reason in told:
            hole = Hole(slice(top, bottom), slice(left, right), reason)
            self._holes.setdefault(number, []).append(hole)

    def __getstate__(self) -> dict[str, Any]:  # what was read so far stays here
        return {**self.__dict__, "_lock": None, "_kept": {}, "_holes": {}, "_free": 0}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "_lock": threading.Lock()}

    def require_any(self) -> None:
        """Raise where nothing at all could be read.

        Raises:
            SourceError: with the reason of the first hole.
        """
        for number, window in enumerate(self.plan.windows):
            seen = np.ones((window.rows, window.columns), bool)
            for part in self.broken(number):
                seen[part] = False
            if seen.any():
                return
        raise SourceError(next(iter(self.failed().values())))

    def _place(self, number: int) -> Window:
        """Return the window of a block in pixels of the scene."""
        window = self.plan.windows[number]
        row, column = window.row + self._origin[0], window.column + self._origin[1]
        return dataclasses.replace(window, row=row, column=column)

    def _outer(self, number: int, halo: int | None) -> Window:
        """Return the window of a block with its halo, in pixels of the scene."""
        around = self.plan.halo if halo is None else halo
        return self._place(number).padded(around, self._shape)

    def _read(self, number: int, halo: int | None = None) -> Block:
        """Read a block; without a word on the halo with that of the plan."""
        outer = self._outer(number, halo)
        holes: list[Hole] = []
        flags_too = () if self._flags is None else (self._flags,)
        fetch_ahead((*self._variables.values(), *flags_too), *outer.slices)
        planes = Planes({name: _numbers(v, outer, holes) for name, v in self._variables.items()})
        flags = None if self._flags is None else _sound(self._flags, outer, holes)
        bands: Mapping[str, FloatArray] = planes
        if holes:
            bands = {name: plane.copy() for name, plane in planes.items()}
        for hole in holes:
            for plane in bands.values():
                plane[hole.within(*outer.slices)] = np.nan
        self._note(number, holes)
        return self._block(number, bands, flags, halo)

    def _block(
        self,
        number: int,
        bands: Mapping[str, FloatArray],
        flags: FlagArray | None,
        halo: int | None = None,
    ) -> Block:
        place, outer = self._place(number), self._outer(number, halo)
        top, left = place.row - outer.row, place.column - outer.column
        return Block(
            bands=bands,
            flags=flags,
            row=outer.row,
            column=outer.column,
            core=(slice(top, top + place.rows), slice(left, left + place.columns)),
        )

    def _note(self, number: int, holes: list[Hole]) -> None:
        """Keep in mind the holes that meet the core of a block."""
        core = self._place(number).slices
        met = [h for h in holes if all(part.start < part.stop for part in h.within(*core))]
        if met:
            self._holes[number] = met

    def _keep(self, number: int, block: Block) -> None:
        if math.prod(block.shape) * len(block.bands) > self._free:
            return
        planes = self._packed(block.bands)
        beside = (block.flags, block.unseen, block.shadow)
        size = planes.nbytes + sum(array.nbytes for array in beside if array is not None)
        with self._lock:
            if size <= self._free:
                self._free -= size
                self._kept[number] = dataclasses.replace(block, bands=planes)

    def _packed(self, bands: Mapping[str, FloatArray]) -> Planes:
        """Return bands as small as they can be without losing a bit."""
        if isinstance(bands, Planes):
            return bands.bare()
        linear = {name: v.encoding.get(LINEAR) for name, v in self._variables.items()}
        return Planes({name: packed(plane, linear[name]) for name, plane in bands.items()})

    def drop(self, number: int) -> None:
        """Forget a block that is done."""
        self._kept.pop(number, None)


def _only(block: Block, names: frozenset[str]) -> Block:
    """Return a block with some of its bands."""
    return dataclasses.replace(block, bands=planes_of(block.bands).only(names))


def _numbers(variable: xr.Variable, window: Window, holes: list[Hole]) -> Numbers | FloatArray:
    """Read a window of a band as its file has it, or its values; add what is broken to a list."""
    try:
        found = read_numbers(variable, *window.slices)
    except SourceError:  # read part by part
        found = None
    if found is None:
        return np.asarray(_sound(variable, window, holes), np.float32)
    numbers, broken = found
    holes += broken
    return numbers


def _sound(variable: xr.Variable, window: Window, holes: list[Hole]) -> Any:
    """Read a window of a variable around what is broken, and add the holes to a list."""
    values, found = read_around(variable, *window.slices)
    holes += found
    return values
