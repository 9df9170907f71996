"""Scores by hand, from papers, and by their own laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from obriy.errors import InputError
from obriy.model.legend import Legend, LegendClass, load_legend
from obriy.validation.bootstrap import block_intervals
from obriy.validation.confusion import Counter
from obriy.validation.edges import edge_ring
from obriy.validation.scores import metrics, score

WATER = load_legend("water")


def confusion_matrix(reference, mapped, legend):
    """The counts of two arrays of any shape, in one window."""
    flat = np.atleast_2d(reference).reshape(1, -1), np.atleast_2d(mapped).reshape(1, -1)
    counter = Counter((1, 1), legend, cell=flat[0].size or 1)
    counter.add(slice(0, 1), slice(0, flat[0].size), *flat)
    return counter.total


def legend_of(*names) -> Legend:
    return Legend("made", tuple(LegendClass(i + 1, n, {}, "#000000") for i, n in enumerate(names)))


def test_document_c_to_the_last_printed_digit():
    # Pixels of 100 m²: reference 27.35 km², recall 97.30 %, precision 83.50 %, window 251 km².
    reference, window = 273_500, 2_510_000
    found = round(reference * 0.9730)
    mapped = round(found / 0.8350)
    land = window - reference - (mapped - found)
    confusion = np.array([[land, mapped - found, 0], [reference - found, found, 0]])
    scores = score(confusion, WATER)
    water = scores.classes[1]
    assert (water.name, water.code) == ("water", 2)
    assert f"{water.precision:.2%}" == "83.50%"
    assert f"{water.recall:.2%}" == "97.30%"
    assert f"{water.f1:.2%}" == "89.87%"
    assert f"{scores.overall_accuracy:.2%}" == "97.61%"
    assert f"{scores.kappa:.3f}" == "0.885"
    assert f"{mapped * 100e-6:.2f}" == "31.87"
    assert scores.pixels == window


def test_every_metric_on_three_by_three():
    # reference   W W L      map   W L L      W = water (2), L = land (1),
    #             W L L            W L ?      ? = not named (255), . = unseen (0)
    #             L L W            W . W
    reference = np.array([[2, 2, 1], [2, 1, 1], [1, 1, 2]], "uint8")
    mapped = np.array([[2, 1, 1], [2, 1, 255], [2, 0, 2]], "uint8")
    confusion = confusion_matrix(reference, mapped, WATER)
    np.testing.assert_array_equal(confusion, [[2, 1, 1], [1, 3, 0]])
    scores = score(confusion, WATER)
    assert scores.pixels == 8
    assert (scores.confusion, scores.unnamed) == (((2, 1), (1, 3)), (1, 0))
    assert scores.overall_accuracy == pytest.approx(5 / 8)
    # Chance: land 4/8 of the reference and 3/8 of the map, water 4/8 and 4/8: (12 + 16) / 64.
    assert scores.kappa == pytest.approx((5 / 8 - 28 / 64) / (1 - 28 / 64))
    land, water = scores.classes
    assert (land.precision, land.recall) == pytest.approx((2 / 3, 2 / 4))
    assert (water.precision, water.recall) == pytest.approx((3 / 4, 3 / 4))
    assert (land.f1, water.f1) == pytest.approx((4 / 7, 6 / 8))
    assert (land.iou, water.iou) == pytest.approx((2 / 5, 3 / 5))
    assert scores.mean_iou == pytest.approx(1 / 2)


def test_kappa_of_a_published_two_by_two_table():
    # Viera and Garrett, "Understanding interobserver agreement: the kappa statistic", Family
    # Medicine 37 (2005), table 1: 15, 5, 10, 70; observed 0.85, expected 0.65, kappa 0.57.
    scores = score(np.array([[15, 5, 0], [10, 70, 0]]), WATER)
    assert scores.overall_accuracy == pytest.approx(0.85)
    assert f"{scores.kappa:.2f}" == "0.57"


def test_error_matrix_of_congalton():
    # Congalton, Remote Sensing of Environment 37 (1991), table 1 (rows there are the map):
    # overall 74 %, producer's 87 79 74 64 %, user's 57 81 74 87 %, KHAT 0.65.
    table = np.array([[65, 4, 22, 24], [6, 81, 5, 8], [0, 11, 85, 19], [4, 7, 3, 90]])
    confusion = np.column_stack([table.T, np.zeros(4, int)])
    scores = score(confusion, legend_of("deciduous", "conifer", "agriculture", "shrub"))
    assert f"{scores.overall_accuracy:.0%}" == "74%"
    assert f"{scores.kappa:.2f}" == "0.65"
    assert [f"{c.recall:.0%}" for c in scores.classes] == ["87%", "79%", "74%", "64%"]
    assert [f"{c.precision:.0%}" for c in scores.classes] == ["57%", "81%", "74%", "87%"]


def test_undefined_is_none_and_never_zero():
    all_land = score(np.array([[9, 0, 0], [0, 0, 0]]), WATER)
    land, water = all_land.classes
    assert (land.precision, land.recall, land.f1, land.iou) == (1, 1, 1, 1)
    assert (water.precision, water.recall, water.f1, water.iou) == (None, None, None, None)
    assert (all_land.kappa, all_land.mean_iou) == (None, 1)
    nothing_found = score(np.array([[5, 0, 0], [4, 0, 0]]), WATER)
    water = nothing_found.classes[1]
    assert (water.precision, water.recall, water.f1, water.iou) == (None, 0, 0, 0)
    assert nothing_found.kappa == 0
    assert nothing_found.mean_iou == pytest.approx(5 / 9 / 2)


def test_unknown_codes_are_refused():
    with pytest.raises(InputError, match="The map has the code 7"):
        confusion_matrix(np.array([1, 2], "uint8"), np.array([1, 7], "uint8"), WATER)
    with pytest.raises(InputError, match="The reference has the code 3"):
        confusion_matrix(np.array([3, 2], "uint8"), np.array([1, 1], "uint8"), WATER)


codes = hnp.arrays("uint8", 60, elements=st.sampled_from([0, 1, 2, 3, 255]))


@given(codes, codes)
def test_confusion_sums_to_what_was_compared(reference, mapped):
    legend = legend_of("a", "b", "c")
    confusion = confusion_matrix(reference, mapped, legend)
    known = (reference != 0) & (reference != 255)
    assert confusion.sum() == (known & (mapped != 0)).sum()
    for i, code in enumerate(legend.codes):
        assert confusion[i, i] == ((reference == code) & (mapped == code)).sum()
        assert confusion[i, 3] == ((reference == code) & (mapped == 255)).sum()


@given(codes, codes, st.permutations([1, 2, 3]))
def test_relabelling_permutes(reference, mapped, order):
    legend = legend_of("a", "b", "c")
    table = np.arange(256, dtype="uint8")
    table[[1, 2, 3]] = order
    before = confusion_matrix(reference, mapped, legend)
    after = confusion_matrix(table[reference], table[mapped], legend)
    where = np.array(order) - 1
    np.testing.assert_array_equal(after[np.ix_(where, [*where, 3])], before)
    one, two = metrics(before), metrics(after)
    for name in ("overall_accuracy", "kappa", "mean_iou"):
        np.testing.assert_allclose(one[name], two[name], rtol=1e-12)
    np.testing.assert_allclose(two["f1"][where], one["f1"], rtol=1e-12)


@given(hnp.arrays("int64", (2, 3), elements=st.integers(0, 50)))
def test_scores_stay_in_their_bounds(confusion):
    found = metrics(confusion)
    for name, values in found.items():
        defined = values[np.isfinite(values)]
        assert (defined <= 1 + 1e-12).all()
        assert (defined >= (-1 if name == "kappa" else 0)).all()
    defined = np.isfinite(found["f1"]) & np.isfinite(found["iou"])
    iou = found["iou"][defined]
    np.testing.assert_allclose(found["f1"][defined], 2 * iou / (1 + iou))


def test_counting_by_windows_is_counting_at_once():
    random = np.random.default_rng(0)
    reference = random.choice(np.array([0, 1, 2], "uint8"), (200, 150))
    mapped = random.choice(np.array([0, 1, 2, 255], "uint8"), (200, 150))
    counter = Counter.for_map((200, 150), WATER)
    for rows in (slice(0, 77), slice(77, 200)):
        for columns in (slice(0, 64), slice(64, 150)):
            part = rows, columns
            counter.add(*part, reference[part], mapped[part])
    np.testing.assert_array_equal(counter.total, confusion_matrix(reference, mapped, WATER))
    np.testing.assert_array_equal(
        counter.counts[1, 2],
        confusion_matrix(reference[64:128, 128:], mapped[64:128, 128:], WATER),
    )
    assert counter.unseen == ((reference > 0) & (mapped == 0)).sum()


def test_edge_ring_by_hand():
    labels = np.array(
        [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 2, 2, 0], [1, 1, 2, 2, 2], [1, 1, 2, 2, 2]],
        "uint8",
    )
    expected = [
        [0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1],  # the last one touches the 2 by a corner, not the 0
        [0, 1, 1, 1, 0],
        [0, 1, 1, 0, 0],
        [0, 1, 1, 0, 0],
    ]
    np.testing.assert_array_equal(edge_ring(labels), np.array(expected, bool))


@given(hnp.arrays("uint8", (6, 7), elements=st.sampled_from([0, 1, 2])))
def test_edge_ring_against_the_definition(labels):
    expected = np.zeros(labels.shape, bool)
    for row, column in np.ndindex(labels.shape):
        near = labels[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2]
        expected[row, column] = labels[row, column] and bool(
            set(near.flat) - {0, labels[row, column]}
        )
    np.testing.assert_array_equal(edge_ring(labels), expected)


def blocks_of(error_rates, pixels=4096):
    cells = np.zeros((len(error_rates), 1, 2, 3), "int64")
    for cell, rate in zip(cells, error_rates, strict=True):
        wrong = round(pixels / 2 * rate)
        cell[0, :, :2] = [[pixels // 2 - wrong, wrong], [wrong, pixels // 2 - wrong]]
    return cells


def test_bootstrap_is_seeded_and_wider_than_a_binomial():
    random = np.random.default_rng(5)
    rates = random.uniform(0, 0.2, 49)
    cells = blocks_of(rates)
    low, high = block_intervals(cells, WATER, seed=1)["overall_accuracy"]
    assert block_intervals(cells, WATER, seed=1)["overall_accuracy"] == [low, high]
    assert block_intervals(cells, WATER, seed=2)["overall_accuracy"] != [low, high]
    assert low < 1 - rates.mean() < high
    # The spread of block means, not of 200 704 pixels that never were independent.
    spread = rates.std() / np.sqrt(len(rates))
    assert high - low == pytest.approx(2 * 1.645 * spread, rel=0.15)
    binomial = np.sqrt(0.09 / (49 * 4096))
    assert high - low > 10 * 2 * 1.645 * binomial


def test_bootstrap_says_nothing_of_a_small_image():
    assert block_intervals(blocks_of([0.1] * 9), WATER, seed=0) is None
    empty = np.zeros((20, 20, 2, 3), "int64")
    assert block_intervals(empty, WATER, seed=0) is None


def test_bootstrap_leaves_out_what_is_undefined():
    cells = np.zeros((30, 1, 2, 3), "int64")
    cells[:, 0, 0, 0] = 10
    intervals = block_intervals(cells, WATER, seed=0)
    assert intervals["overall_accuracy"] == [1, 1]
    assert "water.f1" not in intervals
    assert "kappa" not in intervals


def test_big_maps_are_drawn_in_big_blocks():
    # 40 x 40 cells; errors alternate cell by cell, so blocks of 4 x 4 cells are all alike.
    cells = blocks_of([0.0, 0.4] * 800).reshape(40, 40, 2, 3)
    low, high = block_intervals(cells, WATER, seed=0)["overall_accuracy"]
    assert high - low == pytest.approx(0, abs=1e-12)
