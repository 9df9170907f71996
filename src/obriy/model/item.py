"""An image that a source found: data that names it, before a pixel of it is read."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Item:
    """One image.

    Attributes:
        id: Its own name among those of a run: the stem of its file, or of its folder.
        source: Name of the source that found it, and opens it.
        paths: Its file, the files of its bands, or an address.
        time: ISO 8601, to the minute where known, else the day; empty: only opening it tells. Of
            a catalogue in the network by the sun of the place, so that one pass is of one day.
        assets: What belongs to it and is no image, by kind: ``geolocation`` and ``clouds`` of a
            granule; ``false_colour``, ``land`` and ``clouds`` beside a picture.
        cloud_cover: Cloudiness of the whole scene that its metadata tell, per cent; None: unknown,
            or told by tags, which are read when it is opened.
        step: Which step along the axis of time of its file, from 0; None: it has no such axis.
        document: What its catalogue says of it, as plain values: a STAC item with ``catalogue``,
            ``baseline`` and ``href``; empty: no catalogue lists it.
        bands: Names of its bands and quality bands, where its catalogue tells them.
        skipped: Why it is not read though it was found; empty: it is read.
        notes: What was decided of it when it was found, for the reader of a figure.
    """

    id: str
    source: str
    paths: tuple[str, ...]
    time: str = ""
    assets: Mapping[str, str] = dataclasses.field(default_factory=dict)
    cloud_cover: float | None = None
    step: int | None = None
    document: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    bands: tuple[str, ...] = ()
    skipped: str = ""
    notes: tuple[str, ...] = ()

    @property
    def date(self) -> str:
        """The day, ISO 8601; empty: only opening it tells."""
        return self.time[:10]


def item_id(name: str) -> str:
    """Return the name of a file or folder as a part of other paths: letters, digits, ``.-_``."""
    return re.sub(r"[^\w.-]+", "-", re.sub(r"\.(tiff?|hdf4?|h4|vrt|nc)$", "", name))
