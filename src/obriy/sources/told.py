"""What the metadata of a product tell of its band files, before any of them is opened."""

import dataclasses
from collections.abc import Mapping
from typing import Any

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
