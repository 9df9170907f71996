"""Votes counted by pen and paper."""

import math

import pytest

from obriy.errors import UsageError
from obriy.labelling.vote import vote, weights_from
from obriy.model.clusters import Answer, ClusterFacts
from obriy.model.legend import load_legend

LEGEND = load_legend("worldcover")
TREE, GRASS, CROP = 10, 30, 40


def facts(number=1):
    return ClusterFacts(number, 10, 0.1, {}, {}, {}, {}, {}, 1.0, {})


def said(labeller, code, confidence=0.5, second=None, cluster=1, **more):
    return Answer(cluster, labeller, str(code), code, confidence, second, **more)


def outcome(answers, **options):
    (naming,) = vote([facts()], answers, LEGEND, **options)
    return naming.code, round(naming.confidence, 6), round(naming.agreement, 6), naming.rule


def test_the_majority_names():
    answers = [said("a", TREE, 0.6), said("b", TREE, 0.8), said("c", GRASS, 1.0)]
    assert outcome(answers) == (TREE, 0.7, round(2 / 3, 6), "majority")


def test_one_labeller_agrees_with_itself():
    assert outcome([said("a", GRASS, 0.3)]) == (GRASS, 0.3, 1.0, "majority")


def test_who_abstains_or_fails_is_not_counted():
    answers = [said("a", CROP, 0.4), said("b", 255), said("c", 255, problem="refused")]
    assert outcome(answers) == (CROP, 0.4, 1.0, "majority")
    assert outcome(answers[1:]) == (255, 0.0, 0.0, "nobody named it")
    assert outcome([]) == (255, 0.0, 0.0, "nobody named it")


def test_a_tie_goes_to_the_surer_side():
    answers = [said("a", TREE, 0.6), said("b", GRASS, 0.7)]
    assert outcome(answers) == (GRASS, 0.7, 0.5, "tie: the surer side")


def test_then_to_what_the_others_say_second():
    answers = [said("a", TREE, 0.7, second=GRASS), said("b", GRASS, 0.7, second=CROP)]
    assert outcome(answers) == (GRASS, 0.7, 0.5, "tie: the second guesses")


def test_else_to_nobody():
    answers = [said("a", TREE, 0.7), said("b", GRASS, 0.7)]
    assert outcome(answers) == (255, 0.0, 0.5, "tie: no name")


def test_a_person_who_names_decides():
    """Three others, all surer, do not outvote one; who leaves the choice to them, leaves it."""
    others = [said(name, TREE, 1.0) for name in "abc"]
    for rule in ("majority", "weighted", "rank"):
        answers = [*others, said("human", CROP, 0.4)]
        assert outcome(answers, rule=rule) == (CROP, 0.4, 0.25, rule), "the others do not agree"
    assert outcome([*others, said("human:a.csv", 255)]) == (TREE, 1.0, 1.0, "majority")
    two = [said("human", CROP, 0.4), said("human:b.csv", GRASS, 0.5), *others]
    assert outcome(two) == (GRASS, 0.5, 0.2, "tie: the surer side")


def test_weights_count_only_where_asked():
    answers = [said("a", TREE, 0.9), said("b", GRASS, 0.6), said("c", GRASS, 0.8)]
    weights = {"a": 3.0, "b": 1.0}
    assert outcome(answers, weights=weights)[0] == GRASS
    assert outcome(answers, rule="weighted", weights=weights) == (TREE, 0.9, 0.6, "weighted")
    nobody = {"a": 0.0, "b": 0.0, "c": 0.0}
    assert outcome(answers, rule="weighted", weights=nobody)[3] == "nobody named it"


def test_the_confidence_of_a_weighted_name_is_a_weighted_mean():
    answers = [said("a", TREE, 0.9), said("b", TREE, 0.5), said("c", GRASS, 0.5)]
    # (3 * 0.9 + 1 * 0.5) / 4 = 0.8; 4 of 5 of the weight
    assert outcome(answers, rule="weighted", weights={"a": 3.0}) == (TREE, 0.8, 0.8, "weighted")


def test_second_guesses_can_win_by_rank():
    answers = [
        said("a", TREE, 0.6, second=CROP),
        said("b", GRASS, 0.6, second=CROP),
        said("c", 90, 0.6, second=CROP),
    ]
    # crop: 3 * 0.5 = 1.5 points of 3; each left 0.4 to it
    assert outcome(answers, rule="rank") == (CROP, 0.4, 0.5, "rank")
    answers[0] = said("a", TREE, 0.6, second=CROP, probabilities={TREE: 0.6, CROP: 0.1})
    assert outcome(answers, rule="rank")[1] == 0.3


def test_a_second_guess_that_repeats_the_first_is_none():
    answers = [said("a", TREE, 0.6, second=TREE), said("b", GRASS, 0.7, second=255)]
    assert outcome(answers, rule="rank") == (GRASS, 0.7, 0.5, "tie: the surer side")


def test_too_little_agreement_takes_the_name_back():
    answers = [said("a", TREE, 0.9), said("b", TREE, 0.9), said("c", GRASS), said("d", CROP)]
    assert outcome(answers, least_agreement=0.5)[0] == TREE
    code, confidence, agreement, rule = outcome(answers, least_agreement=0.6)
    assert (code, confidence, agreement) == (255, 0.0, 0.5)
    assert rule == "agreement 0.50 is under 0.60"


def test_each_cluster_has_its_own_vote_and_keeps_its_answers():
    answers = [said("a", TREE, cluster=2), said("a", GRASS), said("b", TREE, cluster=2)]
    first, second = vote([facts(1), facts(2)], answers, LEGEND)
    assert (first.code, second.code) == (GRASS, TREE)
    assert first.answers == (answers[1],)
    assert second.answers == (answers[0], answers[2])


def test_the_order_of_the_answers_does_not_matter():
    answers = [said("a", TREE, 0.2), said("b", GRASS, 0.9), said("c", CROP, 0.9, second=GRASS)]
    for rule in ("majority", "weighted", "rank"):
        assert outcome(answers, rule=rule) == outcome(answers[::-1], rule=rule)


def test_weights_are_log_odds_over_a_guess():
    weights = weights_from({"good": 0.9, "guess": 0.25, "worse": 0.1, "always": 1.0}, classes=4)
    assert weights["good"] == pytest.approx(math.log(27))  # 9 to 1 against 1 to 3
    assert weights["guess"] == weights["worse"] == 0
    assert weights["always"] == pytest.approx(math.log(297))


@pytest.mark.parametrize(
    "options",
    [
        {"rule": "loudest"},
        {"rule": "weighted", "weights": {"a": -1.0}},
        {"rule": "weighted", "weights": {"a": math.nan}},
        {"least_agreement": 1.5},
    ],
)
def test_rules_that_cannot_be_are_refused(options):
    with pytest.raises(UsageError):
        outcome([said("a", TREE)], **options)


def test_a_code_of_another_legend_is_refused():
    with pytest.raises(UsageError, match="code 7"):
        outcome([said("a", 7)])
