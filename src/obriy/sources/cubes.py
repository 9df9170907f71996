"""Cubes: files in NetCDF and stores of Zarr that hold images of several times."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from obriy.blocks.gdal import is_zarr
from obriy.errors import SourceError
from obriy.model.item import Item, item_id
from obriy.sources.base import Query, Source
from obriy.sources.cube_axes import NETCDF, header_of
from obriy.sources.dated_files import open_them


def claims(text: str) -> bool:
    """Claim stores, and files with an axis of time of more than one step."""
    if not text.lower().endswith(NETCDF):
        return is_zarr(text)
    try:
        return Path(text).is_file() and len(header_of(text).times) > 1
    except SourceError:  # said when it is looked for
        return True


def find(texts: Sequence[str], query: Query) -> list[Item]:
    """Return the steps of each cube; of files of one folder with the same times, but other bands.

    Args:
        texts: Files in NetCDF, stores of Zarr.
        query: Not asked: all are returned.

    Raises:
        SourceError: an axis of time that says no times.
    """
    cubes: list[list[str]] = []
    for text in texts:
        whole = next((cube for cube in cubes if _belongs(text, cube)), None)
        if whole is None:
            cubes.append([text])
        else:
            whole.append(text)
    return [item for cube in cubes for item in _steps(cube)]


def _belongs(text: str, cube: list[str]) -> bool:
    """Say whether a file holds other bands of the same times as a cube."""
    own, others = header_of(text), [header_of(one) for one in cube]
    names = {name for other in others for name in other.names}
    beside = Path(text).parent == Path(cube[0]).parent
    return beside and own.times == others[0].times and not names & set(own.names)


def _steps(cube: list[str]) -> list[Item]:
    path, times = Path(cube[0]), header_of(cube[0]).times
    name = path.stem if len(cube) == 1 else path.absolute().parent.name
    if len(times) < 2:
        return [Item(item_id(name), "cubes", tuple(cube), "".join(times))]
    return [
        Item(
            item_id(f"{name}_{time}" + (f"_{step}" if times.count(time) > 1 else "")),
            "cubes",
            tuple(cube),
            time,
            step=step,
        )
        for step, time in enumerate(times)
    ]


CUBES: Final = Source(find, open_them, claims)
