"""Products of MODIS in HDF4: granules with what belongs to them, each with its time."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from obriy.errors import SourceError
from obriy.model.item import Item, item_id
from obriy.sources.base import Query, Request, Source
from obriy.sources.beside import CLOUDS, GEOLOCATION, is_helper
from obriy.sources.dates import time_in
from obriy.sources.integrity import HDF4_SUFFIXES

if TYPE_CHECKING:
    import xarray as xr

_SATELLITE: Final = re.compile(r"^M([OY])D", re.IGNORECASE)


def claims(text: str) -> bool:
    """Claim files in HDF4, by the ending of their names."""
    return text.lower().endswith(HDF4_SUFFIXES)


def find(texts: Sequence[str], query: Query) -> list[Item]:
    """Find the granules among files.

    MOD03 and MOD35 files among them, beside the granules, or in what ``geolocation`` and
    ``clouds`` of the query name are put to the granule of the same satellite and time.

    Args:
        texts: Files in HDF4.
        query: Where else to look.

    Raises:
        SourceError: a granule whose time nothing tells, or a file of ``geolocation`` or ``clouds``
            that belongs to none of the granules.
    """
    places = [*query.geolocation, *([] if query.clouds in ("auto", "none") else [query.clouds])]
    helpers = [path for place in places for path in _hdf(place)]  # what was named goes first
    helpers += [Path(text) for text in texts if is_helper(Path(text).name)]
    _require_helpers(query.geolocation, helpers)
    granules = [Path(text).expanduser() for text in texts if not is_helper(Path(text).name)]
    items = [_item(path, helpers, clouds=query.clouds != "none") for path in granules]
    if items:
        _require_use(places, items)
    return items


def open_product(request: Request) -> "xr.Dataset":
    """Open one of them; errors are those of `obriy.sources.modis.granule.open_modis`."""
    from obriy.sources.modis.granule import open_modis  # needs pyhdf, which few sources do

    return open_modis(request)


GRANULES: Final = Source(find, open_product, claims)


def _hdf(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_dir():
        return sorted(p for p in path.iterdir() if claims(p.name))
    if not path.exists():
        raise SourceError(f"There is no {source}.", "Check the path.")
    return [path]


def _require_helpers(geolocation: Sequence[str], helpers: Iterable[Path]) -> None:
    if geolocation and not any(GEOLOCATION.match(h.name) for h in helpers):
        raise SourceError(
            f"--geolocation: {', '.join(geolocation)} holds no MOD03 or MYD03 file.",
            "They are named MOD03.AYYYYDDD.HHMM.*.hdf.",
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
                "Name the file of the same satellite and time, as NASA names it.",
            )


def _item(path: Path, helpers: Sequence[Path], *, clouds: bool) -> Item:
    near = [*helpers, *(_hdf(str(path.parent)) if path.parent.is_dir() else [])]
    kinds = {"geolocation": GEOLOCATION} | ({"clouds": CLOUDS} if clouds else {})
    partners = {name: _partner(path, near, kind) for name, kind in kinds.items()}
    return Item(
        item_id(path.name),
        "granules",
        (str(path),),
        time_in(path.name) or time_in(path.parent.name) or "",
        {name: str(file) for name, file in partners.items() if file is not None},
    )


def _partner(granule: Path, helpers: Iterable[Path], kind: re.Pattern[str]) -> Path | None:
    """Return the file of a kind with the satellite and the time of a granule."""
    wanted = _moment(granule.name)
    return next((h for h in helpers if kind.match(h.name) and _moment(h.name) == wanted), None)


def _moment(name: str) -> tuple[str, str | None]:
    satellite = _SATELLITE.match(name)
    return (satellite[1].upper() if satellite else ""), time_in(name)
