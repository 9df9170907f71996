"""HDF-EOS 2 swath files (pyhdf, extra ``modis``): arrays, attributes, and metadata as text."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import MissingExtraError
from obriy.installation import install_hint
from obriy.outputs.files import atomic_path, output_error

Attribute = str | npt.NDArray[Any] | np.generic
VERSION: Final = "HDFEOS_V2.19"
DEFLATE: Final = 4
"""Level of compression: 6 and more take twice as long for some per cent."""


@dataclasses.dataclass(frozen=True)
class Field:
    """An array of a file.

    Attributes:
        name: Its name.
        data: The numbers, in the type that is stored.
        dims: Name of each dimension.
        attributes: Text, or numbers in the type that is stored.
        in_swath: Whether it belongs to the swath; the others have plain names of dimensions.
    """

    name: str
    data: npt.NDArray[Any]
    dims: tuple[str, ...]
    attributes: Mapping[str, Attribute] = dataclasses.field(default_factory=dict)
    in_swath: bool = True


@dataclasses.dataclass(frozen=True)
class Swath:
    """What the metadata of a swath say.

    Attributes:
        name: Name of the swath; each dimension carries it behind a colon.
        maps: Geolocation dimension, data dimension, offset and increment, as HDF-EOS has them.
    """

    name: str
    maps: tuple[tuple[str, str, int, int], ...] = ()


def write_hdf_eos(
    path: Path, swath: Swath, fields: Sequence[Field], attributes: Mapping[str, Attribute]
) -> Path:
    """Write a swath file, compressed, whole or not at all.

    The C library of HDF4 is not thread-safe: not while another thread reads or writes HDF4.

    Args:
        path: The file wanted.
        swath: Its swath.
        fields: Its arrays; ``Latitude`` and ``Longitude`` are the geolocation.
        attributes: Global attributes.

    Raises:
        MissingExtraError: where pyhdf is not installed.
        OutputError: where the file cannot be written.
    """
    try:
        from pyhdf.error import HDF4Error
        from pyhdf.SD import SD, SDC
    except ImportError as error:
        raise MissingExtraError("HDF4 needs pyhdf.", f"Run: {install_hint('modis')}") from error
    every = {
        "HDFEOSVersion": VERSION,
        "StructMetadata.0": _structure(swath, [f for f in fields if f.in_swath]),
        **attributes,
    }
    with atomic_path(path) as temporary:
        try:
            file = SD(str(temporary), SDC.WRITE | SDC.CREATE | SDC.TRUNC)
            for field in fields:
                _write_field(file, field, swath)
            for name, value in every.items():
                _set(file, name, value)
            file.end()
        except HDF4Error as error:
            raise output_error(path, error) from error
    return path


def core_metadata(values: Mapping[str, Mapping[str, str | int]]) -> str:
    """Return the text of ``CoreMetadata.0``.

    Args:
        values: Values by name, by group, in ODL (the Object Description Language of the ECS).
    """
    lines = ["", *_opened("GROUP", "INVENTORYMETADATA"), "  GROUPTYPE            = MASTERGROUP", ""]
    for group, members in values.items():
        lines += _opened("GROUP", group, "  ")
        for name, value in members.items():
            lines += _opened("OBJECT", name, "    ")
            written = f'"{value}"' if isinstance(value, str) else value
            lines += [_line("      ", "NUM_VAL", 1), _line("      ", "VALUE", written)]
            lines += [_line("    ", "END_OBJECT", name), ""]
        lines += [_line("  ", "END_GROUP", group), ""]
    return "\n".join([*lines, _line("", "END_GROUP", "INVENTORYMETADATA"), "", "END", ""])


def _opened(kind: str, name: str, indent: str = "") -> list[str]:
    return [_line(indent, kind, name)]


def _line(indent: str, key: str, value: object) -> str:
    return f"{indent}{key:<{23 - len(indent)}}= {value}"


def _write_field(file: Any, field: Field, swath: Swath) -> None:
    from pyhdf.SD import SDC

    data = np.ascontiguousarray(field.data)
    made = file.create(field.name, _kind(data.dtype), list(data.shape))
    for index, name in enumerate(field.dims):
        made.dim(index).setname(f"{name}:{swath.name}" if field.in_swath else name)
    if data.ndim > 1:
        made.setcompress(SDC.COMP_DEFLATE, value=DEFLATE)
    for name, value in field.attributes.items():
        _set(made, name, value)
    made.set(data)
    made.endaccess()


def _set(owner: Any, name: str, value: Attribute) -> None:
    from pyhdf.SD import SDC

    if isinstance(value, str):
        owner.attr(name).set(SDC.CHAR, value)
    else:
        owner.attr(name).set(_kind(value.dtype), np.atleast_1d(value).tolist())


def _kind(dtype: np.dtype[Any]) -> int:
    from pyhdf.SD import SDC

    return int(getattr(SDC, dtype.name.upper()))


def _structure(swath: Swath, fields: Sequence[Field]) -> str:
    """Return the text of ``StructMetadata.0``."""
    sizes = {name: size for f in fields for name, size in zip(f.dims, f.data.shape, strict=True)}
    geolocation = [f for f in fields if f.name in ("Latitude", "Longitude")]
    data = [f for f in fields if f not in geolocation]
    groups = {
        "Dimension": [{"DimensionName": f'"{n}"', "Size": s} for n, s in sizes.items()],
        "DimensionMap": [
            {"GeoDimension": f'"{a}"', "DataDimension": f'"{b}"', "Offset": c, "Increment": d}
            for a, b, c, d in swath.maps
        ],
        "GeoField": [_described("Geo", f) for f in geolocation],
        "DataField": [_described("Data", f) for f in data],
    }
    lines = ["GROUP=SwathStructure", "\tGROUP=SWATH_1", f'\t\tSwathName="{swath.name}"']
    for group, members in groups.items():
        lines.append(f"\t\tGROUP={group}")
        for number, member in enumerate(members, 1):
            inner = [f"\t\t\t\t{key}={value}" for key, value in member.items()]
            name = f"{group}_{number}"
            lines += [f"\t\t\tOBJECT={name}", *inner, f"\t\t\tEND_OBJECT={name}"]
        lines.append(f"\t\tEND_GROUP={group}")
    lines += ["\tEND_GROUP=SWATH_1", "END_GROUP=SwathStructure"]
    empty = [f"{word}GROUP={kind}Structure" for kind in ("Grid", "Point") for word in ("", "END_")]
    return "\n".join([*lines, *empty, "END", ""])


def _described(kind: str, field: Field) -> dict[str, object]:
    dims = ",".join(f'"{name}"' for name in field.dims)
    return {
        f"{kind}FieldName": f'"{field.name}"',
        "DataType": f"DFNT_{field.data.dtype.name.upper()}",
        "DimList": f"({dims})",
    }
