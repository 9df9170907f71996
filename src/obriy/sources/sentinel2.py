"""What a Sentinel-2 product says of its band files, and what follows for their numbers.

Band files carry no metadata of their own; the product's lie beside them, or two to four folders up.
"""

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Final

from obriy.errors import SourceError
from obriy.sources.archives import archive_of
from obriy.sources.scaling import Linear, Scaling
from obriy.sources.sentinel2_layout import BESIDE, METADATA, Layout, product_of
from obriy.sources.sentinel2_metadata import Facts, facts_of
from obriy.tables.sensor import Sensor

IMAGE: Final = re.compile(r"(?P<stem>.+)\.(?:jp2|tiff?)", re.IGNORECASE)
_FULL: Final = 10_000.0
"""DN that is a reflectance of 1, where no metadata tell another."""


def facts_of_product(path: str) -> Facts:
    """Return what a product tells of itself; nothing of what is none, or cannot be read."""
    try:
        layout = product_of(path)
        return {} if layout is None else facts_within(layout, layout.files())[0]
    except SourceError:  # said when it is opened
        return {}


def facts_above(files: Iterable[str]) -> Facts:
    """Return what the product that band files lie in tells; nothing where they lie in none.

    Args:
        files: GDAL paths of the band files of one image.
    """
    folders = {_folder_of(file) for file in files} - {""}
    if not folders:
        return {}
    found = [facts_of_product(folder) for folder in sorted(folders)]
    return found[0] if all(one == found[0] for one in found) else {}


def _folder_of(file: str) -> str:
    """Return the folder of a file, in an archive too; empty for what is no file."""
    try:
        there = archive_of(file) is not None or Path(file).is_file()
    except (OSError, ValueError):  # a name of GDAL's that is no path
        return ""
    return posixpath.dirname(file) or "." if there else ""


def facts_within(layout: Layout, names: list[str]) -> tuple[Facts, tuple[str, ...]]:
    """Read what the parts of a product tell; those of strips and of quality tell nothing.

    Args:
        layout: Where it lies.
        names: Its files, of one granule, relative.

    Returns:
        Facts, and sentences on what disagrees; see `facts_of`.

    Raises:
        SourceError: metadata that cannot be read.
    """
    shallow = [name for name in names if name.count("/") in (0, 2) and counts(name)]
    parts = [
        (PurePosixPath(name).name, layout.text(name))
        for pattern in METADATA
        for name in shallow
        if pattern.fullmatch(PurePosixPath(name).name)
    ]
    images = (PurePosixPath(n).name for n in names if IMAGE.fullmatch(n) and counts(n))
    return facts_of(parts, [*layout.names, next(images, "")])


def counts(name: str) -> bool:
    """Say whether a file lies where bands and what describes them lie."""
    return not BESIDE & {part.lower() for part in PurePosixPath(name).parts[:-1]}


def scaling_told(facts: Facts, sensor: Sensor, files: Iterable[str]) -> Scaling | None:
    """Return factor and offset of every band; None where the numbers have to decide.

    GeoTIFFs are copies: whoever made them may have taken the offset off, and flags of that are
    sometimes wrong. JPEG 2000 are ESA's own numbers.
    """
    copies = any(not name.lower().endswith(".jp2") for name in files)
    level = facts.get("level", sensor.id[-3:].upper())
    if copies or "offsets" not in facts or level != sensor.id[-3:].upper():
        return None
    full = facts.get("quantification", _FULL)
    if full <= 0:
        raise SourceError(
            f"{facts['by']['quantification']}: a reflectance of 1 is {full:g}, which is none.",
            "Download the product again.",
        )
    pairs = {
        band.common: Linear(1 / full, facts["offsets"].get(band.id, 0.0) / full)
        for band in sensor.bands
    }
    reason = f"quantification and offsets: {facts['by']['offsets']}"
    return Scaling(pairs, "product", reason, offset_known=True)


def tags_told(facts: Facts) -> dict[str, str]:
    """Return what is told of the offset, in the words in which tags of files say it."""
    tags = {"PROCESSING_BASELINE": facts["baseline"]} if "baseline" in facts else {}
    if "offsets" in facts and not facts["by"]["offsets"].startswith("processing baseline"):
        numbers = dict.fromkeys(f"{value:g}" for value in facts["offsets"].values())
        tags["BOA_ADD_OFFSET"] = " ".join(numbers)
    return tags
