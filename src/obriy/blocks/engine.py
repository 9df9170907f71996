"""The engine: runs ``collect, decide, apply`` over a scene in blocks, in threads, within memory."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from functools import partial
from typing import Any, Final, Protocol

import numpy as np
import psutil
import rasterio
import xarray as xr

from obriy.blocks.base import (
    Block,
    ByteArray,
    Foregone,
    Labelled,
    Method,
    Rule,
    learning_halo_of,
    work_bytes_of,
)
from obriy.blocks.decoded import forget, kept_bytes
from obriy.blocks.decoding import DECODING
from obriy.blocks.handles import let_go
from obriy.blocks.learnt import Learnt
from obriy.blocks.memory import (
    CACHE_BYTES,
    TAKES,
    allowed_gb,
    cache_little,
    give_back,
    keep_large_apart,
    late_bytes,
    room,
)
from obriy.blocks.options import EngineOptions as EngineOptions  # noqa: PLC0414 - a part of it
from obriy.blocks.options import Progress as Progress  # noqa: PLC0414
from obriy.blocks.parts import Job, spread
from obriy.blocks.pixels import count_codes
from obriy.blocks.plan import Plan, Window, deal, decoded_bytes, make_plan, tile_pixels
from obriy.blocks.pool import Pool
from obriy.blocks.reader import Reader
from obriy.model.classmap import FRACTION_MISSING
from obriy.model.flags import Unseen
from obriy.model.grid import geobox_of
from obriy.model.legend import NO_DATA
from obriy.model.scene import band_names
from obriy.settings import settings

FLAG_BYTES: Final = 24
"""Temporary arrays of what flags hide, bytes per pixel."""


_NOTHING: Final = {
    "fraction": FRACTION_MISSING,
    "doubt": 0,
    "confidence": FRACTION_MISSING,
}
"""What stands in a layer that is wanted of a method that does not tell it."""


class Sink(Protocol):
    """Where a layer of the map goes: memory, or a file that is being written."""

    def write(self, rows: slice, columns: slice, array: Any) -> None:
        """Take a window of the layer; called from several threads."""
        ...


class Observer(Protocol):
    """Looks at a map while it is made, so that nobody has to read it again."""

    @property
    def layers(self) -> frozenset[str]:
        """Layers to look at."""
        ...

    def see(self, rows: slice, columns: slice, layers: Mapping[str, Any]) -> None:
        """Take the layers of a window, in no order; called from several threads."""
        ...


class ArraySink:
    """A layer in memory."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.array: ByteArray = np.zeros(shape, np.uint8)

    def write(self, rows: slice, columns: slice, array: ByteArray) -> None:
        """Take a window of the layer."""
        self.array[rows, columns] = array


@dataclasses.dataclass(frozen=True)
class EngineResult:
    """What a run of the engine says beside the layers that went to the sinks.

    Attributes:
        rule: The decision.
        labels: Pixels per class code.
        unseen: Pixels per `Unseen` value.
        failed: Parts that could not be read, each as large as a tile of its file, with the reason.
        plan: How the scene was cut.
    """

    rule: Rule
    labels: dict[int, int]
    unseen: dict[int, int]
    failed: tuple[tuple[Window, str], ...]
    plan: Plan


def run_methods(
    scene: xr.Dataset,
    work: Sequence[tuple[Method, Mapping[str, Sink]]],
    *,
    prepare: Callable[[Block], Block],
    settle: Callable[[Block, Labelled], Labelled],
    options: EngineOptions,
    part: xr.Dataset | None = None,
    also_bands: Iterable[str] = (),
    also_halo: int = 0,
    observers: Sequence[Observer | None] = (),
) -> list[EngineResult]:
    """Map a scene by one or several methods: collect over all blocks, decide, apply to all blocks.

    Several methods share what is read of each block; each sees its own bands alone, and so maps
    what it would map by itself. Where all rules are known before the scene is, see `Foregone`, and
    all of it is mapped, each block is looked at once.

    Args:
        scene: A checked Scene.
        work: What to do, and where the layers ``labels``, ``fraction``, ``unseen``, ``doubt``,
            ``confidence`` and ``values`` of each go (any).
        part: The part of the scene to map; None: all of it. The decision rests on the whole
            scene, and the halo is read beyond the part, so that a district has the same map
            whatever else is asked for.
        prepare: Hides what cannot be seen, before the method looks.
        settle: Brings the method's labels and what was hidden together.
        options: Threads, memory, progress, cancel.
        also_bands: Bands that ``prepare`` looks at beside those of the method.
        also_halo: Pixels that ``prepare`` spoils at the edge of a block.
        observers: Who looks at the map of each method; none: nobody does.

    Returns:
        What each method did, in their order.

    Raises:
        BandError: where a method lacks a band.
        MemoryBudgetError: where the memory allowed is too small.
        SourceError: where no block at all could be read.
        CancelledError: where the caller cancelled.
    """
    methods = [method for method, _ in work]
    wanted = [
        frozenset(method.bands(set(band_names(scene))) | set(also_bands)) for method in methods
    ]
    names = sorted(frozenset().union(*wanted))
    halo = max(method.halo for method in methods) + also_halo
    read = names + (["flags"] if "flags" in scene else [])
    work_bytes = max(map(work_bytes_of, methods)) + (FLAG_BYTES if "flags" in scene else 0)
    bytes_per_pixel = work_bytes + 12 * len(names)
    share = deal(
        threads_of(options),
        (scene.sizes["y"], scene.sizes["x"]),
        halo=halo,
        bytes_per_pixel=bytes_per_pixel,
        room=memory_budget(options),
        decoding=dict(scene[name].encoding.get(DECODING, ("", 0)) for name in read),
        beside=max(0, sum(scene[name].encoding.get(TAKES, 0) for name in read) - late_bytes()),
        tile=tile_pixels(scene, read, halo),
    )

    # What is learnt without a halo is read without: blocks then end where tiles of files do.
    around = max(map(learning_halo_of, methods)) + also_halo
    alone = halo > 0 == around

    def plan_of(mapped: xr.Dataset) -> Plan:
        return make_plan(
            mapped,
            read,
            halo=halo,
            bytes_per_pixel=bytes_per_pixel,
            budget=share.block_bytes,
        )

    def reader_of(mapped: xr.Dataset, keep: int, *, alone: bool = False) -> Reader:
        origin, plan = _origin(scene, mapped), plan_of(mapped)
        return Reader(scene, wanted, plan, prepare, keep=keep, origin=origin, alone=alone)

    let_go()  # threads hold files of their own, each with the tile that was decoded last
    # What is dealt to blocks in work and is more than their plan takes is for those that are kept.
    spare = share.workers * (share.block_bytes - plan_of(scene).block_bytes) - kept_bytes()
    known = _known(methods) if part is None else None
    twice = part is None and known is None
    cache = share.kept_bytes
    if part is None and (halo == 0 or (alone and twice)):
        cache = min(cache, decoded_bytes(scene, names, plan_of(scene), share) or cache)
        spare += share.kept_bytes - cache
    reader = reader_of(
        scene,
        keep=max(0, share.kept_bytes + spare) if twice else 0,
        alone=alone and known is None and options.team is None,
    )
    watched = observers or [None] * len(work)
    shown = [(layers, one) for (_, layers), one in zip(work, watched, strict=True)]
    if options.team is not None:
        layers = [_wanted(*own) for own in shown]
        job = Job(
            methods, known, known is not None, reader, settle, _Apply, layers,
            partial(decoded_tiles, 4 * share.kept_bytes // share.workers), alone,
        )  # fmt: skip
        if part is not None:
            reader = reader_of(part, keep=0)
        rules, counts = spread(job, reader, shown, options)
        return _results(rules, reader, counts)
    with decoded_tiles(4 * cache):
        learnt = Learnt(methods, len(reader.plan.windows))
        if known is None:
            collect = _Collect(learnt, reader)
            Pool(reader.plan, share.workers, options).map("collect", collect)
            reader.require_any()
            rules = learnt.rules()
            reader.turn()
            if part is not None:
                reader = reader_of(part, keep=0)
            applied = _Apply(rules, reader, shown, settle)
            counts = Pool(reader.plan, share.workers, options).map("apply", applied)
        else:
            applied = _Apply(known, reader, shown, settle, learnt)
            counts = Pool(reader.plan, share.workers, options).map("apply", applied)
            reader.require_any()
            rules = learnt.rules()
    forget()
    give_back()
    return _results(rules, reader, counts)


def _known(methods: Sequence[Method]) -> list[Rule] | None:
    """Return the rules that are known before the scene is; None where one is not."""
    rules = [m.known() if isinstance(m, Foregone) else None for m in methods]
    known = [rule for rule in rules if rule is not None]
    return known if len(known) == len(rules) else None


def _wanted(sinks: Mapping[str, Sink], observer: Observer | None) -> frozenset[str]:
    """Return the layers of a map that somebody takes."""
    return frozenset(sinks) | (frozenset() if observer is None else observer.layers)


def _results(rules: Sequence[Rule], reader: Reader, counts: Sequence[Any]) -> list[EngineResult]:
    """Return what is said of each rule, of its counts of each block or part."""
    by_rule = zip(*counts, strict=True)
    return [_result(rule, reader, own) for rule, own in zip(rules, by_rule, strict=True)]


def _result(rule: Rule, reader: Reader, counts: Sequence[Any]) -> EngineResult:
    labels = sum((c[0] for c in counts), np.zeros(256, np.int64))
    unseen = sum((c[1] for c in counts), np.zeros(256, np.int64))
    return EngineResult(
        rule=rule,
        labels={i: int(n) for i, n in enumerate(labels) if n},
        unseen={i: int(n) for i, n in enumerate(unseen) if n},
        failed=tuple(reader.failed().items()),
        plan=reader.plan,
    )


def threads_of(options: EngineOptions) -> int:
    """Return how many threads may work: as told, else one for each core."""
    return options.workers or settings().workers or psutil.cpu_count(logical=True) or 1


def decoded_tiles(budget: int) -> Any:
    """Return a context in which decoded tiles of files are kept, within a share of a budget.

    Windows with a halo meet the tiles of their neighbours: without room for them each tile would be
    decoded several times.

    Args:
        budget: Bytes, of `memory_budget`.
    """
    return rasterio.Env(GDAL_CACHEMAX=max(CACHE_BYTES, min(budget // 4, 1024 * 1024**2)))


def _origin(scene: xr.Dataset, part: xr.Dataset) -> tuple[int, int]:
    """Return the row and column of the scene at which a part of it begins."""
    if part is scene:
        return 0, 0
    whole, piece = geobox_of(scene).affine, geobox_of(part).affine
    column, row = ~whole @ (piece.c, piece.f)
    return round(row), round(column)


def memory_budget(options: EngineOptions) -> int:
    """Return the bytes for blocks: what was allowed less what the process takes anyway."""
    if options.max_ram_gb or allowed_gb():
        # What comes after the map (overviews, areas, report) reads and writes files too.
        cache_little()
        keep_large_apart()
    return room(options.max_ram_gb)


class _Collect:
    """Has methods look at one block after another."""

    def __init__(self, learnt: Learnt, reader: Reader) -> None:
        self._learnt = learnt
        self._reader = reader

    def __call__(self, number: int) -> None:
        blocks = self._reader.blocks(number)
        self._learnt.add(number, blocks)
        for block in blocks:  # one that is kept takes no more room than was counted for it
            block.forget()


class _Apply:
    """Applies rules to one block after another, crops the halo, and fills the sinks.

    Args:
        rules: One for each method.
        reader: Where the blocks come from.
        shown: Where the layers of each go, and who looks at them.
        settle: Brings labels and what was hidden together.
        learnt: What the methods learn of each block beside; None: they have learnt.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        reader: Reader,
        shown: Sequence[tuple[Mapping[str, Sink], Observer | None]],
        settle: Callable[[Block, Labelled], Labelled],
        learnt: Learnt | None = None,
    ) -> None:
        self._work = list(zip(rules, shown, strict=True))
        self._reader = reader
        self._settle = settle
        self._learnt = learnt

    def __call__(self, number: int) -> list[tuple[Any, Any]]:
        """Return the pixels by label and by cause, of each rule."""
        window = self._reader.plan.windows[number]
        counts = []
        blocks = self._reader.blocks(number)
        if self._learnt is not None:
            self._learnt.add(number, blocks)
        for (rule, (sinks, observer)), block in zip(self._work, blocks, strict=True):
            layers = self._layers(rule, block, number, _wanted(sinks, observer))
            for name, sink in sinks.items():
                sink.write(*window.slices, layers[name])
            if observer is not None:
                observer.see(*window.slices, layers)
            counts.append(
                (count_codes(layers["labels"]), count_codes(layers["unseen"])),
            )
        self._reader.drop(number)
        return counts

    def _layers(self, rule: Rule, block: Block, number: int, wanted: Set[str]) -> dict[str, Any]:
        """Return the layers of a block that are wanted, and those that are counted."""
        first = rule.apply(block)
        said = self._settle(block, first)
        unseen = said.unseen
        if unseen is None:
            unseen = np.where(said.labels == 0, np.uint8(Unseen.NO_DATA), np.uint8(Unseen.SEEN))
        layers = {"labels": said.labels[block.core], "unseen": unseen[block.core]}
        for name in _NOTHING.keys() & wanted:
            told = getattr(said, name)
            blank = np.full(block.shape, _NOTHING[name], np.uint8) if told is None else told
            layers[name] = blank[block.core]
        if first.values is not None:
            hidden = said.labels == NO_DATA
            layers["values"] = np.where(hidden, np.float32("nan"), first.values)[block.core]
        layers |= {name: plane[(..., *block.core)] for name, plane in first.more.items()}
        for part in self._reader.broken(number):
            reasons = layers["unseen"][part]
            reasons[reasons == Unseen.NO_DATA] = Unseen.FAILED
        return layers
