"""What is counted of leaves tells of the clusters that they make up, and of some of them split."""

import numpy as np
import pytest

from obriy.blocks.engine import EngineOptions
from obriy.labelling import tally as tally_module
from obriy.labelling.facts import facts_of, measure_clusters
from obriy.labelling.tally import ClusterTally
from obriy.methods.clustering.parse import parse_clusterer
from obriy.model.classmap import ClassMap
from obriy.model.clusters import cluster_legend
from obriy.workflows.landcover.clustering import cluster_in_memory, split_further


@pytest.fixture
def scene(scene_of):
    random = np.random.default_rng(3)
    kinds = np.repeat(np.repeat(random.integers(0, 5, (9, 8)), 7, 0), 9, 1)
    base = np.array([0.02, 0.1, 0.2, 0.3, 0.4])[kinds]
    names = ("blue", "green", "red", "nir", "swir16")
    shift = random.uniform(0.5, 1.5, (5, len(names)))
    return scene_of(
        **{n: base * shift[kinds, i] + random.normal(0, 0.01, kinds.shape)
           for i, n in enumerate(names)}
    )  # fmt: skip


def counted(scene, labels, cluster_of=None, expected=None):
    tally = ClusterTally(0, cluster_of, expected)
    bands = {name: scene[name].to_numpy() for name in ("blue", "green", "red", "nir", "swir16")}
    shape = labels.shape
    tally.add(bands, labels, (0, 0), (slice(0, shape[0]), slice(0, shape[1])))
    return tally


def test_leaves_make_up_clusters(scene, monkeypatch):
    monkeypatch.setattr(tally_module, "SAMPLE", 50)
    labels = np.random.default_rng(1).choice([2, 7, 8], scene["nir"].shape).astype(np.uint8)
    labels[10:40, 10:40] = 7
    cluster_of = np.arange(256, dtype=np.uint8)
    cluster_of[[7, 8]] = 1
    leaves = counted(scene, labels, cluster_of)
    assert facts_of(leaves, scene, cluster_of) == facts_of(
        counted(scene, cluster_of[labels]), scene
    )
    assert facts_of(leaves, scene) == facts_of(counted(scene, labels), scene)
    again = ClusterTally.from_arrays(leaves.to_arrays())
    assert facts_of(again, scene, cluster_of) == facts_of(leaves, scene, cluster_of)


def test_what_is_expected_changes_no_sample(scene, monkeypatch):
    monkeypatch.setattr(tally_module, "SAMPLE", 30)
    labels = np.random.default_rng(1).choice([2, 7], scene["nir"].shape).astype(np.uint8)
    expected = np.bincount(labels.ravel(), minlength=256).astype(float)
    plain, told = counted(scene, labels), counted(scene, labels, None, expected)
    assert facts_of(plain, scene) == facts_of(told, scene)


def test_a_split_map_is_that_of_the_split_rule(scene):
    """Facts of a split that nobody looked at the scene again for are those of its own map."""
    method = parse_clusterer("kmeans", 4)
    options = EngineOptions(workers=2)
    first = cluster_in_memory(scene, method, clouds="none", options=options)
    rule = first.rule.split(2)
    second = split_further(scene, first, rule)
    labels = second.map.labels.copy(data=second.map.labels.to_numpy())
    block_bands = {n: scene[n].to_numpy() for n in first.rule.sample.bands}
    whole = tuple(slice(0, n) for n in labels.shape)
    np.testing.assert_array_equal(
        labels, rule._nearest.number(block_bands, first.rule.sample.bands, whole)
    )
    assert set(np.unique(labels)) == set(rule.ids)
    measured = measure_clusters(scene, ClassMap(labels, cluster_legend(rule.ids)))
    assert list(second.facts) == measured
    assert split_further(scene, second, rule.split(rule.ids[-1])) is None  # a leaf is not cut
