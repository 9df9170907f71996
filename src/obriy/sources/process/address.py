"""The address of an image that a Process API makes: who is asked, for what, where and when."""

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode

from obriy.errors import UsageError
from obriy.registry import did_you_mean
from obriy.sources.process.grid import (
    Bounds,
    Tile,
    cut,
    grid_of_split,
    grid_over,
    parse_split,
)
from obriy.tables import load_toml
from obriy.tables.sensor import load_sensor

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

SCHEME: Final = "process:"
OPTIONS: Final = ("collection", "limit", "resampling")
"""What a user may say in an address."""
PLACED: Final = ("crs", "bounds", "time", "tiles", "resolution")
"""What an item says beside."""


@dataclasses.dataclass(frozen=True)
class Address:
    """What an address says.

    Attributes:
        name: Of the deployment.
        options: The rest, by name.
    """

    name: str
    options: Mapping[str, str]

    @classmethod
    def of(cls, text: str) -> "Address":
        """Take an address apart.

        Raises:
            UsageError: no name, or options that it does not have.
        """
        name, _, query = text.removeprefix(SCHEME).partition("?")
        options = dict(parse_qsl(query, keep_blank_values=True))
        unknown = sorted(set(options) - {*OPTIONS, *PLACED})
        if unknown:
            raise did_you_mean("option of a Process API", unknown[0], [*OPTIONS, *PLACED])
        if not name:
            known = ", ".join(f"{SCHEME}{one}" for one in load_toml("process_api")["deployments"])
            raise UsageError(f"'{text}' names no deployment.", f"Known: {known}.")
        address = cls(name, options)
        if address.collection not in load_toml("process_api")["collections"]:
            raise did_you_mean(
                "collection", address.collection, [*load_toml("process_api")["collections"]]
            )
        if address.resampling not in load_toml("process_api")["resampling"]:
            raise did_you_mean(
                "resampling", address.resampling, [*load_toml("process_api")["resampling"]]
            )
        return address

    @property
    def collection(self) -> str:
        """The collection; Level-2A where none is named."""
        return self.options.get("collection", "sentinel-2-l2a")

    @property
    def facts(self) -> dict[str, Any]:
        """What the table says of it."""
        return dict(load_toml("process_api")["collections"][self.collection])

    @property
    def resampling(self) -> str:
        """How pixels are made that the sensor has not: the nearest is what was measured."""
        return self.options.get("resampling", "nearest")

    @property
    def limit(self) -> int:
        """Pixels along a side of a request."""
        text = self.options.get("limit", str(load_toml("process_api")["limit"]))
        if not text.isdecimal() or int(text) < 1:
            raise UsageError(f"limit={text} is no number of pixels.", "Write e.g. limit=2500.")
        return int(text)

    def laid_out(self, resolution: float | None, coarsest: float) -> "tuple[GeoBox, list[Tile]]":
        """Return the grid of an item, and the requests that it is cut into.

        Args:
            resolution: Size of a pixel, m; None: as the address says, else as fine as the tiles
                allow that are asked for, else the sensor's own.
            coarsest: Pixels of the coarsest band, m.
        """
        bounds, crs = self._bounds(), self.options["crs"]
        resolution = resolution or self._resolution()
        split = parse_split(self.options["tiles"]) if "tiles" in self.options else None
        reach = coarsest * float(load_toml("process_api")["resampling"][self.resampling])
        if resolution is None and split is not None:
            finest = grid_of_split(bounds, crs, split, self.limit, 0)
            halo = math.ceil(reach / float(finest.affine.a))
            grid = grid_of_split(bounds, crs, split, self.limit, halo)
        else:
            resolution = resolution or load_sensor(self.facts["sensor"]).resolution
            halo = math.ceil(reach / resolution)
            grid = grid_over(bounds, crs, resolution)
        shape = int(grid.shape.y), int(grid.shape.x)
        return grid, cut(shape, self.limit, halo, split)

    def __str__(self) -> str:
        options = urlencode(self.options, safe=":,/")
        return f"{SCHEME}{self.name}{'?' * bool(options)}{options}"

    def _resolution(self) -> float | None:
        return float(self.options["resolution"]) if "resolution" in self.options else None

    def _bounds(self) -> Bounds:
        left, bottom, right, top = (float(part) for part in self.options["bounds"].split(","))
        return left, bottom, right, top
