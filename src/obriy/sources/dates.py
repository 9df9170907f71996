"""When an image was taken, by its metadata or its file name; and spans of time."""

import calendar
import functools
import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from obriy.errors import UsageError
from obriy.tables import load_toml

KEYS = ("datetime", "date", "date_acquired", "acquisition_date", "sensing_time", "time_start")
_PARTS: Final = ("year", "month", "day")
FIRST_YEAR, LAST_YEAR = 1972, 2100
"""Landsat 1 flew in 1972: a number that reads as an earlier date is none."""
_YEAR_FIRST: Final = re.compile(r"(?<!\d)(\d{4})[-:/._]?(\d{2})[-:/._]?(\d{2})(?!\d)")
_YEAR_LAST: Final = re.compile(
    r"(?<!\d)(?=\d{2}[-_]?\d{2}[-_]?\d{4}|\d{1,2}[./]\d{1,2}[./]\d{4})"
    r"(\d{1,2})([-/._]?)(\d{1,2})\2(\d{4})(?!\d)"
)


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


def date_in(text: str, *, day_first: bool | None = None) -> str | None:
    """Return the first date that a text holds, ISO 8601; None where it holds none.

    The name of a product tells the day of its image, and no other (``tables/product_names.toml``):
    that of its making is none. Else the year may stand first (``2025-06-08``, ``20250608``) or,
    where the text has no such date, last: ``08.06.2025`` is day, month, year; ``25-06-2025``,
    ``25062025`` and ``06/25/2025`` are what they alone can be; ``08062025`` may be two days.

    Args:
        text: A file name, a cell, a tag.
        day_first: What a date that may be two days is; None: not known, and no date then.
    """
    by_day, by_month = readings(text)
    if by_day is None or by_month is None or by_day == by_month:
        return by_day or by_month
    return None if day_first is None else by_day if day_first else by_month


def readings(text: str) -> tuple[str | None, str | None]:
    """Return what the first date of a text is, the day before the month, and after it.

    They are the same where the year stands first; None where it is no date so.
    """
    return _first_date(text)[:2]


def end_of_date(text: str) -> int:
    """Return the place behind the first date of a text; 0 where it holds none."""
    return _first_date(text)[2]


def name_of_image(text: str) -> str:
    """Return a file name as far as its date, without a band that a product writes before it.

    Files of one image and date have the same; empty where the name has no date.
    """
    found = _named(text)
    if found is not None and found[1].groupdict().get("band"):
        start, end = found[1].span("band")
        return text[:start] + text[end : found[1].end()]
    return text[: end_of_date(text)]


@functools.cache
def _products() -> list[re.Pattern[str]]:
    return [
        re.compile(row["pattern"], re.IGNORECASE) for row in load_toml("product_names")["names"]
    ]


def _named(text: str) -> tuple[str | None, re.Match[str]] | None:
    """Return what a product's name tells of its day, None where that is nothing, and the match.

    None for a name of no product, and for one whose digits are no date after all.
    """
    for pattern in _products():
        match = pattern.match(text)
        if match is None:
            continue
        parts = match.groupdict()
        if "year" not in parts:
            return None, match
        doy = parts.get("doy")
        day = _day_of_year(parts["year"], doy) if doy else _day(*(parts[k] for k in _PARTS))
        if day:
            return day, match
    return None


def _day_of_year(year: str, number: str) -> str | None:
    first = date(int(year), 1, 1) if int(year) else None
    if first is None or not FIRST_YEAR <= first.year <= LAST_YEAR:
        return None
    found = first + timedelta(days=int(number) - 1)
    return found.isoformat() if found.year == first.year else None


def _first_date(text: str) -> tuple[str | None, str | None, int]:
    named = _named(text)
    if named is not None:
        return named[0], named[0], named[1].end()
    for found in _YEAR_FIRST.finditer(text):
        day = _day(*found.groups())
        if day:
            return day, day, found.end()
    for found in _YEAR_LAST.finditer(text):
        first, mark, second, year = found.groups()
        by_day = _day(year, second, first)
        by_month = None if mark == "." else _day(year, first, second)  # nobody writes that
        if by_day or by_month:
            return by_day, by_month, found.end()
    return None, None, 0


def day_comes_first(texts: Iterable[str]) -> bool | None:
    """Say in which order texts of one hand have their dates; None where none of them tells."""
    told = {
        by_day is not None
        for by_day, by_month in map(readings, texts)
        if (by_day is None) != (by_month is None)
    }
    return told.pop() if len(told) == 1 else None


def _day(year: str, month: str, day: str) -> str | None:
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found.isoformat() if FIRST_YEAR <= found.year <= LAST_YEAR else None


def time_in(text: str) -> str | None:
    """Return the time that a file name holds, ISO 8601 to the minute, or the day alone.

    Understood are the names of products (``tables/product_names.toml``, e.g. ``.A2021049.0225.``:
    year, day of the year, hour and minute), ``2021-02-18T0225`` with any separators, plain dates.

    Args:
        text: A file name.
    """
    named = _named(text)
    if named is not None:
        day, match = named
        hour, minute = (match.groupdict().get(part) for part in ("hour", "minute"))
        known = day and hour and minute and int(hour) < 24 and int(minute) < 60
        return f"{day}T{hour}:{minute}" if known else day
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
