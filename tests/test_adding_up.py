"""Pixels are added up window by window as a map is made: in any order, cut in any way."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.test_tally import WATER, Told, box, map_of, random_layers

from obriy.measures.adding import Adding
from obriy.measures.areas import add_up, measure_areas
from obriy.measures.hidden import _grid

NAMES = ("labels", "fraction", "unseen", "doubt")


def cut_up(class_map, districts, edges, rng, others=None):
    """Add a map up in windows that end at rows and columns, in no order."""
    adding = Adding(class_map.geobox, WATER, districts, pixel_size_m=10, others=others)
    sides = [
        [slice(a, b) for a, b in itertools.pairwise([0, *(e for e in line if e < n), n])]
        for line, n in zip(edges, class_map.labels.shape, strict=True)
    ]
    parts = list(itertools.product(*sides))
    for k in rng.permutation(len(parts)):
        rows, columns = parts[k]
        layers = {n: getattr(class_map, n).to_numpy()[rows, columns] for n in NAMES}
        adding.see(rows, columns, layers)
    return adding.tallies()


def alike(one, other):
    for name in ("by_code", "by_cause", "moved"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-11, abs=1e-9)
    for name in ("fraction", "doubtful", "drops", "filled", "fillable", "shore", "beside", "never"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-11), name
    blocks = [dataclasses.asdict(tally.blocks) for tally in (one, other)]
    assert blocks[0] == pytest.approx(blocks[1], rel=1e-11)
    assert one.pixel == other.pixel
    assert _grid(one.pieces) == pytest.approx(_grid(other.pieces), rel=1e-11)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 999),
    rows=st.lists(st.integers(2, 88), max_size=4, unique=True),
    columns=st.lists(st.integers(2, 118), max_size=4, unique=True),
    with_districts=st.booleans(),
)
def test_the_cut_does_not_matter_to_any_sum(seed, rows, columns, with_districts):
    layers = random_layers(seed, (90, 120))
    class_map = map_of(layers["labels"], **{n: layers[n] for n in NAMES[1:]})
    districts = [box((3.5, 80.2), (7, 111.1)), box((31, 64), (32, 64))] if with_districts else []
    told = Told(layers["expected"])
    whole = add_up(class_map, "water", districts, pixel_size_m=10, others=told)
    cut = cut_up(class_map, districts, (sorted(rows), sorted(columns)),
                 np.random.default_rng(seed), told)  # fmt: skip
    for one, other in zip(cut, whole, strict=True):
        alike(one, other)


def test_shore_over_a_seam_by_hand():
    # Water above row 40, land below: 2 x 60 pixels touch, over a seam and nowhere else.
    labels = np.where(np.arange(90)[:, None] < 40, WATER, 1) * np.ones((1, 60), int)
    plain = map_of(labels, **{n: np.zeros((90, 60), int) for n in ("unseen", "doubt")},
                   fraction=np.full((90, 60), 255))  # fmt: skip
    (tally,) = cut_up(plain, [], ([40], [32]), np.random.default_rng(0))
    assert tally.shore == 60 * 100  # half of 120 pixels of 100 m²
    assert tally.beside == 60 * 32 * 100  # the blocks of rows 32 to 63 hold all of it


def test_a_district_away_from_all_seams_beside_one_that_has_shore_on_them():
    labels = np.where(np.arange(90)[:, None] < 40, WATER, 1) * np.ones((1, 60), int)
    plain = map_of(labels, **{n: np.zeros((90, 60), int) for n in NAMES[1:]})
    districts = [box((5, 15), (5, 15)), box((0, 90), (0, 60))]
    away, whole = cut_up(plain, districts, ([40], []), np.random.default_rng(0))
    assert (away.by_code[WATER], away.shore) == (100 * 100, 0)
    assert (whole.by_code[WATER], whole.shore) == (40 * 60 * 100, 60 * 100)


def test_a_seam_where_windows_of_files_meet_is_none():
    labels = np.ones((40, 2100), int)
    labels[:, 2048:] = WATER  # files are read in windows 2048 pixels wide
    (area,) = measure_areas(map_of(labels), "water", pixel_size_m=10).areas
    (tally,) = add_up(map_of(labels), "water", pixel_size_m=10)
    assert tally.shore == 40 * 100
    assert area.mask_km2 == pytest.approx(40 * 52 * 1e-4)
