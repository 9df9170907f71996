"""Files that lie beside images and are none, by name: positions, masks, other colours."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_OF_GRANULES: Final = re.compile(r"^M[OY]D(03\b|35)", re.IGNORECASE)
_FALSE_COLOUR: Final = re.compile(r"falsecolou?r", re.IGNORECASE)
_TRUE_COLOUR: Final = re.compile(r"truecolou?r", re.IGNORECASE)
_MASK: Final = re.compile(r"^(land(mask)?|cloud)\b|\.landmask\.", re.IGNORECASE)
"""Rasters beside the images that are no images."""


def is_helper(name: str) -> bool:
    """Whether a file holds the positions or the clouds of a granule, by its name."""
    return bool(_OF_GRANULES.match(name))


def is_image(name: str) -> bool:
    """Whether a file is an image by its name, and not what belongs to one."""
    return not (is_helper(name) or _MASK.search(name) or _FALSE_COLOUR.search(name))


def beside_picture(path: Path, files: Iterable[str]) -> dict[str, Path]:
    """Return what belongs to a true-colour picture, by the names: false colour, land, clouds.

    Args:
        path: The picture; what lies in its folder is looked through.
        files: More files to look through.

    Returns:
        Files by ``false_colour``, ``land``, ``clouds``, as far as there are any.
    """
    if not _TRUE_COLOUR.search(path.name):
        return {}
    there = {p.name.lower(): p for p in path.parent.iterdir()} | {
        Path(f).name.lower(): Path(f) for f in files
    }
    wanted = {
        "false_colour": _TRUE_COLOUR.sub("falsecolor", path.name.lower()),
        "land": _TRUE_COLOUR.sub("landmask", path.name.lower()),
        "clouds": _TRUE_COLOUR.sub("cloud", path.name.lower()),
    }
    found = {kind: there[name] for kind, name in wanted.items() if name in there}
    if "land" not in found:  # one mask serves the pictures of both satellites
        day = re.sub(r"(terra|aqua).*", "", path.name.lower())
        masks = [p for n, p in sorted(there.items()) if n.startswith(day) and "landmask" in n]
        found |= {"land": masks[0]} if masks else {}
    return found
