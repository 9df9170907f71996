"""Windows over a map that is read once, in row-major order."""

from collections.abc import Iterator
from typing import Final

BLOCK: Final = 2048
"""Side of a window, pixels: a few arrays of it are tens of megabytes."""


def windows(shape: tuple[int, ...], size: int = BLOCK) -> Iterator[tuple[slice, slice]]:
    """Yield (rows, columns) that cover a grid once, at most ``size`` pixels on a side."""
    for top in range(0, shape[0], size):
        for left in range(0, shape[1], size):
            rows = slice(top, min(top + size, shape[0]))
            yield rows, slice(left, min(left + size, shape[1]))


def meeting(
    one: tuple[slice, slice], other: tuple[slice, slice]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return what two windows share, as slices into each; empty where they do not meet."""
    shared = [
        (max(a.start, b.start), max(a.start, b.start, min(a.stop, b.stop)))
        for a, b in zip(one, other, strict=True)
    ]
    (top, bottom), (left, right) = shared
    first, second = (
        (slice(top - w[0].start, bottom - w[0].start), slice(left - w[1].start, right - w[1].start))
        for w in (one, other)
    )
    return first, second
