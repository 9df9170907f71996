"""Pixels numbered by sums of their features: the same clusters as by points and distances."""

import numpy as np
import pytest

from obriy.blocks.base import Block
from obriy.blocks.learnt import Learnt
from obriy.blocks.places import place_keys
from obriy.methods.clustering.parse import parse_clusterer
from obriy.methods.clustering.pixels import pairs_of

NAMES = ("blue", "green", "red", "nir", "swir16")


def block_of(rows=150, columns=90, seed=0, row=0, column=0):
    """Mixtures of four spectra, with a hole in one band and a negative pixel."""
    random = np.random.default_rng(seed)
    ends = random.uniform(0.01, 0.4, (4, len(NAMES)))
    shares = random.dirichlet(np.full(4, 0.3), (rows, columns))
    planes = np.moveaxis(shares @ ends, 2, 0).astype(np.float32)
    planes += random.normal(0, 0.004, planes.shape).astype(np.float32)
    planes[2, 5:9, 7:11] = np.nan
    planes[:, 20, 20] = -0.01
    bands = dict(zip(NAMES, planes, strict=True))
    return Block(bands, None, row, column, (slice(0, rows), slice(0, columns)))


def by_points(rule, block):
    """Number pixels as the points of their features lie to the prototypes."""
    labels = np.zeros(block.shape, np.uint8)
    for patch in rule.look.patches(block):
        labels[patch.place] = patch.spread(rule._assign(rule.space.points(patch.values())))
    return labels


@pytest.mark.parametrize("features", [("bands", "indices"), ("bands",)])
def test_sums_tell_the_nearest_centre(features):
    block = block_of()
    method = parse_clusterer("kmeans", 7, features)
    rule = method.decide(method.collect(block))
    rule = rule.split(2).split(5)
    rule = rule.split(8)  # a part is cut again
    assert rule._nearest is not None
    found = rule.apply(block).labels
    assert (found[5:9, 7:11] == 0).all()
    assert set(np.unique(found)) == {0, *rule.ids}
    assert (found != by_points(rule, block)).mean() < 1e-3  # only where two are as near


def test_a_pixel_has_its_number_whatever_the_cut():
    block = block_of(100, 700)
    method = parse_clusterer("kmeans", 9)
    rule = method.decide(method.collect(block))
    whole = rule.apply(block).labels
    for rows, columns in ((slice(3, 37), slice(1, 514)), (slice(99, 100), slice(600, 601))):
        bands = {name: plane[rows, columns] for name, plane in block.bands.items()}
        shape = next(iter(bands.values())).shape
        part = Block(bands, None, 0, 0, (slice(0, shape[0]), slice(0, shape[1])))
        np.testing.assert_array_equal(rule.apply(part).labels, whole[rows, columns])


def test_the_sample_is_of_the_smallest_keys(monkeypatch):
    monkeypatch.setattr("obriy.methods.clustering.look.MOST_PIXELS", 400)
    block = block_of(row=70, column=30)
    sample = parse_clusterer("kmeans", 4).collect(block)
    planes = np.stack(list(block.bands.values()))
    rows, columns = np.nonzero(np.isfinite(planes).all(axis=0))
    keys = np.sort(place_keys(0, rows + 70, columns + 30))
    np.testing.assert_array_equal(sample.keys, keys[:400])
    assert sample.seen == len(keys)
    first = np.argmin(place_keys(0, rows + 70, columns + 30))
    np.testing.assert_array_equal(sample.values[0, :5], planes[:, rows[first], columns[first]])


def test_blocks_beside_others_give_the_sample_of_the_whole(monkeypatch):
    monkeypatch.setattr("obriy.methods.clustering.look.MOST_PIXELS", 400)
    whole = block_of(160, 90)
    method = parse_clusterer("kmeans", 4)
    learnt, taken = Learnt([method], 8), []
    for number in range(8):
        # With a halo, which is of no account; a hole lies in the first block.
        rows = slice(max(0, 20 * number - 5), 20 * number + 25)
        bands = {name: plane[rows] for name, plane in whole.bands.items()}
        core = (slice(20 * number - rows.start, 20 * number - rows.start + 20), slice(0, 90))
        block = Block(bands, None, rows.start, 0, core)
        taken.append(len(method.collect_beside(block, learnt._merged[0].before).keys))
        learnt.add(number, [block])
    found, wanted = learnt._merged[0].result, method.collect(whole)
    for name in ("keys", "values", "sizes", "seen"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert taken[0] == 400
    assert max(taken[4:]) < 200  # a hundred of a block, roughly: four were looked at before


def test_what_sums_cannot_tell():
    assert pairs_of(("blue", "texture_nir"), ("blue", "nir")) is None
    assert pairs_of(("NDWI",), ("green", "nir")) is None  # a hole in a band would not be seen
    np.testing.assert_array_equal(
        pairs_of(("green", "nir08", "NDWI"), ("green", "nir08")), [[0, 0], [1, 1], [0, 1]]
    )
