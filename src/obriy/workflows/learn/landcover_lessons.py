"""What a student learns from: named maps over their scenes, cut into blocks that lie apart."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.blocks.base import Block, ByteArray
from obriy.blocks.damage import read_around
from obriy.errors import GridError, UsageError
from obriy.indices.features import ground_bands
from obriy.methods.trained import source_of
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, ClassMap
from obriy.model.grid import geobox_of, same_grid
from obriy.model.legend import Legend
from obriy.model.reference import Reference
from obriy.model.scene import band_names, check_scene
from obriy.nets.cover_teaching import IGNORED
from obriy.prepare.clouds.mask import GRID_M, Clouds
from obriy.prepare.visibility import edge_pixels, hide_for_cover
from obriy.runs.folder import CONFIG
from obriy.sources.class_map import open_class_map
from obriy.validation.split import Split, deal
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.evaluation import cover_reference
from obriy.workflows.jobs import read_config
from obriy.workflows.landcover.reading import read_cover
from obriy.workflows.passes import pixel_m

GAP: Final = 0.25
"""Pixels between two blocks, as a share of their side: what a student is judged on does not touch
what it learnt from."""
MAP: Final = "landcover.tif"
MANY: Final = 10
"""From so many images on, whole images are held out instead of blocks of them: images of other
places say more than blocks beside the ones that were learnt."""


@dataclasses.dataclass(frozen=True)
class Lesson:
    """One named map over its scene.

    Attributes:
        scene: The part of the scene that was mapped.
        named: Its land cover, on the same grid, with ``confidence`` where that is known.
        reference: What both teacher and student are scored against, on the same grid.
        source: Name of the image.
        clouds: How clouds are known.
    """

    scene: xr.Dataset
    named: ClassMap
    reference: Reference | None = None
    source: str = ""
    clouds: Clouds = "auto"

    def __post_init__(self) -> None:
        check_scene(self.scene)
        if not same_grid(geobox_of(self.scene), self.named.geobox):
            raise GridError(
                f"The map and the image {self.source} lie on different grids.",
                "Give the image that the map was made from.",
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.scene.sizes["y"], self.scene.sizes["x"]


@dataclasses.dataclass(frozen=True)
class Cell:
    """A square block of one lesson: its number, first row and first column."""

    lesson: int
    row: int
    column: int


def lay_cells(shapes: Sequence[tuple[int, int]], side: int) -> list[Cell]:
    """Return square blocks with a gap between them, as many as fit each image.

    Args:
        shapes: Rows and columns of each image.
        side: Side of a block, pixels.
    """
    step = side + round(GAP * side)
    cells = []
    for lesson, shape in enumerate(shapes):
        counts = [(length + step - side) // step for length in shape]
        # What is left over goes to both edges alike.
        row0, column0 = (
            (length - (n * step - (step - side))) // 2
            for length, n in zip(shape, counts, strict=True)
        )
        cells += [
            Cell(lesson, row0 + i * step, column0 + j * step)
            for i in range(counts[0])
            for j in range(counts[1])
        ]
    return cells


def split_cells(cells: Sequence[Cell], share: float, seed: int) -> Split[Cell]:
    """Deal blocks out at random: some to stop by, as many to be judged on, the rest to learn from.

    From `MANY` images on, all blocks of an image are dealt together.

    Args:
        cells: Of `lay_cells`.
        share: Of validation, and of test.
        seed: Of the deal.

    Raises:
        UsageError: where there are not three blocks.
    """
    whole = whole_images(len({cell.lesson for cell in cells}))
    keys = [(c.lesson,) if whole else (c.lesson, c.row, c.column) for c in cells]
    units = len(set(keys))
    if units < 3:
        raise UsageError(
            f"The images hold {units} blocks, and three are needed: to learn from, to stop "
            "by, and to be judged on.",
            "Give a smaller --patch, or more runs.",
        )
    return deal(cells, keys, {"validation": share, "test": share}, seed)


def whole_images(lessons: int) -> bool:
    """Return whether all blocks of an image are dealt together."""
    return lessons >= MANY


def shared_bands(lessons: Sequence[Lesson]) -> tuple[str, ...]:
    """Return the bands of the ground that every scene has, by wavelength.

    ``nir08`` alone stands for ``nir``, so that Landsat and Sentinel-2 share it.
    """
    shared = set.intersection(*(_canonical(set(band_names(lesson.scene))) for lesson in lessons))
    return tuple(ground_bands(shared))


def read_block(lesson: Lesson, cell: Cell, side: int, bands: Sequence[str], halo: int = 0) -> Block:
    """Read a block with a halo; what cannot be seen is NaN, as when the map was made.

    Args:
        lesson: The scene.
        cell: Which block.
        side: Its side.
        bands: Common names to read.
        halo: Pixels around the block to read too, as far as the scene goes.
    """
    edge = edge_pixels(pixel_m(lesson.scene) or GRID_M)
    reach = halo + edge + 2  # a cloud beyond the halo hides pixels in it
    (rows, core_rows), (columns, core_columns) = (
        _padded(start, side, reach, limit)
        for start, limit in zip((cell.row, cell.column), lesson.shape, strict=True)
    )
    have = set(band_names(lesson.scene))
    flags = lesson.scene["flags"].variable if _has_flags(lesson) else None
    block = Block(
        bands={
            name: np.asarray(
                read_around(lesson.scene[source_of(name, have)].variable, rows, columns)[0],
                np.float32,
            )
            for name in bands
        },
        flags=None if flags is None else read_around(flags, rows, columns)[0],
        row=rows.start,
        column=columns.start,
        core=(core_rows, core_columns),
    )
    return hide_for_cover(edge, block)


def read_targets(
    lesson: Lesson, cell: Cell, side: int, legend: Legend, least_confidence: float
) -> npt.NDArray[np.int16]:
    """Return the place in the legend of each pixel's class, `IGNORED` where it teaches nothing.

    Args:
        lesson: The map.
        cell: Which block.
        side: Its side.
        legend: The classes.
        least_confidence: Names less sure than this teach nothing, 0 to 1.
    """
    places = np.full(256, IGNORED, np.int16)
    places[legend.codes] = np.arange(len(legend.codes))
    targets: npt.NDArray[np.int16] = places[read_labels(lesson.named.labels, cell, side)]
    if lesson.named.confidence is not None:
        sure = read_labels(lesson.named.confidence, cell, side)
        targets[(sure == FRACTION_MISSING) | (sure < least_confidence * FRACTION_SCALE)] = IGNORED
    return targets


def read_labels(layer: xr.DataArray, cell: Cell, side: int) -> ByteArray:
    """Return a block (side, side) of a layer of bytes."""
    rows = slice(cell.row, cell.row + side)
    return np.asarray(layer.variable[rows, cell.column : cell.column + side].values, np.uint8)


def open_run(folder: Path, reference: str | None = None) -> Lesson:
    """Open the map of a run of `obriy landcover`, and the scene that it was made from.

    Args:
        folder: The run folder.
        reference: What to score against; None: as in the run, or nothing.

    Raises:
        UsageError: where the folder holds no such run.
        GridError: where the image is another now.
    """
    config = read_config(folder / CONFIG)
    if not isinstance(config, LandcoverConfig) or not (folder / MAP).is_file():
        raise UsageError(
            f"{folder} holds no map of land cover.", "Give the folder of an 'obriy landcover' run."
        )
    named = open_class_map(folder / MAP)
    read, dates = read_cover(config, set)
    scene = read.scene if dates is None else dates.scene
    part = part_of(scene, named, config.source)
    if reference is not None:
        # What the codes of the run's own reference are, says nothing of another.
        config = config.model_copy(update={"reference": reference, "reference_legend": None})
    against = None if config.reference is None else cover_reference(config, part, named.legend)
    return Lesson(part, named, against, config.source, config.clouds)


def part_of(scene: xr.Dataset, named: ClassMap, source: str) -> xr.Dataset:
    """Return the part of a scene that a map lies on, pixel for pixel.

    Raises:
        GridError: where the map does not lie on the pixels of the scene.
    """
    outer, inner = geobox_of(scene), named.geobox
    if outer.crs == inner.crs:
        column, row = (round(v) for v in ~outer.affine @ (inner.affine.c, inner.affine.f))
        part = scene.isel(
            y=slice(max(0, row), row + inner.shape.y),
            x=slice(max(0, column), column + inner.shape.x),
        )
        if 0 not in part.sizes.values() and same_grid(geobox_of(part), inner):
            return part
    raise GridError(
        f"The map does not lie on the pixels of {source}.",
        "Give the image that the map was made from.",
    )


def one_legend(lessons: Sequence[Lesson], names: Sequence[Path | str]) -> Legend:
    """Return the legend of all lessons.

    Raises:
        UsageError: where two differ, or there is no lesson.
    """
    if not lessons:
        raise UsageError("A student needs a map to learn from.", "Give the folder of a run.")
    first = lessons[0].named.legend
    for lesson, name in zip(lessons, names, strict=True):
        if lesson.named.legend.codes != first.codes or lesson.named.legend.name != first.name:
            raise UsageError(
                f"{name} is in the legend '{lesson.named.legend.name}', {names[0]} in "
                f"'{first.name}'.",
                "Give runs of one legend.",
            )
    return first


def _canonical(available: set[str]) -> set[str]:
    only = "nir08" in available and "nir" not in available
    return available - {"nir08"} | {"nir"} if only else available


def _padded(start: int, side: int, reach: int, limit: int) -> tuple[slice, slice]:
    """Return a range with a halo, cut at the edge, and the place of the range within."""
    low, high = max(0, start - reach), min(limit, start + side + reach)
    return slice(low, high), slice(start - low, start - low + side)


def _has_flags(lesson: Lesson) -> bool:
    return "flags" in lesson.scene and lesson.clouds != "none"


def describe(split: Split[Cell]) -> dict[str, Any]:
    """Return how many blocks there are of each kind."""
    return {name: len(part) for name, part in split.parts.items()}
