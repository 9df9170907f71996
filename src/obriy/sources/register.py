"""The register of water bodies: one number, or a table."""

import re
from pathlib import Path
from typing import Any, Final

from obriy.errors import InputError
from obriy.model.balance import Register, RegisterEntry
from obriy.model.notices import notice
from obriy.sources.csv_tables import Column, Row, read_table
from obriy.tables import load_toml

_NAME: Final = Column("name", ("body", "water_body", "назва", "водойма", "водний_об'єкт"))
_DISTRICT: Final = Column("district", ("район", "ділянка", "вгд", "водогосподарська_ділянка"))
_KIND: Final = Column("kind", ("type", "вид", "тип"))
_UNITS: Final = r"\s*(km|км|m|м|ha|га)[²2^]*"
"""A number with its unit is no file name: it is refused as a number, with the unit to use."""
_SAME: Final = 0.005
"""Relative difference at which a line that says `total` is the sum of the others."""


def read_register(spec: str) -> Register:
    """Read what the user said about official areas.

    Args:
        spec: A number in km² (``"34.005"``), or a CSV with an area whose unit stands in the name
            of the column (``area_km2``, ``area_ha``, ``area_m2``, ``площа_км2`` ...), and where
            they are known ``name``, ``district`` and ``kind``.

    Returns:
        Entries in km², in the order of the file.

    Raises:
        SourceError: no such file.
        InputError: a number that is none, a table that cannot serve, an area without its unit or
            below 0, or a line of the total that is not the sum of the others.
    """
    text = spec.strip()
    if re.fullmatch(rf"[-+]?[\d.,]+(e[-+]?\d+|{_UNITS})?", text, re.IGNORECASE):
        return Register(text, (RegisterEntry("", _given(text)),))
    return _from_file(Path(text).expanduser())


def _given(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if value <= 0:
        raise InputError(
            f"The register '{text}' is no area.",
            "Give km² above 0 with a decimal point, e.g. 34.005, or a CSV file.",
        )
    return value


def _from_file(path: Path) -> Register:
    facts = load_toml("register")
    areas = {
        f"area_{unit}": Column(f"area_{unit}", tuple(f"площа_{w}" for w in words) + _areas(words))
        for unit, words in facts["unit_words"].items()
    }
    table = read_table(path, (_NAME, _DISTRICT, _KIND, *areas.values()))
    units = [name for name in areas if name in table.columns]
    if len(units) != 1:
        raise InputError(
            f"{path} has {len(units) or 'no'} columns of areas; it needs one.",
            "Name it by its unit: area_km2, area_ha or area_m2.",
        )
    per_km2 = int(facts["per_km2"][units[0].removeprefix("area_")])
    entries = tuple(_entry(row, units[0], per_km2, facts) for row in table)
    kept, notes = _without_total(path, entries, facts["total"]["words"])
    return Register(str(path), kept, (*table.notes, *notes))


def _areas(words: list[str]) -> tuple[str, ...]:
    return tuple(f"area_{word}" for word in words)


def _entry(row: Row, column: str, per_km2: int, facts: dict[str, Any]) -> RegisterEntry:
    said = row.text("kind")
    plain = " ".join(said.casefold().split())
    kind = next((k for k, words in facts["kinds"].items() if plain in words), said)
    area = row.number(column, least=0.0) / per_km2
    return RegisterEntry(row.text("name"), area, kind, row.text("district"))


def _without_total(
    path: Path, entries: tuple[RegisterEntry, ...], words: list[str]
) -> tuple[tuple[RegisterEntry, ...], list[str]]:
    """Leave out a line that repeats the sum of the others."""
    totals = [e for e in entries if (e.name or e.district).casefold() in words]
    rest = tuple(e for e in entries if e not in totals)
    if not totals or not rest:
        return entries, []
    summed, said = sum(e.area_km2 for e in rest), totals[0]
    if len(totals) > 1 or abs(summed - said.area_km2) > _SAME * summed:
        raise InputError(
            f"{path}: '{said.name or said.district}' is {said.area_km2:.6g} km², the other lines "
            f"sum to {summed:.6g} km².",
            "Drop that line, or correct the others.",
        )
    return rest, [notice("line_repeats_sum", name=said.name or said.district)]
