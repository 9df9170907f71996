"""Where a Sentinel-2 product lies: the folder or archive, whatever part of it is named.

Known are ESA's ``.SAFE`` (folder, ``.zip``, granules, what Google and sen2cor make of it, names
before and since December 2016), the tiles of AWS (``tileInfo.json``, ``B02.jp2`` or
``R10m/B02.jp2``), and the GeoTIFFs of Earth Search with their item; each in a folder or in an
archive. A product is told by the names of its files alone.

Source: ESA, Sentinel-2 Products Specification Document S2-PDGS-TAS-DI-PSD v14.9, 3.4, 4.1 (names,
structure); Registry of Open Data on AWS, sentinel-2-l1c, sentinel-2-l2a, sentinel-2-l2a-cogs.
"""

import dataclasses
import os
import posixpath
import re
from pathlib import Path
from typing import Final

from obriy.errors import SourceError
from obriy.sources.archives import archive_of, is_archive, is_slow, members, read_bytes

_I: Final = re.IGNORECASE
_INNER: Final = re.compile(
    r"R\d0m|IMG_DATA|GRANULE|QI_DATA|L[12][AC]_T\w{5}_A\d{6}_\w+|S2[A-D]_\w+_(?:TL|MSI)_\w[\w.]+",
    _I,
)
"""Folders within a product: above them lies what describes it."""
_OF_PRODUCT: Final = re.compile(r"MTD_MSIL\d[AC]\.xml|S2[A-D]_\w+_MTD_SAF\w+\.xml", _I)
_OF_TILE: Final = re.compile(r"MTD_TL\.xml|S2[A-D]_\w+_MTD_L\d[AC]_TL_\w+\.xml", _I)
_OF_OTHERS: Final = re.compile(
    r"(?:product|granule)?_?metadata\.xml|(?:tileinfo_metadata|tileInfo|productInfo)\.json", _I
)
_OF_ITEM: Final = re.compile(r"S2[A-D]_T?\d{1,2}[A-Z]{3}_\d{8}\w*L[12][AC]\.json", _I)
_MANIFEST: Final = "manifest.safe"
_NAMED: Final = re.compile(r"S2[A-D]_(?:MSIL\d[AC]|(?:OPER|USER)_PRD)_\w+", _I)
"""Names of products, with or without an ending."""
_IMAGE: Final = re.compile(r".+\.(?:jp2|tiff?)", _I)
_ALONE: Final = re.compile(r"(?:B0?[23]|blue|green)\.(?:jp2|tiff?)", _I)
_SIZES: Final = {"r10m", "r20m", "r60m"}
BESIDE: Final = {
    "qi_data", "qi", "aux_data", "auxiliary", "datastrip", "html", "preview", "rep_info",
}  # fmt: skip
"""Folders of a product that hold no bands, in lower case."""
METADATA: Final = (_OF_PRODUCT, _OF_TILE, _OF_OTHERS, _OF_ITEM)
"""Names of what describes a product, that which is nearest to the maker of its pixels first."""
_MOST_BYTES: Final = 1 << 24


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where a product lies.

    Attributes:
        root: Its folder, absolute; in an archive, as GDAL names it.
        granule: The granule that was named, where part of one was.
    """

    root: str
    granule: str | None = None

    @property
    def names(self) -> list[str]:
        """What may be the product's own name: that of its folder, of its archive."""
        archive = _archive(self.root)
        own = posixpath.basename(self.root)
        return [own] if archive is None or archive.name == own else [own, archive.name]

    def files(self) -> list[str]:
        """Return the files within, relative, in order; of one granule where there are several.

        Raises:
            SourceError: several granules, and none was named.
        """
        names = sorted(_within(self.root))
        granules = sorted({name.split("/")[1] for name in names if _is_of_granule(name)})
        if len(granules) < 2:
            return names
        if self.granule is None:
            shown = ", ".join(granules[:4]) + (", …" if len(granules) > 4 else "")
            raise SourceError(
                f"{self.names[0]} holds {len(granules)} granules, each a tile: {shown}.",
                f"Name one of them: {self.path_of('GRANULE/' + granules[0])}",
            )
        return [n for n in names if not _is_of_granule(n) or n.split("/")[1] == self.granule]

    def path_of(self, name: str) -> str:
        """Return the path of a file within, as GDAL knows it."""
        return f"{self.root}/{name}"

    def text(self, name: str) -> str:
        """Return a part of the metadata.

        Raises:
            SourceError: where it cannot be read, or is larger than any metadata.
        """
        read = read_bytes(self.path_of(name), most=_MOST_BYTES)
        return read.decode("utf-8", errors="replace")


def product_of(path: str) -> Layout | None:
    """Return the product that a path names, or that it lies in; None: neither.

    Args:
        path: A product, its archive, a folder or a metadata file in it; a folder with one product
            and no image. A band file is an image of its own.

    Raises:
        SourceError: an archive that cannot be read; several products in one.
    """
    start = _start(path)
    if start is None:
        return None
    best, folder = (start if _is_root(start) else None), start
    while _INNER.fullmatch(posixpath.basename(folder)):
        folder = posixpath.dirname(folder)
        best = folder if _is_root(folder) else best
    if best is not None:
        return Layout(best, _granule_between(best, start))
    below = _below(start)
    if len(below) > 1 and _archive(start) is not None:
        names = ", ".join(map(posixpath.basename, below))
        raise SourceError(f"{path} holds several products: {names}.", "Name one of them.")
    return product_of(below[0]) if len(below) == 1 else None


def is_cut_off(path: str) -> bool:
    """Say whether a folder is called a product and holds no image: its download ended early."""
    folder = Path(path)
    named = folder.suffix.upper() == ".SAFE" and names_product(folder.name) and folder.is_dir()
    return named and not any(_IMAGE.fullmatch(name) for name in _within(path))


def names_product(name: str) -> bool:
    """Say whether a file or folder is called as products are."""
    return _NAMED.match(name) is not None


def _start(path: str) -> str | None:
    """Return the folder that a path names, in an archive or not; None where it names none."""
    text = path.removeprefix("/vsizip/").removeprefix("/vsitar/")
    file = Path(text).expanduser().absolute()
    archive = next((place for place in (file, *file.parents) if is_archive(place)), None)
    if archive is None:
        part = _is_metadata(file.name) and file.is_file()
        return str(file) if file.is_dir() else str(file.parent) if part else None
    if is_slow(f"/vsitar/{archive}/") and not names_product(archive.name):
        return None  # to list it is to inflate it
    root = _root_of(archive)
    if root is None or file == archive:
        return root
    inside = f"{root}/{file.relative_to(archive).as_posix()}"
    if _is_metadata(file.name) and inside in members(archive):
        return posixpath.dirname(inside)
    return inside if _children(inside) else None


def _archive(folder: str) -> Path | None:
    """Return the archive that a folder lies in, or is; None: neither."""
    return archive_of(f"{folder}/any")


def _root_of(archive: Path) -> str | None:
    first = next(iter(members(archive)), None)
    return first and first[: first.index(f"{archive}/") + len(str(archive))]


def _is_metadata(name: str) -> bool:
    return name.lower() == _MANIFEST or any(p.fullmatch(name) for p in METADATA)


def _is_root(folder: str) -> bool:
    """Say whether a folder is a product, or as much of one as somebody kept."""
    children = _children(folder)
    lower = {name.lower() for name in children}
    if any(_OF_PRODUCT.fullmatch(name) for name in children):
        return True
    if "granule" in lower and folder.lower().endswith(".safe"):
        return True
    if "img_data" in lower:
        return True
    folders = {name for name, is_folder in children.items() if is_folder}
    sizes = [f"{folder}/{name}" for name in folders if name.lower() in _SIZES]
    if {name.lower() for name in folders} <= _SIZES | BESIDE and any(map(_holds_images, sizes)):
        return True
    told = any(_OF_OTHERS.fullmatch(name) or _OF_ITEM.fullmatch(name) for name in children)
    return told and any(_ALONE.fullmatch(name) for name in children)


def _below(folder: str) -> list[str]:
    """Return the products in a folder that holds nothing else to open."""
    if _holds_images(folder):
        return []
    return [
        f"{folder}/{name}"
        for name, is_folder in _children(folder).items()
        if (names_product(name) or name.lower().endswith(".safe"))
        and (is_folder or is_archive(f"{folder}/{name}"))
    ]


def _holds_images(folder: str) -> bool:
    return any(_IMAGE.fullmatch(name) for name in _children(folder))


def _children(folder: str) -> dict[str, bool]:
    """Return what lies in a folder, by name, and whether it is a folder."""
    archive = _archive(folder)
    if archive is None:
        try:
            with os.scandir(folder) as entries:
                found = {entry.name: entry.is_dir() for entry in entries}
        except OSError:
            return {}
        return dict(sorted(found.items()))
    inside = (n.removeprefix(f"{folder}/") for n in members(archive) if n.startswith(f"{folder}/"))
    return {name.split("/", 1)[0]: "/" in name for name in inside}


def _within(folder: str) -> list[str]:
    """Return all files below a folder, relative."""
    archive = _archive(folder)
    if archive is None:
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        return [path.relative_to(folder).as_posix() for path in files]
    return [n.removeprefix(f"{folder}/") for n in members(archive) if n.startswith(f"{folder}/")]


def _granule_between(root: str, start: str) -> str | None:
    inside = start.removeprefix(root).strip("/").split("/")
    return inside[1] if len(inside) > 1 and inside[0].upper() == "GRANULE" else None


def _is_of_granule(name: str) -> bool:
    return name.count("/") > 1 and name.split("/", maxsplit=1)[0].upper() == "GRANULE"
