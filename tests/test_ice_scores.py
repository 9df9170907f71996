"""Scores of ice by hand; what is undefined is said so; a paired test of two methods."""

import numpy as np
import pytest
from scipy.special import comb

from obriy.errors import GridError, InputError
from obriy.model.ice import CLOUD, ICE, LAND, WATER
from obriy.validation.ice_scores import SCORES, IceCounts, count_ice, ice_scores, paired_test


def codes(text):
    table = {".": 0, "w": WATER, "i": ICE, "c": CLOUD, "l": LAND, "?": 255}
    return np.array([[table[letter] for letter in row] for row in text.split()], "uint8")


def test_what_is_counted():
    truth = codes("iiiiww wwcccc llll..")
    said = codes("iiwcwi ww?iic iiiiii")
    counts = count_ice(truth, said)
    # ice: 2 right, 1 as water, 1 as cloud; water: 1 of 4 as ice; cloud: 2 of 4 as ice.
    assert counts == IceCounts(tp=2, fp=3, fn=2, tn=5, cloud=4, cloud_as_ice=2, ice_as_cloud=1)
    blind = count_ice(truth, np.zeros_like(said))
    assert blind == IceCounts(0, 0, 0, 0)
    with pytest.raises(GridError, match="pixels"):
        count_ice(truth, said[:, :3])


def test_scores_by_hand():
    scores = ice_scores([IceCounts(20, 10, 5, 60, 30, 6, 1), IceCounts(10, 0, 5, 90, 0, 0, 0)])
    # Together: tp 30, fp 10, fn 10, tn 150 of 200.
    chance = (40 * 40 + 160 * 160) / 200**2
    expected = {
        "overall_accuracy": 0.9,
        "iou": 30 / 50,
        "precision": 0.75,
        "recall": 0.75,
        "f1": 0.75,
        "kappa": (0.9 - chance) / (1 - chance),
        "cloud_as_ice": 0.2,
        "ice_as_cloud": 1 / 40,
    }
    assert {name: scores[name] for name in SCORES} == pytest.approx(expected)
    assert (scores["scenes"], scores["pixels"], scores["undefined"]) == (2, 200, "")
    assert scores["counts"]["cloud_as_ice"] == 6
    assert set(scores["intervals"].values()) == {None}  # of two scenes nobody can tell


def test_without_ice_the_iou_is_not_defined():
    scores = ice_scores([IceCounts(0, 0, 0, 100)])
    assert [scores[name] for name in ("iou", "precision", "recall", "f1", "kappa")] == [None] * 5
    assert scores["cloud_as_ice"] is None
    assert scores["overall_accuracy"] == 1
    assert "not defined" in scores["undefined"]
    # Ice that is not there, though, is an error, and defined.
    assert ice_scores([IceCounts(0, 5, 0, 95)])["iou"] == 0
    assert ice_scores([])["iou"] is None


def scenes(count, error, seed):
    """Scenes of 1000 pixels of ice of which about a share is missed, as much said wrongly."""
    random = np.random.default_rng(seed)
    missed = random.binomial(1000, np.clip(random.normal(error, 0.02, count), 0, 1))
    return [IceCounts(int(1000 - m), int(m), int(m), 4000 - int(m)) for m in missed]


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    # IoU = (1 - e) / (1 + e) for a share e missed and as much said wrongly.
    truth, hit = (1 - 0.1) / (1 + 0.1), 0
    for seed in range(100):
        low, high = ice_scores(scenes(40, 0.1, seed), seed=seed)["intervals"]["iou"]
        hit += low <= truth <= high
    assert 82 <= hit <= 97
    assert ice_scores(scenes(40, 0.1, 0), seed=5) == ice_scores(scenes(40, 0.1, 0), seed=5)


def test_paired_test_sees_a_small_but_steady_lead():
    easier = [IceCounts(c.tp + 5, c.fp, c.fn - 5, c.tn) for c in scenes(30, 0.2, 1)]
    found = paired_test(easier, scenes(30, 0.2, 1), seed=0)
    tp, missed = sum(c.tp for c in easier), sum(c.fn for c in easier)
    wrong = sum(c.fp for c in easier)
    expected = tp / (tp + missed + wrong) - (tp - 150) / (tp + missed + wrong)
    assert found["difference"] == pytest.approx(expected)
    assert found["interval"][0] > 0
    assert found["p_value"] < 0.001
    assert found["scenes"] == 30
    other = paired_test(scenes(30, 0.2, 1), easier, seed=0)
    assert other["difference"] == -found["difference"]


def test_paired_test_of_equals():
    # Two methods that err alike, but in other places: significant in one of twenty comparisons.
    found = [
        paired_test(scenes(25, 0.2, s), scenes(25, 0.2, 1000 + s), seed=s)["p_value"]
        for s in range(60)
    ]
    assert sum(p < 0.05 for p in found) <= 8
    same = paired_test(scenes(25, 0.2, 0), scenes(25, 0.2, 0), seed=0)
    assert (same["difference"], same["interval"], same["p_value"]) == (0, [0, 0], 1)


def test_p_value_against_all_that_chance_can_do():
    # Eight scenes alike, one method better by as much in every one: of 2^8 ways to deal the maps,
    # only the two extreme ones give a difference as large.
    a, b = [IceCounts(90, 0, 10, 100)] * 8, [IceCounts(80, 0, 20, 100)] * 8
    found = paired_test(a, b, seed=1)["p_value"]
    assert found == pytest.approx(2 * comb(8, 0) / 2**8, abs=0.003)


def test_pairs_that_are_none():
    with pytest.raises(InputError, match="in pairs"):
        paired_test([IceCounts(1, 0, 0, 1)], [])
    with pytest.raises(InputError, match="not defined"):
        paired_test([IceCounts(0, 0, 0, 9)], [IceCounts(0, 1, 0, 8)])
