"""How far an area may be off: each cause alone, by hand, and bounds that no map may break."""

import dataclasses
import math

import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from scipy.stats import norm

from obriy.measures.areas import measure_areas
from obriy.measures.tally import BlockSums, Piece, Tally
from obriy.measures.uncertainty import COMMISSION, OMISSION, estimate, period_estimate
from obriy.model.areas import Area, District
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.interval import EDGES, LEVEL, QUANTILE
from obriy.model.legend import load_legend
from obriy.tables import load_toml

WATER = 2
KNOW = load_toml("uncertainty")
Q = 1.645
SCALE = KNOW["unseen"]["scale"]


def tally(dry=0.0, water=0.0, unseen=0.0, *, fraction=None, blocks=None, **sums) -> Tally:
    """A tally of areas in m²; nothing is doubtful, nothing moves, unless it is said."""
    by_code = np.zeros(256)
    by_code[[0, 1, WATER]] = unseen, dry, water
    return Tally(
        by_code=by_code,
        fraction=water if fraction is None else fraction,
        blocks=BlockSums(**blocks or {}),
        **sums,
    )


def causes_of(found, *names):
    return [found.causes[name] for name in names]


def test_the_quantile_is_that_of_a_90_per_cent_interval():
    assert (LEVEL, QUANTILE, EDGES) == (0.9, Q, (5, 95))
    assert pytest.approx(norm.ppf(0.95), abs=1e-3) == QUANTILE


def test_a_map_that_saw_all_and_doubts_nothing_is_sure():
    found = estimate(tally(60, 40), WATER, 100)
    assert (found.expected, found.low, found.high) == (40, 40, 40)
    assert set(found.causes.values()) == {0}


def test_no_water_at_all_and_water_everywhere():
    dry = estimate(tally(100), WATER, 100)
    assert (dry.expected, dry.low, dry.high) == (0, 0, 0)
    wet = estimate(tally(0, 100, shore=50.0, moved=np.array([9.0, 0])), WATER, 100)
    assert wet.expected == wet.high == 100  # no more than the district
    assert wet.low < 100


def test_dry_land_that_is_doubtful_may_hide_water():
    found = estimate(tally(100, doubtful=10.0), WATER, 100)
    assert (found.expected, found.low) == (0, 0)
    assert 0 < found.high <= 100


def test_classification_is_the_doubtful_area_and_its_blocks():
    know = KNOW["classification"]
    whole = estimate(tally(1000, 1000, doubtful=30.0), WATER, 2000)
    assert whole.causes["classification"] == pytest.approx(know["doubtful"] * 30)
    blocks = estimate(tally(1000, 1000, blocks={"doubt": 400.0}), WATER, 2000)
    assert blocks.causes["classification"] == pytest.approx(know["block"] * 20)  # √400
    both = estimate(tally(1000, 1000, doubtful=30.0, blocks={"doubt": 400.0}), WATER, 2000)
    assert both.causes["classification"] ** 2 == pytest.approx(
        whole.causes["classification"] ** 2 + blocks.causes["classification"] ** 2
    )


def test_shore_is_its_length_and_fractions_against_the_mask():
    know = KNOW["shore"]
    length = estimate(tally(1000, 400, shore=50.0), WATER, 1400)
    assert length.causes["shore"] == pytest.approx(know["shore"] * 50)
    for fraction in (420, 380):  # 20 m² more than the mask, or less
        found = estimate(tally(1000, 400, fraction=fraction), WATER, 1400)
        assert found.causes["shore"] == pytest.approx(know["fraction_against_mask"] * 20)
        assert found.expected == fraction


def test_registration_is_what_a_move_gains_in_both_directions():
    found = estimate(tally(1000, 400, moved=np.array([-3.0, 4.0])), WATER, 1400)
    sd = KNOW["registration"]["pixels"] * 5
    assert found.causes["registration"] == pytest.approx(sd)
    assert (found.low, found.high) == pytest.approx((400 - Q * sd, 400 + Q * sd))


def test_independent_causes_add_in_quadrature():
    know = KNOW["registration"]["pixels"], KNOW["shore"]["shore"]
    # Deviations of 3 and 4 m²: together 5.
    found = estimate(
        tally(1000, 400, moved=np.array([3 / know[0], 0]), shore=4 / know[1]), WATER, 1400
    )
    assert causes_of(found, "registration", "shore") == pytest.approx([3, 4])
    assert (found.low, found.high) == pytest.approx((400 - Q * 5, 400 + Q * 5))


@pytest.mark.parametrize(("side", "between"), [(5, 0), (10, 0), (17.3205, 0.5), (30, 1), (500, 1)])
def test_what_is_missed_and_invented_goes_from_fine_to_coarse_pixels(side, between):
    # 10, 17.3 and 30 m: 30 over 10 is 3, and 17.3 over 10 the root of it.
    sums = {"doubtful": 4e4, "drops": 1e4, "shore": 9e4, "beside": 16e4}
    found = estimate(tally(1e6, 1e5, pixel=side**2, **sums), WATER, 2e6 - 9e5)
    size = {
        "water": 1e5, "drops": 1e4, "doubtful": 4e4, "shore": 9e4,
        "beside": 12e4,  # √(9 * 16)
        "ground": 1.1e6, "plots": math.sqrt(1.1e6 * min(1.1e6, 128**2 * side**2)),
    }  # fmt: skip
    for cause in (COMMISSION, OMISSION):
        pairs = {name: pair for name, pair in KNOW[cause].items() if name != "pixels_m"}
        by_hand = sum(
            size[name] * (fine * (1 - between) + coarse * between)
            for name, (fine, coarse) in pairs.items()
        )
        assert found.causes[cause] == pytest.approx(by_hand, rel=1e-4)
    known = {k: v for k, v in found.causes.items() if k not in (COMMISSION, OMISSION)}
    sd = math.sqrt(sum(v**2 for v in known.values()))
    assert found.low == pytest.approx(max(0, 1e5 - Q * sd - found.causes[COMMISSION]))
    assert found.high == pytest.approx(min(1.1e6, 1e5 + Q * sd + found.causes[OMISSION]))


def test_the_coarse_pixels_that_were_labelled_miss_more_beside_a_shore():
    lake = {"shore": 9e4, "beside": 16e4, "doubtful": 4e4}
    fine, coarse = (
        estimate(tally(1e6, 1e5, pixel=side**2, **lake), WATER, 1.1e6) for side in (10, 30)
    )
    assert fine.high - fine.low < coarse.high - coarse.low


# Two blocks of 100 m² were seen: 60 and 20 m² of water in them, a share of 0.4; they lie 20 m²
# above and below what it leads to expect: a spread of 800 m⁴.
def two_blocks(*, hole=0.0):
    blocks = [[100.0, 60.0, 0.0], [100.0, 20.0, 0.0], [0.0, 0.0, hole]]
    return [Piece((0, 0), np.array([blocks]))]


@pytest.mark.parametrize("inside", [True, False])
def test_what_no_date_saw_goes_by_proportion(inside):
    # 100 m² more: a block inside the image, or as much of the district outside of it.
    pieces = two_blocks(hole=100.0 if inside else 0.0)
    found = estimate(tally(120, 80, 100 if inside else 0, pieces=pieces), WATER, 300)
    assert found.expected == pytest.approx(80 + 0.4 * 100)
    # 800, and a quarter of the 10 000 of one more block that is half water: 3300, times
    # 10 000 / (20 000 + 10 000) + (100 / 200)²: 1925 m⁴.
    assert found.causes["unseen"] == pytest.approx(math.sqrt(1925))
    assert found.low == 80  # what was seen is there, and the rest may be dry
    assert found.high == pytest.approx(180, rel=1e-3)  # or all water


def test_no_more_can_be_hidden_than_was_unseen():
    wild = {"seen": 20_000.0, "water": 1e9, "blind": 100.0}
    found = estimate(tally(120, 80, 10, blocks=wild), WATER, 210)
    assert (found.low, found.high) == (80, 90)


def test_seen_water_is_there_but_for_the_errors_of_seeing_it():
    wild = {"seen": 20_000.0, "water": 1e9, "blind": 100.0}
    sd = 0.1 * KNOW["registration"]["pixels"]
    found = estimate(tally(120, 80, 10, blocks=wild, moved=np.array([0, 0.1])), WATER, 210)
    assert found.low == pytest.approx(80 - Q * sd)  # and none of the rest
    assert 90 < found.high <= 90 + Q * sd


def test_filled_water_is_as_sure_as_other_dates_foretold_what_was_seen():
    prior = KNOW["unseen"]["prior_ratio"] ** 2 * 100
    blocks = {"stake": 300.0, "blind_stake": 100.0, "residual": 100.0 - prior}
    found = estimate(tally(100, 100, 50, filled=20.0, fillable=50.0, blocks=blocks), WATER, 250)
    assert found.expected == 120
    # The ratio is 100 / 400, of 100 at stake, and a third more for it was learnt from 300.
    sd = SCALE * math.sqrt(0.25 * 100 * 4 / 3)
    assert found.causes["unseen"] == pytest.approx(sd)
    assert (found.low, found.high) == pytest.approx((120 - Q * sd, 120 + Q * sd))


def test_filled_where_nothing_was_at_stake_before_rests_on_the_prior():
    found = estimate(
        tally(100, 100, 50, filled=20.0, fillable=50.0, blocks={"blind_stake": 100.0}), WATER, 250
    )
    assert found.causes["unseen"] == pytest.approx(SCALE * KNOW["unseen"]["prior_ratio"] * 10)


def test_filled_and_by_proportion_are_independent():
    blocks = {"blind_stake": 100.0, "stake": 300.0}
    blocks["residual"] = 100 - 100 * KNOW["unseen"]["prior_ratio"] ** 2
    sums = {"filled": 20.0, "fillable": 50.0, "pieces": two_blocks(hole=100.0)}
    found = estimate(tally(120, 80, 150, blocks=blocks, **sums), WATER, 350)
    assert found.expected == pytest.approx(80 + 20 + 0.4 * 100)
    assert found.causes["unseen"] == pytest.approx(math.sqrt(1925 + SCALE**2 * 100 / 3))


def test_the_share_of_the_rest_is_that_of_what_was_seen_and_filled():
    # 80 of 100 seen is water, but of what clouds hid only 10 of 100: 90 of 200 for the rest.
    found = estimate(
        tally(20, 80, 150, filled=10.0, fillable=100.0, blocks={"seen": 1e4}), WATER, 250
    )
    assert found.expected == pytest.approx(80 + 10 + 0.45 * 50)


def test_what_is_unseen_spreads_by_no_more_than_half_of_it():
    wild = {"stake": 1e-9, "blind_stake": 1e8, "residual": 1.0}
    found = estimate(tally(100, 100, 50, filled=20.0, fillable=50.0, blocks=wild), WATER, 250)
    assert found.causes["unseen"] == 25


def date(day, expected, *, area=None, size=1000.0, **causes) -> Area:
    area = expected if area is None else area
    return Area(
        "d", f"2024-06-{day:02d}", area, None, size, 0.0, 0.0, {},
        expected_km2=expected, interval_km2=(0.0, size), uncertainty=causes,
    )  # fmt: skip


QUARTERS = {"2024-06-01": 0.25, "2024-06-02": 0.75}


@pytest.mark.parametrize("cause", ["classification", "shore", "unseen", "registration"])
def test_errors_of_two_dates_hang_together_by_cause(cause):
    # Weighted deviations of 3 and 4 km²: √25 apart, √49 together, between them by the table.
    areas = [date(1, 100.0, **{cause: 12.0}), date(2, 200.0, **{cause: 16 / 3})]
    expected, interval, causes = period_estimate(areas, QUARTERS)
    assert expected == pytest.approx(0.25 * 100 + 0.75 * 200)
    assert causes[cause] ** 2 == pytest.approx(25 + 24 * KNOW["dates"][cause])
    assert sum(causes.values()) == pytest.approx(causes[cause])
    high = 175 + Q * causes[cause]
    assert interval[1] == pytest.approx(high)


def test_errors_of_registration_are_free_and_those_of_the_shore_are_one():
    areas = [
        date(1, 100.0, registration=12.0, shore=12.0),
        date(2, 200.0, registration=16 / 3, shore=16 / 3),
    ]
    _, interval, causes = period_estimate(areas, QUARTERS)
    assert (causes["registration"], causes["shore"]) == pytest.approx((5, 7))
    # Seen for sure: 0.25 x (100 - q √(144 + 144)) + 0.75 x (200 - q √(2 x (16 / 3)²)), with the
    # shares of it 3√2 and 4√2; so √(25 + 49) = 8.60 and not 7√2 = 9.90 km² says how low.
    assert interval == pytest.approx((175 - Q * math.sqrt(74), 175 + Q * math.sqrt(74)))


def test_omission_of_dates_reaches_up():
    areas = [date(1, 100.0, omission=8.0), date(2, 200.0, omission=4.0)]
    expected, interval, causes = period_estimate(areas, QUARTERS)
    # 0.25 x 8 + 0.75 x 4 = 5; of that the share of the table, and for the rest Σω² = 0.625: two
    # dates of unequal weight are not far from one.
    share = KNOW["dates"]["omission"]
    lost = 5 * (share + (1 - share) * 0.625)
    assert causes[OMISSION] == pytest.approx(lost)
    assert interval == pytest.approx((expected, expected + lost))


def test_a_period_holds_what_was_seen_and_no_more_than_its_districts():
    areas = [
        date(1, 100.0, area=90.0, size=120.0, unseen=500.0),
        date(2, 100.0, area=70.0, size=120.0, unseen=500.0),
    ]
    _, interval, _ = period_estimate(areas, QUARTERS)
    assert interval == pytest.approx((0.25 * 90 + 0.75 * 70, 120))


def test_one_date_is_its_own_period():
    one = date(1, 100.0, shore=3.0, registration=4.0, omission=2.0)
    expected, interval, causes = period_estimate([one], {"2024-06-01": 1.0})
    assert expected == 100
    assert interval == pytest.approx((100 - Q * 5, 102 + Q * 5))
    assert causes == pytest.approx(
        {"shore": 3, "registration": 4, "omission": 2}
        | {"classification": 0, "unseen": 0, "resolution": 0, "commission": 0}
    )


def test_a_weighted_date_without_an_estimate_leaves_none():
    unknown = dataclasses.replace(date(2, 200.0), expected_km2=None)
    assert period_estimate([date(1, 100.0), unknown], QUARTERS) == (None, None, {})
    assert period_estimate([date(1, 100.0)], QUARTERS) == (None, None, {})
    assert period_estimate([], {}) == (None, None, {})
    # A date without a weight is none of the period's.
    expected, _, _ = period_estimate([date(1, 100.0), unknown], {"2024-06-01": 1.0})
    assert expected == 100


SDS = st.fixed_dictionaries(
    {c: st.floats(0, 50) for c in KNOW["dates"]}
)  # fmt: skip


@given(
    dates=st.lists(st.tuples(st.floats(0, 100), st.floats(0, 1), SDS), min_size=1, max_size=4),
    weights=st.lists(st.floats(0.01, 1), min_size=4, max_size=4),
)
def test_bounds_of_a_period_and_the_order_of_its_dates(dates, weights):
    areas = [date(n, e, area=e * seen, size=100.0, **sds) for n, (e, seen, sds) in enumerate(dates)]
    omega = {a.date: w / sum(weights[: len(areas)]) for a, w in zip(areas, weights, strict=False)}
    expected, (low, high), causes = period_estimate(areas, omega)
    assert 0 <= low <= expected + 1e-9
    assert expected - 1e-9 <= high <= 100 + 1e-9
    again = period_estimate(areas[::-1], dict(reversed(omega.items())))
    assert again[0] == pytest.approx(expected)
    assert again[1] == pytest.approx((low, high))
    assert again[2] == pytest.approx(causes)


PART = st.floats(0, 1)


@given(
    dates=st.lists(st.tuples(PART, PART, PART, PART, SDS), min_size=1, max_size=4),
    weights=st.lists(st.floats(0.01, 1), min_size=4, max_size=4),
)
def test_s_never_lies_outside_its_interval(dates, weights):
    """Whatever was seen, expected and doubted: not by a hair, for a hair is printed as a digit."""
    areas = []
    for n, (whole, below, above, seen, sds) in enumerate(dates):
        expected = 100 * whole
        interval = (expected * below, expected + (100 - expected) * above)
        areas.append(
            dataclasses.replace(
                date(n, expected, area=expected * seen, size=100.0, **sds), interval_km2=interval
            )
        )
    omega = {a.date: w / sum(weights[: len(areas)]) for a, w in zip(areas, weights, strict=False)}
    expected, (low, high), _ = period_estimate(areas, omega)
    assert low <= expected <= high


def map_of(labels, **layers) -> ClassMap:
    labels = np.asarray(labels, "uint8")
    geobox = GeoBox(labels.shape, Affine.identity(), None)

    def lay(values):
        return xr.DataArray(np.asarray(values, "uint8"), coords_of(geobox), ("y", "x"))

    extra = {name: lay(values) for name, values in layers.items()}
    return ClassMap(lay(labels), load_legend("water"), time="2024-06-01", **extra)


@dataclasses.dataclass(frozen=True)
class Told:
    """Other dates, as they stand in an array."""

    values: np.ndarray

    def expected(self, rows, columns, labels):
        return self.values[rows, columns]


@given(
    seed=st.integers(0, 9999),
    codes=st.sampled_from([(1,), (2,), (0, 2), (0, 1), (1, 2), (0, 1, 2, 255)]),
    layers=st.sets(st.sampled_from(["fraction", "unseen", "doubt"])),
    told=st.booleans(),
    left=st.floats(-20, 30),
    top=st.floats(-20, 30),
)
def test_no_map_breaks_the_bounds(seed, codes, layers, told, left, top):
    rng = np.random.default_rng(seed)
    shape = (40, 40)
    # Patches of 5 x 5 pixels: shores and clouds that hang together.
    labels = np.kron(rng.choice(np.array(codes), (8, 8)), np.ones((5, 5))).astype("uint8")
    values = {
        "fraction": rng.choice([0, 60, 200, 255], shape),
        "unseen": rng.integers(0, 6, shape),
        "doubt": rng.integers(0, 3, shape),
    }
    class_map = map_of(labels, **{name: values[name] for name in sorted(layers)})
    others = Told(rng.choice([np.nan, 0.0, 0.4, 1.0], shape)) if told else None
    district = District("d", shapely.box(left, top, left + 25.5, top + 22.25), None)
    (area,) = measure_areas(class_map, "water", [district], pixel_size_m=10, others=others).areas
    assert area.district_km2 == pytest.approx(25.5 * 22.25 * 1e-4, rel=1e-4)
    if area.area_km2 is None:
        assert (area.expected_km2, area.interval_km2, area.uncertainty) == (None, None, {})
        return
    slack = 1e-9
    least, most = area.bounds_km2
    whole = area.area_km2 + area.unseen_share * area.district_km2
    assert 0 <= least <= area.area_km2
    assert whole - slack <= most <= area.district_km2 + slack
    if area.never_imaged_share >= 0.5:
        assert (area.expected_km2, area.interval_km2, area.uncertainty) == (None, None, {})
        assert "its whole is not estimated" in area.reason
        assert (least, most) == (area.area_km2, pytest.approx(whole))
        return
    low, high = area.interval_km2
    # Who supposes nothing of the unseen cannot be surer than who does.
    assert least - slack <= low
    assert high <= most + slack
    assert high > low
    assert least - slack <= area.expected_km2 <= most + slack
    assert 0 <= low <= area.expected_km2 + slack
    assert area.expected_km2 - slack <= high <= area.district_km2 + slack
    assert area.area_km2 <= area.expected_km2 + slack
    assert all(sd >= 0 and math.isfinite(sd) for sd in area.uncertainty.values())
    assert set(area.uncertainty) == set(KNOW["dates"])
    if told:
        assert area.area_km2 - slack <= area.filled_km2 <= area.expected_km2 + slack
    if area.unseen_share == 0:
        assert area.uncertainty["unseen"] == 0
        assert area.expected_km2 == pytest.approx(area.area_km2)


def test_a_map_reads_in_steps_of_a_pixel():
    # Evenly spread over a pixel of 100 m²: 100/√12 = 28.9 m²; half of a pixel at 90 %.
    found = estimate(tally(1e4, pixel=100.0), WATER, 1e4)
    assert found.causes["resolution"] == pytest.approx(100 / math.sqrt(12), rel=0.01)
    assert (found.expected, found.low) == (0, 0)
    missed = 1e4 * (KNOW["omission"]["ground"][0] + KNOW["omission"]["plots"][0])
    assert found.high == pytest.approx(47.5 + missed, rel=0.01)
    full = estimate(tally(0, 1e4, pixel=100.0), WATER, 1e4)
    assert (full.expected, full.high) == (1e4, 1e4)
    assert full.low == pytest.approx(1e4 - 47.5, rel=1e-4)


def test_no_water_is_never_sure_to_nothing():
    dry = map_of(np.full((40, 40), 1))
    (area,) = measure_areas(dry, "water", pixel_size_m=10).areas
    low, high = area.interval_km2
    assert (area.expected_km2, low) == (0, 0)
    # Of pixels of 100 m², wherever they lie, and what is missed on so much ground.
    missed = 0.16 * (KNOW["omission"]["ground"][0] + KNOW["omission"]["plots"][0])
    assert high == pytest.approx(47.5e-6 + missed, rel=0.01)
    district = District("d", shapely.box(0.5, 0.5, 30.5, 30.5), None)
    (cut,) = measure_areas(dry, "water", [district], pixel_size_m=10).areas
    assert cut.interval_km2 == pytest.approx((0, 47.5e-6 + missed * 900 / 1600), rel=0.01)
    days = [dataclasses.replace(area, date=f"2024-06-0{n}") for n in (1, 2)]
    _, interval, _ = period_estimate(days, {"2024-06-01": 0.5, "2024-06-02": 0.5})
    # A pond too small for a pixel is so on both; but not every date misses the most that it may.
    rho = KNOW["dates"]["omission"]
    both = 47.5e-6 + missed * (rho + (1 - rho) / 2)
    assert interval == pytest.approx((0, both), rel=0.01)


@pytest.mark.parametrize(
    ("columns", "cause", "estimated"),
    # Of ten columns: outside the image, without data, unreadable, under cloud.
    [(4, "outside", True), (5, "outside", False), (4, 1, True), (5, 1, False), (6, 5, False),
     (6, 2, True)],
)  # fmt: skip
def test_of_a_place_of_which_most_was_never_imaged_there_is_no_estimate(columns, cause, estimated):
    labels, unseen = np.full((10, 10), WATER), np.zeros((10, 10))
    right = 10.0
    if cause == "outside":
        labels, unseen = labels[:, columns:], unseen[:, columns:]
        right -= columns
    else:
        labels[:, :columns], unseen[:, :columns] = 0, cause
    district = District("d", shapely.box(right - 10, 0, right, 10), None)
    class_map = map_of(labels, unseen=unseen)
    (area,) = measure_areas(class_map, "water", [district], pixel_size_m=10).areas
    assert area.area_km2 == pytest.approx((10 - columns) * 1e-3)
    assert area.bounds_km2[1] == pytest.approx(10e-3)
    assert area.bounds_km2[0] == pytest.approx(area.area_km2, rel=0.06 if estimated else 1e-9)
    assert area.unseen_share == pytest.approx(columns / 10)
    assert area.never_imaged_share == pytest.approx(0 if cause == 2 else columns / 10)
    assert (area.expected_km2 is not None) is estimated
    assert (area.interval_km2 is not None) is estimated
    assert area.status == "partial"
    if cause != "outside":  # another date saw it
        others = Told(np.full((10, 10), 1.0))
        (told,) = measure_areas(
            class_map, "water", [district], pixel_size_m=10, others=others
        ).areas
        assert told.expected_km2 == pytest.approx(10e-3)
        assert told.never_imaged_share == 0


def test_nothing_seen_has_no_interval_even_where_others_saw():
    told = Told(np.full((4, 4), 0.5))
    (area,) = measure_areas(map_of(np.zeros((4, 4))), "water", pixel_size_m=10, others=told).areas
    assert (area.area_km2, area.filled_km2, area.expected_km2) == (None, None, None)
    assert (area.interval_km2, area.uncertainty, area.status) == (None, {}, "skipped")


def test_a_district_without_an_area_is_skipped():
    line = District("line", shapely.Polygon([(1, 1), (2, 2), (3, 3)]), None)
    whole = District("whole", shapely.box(0, 0, 4, 4), None)
    flat, full = measure_areas(
        map_of(np.full((4, 4), WATER)), "water", [line, whole], pixel_size_m=10
    ).areas
    assert (flat.status, flat.area_km2, flat.interval_km2) == ("skipped", None, None)
    assert (flat.district_km2, flat.outside_share, flat.unseen_share) == (0, 1, 1)
    assert full.area_km2 == pytest.approx(16e-4)
