"""What the pixels of a district add up to: every sum by hand, and no matter how a map is cut."""

import dataclasses

import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from obriy.measures.areas import add_up, measure_areas
from obriy.measures.tally import Pixels, Tally
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend

WATER = 2


def tally_of(labels, *, area=1.0, corner=(0, 0), **layers) -> Tally:
    """The tally of one window; every pixel is of one area, m²."""
    labels = np.atleast_2d(np.asarray(labels, "uint8"))
    given_layers = {
        name: np.atleast_2d(np.asarray(v, "float64" if name == "expected" else "uint8"))
        for name, v in layers.items()
    }
    tally = Tally()
    tally.add(Pixels(np.full(labels.shape, area), labels, corner, **given_layers), WATER)
    return tally


def map_of(labels, **layers) -> ClassMap:
    """A map in the plane: row and column are coordinates, a pixel has a side of 1."""
    labels = np.asarray(labels, "uint8")
    geobox = GeoBox(labels.shape, Affine.identity(), None)

    def lay(values):
        return xr.DataArray(np.asarray(values, "uint8"), coords_of(geobox), ("y", "x"))

    extra = {name: lay(values) for name, values in layers.items()}
    return ClassMap(lay(labels), load_legend("water"), time="2024-06-01", **extra)


def box(rows, columns, name="d") -> District:
    return District(name, shapely.box(columns[0], rows[0], columns[1], rows[1]), None)


@dataclasses.dataclass(frozen=True)
class Told:
    """Other dates, as they stand in an array."""

    values: np.ndarray

    def expected(self, rows, columns, labels):
        return self.values[rows, columns]


def test_blocks_are_those_of_the_map_and_not_of_the_window():
    # Blocks of 32 meet between rows 31 and 32, and between columns 31 and 32 of the map.
    labels = [
        [2, 2, 1],  # row 30, columns 31 | 32 33
        [1, 2, 2],
        [2, 0, 1],  # row 32
        [2, 255, 1],
    ]
    tally = tally_of(labels, corner=(30, 31))
    # Block by block, water: 1, 3, 2, 0; seen: 2, 4, 2, 2; blind: 0, 0, 0, 2.
    assert tally.blocks.water == 1 + 9 + 4
    assert tally.blocks.seen == 4 + 16 + 4 + 4
    assert tally.blocks.water_seen == 2 + 12 + 4
    assert tally.blocks.blind == 4
    assert tally.fraction == 6
    assert {c: tally.by_code[c] for c in (0, 1, 2, 255)} == {0: 1, 1: 4, 2: 6, 255: 1}
    assert tally.by_code.sum() == 12


def test_one_block_of_a_window_that_begins_at_a_seam():
    # All 32 x 32 pixels of a block, and the first column of the next one.
    tally = tally_of(np.full((32, 33), 2), corner=(64, 96))
    assert tally.blocks.water == 1024**2 + 32**2


def random_layers(seed, shape):
    rng = np.random.default_rng(seed)
    return {
        "area": rng.uniform(0, 100, shape),
        "labels": rng.choice(np.array([0, 1, 2, 255], "uint8"), shape),
        "fraction": rng.choice(np.array([0, 50, 120, 200, 255], "uint8"), shape),
        "unseen": rng.integers(0, 6, shape).astype("uint8"),
        "doubt": rng.integers(0, 3, shape).astype("uint8"),
        "expected": rng.choice([np.nan, 0.0, 0.3, 1.0], shape),
        "slope": rng.uniform(-1, 1, (2, *shape)),
    }


def in_windows(layers, corner, edges) -> Tally:
    """The tally of a district that begins at a corner, cut along rows and columns of the map."""
    tally = Tally()
    rows, columns = (
        [max(0, e - c) for e in edges if e - c < n] + [n]
        for c, n in zip(corner, layers["labels"].shape, strict=True)
    )
    for top, bottom in zip([0, *rows], rows, strict=False):
        for left, right in zip([0, *columns], columns, strict=False):
            if bottom > top and right > left:
                cut = {k: v[..., top:bottom, left:right] for k, v in layers.items()}
                tally.add(Pixels(corner=(corner[0] + top, corner[1] + left), **cut), WATER)
    return tally


@pytest.mark.parametrize("edges", [(32, 64, 96), (64,), (96,)])
@given(seed=st.integers(0, 999), corner=st.tuples(st.integers(0, 70), st.integers(0, 70)))
def test_a_map_of_70_by_70_cut_along_blocks_is_the_whole(edges, seed, corner):
    layers = random_layers(seed, (70, 70))
    whole, cut = in_windows(layers, corner, ()), in_windows(layers, corner, edges)
    for name in ("by_code", "by_cause", "moved"):
        assert getattr(cut, name) == pytest.approx(getattr(whole, name), abs=1e-6)
    for name in ("fraction", "doubtful", "filled", "fillable"):
        assert getattr(cut, name) == pytest.approx(getattr(whole, name), rel=1e-9)
    assert dataclasses.asdict(cut.blocks) == pytest.approx(
        dataclasses.asdict(whole.blocks), rel=1e-9
    )
    # A pixel does not see its neighbour across the cut: that much of the shore is lost there.
    assert 0.9 * whole.shore < cut.shore <= whole.shore * (1 + 1e-12)


def test_windows_of_the_real_size_are_the_whole():
    layers = random_layers(5, (40, 2100))  # windows are 2048 pixels wide
    class_map = map_of(layers["labels"], fraction=layers["fraction"], doubt=layers["doubt"])
    (cut,) = add_up(class_map, "water", pixel_size_m=10, others=Told(layers["expected"]))
    layers["area"] = np.full((40, 2100), 100.0)
    whole = in_windows(
        {k: v for k, v in layers.items() if k not in ("slope", "unseen")}, (0, 0), ()
    )
    assert dataclasses.asdict(cut.blocks) == pytest.approx(
        dataclasses.asdict(whole.blocks), rel=1e-9
    )
    for name in ("fraction", "doubtful", "filled", "fillable"):
        assert getattr(cut, name) == pytest.approx(getattr(whole, name), rel=1e-9)


def test_shore_by_hand():
    # Shore (s): seen pixels that touch a seen one of the other kind by a side, not by a corner.
    #   2 2s 1s
    #   2s 1s 1
    #   0 2s 255
    tally = tally_of([[2, 2, 1], [2, 1, 1], [0, 2, 255]], area=10)
    assert tally.shore == 25  # half of five pixels


@pytest.mark.parametrize(
    "labels",
    [[[2, 2], [2, 2]], [[1, 1], [1, 1]], [[2, 0], [0, 1]], [[2, 255], [0, 2]], [[2, 0, 1]], [[2]]],
)
def test_no_shore_without_a_seen_neighbour_of_the_other_kind(labels):
    assert tally_of(labels).shore == 0


def test_strict_drops_what_is_water_and_lax_takes_what_is_not():
    tally = tally_of(
        [2, 2, 1, 1, 2, 1],
        area=10,
        fraction=[200, 100, 50, 255, 200, 0],
        doubt=[1, 1, 2, 2, 0, 0],
    )
    # Dropped: 10 x (1 + 0.5); taken: 10 x (0.75 + 1), what of the pixel is no water yet.
    assert tally.doubtful == pytest.approx(32.5)
    assert tally.blocks.doubt == pytest.approx(32.5**2)


def test_doubt_of_two_blocks():
    tally = tally_of([2, 1, 2, 2], area=10, corner=(0, 30), doubt=[1, 2, 1, 0])
    assert tally.doubtful == 30
    assert tally.blocks.doubt == 20**2 + 10**2


def test_what_was_not_seen_is_in_no_doubt():
    tally = tally_of([0, 255, 0, 255], doubt=[2, 2, 1, 1])
    assert (tally.doubtful, tally.blocks.doubt) == (0, 0)


def test_a_fraction_counts_only_where_a_pixel_was_seen():
    # 1, the label's 1, 0.25, 0, unseen, unnamed.
    tally = tally_of([2, 2, 1, 1, 0, 255], area=4, fraction=[200, 255, 50, 255, 200, 200])
    assert tally.fraction == 9
    assert tally.by_code[2] == 8
    assert tally.blocks.water == 81


def test_causes_by_hand():
    # Cloud; no cause given; a code that is none; failed. The last pixel was seen.
    tally = tally_of([0, 0, 0, 0, 2], area=3, unseen=[2, 0, 9, 5, 3])
    assert tally.by_cause[Unseen.CLOUD] == 3
    assert tally.by_cause[Unseen.NO_DATA] == 6
    assert tally.by_cause[Unseen.FAILED] == 3
    assert tally.by_cause.sum() == tally.by_code[0] == 12
    bare = tally_of([0, 0, 1], area=3)
    assert bare.by_cause[Unseen.NO_DATA] == bare.by_cause.sum() == 6
    assert tally_of([1, 2, 255]).by_cause.sum() == 0


def test_what_other_dates_tell_by_hand():
    tally = tally_of([2, 1, 0, 255, 0, 1], area=100, expected=[0.5, 0.5, 0.8, 0.2, np.nan, np.nan])
    assert tally.filled == pytest.approx(80 + 20)
    assert tally.fillable == 200
    # √(p(1 − p)) is 0.5 and 0.4; the two surprises in the block are +50 and −50 m².
    assert tally.blocks.stake == pytest.approx((50 + 50) ** 2)
    assert tally.blocks.blind_stake == pytest.approx((40 + 40) ** 2)
    assert tally.blocks.residual == pytest.approx(0, abs=1e-9)
    assert tally.blocks.blind == 100**2
    assert tally.fraction == 100


def test_surprises_of_two_blocks_do_not_cancel():
    tally = tally_of([2, 1], area=100, corner=(0, 31), expected=[0.5, 0.5])
    assert tally.blocks.residual == pytest.approx(50**2 + 50**2)
    assert tally.blocks.stake == pytest.approx(50**2 + 50**2)


def test_without_other_dates_all_that_was_unseen_is_blind():
    tally = tally_of([0, 255, 2], area=5)
    assert (tally.filled, tally.fillable, tally.blocks.blind) == (0, 0, 100)
    assert (tally.blocks.stake, tally.blocks.blind_stake) == (0, 0)


def half_plane():
    """Water from column 5 to the right, in rows 3 to 6."""
    labels = np.ones((12, 12), "uint8")
    labels[3:7, 5:] = WATER
    return map_of(labels)


def test_moving_a_district_gains_the_water_that_comes_in():
    # Rows 3 to 6 end at column 6, in the water; a dry foot in row 7 reaches on to column 9.
    corners = [(2, 3), (6, 3), (6, 7), (9, 7), (9, 8), (2, 8)]
    outline = shapely.Polygon(corners)
    moved = shapely.transform(outline, lambda xy: xy + np.array([1, 0]))
    places = [District("here", outline, None), District("there", moved, None)]
    here, there = add_up(half_plane(), "water", places, pixel_size_m=10)
    assert here.fraction == pytest.approx(4 * 100)  # column 5
    assert there.fraction == pytest.approx(8 * 100)  # columns 5 and 6
    assert here.moved[1] == pytest.approx(4 * 100)


def test_moving_a_district_to_the_other_side_loses_it():
    # The mirror image: the district begins in the water, and its left edge leaves it.
    labels = half_plane().labels.to_numpy()[:, ::-1].copy()  # water in columns 0 to 6
    outline = shapely.Polygon([(9, 3), (5, 3), (5, 7), (2, 7), (2, 8), (9, 8)])
    (tally,) = add_up(map_of(labels), "water", [District("d", outline, None)], pixel_size_m=1)
    assert tally.fraction == pytest.approx(8)  # columns 5 and 6
    assert tally.moved[1] == pytest.approx(-4)  # column 5 goes out, dry land comes in


def test_moving_a_rectangle_gains_the_water_that_comes_in():
    (tally,) = add_up(half_plane(), "water", [box((3, 7), (2, 6))], pixel_size_m=1)
    assert tally.moved[1] == pytest.approx(4)


def test_water_that_does_not_meet_the_edge_moves_nothing():
    labels = np.ones((12, 12), "uint8")
    labels[5:7, 5:7] = WATER
    (tally,) = add_up(map_of(labels), "water", [box((2.5, 9.5), (2.5, 9.5))], pixel_size_m=1)
    assert tally.moved == pytest.approx([0, 0])
    (whole,) = add_up(map_of(np.full((4, 4), WATER)), "water", pixel_size_m=1)
    assert list(whole.moved) == [0, 0]  # the image's own edge is not an outline that moves


@given(
    seed=st.integers(0, 99),
    cut=st.floats(3.0, 37.0),
    top=st.floats(0.0, 9.0),
    with_fraction=st.booleans(),
)
def test_two_parts_of_a_district_add_up(seed, cut, top, with_fraction):
    layers = random_layers(seed, (40, 40))
    names = ("unseen", "doubt", "fraction") if with_fraction else ("unseen", "doubt")
    class_map = map_of(layers["labels"], **{n: layers[n] for n in names})
    parts = [box((top, 39.5), (2, cut)), box((top, 39.5), (cut, 38)), box((top, 39.5), (2, 38))]
    told = Told(layers["expected"])
    left, right, whole = add_up(class_map, "water", parts, pixel_size_m=10, others=told)
    for name in ("fraction", "doubtful", "filled", "fillable"):
        both = getattr(left, name) + getattr(right, name)
        assert both == pytest.approx(getattr(whole, name), rel=1e-5, abs=0.01)
    assert left.by_code + right.by_code == pytest.approx(whole.by_code, rel=1e-5, abs=0.01)
    assert left.by_cause + right.by_cause == pytest.approx(whole.by_cause, rel=1e-5, abs=0.01)


def test_a_map_of_fractions_of_one_and_nothing_is_its_mask():
    layers = random_layers(3, (40, 40))
    whole = np.where(layers["labels"] == WATER, 200, 0)
    masks = map_of(layers["labels"], doubt=layers["doubt"])
    fractions = map_of(layers["labels"], doubt=layers["doubt"], fraction=whole)
    districts = [box((0.5, 35), (3.25, 38.5))]
    told = Told(layers["expected"])
    (one,), (other,) = (
        measure_areas(m, "water", districts, pixel_size_m=10, others=told).areas
        for m in (masks, fractions)
    )
    assert (one.fraction_km2, other.fraction_km2) == (None, pytest.approx(one.mask_km2))
    assert one.expected_km2 == pytest.approx(other.expected_km2)
    assert one.interval_km2 == pytest.approx(other.interval_km2)
    assert one.uncertainty == pytest.approx(other.uncertainty)
