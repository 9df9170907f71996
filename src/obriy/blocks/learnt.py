"""What methods learn of a scene, put together as its blocks come."""

import threading
from collections.abc import Sequence
from typing import Any

from obriy.blocks.base import Block, Method, Narrowing, Rule


class _Merged:
    """Merges the statistics of blocks as they come, so that few are held at a time.

    Always the same pairs are merged, whichever is done first: a run repeats to the bit.
    """

    def __init__(self, count: int) -> None:
        self.result: Any = None
        self.before: Any = None
        self._highest = -1
        self._count = count
        self._waiting: dict[tuple[int, int], Any] = {}
        self._lock = threading.Lock()

    def add(self, number: int, part: Any) -> None:
        """Take the statistics of a block, None where it has none; called from several threads."""
        level, count = 0, self._count
        while count > 1:
            sibling = number ^ 1
            if sibling < count:  # else it is the last one of an odd row, and goes up alone
                with self._lock:
                    if (level, sibling) not in self._waiting:
                        self._waiting[level, number] = part
                        return
                    other = self._waiting.pop((level, sibling))
                part = _merge(part, other) if number < sibling else _merge(other, part)
            self._note(level, part)
            level, number, count = level + 1, number // 2, (count + 1) // 2
        self.result = part

    def _note(self, level: int, part: Any) -> None:
        """Keep what is merged of the most blocks, for who looks at others."""
        with self._lock:
            if level > self._highest:
                self.before, self._highest = part, level


class Learnt:
    """What methods learn of the blocks of a scene, or of a part of them.

    Args:
        methods: What looks at them.
        count: How many blocks there are.
        first: Number of the first.
    """

    def __init__(self, methods: Sequence[Method], count: int, first: int = 0) -> None:
        self._methods = list(methods)
        self._first = first
        self._merged = [_Merged(count) for _ in methods]

    def add(self, number: int, blocks: Sequence[Block]) -> None:
        """Have each method look at a block as it sees it; called from several threads."""
        for method, merged, block in zip(self._methods, self._merged, blocks, strict=True):
            if isinstance(method, Narrowing):
                said = method.collect_beside(block, merged.before)
            else:
                said = method.collect(block)
            merged.add(number - self._first, said)

    def take(self, number: int, said: Sequence[Any]) -> None:
        """Take what each method learnt of a part that was looked at elsewhere, of `merged`."""
        for merged, own in zip(self._merged, said, strict=True):
            merged.add(number, own)

    def merged(self) -> list[Any]:
        """Return what each method learnt of all blocks."""
        return [merged.result for merged in self._merged]

    def rules(self) -> list[Rule]:
        """Return what each decides, of all blocks."""
        pairs = zip(self._methods, self._merged, strict=True)
        return [method.decide(merged.result) for method, merged in pairs]


def _merge(first: Any, second: Any) -> Any:
    if first is None or second is None:
        return second if first is None else first
    return first.merge(second)
