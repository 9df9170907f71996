"""From what each labeller said of a cluster to its one name."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from obriy.errors import UsageError
from obriy.model.clusters import Answer, ClusterFacts, Naming
from obriy.model.legend import UNNAMED, Legend

VoteRule = Literal["majority", "weighted", "rank"]
RULES: Final[tuple[VoteRule, ...]] = ("majority", "weighted", "rank")
PERSON: Final = "human"
"""Kind of the labeller that is a person."""
SECOND: Final = 0.5
"""Points of a second guess under "rank", where a first has 1 (Borda's count with two places)."""
_EQUAL: Final = 1e-9
_MOST_SURE: Final = 0.99
"""Reliabilities are cut to this: nobody who was right on a few clusters has all the say."""


def vote(
    facts: Sequence[ClusterFacts],
    answers: Sequence[Answer],
    legend: Legend,
    *,
    rule: VoteRule = "majority",
    weights: Mapping[str, float] | None = None,
    least_agreement: float = 0.0,
) -> list[Naming]:
    """Name each cluster by what the labellers said of it.

    The rules:

    * ``"majority"``: each labeller has one vote; the class with the most votes.
    * ``"weighted"``: a vote counts the weight of its labeller (1 where none is given). For
      labellers that err independently the best weight is the logarithm of the odds of being right
      (Nitzan & Paroush 1982, doi:10.2307/2526438): see `weights_from`.
    * ``"rank"``: a first guess counts the weight of its labeller, a second half of it (Borda).

    A person (``human``) who gives a name decides: of such a cluster only persons vote, whatever
    others said. Who abstained or failed has no vote and does not count in any share. A tie goes
    to the side that is surer (the sum of weight times confidence); where that is equal too, to the
    side that the others have more often as their second guess; else the cluster stays without a
    name.
    Agreement is the score of the name as a share of the weight of the votes cast (one labeller
    alone: 1), those included that a person overruled; a name with less than ``least_agreement``
    among those who decide is taken back. Confidence is the mean over
    those who voted for the name; a second guess counts half, with what its labeller left over
    from the first.

    Args:
        facts: The clusters, in the order of the result.
        answers: What was said, of any of these clusters, in any order.
        legend: Classes that an answer may name.
        rule: How votes are counted.
        weights: Weight by labeller, 0 or more; for "weighted" and "rank".
        least_agreement: Share of the weight, 0 to 1, that a name needs.

    Returns:
        A naming for each cluster; code 255 where there is no name, ``rule`` says why.

    Raises:
        UsageError: an unknown rule, a negative weight, a share outside 0 to 1.
    """
    _check(rule, weights or {}, least_agreement)
    used = {} if rule == "majority" else dict(weights or {})
    codes = {*legend.codes, UNNAMED}
    strange = next((a for a in answers if a.code not in codes), None)
    if strange is not None:
        raise UsageError(
            f"{strange.labeller} gave cluster {strange.cluster} the code {strange.code}, which the "
            f"legend '{legend.name}' does not have."
        )
    namings = []
    for cluster in facts:
        said = tuple(a for a in answers if a.cluster == cluster.id)
        found = _decide(_ballots(who_counts(said), rule, used), rule, least_agreement)
        agreement = found.agreement
        if found.code != UNNAMED:  # a person decides, and the others may disagree all the same
            agreement = _agreement(_ballots(said, rule, used), found.code)
        namings.append(Naming(cluster, found.code, found.confidence, agreement, said, found.rule))
    return namings


def is_person(labeller: str) -> bool:
    """Say whether a labeller, as the user wrote it, is a person."""
    return labeller.partition(":")[0].strip().lower() == PERSON


def who_counts(said: Sequence[Answer]) -> list[Answer]:
    """Return the answers about a cluster that count: of persons who name it, else of all."""
    return [a for a in said if a.code != UNNAMED and is_person(a.labeller)] or list(said)


def weights_from(reliability: Mapping[str, float], classes: int) -> dict[str, float]:
    """Return the weights of labellers from how often each was right.

    The logarithm of the odds of being right (Nitzan & Paroush 1982), for more than two classes
    against those of a guess (Zhu et al. 2009, doi:10.4310/SII.2009.v2.n3.a8); 0 for a labeller no
    better than a guess.

    Args:
        reliability: Share of right answers by labeller, 0 to 1, where truth was known.
        classes: Number of classes that could be named, 2 or more.
    """
    cut = {name: min(max(share, 1e-6), _MOST_SURE) for name, share in reliability.items()}
    odds = {name: share * (classes - 1) / (1 - share) for name, share in cut.items()}
    return {name: max(math.log(value), 0.0) for name, value in odds.items()}


class _Ballot(NamedTuple):
    """One labeller's vote: points by class, how sure of each, and its weight."""

    points: Mapping[int, float]
    confidence: Mapping[int, float]
    second: int | None
    weight: float


class _Verdict(NamedTuple):
    code: int
    confidence: float
    agreement: float
    rule: str


def _check(rule: str, weights: Mapping[str, float], least_agreement: float) -> None:
    if rule not in RULES:
        raise UsageError(f"There is no rule '{rule}' of voting.", f"Known: {', '.join(RULES)}.")
    bad = next((n for n, w in weights.items() if not (w >= 0 and math.isfinite(w))), None)
    if bad is not None:
        raise UsageError(f"The weight of {bad} is {weights[bad]}.", "A weight is 0 or more.")
    if not 0 <= least_agreement <= 1:
        raise UsageError(f"A least agreement of {least_agreement} is no share from 0 to 1.")


def _ballots(said: Sequence[Answer], rule: VoteRule, weights: Mapping[str, float]) -> list[_Ballot]:
    ballots = []
    for answer in said:
        weight = weights.get(answer.labeller, 1.0)
        if answer.code == UNNAMED or weight == 0:
            continue
        second = answer.second if answer.second not in (None, UNNAMED, answer.code) else None
        points = {answer.code: weight}
        confidence = {answer.code: answer.confidence}
        if rule == "rank" and second is not None:
            points[second] = SECOND * weight
            confidence[second] = answer.probabilities.get(second, 1 - answer.confidence)
        ballots.append(_Ballot(points, confidence, second, weight))
    return ballots


def _decide(ballots: Sequence[_Ballot], rule: VoteRule, least_agreement: float) -> _Verdict:
    if not ballots:
        return _Verdict(UNNAMED, 0.0, 0.0, "nobody named it")
    scores = {code: _points(ballots, code) for ballot in ballots for code in ballot.points}
    leaders, why = _best(scores), str(rule)
    if len(leaders) > 1:
        leaders, why = _best({c: _sureness(ballots, c) for c in leaders}), "tie: the surer side"
    if len(leaders) > 1:
        leaders = _best({c: _seconds(ballots, c) for c in leaders})
        why = "tie: the second guesses"
    code = min(leaders)
    agreement = _agreement(ballots, code)
    if len(leaders) > 1:
        return _Verdict(UNNAMED, 0.0, agreement, "tie: no name")
    if agreement < least_agreement - _EQUAL:
        reason = f"agreement {agreement:.2f} is under {least_agreement:.2f}"
        return _Verdict(UNNAMED, 0.0, agreement, reason)
    return _Verdict(code, _sureness(ballots, code) / scores[code], agreement, why)


def _best(scores: Mapping[int, float]) -> list[int]:
    most = max(scores.values())
    return [code for code, score in scores.items() if score >= most - _EQUAL]


def _points(ballots: Sequence[_Ballot], code: int) -> float:
    return sum(ballot.points.get(code, 0.0) for ballot in ballots)


def _agreement(ballots: Sequence[_Ballot], code: int) -> float:
    return _points(ballots, code) / sum(ballot.weight for ballot in ballots)


def _sureness(ballots: Sequence[_Ballot], code: int) -> float:
    """Return the sum of points times confidence."""
    return sum(b.points.get(code, 0.0) * b.confidence.get(code, 0.0) for b in ballots)


def _seconds(ballots: Sequence[_Ballot], code: int) -> float:
    return sum(ballot.weight for ballot in ballots if ballot.second == code)
