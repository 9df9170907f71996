"""Tables as CSV text: no cell is taken for a formula by a spreadsheet, and none is lost by that.

A name in somebody's file may begin like a formula (``=cmd|...``), and a spreadsheet that opens our
table would compute it. By the customary rule such a cell gets an apostrophe in front
(https://owasp.org/www-community/attacks/CSV_Injection); who reads our tables takes it off again.
"""

import csv
from collections.abc import Iterable
from typing import Any, Final

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
