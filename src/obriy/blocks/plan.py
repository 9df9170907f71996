"""The plan: which windows of a scene are worked on, in which order, within which memory."""

import dataclasses
import math
from collections.abc import Mapping

import xarray as xr

from obriy.blocks.decoding import DECODING, retile
from obriy.blocks.memory import CACHE_BYTES, base_bytes, least_gb
from obriy.blocks.planes import OWN_GRID
from obriy.errors import MemoryBudgetError

TARGET_PIXELS = 1024 * 1024
"""Pixels of a block, without its halo, where memory allows: large enough to hide the cost of a
call, small enough for the processor's cache to help (measured: smaller windows decode file tiles
twice)."""

THREAD_BYTES = 24 * 1000**2
"""What a thread takes beside its block: open files, small tiles, the allocator's heap."""
SMALL_SIDE = 256
"""Rows and columns of the smallest block that is worth its halo."""


@dataclasses.dataclass(frozen=True)
class Window:
    """A part of the scene to work on: half-open ranges of rows and columns, without halo."""

    row: int
    column: int
    rows: int
    columns: int

    @classmethod
    def of(cls, rows: slice, columns: slice) -> "Window":
        """Return the window of two slices."""
        return cls(rows.start, columns.start, rows.stop - rows.start, columns.stop - columns.start)

    @property
    def slices(self) -> tuple[slice, slice]:
        """Row and column slices."""
        return (
            slice(self.row, self.row + self.rows),
            slice(self.column, self.column + self.columns),
        )

    def padded(self, halo: int, shape: tuple[int, int]) -> "Window":
        """Return the window with a halo, cut at the edge of the scene."""
        top, left = max(0, self.row - halo), max(0, self.column - halo)
        bottom = min(shape[0], self.row + self.rows + halo)
        right = min(shape[1], self.column + self.columns + halo)
        return Window(top, left, bottom - top, right - left)


@dataclasses.dataclass(frozen=True)
class Plan:
    """Windows that cover a scene, each pixel once.

    Attributes:
        shape: Rows and columns of the scene.
        windows: In row-major order, aligned to the tiles of the files.
        halo: Pixels that are read around each window.
        block_bytes: Memory that one block in work takes, estimated.
    """

    shape: tuple[int, int]
    windows: tuple[Window, ...]
    halo: int
    block_bytes: int


def make_plan(
    scene: xr.Dataset, names: list[str], *, halo: int, bytes_per_pixel: int, budget: int
) -> Plan:
    """Cut a scene into windows that follow its file's tiles.

    Args:
        scene: The scene; its variables may say their file tiles in ``encoding``.
        names: Variables that will be read.
        halo: Pixels around a window that the method looks at.
        bytes_per_pixel: Working memory of a pixel in a block, all arrays together.
        budget: Bytes that one block may take.

    Raises:
        MemoryBudgetError: where not even a small block fits.
    """
    shape = (scene.sizes["y"], scene.sizes["x"])
    tile = _tile(scene, names, shape)
    allowed = budget // bytes_per_pixel
    target = (math.isqrt(TARGET_PIXELS) + 2 * halo) ** 2
    block = _block_shape(tile, shape, halo, min(target, allowed))
    pixels = (block[0] + 2 * halo) * (block[1] + 2 * halo)
    if pixels > max(allowed, 0):
        raise MemoryBudgetError(
            f"A block of {block[0]} x {block[1]} pixels takes "
            f"{pixels * bytes_per_pixel / 1024**2:.0f} MiB, and {budget / 1024**2:.0f} MiB are "
            "allowed for it.",
            "Raise --max-ram, or use fewer --workers.",
        )
    windows = tuple(
        Window(row, column, min(block[0], shape[0] - row), min(block[1], shape[1] - column))
        for row in range(0, shape[0], block[0])
        for column in range(0, shape[1], block[1])
    )
    return Plan(shape, windows, halo, pixels * bytes_per_pixel)


@dataclasses.dataclass(frozen=True)
class Share:
    """How memory is dealt out.

    Attributes:
        workers: Threads.
        block_bytes: What one block may take.
        kept_bytes: What GDAL's cache may take, and as much again for blocks that are kept.
    """

    workers: int
    block_bytes: int
    kept_bytes: int


def deal(
    wanted: int,
    shape: tuple[int, int],
    *,
    halo: int,
    bytes_per_pixel: int,
    room: int,
    decoding: Mapping[str, int],
    beside: int = 0,
    tile: int = 0,
) -> Share:
    """Deal out memory: how many threads it allows, each with its overhead and a small block.

    Args:
        wanted: Threads wanted.
        shape: Rows and columns of the scene.
        halo: Pixels around a window that the method looks at.
        bytes_per_pixel: Working memory of a pixel in a block, all arrays together.
        room: Bytes for all of it, of `obriy.blocks.memory.room`.
        decoding: Bytes that each thread takes to decode a tile, by file.
        beside: Bytes that are taken once, whatever the threads and blocks.
        tile: Pixels of a block of one tile of the files, with its halo; 0: not known. Where it does
            not fit in the share of as many threads, there are fewer: each would decode it again for
            every part of it.

    Raises:
        MemoryBudgetError: where not even one thread fits, with the least that is enough.
    """
    rows, columns = (min(SMALL_SIDE, n) + 2 * halo for n in shape)
    # Twice: half of what the files leave goes to GDAL's cache and to blocks that are kept.
    small = 2 * (THREAD_BYTES + rows * columns * bytes_per_pixel)
    tiles = sum(decoding.values())
    if room < beside + tiles + small:
        raise _too_little(small, decoding, beside)
    workers = min(wanted, (room - beside) // (tiles + small))
    whole = (room - beside) // (tiles + 2 * (THREAD_BYTES + tile * bytes_per_pixel))
    if tile <= TARGET_PIXELS and whole > 0:
        workers = min(workers, whole)
    left = room - beside - workers * tiles
    return Share(workers, left // (2 * workers) - THREAD_BYTES, left // 4)


def _too_little(small: int, decoding: Mapping[str, int], beside: int) -> MemoryBudgetError:
    tiles = sum(decoding.values())
    takes = [f"a run takes {base_bytes() / 1e9:.2f} GB whatever the image is"]
    hint = f"Allow --max-ram {least_gb(beside + tiles + small):.2f} (GB) or more"
    if beside:
        takes.append(f"the search for clouds {beside / 1e9:.2f}")
    if tiles > small:
        path = max(decoding, key=decoding.__getitem__)
        takes.append(f"a tile of {path} {tiles / 1e9:.2f}")
        hint += f", or store it in small tiles: {retile(path)}"
    return MemoryBudgetError(
        f"The memory allowed is not enough: {', '.join(takes)}, and one small block "
        f"{small / 1e9:.2f} GB.",
        f"{hint}.",
    )


def tile_pixels(scene: xr.Dataset, names: list[str], halo: int) -> int:
    """Return the pixels of a block of one tile of the files, with its halo."""
    rows, columns = _tile(scene, names, (scene.sizes["y"], scene.sizes["x"]))
    return (rows + 2 * halo) * (columns + 2 * halo)


def decoded_bytes(scene: xr.Dataset, names: list[str], plan: Plan, share: Share) -> int | None:
    """Return what decoded tiles take while a window is read without a halo; None: it is not known.

    It is where windows end where the tiles of all files do: then none is asked for twice, and the
    memory of those that were read is used again, where a larger cache would have new pages cleared
    for each.
    """
    encodings = [scene[name].encoding for name in names]
    first = plan.windows[0]
    for encoding in encodings:
        tile = encoding.get("preferred_chunks", {})
        sides = ((first.rows, plan.shape[0], "y"), (first.columns, plan.shape[1], "x"))
        whole = all(n == whole or n % tile.get(axis, whole) == 0 for n, whole, axis in sides)
        if not (whole and encoding.get(OWN_GRID)):
            return None
    tiles = -(-first.rows * first.columns // math.prod(_tile(scene, names, plan.shape)))
    decoding = dict(encoding.get(DECODING, ("", 0)) for encoding in encodings)
    return CACHE_BYTES + share.workers * tiles * sum(decoding.values())


def _tile(scene: xr.Dataset, names: list[str], shape: tuple[int, int]) -> tuple[int, int]:
    """Return the file tile of the variable with the largest tiles, at most the scene."""
    tiles = [scene[name].encoding.get("preferred_chunks", {}) for name in names]
    rows = max((int(t["y"]) for t in tiles if "y" in t), default=256)
    columns = max((int(t["x"]) for t in tiles if "x" in t), default=256)
    return min(rows, shape[0]), min(columns, shape[1])


def _block_shape(
    tile: tuple[int, int], shape: tuple[int, int], halo: int, pixels: int
) -> tuple[int, int]:
    """Return a block of whole tiles of about that many pixels, halo included."""
    side = max(1, math.isqrt(max(pixels, 1)) - 2 * halo)
    columns = _multiple(tile[1], side, shape[1])
    rows = _multiple(tile[0], max(1, pixels // (columns + 2 * halo) - 2 * halo), shape[0])
    if (rows + 2 * halo) * (columns + 2 * halo) > pixels:  # tiles larger than the memory allows
        columns = min(columns, max(64, side))
        rows = min(rows, max(64, side))
    return rows, columns


def _multiple(step: int, wanted: int, limit: int) -> int:
    """Return the largest multiple of a step that is not above what is wanted, at least one."""
    return min(limit, max(1, wanted // step) * step)
