"""Clusterers: one contract for all of them, and what is each one's own."""

import io

import numpy as np
import pytest

from obriy.blocks.base import Block
from obriy.blocks.engine import ArraySink, EngineOptions, run_methods
from obriy.blocks.places import place_keys
from obriy.errors import BandError, EmptyResultError, UnknownNameError, UsageError
from obriy.methods.clustering.density import Density, number_largest
from obriy.methods.clustering.number import choose_number
from obriy.methods.clustering.parse import CLUSTERERS, clusterer_names, parse_clusterer
from obriy.methods.clustering.prototypes import Prototypes
from obriy.methods.clustering.rule import FixedClusters, rule_from_arrays
from obriy.methods.clustering.sample import smallest
from obriy.methods.clustering.scaling import fit_axes, fit_scale
from obriy.methods.clustering.segments import slic_segments, watershed_segments
from obriy.methods.clustering.spec import parse_spec
from obriy.model.clusters import NOISE

NAMES = ("blue", "green", "red", "nir", "swir16", "swir22")
WATER = (0.030, 0.040, 0.030, 0.020, 0.010, 0.010)
FOREST = (0.030, 0.060, 0.040, 0.400, 0.200, 0.100)
SOIL = (0.100, 0.140, 0.190, 0.270, 0.360, 0.320)
ROOF = (0.350, 0.380, 0.400, 0.420, 0.420, 0.380)
MATERIALS = np.array([WATER, FOREST, SOIL, ROOF])
SPECS = [*CLUSTERERS, "slic+kmeans", "watershed+kmeans"]
CONTEXT = ("bands", "texture", "neighbourhood")
FIELD = 32
every_spec = pytest.mark.parametrize("spec", SPECS)


def paint(scene_of, kinds, noise=0.0, seed=0):
    """A scene whose pixels are of the materials with these numbers, and a little off."""
    random = np.random.default_rng(seed)
    planes = MATERIALS[kinds] + random.normal(0, noise, (*kinds.shape, len(NAMES)))
    return scene_of(**{name: planes[..., i] for i, name in enumerate(NAMES)})


def fields(shape, seed=1):
    """Square fields of the four materials, as a map of their numbers."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 4, (-(-shape[0] // FIELD), -(-shape[1] // FIELD)))
    return np.kron(coarse, np.ones((FIELD, FIELD), int))[: shape[0], : shape[1]]


def rough(scene_of, shape, seed=0):
    """A scene without groups: each pixel is a mixture of the materials."""
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.full(4, 0.4), shape)
    return scene_of(**{name: shares @ MATERIALS[:, i] for i, name in enumerate(NAMES)})


def run(scene, method, workers=1):
    sink = ArraySink((scene.sizes["y"], scene.sizes["x"]))
    (result,) = run_methods(
        scene, [(method, {"labels": sink})], prepare=lambda block: block,
        settle=lambda block, said: said, options=EngineOptions(workers=workers),
    )  # fmt: skip
    return sink.array, result.rule


@every_spec
def test_four_materials_are_recovered(scene_of, spec):
    kinds = fields((160, 192))
    found, rule = run(paint(scene_of, kinds), parse_clusterer(spec, clusters=4))
    table = np.zeros((256, 4), int)
    np.add.at(table, (found.ravel(), kinds.ravel()), 1)
    ids = [i for i in rule.ids if i != NOISE]
    assert ids == [1, 2, 3, 4]
    assert (np.count_nonzero(table[ids], axis=1) == 1).all()
    assert sorted(table[ids].max(axis=1)) == sorted(np.bincount(kinds.ravel()))
    # The largest cluster has the number 1.
    assert list(table.sum(axis=1)[1:5]) == sorted(np.bincount(kinds.ravel()), reverse=True)


@pytest.mark.parametrize(
    ("spec", "features"),
    [(spec, ("bands", "indices")) for spec in SPECS]
    + [(spec, CONTEXT) for spec in ("kmeans", "slic+kmeans")],
)
def test_the_cut_into_blocks_does_not_matter(scene_of, monkeypatch, spec, features):
    scene = paint(scene_of, fields((270, 330)), noise=0.01)
    scene["nir"][40:60, 200:330] = np.nan
    method = parse_clusterer(spec, clusters=6, features=features)
    whole, rule = run(scene, method)
    assert (whole[40:60, 200:330] == 0).all()
    assert np.count_nonzero(whole == 0) == 20 * 130
    monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", 350_000 if method.halo > 200 else 9_000)
    for name in NAMES:
        scene[name].encoding["preferred_chunks"] = {"y": 64, "x": 80}
    cut, again = run(scene, method, workers=2)
    np.testing.assert_array_equal(cut, whole)
    assert again.describe() == rule.describe()


@every_spec
def test_same_seed_same_map_and_inputs_unchanged(scene_of, spec):
    scene = rough(scene_of, (90, 120))
    before = {name: scene[name].values.copy() for name in NAMES}
    maps = [run(scene, parse_clusterer(spec, 5, seed=seed))[0] for seed in (3, 3)]
    np.testing.assert_array_equal(*maps)
    for name in NAMES:
        np.testing.assert_array_equal(scene[name].values, before[name])


@every_spec
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (7, 5), (64, 3)])
def test_images_of_any_size(scene_of, spec, shape):
    found, rule = run(rough(scene_of, shape), parse_clusterer(spec))
    assert found.shape == shape
    assert set(np.unique(found)) <= set(rule.ids)
    numbers = [i for i in rule.ids if i != NOISE]
    assert numbers == list(range(1, len(numbers) + 1))


@every_spec
def test_missing_pixels_do_not_matter(scene_of, spec):
    """What stands in the other bands of a pixel with a missing one changes nothing."""
    maps = []
    for filling in (0.0, 0.9, np.nan, np.inf):
        scene = rough(scene_of, (80, 100))
        scene["red"][20:50, 30:80] = np.nan
        scene["nir"][20:50, 30:80] = filling
        maps.append(run(scene, parse_clusterer(spec, 5))[0])
    assert (maps[0][20:50, 30:80] == 0).all()
    assert np.count_nonzero(maps[0] == 0) == 30 * 50
    for other in maps[1:]:
        np.testing.assert_array_equal(other, maps[0])


@every_spec
def test_nothing_seen_is_said(scene_of, spec):
    scene = scene_of(green=np.full((20, 30), np.nan), nir=np.full((20, 30), 0.2))
    with pytest.raises(EmptyResultError, match="another date"):
        run(scene, parse_clusterer(spec, 4))


@every_spec
@pytest.mark.parametrize("clusters", [None, 12])
def test_a_constant_image_is_one_cluster(scene_of, spec, clusters):
    scene = scene_of(green=np.full((70, 80), 0.1), nir=np.full((70, 80), 0.3))
    found, rule = run(scene, parse_clusterer(spec, clusters))
    assert (found == 1).all()
    assert [i for i in rule.ids if i != NOISE] == [1]


@every_spec
def test_a_rule_outlives_its_run(scene_of, spec):
    scene = rough(scene_of, (90, 120))
    found, rule = run(scene, parse_clusterer(spec, 5, ("bands", "texture")))
    rule = rule.split(1) or rule
    found, _ = run(scene, FixedClusters(rule))
    file = io.BytesIO()
    np.savez_compressed(file, **rule.to_arrays())
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        again = rule_from_arrays(dict(arrays))
    assert again.describe() == rule.describe()
    assert again.ids == rule.ids
    np.testing.assert_array_equal(run(scene, FixedClusters(again))[0], found)


@every_spec
def test_a_split_touches_one_cluster(scene_of, spec):
    scene = rough(scene_of, (120, 150))
    found, rule = run(scene, parse_clusterer(spec, 4))
    split = rule.split(1, parts=3)
    first = max(i for i in rule.ids if i != NOISE) + 1
    assert set(split.ids) == {*rule.ids, first, first + 1, first + 2} - {1}
    parted, _ = run(scene, FixedClusters(split))
    assert set(np.unique(parted[found == 1])) == {first, first + 1, first + 2}
    np.testing.assert_array_equal(parted[found != 1], found[found != 1])
    # A part can be split again, and numbers are never used twice.
    deeper = split.split(first)
    assert set(deeper.ids) == {*split.ids, first + 3, first + 4} - {first}
    assert [s["cluster"] for s in deeper.describe()["splits"]] == [1, first]


def test_what_cannot_be_split(scene_of):
    kinds = fields((96, 96))
    _, rule = run(paint(scene_of, kinds), parse_clusterer("kmeans", 4))
    assert rule.split(1) is None  # one point
    _, rule = run(rough(scene_of, (3, 4)), parse_clusterer("kmeans", 4))
    assert rule.split(1) is None  # too few pixels
    assert rule.split(9) is None  # no such cluster


def test_another_scene_with_the_same_rule(scene_of):
    kinds = fields((96, 128))
    _, rule = run(paint(scene_of, kinds), parse_clusterer("kmeans", 4))
    turned = kinds[::-1, ::-1]
    here, _ = run(paint(scene_of, kinds), FixedClusters(rule))
    there, _ = run(paint(scene_of, turned), FixedClusters(rule))
    np.testing.assert_array_equal(there, here[::-1, ::-1])
    more = paint(scene_of, kinds).assign(rededge071=lambda s: s["red"])
    np.testing.assert_array_equal(run(more, FixedClusters(rule))[0], here)
    with pytest.raises(BandError, match="swir22"):
        run(paint(scene_of, kinds).drop_vars("swir22"), FixedClusters(rule))


def test_samples_merge_in_any_order(scene_of):
    method = parse_clusterer("kmeans", 4)
    scene = rough(scene_of, (400, 300))

    def part(rows):
        bands = {n: scene[n].values[rows] for n in NAMES}
        core = (slice(0, rows.stop - rows.start), slice(0, 300))
        return method.collect(Block(bands, None, rows.start, 0, core))

    a, b, c = (part(slice(*r)) for r in ((0, 130), (130, 131), (131, 400)))
    whole = part(slice(0, 400))
    assert len(whole.keys) == 50_000
    for merged in (a.merge(b).merge(c), c.merge(a.merge(b)), b.merge(c).merge(a)):
        np.testing.assert_array_equal(merged.keys, whole.keys)
        np.testing.assert_array_equal(merged.values, whole.values)
        assert merged.seen == 400 * 300
    assert (np.diff(whole.keys.astype(float)) >= 0).all()


def test_a_sample_is_random():
    """Of a grid the smallest hashes fall evenly: counts in quarters within 5 deviations."""
    rows, columns = np.divmod(np.arange(200 * 200), 200)
    for seed in (0, 1):
        chosen = smallest(place_keys(seed, rows, columns), 8000)
        quarters = np.bincount(2 * (rows[chosen] // 100) + columns[chosen] // 100)
        assert (abs(quarters - 2000) < 5 * np.sqrt(8000 * 0.25 * 0.75)).all()
    keys = [place_keys(seed, rows, columns) for seed in (0, 1)]
    assert len(np.unique(keys[0])) == 200 * 200
    assert not np.array_equal(np.argsort(keys[0]), np.argsort(keys[1]))


def test_axes_by_hand():
    # Two features that say the same, and a third with a quarter of their common spread:
    # variances 2, 0 and 1/8 along the axes. Long and short end up 2 ** 0.125 and (1/8) ** 0.125.
    a, b = np.meshgrid([-1, 1], [-1, 1])
    values = np.stack([a.ravel(), a.ravel(), b.ravel() / 8**0.5], axis=1).astype("float32")
    turned = fit_axes(values, np.ones(4, "float32")).apply(values.T)
    assert turned.shape == (2, 4)
    np.testing.assert_allclose(sorted(turned.std(axis=1)), [0.125**0.125, 2**0.125], rtol=1e-4)
    np.testing.assert_allclose(turned[0] @ turned[1], 0, atol=1e-5)
    # Whatever else is asked for at the same time, the result is the same to the bit.
    many = np.random.default_rng(0).normal(size=(3, 1300)).astype("float32")
    axes = fit_axes(many.T, np.ones(1300, "float32"))
    np.testing.assert_array_equal(axes.apply(many[:, 700:]), axes.apply(many)[:, 700:])
    constant = fit_axes(np.full((5, 2), 3, "float32"), np.ones(5, "float32"))
    np.testing.assert_array_equal(constant.apply(np.full((2, 4), 3, "float32")), 0)


def test_scaling_by_hand():
    # 1, 2, 3, 4, 5: median 3, quartiles 2 and 4: (5 - 3) / (2 / 1.349) = 1.349.
    values = np.array([[1, 2, 3, 4, 5], [7, 7, 7, 7, 7], [0, 0, 0, 0, 10]], np.float32)
    scaled = fit_scale(values.T).apply(values)
    np.testing.assert_allclose(scaled[0], [-1.349, -0.6745, 0, 0.6745, 1.349], rtol=1e-5)
    np.testing.assert_array_equal(scaled[1], 0)
    # Quartiles alike: standard deviation of (0, 0, 0, 0, 10) is 4.
    np.testing.assert_allclose(scaled[2], [0, 0, 0, 0, 2.5], rtol=1e-5)
    assert fit_scale(values.T).apply(np.full((3, 1), 1e6, np.float32)).max() == 8


@pytest.mark.parametrize("count", [3, 300])
def test_the_nearest_prototype(count):
    """By hand and by tree the same: on a line each value is of the nearest whole number."""
    points = np.stack([np.arange(count), np.zeros(count)], axis=1).astype("float32")
    numbers = (np.arange(count) % 3 + 1).astype("uint8")
    values = np.array([[0.2, 1.7, -5, 1.4, 2.2], [0, 0, 0, 0.3, 0.6]], np.float32)
    found = Prototypes(points, numbers).assign(values)
    np.testing.assert_array_equal(found, [1, 3, 1, 2, 3])
    found = Prototypes(points, numbers, reach=0.55).assign(values)
    np.testing.assert_array_equal(found, [1, 3, NOISE, 2, NOISE])


def test_the_number_of_clusters_is_found(scene_of):
    for groups in (6, 10):
        random = np.random.default_rng(groups)
        centres = random.normal(0, 1, (groups, 8))
        points = np.repeat(centres, 300, axis=0) + random.normal(0, 0.05, (300 * groups, 8))
        order = random.permutation(len(points))
        chosen = choose_number(points[order].astype("float32"), np.ones(len(points), "f4"), 0)
        assert chosen.clusters == groups
        assert [c["clusters"] for c in chosen.describe()["candidates"]][:3] == [4, 6, 8]


def test_fewer_points_than_clusters(scene_of):
    kinds = fields((96, 96))
    _, rule = run(paint(scene_of, kinds), parse_clusterer("kmeans", 12))
    assert rule.ids == [1, 2, 3, 4]
    assert "4 distinct points" in rule.describe()["warnings"][0]


def test_only_the_largest_clusters_are_kept():
    labels = np.array([0, 1, 1, 2, 2, 2, 3])
    numbers = number_largest(labels, np.array([9.0, 1, 1, 1, 1, 1, 1]), 2)
    np.testing.assert_array_equal(numbers, [1, 0, 0, 2, 2, 2, 0])


def test_dbscan_says_where_density_does_not_tell(scene_of):
    random = np.random.default_rng(0)
    cloud = random.normal(0.2, 0.01, (6, 90, 100))
    scene = scene_of(**dict(zip(NAMES, cloud, strict=True)))
    found, rule = run(scene, parse_clusterer("dbscan", features=("bands",)))
    assert any("One cluster holds" in said for said in rule.about["warnings"])
    assert 0 < np.count_nonzero(found == NOISE) < 0.5 * found.size
    said = Density(eps=0.6, min_samples=6)
    found, rule = run(scene, parse_clusterer("dbscan", features=("bands",), density=said))
    assert rule.ids == [1, NOISE]
    assert any("One cluster holds" in said for said in rule.about["warnings"])
    assert 0 < np.count_nonzero(found == NOISE) < 0.3 * found.size
    lonely = scene.copy(deep=True)
    for name in NAMES:
        lonely[name][0, 0] = 0.9
    assert run(lonely, FixedClusters(rule))[0][0, 0] == NOISE


@pytest.mark.parametrize("segmenter", [slic_segments, watershed_segments])
def test_segments_are_whole_and_follow_edges(segmenter):
    from scipy import ndimage

    kinds = fields((64, 96))
    bands = {n: MATERIALS[kinds][..., i].astype("float32") for i, n in enumerate(NAMES)}
    seen = np.ones(kinds.shape, bool)
    seen[30:34] = False
    for plane in bands.values():
        plane[~seen] = np.nan
    segments = segmenter(bands, seen)
    assert segments.dtype == np.int32
    np.testing.assert_array_equal(segments > 0, seen)
    numbers = np.unique(segments[seen])
    np.testing.assert_array_equal(numbers, np.arange(1, len(numbers) + 1))
    for number in numbers:
        mine = segments == number
        assert ndimage.label(mine, np.ones((3, 3)))[1] == 1
        assert len(np.unique(kinds[mine])) == 1


def test_specs():
    assert parse_spec("spectral").text == "slic+spectral"
    assert parse_spec(" SLIC + KMeans ").text == "slic+kmeans"
    assert parse_spec("watershed+autoencoder+kmeans").text == "watershed+autoencoder+kmeans"
    for name in clusterer_names():
        assert parse_spec(name).text.endswith(name)
    with pytest.raises(UnknownNameError, match="Did you mean 'kmeans'"):
        parse_spec("kmean")
    for text in ("slic", "kmeans+slic", "autoencoder+slic+kmeans", "slic+", "kmeans+kmeans", ""):
        with pytest.raises(UsageError, match=r"\+"):
            parse_spec(text)
    for clusters in (0, 1, 200):
        with pytest.raises(UsageError, match="clusters"):
            parse_clusterer("kmeans", clusters)
    with pytest.raises(BandError, match="--bands"):
        parse_clusterer("kmeans").bands({"coastal"})


@pytest.mark.realdata
def test_clusters_of_real_land_can_be_named(realdata):
    """Chips of the choose sites: with the best name for each cluster most pixels are right."""
    rasterio = pytest.importorskip("rasterio")
    right, total = {"kmeans": 0, "slic+kmeans": 0, "dbscan": 0}, 0
    for chip in (0, 6, 13):
        with rasterio.open(realdata / "hls_chips" / "images" / f"{chip:03d}.tif") as file:
            image = file.read()
        bands = {n: (image[i + 1] / 1e4).astype("float32") for i, n in enumerate(NAMES)}
        block = Block(bands, None, 0, 0, (slice(0, 128), slice(0, 128)))
        for spec in right:
            method = parse_clusterer(spec, 12)
            labels = method.decide(method.collect(block)).apply(block).labels
            table = np.zeros((256, 256), int)
            np.add.at(table, (labels.ravel(), image[10].ravel()), 1)
            right[spec] += table.max(axis=1).sum()
        total += labels.size
    shares = {spec: count / total for spec, count in right.items()}
    assert shares["kmeans"] > 0.7
    assert abs(shares["slic+kmeans"] - shares["kmeans"]) < 0.05
    assert shares["dbscan"] < shares["kmeans"]
