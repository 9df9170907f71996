"""Blocks with what lies around them, made of blocks that were read without it.

Where a rule looks around and what is learnt does not, no tile of a file is decoded for its rim: the
blocks of the first pass follow the tiles, and stay as far as memory goes, the rest with its rim.
"""

import dataclasses
import itertools
import threading
from collections.abc import Iterator, Mapping

import numpy as np

from obriy.blocks.pixels import FloatArray
from obriy.blocks.plan import Plan, Window
from obriy.blocks.planes import Numbers, Planes
from obriy.blocks.windows import meeting

Plane = Numbers | FloatArray


@dataclasses.dataclass(frozen=True)
class _Piece:
    """A window of a scene, and what its bands hold there."""

    window: Window
    planes: Mapping[str, Plane]

    def cut(self, window: Window) -> "_Piece":
        """Return a part of it, which does not keep the rest in memory."""
        inner, _ = meeting(self.window.slices, window.slices)
        return _Piece(window, {name: _cut(plane, inner) for name, plane in self.planes.items()})


class Rims:
    """What was read of a scene without halo; blocks come from several threads.

    Args:
        plan: How the scene is cut, and the halo that is wanted in the end.
        room: Bytes that may be kept.
    """

    def __init__(self, plan: Plan, room: int) -> None:
        self._plan = plan
        self._across = sum(window.row == plan.windows[0].row for window in plan.windows)
        self._free = room
        self._rims = sum(map(self._rim_pixels, plan.windows))
        self._pieces: dict[int, list[_Piece]] = {}
        self._lock = threading.Lock()

    def keep(self, number: int, planes: Planes) -> None:
        """Keep a block that was read: all of it where the rims of others fit beside, or its rim.

        Args:
            number: Of its window.
            planes: Its bands, as read.
        """
        whole = _Piece(self._plan.windows[number], dict(planes.numbers))
        pixels = whole.window.rows * whole.window.columns
        size, rim = planes.nbytes, self._rim_pixels(whole.window)
        with self._lock:
            self._rims -= rim
            fits = size * (1 + self._rims / pixels) <= self._free
            taken = size if fits else size * rim / pixels
            if taken > self._free:
                return
            self._free -= int(taken)
        self._pieces[number] = [whole] if fits else [whole.cut(part) for part in self._rim(number)]

    def core(self, number: int) -> Planes | None:
        """Return a block as it was read, without halo; None where it was not kept."""
        pieces = self._pieces.get(number, [])
        if [piece.window for piece in pieces] != [self._plan.windows[number]]:
            return None
        return Planes(pieces[0].planes)

    def around(self, number: int, core: Planes) -> Planes | None:
        """Return a block with its halo; None where something of it was not kept.

        Args:
            number: Of its window.
            core: Its bands without halo.
        """
        first, halo = self._plan.windows[0], self._plan.halo
        beside = [self._pieces.get(other) for other in self._beside(number)]
        if None in beside or halo > min(first.rows, first.columns):
            return None
        own = _Piece(self._plan.windows[number], core.numbers)
        pieces = [own, *itertools.chain.from_iterable(filter(None, beside))]
        outer = own.window.padded(halo, self._plan.shape)
        joined = {name: _joined(name, pieces, outer) for name in own.planes}
        known = {name: plane for name, plane in joined.items() if plane is not None}
        return Planes(known) if len(known) == len(joined) else None

    def _beside(self, number: int) -> Iterator[int]:
        """Yield the windows around one."""
        row, column = divmod(number, self._across)
        down = len(self._plan.windows) // self._across
        for i, j in itertools.product((row - 1, row, row + 1), (column - 1, column, column + 1)):
            if (i, j) != (row, column) and 0 <= i < down and 0 <= j < self._across:
                yield i * self._across + j

    def _rim(self, number: int) -> Iterator[Window]:
        """Yield the windows that make up the rim of a block."""
        own, halo = self._plan.windows[number], self._plan.halo
        rows = _edges(own.row, own.rows, halo)
        columns = _edges(own.column, own.columns, halo)
        for i, j in itertools.product(range(len(rows)), range(len(columns))):
            if (i, j) != (1, 1) or len(rows) < 3 or len(columns) < 3:
                yield Window.of(rows[i], columns[j])

    def _rim_pixels(self, window: Window) -> int:
        halo = self._plan.halo
        inside = max(0, window.rows - 2 * halo) * max(0, window.columns - 2 * halo)
        return window.rows * window.columns - inside


def _edges(start: int, length: int, halo: int) -> list[slice]:
    """Return an axis in three: what is near its ends, and what lies between; else as one."""
    if length <= 2 * halo:
        return [slice(start, start + length)]
    stops = [start, start + halo, start + length - halo, start + length]
    return [slice(a, b) for a, b in itertools.pairwise(stops)]


def _cut(plane: Plane, part: tuple[slice, slice]) -> Plane:
    if not isinstance(plane, Numbers):
        return plane[part].copy()
    hidden = None if plane.hidden is None else plane.hidden[part].copy()
    return dataclasses.replace(plane, raw=plane.raw[part].copy(), hidden=hidden)


def _joined(name: str, pieces: list[_Piece], outer: Window) -> Plane | None:
    """Return a band of a window that pieces cover; None where they hold it in different ways."""
    planes = [piece.planes[name] for piece in pieces]
    arrays = [plane.raw if isinstance(plane, Numbers) else plane for plane in planes]
    if len({(type(plane), array.dtype) for plane, array in zip(planes, arrays, strict=True)}) > 1:
        return None
    made = np.empty((outer.rows, outer.columns), arrays[0].dtype)
    hidden = np.zeros(made.shape, bool)
    for piece, plane, array in zip(pieces, planes, arrays, strict=True):
        inner, place = meeting(piece.window.slices, outer.slices)
        made[place] = array[inner]
        if isinstance(plane, Numbers) and plane.hidden is not None:
            hidden[place] = plane.hidden[inner]
    first = planes[0]
    if not isinstance(first, Numbers):
        return made
    return dataclasses.replace(first, raw=made, hidden=hidden if hidden.any() else None)
