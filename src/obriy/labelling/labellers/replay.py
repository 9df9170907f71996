"""The labeller `replay`: what a panel said once, without asking anybody."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from obriy.errors import InputError
from obriy.labelling.minutes import (
    Minutes,
    classes_of,
    fingerprint,
    look_alike,
    looks_of,
    read_minutes,
)
from obriy.labelling.vocabulary import TABLE, normalise
from obriy.model.clusters import Answer, ClusterFacts, Portrait
from obriy.model.legend import UNNAMED, Legend

_NOT_HELD: Final = "the record has no answer"


def replay(
    path: Path, portraits: Sequence[Portrait], legend: Legend, number: int = 0
) -> list[Answer]:
    """Return what all labellers of a record said of these clusters.

    A cluster is found by its content, not by its number, and where some pixels were told otherwise
    by its looks; the answers are those of the record, bit for bit, but for a number that changed.
    A cluster that the record does not hold gets an answer with a problem.

    Args:
        path: Record of a panel (``panel.json``).
        portraits: The clusters, in the order of the answers of each labeller.
        legend: The classes; the same as then.
        number: Round of the panel: what was said later is not known yet.

    Raises:
        InputError: the record cannot be read, is of another legend, holds no answer at all, or
            none about any of these clusters.
    """
    minutes = read_minutes(path)
    if dict(minutes.classes) != classes_of(legend):
        raise InputError(
            f"The record {path} was made with other classes than those of '{legend.name}'.",
            "Give the legend of that run.",
        )
    _refuse_silence(path, minutes)
    _refuse_other_words(path, minutes, legend)
    labellers = dict.fromkeys(answer.labeller for answer in minutes.answers)
    found = [
        (labeller, portrait.facts.id, _find(minutes, labeller, portrait.facts, number))
        for labeller in labellers
        for portrait in portraits
    ]
    if portraits and not any(answer for _, _, answer in found):
        raise InputError(
            f"The record {path} has no answer about any of the {len(portraits)} clusters of this "
            "run: it is of another scene, or of other settings of the clusters.",
            "Repeat it with the scene, method, number of clusters and seed of that run.",
        )
    return [answer or Answer(id_, who, "", problem=_NOT_HELD) for who, id_, answer in found]


def _refuse_silence(path: Path, minutes: Minutes) -> None:
    """Raise where a record has no answers, or none but failed ones."""
    if all(answer.problem for answer in minutes.answers):
        why = f": {'; '.join(minutes.problems)}" if minutes.answers and minutes.problems else ""
        raise InputError(
            f"The record {path} holds no answer{why}.",
            "Give the record of a run whose panel answered, or ask one (--labellers).",
        )


def _refuse_other_words(path: Path, minutes: Minutes, legend: Legend) -> None:
    """Raise where an answer has the code of another class than its words, synonyms too."""
    for number, answer in enumerate(minutes.answers):
        code, how = normalise(answer.said, legend)
        if how == TABLE and answer.code not in (code, UNNAMED):
            raise InputError(
                f"The record {path}: answers[{number}] says '{answer.said[:40]}', which is {code}, "
                f"and has the code {answer.code}.",
                "Give the panel.json of a run, as the run left it.",
            )


def _find(minutes: Minutes, labeller: str, facts: ClusterFacts, number: int) -> Answer | None:
    """Return the last answer until a round; None where there is none.

    It is about the cluster of the same content; where the record has none, about one that is the
    same but for some pixels.
    """
    said = [s for s in minutes.said if s[0].labeller == labeller and s[0].round <= number]
    own_print, own_looks = fingerprint(facts), looks_of(facts)
    same = [answer for answer, print_, _ in said if print_ == own_print]
    same = same or [answer for answer, _, looks in said if look_alike(looks, own_looks)]
    if not same:
        return None
    latest = max(answer.round for answer in same)
    same = [answer for answer in same if answer.round == latest]
    answer = next((a for a in same if a.cluster == facts.id), same[0])
    return dataclasses.replace(answer, cluster=facts.id)
