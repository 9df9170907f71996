"""What the metadata of a product tell of its band files, before any of them is opened."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from obriy.blocks.gdal import Access
from obriy.sources.scaling import Scaling
from obriy.tables.sensor import Sensor


@dataclasses.dataclass(frozen=True)
class Told:
    """A product, as its metadata describe it.

    Attributes:
        sensor: Whose it is.
        bands: Common name (or name of a quality band) by the GDAL path of its file.
        by: Which part of the product told the bands.
        unread: Names of images in it that are left unread.
        scaling: Factor and offset from DN to reflectance, of all bands of the sensor; None: not
            told.
        missing: DN that mean missing in every band, wherever they stand.
        tags: What they say of offsets to whoever has to decide by the numbers.
        time: Date of the image, ISO 8601; None: not told.
        record: Plain values of the step ``product``.
        warnings: What the reader of a figure should know.
        network: How paths that are addresses are reached; see `obriy.blocks.gdal.dataset`.
        inputs: What the record says of each file, by its GDAL path; of others it is looked.
    """

    sensor: Sensor
    bands: Mapping[str, str]
    by: str
    unread: tuple[str, ...]
    scaling: Scaling | None
    missing: tuple[float, ...]
    tags: Mapping[str, str]
    time: str | None
    record: Mapping[str, Any]
    warnings: tuple[str, ...] = ()
    network: Access = False
    inputs: Mapping[str, Mapping[str, Any]] = dataclasses.field(default_factory=dict)


def inputs_of(files: Iterable[str | Path], told: Told | None) -> list[dict[str, Any]]:
    """Return what the record says of the files of an image: as told, else where, and how large."""
    known = {} if told is None else told.inputs
    return [
        dict(known.get(str(file)) or {"href": str(file), "bytes": _size(Path(file))})
        for file in dict.fromkeys(files)
    ]


def _size(file: Path) -> int | None:
    return file.stat().st_size if file.exists() else None
