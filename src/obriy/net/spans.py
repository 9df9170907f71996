"""Spans of bytes: which are there, which lack, and which are asked for together."""

import bisect
from collections.abc import Iterable, Iterator
from typing import Final

Span = tuple[int, int]
"""First byte, and after the last."""

_GAP: Final = 1 << 14
"""Bytes between two spans that are read along with them, since a request costs as much."""
LONGEST: Final = 8 << 20
"""Bytes of one request: more are asked for in several, at the same time."""


class Spans:
    """A set of bytes of a file."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._starts: list[int] = []
        self._stops: list[int] = []
        for span in spans:
            self.add(span)

    def __iter__(self) -> Iterator[Span]:
        return iter(zip(self._starts, self._stops, strict=True))

    def add(self, span: Span) -> None:
        """Add a span; it may touch what is there."""
        start, stop = span
        if stop <= start:
            return
        first = bisect.bisect_left(self._stops, start)
        last = bisect.bisect_right(self._starts, stop)
        if first < last:
            start = min(start, self._starts[first])
            stop = max(stop, self._stops[last - 1])
        self._starts[first:last] = [start]
        self._stops[first:last] = [stop]

    def remove(self, span: Span) -> None:
        """Take a span out."""
        kept = [part for own in self for part in _without(own, span)]
        self._starts = [start for start, _ in kept]
        self._stops = [stop for _, stop in kept]

    def lacking(self, span: Span) -> list[Span]:
        """Return the parts of a span that are not there."""
        start, stop = span
        found = []
        at = bisect.bisect_right(self._stops, start)
        while start < stop:
            begins = self._starts[at] if at < len(self._starts) else stop
            if start < begins:
                found.append((start, min(begins, stop)))
            start = max(start, self._stops[at]) if at < len(self._stops) else stop
            at += 1
        return found

    @property
    def total(self) -> int:
        """How many bytes are there."""
        return sum(self._stops) - sum(self._starts)


def _without(own: Span, span: Span) -> list[Span]:
    parts = [(own[0], min(own[1], span[0])), (max(own[0], span[1]), own[1])]
    return [part for part in parts if part[0] < part[1]]


def together(spans: Iterable[Span]) -> list[Span]:
    """Return the spans that requests ask for: neighbours in one, long ones in several."""
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if joined and start - joined[-1][1] <= _GAP:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        else:
            joined.append((start, stop))
    return [
        (at, min(at + LONGEST, stop))
        for start, stop in joined
        for at in range(start, stop, LONGEST)
    ]
