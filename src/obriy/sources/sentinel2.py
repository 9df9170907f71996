"""What a Sentinel-2 product says of itself above its band files: ``MTD_*.xml`` and its name.

Band files carry no metadata of their own; the product's lie two to four folders up.

Source: ESA, Sentinel-2 Products Specification Document S2-PDGS-TAS-DI-PSD v14.9, 4.1 (structure),
User Product Metadata: PROCESSING_BASELINE, RADIO_ADD_OFFSET, BOA_ADD_OFFSET.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_UP: Final = 5
"""Folders above a band file in which its product may be described."""
_MOST_BYTES: Final = 1 << 22
_METADATA: Final = re.compile(r"MTD_MSIL\d[AC]\.xml|S2[ABC]_\w+_MTD_\w+_V\w+\.xml", re.IGNORECASE)
_PRODUCT: Final = re.compile(r"S2[ABC]_MSIL\d[AC]_\d{8}T\d{6}_N\d{4}_R\d{3}_T\w{5}_\w+")
_WANTED: Final = ("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET", "PROCESSING_BASELINE")


def product_names(paths: Iterable[str]) -> str:
    """Return the names of the products that files lie in, where folders above them have any."""
    folders = {folder.name for path in paths for folder in _above(path)}
    return " ".join(sorted(name for name in folders if _PRODUCT.match(name)))


def product_tags(paths: Iterable[str]) -> dict[str, str]:
    """Return what the metadata of the product of files say of offsets and baseline; else nothing.

    Args:
        paths: Band files of one image.

    Returns:
        ``BOA_ADD_OFFSET`` or ``RADIO_ADD_OFFSET``, the different numbers of its bands, and
        ``PROCESSING_BASELINE``; a key that the metadata lack is not there.
    """
    file = next(filter(None, map(_metadata, paths)), None)
    if file is None:
        return {}
    try:
        with file.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(_MOST_BYTES)
    except OSError:  # the name of the product still tells its baseline
        return {}
    found = {key: re.findall(rf"<{key}\b[^>]*>\s*([^<]+?)\s*</{key}>", text) for key in _WANTED}
    return {key: " ".join(dict.fromkeys(values)) for key, values in found.items() if values}


def _metadata(path: str) -> Path | None:
    for folder in _above(path):
        try:
            names = sorted(e.name for e in folder.iterdir() if _METADATA.fullmatch(e.name))
        except OSError:
            continue
        if names:
            return folder / names[0]
    return None


def _above(path: str) -> list[Path]:
    """Return the folders above a file, the nearest first; none above something that is no file."""
    file = Path(path)
    return list(file.absolute().parents)[:_UP] if file.is_file() else []
