"""DBSCAN on a grid: the clusters of scikit-learn's at equal parameters, in bounded memory."""

import numpy as np
import pytest

from obriy.errors import UsageError
from obriy.methods.clustering.cells import cells_of, cluster_cells, table_of
from obriy.methods.clustering.density import Density, fit_dbscan
from obriy.methods.clustering.parse import parse_clusterer


def by_grid(points, eps, least):
    cells = cells_of(points, np.ones(len(points)), eps)
    numbers, core = cluster_cells(cells, eps, least)
    return numbers[cells.cell_of], core[cells.cell_of]


def test_a_line_by_hand():
    """Points 0 to 4 and 10 to 12, one at 20: with a radius of 1, 3 within make a core."""
    points = np.array([0, 1, 2, 3, 4, 10, 11, 12, 20], np.float32)[:, None] * 0.999
    numbers, core = by_grid(points, 1.0, 3)
    np.testing.assert_array_equal(numbers, [0, 0, 0, 0, 0, 1, 1, 1, -1])
    np.testing.assert_array_equal(core, [0, 1, 1, 1, 0, 0, 1, 0, 0])


@pytest.mark.parametrize(("eps", "least"), [(0.1, 8), (0.2, 20), (0.3, 60)])
def test_labels_are_those_of_scikit_learn(eps, least):
    from sklearn.cluster import DBSCAN
    from sklearn.metrics import adjusted_rand_score

    random = np.random.default_rng(0)
    blobs = random.normal(0, 1, (6, 3)).repeat(500, 0) + random.normal(0, 0.15, (3000, 3))
    points = np.concatenate([blobs, random.uniform(-2, 2, (500, 3))]).astype(np.float32)
    numbers, _ = by_grid(points, eps, least)
    labels = DBSCAN(eps=eps, min_samples=least).fit(points.astype(float)).labels_
    assert adjusted_rand_score(labels, numbers) > 0.98


def test_weight_counts_as_points():
    points = np.array([[0, 0], [0.5, 0], [5, 5]], np.float32)
    cells = cells_of(points, np.array([2.0, 1, 3]), 1.0)
    numbers, core = cluster_cells(cells, 1.0, 3)
    np.testing.assert_array_equal(numbers[cells.cell_of], [0, 0, 1])
    assert core.all()


def test_a_table_tells_the_nearest_core_within_reach():
    random = np.random.default_rng(1)
    cores = random.uniform(-3, 3, (400, 3)).astype(np.float32)
    numbers = random.integers(1, 9, 400).astype(np.uint8)
    values = random.uniform(-4, 4, (3, 5000)).astype(np.float32)
    table = table_of(cores, numbers, 0.6, 254)
    far = np.linalg.norm(values.T[:, None] - cores[None], axis=2)
    wanted = np.where(far.min(axis=1) <= 0.6, numbers[far.argmin(axis=1)], 254)
    found = table.look_up(values)
    assert (found == wanted).mean() > 0.9  # the rest lies in cubes that a border cuts
    clear = abs(far.min(axis=1) - 0.6) > 0.1
    assert ((found == 254) == (wanted == 254))[clear].all()


def test_the_radius_leaves_no_cluster_half_of_the_scene():
    """Two blobs that a bridge joins at large radii: the one that is taken tells them apart."""
    random = np.random.default_rng(2)
    blobs = np.array([[0, 0, 0], [2, 0, 0]]).repeat(2000, 0) + random.normal(0, 0.25, (4000, 3))
    points = random.permutation(blobs).astype(np.float32)
    fitted = fit_dbscan(points, np.ones(4000, np.float32), None, 0)
    labels = fitted.prototypes.assign(np.ascontiguousarray(points.T))
    shares = np.bincount(labels, minlength=255) / len(labels)
    assert shares[:254].max() <= 0.5
    assert shares[254] <= 0.3
    left, right = points[:, 0] < 0.3, points[:, 0] > 1.7
    assert set(labels[left]) - {254} == {np.bincount(labels[left])[:254].argmax()}
    assert not set(labels[left]) & set(labels[right]) - {254}
    told = fit_dbscan(points, np.ones(4000, np.float32), None, 0, Density(3.0, 5))
    assert told.about["eps"] == 3.0
    assert told.about["number"]["found"] == 1


def test_only_dbscan_takes_a_density():
    with pytest.raises(UsageError, match="eps"):
        parse_clusterer("kmeans", density=Density(eps=0.1))
