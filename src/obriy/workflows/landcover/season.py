"""Several dates to the season that land cover is mapped from, kept in the run folder.

The stage is `obriy.prepare.season`; here it is written once, window by window, because clusters,
facts and portraits read it many times, and each reading would be that of all dates.
"""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import xarray as xr

from obriy.blocks.engine import EngineOptions, Sink, run_methods
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.errors import BandError, UsageError
from obriy.model.grid import geobox_of
from obriy.model.item import Item
from obriy.model.layers import layers_named
from obriy.model.notices import notice
from obriy.model.result.base import Failure
from obriy.model.result.landcover import CoverSeason
from obriy.model.scene import check_scene, make_scene, provenance_of
from obriy.model.season import (
    CURVE_MISSING,
    CURVE_STEP,
    FEW,
    OPPOSITE,
    SeasonSeen,
    pictured,
)
from obriy.outputs.planes import Stored, planes_writer
from obriy.prepare.clouds.mask import GRID_M, Clouds
from obriy.prepare.lattice import common_grid, lay_on, places
from obriy.prepare.over_dates import MISSING, UNIT
from obriy.prepare.s2cloudless import S2Cloudless
from obriy.prepare.season import Stack
from obriy.prepare.visibility import edge_pixels
from obriy.runs.folder import StepRecord
from obriy.workflows.inputs import OpenedItem
from obriy.workflows.landcover.season_making import OBSERVATIONS, SEASON, YEAR, Making, Season
from obriy.workflows.passes import map_writers, pixel_m, require_pixels, with_clouds

_LAYERS: Final = Stored("int16", MISSING, UNIT)
_CURVES: Final = Stored("uint8", CURVE_MISSING, CURVE_STEP, -1.0)


@dataclasses.dataclass(frozen=True)
class Dates:
    """The dates of a season.

    Attributes:
        opened: All of them, in the order of time; those that could not be opened too.
        stack: Those that could, read together.
    """

    opened: Sequence[OpenedItem]
    stack: Stack

    @property
    def scene(self) -> xr.Dataset:
        """The season, made anew wherever it is read."""
        return self.stack.scene()


def dates_of(opened: Sequence[OpenedItem], clouds: Clouds) -> Dates:
    """Return the dates of a season as they are read together.

    Args:
        opened: In the order of time, on one grid.
        clouds: How clouds are known.

    Raises:
        BandError: where they have no band in common.
        UsageError: where they show several places.
    """
    _require_one_place([one for one in opened if one.ground])
    scenes = [one.scene for one in opened if one.scene is not None]
    pixel = pixel_m(scenes[0]) or GRID_M

    def detect(scene: xr.Dataset) -> S2Cloudless:
        return S2Cloudless(scene, pixel)

    finder = detect if clouds == "s2cloudless" else None
    stack = Stack(scenes, edge_pixels(pixel), finder)
    if not stack.bands:
        raise BandError(
            f"The {len(scenes)} dates have no band in common that sees the ground.",
            "Name the bands of all with --bands, or leave out the dates that lack them.",
        )
    return Dates(opened, stack)


def _require_one_place(dates: Sequence[OpenedItem]) -> None:
    """Raise where dates show places apart: each would have a season of its own in one map."""
    apart = places([one.ground for one in dates])
    if len(apart) > 1:
        first, second = (", ".join(dates[k].name for k in place[:2]) for place in apart[:2])
        raise UsageError(
            f"The dates show {len(apart)} places that do not meet: {first} one, {second} another.",
            "A season is of one place: give each a folder of its own, or --datetime A/B.",
        )


def season_of(
    scenes: Sequence[xr.Dataset], *, clouds: Clouds = "auto", options: EngineOptions | None = None
) -> xr.Dataset:
    """Return the season of several dates of a place as one Scene, which `map_landcover` takes.

    Each window of it is made of all dates when it is read: what is read often is kept with
    ``.load()``, or mapped by `obriy landcover FOLDER`, which keeps it in files.

    Args:
        scenes: Scenes of one lattice, of one sensor, that know their time (``attrs["time"]``).
        clouds: As for `map_water`, of each date by itself.
        options: Threads and progress of the search for clouds.

    Returns:
        Bands (y, x) float32 reflectance, medians over the dates (of what is ever green over the
        greener half of them); beside them percentiles of NDVI and of a water index, and shares of
        green months and wet dates, see `obriy.model.season`. NaN: no date showed it.

    Raises:
        UsageError: no scene, one whose time is not known, or scenes of places that do not meet.
        GridError: pixels of another size, CRS or position.
    """
    lost = [number for number, scene in enumerate(scenes, 1) if not scene.attrs.get("time")]
    if lost or not scenes:
        raise UsageError(
            f"Scene {lost[0]} of the season has no time." if lost else "A season needs scenes.",
            'Say when each was taken: scene.attrs["time"] = "2025-06-05".',
        )
    found = [
        with_clouds(check_scene(scene), clouds, options or EngineOptions()) for scene in scenes
    ]
    found.sort(key=lambda scene: str(scene.attrs["time"]))
    grid = common_grid([geobox_of(scene) for scene in found])
    opened = [
        OpenedItem(
            Item("", "", ()),
            str(scene.attrs["time"]),
            lay_on(scene, grid),
            ground=(geobox_of(scene),),
        )
        for scene in found
    ]
    return dates_of(opened, clouds).scene


def season_to_files(dates: Dates, folder: Path, options: EngineOptions) -> StepRecord:
    """Write a season: its layers, the curves of its year, on how many dates each pixel was seen.

    Args:
        dates: What it is made of.
        folder: The run folder.
        options: Threads, memory, progress.

    Raises:
        EmptyResultError: where nothing could be seen on any date; then nothing is left.
    """
    stack = dates.stack
    rule = Making(stack)
    with contextlib.ExitStack() as files:
        planes = [(SEASON, stack.names, _LAYERS), (YEAR, stack.curves, _CURVES)]
        sinks: dict[str, Sink] = {
            name: files.enter_context(planes_writer(folder / name, stack.grid, names, stored))
            for name, names, stored in planes
            if names
        }
        counts = map_writers(folder, stack.grid, layers_named(OBSERVATIONS), None)
        sinks |= files.enter_context(counts)
        (result,) = run_methods(
            dates.scene,
            [(Season(stack, rule), sinks)],
            prepare=lambda block: block,
            settle=lambda block, said: said,
            options=options,
        )
        require_pixels(result)
    outputs = {name: name if name in (SEASON, YEAR) else f"{name}.tif" for name in sinks}
    seen = rule.seen_of(dates.opened)
    failed = [{"name": date.date, "reason": date.reason} for date in seen.dates if date.lost]
    names = {"layers": stack.names, "curves": stack.curves}
    return StepRecord(outputs, names | {"seen": seen.to_dict(), "failed": failed})


def open_season(folder: Path, step: StepRecord, dates: Dates) -> tuple[xr.Dataset, SeasonSeen]:
    """Open what `season_to_files` left: a Scene, with the curves of its year beside its bands.

    Args:
        folder: The run folder.
        step: What it returned.
        dates: Of what.
    """
    made, grid = dates.scene, dates.stack.grid
    bands = {
        name: lazy_variable(
            RasterBand(
                str(folder / step.outputs[SEASON]), number, scale=UNIT, missing=(float(MISSING),)
            ),
            grid,
        )
        for number, name in enumerate(step.found["layers"], 1)
        if name in made
    }
    scene = make_scene(
        bands,
        grid,
        sensor=str(made.attrs["sensor"]),
        provenance=provenance_of(made),
        time=made.attrs["time"],
    )
    seen = SeasonSeen.from_dict(step.found["seen"])
    year = str(folder / step.outputs.get(YEAR, ""))
    for number, name in enumerate(step.found["curves"], 1):
        band = RasterBand(year, number, dtype="uint8", fill=CURVE_MISSING)
        scene[name] = lazy_variable(band, grid)
    return _with_opposite(scene, dates.stack, seen), seen


def _with_opposite(scene: xr.Dataset, stack: Stack, seen: SeasonSeen) -> xr.Dataset:
    """Return the Scene of a season with pictures of its greenest month and its barest."""
    if seen.opposite is None or not {"red", "green", "blue"} <= set(stack.bands):
        return scene
    for month in seen.opposite:
        of_it = stack.of_month(month)
        for band in ("red", "green", "blue"):
            scene[pictured(month, band)] = of_it.scene()[band].variable
    return scene.assign_attrs({OPPOSITE: list(seen.opposite)})


def season_row(seen: SeasonSeen) -> CoverSeason:
    """Return what the result says of a season."""
    greenest, barest = seen.opposite or (None, None)
    return CoverSeason(
        dates=[dataclasses.asdict(date) for date in seen.dates],
        months_unseen=seen.months_unseen,
        dates_per_pixel=[seen.dates_at(share) for share in (0.1, 0.5, 0.9)],
        never_seen_share=seen.share_seen(0, 1),
        few_seen_share=seen.share_seen(1, FEW),
        greenest_month=greenest,
        barest_month=barest,
    )


def about_season(seen: SeasonSeen) -> list[str]:
    """Return what the reader of a season should know: what was hardly seen of it."""
    said: list[str] = []
    few = seen.share_seen(1, FEW)
    if few > 0:
        percent = 100 * few / seen.share_seen(1)
        said.append(notice("season_few_dates", percent=percent, dates=FEW))
    if seen.months_unseen:
        said.append(notice("season_months_unseen", months=list(map(str, seen.months_unseen))))
    return said


def dates_that_failed(seen: SeasonSeen) -> list[Failure]:
    """Return the dates that gave less than they hold."""
    return [Failure(kind="date", name=d.date, reason=d.reason) for d in seen.dates if d.lost]
