"""What a run tells: of its districts, of holes in an image, what several records warn of."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from obriy.model.areas import District
from obriy.model.provenance import Provenance

_OVERLAP: Final = (
    "Districts overlap: what lies in two of them counts once in the figures of all districts."
)
_TOLD: Final = 5
"""Holes of an image that its record tells one by one."""


def with_holes(record: Provenance, found: Mapping[str, Any]) -> Provenance:
    """Add to a record what of the image could not be read.

    Args:
        record: Of the image.
        found: What a run of the engine found, as plain values.
    """
    holes = found["failed"]
    for hole in holes[:_TOLD]:
        record = record.with_warning(f"A part of the image could not be read: {hole['reason']}")
    if len(holes) > _TOLD:
        record = record.with_warning(
            f"{len(holes) - _TOLD} more parts of the image could not be read: result.json lists "
            "them."
        )
    return record


def about_districts(districts: Sequence[District], together: Sequence[object]) -> list[str]:
    """Say what was done to districts, and how those that overlap are added up.

    Args:
        districts: As they were measured.
        together: What was measured of their union; empty where they do not overlap.
    """
    notes = list(dict.fromkeys(note for d in districts for note in d.notes))
    return [*notes, _OVERLAP] if together else notes


def shared_warnings(records: Mapping[str, Provenance], what: str) -> list[str]:
    """Return the warnings of several records, those that differ in their numbers only as one.

    Args:
        records: By name: a date, an image.
        what: What the names are, for the sentence: ``"dates"``, ``"images"``.
    """
    said: dict[str, list[tuple[str, str]]] = {}
    for name, record in records.items():
        for sentence in record.warnings:
            said.setdefault(re.sub(r"\d[\d.,]*", "#", sentence), []).append((name, sentence))
    return [_shared(told, len(records), what) for told in said.values()]


def _shared(told: Sequence[tuple[str, str]], count: int, what: str) -> str:
    """Return one sentence for those of several records."""
    name, sentence = told[0]
    if len(told) == count and len({text for _, text in told}) == 1:
        return sentence
    if len(told) == 1:
        return f"{name}: {sentence}"
    return f"On {len(told)} of {count} {what}, first on {name}: {sentence}"
