"""Weather by month, for additional evaporation."""

import re
from pathlib import Path
from typing import Final

from obriy.errors import InputError
from obriy.model.balance import MonthWeather, Weather
from obriy.sources.csv_tables import Column, Row, Table, read_table

_COLUMNS: Final = (
    Column("month", ("місяць",), required=True),
    Column("w_eva0_mm", ("w_eva0_мм",), required=True),
    Column("x_mm", ("x_мм", "precipitation_mm", "опади_мм")),
    Column("y_mm", ("y_мм", "runoff_mm", "стік_мм")),
    Column("w_1e6m3", ("w_млн_м3", "runoff_1e6m3", "стік_млн_м3")),
    Column("f_km2", ("f_км2", "basin_km2", "площа_басейну_км2")),
    Column("land_evaporation_mm", ("випаровування_з_суші_мм",)),
)
_WAYS: Final = {"y_mm": ("x_mm", "y_mm"), "w_1e6m3": ("x_mm", "w_1e6m3", "f_km2"),
                "land_evaporation_mm": ("land_evaporation_mm",)}  # fmt: skip
"""What tells evaporation from land: the column that marks a way, and all that it needs."""
_EXACTLY_ONE: Final = (
    "Give exactly one of: x_mm and y_mm; x_mm, w_1e6m3 and f_km2; land_evaporation_mm."
)


def read_weather(path: Path) -> Weather:
    """Read weather by month.

    Args:
        path: CSV with ``month`` (2025-06; or 1 to 12 for long-term normals), ``w_eva0_mm`` and
            one of: ``x_mm`` and ``y_mm``; ``x_mm``, ``w_1e6m3`` and ``f_km2``; or
            ``land_evaporation_mm``.

    Returns:
        Months in order of time.

    Raises:
        SourceError: no such file, or no text.
        InputError: a column missing or too many, a cell that is empty, no number or impossible,
            a month twice, or dated months among normals; each names file, line and column.
    """
    table = read_table(path, _COLUMNS)
    way = _way(table)
    months: dict[str, MonthWeather] = {}
    for row in table:
        name = _month(row)
        if name in months:
            raise InputError(f"{row.where}: the month {name} is there twice.", "Keep one row.")
        if months and len(name) != len(next(iter(months))):
            raise InputError(
                f"{row.where}: long-term normals (1 to 12) and dated months (2025-06) are mixed.",
                "Keep them in two files.",
            )
        months[name] = _weather(row, name, way)
    return Weather(str(path), tuple(months[name] for name in sorted(months)), table.notes)


def _way(table: Table) -> tuple[str, ...]:
    """Return the columns that tell evaporation from land.

    Raises:
        InputError: none, or more than one way.
    """
    marks = [mark for mark in _WAYS if mark in table.columns]
    if len(marks) != 1:
        said = " and ".join(marks) if marks else "nothing that tells evaporation from land"
        raise InputError(f"{table.path} has {said}.", _EXACTLY_ONE)
    lacking = [name for name in _WAYS[marks[0]] if name not in table.columns]
    if lacking:
        raise InputError(
            f"{table.path} has '{marks[0]}', but no column '{lacking[0]}'.", _EXACTLY_ONE
        )
    return _WAYS[marks[0]]


def _month(row: Row) -> str:
    text = row.text("month")
    dated = re.fullmatch(r"(\d{4})-(\d{1,2})(-\d{1,2})?", text)
    number = dated[2] if dated else text if re.fullmatch(r"\d{1,2}", text) else "0"
    if not 1 <= int(number) <= 12 or (dated and dated[3]):
        raise InputError(
            f"{row.where}: '{text}' in 'month' is no month.",
            "Write 2025-06, or 1 to 12 for long-term normals.",
        )
    return f"{dated[1]}-{int(number):02d}" if dated else f"{int(number):02d}"


def _weather(row: Row, month: str, way: tuple[str, ...]) -> MonthWeather:
    values = {name: row.number(name, least=_least(name)) for name in way}
    if values.get("f_km2") == 0:
        raise InputError(f"{row.where}: 'f_km2' is 0.", "Give the area of the basin in km².")
    return MonthWeather(month, row.number("w_eva0_mm", least=0.0), **values)


def _least(name: str) -> float | None:
    """Return the least value of a column: dew makes evaporation from land negative."""
    return None if name == "land_evaporation_mm" else 0.0
