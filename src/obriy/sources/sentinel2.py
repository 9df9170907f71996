"""What a Sentinel-2 product says of itself above its band files: ``MTD_*.xml`` and its name.

Band files carry no metadata of their own; the product's lie two to four folders up.

Source: ESA, Sentinel-2 Products Specification Document S2-PDGS-TAS-DI-PSD v14.9, 4.1 (structure),
User Product Metadata: PROCESSING_BASELINE, RADIO_ADD_OFFSET, BOA_ADD_OFFSET.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_INNER: Final = re.compile(
    r"R\d0m|IMG_DATA|GRANULE|L[12][AC]_T\w{5}_A\d{6}_\w+|S2[ABC]_\w+_(?:TL|MSI)_\w+", re.IGNORECASE
)
"""Folders within a product: above them lies what describes it."""
_MOST_BYTES: Final = 1 << 22
_METADATA: Final = re.compile(r"MTD_MSIL\d[AC]\.xml|S2[ABC]_\w+_MTD_\w+_V\w+\.xml", re.IGNORECASE)
_PRODUCT: Final = re.compile(r"S2[ABC]_MSIL\d[AC]_\d{8}T\d{6}_N\d{4}_R\d{3}_T\w{5}_\w+")
_WANTED: Final = ("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET", "PROCESSING_BASELINE")


def product_names(paths: Iterable[str]) -> str:
    """Return the names of the products that files lie in, where folders above them have any."""
    folders = {folder.name for folder in _above(paths)}
    return " ".join(sorted(name for name in folders if _PRODUCT.match(name)))


def product_tags(paths: Iterable[str]) -> dict[str, str]:
    """Return what the metadata of the product of files say of offsets and baseline; else nothing.

    Args:
        paths: Band files of one image.

    Returns:
        ``BOA_ADD_OFFSET`` or ``RADIO_ADD_OFFSET``, the different numbers of its bands, and
        ``PROCESSING_BASELINE``; a key that the metadata lack is not there.
    """
    file = next(filter(None, map(_metadata, _above(paths))), None)
    if file is None:
        return {}
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(_MOST_BYTES)
    except OSError:  # the name of the product still tells its baseline
        return {}
    found = {key: re.findall(rf"<{key}\b[^>]*>\s*([^<]+?)\s*</{key}>", text) for key in _WANTED}
    return {key: " ".join(dict.fromkeys(values)) for key, values in found.items() if values}


def _metadata(folder: Path) -> Path | None:
    try:
        names = sorted(e.name for e in folder.iterdir() if _METADATA.fullmatch(e.name))
    except OSError:
        return None
    return folder / names[0] if names else None


def _above(paths: Iterable[str]) -> list[Path]:
    """Return the folders of files, and those above as far as their product reaches."""
    found: dict[Path, None] = {}
    for folder in dict.fromkeys(Path(path).absolute().parent for path in paths if _is_file(path)):
        found[folder] = None
        above = folder
        while _INNER.fullmatch(above.name):
            above = above.parent
            found[above] = None
    return list(found)


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # a name of GDAL's that is no path
        return False
