"""Images of one place, each mapped by itself: what one image, a season and a winter have in common.

    maps/NAME/    the layers of each image; those of a single one lie in the run folder itself

An image that fails is listed, in the result and in the exit code; the others go on.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, Protocol

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.errors import EmptyResultError, InputError, MissingExtraError, ObriyError
from obriy.model.classmap import ClassMap
from obriy.model.notices import reason_of
from obriy.model.provenance import hrefs_of
from obriy.model.scene import provenance_of
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import FAR, RunFolder, StepRecord
from obriy.sources.base import SOURCES
from obriy.workflows.cluster import Workers, cluster, in_turn
from obriy.workflows.inputs import OpenedItem, status_of
from obriy.workflows.run import map_step
from obriy.workflows.team import with_team

MAPS: Final = "maps"
LARGE: Final = 1 << 27
"""Pixels above which an image is spread over a cluster in parts: more than a tile of Sentinel-2."""
Found = Mapping[str, Any]
"""What mapping an image found, as plain values, see `obriy.workflows.passes.found_of`."""


class Mapper(Protocol):
    """How a job maps an image; it goes to the machine that does it, as it is.

    Attributes:
        in_parts: Whether the engine maps it, which can spread a large image in parts.
    """

    @property
    def in_parts(self) -> bool:
        """See above."""
        ...

    def to_files(
        self, scene: xr.Dataset, part: xr.Dataset | None, folder: Path, options: EngineOptions
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Map a scene, or a part of it, into a folder; return files by output name, and `Found`."""

    def open(
        self, folder: Path, files: Mapping[str, str], part: xr.Dataset, found: Found
    ) -> ClassMap:
        """Open those files again; their names are relative to the folder."""

    def read(self) -> Sequence[str]:
        """Return the files beside the image whose change asks for another map."""


@dataclasses.dataclass(frozen=True)
class ImageMap:
    """What became of one image.

    Attributes:
        opened: The image.
        map: Its map; None where there is none.
        files: Layers by output name, relative to the run folder.
        found: What the mapping found; empty without a map.
        status: ``ok``, ``partial``, ``skipped`` (nothing seen) or ``failed``.
        error: Why there is no map.
    """

    opened: OpenedItem
    map: ClassMap | None = None
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    found: Found = dataclasses.field(default_factory=dict)
    status: str = "ok"
    error: ObriyError | None = None

    @property
    def holes(self) -> Sequence[Mapping[str, Any]]:
        """Parts of the image that could not be read."""
        holes: Sequence[Mapping[str, Any]] = self.found.get("failed", ())
        return holes

    @property
    def reason(self) -> str:
        """Why it is not ``ok``; empty where it is."""
        if self.error is not None:
            return reason_of(self.error)
        return str(self.holes[0]["reason"]) if self.holes else ""


def map_images(
    opened: Sequence[OpenedItem],
    mapper: Mapper,
    folder: RunFolder,
    options: EngineOptions,
    *,
    cropped: bool,
    alone: bool = False,
    scheduler: str | None = None,
) -> list[ImageMap]:
    """Map every image, here or on a cluster; one that fails is noted, and the others go on.

    Args:
        opened: Images in the order of time.
        mapper: How.
        folder: The run folder; what it holds already is not mapped again.
        options: Threads, memory, progress; of several images they are counted, not their blocks.
        cropped: Whether the part of each is to be mapped, not all of it.
        alone: Whether it is a single image, whose layers lie in the run folder itself.
        scheduler: Address of a Dask scheduler, which gets each image as a task, and a large one in
            parts; None: here.

    Raises:
        EmptyResultError: where not one has a map; the very error of a single one.
    """
    several = len(opened) > 1
    show = options.progress if several and options.progress else lambda name, done, total: None
    own = dataclasses.replace(options, progress=None) if several else options
    tasks = [_Task(one, "" if alone else one.name, mapper, folder, own, cropped) for one in opened]
    maps = []
    with cluster(scheduler) as workers:
        begin = functools.partial(_begin, workers)
        most = 1 if workers is None else workers.most
        for number, (task, future) in enumerate(in_turn(tasks, begin, most)):
            show("images", number, len(tasks))
            maps.append(task.done(future, workers))
    show("images", len(maps), len(maps))
    _require_any(maps)
    return maps


def _require_any(maps: Sequence[ImageMap]) -> None:
    if any(one.map is not None for one in maps):
        return
    if len(maps) == 1 and maps[0].error is not None:
        raise maps[0].error
    told = "; ".join(f"{one.opened.name}: {one.reason}" for one in maps[:3])
    raise EmptyResultError(
        f"Nothing could be mapped of any image: {told}",
        "Take others; or map without the cloud mask (--clouds none).",
    )


@dataclasses.dataclass(frozen=True)
class _Task:
    """One image on its way to a map."""

    opened: OpenedItem
    name: str
    mapper: Mapper
    folder: RunFolder
    options: EngineOptions
    cropped: bool

    @property
    def step(self) -> tuple[str, dict[str, Any]]:
        """Name and inputs of the step that maps the image."""
        assert self.opened.scene is not None
        files = [*hrefs_of(provenance_of(self.opened.scene)), *self.mapper.read()]
        far = {FAR: True} if SOURCES.get(self.opened.item.source).far else {}
        return map_step(self.name), fingerprint(files) | far

    def work(self, options: EngineOptions) -> Callable[[], StepRecord]:
        """Return what maps the image, here or anywhere."""
        place = (self.folder.path.resolve(), f"{MAPS}/{self.name}" if self.name else ".")
        shown = (self.opened.scene, self.opened.part if self.cropped else None)
        return functools.partial(_map_image, self.mapper, shown, place, options)

    @property
    def large(self) -> bool:
        """Whether it is spread in parts, not as one task: it is alone, or the mosaic of a day."""
        assert self.opened.scene is not None
        sizes = self.opened.scene.sizes
        return self.mapper.in_parts and (not self.name or sizes["y"] * sizes["x"] > LARGE)

    def done(self, future: "Future[StepRecord] | None", workers: Workers | None) -> ImageMap:
        """Do it, unless it is done, or was done elsewhere; return what became of the image."""
        part = self.opened.part
        if self.opened.scene is None or part is None:
            return self._lost(self.opened.error)
        try:
            name, inputs = self.step
            own = with_team(self.options, workers, self.folder)
            work = self.work(own) if future is None else future.result
            done = self.folder.step(name, work, inputs)
        except (InputError, MissingExtraError) as error:
            return self._lost(error)
        if "empty" in done.found:
            return self._lost(EmptyResultError(done.found["empty"]))
        opened = self.mapper.open(self.folder.path, done.outputs, part, done.found)
        status = "partial" if done.found["failed"] else "ok"
        return ImageMap(self.opened, opened, done.outputs, done.found, status)

    def _lost(self, error: ObriyError | None) -> ImageMap:
        return ImageMap(self.opened, status=status_of(error), error=error)


def _begin(workers: Workers | None, task: _Task) -> "Future[StepRecord] | None":
    """Begin a task on a cluster; None without one, or where it is done already or in parts."""
    if workers is None or task.opened.scene is None or task.large:
        return None
    if task.folder.is_done(*task.step):
        return None
    return workers.submit(task.work(task.options.elsewhere()))


def _map_image(
    mapper: Mapper,
    shown: tuple[xr.Dataset | None, xr.Dataset | None],
    place: tuple[Path, str],
    options: EngineOptions,
) -> StepRecord:
    """Map one image into the run folder; runs anywhere that sees the files.

    Args:
        mapper: How.
        shown: The scene, and the part of it to map; None: all of it.
        place: The run folder, and where in it the layers go.
        options: Threads, memory.

    Returns:
        Layers by output name relative to the run folder, and what was found; ``empty`` and why,
        where nothing was seen.
    """
    (scene, part), (folder, own) = shown, place
    assert scene is not None
    (folder / own).mkdir(parents=True, exist_ok=True)
    try:
        files, found = mapper.to_files(scene, part, folder / own, options)
    except EmptyResultError as error:
        return StepRecord({}, {"empty": reason_of(error)})
    return StepRecord({name: str(Path(own, file)) for name, file in files.items()}, found)


def map_of(image: ImageMap) -> ClassMap:
    """Return the map of an image that has one."""
    assert image.map is not None
    return image.map


def part_of(image: ImageMap) -> xr.Dataset:
    """Return the part of an image with a map that was mapped."""
    assert image.opened.part is not None
    return image.opened.part
