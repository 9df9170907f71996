"""Minutes of a panel: what was said, what it cost; written down so that it can be repeated."""

import dataclasses
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

RECORD: Final = "panel.json"
"""The record of the panel of a run, in its folder."""
_WAY_OUT: Final = "Give the panel.json of a run."
_PIXELS: Final = "pixels"
_ALIKE_PIXELS: Final = 0.01
_ALIKE: Final = 0.002
_DIGITS: Final = 4
"""Significant digits of a fact in a fingerprint: the last ones differ between computers."""


@dataclasses.dataclass(frozen=True)
class Minutes:
    """What a panel said, and what it cost.

    Attributes:
        answers: By labeller, then by cluster, in the orders asked.
        fingerprints: For each answer, the fingerprint of its cluster.
        looks: For each answer, what its cluster looked like, of `looks_of`; nothing in records
            that were made before it was kept.
        classes: Name of a class by code: the legend that was asked for.
        cost: What was spent.
        problems: What went wrong, a line each.
    """

    answers: tuple[Answer, ...]
    fingerprints: tuple[str, ...]
    classes: Mapping[int, str]
    cost: Cost = dataclasses.field(default_factory=Cost)
    problems: tuple[str, ...] = ()
    looks: tuple[Mapping[str, float], ...] = ()

    def __post_init__(self) -> None:
        if not self.looks:
            object.__setattr__(self, "looks", ({},) * len(self.answers))

    @property
    def said(self) -> "Iterator[tuple[Answer, str, Mapping[str, float]]]":
        """Each answer with the fingerprint and the looks of its cluster."""
        return zip(self.answers, self.fingerprints, self.looks, strict=True)

    def __add__(self, later: "Minutes") -> "Minutes":
        """Return the minutes of two rounds; what was said twice in a round, as it was said last."""
        kept = {
            (answer.labeller, answer.cluster, print_, answer.round): (answer, print_, looks)
            for minutes in (self, later)
            for answer, print_, looks in minutes.said
        }
        return Minutes(
            tuple(answer for answer, _, _ in kept.values()),
            tuple(print_ for _, print_, _ in kept.values()),
            self.classes,
            self.cost + later.cost,
            tuple(dict.fromkeys((*self.problems, *later.problems))),
            tuple(looks for _, _, looks in kept.values()),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: the record of a panel, without pictures and without keys."""
        answers = [
            {"fingerprint": print_, "looks": dict(looks), **dataclasses.asdict(answer)}
            for answer, print_, looks in self.said
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


def looks_of(facts: ClusterFacts) -> dict[str, float]:
    """Return what a cluster looks like: its pixels, and the spread of each band.

    By it a cluster is found in a record of which some pixels were told otherwise: on another
    computer, or since.
    """
    found = {_PIXELS: float(facts.pixels)}
    for name, spread in facts.spectrum.items():
        for part, value in dataclasses.asdict(spread).items():
            if math.isfinite(value):
                found[f"{name} {part}"] = _short(value)
    return found


def look_alike(one: Mapping[str, float], other: Mapping[str, float]) -> bool:
    """Say whether two clusters are the same but for some pixels.

    They are of the same bands, differ by at most 1 % of the larger one's pixels, and in no
    percentile or median of a band by more than 0.002.
    """
    if one.keys() != other.keys() or not one:
        return False
    larger = max(one[_PIXELS], other[_PIXELS])
    limits = {name: _ALIKE_PIXELS * larger if name == _PIXELS else _ALIKE for name in one}
    return all(abs(one[name] - other[name]) <= limits[name] for name in one)


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


def known_by(
    answers: Sequence[Answer], facts: Iterable[ClusterFacts]
) -> tuple[tuple[str, ...], tuple[Mapping[str, float], ...]]:
    """Return for each answer the fingerprint and the looks of its cluster."""
    known = {one.id: (fingerprint(one), looks_of(one)) for one in facts}
    found = [known[answer.cluster] for answer in answers]
    return tuple(print_ for print_, _ in found), tuple(looks for _, looks in found)


def classes_of(legend: Legend) -> dict[int, str]:
    """Return the name of each class by its code."""
    return {entry.code: entry.name for entry in legend}


def _rounded(spread: Spread) -> str:
    values = (spread.low, spread.median, spread.high)
    return " ".join(f"{value + 0.0:.{_DIGITS}g}" for value in values)


def _short(value: float) -> float:
    return float(f"{value + 0.0:.{_DIGITS}g}")


def _minutes(text: bytes) -> Minutes:
    record = Record.model_validate_json(text)
    said = [one.model_dump(exclude={"fingerprint", "looks"}) for one in record.answers]
    kept = [one.model_dump() for one in record.notices]
    answers, problems = with_notices((said, record.problems), kept)
    return Minutes(
        tuple(Answer(**answer) for answer in answers),
        tuple(said.fingerprint for said in record.answers),
        record.classes,
        record.cost,
        tuple(problems),
        tuple(said.looks for said in record.answers),
    )
