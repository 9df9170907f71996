"""What several records warn of, said once."""

import re
from collections.abc import Mapping, Sequence

from obriy.model.provenance import Provenance


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
