"""One careful reader of the small CSV tables that people type or export from a spreadsheet."""

import csv
import dataclasses
import difflib
import io
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from obriy.csv_text import armed
from obriy.errors import InputError, SourceError
from obriy.model.notices import notice
from obriy.registry import did_you_mean

_LARGEST: Final = 10_000_000
"""Bytes: a larger file is no table that somebody typed."""
_SEPARATORS: Final = ("\t", ";", ",")
_LIKE: Final = 0.75
"""Likeness (difflib) of two names from which an unknown column is taken for a slip of the pen."""
_SAVE_AS: Final = "Save the table as CSV (UTF-8), and give that file."
_OTHER_FILES: Final = {
    b"PK\x03\x04": "an Excel or OpenDocument workbook (or another zip archive)",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"SQLite format 3": "a database (GeoPackage)",
}


@dataclasses.dataclass(frozen=True)
class Column:
    """A column that a table may have.

    Attributes:
        name: How it is called here and in messages; a unit, where it has one, is its ending.
        aliases: Other names for it, e.g. in Ukrainian.
        required: Whether the table cannot serve without it.
    """

    name: str
    aliases: tuple[str, ...] = ()
    required: bool = False


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        where: File and line, for messages.
        cells: Text by column name, stripped; a column that the table lacks has no key.
        decimal_comma: Whether a comma in a number is a decimal comma.
    """

    where: str
    cells: dict[str, str]
    decimal_comma: bool

    def text(self, column: str) -> str:
        """Return the text of a cell; empty where it is, or where there is no such column."""
        return self.cells.get(column, "")

    def number(self, column: str, *, least: float | None = None) -> float:
        """Return the number in a cell.

        Args:
            column: Name of the column.
            least: The smallest number that makes sense.

        Raises:
            InputError: an empty cell, no number, not finite, or below ``least``.
        """
        text = self.text(column)
        if not text:
            raise InputError(f"{self.where}: '{column}' is empty.", "Fill it in, or drop the row.")
        value = _number(text, self.decimal_comma)
        if value is None or not math.isfinite(value):
            raise InputError(
                f"{self.where}: '{text}' in '{column}' is no number.", self._advice(text)
            )
        if least is not None and value < least:
            raise InputError(
                f"{self.where}: '{column}' is {text}, below {least:g}.", "Check the number."
            )
        return value

    def _advice(self, text: str) -> str:
        if "," in text and not self.decimal_comma:
            return "Write a decimal point, or separate the columns by semicolons."
        return "Write the number alone; its unit stands in the name of the column."


@dataclasses.dataclass(frozen=True)
class Table:
    """A table that was read.

    Attributes:
        path: The file.
        columns: Names of the columns that it has, of those asked for.
        rows: At least one.
        notes: Columns that were not used.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)


def read_table(path: Path, columns: Sequence[Column]) -> Table:
    """Read a table with a header.

    UTF-8, UTF-16 with its mark, or Windows-1251; separated by tabs, semicolons or commas. A
    comma in a number is a decimal comma unless commas separate the columns. Names of columns
    match in any case, with blanks, brackets or commas for ``_`` (``Площа, км²``). Empty lines and
    Excel's ``sep=;`` are passed over; an apostrophe that keeps a cell from being a formula is
    taken off.

    Args:
        path: The file.
        columns: What it may have. Others are left out with a note, unless they look like a slip
            or lack their unit.

    Raises:
        SourceError: no such file, or no text.
        InputError: no header, a column missing, twice or without its unit, too many cells in a
            row, or no rows.
        UnknownNameError: a column that is nearly one of ``columns``.
    """
    text = _text(path)
    filled = [line for line in text.splitlines() if line.strip() and not _is_hint(line)]
    if not filled:
        raise InputError(f"{path} is empty.", f"Its columns are: {_listed(columns)}.")
    separator = max(_SEPARATORS, key=lambda s: _count_known(filled[0], s, columns))
    header, *lines = _lines(path, text, separator)
    found, notes = _header(path, header[1], columns)
    rows = tuple(_row(f"{path}, line {n}", cells, separator, found) for n, cells in lines)
    if not rows:
        raise InputError(f"{path} has a header and no rows.", "Add a row for each entry.")
    return Table(path, tuple(name for name in found if name), rows, tuple(notes))


def rows_of(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read any table with a header, whatever its columns, as text.

    Args:
        path: The file, in letters and with separators as for `read_table`.

    Returns:
        Names of the columns, no two alike, and the cells of each row, as many as columns.

    Raises:
        SourceError: no such file, or no text.
        InputError: no header.
    """
    text = _text(path)
    first = next((li for li in text.splitlines() if li.strip() and not _is_hint(li)), "")
    lines = _lines(path, text, max(_SEPARATORS, key=first.count))
    if not lines:
        raise InputError(f"{path} is empty.", "Begin it with the names of its columns.")
    header = [f"{name} {i}" if name in lines[0][1][:i] else name
              for i, name in enumerate(lines[0][1])]  # fmt: skip
    rows = [(cells + [""] * len(header))[: len(header)] for _, cells in lines[1:]]
    return header, rows


def _text(path: Path) -> str:
    """Return the text of a file.

    Raises:
        SourceError: no such file, too large, or no text.
    """
    if not path.is_file():
        raise SourceError(f"There is no file {path}.", "Check the path.")
    if path.stat().st_size > _LARGEST:
        raise SourceError(f"{path} is too large for a small table.", _SAVE_AS)
    data = path.read_bytes()
    kind = next((what for mark, what in _OTHER_FILES.items() if data.startswith(mark)), None)
    if re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|\?xml)", data, re.IGNORECASE):
        kind = "a web page or XML"
    if kind:
        raise SourceError(f"{path} is {kind}, no CSV.", _SAVE_AS)
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1251"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise SourceError(f"{path} is no text.", _SAVE_AS)


def _is_hint(line: str) -> bool:
    """Tell Excel's own line about the separator."""
    return line.lower().startswith("sep=")


def _lines(path: Path, text: str, separator: str) -> list[tuple[int, list[str]]]:
    """Return the cells of each line that is not empty, and the number of the line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    lines: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            if any(c.strip() for c in cells) and not (not lines and _is_hint(cells[0])):
                lines.append((reader.line_num, [armed(c.strip()) for c in cells]))
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}.", _SAVE_AS) from error
    return lines


def _plain(name: str) -> str:
    """Return a column name as it is compared: ``Площа, км²`` is ``площа_км2``."""
    flat = name.casefold().replace("²", "2").replace("³", "3").replace("^", "").replace("’", "'")
    return re.sub(r"[\s,()\[\]_-]+", "_", flat).strip("_")


def _spellings(columns: Sequence[Column]) -> dict[str, str]:
    return {_plain(spelled): c.name for c in columns for spelled in (c.name, *c.aliases)}


def _count_known(line: str, separator: str, columns: Sequence[Column]) -> tuple[int, int]:
    """Rank a separator: by how many columns it shows that are known, then by how many at all."""
    cells = next(csv.reader([line], delimiter=separator))
    known = _spellings(columns)
    return sum(_plain(cell) in known for cell in cells), len(cells)


def _header(path: Path, cells: list[str], columns: Sequence[Column]) -> tuple[list[str], list[str]]:
    """Return the column name for each cell of the header, empty where not used, and notes."""
    known = _spellings(columns)
    names = [known.get(_plain(cell), "") for cell in cells]
    if not any(names) and any(_is_value(cell) for cell in cells):
        raise InputError(
            f"{path} has no header: its first line is '{' '.join(cells)}'.",
            f"Put the names of the columns first: {_listed(columns)}.",
        )
    twice = sorted({n for n in names if n and names.count(n) > 1})
    if twice:
        raise InputError(f"{path} has the column '{twice[0]}' twice.", "Keep one of them.")
    unknown = [cell for cell, name in zip(cells, names, strict=True) if cell and not name]
    for cell in unknown:
        _refuse_slip(path, cell, [c for c in columns if c.name not in names])
    missing = [c for c in columns if c.required and c.name not in names]
    if missing:
        raise InputError(
            f"{path} has no column '{missing[0].name}'; it has: {', '.join(cells)}.",
            f"Its columns are: {_listed(columns)}.",
        )
    return names, [notice("columns_not_used", file=path.name, names=unknown)] if unknown else []


def _refuse_slip(path: Path, cell: str, columns: Sequence[Column]) -> None:
    """Raise where a column that is not known is one without its unit, or a slip of the pen."""
    plain = _plain(cell)
    spelled = _spellings(columns)
    with_unit = [name for name in spelled if name.startswith(f"{plain}_")]
    if with_unit:
        raise InputError(
            f"{path}: the column '{cell}' does not say its unit.",
            f"Rename it to one of: {', '.join(with_unit)}.",
        )
    if difflib.get_close_matches(plain, spelled, n=1, cutoff=_LIKE):
        raise did_you_mean(f"column in {path}", cell, list(spelled))


def _is_value(cell: str) -> bool:
    return _number(cell, True) is not None or bool(re.match(r"\d{1,4}[-./]\d", cell))


def _row(where: str, cells: list[str], separator: str, names: list[str]) -> Row:
    cells = list(cells)
    while len(cells) > len(names) and not cells[-1]:
        cells.pop()
    if len(cells) > len(names):
        way = (
            "If a comma is a decimal one, separate the columns by semicolons."
            if separator == ","
            else "Put text that holds the separator in quotation marks."
        )
        raise InputError(f"{where} has {len(cells)} cells for {len(names)} columns.", way)
    return Row(where, {n: c for n, c in zip(names, cells, strict=False) if n}, separator != ",")


def _number(text: str, decimal_comma: bool) -> float | None:
    """Return a number; blanks between thousands are allowed, None for anything else."""
    flat = re.sub(r"(?<=\d)[ \u00a0\u202f](?=\d{3}(?!\d))", "", text).replace("−", "-")
    if decimal_comma and flat.count(",") == 1 and "." not in flat:
        flat = flat.replace(",", ".")
    try:
        return float(flat) if "_" not in flat else None
    except ValueError:
        return None


def _listed(columns: Sequence[Column]) -> str:
    return ", ".join(c.name for c in columns)
