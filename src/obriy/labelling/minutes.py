"""Minutes of a panel: what was said, what it cost; written down so that it can be repeated."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from obriy.errors import InputError
from obriy.labelling.budget import Cost
from obriy.labelling.cache import content_key
from obriy.labelling.record import FORMAT, Record, reason_of
from obriy.model.clusters import Answer, ClusterFacts, Spread
from obriy.model.legend import Legend
from obriy.model.notices import notice, notices_in, with_notices

_WAY_OUT: Final = "Give the panel.json of a run."
_DIGITS: Final = 4
"""Significant digits of a fact in a fingerprint: the last ones differ between computers."""


@dataclasses.dataclass(frozen=True)
class Minutes:
    """What a panel said, and what it cost.

    Attributes:
        answers: By labeller, then by cluster, in the orders asked.
        fingerprints: For each answer, the fingerprint of its cluster.
        classes: Name of a class by code: the legend that was asked for.
        cost: What was spent.
        problems: What went wrong, a line each.
    """

    answers: tuple[Answer, ...]
    fingerprints: tuple[str, ...]
    classes: Mapping[int, str]
    cost: Cost = dataclasses.field(default_factory=Cost)
    problems: tuple[str, ...] = ()

    def __add__(self, later: "Minutes") -> "Minutes":
        """Return the minutes of two rounds; what was said twice in a round, as it was said last."""
        kept = {
            (answer.labeller, answer.cluster, print_, answer.round): (print_, answer)
            for minutes in (self, later)
            for print_, answer in zip(minutes.fingerprints, minutes.answers, strict=True)
        }
        return Minutes(
            tuple(answer for _, answer in kept.values()),
            tuple(print_ for print_, _ in kept.values()),
            self.classes,
            self.cost + later.cost,
            tuple(dict.fromkeys((*self.problems, *later.problems))),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: the record of a panel, without pictures and without keys."""
        answers = [
            {"fingerprint": print_, **dataclasses.asdict(answer)}
            for print_, answer in zip(self.fingerprints, self.answers, strict=True)
        ]
        return {
            "format": FORMAT,
            "classes": {str(code): name for code, name in self.classes.items()},
            "answers": answers,
            "cost": self.cost.to_dict(),
            "problems": list(self.problems),
            "notices": notices_in((answers, self.problems)),
        }

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> "Minutes":
        """Read what `to_dict` wrote: the same answers, bit for bit.

        Raises:
            InputError: it is not a record of a panel, or one whose answers cannot be meant.
        """
        try:
            return _minutes(json.dumps(entry).encode())
        except ValidationError as error:
            raise InputError(f"The record of the panel: {reason_of(error)}") from error


def minutes_text(minutes: Minutes) -> str:
    """Return the record of a panel as the text of ``panel.json``."""
    return json.dumps(minutes.to_dict(), ensure_ascii=False, indent=1, sort_keys=False) + "\n"


def read_minutes(path: Path) -> Minutes:
    """Read the record of a panel.

    Raises:
        InputError: the file is not there, or is no record of a panel.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"The record {path} is no file.", _WAY_OUT)
    try:
        return _minutes(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"The record {path} cannot be read: {error.strerror}.", _WAY_OUT
        ) from error
    except ValidationError as error:
        raise InputError(f"The record {path}: {reason_of(error)}", _WAY_OUT) from error


def fingerprint(facts: ClusterFacts) -> str:
    """Return what a cluster is known by in a record, whatever its number.

    The first 16 letters of the SHA-256 of its pixels, spectrum and indices.
    """
    parts = [str(facts.pixels)]
    for name, spread in (*facts.spectrum.items(), *facts.indices.items()):
        parts.append(f"{name} {_rounded(spread)}")
    return content_key(*parts)[:16]


def problems_of(answers: Iterable[Answer]) -> tuple[str, ...]:
    """Say what went wrong, a line for each labeller and problem."""
    listed = list(answers)
    asked = Counter(answer.labeller for answer in listed)
    failed = Counter((a.labeller, a.problem) for a in listed if a.problem)
    return tuple(
        notice(
            "labeller_failed", labeller=labeller, why=problem, count=count, asked=asked[labeller]
        )
        for (labeller, problem), count in failed.items()
    )


def fingerprints(answers: Sequence[Answer], facts: Iterable[ClusterFacts]) -> tuple[str, ...]:
    """Return for each answer the fingerprint of its cluster."""
    known = {one.id: fingerprint(one) for one in facts}
    return tuple(known[answer.cluster] for answer in answers)


def classes_of(legend: Legend) -> dict[int, str]:
    """Return the name of each class by its code."""
    return {entry.code: entry.name for entry in legend}


def _rounded(spread: Spread) -> str:
    values = (spread.low, spread.median, spread.high)
    return " ".join(f"{value + 0.0:.{_DIGITS}g}" for value in values)


def _minutes(text: bytes) -> Minutes:
    record = Record.model_validate_json(text)
    said = [one.model_dump(exclude={"fingerprint"}) for one in record.answers]
    kept = [one.model_dump() for one in record.notices]
    answers, problems = with_notices((said, record.problems), kept)
    return Minutes(
        tuple(Answer(**answer) for answer in answers),
        tuple(said.fingerprint for said in record.answers),
        record.classes,
        record.cost,
        tuple(problems),
    )
