"""What a GDAL VRT is made from: files beside or below it, and nothing else."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Final

from obriy.errors import SourceError

_FILES: Final = {"sourcefilename", "sourcedataset", "dempath"}
"""Tags, and attributes, that name a file; GDAL does not look at the case."""
_KEYS: Final = {"root_path", "overview_file", "x_dataset", "y_dataset"}
"""Keys of options and of metadata that name one, as do all with "filename" in them."""
_SHOWN: Final = {"description", "mdi"}
"""Tags that hold any text, addresses too: it is shown, and never opened."""
_RAW: Final = "VRTRawRasterBand"
"""A band of bare bytes, of any file: links from beside the VRT do not count as beside it."""
_ADDRESS: Final = re.compile(r"""://|(?:^|["'\s:=,])/vsi""")
_PART: Final = re.compile(
    r'(?:netcdf|hdf5|gtiff_dir:(?:off:)?\d+):"?(?P<file>.+?)"?(?::[^:"]+)?', re.IGNORECASE
)
_SCHEME: Final = re.compile(r"[a-z][\w+-]+:", re.IGNORECASE)
_AGAIN: Final = "Make it again: gdalbuildvrt."


def sources_of(vrt: Path) -> list[str]:
    """Return the names of the rasters that a VRT is made from, absolute; those that are there.

    Args:
        vrt: The file, links resolved, as GDAL does: relative names start from its folder.

    Raises:
        SourceError: where it is no XML, names an address, or a file elsewhere than beside or below
            it: with such a VRT any file of this machine could be read as pixels.
    """
    try:
        text = vrt.read_text(encoding="utf-8")
        if "<!doctype" in text.lower():
            raise SourceError(f"{vrt} declares entities, and a VRT has none.", _AGAIN)
        root = ET.fromstring(text)  # noqa: S314 - entities would need the DOCTYPE
    except (OSError, UnicodeDecodeError, ET.ParseError) as error:
        raise SourceError(f"{vrt} is no VRT that can be read ({error}).", _AGAIN) from error
    bare = {child for band in root.iter() if band.get("subClass") == _RAW for child in band}
    found = set()
    for element in root.iter():
        for name in _names_in(element, vrt):
            path = _path_of(name, element, vrt, bare=element in bare)
            if element not in bare:
                found.add(path)
    return sorted(found - {""})


def _names_in(element: ET.Element, vrt: Path) -> list[str]:
    """Return the names of files that an element holds.

    Raises:
        SourceError: where other text in it is an address.
    """
    tag, text = _local(element.tag), (element.text or "").strip()
    key = next((v for k, v in element.attrib.items() if k.lower() in ("key", "name")), "").lower()
    names, rest = [], list(element.attrib.items())
    if tag in _FILES or key in _KEYS or ("filename" in key and tag not in _SHOWN):
        names.append(text)
    elif tag in _SHOWN:
        rest = []
    else:
        rest.append(("", text))
    names += [value for name, value in rest if _local(name) in _FILES]
    for name, value in rest:
        if _local(name) not in _FILES and _ADDRESS.search(value):
            raise _leads_out(vrt, value)
    return [name for name in names if name]


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1].lower()


def _leads_out(vrt: Path, name: str) -> SourceError:
    return SourceError(
        f"{vrt} leads out of this machine: {name[:80]}.",
        "Download what it is made from, and make it again: gdalbuildvrt.",
    )


def _path_of(name: str, element: ET.Element, vrt: Path, *, bare: bool) -> str:
    """Return a name with its path made absolute; nothing where no such file is there.

    Raises:
        SourceError: where it lies elsewhere than beside or below the VRT, or is no file at all.
    """
    part = _PART.fullmatch(name)
    file = part["file"] if part else name
    starts = _starts(element, vrt.parent, bare=bare)
    if _ADDRESS.search(file) or (_SCHEME.match(file) and starts != [vrt.parent]):
        raise _leads_out(vrt, name)
    paths = [start / file for start in starts]
    for path in paths:
        if (path.exists() or path is paths[-1]) and not _inside(path, vrt.parent, bare=bare):
            raise SourceError(
                f"{vrt} is made from {path}, which lies neither beside it nor below.",
                "Make it in a folder above its files, or turn it into a file of its own: "
                f"gdal_translate {vrt.name} {vrt.stem}.tif.",
            )
    return next((name.replace(file, str(path), 1) for path in paths if path.is_file()), "")


def _starts(element: ET.Element, folder: Path, *, bare: bool) -> list[Path]:
    """Return where a name may start from: both places where GDAL's own readers differ."""
    flags = {v for k, v in element.attrib.items() if k.lower() == "relativetovrt"}
    if flags == {"1"} or (bare and not flags):
        return [folder]
    return [Path.cwd()] if flags == {"0"} else [Path.cwd(), folder]


def _inside(path: Path, folder: Path, *, bare: bool) -> bool:
    """Say whether a file lies beside or below a VRT.

    A link that lies there counts, unless the VRT would read it as bare bytes or climb out of it.
    """
    if path.resolve().is_relative_to(folder):
        return True
    return not bare and ".." not in path.parts and path.is_relative_to(folder)
