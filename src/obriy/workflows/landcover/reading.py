"""What land cover is mapped from: one image, or all the dates that are found, as a season."""

import dataclasses
from pathlib import Path
from typing import Any

from obriy.blocks.engine import EngineOptions
from obriy.model.notices import notice
from obriy.model.provenance import hrefs_of
from obriy.model.scene import provenance_of
from obriy.model.season import STEP
from obriy.prepare.crop import crop
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import FAR, RunFolder
from obriy.sources.base import SOURCES, Needs
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.inputs import Inputs, districts_of, find_images, read_image
from obriy.workflows.landcover.products import CoverInputs
from obriy.workflows.landcover.season import Dates, dates_of, open_season, season_to_files
from obriy.workflows.open_dates import open_dates


def read_cover(config: LandcoverConfig, needs: Needs) -> tuple[Inputs, Dates | None]:
    """Open what is mapped, lazily.

    Args:
        config: What to read.
        needs: Returns the bands that are read, of those there are; raises BandError.

    Returns:
        The image, or the images in the order of time; and the dates of a season, None for one.

    Raises:
        ObriyError: of the kind that fits.
    """
    items = find_images(config, config.datetime)
    far = SOURCES.get(items[0].source).far
    if len(items) == 1 or (far and len({item.date for item in items}) == 1):
        return read_image(config, items, needs=needs), None
    read = open_dates(config, items, needs, districts_of(config))
    if len(read.opened) == 1:  # tiles of one day
        return read, None
    return read, dates_of(read.opened, config.clouds)


def plan_of_season(dates: Dates) -> dict[str, Any]:
    """Return what the plan of a season says beside that of an image: dates, bytes of the files."""
    paths = (Path(path) for one in dates.opened for path in one.item.paths)
    return {
        "dates": [one.name for one in dates.opened],
        "bytes": sum(path.stat().st_size for path in paths if path.is_file()),
        "failed": {one.name: one.reason for one in dates.opened if one.error is not None},
    }


def with_season(
    config: LandcoverConfig, inputs: CoverInputs, folder: RunFolder, options: EngineOptions
) -> CoverInputs:
    """Return what a run reads with its season made and kept in the run folder; an image as it is.

    Raises:
        EmptyResultError: where nothing could be seen on any date.
    """
    dates = inputs.dates
    if dates is None:
        return inputs
    far = {FAR: True} if SOURCES.get(dates.opened[0].item.source).far else {}
    told = fingerprint(hrefs_of(provenance_of(inputs.scene))) | far
    step = folder.step(STEP, lambda: season_to_files(dates, folder.path, options), told)
    scene, seen = open_season(folder.path, step, dates)
    if config.datetime is None:
        first, last = seen.dates[0].date, seen.dates[-1].date
        why = notice("season_of_all", count=len(seen.dates), first=first, last=last)
        scene = scene.assign_attrs(provenance=provenance_of(scene).with_warning(why))
    part = crop(scene, inputs.districts) if inputs.districts else scene
    return dataclasses.replace(inputs, scene=scene, part=part, seen=seen)
