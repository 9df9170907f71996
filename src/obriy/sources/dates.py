"""When an image was taken, by its metadata or its file name."""

import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path

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
    return next((found for found in map(_first_date, texts) if found), None)


def _first_date(text: str) -> str | None:
    for year, month, day in re.findall(r"(?<!\d)(\d{4})[-:/]?(\d{2})[-:/]?(\d{2})(?!\d)", text):
        try:
            found = date(int(year), int(month), int(day))
        except ValueError:
            continue
        if FIRST_YEAR <= found.year <= LAST_YEAR:
            return found.isoformat()
    return None
