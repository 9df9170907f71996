"""Granules of MODIS and VIIRS with what belongs to them, each with its time."""

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from obriy.errors import SourceError
from obriy.model.item import Item, item_id
from obriy.sources.base import Query, Request, Source
from obriy.sources.beside import is_helper
from obriy.sources.dates import time_in
from obriy.sources.integrity import HDF4_SUFFIXES, NETCDF4_SUFFIXES
from obriy.sources.modis.product import Near, Said, said_in, said_of

if TYPE_CHECKING:
    import shapely
    import xarray as xr


def claims(text: str) -> bool:
    """Claim files in HDF4 by the ending of their names, those of VIIRS by what NASA names them."""
    if text.lower().endswith(NETCDF4_SUFFIXES):
        return said_in(Path(text).name) is not None
    return text.lower().endswith(HDF4_SUFFIXES)


def find(texts: Sequence[str], query: Query) -> list[Item]:
    """Find the granules among files.

    Positions and cloud masks (MOD03 and MOD35, VNP03MOD and CLDMSK_L2) among them, beside the
    granules, or in what ``geolocation`` and ``clouds`` of the query name are put to the granule of
    the same satellite and time, which NASA's names tell; a file of another name is asked itself.

    Args:
        texts: Files of products.
        query: Where else to look.

    Raises:
        SourceError: a granule whose time nothing tells, or a file of ``geolocation`` or ``clouds``
            that belongs to none of the granules.
    """
    places = [*query.geolocation, *([] if query.clouds in ("auto", "none") else [query.clouds])]
    helpers = [path for place in places for path in products_in(place)]  # what was named goes first
    files = [Path(text).expanduser() for text in texts]
    helpers += filter(_helps, files)
    _require_helpers(query.geolocation, helpers)
    clouds = query.clouds != "none"
    images = (file for file in files if not _helps(file))
    named = Near(helpers)
    beside = functools.cache(
        lambda folder: Near(products_in(str(folder)) if folder.is_dir() else [])
    )
    items = [_item(file, [named, beside(file.parent)], clouds=clouds) for file in images]
    if items:
        _require_use(places, items)
    return items


def open_product(request: Request) -> "xr.Dataset":
    """Open one of them.

    Errors are those of `obriy.sources.modis.granule.open_modis` and
    `obriy.sources.viirs.granule.open_viirs`.
    """
    if request.paths[0].lower().endswith(NETCDF4_SUFFIXES):
        from obriy.sources.viirs.granule import open_viirs

        return open_viirs(request)
    from obriy.sources.modis.granule import open_modis  # needs pyhdf, which few sources do

    return open_modis(request)


def outline_of(item: Item) -> "shapely.Polygon | None":
    """Return the edge of a granule in longitude and latitude, which may go on past 180 degrees.

    None where it lies on a grid; around a pole, all that lies beyond its nearest latitude.

    Errors are those of `open_product`.
    """
    path, beside = Path(item.paths[0]), item.assets.get("geolocation")
    if path.name.lower().endswith(NETCDF4_SUFFIXES):
        from obriy.sources.viirs.granule import positions as found
    else:
        from obriy.sources.modis.granule import positions as found
    places = found(path, Path(beside) if beside else None)
    return None if places is None else _edge(*places)


def _edge(lon: Any, lat: Any) -> "shapely.Polygon":
    import numpy as np
    import shapely

    lines, samples = (np.unique(np.linspace(0, n - 1, 24).astype(int)) for n in lon.shape)
    around = np.array(
        [(0, s) for s in samples] + [(line, samples[-1]) for line in lines]
        + [(lines[-1], s) for s in samples[::-1]] + [(line, 0) for line in lines[::-1]]
    )  # fmt: skip
    east, north = (values[around[:, 0], around[:, 1]].astype("float64") for values in (lon, lat))
    known = np.isfinite(east) & np.isfinite(north)
    east, north = np.unwrap(east[known], period=360), north[known]
    if abs(east[-1] - east[0]) > 180:  # the pole lies within
        pole = 90.0 if north.mean() > 0 else -90.0
        low, high = sorted((pole, north.min() if pole > 0 else north.max()))
        return shapely.box(-180, low, 180, high)
    return shapely.Polygon(np.column_stack([east, north])).buffer(0.02)


GRANULES: Final = Source(find, open_product, claims)


def _near(folder: Path) -> Near:
    return Near(products_in(str(folder)) if folder.is_dir() else [])


def products_in(source: str) -> list[Path]:
    """Return the files of products that a path is, or that lie in it.

    Raises:
        SourceError: where there is nothing.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return sorted(p for p in path.iterdir() if claims(p.name))
    if not path.exists():
        raise SourceError(f"There is no {source}.", "Check the path.")
    return [path]


def _require_helpers(geolocation: Sequence[str], helpers: Iterable[Path]) -> None:
    said = (said_of(helper) for helper in helpers)
    if geolocation and not any(one and one.role == "geolocation" for one in said):
        raise SourceError(
            f"--geolocation: {', '.join(geolocation)} holds no MOD03 or MYD03 file, nor "
            "VNP03MOD, VJ103MOD or VJ203MOD.",
            "NASA names them MOD03.AYYYYDDD.HHMM.*.hdf; others have to say it within.",
        )


def _require_use(places: Sequence[str], items: Sequence[Item]) -> None:
    """Refuse a file that was named and belongs to no granule: nothing would be made of it.

    Raises:
        SourceError: naming the file.
    """
    used = {Path(file) for item in items for file in item.assets.values()}
    for path in (Path(place).expanduser() for place in places):
        if path.is_file() and path not in used:
            raise SourceError(
                f"{path} is of another granule than those to map, or another product.",
                "Name the file of the same satellite and time.",
            )


def _item(path: Path, near: Sequence[Near], *, clouds: bool) -> Item:
    said = said_of(path)
    roles = ("geolocation", "clouds") if clouds else ("geolocation",)
    partners = {role: _partner(said, role, near) for role in roles}
    return Item(
        item_id(path.name),
        "granules",
        (str(path),),
        said.time if said else time_in(path.name) or time_in(path.parent.name) or "",
        {name: str(file) for name, file in partners.items() if file is not None},
    )


def _partner(said: Said | None, role: str, near: Sequence[Near]) -> Path | None:
    found = (files.partner(said, role) for files in near) if said else ()
    return next((file for file in found if file is not None), None)


def _helps(path: Path) -> bool:
    """Say whether a file belongs to a granule: its positions, its clouds."""
    said = said_of(path)
    return is_helper(path.name) if said is None else bool(said.role)
