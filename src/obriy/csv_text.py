"""Tables as CSV text: no cell is taken for a formula by a spreadsheet, and none is lost by that.

A name in somebody's file may begin like a formula (``=cmd|...``), and a spreadsheet that opens our
table would compute it. By the customary rule such a cell gets an apostrophe in front
(https://owasp.org/www-community/attacks/CSV_Injection); who reads our tables takes it off again.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from obriy.errors import InputError

_DELIMITERS: Final = ",;\t"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MARK: Final = "'"


def csv_text(
    header: Iterable[str], rows: Iterable[Iterable[Any]], *, end_of_line: str = "\n"
) -> str:
    """Return a table as text: commas between cells, None as an empty cell.

    Args:
        header: Names of the columns.
        rows: Cells; those that are no text stay as they are.
        end_of_line: What ends a line.
    """
    lines: list[str] = []
    # What ends a line is quoted inside a cell, and of the two marks only those that end one are:
    # so both do here, and each line gets its own end afterwards.
    writer = csv.writer(_Lines(lines), lineterminator="\r\n")
    writer.writerow([disarmed(name) for name in header])
    writer.writerows([disarmed(cell) for cell in row] for row in rows)
    return "".join(line.removesuffix("\r\n") + end_of_line for line in lines)


class _Lines:
    """What a writer of CSV writes to: a list of lines."""

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def csv_rows(
    text: str, file: Path, columns: Sequence[str], hint: str
) -> list[tuple[int, dict[str, str]]]:
    """Return the rows of a table that we wrote and a person filled in, or wrote after ours.

    Commas, semicolons or tabs separate the cells, as spreadsheets save them; rows without any
    text are passed over.

    Args:
        text: The table.
        file: Where it is from, for messages.
        columns: Names that the header must have.
        hint: The way out where it lacks one.

    Returns:
        For each row the line on which it ends, and its cells by column name in lower case.

    Raises:
        InputError: a column is missing, a row has more cells than the header, or is no CSV.
    """
    head = text.lstrip().partition("\n")[0]
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=max(_DELIMITERS, key=head.count),
        skipinitialspace=True,
    )
    try:
        lines = [(reader.line_num, [armed(cell.strip()) for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise InputError(f"{file}, line {reader.line_num}: {error}.", hint) from error
    (_, header), *rows = [line for line in lines if any(line[1])] or [(0, [])]
    names = [name.lower() for name in header]
    missing = next((column for column in columns if column not in names), None)
    if missing is not None:
        raise InputError(f"{file} has no column '{missing}'.", hint)
    for number, cells in rows:
        if any(cells[len(names) :]):
            raise InputError(
                f"{file}, line {number} has {len(cells)} cells for {len(names)} columns.",
                "Put text that holds the separator in quotation marks.",
            )
    return [(number, dict(zip(names, cells, strict=False))) for number, cells in rows]


def disarmed(cell: Any) -> Any:
    """Return a cell with an apostrophe before what a spreadsheet would take for a formula."""
    return f"{_MARK}{cell}" if isinstance(cell, str) and _is_formula(cell) else cell


def armed(cell: Any) -> Any:
    """Return what stood in a cell before it was `disarmed`; anything else stays as it is."""
    marked = isinstance(cell, str) and cell.startswith(_MARK) and _is_formula(cell)
    return cell[1:] if marked else cell


def _is_formula(text: str) -> bool:
    """Tell what begins like a formula; apostrophes before it do not count, a number is none."""
    plain = text.lstrip(_MARK)
    if len(plain) < 2 or not plain.startswith(_FORMULA):
        return False
    try:
        float(plain)
    except ValueError:
        return True
    return False
