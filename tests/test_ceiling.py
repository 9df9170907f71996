"""How good the names of clusters could have been."""

import itertools
import json

import numpy as np
import pytest
import rasterio
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from conftest import utm_grid
from obriy.errors import GridError, InputError
from obriy.model.classmap import ClassMap
from obriy.model.clusters import NOISE, cluster_legend
from obriy.model.grid import coords_of, geobox_of
from obriy.model.legend import Legend, LegendClass, load_legend
from obriy.model.reference import Reference
from obriy.sources.reference import reference_from_band
from obriy.sources.scene import open_scene
from obriy.validation.ceiling import best_naming, evaluate_naming
from obriy.validation.evaluate import evaluate

COVER = load_legend("worldcover")
THREE = Legend(
    "three", tuple(LegendClass(c, n, {}, "#000000") for c, n in ((10, "a"), (20, "b"), (30, "c")))
)


def lay(values, grid=None):
    values = np.asarray(values, "uint8")
    return xr.DataArray(values, coords_of(grid or utm_grid(values.shape)), ("y", "x"))


def table_of(rows):
    """Counts by cluster: ``{cluster: (a, b, c)}``."""
    counts = np.zeros((256, 3), "int64")
    for cluster, row in rows.items():
        counts[cluster] = row
    return counts


def test_majority_and_hungarian_differ_by_hand():
    # cluster      a   b   c     majority   one-to-one
    #   1         50  10   0     a          a    (50 + 5 + 20 = 75 beats 1 → b: 10 + 40 + 20)
    #   2         40   5   0     a          b
    #   3          0  10  20     c          c
    #   7          4   4   7     c          none left: 15 wrong
    # 150 pixels: a 94, b 29, c 27.
    ceiling = best_naming(table_of({1: (50, 10, 0), 2: (40, 5, 0), 3: (0, 10, 20), 7: (4, 4, 7)}),
                          THREE)  # fmt: skip
    assert ceiling.names == {1: 10, 2: 10, 3: 30, 7: 30}
    assert ceiling.overall_accuracy == pytest.approx((50 + 40 + 20 + 7) / 150)
    # a: right 90, mapped 105, in truth 94; b: never named; c: right 27, mapped 45, in truth 27.
    assert ceiling.mean_iou == pytest.approx((90 / (105 + 94 - 90) + 0 + 27 / 45) / 3)
    chance = (105 * 94 + 45 * 27) / 150**2
    assert ceiling.kappa == pytest.approx((117 / 150 - chance) / (1 - chance))
    assert ceiling.ties == ()
    best = ceiling.hungarian
    assert best.names == {1: 10, 2: 20, 3: 30}
    assert best.overall_accuracy == pytest.approx(75 / 150)
    # a: 50 of 60 and 94; b: 5 of 45 and 29; c: 20 of 30 and 27.
    assert best.mean_iou == pytest.approx((50 / 104 + 5 / 69 + 20 / 37) / 3)


def test_ties_absent_classes_noise_and_no_cluster():
    counts = table_of({0: (3, 0, 0), 5: (6, 6, 0), NOISE: (0, 2, 0), 255: (1, 0, 0)})
    ceiling = best_naming(counts, THREE)
    assert ceiling.names == {5: 10, NOISE: 20}
    assert ceiling.ties == (5,)
    assert ceiling.overall_accuracy == pytest.approx(8 / 18)
    # The class c occurs nowhere, so no figure speaks of it.
    assert ceiling.mean_iou == pytest.approx((6 / 16 + 2 / 8) / 2)
    assert ceiling.hungarian.names == {5: 10, NOISE: 20}
    assert json.loads(json.dumps(ceiling.to_dict()))["names"] == {"5": 10, "254": 20}


def test_more_classes_than_clusters():
    ceiling = best_naming(table_of({1: (1, 5, 9)}), THREE)
    assert ceiling.hungarian.names == {1: 30}
    assert ceiling.hungarian.overall_accuracy == ceiling.overall_accuracy == pytest.approx(9 / 15)


@given(hnp.arrays("int64", (4, 3), elements=st.integers(0, 9)))
def test_no_naming_beats_the_ceilings(rows):
    if not rows.sum():
        return
    ceiling = best_naming(table_of({i + 1: row for i, row in enumerate(rows)}), THREE)
    total = rows.sum()
    namings = list(itertools.product([0, 1, 2, None], repeat=4))
    right = {n: sum(rows[i, c] for i, c in enumerate(n) if c is not None) for n in namings}
    assert ceiling.overall_accuracy == pytest.approx(max(right.values()) / total)
    apart = [right[n] for n in namings if len(set(n) - {None}) == 4 - n.count(None)]
    assert ceiling.hungarian.overall_accuracy == pytest.approx(max(apart) / total)
    assert ceiling.hungarian.overall_accuracy <= ceiling.overall_accuracy + 1e-12


CLUSTERS = [[1, 1, 1, 2], [1, 1, 2, 2], [3, 3, 3, 3], [3, 3, 0, 3]]
NAMES = {0: 0, 1: 10, 2: 30, 3: 255}
TRUTH = [[10, 10, 95, 40], [10, 10, 40, 40], [80, 80, 90, 80], [80, 0, 80, 90]]
"""Cluster 1 trees; 2 cropland, called grassland; 3 water and wetland, not named; one unseen."""


def named_maps(grid=None):
    labels = np.vectorize(NAMES.get)(CLUSTERS)
    clusters = ClassMap(lay(CLUSTERS, grid), cluster_legend([1, 2, 3]))
    return ClassMap(lay(labels, grid), COVER), clusters


def test_a_named_map_by_hand():
    named, clusters = named_maps()
    truth = Reference(lay(TRUTH), COVER, "a file", accuracy={"product": "ours"})
    found = evaluate_naming(named, clusters, truth)
    # 14 compared: one unseen, one without reference. As named 4 trees are right.
    assert found.scores.pixels == 14
    assert found.scores.overall_accuracy == pytest.approx(4 / 14)
    assert found.scores == evaluate(named, truth)
    # Best: 1 trees (4 of 5), 2 cropland (3 of 3), 3 water (4 of 6).
    assert found.ceiling.names == {1: 10, 2: 40, 3: 80}
    assert found.ceiling.overall_accuracy == pytest.approx(11 / 14)
    assert found.ceiling.mean_iou == pytest.approx((4 / 5 + 1 + 4 / 6 + 0 + 0) / 5)
    assert found.ceiling.hungarian.overall_accuracy == pytest.approx(11 / 14)
    # Main classes: mangroves are trees, grassland and cropland one, wetland with water.
    assert found.merged.legend == "main"
    assert found.merged.overall_accuracy == pytest.approx((5 + 3) / 14)
    assert found.merged.unnamed == (0, 0, 0, 0, 6)
    assert found.merged_ceiling.overall_accuracy == 1
    assert found.merged_ceiling.names == {1: 1, 2: 2, 3: 5}
    plain = json.loads(json.dumps(found.to_dict()))
    assert plain["gap"]["overall_accuracy"] == pytest.approx(7 / 14)
    assert plain["gap"]["merged"]["overall_accuracy"] == pytest.approx(6 / 14)
    assert plain["ceiling"]["merged"]["overall_accuracy"] == 1
    assert plain["ceiling"]["hungarian"]["names"]["2"] == 40
    assert plain["merged"]["pixels"] == 14
    assert plain["reference_accuracy"] == {"product": "ours"}
    assert plain["overall_accuracy"] == found.scores.overall_accuracy


def test_a_reference_of_another_legend_gives_a_ceiling_in_the_common_one():
    named, clusters = named_maps()
    simple = np.vectorize({0: 0, 10: 2, 95: 2, 40: 3, 80: 1, 90: 3}.get)(TRUTH)
    found = evaluate_naming(named, clusters, Reference(lay(simple), load_legend("simple"), "x"))
    assert found.scores.legend == found.ceiling.legend == "simple"
    # Trees 5 of 5, grassland and cropland are both low vegetation: 3 of 3, water not named.
    assert found.scores.overall_accuracy == pytest.approx(8 / 14)
    assert found.ceiling.overall_accuracy == pytest.approx((5 + 3 + 4) / 14)
    assert any("brought to 'simple'" in note for note in found.scores.notes)


def test_a_legend_that_leads_to_no_main_class_has_no_merged_ceiling():
    grid = utm_grid((4, 4))
    clusters = ClassMap(lay(CLUSTERS), cluster_legend([1, 2, 3]))
    truth = lay(np.array(TRUTH) % 30 // 10 * 10, grid)
    truth = truth.where(truth > 0, 10).astype("uint8")
    named = ClassMap(lay(np.where(np.array(CLUSTERS) > 0, 10, 0)), THREE)
    found = evaluate_naming(named, clusters, Reference(truth, THREE, "x"))
    assert (found.merged, found.merged_ceiling) == (None, None)
    plain = found.to_dict()
    assert plain["merged"] is plain["ceiling"]["merged"] is plain["gap"]["merged"] is None


def test_clusters_of_another_grid_are_refused():
    named, clusters = named_maps()
    _, elsewhere = named_maps(utm_grid((4, 4), origin=(0.0, 0.0)))
    with pytest.raises(GridError, match="another grid"):
        evaluate_naming(named, elsewhere, Reference(lay(TRUTH), COVER, "x"))
    with pytest.raises(InputError, match="share no class"):
        evaluate_naming(clusters, clusters, Reference(lay(TRUTH), COVER, "x"))


def test_windows_do_not_show_in_a_ceiling():
    random = np.random.default_rng(0)
    grid = utm_grid((2100, 2060))
    numbers = random.integers(0, 21, grid.shape, dtype="uint8")
    truth = random.choice(np.array([0, *COVER.codes], "uint8"), grid.shape)
    labels = np.array([0, *random.choice(COVER.codes, 20)], "uint8")[numbers]
    found = evaluate_naming(
        ClassMap(lay(labels, grid), COVER),
        ClassMap(lay(numbers, grid), cluster_legend(list(range(1, 21)))),
        Reference(lay(truth, grid), COVER, "x"),
    )
    seen = (numbers > 0) & (truth > 0)
    most = sum(np.bincount(truth[seen & (numbers == n)]).max() for n in range(1, 21))
    assert found.ceiling.overall_accuracy == pytest.approx(most / seen.sum())
    assert found.scores.overall_accuracy == pytest.approx((labels == truth)[seen].mean())
    assert set(found.merged.intervals) >= {"overall_accuracy", "tree.f1"}


@pytest.mark.realdata
def test_a_chip_against_its_own_band(realdata):
    path = realdata / "hls_chips" / "images" / "001.tif"
    with rasterio.open(path) as dataset:
        band = dataset.read(11)
        nir = dataset.read(5)
    grid = geobox_of(open_scene(path))
    reference = reference_from_band([str(path)], "ESA_WorldCover", grid)
    np.testing.assert_array_equal(reference.labels, band)
    assert reference.legend.name == "worldcover"
    assert [v["overall_accuracy"] for v in reference.accuracy["versions"]] == [0.744, 0.767]
    edges = np.quantile(nir, [0.2, 0.4, 0.6, 0.8])
    numbers = (np.digitize(nir, edges) + 1).astype("uint8")
    clusters = ClassMap(lay(numbers, grid), cluster_legend([1, 2, 3, 4, 5]))
    found = evaluate_naming(ClassMap(lay(np.full_like(numbers, 30), grid), COVER), clusters,
                            reference)  # fmt: skip
    most = sum(np.bincount(band[(numbers == n) & (band > 0)]).max() for n in range(1, 6))
    assert found.ceiling.overall_accuracy == pytest.approx(most / (band > 0).sum())
    assert found.merged_ceiling.overall_accuracy >= found.ceiling.overall_accuracy


def test_each_labeller_is_scored_as_if_it_were_alone():
    clusters = lay([[1, 1, 1, 2, 2, 3]])
    truth = lay([[10, 10, 80, 80, 80, 40]])
    named = ClassMap(lay([[10, 10, 10, 80, 80, 40]]), COVER)
    numbered = ClassMap(clusters, cluster_legend([1, 2, 3]))
    found = evaluate_naming(
        named,
        numbered,
        Reference(truth, COVER, "truth"),
        opinions={"sure": {1: 10, 2: 80, 3: 40}, "shy": {1: 10, 2: 255}, "off": {1: 80, 2: 10}},
    )
    # sure: 2 of 3, 2 of 2, 1 of 1; shy says nothing of two clusters; off is right about one pixel.
    assert found.opinions == pytest.approx({"sure": 5 / 6, "shy": 2 / 6, "off": 1 / 6})
    assert found.to_dict()["labellers"][1] == {"labeller": "shy", "overall_accuracy": 2 / 6}
