"""Numbered clusters to names: portraits, the panel, the vote, and asking again."""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import xarray as xr

from obriy.blocks.memory import give_back
from obriy.errors import InputError, UsageError
from obriy.labelling.minutes import RECORD, problems_of
from obriy.labelling.panel import (
    Minutes,
    PanelSettings,
    convene,
    needs_pictures,
    read_minutes,
    voters,
)
from obriy.labelling.portraits import make_portraits
from obriy.labelling.vote import VoteRule, is_person, vote, weights_from, who_counts
from obriy.methods.clustering.rule import ClusterRule
from obriy.model.clusters import MOST_CLUSTERS, Answer, ClusterFacts, Naming, Portrait
from obriy.model.legend import UNNAMED, Legend
from obriy.model.notices import notice
from obriy.registry import did_you_mean
from obriy.workflows.landcover.clustering import Clustered, split_further

LEAST_SHARE: Final = 0.005
"""Share of the scene below which a cluster is not split: its parts could not be told apart."""
LEAST_AGREEMENT: Final = 0.5
"""Agreement at or below which a panel of several is taken to disagree."""

Progress = Callable[[str, int, int], None]
Again = Callable[[ClusterRule, int], Clustered]
"""Applies a rule anew, in a numbered round."""
Ask = Callable[[Sequence[Portrait], Minutes | None], Minutes]
"""Puts the portraits of a scene before the panel; minutes are those of earlier rounds."""


@dataclasses.dataclass(frozen=True)
class PanelRules:
    """Who names clusters, in what words, and how they decide.

    Attributes:
        labellers: As the user wrote them.
        legend: The words.
        rule: How they vote.
        reliability: Weights of the weighted vote, by labeller.
        least_agreement: Share of the votes that a name needs.
        rounds: Times that mixed clusters are split and asked about again.
        pictures: Whether portraits are drawn though nobody who is asked looks at them.
    """

    labellers: tuple[str, ...]
    legend: Legend
    rule: VoteRule = "majority"
    reliability: Mapping[str, float] = dataclasses.field(default_factory=dict)
    least_agreement: float = 0.0
    rounds: int = 1
    pictures: bool = False


@dataclasses.dataclass(frozen=True)
class Named:
    """Clusters with their names.

    Attributes:
        clustered: The clusters, after the last split.
        namings: A name, or none, for each.
        portraits: What the labellers were shown.
        minutes: What they said, in all rounds.
        rules: Who was asked, and how they decided.
        log: What was split, and why, in order.
    """

    clustered: Clustered
    namings: tuple[Naming, ...]
    portraits: tuple[Portrait, ...]
    minutes: Minutes
    rules: PanelRules
    log: tuple[dict[str, Any], ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What went wrong, the worst first: that no cluster has a name, who did not answer.

        Only what was said of the clusters that there are counts, once, whatever the rounds.
        """
        said = problems_of(answer for naming in self.namings for answer in naming.answers)
        if any(naming.code != UNNAMED for naming in self.namings):
            return said
        count = len(self.namings)
        return (notice("no_cluster_named", count=count), *said)


def name_clusters(
    scene: xr.Dataset, first: Clustered, rules: PanelRules, ask: Ask, again: Again
) -> Named:
    """Ask a panel for names; split what it calls mixed or disagrees about, and ask again.

    The loop ends when nothing is left to split, or after ``rules.rounds`` rounds. Labellers that
    look are asked about new clusters only, for each picture costs; of the others the answers stand.

    Args:
        scene: The part of the scene that was clustered.
        first: Its clusters.
        rules: Who is asked, and how they decide.
        ask: Puts portraits before the panel.
        again: Applies a split rule to the scene.
    """
    looked_at = needs_pictures(rules.labellers)
    clustered, log = first, list[dict[str, Any]]()
    minutes: Minutes | None = None
    for number in range(rules.rounds + 1):
        facts = clustered.facts
        portraits = make_portraits(scene, clustered.map, facts, pictures=looked_at)
        minutes = ask(portraits, minutes)
        namings = vote(
            facts,
            standing_answers(minutes, facts),
            rules.legend,
            rule=rules.rule,
            weights=rules.reliability,
            least_agreement=rules.least_agreement,
        )
        if number == rules.rounds:
            break
        rule, split = _split(clustered.rule, namings, number + 1)
        if not split:
            break
        log += split
        clustered = split_further(scene, clustered, rule) or again(rule, number + 1)
        give_back()
    assert minutes is not None  # there is at least one round
    if rules.pictures and not looked_at:  # by a person, of the clusters that were left at the end
        portraits = make_portraits(scene, clustered.map, facts)
        give_back()
    return Named(clustered, tuple(namings), tuple(portraits), minutes, rules, tuple(log))


def standing_answers(minutes: Minutes, facts: Sequence[ClusterFacts]) -> list[Answer]:
    """Return the last answer of each labeller for each cluster that there still is."""
    last = {(answer.cluster, answer.labeller): answer for answer in minutes.answers}
    present = {fact.id for fact in facts}
    return [answer for (cluster, _), answer in last.items() if cluster in present]


def panel_of(rules: PanelRules, settings: PanelSettings, progress: Progress | None) -> Ask:
    """Return what puts portraits before a panel."""
    looking = tuple(name for name in rules.labellers if needs_pictures([name]))
    others = tuple(name for name in rules.labellers if name not in looking)

    def ask(portraits: Sequence[Portrait], earlier: Minutes | None) -> Minutes:
        known = {a.cluster for a in earlier.answers} if earlier else set()
        left, minutes = settings, earlier
        if earlier is not None:
            budget = settings.budget.left_after(earlier.cost.total)
            number = 1 + max((a.round for a in earlier.answers), default=-1)
            left = dataclasses.replace(
                settings, budget=budget, round=number, earlier=earlier.answers
            )
        new = [portrait for portrait in portraits if portrait.facts.id not in known]
        for names, asked in ((others, portraits), (looking, new)):
            if names and asked:
                said = convene(asked, rules.legend, names, left, progress)
                minutes = said if minutes is None else minutes + said
        assert minutes is not None  # there is a labeller, and in the first round all is new
        return minutes

    return ask


def recorded_in(folder: Path) -> Minutes | None:
    """Return what the panel of a run said before; None: nothing, or nothing that can be read."""
    try:
        return read_minutes(folder / RECORD)
    except InputError:
        return None


def reliability_of(spec: str | None, labellers: Sequence[str], legend: Legend) -> dict[str, float]:
    """Return the weights of a weighted vote.

    Args:
        spec: ``"NAME=0.8,NAME=0.6"``, or the ``result.json`` of a run that was scored against a
            reference: then the accuracy of each labeller on its own; None: none.
        labellers: Who is asked; of a record those vote who spoke in it.
        legend: The classes.

    Raises:
        UsageError: a weight that is no number from 0 to 1, or of nobody who votes.
    """
    if spec is None:
        return {}
    weights = _measured(Path(spec)) if Path(spec).suffix == ".json" else _stated(spec)
    who = voters(labellers)
    strange = sorted(set(weights) - set(who))
    if strange and Path(spec).suffix != ".json":
        raise did_you_mean("labeller of this panel", strange[0], sorted(who))
    missing = [name for name in who if name not in weights and not is_person(name)]
    if missing:
        raise UsageError(
            f"--reliability says nothing of '{missing[0]}'.", "Give each labeller of it a weight."
        )
    known = {name: weights[name] for name in who if name in weights}
    return weights_from(known, len(legend.codes))


def _stated(spec: str) -> dict[str, float]:
    weights = {}
    for part in spec.split(","):
        name, _, number = part.strip().rpartition("=")
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not name or not 0 <= weight <= 1:
            raise UsageError(f"--reliability: '{part}' is no weight.", "Write NAME=0.8,NAME=0.6.")
        weights[name] = weight
    return weights


def _measured(file: Path) -> dict[str, float]:
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
        rows = result["evaluation"]["labellers"]
        return {row["labeller"]: float(row["overall_accuracy"]) for row in rows}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"--reliability: {file} holds no scores of labellers.",
            "Give the result.json of a run of 'obriy landcover' with --reference.",
        ) from error


def _split(
    rule: ClusterRule, namings: Sequence[Naming], number: int
) -> tuple[ClusterRule, list[dict[str, Any]]]:
    """Split what the panel calls mixed or disagrees about, the largest first."""
    log: list[dict[str, Any]] = []
    for naming in sorted(namings, key=lambda n: -n.facts.share):
        why = _why_split(naming)
        if not why or len(rule.ids) >= MOST_CLUSTERS:
            continue
        parted = rule.split(naming.facts.id)
        if parted is None:
            continue
        new = sorted(set(parted.ids) - set(rule.ids))
        log.append(
            {"round": number, "action": "split", "cluster": naming.facts.id, "into": new}
            | {"why": why}
        )
        rule = parted
    return rule, log


def _left_it(answer: Answer) -> bool:
    """Say whether a person left a cluster to the others."""
    return is_person(answer.labeller) and answer.code == UNNAMED and not answer.mixed


def _why_split(naming: Naming) -> str:
    """Return why a cluster is to be split; empty where it is not."""
    if naming.facts.share < LEAST_SHARE:
        return ""
    heard = [a for a in who_counts(naming.answers) if not a.problem and not _left_it(a)]
    mixed = [a for a in heard if a.mixed]
    if heard and 2 * len(mixed) > len(heard):
        return notice("called_mixed", names=[a.labeller for a in mixed])
    voted = {a.code for a in heard if a.code != UNNAMED}
    if len(voted) > 1 and naming.agreement <= LEAST_AGREEMENT:
        return notice("panel_disagrees", agreement=float(naming.agreement))
    return ""
