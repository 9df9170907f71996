"""Layers of vectors in a GeoPackage, each with the style in which QGIS opens it."""

import contextlib
import dataclasses
import sqlite3
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pyogrio.errors import DataLayerError, DataSourceError

from obriy.outputs.files import atomic_path, output_error
from obriy.outputs.styles import Look, vector_style

_STYLES: Final = "layer_styles"
_COLUMNS: Final = """
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256),
    f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT,
    useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),
    update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
"""
"""As QGIS makes the table itself."""
_NO_TIME: Final = "1970-01-01T00:00:00.000Z"
"""When a layer was changed: a time that the format asks for, and that would make two files of the
same run differ. When the run was made its record says."""


@dataclasses.dataclass(frozen=True)
class VectorLayer:
    """One layer.

    Attributes:
        name: Of the layer.
        table: GeoDataFrame of it.
        look: How it is drawn.
        geometry: What its features are.
    """

    name: str
    table: Any
    look: Look
    geometry: Literal["MultiPolygon", "MultiLineString", "Point"] = "MultiPolygon"


def write_layers(layers: Sequence[VectorLayer], path: Path) -> Path:
    """Write layers, and in ``layer_styles`` their styles, whole or not at all; return the path.

    Raises:
        OutputError: where the file could not be written.
    """
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*crs.*was not provided")
        try:
            for layer in layers:
                layer.table.to_file(
                    temporary, layer=layer.name, driver="GPKG", engine="pyogrio",
                    geometry_type=layer.geometry, index=False,
                    promote_to_multi=layer.geometry.startswith("Multi"),
                )  # fmt: skip
            _write_styles(layers, temporary)
        except (DataSourceError, DataLayerError, RuntimeError, sqlite3.Error) as error:
            raise output_error(path, error) from error
    return path


def _write_styles(layers: Sequence[VectorLayer], path: Path) -> None:
    """Add the table in which QGIS looks for the style of a layer."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.execute(f"CREATE TABLE {_STYLES} ({_COLUMNS})")
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES (?, ?, ?)",
            (_STYLES, "attributes", _STYLES),
        )
        database.execute("UPDATE gpkg_contents SET last_change = ?", (_NO_TIME,))
        geometry = dict(
            database.execute("SELECT table_name, column_name FROM gpkg_geometry_columns")
        )
        database.executemany(
            f"INSERT INTO {_STYLES} (f_table_catalog, f_table_schema, f_table_name, "
            "f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner, "
            "update_time) VALUES ('', '', ?, ?, ?, ?, '', 1, '', '', ?)",
            [
                (la.name, geometry[la.name], la.name, vector_style(la.look), _NO_TIME)
                for la in layers
            ],
        )
