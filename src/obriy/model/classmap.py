"""ClassMap: a raster of class codes with its legend and its record."""

import dataclasses
import enum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.errors import InputError
from obriy.model.flags import CLOUDS_STEP, OPENED_STEP, CloudsKnown, ErrorsKnown, clouds_known
from obriy.model.grid import geobox_of, same_grid
from obriy.model.legend import Legend
from obriy.model.provenance import Provenance
from obriy.model.shown import VIEWS, Drawn, Shown

if TYPE_CHECKING:
    import geopandas

FRACTION_SCALE = 200
"""A fraction of 1 is stored as 200: half per cents in uint8."""
FRACTION_MISSING = 255


class Doubt(enum.IntEnum):
    """Where a threshold as good as the one taken would decide otherwise."""

    SURE = 0
    STRICT_DROPS = 1
    """Of the class; a stricter threshold would drop it."""
    LAX_TAKES = 2
    """Not of the class; a laxer threshold would take it."""


PARTS = ("labels", "fraction", "unseen", "doubt", "confidence", "agreement")
"""Layers of a map."""


@dataclasses.dataclass(frozen=True)
class ClassMap(Shown, Drawn):
    """A map of classes; arrays lie in memory or are read lazily from files.

    Attributes:
        labels: (y, x) uint8 class codes; 0 no data, 255 seen but not named.
        legend: What the codes mean.
        provenance: What was read and decided.
        fraction: (y, x) uint8, share of the target class in the pixel in half per cents
            (0 to 200), 255 missing; None where the method gives none.
        unseen: (y, x) uint8, `obriy.model.flags.Unseen`: why a pixel has no class.
        time: Date of the image, ISO 8601, where known.
        doubt: (y, x) uint8 `Doubt`: where a threshold as good as the one taken would decide
            otherwise; None where the method cannot say.
        confidence: (y, x) uint8, how sure the class is, in half per cents (0 to 200), 255
            missing; None where nobody said.
        agreement: (y, x) uint8, share of the votes that the class got, likewise.
    """

    labels: xr.DataArray
    legend: Legend
    provenance: Provenance = dataclasses.field(default_factory=Provenance)
    fraction: xr.DataArray | None = None
    unseen: xr.DataArray | None = None
    time: str | None = None
    doubt: xr.DataArray | None = None
    confidence: xr.DataArray | None = None
    agreement: xr.DataArray | None = None

    def __post_init__(self) -> None:
        for name in PARTS:
            layer = getattr(self, name)
            if layer is None:
                continue
            if layer.dtype != "uint8" or layer.dims != ("y", "x"):
                raise InputError(f"{name} is {layer.dtype} {layer.dims}; a map is uint8 (y, x).")
            if not same_grid(self.geobox, geobox_of(layer)):
                raise InputError(f"{name} lies on another grid than the labels.")

    @property
    def geobox(self) -> GeoBox:
        """The grid: shape, affine and CRS."""
        return geobox_of(self.labels)

    def to_xarray(self) -> xr.Dataset:
        """Return the layers of the map, lazy where the map is.

        ``labels``, ``unseen`` and ``doubt`` are codes, with ``flag_values`` and
        ``flag_meanings``; ``fraction``, ``confidence`` and ``agreement`` are shares, 0 to 1, NaN
        missing.
        """
        layers: xr.Dataset = VIEWS.get("dataset")(self)
        return layers

    def to_geodataframe(self) -> "geopandas.GeoDataFrame":
        """Return the patches of the map as polygons in its CRS, the largest first.

        Columns: ``id``, ``code``, ``class``, ``confidence`` where the map has it, ``area_ha``,
        geodesic, NaN where the map has no CRS. What was not seen is in none. The map is read
        whole.
        """
        return VIEWS.get("shapes")(self)

    @property
    def clouds(self) -> CloudsKnown:
        """How it is known what clouds hid."""
        return clouds_known(self.provenance.step(CLOUDS_STEP))

    @property
    def errors(self) -> ErrorsKnown:
        """What tells how the map errs: nothing does, of one that was opened and not made here."""
        return "known" if self.provenance.step(OPENED_STEP) is None else "unknown"


def half_per_cents(share: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    """Return shares of 0 to 1 as half per cents; NaN becomes `FRACTION_MISSING`."""
    steps = np.rint(np.where(np.isnan(share), 0, share) * FRACTION_SCALE)
    whole: npt.NDArray[np.uint8] = np.where(np.isnan(share), FRACTION_MISSING, steps).astype("u1")
    return whole
