"""Pictures of MODIS in true colour, with what belongs to them, by their names."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from obriy.model.item import Item, item_id
from obriy.sources.base import Query, Request, Source
from obriy.sources.beside import beside_picture
from obriy.sources.dated_files import open_them
from obriy.sources.dates import time_in

if TYPE_CHECKING:
    import xarray as xr

_PICTURE: Final = re.compile(r"(?<![a-z])(terra|aqua|modis)(?![a-z]).*true_?colou?r[^/]*$")
_PARTNER: Final = re.compile(r"(?<![a-z])(terra|aqua|modis)(?![a-z]).*false_?colou?r[^/]*$")
"""Pictures of MODIS by the names of file and folder, in lower case."""
_SUFFIXES: Final = (".tif", ".tiff", ".vrt", ".img", ".jp2", ".jpg", ".jpeg", ".png")


def claims(text: str) -> bool:
    """Claim true-colour pictures of MODIS, and those in false colour that belong to them."""
    return _matches(_PICTURE, text) or _matches(_PARTNER, text)


def _matches(kind: re.Pattern[str], text: str) -> bool:
    name = "/".join(Path(text).parts[-2:]).lower()
    return name.endswith(_SUFFIXES) and bool(kind.search(name))


def find(texts: Sequence[str], query: Query) -> list[Item]:
    """Find the pictures in true colour among files, each with what belongs to it.

    Args:
        texts: Files.
        query: ``clouds`` is ``none`` where the drawing of clouds is not wanted.
    """
    return [_item(Path(text).expanduser(), texts, query) for text in texts if _is_true(text)]


def _is_true(text: str) -> bool:
    return _matches(_PICTURE, text)


def _item(path: Path, texts: Sequence[str], query: Query) -> Item:
    own = time_in(path.name)
    named = path if own else Path(f"{path.parent.name}.{path.name}")
    assets = {kind: str(file) for kind, file in beside_picture(path, texts).items()}
    if query.clouds == "none":
        assets.pop("clouds", None)
    time = own or time_in(path.parent.name) or ""
    return Item(item_id(named.name), "pictures", (str(path),), time, assets)


def open_picture_file(request: Request) -> "xr.Dataset":
    """Open one of them, by its name; as any file, where somebody says how else to read it."""
    told = (request.bands, request.sensor, request.scale, request.offset, request.nodata)
    if told != (None,) * len(told) or not any(map(_is_true, request.paths)):
        return open_them(request)
    from obriy.sources.modis.pictures import open_named_picture

    return open_named_picture(request)


PICTURES: Final = Source(find, open_picture_file, claims)
