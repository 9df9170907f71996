"""Nouns as tables of pandas and geopandas, and as datasets of xarray."""

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import xarray as xr

from obriy.model.areas import Area, AreaSeries
from obriy.model.classmap import PARTS, ClassMap
from obriy.model.layers import LAYERS
from obriy.model.result.base import RunResult
from obriy.model.result.ice import IceResult
from obriy.model.result.measured import MeasureResult
from obriy.model.result.water import SeriesPart
from obriy.model.scores import Scores
from obriy.outputs.ice_tables import ICE
from obriy.outputs.polygons import parcels
from obriy.outputs.tables import AREAS, SCORES, score_rows

if TYPE_CHECKING:
    import geopandas

_SHARES: Final = ("fraction", "confidence", "agreement")
"""Layers that hold shares, in half per cents."""


@functools.singledispatch
def frame(noun: Any) -> pd.DataFrame:
    """Return the figures of a noun as a table."""
    raise NotImplementedError(type(noun))


@frame.register
def _(noun: AreaSeries) -> pd.DataFrame:
    return _dated({n: [get(area) for area in noun.areas] for n, get in AREAS.items()})


@frame.register
def _(noun: Scores) -> pd.DataFrame:
    return pd.DataFrame(list(score_rows(noun)), columns=list(SCORES))


@frame.register
def _(noun: IceResult) -> pd.DataFrame:
    return _dated({n: [get(area) for area in noun.areas] for n, get in ICE.items()})


@frame.register
def _(noun: RunResult) -> pd.DataFrame:
    """Return its areas by date and district, else what it compares, its classes, its dates."""
    if isinstance(noun, SeriesPart | MeasureResult):
        return frame(AreaSeries("", tuple(measured(noun))))
    kinds = (getattr(noun, name, None) for name in ("rows", "classes", "dates"))
    return _dated(pd.DataFrame([plain(row) for row in next(filter(None, kinds), [])]))


def measured(noun: SeriesPart | MeasureResult) -> list[Area]:
    """Return the areas of a result by date and district."""
    if isinstance(noun, MeasureResult):
        return [area for one in noun.maps for area in one.areas]
    return noun.areas


def plain(row: Any) -> dict[str, Any]:
    """Return a row of a result as plain values, its interval as two."""
    if isinstance(row, Mapping):
        return dict(row)
    values: dict[str, Any] = row.model_dump()
    low, high = values.pop("interval_km2", None) or (None, None)
    return values | {"low_km2": low, "high_km2": high}


def _dated(columns: Any) -> pd.DataFrame:
    table = pd.DataFrame(columns)
    if "date" in table:
        table["date"] = pd.to_datetime(table["date"], format="ISO8601")
    return table


def dataset(noun: ClassMap) -> xr.Dataset:
    """Return the layers of a map; those that lie in files stay there until they are read."""
    layers = {name: getattr(noun, name) for name in PARTS if getattr(noun, name) is not None}
    found = {name: _layer(noun, name, data) for name, data in layers.items()}
    attrs = {"legend": noun.legend.name} | ({} if noun.time is None else {"time": noun.time})
    return xr.decode_cf(xr.Dataset(found, attrs=attrs), decode_coords=False, decode_times=False)


def _layer(noun: ClassMap, name: str, data: xr.DataArray) -> xr.DataArray:
    """Return a layer with what its numbers mean, as the CF conventions write it."""
    if name in _SHARES:
        return data.assign_attrs(scale_factor=np.float32(0.005), _FillValue=np.uint8(255))
    if name == "labels":
        codes, words = noun.legend.codes, [c.name for c in noun.legend]
    else:
        members = LAYERS[name].members
        codes, words = [int(m) for m in members], [m.name.lower() for m in members]
    return data.assign_attrs(flag_values=np.array(codes, "u1"), flag_meanings=" ".join(words))


def shapes(noun: ClassMap) -> "geopandas.GeoDataFrame":
    """Return the patches of a map, the largest first."""
    return parcels(noun)
