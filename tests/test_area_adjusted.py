"""Areas from a labelled sample, against the worked examples of the papers."""

import numpy as np
import pytest

from obriy.errors import EmptyResultError
from obriy.model.legend import Legend, LegendClass, load_legend
from obriy.model.sample import SampleDesign, SampleUnit, Stratum
from obriy.validation.area_adjusted import estimate_areas

WATER = load_legend("water")
HA = 1e4


def legend_of(*names):
    classes = (LegendClass(i, n, {"en": n}, "#000000") for i, n in enumerate(names, 1))
    return Legend("test", tuple(classes))


def design_of(legend, strata, units, **about):
    """A design; ``strata``: name, pixels, mapped m²; ``units``: stratum, map, label[, area]."""
    drawn = tuple(
        SampleUnit(i, stratum, mapped, 0, i, *(rest or (1.0,)))
        for i, (stratum, mapped, _, *rest) in enumerate(units, 1)
    )
    sizes = [sum(unit[0] == name for unit in units) for name, _, _ in strata]
    parts = tuple(
        Stratum(name, pixels, mapped, n)
        for (name, pixels, mapped), n in zip(strata, sizes, strict=True)
    )
    labels = {i: unit[2] for i, unit in enumerate(units, 1)}
    return SampleDesign(legend, parts, drawn, seed=0, **about), labels


def by_class(legend, counts, pixels, pixel_m2=1.0):
    """Strata are the classes of the map; rows of ``counts`` map, columns labels."""
    names = [c.name for c in legend]
    units = [
        (names[i], names[i], names[j], pixel_m2)
        for i, row in enumerate(counts)
        for j, n in enumerate(row)
        for _ in range(n)
    ]
    strata = [(n, p, {n: p * pixel_m2}) for n, p in zip(names, pixels, strict=True)]
    return design_of(legend, strata, units)


OLOFSSON = legend_of("deforestation", "forest_gain", "stable_forest", "stable_non_forest")
COUNTS = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
PIXELS = [200_000, 150_000, 3_200_000, 6_450_000]


def test_olofsson_2014_example():
    # Olofsson et al. 2014, section 5.2 and table 8: pixels of 30 m, 95 % intervals.
    found = estimate_areas(*by_class(OLOFSSON, COUNTS, PIXELS, 900.0))
    areas = [(c.area.value / HA, c.area.margin(0.95) / HA) for c in found.classes]
    printed = [(21_158, 6_158), (11_686, 3_756), (285_770, 15_510), (581_386, 16_282)]
    # The paper rounds; Stehman's population correction takes less than 1 in 5000 from the error.
    for (area, margin), (paper_area, paper_margin) in zip(areas, printed, strict=True):
        assert area == pytest.approx(paper_area, abs=1)
        assert margin == pytest.approx(paper_margin, rel=3e-4)
    users = [(c.users_accuracy.value, c.users_accuracy.margin(0.95)) for c in found.classes]
    producers = [
        (c.producers_accuracy.value, c.producers_accuracy.margin(0.95)) for c in found.classes
    ]
    shown = [[(round(v, 2), round(m, 2)) for v, m in rows] for rows in (users, producers)]
    assert shown[0] == [(0.88, 0.07), (0.73, 0.10), (0.93, 0.04), (0.96, 0.02)]
    # Margins of equation 7; those of forest gain and of stable non-forest by hand below.
    assert shown[1] == [(0.75, 0.21), (0.85, 0.25), (0.93, 0.03), (0.96, 0.02)]
    assert round(found.overall_accuracy.value, 2) == 0.95
    assert round(found.overall_accuracy.margin(0.95), 2) == 0.02
    assert found.counts == tuple(tuple(row) for row in COUNTS)


def test_olofsson_2014_by_hand():
    # Deforestation: .02·66/75 + .32·1/165 + .645·2/325 = .0176 + .00193939 + .00396923
    found = estimate_areas(*by_class(OLOFSSON, COUNTS, PIXELS)).of("deforestation")
    assert found.area.value / sum(PIXELS) == pytest.approx(0.0235086, abs=1e-7)
    # Mapped .02 of 10 000 000 pixels: the map has 35 086 pixels too few.
    assert found.bias_m2 == pytest.approx(200_000 - 235_086, abs=1)
    proportions = estimate_areas(*by_class(OLOFSSON, COUNTS, PIXELS)).proportions
    assert proportions[0] == pytest.approx((0.0176, 0, 0.02 * 5 / 75, 0.02 * 4 / 75))
    assert np.sum(proportions) == pytest.approx(1)


def test_olofsson_2014_equation_7_by_hand():
    # Forest gain: p = .015·55/75 + .645/325 = .0129846; P = .011/.0129846 = .847157.
    # (1-P)²·.015²·(55/75)(20/75)/74 = 1.389e-8; P²·.645²·(1/325)(324/325)/324 = 2.8267e-6;
    # their sum 2.8406e-6 / p² = .016848, root .12980, ·1.95996 = .25441.
    # Stable non-forest: p = .6459846, P = .961609, (1-P)² term 6.730e-8, P² term 3.65555e-5,
    # sum 3.66228e-5 / p² = 8.7762e-5, root .0093682, ·1.95996 = .018361.
    found = estimate_areas(*by_class(OLOFSSON, COUNTS, PIXELS))
    gain, stable = found.of("forest_gain"), found.of("stable_non_forest")
    assert gain.producers_accuracy.margin(0.95) == pytest.approx(0.25441, rel=3e-4)
    assert stable.producers_accuracy.margin(0.95) == pytest.approx(0.018361, rel=3e-4)


def test_ninety_per_cent_is_narrower():
    found = estimate_areas(*by_class(OLOFSSON, COUNTS, PIXELS, 900.0)).of("deforestation").area
    # 6158 ha · 1.6449 / 1.9600
    assert found.margin(0.90) / HA == pytest.approx(5_168, abs=2)
    assert found.interval(0.90) == pytest.approx(
        (found.value - found.margin(0.90), found.value + found.margin(0.90))
    )


STEHMAN = legend_of("A", "B", "C", "D")
# Stehman 2014, table 1: ten pixels of each stratum, map class then label.
TABLE_1 = {
    "A": "AA AA AA AA AA AC AB BA BB BC",
    "B": "AA BB BB BB BB BB BA BA BB BB",
    "C": "BC BC CC CC CC CD CD CB BB BA",
    "D": "DD DD DD DD DD DD DD DC DC DB",
}


def stehman():
    units = [(h, pair[0], pair[1]) for h, row in TABLE_1.items() for pair in row.split()]
    sizes = {"A": 40_000, "B": 30_000, "C": 20_000, "D": 10_000}
    # The example gives the sizes of the strata only; how the classes fill them is not used.
    mapped = {h: {m for s, m, _ in units if s == h} for h in sizes}
    strata = [(h, n, {m: n / len(mapped[h]) for m in mapped[h]}) for h, n in sizes.items()]
    return estimate_areas(*design_of(STEHMAN, strata, units))


def test_stehman_2014_example():
    # Pages 4932 to 4936 of the paper.
    found = stehman()
    a, b, c = (found.of(name) for name in "ABC")
    assert a.area.value / 1e5 == pytest.approx(0.35)
    assert a.area.standard_error / 1e5 == pytest.approx(0.082, abs=5e-4)
    assert c.area.value / 1e5 == pytest.approx(0.20)
    assert c.area.standard_error / 1e5 == pytest.approx(0.064, abs=5e-4)
    assert found.overall_accuracy.value == pytest.approx(0.63)
    assert found.overall_accuracy.standard_error == pytest.approx(0.085, abs=5e-4)
    assert b.users_accuracy.value == pytest.approx(0.574, abs=5e-4)
    assert b.users_accuracy.standard_error == pytest.approx(0.125, abs=5e-4)
    assert b.producers_accuracy.value == pytest.approx(0.794, abs=5e-4)
    assert found.proportions[1][2] == pytest.approx(0.08)


def test_standard_error_of_a_ratio_by_hand():
    # Producer's accuracy of B in Stehman's example, R = 27/34. Residuals y - R x are 1 - R = 7/34
    # and -R = -27/34: A and C have one of each and 8 zeros, B has 7/34 seven times, D has -27/34.
    # Variances, in 1/34²: A, C (49 + 729 - 400/10)/9 = 82; B (343 - 2401/10)/9 = 11.4333;
    # D (729 - 729/10)/9 = 72.9. With 1 - 10/N: 4²·82·.99975 + 3²·11.4333·.999667
    # + 2²·82·.9995 + 72.9·.999 = 1311.672 + 102.866 + 327.836 + 72.827 = 1815.201;
    # · 10⁸ / 10 / 34² / 34000² = .0135836, whose root is .116549.
    found = stehman().of("B").producers_accuracy
    assert found.standard_error == pytest.approx(0.116549, abs=2e-6)


def test_unequal_pixels_count_by_their_area():
    # One stratum of 4 pixels, all labelled, 1 + 1 + 1 + 3 m²; the large one is water.
    units = [("water", "water", "water", 3.0), *[("water", "water", "not_water", 1.0)] * 3]
    found = estimate_areas(*design_of(WATER, [("water", 4, {"water": 6.0})], units))
    assert found.of("water").area.value == pytest.approx(3.0)
    assert found.of("water").area.standard_error == 0  # a census has no sampling error
    assert found.overall_accuracy.value == pytest.approx(0.5)
    assert found.of("not_water").users_accuracy.value is None
    assert found.of("not_water").users_accuracy.reason == "The map has no 'not_water'."


def two(water, land, pixels=(1000, 9000)):
    """Labels of the two strata: letters w, l, or . for none."""
    words = {"w": "water", "l": "not_water", ".": None}
    units = [("not_water", "not_water", words[k]) for k in land]
    units += [("water", "water", words[k]) for k in water]
    strata = [
        ("not_water", pixels[1], {"not_water": float(pixels[1])}),
        ("water", pixels[0], {"water": float(pixels[0])}),
    ]
    return design_of(WATER, strata, units, unseen_m2=1500.0, unnamed_m2=500.0)


def test_a_stratum_without_labels_gives_no_area_but_the_others_keep_their_accuracy():
    found = estimate_areas(*two("wwwl", "..."))
    reason = "The stratum 'not_water' has no unit with a label."
    for figure in (found.overall_accuracy, found.of("water").area):
        assert (figure.value, figure.standard_error, figure.reason) == (None, None, reason)
        assert figure.interval(0.9) is None
    assert found.of("water").bias_m2 is None
    assert found.proportions is None
    assert found.of("water").users_accuracy.value == pytest.approx(0.75)
    # 0.75 · 0.25 / 3 · (1 - 4/1000)
    assert found.of("water").users_accuracy.standard_error ** 2 == pytest.approx(0.0625 * 0.996)


def test_one_label_in_a_stratum_gives_an_area_without_an_error():
    found = estimate_areas(*two("wwl", "l")).of("water").area
    assert found.value == pytest.approx(2000 / 3)
    assert (found.standard_error, found.interval(0.9)) == (None, None)
    assert "only one unit" in found.reason


def test_labels_that_all_agree_do_not_make_the_error_zero():
    found = estimate_areas(*two("wwww", "llll"))
    assert found.overall_accuracy.value == 1
    assert found.overall_accuracy.standard_error is None
    assert "too small" in found.overall_accuracy.reason
    assert found.of("water").area.value == pytest.approx(1000)
    assert found.of("water").area.standard_error is None


def test_a_class_that_no_label_names_has_no_producers_accuracy():
    found = estimate_areas(*two("llll", "llll")).of("water")
    assert found.area.value == 0
    assert found.area.standard_error is None
    assert found.producers_accuracy.value is None
    assert found.producers_accuracy.reason == "No unit was labelled 'water'."


def test_units_without_a_label_are_counted_and_warned_of():
    found = estimate_areas(*two("wwwl....", "lllw" * 10))
    assert found.notes[0] == "4 of 48 units have no label and were left out."
    assert "bias" in found.notes[1]
    assert len(found.notes) == 3
    assert [row[3:] for row in found.labelled] == [(40, 40), (8, 4)]
    assert "'water' has 4 labelled units" in found.notes[2]


def test_what_was_not_seen_is_said_and_in_no_figure():
    found = estimate_areas(*two("wwwl", "lllw"))
    assert found.population_m2 == 10_000
    assert found.unseen_share == pytest.approx(2000 / 12_000)
    assert sum(c.area.value for c in found.classes) == pytest.approx(10_000)


def test_no_labels_at_all():
    with pytest.raises(EmptyResultError, match="None of the 6 units"):
        estimate_areas(*two("...", "..."))


def test_intervals_stay_within_what_is_possible():
    found = estimate_areas(*two("lllw", "llllllllllw"))
    assert found.of("water").area.interval(0.95)[0] == 0
    assert found.of("water").users_accuracy.interval(0.95)[0] == 0
    assert found.of("not_water").area.interval(0.95)[1] == 10_000


def test_plain_values_have_no_nan_and_keep_the_reasons():
    import json

    shown = json.loads(json.dumps(estimate_areas(*two("wwwl", ".")).to_dict(), allow_nan=False))
    water = next(c for c in shown["classes"] if c["name"] == "water")
    assert water["area_m2"]["value"] is None
    assert "no unit with a label" in water["area_m2"]["reason"]
    assert water["users_accuracy"]["interval_90"] is not None


def simulated(rng, sizes, right, pixels, draws):
    """Draw a design many times from a map whose truth is known: intervals that hold it, areas."""
    truth = {k: rng.random(n) < right[k] for k, n in pixels.items()}
    water = truth["water"].sum() + (~truth["not_water"]).sum()
    other = {"water": "not_water", "not_water": "water"}
    strata = [(name, n, {name: float(n)}) for name, n in pixels.items()]
    hits, values = 0, []
    for _ in range(draws):
        units = []
        for name, agrees in truth.items():
            drawn = agrees[rng.choice(len(agrees), sizes[name], replace=False)]
            units += [(name, name, name if ok else other[name]) for ok in drawn]
        area = estimate_areas(*design_of(WATER, strata, units)).of("water").area
        values.append(area.value)
        interval = area.interval(0.90)
        hits += interval is not None and interval[0] <= water <= interval[1]
    return hits / draws, np.mean(values) / water


def test_intervals_cover_the_truth_as_often_as_they_say():
    # 1000 draws: the share has a standard error of 0.95 %.
    covered, ratio = simulated(
        np.random.default_rng(11),
        {"water": 60, "not_water": 150},
        {"water": 0.80, "not_water": 0.85},
        {"water": 8_000, "not_water": 12_000},
        draws=1000,
    )
    assert covered == pytest.approx(0.90, abs=0.03)
    assert ratio == pytest.approx(1, abs=0.01)


def test_intervals_cover_where_a_stratum_is_nearly_all_labelled():
    # 60 of 80 pixels: without the population correction, 1 - 60/80, they would hold it always.
    covered, ratio = simulated(
        np.random.default_rng(5),
        {"water": 60, "not_water": 60},
        {"water": 0.70, "not_water": 0.70},
        {"water": 80, "not_water": 80},
        draws=600,
    )
    assert covered == pytest.approx(0.90, abs=0.04)
    assert ratio == pytest.approx(1, abs=0.01)


def test_intervals_that_rest_on_a_few_errors_are_too_short_and_say_so():
    # 3 % of the land is water that the map missed: 3 units of 100 carry most of the error.
    covered, ratio = simulated(
        np.random.default_rng(11),
        {"water": 100, "not_water": 100},
        {"water": 0.85, "not_water": 0.97},
        {"water": 8_000, "not_water": 92_000},
        draws=600,
    )
    assert covered < 0.88
    assert ratio == pytest.approx(1, abs=0.02)
    design, labels = two("w" * 30 + "l" * 10, "l" * 97 + "w" * 3)
    notes = estimate_areas(design, labels).notes
    assert [note for note in notes if "too short" in note] == [
        "Only 3 of 100 units of the stratum 'not_water' were not labelled 'not_water': intervals "
        "that rest on so few tend to be too short."
    ]


def test_no_error_found_is_not_no_error():
    notes = estimate_areas(*two("w" * 30 + "l" * 10, "l" * 100)).notes
    # Rule of three: 3/100 of 9000 m².
    assert len(notes) == 1
    assert "Up to 3.0% of it (0.00027 km²)" in notes[0]
