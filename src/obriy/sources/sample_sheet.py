"""A labelled sample: the sheet that a person filled, and the design beside it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from obriy.csv_text import csv_rows
from obriy.errors import EmptyResultError, InputError, SourceError, TableError
from obriy.model.legend import Legend
from obriy.model.sample import CANNOT_TELL, SampleDesign
from obriy.sources.vector_files import read_vector

DESIGN_FILE: Final = "design.json"
"""Stands beside the sheet."""
_FILL: Final = "Fill the sheet that 'obriy sample' wrote."
_SHOWN: Final = 5
"""Ids named in a message."""


def read_design(sheet: Path) -> SampleDesign:
    """Read the design that a sheet belongs to.

    Args:
        sheet: The sheet; ``design.json`` is looked for beside it.

    Raises:
        SourceError: no sheet, or no design beside it.
        InputError: a design that is damaged.
    """
    if not sheet.is_file():
        raise SourceError(f"There is no file {sheet}.", "Give the sample.csv that you filled.")
    path = sheet.with_name(DESIGN_FILE)
    if not path.is_file():
        raise SourceError(
            f"{DESIGN_FILE} is not beside {sheet}, so nobody knows how the sample was drawn.",
            "Put the filled sheet back into the folder that 'obriy sample' made.",
        )
    try:
        return SampleDesign.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError, TableError) as error:
        raise InputError(
            f"{path} is damaged: {str(error).rstrip('.')}.", "Restore it, or draw a new sample."
        ) from error


def read_labels(sheet: Path, design: SampleDesign) -> dict[int, str | None]:
    """Read the labels of a filled sheet.

    Args:
        sheet: A table with the columns ``id`` and ``label``: CSV with commas, semicolons or tabs
            (as spreadsheets of some countries write), or the GeoPackage of the same points. A
            label is a class code, a machine name or a title in any language; ``?`` or nothing
            is no label. Other columns are not looked at.
        design: Its design.

    Returns:
        Machine name of the class by id, for every unit of the design; None where there is none.

    Raises:
        InputError: ids that are missing, twice there or unknown; labels that are no class.
        EmptyResultError: not one label.
    """
    rows = _rows(sheet)
    numbers = [_number(row.get("id"), sheet) for row in rows]
    _check_ids(numbers, {unit.number for unit in design.units}, sheet)
    words = _words(design.legend)
    labels: dict[int, str | None] = {}
    for number, row in zip(numbers, rows, strict=True):
        given = _plain(row.get("label"))
        if given not in words:
            raise InputError(
                f"{sheet}: the label '{row.get('label')}' of id {number} is no class.",
                f"Write {_choices(design.legend)}, or {CANNOT_TELL} where it cannot be told.",
            )
        labels[number] = words[given]
    if not any(labels.values()):
        raise EmptyResultError(
            f"{sheet} has no label yet.",
            f"Fill the column 'label' with {_choices(design.legend)}.",
        )
    return labels


def _rows(sheet: Path) -> list[dict[str, Any]]:
    """Return the rows of a table, by column name in lower case."""
    if sheet.suffix.lower() != ".gpkg":
        return _from_csv(sheet)
    rows = [{str(k).strip().lower(): v for k, v in row.items()} for row in _from_geopackage(sheet)]
    for column in ("id", "label"):
        if not rows or column not in rows[0]:
            raise InputError(f"{sheet} has no column '{column}'.", _FILL)
    return rows


def _from_csv(sheet: Path) -> list[dict[str, Any]]:
    try:
        text = sheet.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{sheet} is not UTF-8 text.", "Save it as CSV in UTF-8 from the spreadsheet."
        ) from error
    return [dict(row) for _, row in csv_rows(text, sheet, ("id", "label"), _FILL)]


def _from_geopackage(sheet: Path) -> list[dict[str, Any]]:
    frame = read_vector(sheet, 0, geometry=False)
    rows: list[dict[str, Any]] = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return rows


def _number(given: Any, sheet: Path) -> int:
    try:
        return int(float(str(given)))
    except ValueError as error:
        raise InputError(f"{sheet}: '{given}' is no id.", "Leave the column 'id' as it was.") \
            from error  # fmt: skip


def _check_ids(numbers: list[int], wanted: set[int], sheet: Path) -> None:
    found = set(numbers)
    twice = sorted({n for n in found if numbers.count(n) > 1}) if len(found) < len(numbers) else []
    wrong = (
        ("more than once", twice),
        ("missing", sorted(wanted - found)),
        ("not of this sample", sorted(found - wanted)),
    )
    for what, ids in wrong:
        if ids:
            shown = ", ".join(map(str, ids[:_SHOWN])) + (", ..." if len(ids) > _SHOWN else "")
            raise InputError(
                f"{sheet}: {len(ids)} of the ids are {what} ({shown}).",
                "Every unit that was drawn keeps its one row, with or without a label.",
            )


def _words(legend: Legend) -> Mapping[str, str | None]:
    """Return the class, or None, of everything that a person may write."""
    words: dict[str, str | None] = {"": None, _plain(CANNOT_TELL): None}
    for entry in legend:
        for word in (str(entry.code), entry.name, *entry.title.values()):
            words[_plain(word)] = entry.name
    return words


def _plain(value: Any) -> str:
    """Return a label without what makes no difference: case, spaces, ``2.0`` for ``2``."""
    text = "" if value is None else " ".join(str(value).replace("_", " ").split()).casefold()
    whole, point, rest = text.partition(".")
    return whole if point and whole.isdigit() and not rest.strip("0") else text


def _choices(legend: Legend) -> str:
    return ", ".join(f"{entry.code} ({entry.name})" for entry in legend)
