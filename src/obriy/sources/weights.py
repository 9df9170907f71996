"""Weights of dates that a user gives in a table."""

import re
from datetime import date
from pathlib import Path
from typing import Final

from obriy.errors import InputError
from obriy.sources.csv_tables import Column, Row, read_table

_COLUMNS: Final = (
    Column("date", ("дата", "day"), required=True),
    Column("weight", ("вага", "вага цієї дати", "w", "ω"), required=True),
)


def read_weights(path: Path) -> dict[str, float]:
    """Read weights by day.

    Args:
        path: CSV with the columns ``date`` (2025-06-05 or 05.06.2025) and ``weight``.

    Returns:
        Weight by day, ISO 8601; neither their sum nor the days are checked here.

    Raises:
        InputError: no table, no date, a date twice, no number, or below 0.
    """
    weights: dict[str, float] = {}
    for row in read_table(path, _COLUMNS):
        day = _day(row)
        if day in weights:
            raise InputError(f"{row.where}: {day} has a weight already.", "Keep one row per date.")
        weights[day] = row.number("weight", least=0.0)
    return weights


def _day(row: Row) -> str:
    text = row.text("date")
    forms = (
        (r"(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})([T ].*)?"),
        (r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})"),
    )
    for form in forms:
        match = re.fullmatch(form, text)
        if match:
            try:
                return date(int(match["y"]), int(match["m"]), int(match["d"])).isoformat()
            except ValueError:
                break
    raise InputError(
        f"{row.where}: '{text}' is no date.", "Write 2025-06-05, or 05.06.2025 (day.month.year)."
    )
