"""Reference: what a map is compared with, and how far it can be trusted as truth."""

import dataclasses
from typing import Any

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.errors import InputError
from obriy.model.grid import geobox_of
from obriy.model.legend import Legend
from obriy.model.notices import Sentence


@dataclasses.dataclass(frozen=True)
class Reference:
    """Labels to compare with.

    Attributes:
        labels: (y, x) uint8 codes of ``legend``; 0 where the reference says nothing.
        legend: What the codes mean.
        source: Where it came from, for the record.
        independent: False where it was made from the very scene that was mapped: then a score
            is an agreement, not an accuracy.
        notes: How codes were translated and edges handled, for the record.
        accuracy: What its makers say of its own accuracy, plain values (see
            `obriy.sources.products.stated_accuracy`); None where nobody said.
        repeats: Further labels on the same grid, of points that share a pixel with others: each
            counts as well.
    """

    labels: xr.DataArray
    legend: Legend
    source: str
    independent: bool = True
    notes: tuple[Sentence, ...] = ()
    accuracy: dict[str, Any] | None = None
    repeats: tuple[xr.DataArray, ...] = ()

    def __post_init__(self) -> None:
        if self.labels.dtype != "uint8" or self.labels.dims != ("y", "x"):
            raise InputError(
                f"A reference is uint8 (y, x), not {self.labels.dtype} {self.labels.dims}."
            )

    @property
    def geobox(self) -> GeoBox:
        """The grid: shape, affine and CRS."""
        return geobox_of(self.labels)
