"""What stands along the axes of a raster in NetCDF or Zarr: times, names of bands, degrees.

Headers and coordinates alone are read. The conventions are those of CF (Climate and Forecast
Metadata Conventions 1.11, chapters 4 and 5), and of xarray in Zarr, which names the dimensions of
an array beside it.
"""

import dataclasses
import functools
import itertools
import json
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
import xarray as xr
from rasterio.errors import RasterioError

from obriy.blocks.gdal import is_zarr, open_raster, zarr_array
from obriy.blocks.handles import state_of
from obriy.errors import MissingExtraError, SourceError
from obriy.model.notices import notice
from obriy.sources.dates import date_in

NETCDF: Final = (".nc", ".nc4")
"""Endings of files in NetCDF."""
_DEGREES: Final = re.compile(r"degrees?_?(?P<way>north|N|east|E)")
"""Units of latitudes and longitudes (CF, 4.1 and 4.2)."""
_PLANE: Final = ("projection_x_coordinate", "projection_y_coordinate")
_WORLD: Final = (-180.0, -90.0, 360.0, 90.0)
"""Longitudes are counted from -180 or from 0."""


@dataclasses.dataclass(frozen=True)
class Axes:
    """What stands along the axes of a raster.

    Attributes:
        times: ISO 8601 by step, to the minute, the day alone where all are at midnight; empty:
            there is no axis of time.
        bands: By band of the raster, its step (None: there are none), and what an axis of bands
            calls it (empty: nothing does).
        lonlat: Rows and columns lie along latitudes and longitudes.
    """

    times: tuple[str, ...] = ()
    bands: tuple[tuple[int | None, str], ...] = ()
    lonlat: bool = False


@dataclasses.dataclass(frozen=True)
class Slot:
    """A band of a raster, as its axes describe it.

    Attributes:
        index: Its number, from 1.
        name: What an axis of bands calls it; empty: nothing does.
        tags: Its time, as ``datetime``, where it has one.
        lonlat: Rows and columns lie along latitudes and longitudes.
    """

    index: int
    name: str
    tags: Mapping[str, str]
    lonlat: bool


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file or a store holds.

    Attributes:
        times: As in `Axes`.
        names: Of its rasters.
    """

    times: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class _Axis:
    """One axis before rows and columns: what its coordinate holds, as text, and says of it."""

    size: int
    values: tuple[str, ...]
    units: str
    calendar: str

    @property
    def is_time(self) -> bool:
        return " since " in self.units and len(self.values) == self.size


def header_of(path: str) -> Header:
    """Return the times and the rasters in a file or a store; nothing where it cannot be opened.

    Args:
        path: A file, or the folder of a store.

    Raises:
        SourceError: an axis of time that says no times.
    """
    return _header(path, state_of(path))


@functools.lru_cache(maxsize=4096)
def _header(path: str, state: Hashable) -> Header:
    names: list[str] = []
    times: tuple[str, ...] = ()
    try:
        with open_raster(path) as dataset:
            parts = parts_of(dataset)
            if not parts:
                return Header(axes_of(dataset).times, (variable_of(dataset, path),))
        for part in parts:
            names.append(part.rsplit(":", 1)[-1].strip('"/'))
            if not times:
                with open_raster(part) as dataset:
                    times = axes_of(dataset).times
    except (RasterioError, OSError):  # said when it is opened
        return Header((), tuple(names))
    return Header(times, tuple(names))


def only_time(file: Path) -> str | None:
    """Return the only time along the axis of time of a NetCDF file; None for any other."""
    times = header_of(str(file)).times if file.name.lower().endswith(NETCDF) else ()
    return times[0] if len(times) == 1 else None


def variable_of(dataset: Any, path: str) -> str:
    """Return the name of the variable that a raster is; the file's where it has none."""
    return str(dataset.tags(1).get("NETCDF_VARNAME", Path(path).stem)) if dataset.count else ""


def parts_of(dataset: Any) -> list[str]:
    """Return the rasters in a file; none where it is one itself."""
    if dataset.driver != "Zarr":
        return list(dataset.subdatasets)
    parts = [(part, zarr_array(part)) for part in dataset.subdatasets]
    return sorted(part for part, folder in parts if folder and len(_array(folder)["dims"]) > 1)


def axes_of(dataset: Any) -> Axes:
    """Return what stands along the axes of an open raster.

    Raises:
        SourceError: an axis of time that says no times.
        MissingExtraError: names of bands that only the package zarr reads.
    """
    if dataset.driver == "netCDF":
        tags = dataset.tags()
        return _axes(dataset, _of_netcdf(tags), _is_lonlat(dataset, _units(tags)))
    folder = zarr_array(dataset.name) if dataset.driver == "Zarr" else None
    told = _array(folder) if folder else {"dims": []}
    if folder is None or len(told["dims"]) < 2:
        return Axes()
    store = folder.parent
    *before, rows, columns = [(dim, _attributes(store / dim)) for dim in told["dims"]]
    units = [str(attributes.get("units", "")) for _, attributes in (rows, columns)]
    axes = [
        _zarr_axis(store, dim, attributes, size)
        for (dim, attributes), size in zip(before, told["shape"], strict=False)
    ]
    return _axes(dataset, axes, _is_lonlat(dataset, units))


def slots_of(dataset: Any, file: str, step: int | None) -> list[Slot]:
    """Return the bands of an open raster, of one step along its axis of time where it has one.

    Raises:
        SourceError: several steps, and none was asked for.
    """
    axes = axes_of(dataset)
    if len(axes.times) > 1 and step is None:
        shown = ", ".join(axes.times[:3]) + ", …" * (len(axes.times) > 3)
        raise SourceError(
            f"{file} holds images of {len(axes.times)} times ({shown}).",
            "Write one to a file of its own (cdo seltimestep,1 CUBE.nc ONE.nc); 'obriy water' and "
            "'obriy ice' take them all, or some by --datetime.",
        )
    return [
        Slot(index, name, {} if at is None else {"datetime": axes.times[at]}, axes.lonlat)
        for index, (at, name) in enumerate(axes.bands or ((None, ""),) * dataset.count, 1)
        if at in (None, step or 0)
    ]


def doubts_of_names(files: Iterable[str], tags: Mapping[str, str]) -> tuple[str, ...]:
    """Say where the name of a NetCDF file tells of another day than its coordinate."""
    own = date_in(tags.get("datetime", ""))
    named = ((Path(file).name, date_in(Path(file).name)) for file in files)
    return tuple(
        notice("name_of_other_day", name=name, told=told, own=own)
        for name, told in named
        if own and told and told != own and name.lower().endswith(NETCDF)
    )


def unread_zarr(path: str, error: Exception) -> SourceError:
    """Return the error of an array that GDAL cannot read, with the way to write it."""
    return SourceError(
        notice("zarr_unread", name=path, why=str(error), gdal=rasterio.__gdal_version__),
        notice("write_zarr_2"),
    )


def names_in_tags(tags: dict[str, str]) -> list[str]:
    """Return band names from NetCDF attributes (``NETCDF_VARNAME``, ``variable#Name``)."""
    wanted = ("common_name", "name", "long_name", "netcdf_varname")
    found = {k.rsplit("#", 1)[-1].lower(): v for k, v in tags.items()}
    return [found[k] for k in wanted if k in found]


def _axes(dataset: Any, axes: Sequence[_Axis], lonlat: bool) -> Axes:
    """Put together what the axes before rows and columns say; the last of them runs quickest."""
    along = next((n for n, axis in enumerate(axes) if axis.is_time), None)
    times = () if along is None else _times(axes[along], dataset.name)
    bands = []
    for place in itertools.product(*(range(axis.size) for axis in axes)):
        others = (
            axis.values[at]
            for n, (at, axis) in enumerate(zip(place, axes, strict=True))
            if n != along and len(axis.values) == axis.size
        )
        name = " ".join(other for other in others if not _is_number(other))
        bands.append((None if along is None else place[along], name))
    return Axes(times, tuple(bands) if len(bands) == dataset.count else (), lonlat)


def _of_netcdf(tags: dict[str, str]) -> list[_Axis]:
    """Return the axes before rows and columns, from the tags that GDAL makes of them."""
    axes = []
    for dim in filter(None, tags.get("NETCDF_DIM_EXTRA", "").strip("{}").split(",")):
        size = tags.get(f"NETCDF_DIM_{dim}_DEF", "{0,}").strip("{}").split(",")[0]
        told = tags.get(f"NETCDF_DIM_{dim}_VALUES")
        values = () if told is None else tuple(told.strip("{}").split(","))
        axes.append(
            _Axis(int(size), values, tags.get(f"{dim}#units", ""), tags.get(f"{dim}#calendar", ""))
        )
    return axes


def _units(tags: dict[str, str]) -> list[str]:
    """Return the units of what the tags tell of; none where rows and columns lie in a plane."""
    if set(_PLANE) & set(tags.values()):
        return []
    return [value for key, value in tags.items() if key.endswith("#units")]


def _is_lonlat(dataset: Any, units: Sequence[str]) -> bool:
    ways = {match["way"][0].upper() for match in map(_DEGREES.fullmatch, units) if match}
    west, south, east, north = _WORLD
    box = dataset.bounds
    low, high = sorted((box.bottom, box.top))
    inside = west <= box.left < box.right <= east and south <= low < high <= north
    return ways == {"N", "E"} and inside


def _times(axis: _Axis, where: str) -> tuple[str, ...]:
    """Return the times along an axis, as CF counts them."""
    kind = {"units": axis.units} | ({"calendar": axis.calendar} if axis.calendar else {})
    try:
        numbers = np.array([float(value) for value in axis.values])
        coded = xr.Dataset({"time": ("step", numbers, kind)})
        found = xr.decode_cf(coded)["time"].to_numpy().astype("datetime64[s]")
    except (ValueError, TypeError, OverflowError, ImportError) as error:
        raise _no_times(where, axis) from error
    if np.isnat(found).any():
        raise _no_times(where, axis)
    # A clock that counts from noon, or in fractions of days, is a second off.
    minutes = (found + np.timedelta64(1, "s")).astype("datetime64[m]")
    by_day = (minutes == minutes.astype("datetime64[D]")).all()
    return tuple(np.datetime_as_string(minutes, unit="D" if by_day else "m").tolist())


def _no_times(where: str, axis: _Axis) -> SourceError:
    return SourceError(
        f"The axis of time of {where} says no times: it counts '{axis.units}'"
        f"{f', calendar {axis.calendar}' if axis.calendar else ''}.",
        "Write it again with CF times, e.g. 'days since 1970-01-01', in the standard calendar.",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not text
    return True


def _array(folder: Path) -> dict[str, Any]:
    """Return shape and dimensions of an array in Zarr 2 or 3; no dimensions where none are told."""
    new = _json(folder / "zarr.json")
    told = new or _json(folder / ".zarray")
    dims = new.get("dimension_names") or _attributes(folder).get("_ARRAY_DIMENSIONS") or []
    return {"dims": dims, "shape": told.get("shape", [])}


def _attributes(folder: Path) -> dict[str, Any]:
    found = _json(folder / "zarr.json").get("attributes") or _json(folder / ".zattrs")
    return dict(found)


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _zarr_axis(store: Path, dim: str, attributes: dict[str, Any], size: int) -> _Axis:
    units, calendar = (str(attributes.get(name, "")) for name in ("units", "calendar"))
    if not is_zarr(store / dim):
        return _Axis(size, (), units, calendar)
    try:
        with open_raster(f'ZARR:"{store}":/{dim}') as coordinate:
            values = tuple(str(number) for number in coordinate.read(1).ravel().tolist())
    except RasterioError:  # GDAL reads numbers only
        values = _texts(store, dim)
    return _Axis(size, values, units, calendar)


def _texts(store: Path, dim: str) -> tuple[str, ...]:
    """Return the text along a dimension of a store.

    Raises:
        MissingExtraError: where zarr is not installed.
    """
    try:
        import zarr
    except ImportError as error:
        raise MissingExtraError(
            f"The names of the bands in {store} ('{dim}') are text, which zarr reads.",
            "pip install 'obriy[zarr]'; or store each band as a variable.",
        ) from error
    found: Any = zarr.open_array(store=str(store), path=dim, mode="r")[:]
    return tuple(one.decode() if isinstance(one, bytes) else str(one) for one in found)
