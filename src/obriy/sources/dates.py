"""When an image was taken, by its metadata or its file name; and spans of time."""

import calendar
import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from obriy.errors import UsageError

KEYS = ("datetime", "date", "date_acquired", "acquisition_date", "sensing_time", "time_start")
FIRST_YEAR, LAST_YEAR = 1972, 2100
"""Landsat 1 flew in 1972: a number that reads as an earlier date is none."""


def date_of(files: list[str], tags: Mapping[str, str]) -> str | None:
    """Return the date of an image, ISO 8601, or None where nothing tells it.

    Args:
        files: File names; the folder's name counts too.
        tags: Metadata of the files.
    """
    lower = {k.rsplit("#", 1)[-1].lower(): v for k, v in tags.items()}
    texts = [lower[k] for k in KEYS if k in lower]
    texts += [Path(f).name for f in files[:1]] + [Path(f).parent.name for f in files[:1]]
    return next((found for found in map(date_in, texts) if found), None)


def date_in(text: str) -> str | None:
    """Return the first date that a text holds, ISO 8601; None where it holds none."""
    for year, month, day in re.findall(r"(?<!\d)(\d{4})[-:/]?(\d{2})[-:/]?(\d{2})(?!\d)", text):
        try:
            found = date(int(year), int(month), int(day))
        except ValueError:
            continue
        if FIRST_YEAR <= found.year <= LAST_YEAR:
            return found.isoformat()
    return None


def time_in(text: str) -> str | None:
    """Return the time that a file name holds, ISO 8601 to the minute, or the day alone.

    Understood are the names of MODIS products (``.A2021049.0225.``: year, day of the year, hour
    and minute), ``2021-02-18T0225`` with any separators, and plain dates.

    Args:
        text: A file name.
    """
    product = re.search(r"(?<![A-Z0-9])A(\d{4})(\d{3})(?:\.(\d{2})(\d{2}))?(?!\d)", text)
    if product is not None:
        year, day, hour, minute = product.groups()
        if FIRST_YEAR <= int(year) <= LAST_YEAR and 1 <= int(day) <= 366:
            found = (date(int(year), 1, 1) + timedelta(days=int(day) - 1)).isoformat()
            return f"{found}T{hour}:{minute}" if hour else found
    whole = re.search(
        r"(\d{4}[-:/]?\d{2}[-:/]?\d{2})[T_](\d{2})[-:h]?(\d{2})(?::?\d{2})?(?!\d)",
        text,
    )
    day_found = date_in(whole.group(1) if whole else text)
    if whole is None or day_found is None or int(whole[2]) > 23 or int(whole[3]) > 59:
        return day_found
    return f"{day_found}T{whole[2]}:{whole[3]}"


def parse_range(text: str) -> tuple[str, str]:
    """Return the first and the last day of ``A/B``, both included.

    Args:
        text: ``A/B`` or a single ``A``; each a day, a month or a year, or ``..`` for no bound.

    Raises:
        UsageError: where it is none of these.
    """
    how = "Write A/B, e.g. 2025-06-01/2025-08-31, 2025-06/2025-08, 2025 or 2025-06/.."
    parts = text.strip().split("/")
    if len(parts) > 2 or not all(parts):
        raise UsageError(f"'{text}' is no range of dates.", how)
    try:
        first, last = _bounds(parts[0])[0], _bounds(parts[-1])[1]
    except ValueError as error:
        raise UsageError(f"'{text}' is no range of dates.", how) from error
    if first > last:
        raise UsageError(f"'{text}' ends before it begins.", how)
    return first, last


def _bounds(text: str) -> tuple[str, str]:
    """Return the first and the last day of a day, a month, a year, or of all time."""
    if text == "..":
        return "0001-01-01", "9999-12-31"
    numbers = [int(part) for part in text.split("T", maxsplit=1)[0].split("-")]
    year, month, day = (*numbers, None, None)[:3]
    first = date(year or 0, month or 1, day or 1)
    last = date(first.year, month or 12, 1)
    end = calendar.monthrange(last.year, last.month)[1] if day is None else first.day
    return first.isoformat(), last.replace(day=end).isoformat()
