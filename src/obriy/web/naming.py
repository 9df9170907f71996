"""The clusters of a run of land cover: their pictures, and the names that a person gives them."""

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

from obriy.errors import UsageError
from obriy.labelling.vote import is_person
from obriy.model.result.landcover import LandcoverResult
from obriy.render.contact_sheet import order_of_rows, pictures_of_rows
from obriy.web.shelf import Shelf, ShelfRun
from obriy.workflows.config.base import JobConfig
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.jobs import read_config
from obriy.workflows.landcover.correcting import correct_names

__all__ = ["by_cluster", "correct", "is_person", "portrait"]


def by_cluster(given: Iterable[tuple[int, str]]) -> dict[int, str]:
    """Return the names that were given, by number of the cluster.

    Raises:
        UsageError: a cluster was given more than one: nobody knows which is meant.
    """
    names: dict[int, str] = {}
    for number, name in given:
        if number in names:
            raise UsageError(f"Cluster {number} is named more than once.", "Name it once.")
        names[number] = name
    return names


def correct(shelf: Shelf, run: ShelfRun, names: Mapping[int, str]) -> None:
    """Make a run again with the names that a person gives; its map, areas and scores follow.

    Args:
        shelf: The runs.
        run: One of land cover.
        names: Class by number of the cluster; the panel names all others.

    Raises:
        ObriyError: as `correct_names` raises, and `Shelf.again`.
    """

    def change() -> JobConfig:
        config = read_config(run.folder)
        if not isinstance(config, LandcoverConfig):
            raise UsageError("This run has no clusters to name.", "Correct a run of 'landcover'.")
        return correct_names(config, run.folder, names, shelf.records)

    shelf.again(run, change)


def portrait(run: ShelfRun, number: int) -> bytes | None:
    """Return the pictures of a cluster as PNG: where it is, how it looks; None: there are none."""
    result = run.result()
    if not isinstance(result, LandcoverResult) or "sheet" not in result.outputs:
        return None
    place = run.place_of(result.outputs["sheet"])
    rows = order_of_rows((row.id, row.share, row.code) for row in result.clusters)
    if place is None or number not in rows:
        return None
    file = run.folder / place
    return _portraits(file, len(rows), file.stat().st_mtime_ns)[rows.index(number)]


@functools.lru_cache(maxsize=8)
def _portraits(sheet: Path, rows: int, changed: int) -> list[bytes]:
    return pictures_of_rows(sheet, rows)
