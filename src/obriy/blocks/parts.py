"""The work of the engine in parts, which other machines do: each reads its blocks itself.

A part is a row of windows, as many as a power of two: what is learnt of it is then a node of the
very tree by which one machine puts its windows together (`obriy.blocks.learnt`), and the map is the
same to the bit. Layers come back in a file for each part, and go to the sinks from there.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import Block, Counting, Labelled, Method, Rule
from obriy.blocks.decoded import forget
from obriy.blocks.learnt import Learnt
from obriy.blocks.memory import give_back, keep_large_apart
from obriy.blocks.options import EngineOptions, Found, Save
from obriy.blocks.plan import TARGET_PIXELS, Plan
from obriy.blocks.reader import Reader
from obriy.errors import CancelledError

PART_PIXELS: Final = 8 * TARGET_PIXELS
"""Pixels of a part: a second of work, beside which it is nothing to send it."""

Array = npt.NDArray[Any]
Counts = list[tuple[Array, Array]]
"""Pixels (256,) by label and by cause, of each rule."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What is done with the blocks of a scene, as it goes to other machines.

    Attributes:
        methods: What looks at them.
        rules: What labels them; None: that is to be decided.
        learns: Whether methods look at a block while it is labelled: rules were known before.
        reader: Where the blocks come from.
        settle: Brings labels and what was hidden together.
        apply: Makes what labels one block after another, of the engine.
        layers: What is wanted of each rule.
        within: Returns the context in which blocks are read: what GDAL may keep of them.
        alone: Whether methods learn of blocks without a halo.
    """

    methods: Sequence[Method]
    rules: Sequence[Rule] | None
    learns: bool
    reader: Reader
    settle: Callable[[Block, Labelled], Labelled]
    apply: Callable[..., Callable[[int], Counts]]
    layers: Sequence[frozenset[str]]
    within: Callable[[], contextlib.AbstractContextManager[object]]
    alone: bool

    def collect(self, part: range) -> tuple[list[Any], Found]:
        """Return what each method learns of a part, and what could not be read of it."""
        learnt = Learnt(self.methods, len(part), part.start)
        reader = self.reader.bare() if self.alone else self.reader
        with self._frugal():
            for number in part:
                learnt.add(number, reader.blocks(number))
        return learnt.merged(), {"failed": reader.told(part)}

    def map(self, part: range, save: Save) -> tuple[list[Any], Found]:
        """Label a part; return what methods learnt of it, and what was counted.

        Args:
            part: Numbers of windows.
            save: Takes the layers of each window, and what the rules counted.
        """
        assert self.rules is not None
        rules = [rule.fresh() if isinstance(rule, Counting) else rule for rule in self.rules]
        kept = [{layer: _Kept() for layer in wanted} for wanted in self.layers]
        shown = [(own, None) for own in kept]
        learnt = Learnt(self.methods, len(part), part.start)
        label = self.apply(rules, self.reader, shown, self.settle, learnt if self.learns else None)
        counts = []
        with self._frugal():
            for number in part:
                counts.append(label(number))
                for method, layer in self.wanted():
                    save(_name(number, method, layer), kept[method][layer].array)
        for method, rule in enumerate(rules):
            if isinstance(rule, Counting):
                for what, array in rule.counted().items():
                    save(_name("counted", method, what), array)
        sums = [[_plain(sum(own)) for own in zip(*of, strict=True)] for of in _by_rule(counts)]
        return learnt.merged(), {"counts": sums, "failed": self.reader.told(part)}

    @contextlib.contextmanager
    def _frugal(self) -> Iterator[None]:
        """Take no more memory of the other machine than the work needs, and give it back."""
        keep_large_apart()
        with self.within():
            yield
        give_back()

    def wanted(self) -> list[tuple[int, str]]:
        """Return the layers that are wanted, each with the number of its method."""
        return [(method, layer) for method, own in enumerate(self.layers) for layer in sorted(own)]

    def take(
        self, part: range, found: Found, arrays: Mapping[str, Array], shown: Sequence[Any]
    ) -> Counts:
        """Take what `map` found of a part, and bring its layers where they go."""
        assert self.rules is not None
        self.reader.take(found["failed"])
        for number in part:
            window = self.reader.plan.windows[number].slices
            for method, (sinks, observer) in enumerate(shown):
                own = {name: arrays[_name(number, method, name)] for name in self.layers[method]}
                for name, sink in sinks.items():
                    sink.write(*window, own[name])
                if observer is not None:
                    observer.see(*window, own)
        for method, rule in enumerate(self.rules):
            if isinstance(rule, Counting):
                head = _name("counted", method, "")
                rule.take({n.removeprefix(head): arrays[n] for n in arrays if n.startswith(head)})
        return [(_counts(labels), _counts(unseen)) for labels, unseen in found["counts"]]


def spread(
    job: Job, mapped: Reader, shown: Sequence[Any], options: EngineOptions
) -> tuple[list[Rule], list[Counts]]:
    """Collect, decide and apply on other machines.

    Args:
        job: What to do; its reader reads what is looked at.
        mapped: Reads what is mapped: the same, or a part of it.
        shown: Where the layers of each method go, and who looks at them.
        options: The machines, progress, cancel.

    Returns:
        The rules, and the counts of each part.

    Raises:
        SourceError: where no block at all could be read.
        CancelledError: where the caller cancelled.
    """
    forget()
    job.reader.see_whole()
    if job.learns:
        counts, learnt = _map(job, shown, options)
        job.reader.require_any()
        return learnt.rules(), counts
    rules = _collect(job, parts_of(job.reader.plan), options).rules()
    job.reader.require_any()
    counts, _ = _map(dataclasses.replace(job, rules=rules, reader=mapped), shown, options)
    return rules, counts


def _collect(job: Job, parts: Sequence[range], options: EngineOptions) -> Learnt:
    """Have other machines look at parts."""
    assert options.team is not None
    learnt = Learnt(job.methods, len(parts))
    said = options.team.ask(Job.collect, job, parts)
    for number, (own, found) in enumerate(_watched("collect", parts, said, options)):
        learnt.take(number, own)
        job.reader.take(found["failed"])
    return learnt


def _map(job: Job, shown: Sequence[Any], options: EngineOptions) -> tuple[list[Counts], Learnt]:
    """Have other machines label parts; return the counts of each, and what was learnt beside."""
    assert options.team is not None
    plan = job.reader.plan
    parts = parts_of(plan)
    told = {"plan": [list(plan.shape), len(plan.windows), len(parts)]}
    counts, said = [], []
    made = options.team.make(Job.map, job, parts, told)
    for part, (own, found, arrays) in zip(
        parts, _watched("apply", parts, made, options), strict=True
    ):
        counts.append(job.take(part, found, arrays, shown))
        said.append(own)
    learnt = Learnt(job.methods, len(parts))
    lost = [part for part, own in zip(parts, said, strict=True) if own is None and job.learns]
    again = options.team.ask(Job.collect, job, lost)
    for number, own in enumerate(said):
        if job.learns:
            learnt.take(number, next(again)[0] if own is None else own)
    return counts, learnt


def parts_of(plan: Plan) -> list[range]:
    """Return the windows of a plan in parts, each as many as the same power of two."""
    window = plan.windows[0]
    most = max(1, PART_PIXELS // (window.rows * window.columns))
    size, count = 1 << (most.bit_length() - 1), len(plan.windows)
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def _watched(
    name: str, parts: Sequence[range], said: Iterator[Any], options: EngineOptions
) -> Iterator[Any]:
    """Yield what comes of parts; tell how far that is, and stop where the caller wants it."""
    for part in parts:
        if options.cancel is not None and options.cancel.is_set():
            raise CancelledError("The run was cancelled; nothing half-written was left.")
        yield next(said)
        if options.progress is not None:
            options.progress(name, part.stop, parts[-1].stop)


class _Kept:
    """Keeps the layer of one window."""

    def __init__(self) -> None:
        self.array: Array = np.zeros(0)

    def write(self, rows: slice, columns: slice, array: Array) -> None:
        """Take a window of the layer."""
        self.array = array


def _name(number: int | str, method: int, layer: str) -> str:
    return f"{number}/{method}/{layer}"


def _by_rule(counts: Sequence[Counts]) -> list[tuple[tuple[Array, Array], ...]]:
    return list(zip(*counts, strict=True))


def _plain(counts: Array) -> dict[str, int]:
    """Return counts (256,) as plain values, without those that are 0."""
    return {str(code): int(counts[code]) for code in np.flatnonzero(counts)}


def _counts(plain: Mapping[str, int]) -> Array:
    counts = np.zeros(256, np.int64)
    for code, pixels in plain.items():
        counts[int(code)] = pixels
    return counts
