"""The labeller `spectral`: textbook spectra, any bands, any legend, probabilities that add up."""

import dataclasses

import numpy as np
import pytest
import xarray as xr
from tests.conftest import utm_grid

from obriy.errors import TableError
from obriy.labelling.facts import measure_clusters
from obriy.labelling.spectral import SpectralLabeller, _are_mixed, describe_evidence
from obriy.labelling.spectral_expert import expert_from, load_expert
from obriy.labelling.spectral_features import FEATURES, feature_table, median_of
from obriy.labelling.spectral_sky import haze_in_blue, through_skies
from obriy.model.classmap import ClassMap
from obriy.model.clusters import ClusterFacts, Portrait, Spread, cluster_legend
from obriy.model.grid import coords_of
from obriy.model.legend import UNNAMED, Legend, LegendClass, load_legend
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
# Levels as in Jensen, Remote Sensing of the Environment, and the ECOSTRESS library; not those of
# the package's own table.
SPECTRA = {
    "water": (0.03, 0.025, 0.012, 0.005, 0.004, 0.003),
    "muddy_water": (0.08, 0.11, 0.12, 0.08, 0.015, 0.01),
    "forest": (0.02, 0.037, 0.02, 0.32, 0.13, 0.055),
    "spruce": (0.018, 0.032, 0.022, 0.18, 0.08, 0.035),
    "grass": (0.055, 0.085, 0.075, 0.31, 0.22, 0.14),
    "ploughed": (0.09, 0.12, 0.15, 0.20, 0.28, 0.24),
    "sand": (0.16, 0.25, 0.34, 0.42, 0.50, 0.46),
    "rock": (0.15, 0.18, 0.20, 0.24, 0.27, 0.25),
    "city": (0.105, 0.125, 0.14, 0.175, 0.19, 0.175),
    "snow": (0.80, 0.80, 0.78, 0.68, 0.08, 0.07),
}
ROUGH = {"city": 0.22, "water": 0.10}
SUBSETS = (BANDS, BANDS[:4], BANDS[1:5])


def portraits_of(names, bands=BANDS, spectra=SPECTRA, *, finer=1):
    """Stripes of 40 rows of each ground, with texture, at 30 m; measured as a user's scene is.

    `finer`: the same ground, each pixel as so many times so many smaller ones.
    """
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(1, len(names) + 1), 40)[:, None].repeat(60, 1)
    bright = rng.standard_normal(labels.shape)
    rough = np.array([ROUGH.get(n, 0.06) for n in names])[labels - 1]
    grid = utm_grid(tuple(finer * n for n in labels.shape), 30 / finer)
    planes = {}
    for i, band in enumerate(BANDS):
        level = np.array([spectra[n][i] for n in names])[labels - 1]
        noise = 0.9 * bright + 0.4 * rng.standard_normal(labels.shape)
        plane = (level * np.exp(rough * noise)).astype("float32")
        planes[band] = xr.Variable(("y", "x"), np.kron(plane, np.ones((finer, finer), "float32")))
    scene = make_scene(
        {b: planes[b] for b in bands}, grid, sensor="unknown", provenance=Provenance()
    )
    numbers = np.kron(labels, np.ones((finer, finer), int)).astype("uint8")
    array = xr.DataArray(numbers, dims=("y", "x"), coords=coords_of(grid))
    clusters = ClassMap(array, cluster_legend(list(range(1, len(names) + 1))))
    return [Portrait(facts) for facts in measure_clusters(scene, clusters)]


def answers_of(names, bands=BANDS, legend="worldcover"):
    return SpectralLabeller().label(portraits_of(names, bands), load_legend(legend))


@pytest.mark.parametrize("bands", SUBSETS, ids="-".join)
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("water", "forest", "city", "ploughed"), (80, 10, 50, 40)),
        (("snow", "rock", "water", "spruce"), (70, 60, 80, 10)),
        (("water", "muddy_water"), (80, 80)),
        (("sand", "rock"), (60, 60)),
        (("forest",), (10,)),
        (("snow",), (70,)),
    ],
    ids=lambda v: "-".join(map(str, v)),
)
def test_textbook_spectra(names, expected, bands):
    assert tuple(a.code for a in answers_of(names, bands)) == expected


@pytest.mark.parametrize("finer", [2, 3])
def test_the_size_of_pixels_turns_no_name(finer):
    names = ("water", "forest", "city", "ploughed")
    answers = SpectralLabeller().label(portraits_of(names, finer=finer), load_legend("worldcover"))
    assert [a.code for a in answers] == [80, 10, 50, 40]


HAZE = dict(zip(BANDS, (0.06, 0.035, 0.018, 0.007, 0.0, 0.0), strict=True))
"""What the air scatters at the top of the atmosphere, as wavelength to the power of -4."""


def hazy():
    return {
        name: tuple(value + HAZE[band] for band, value in zip(BANDS, levels, strict=True))
        for name, levels in SPECTRA.items()
    }


@pytest.mark.parametrize("finer", [1, 3])
def test_haze_turns_names_less(finer):
    """What is said of a hazy image lies nearer to what is said of the corrected one."""
    names, codes = ("forest", "spruce", "grass"), load_legend("worldcover").codes

    def said(facts):
        answers = SpectralLabeller().label([Portrait(f) for f in facts], load_legend("worldcover"))
        return np.array([[a.probabilities[code] for code in codes] for a in answers])

    clear = said([p.facts for p in portraits_of(names, finer=finer)])
    facts = [p.facts for p in portraits_of(names, spectra=hazy(), finer=finer)]
    alone = load_expert().probabilities(feature_table(facts))
    away, away_alone = (np.abs(p - clear).sum(axis=1) for p in (said(facts), alone))
    assert (away < away_alone).all()
    assert codes[said(facts)[0].argmax()] == 10


def test_how_much_haze_there_may_be():
    """The darkest blue of what is dark at 2.2 micrometres, less the 0.02 of dense leaves."""

    def haze(names, spectra=SPECTRA, bands=BANDS):
        return haze_in_blue([p.facts for p in portraits_of(names, bands, spectra)])

    assert haze(("forest", "ploughed"), hazy()) == pytest.approx(0.02 + 0.06 - 0.02, abs=2e-3)
    assert haze(("forest", "ploughed")) == 0  # corrected
    assert haze(("sand", "ploughed"), hazy()) == 0  # nothing is dark: nobody knows
    assert haze(("snow", "rock")) == 0  # snow is dark at 2.2, and no haze is so bright
    assert haze(("forest", "ploughed"), hazy(), BANDS[:4]) == 0  # without short-wave infrared


def test_what_the_haze_hid_comes_back():
    """The last sky is that of the corrected image, in levels, indices and surroundings."""
    names = ("forest", "ploughed", "grass")
    clear = [p.facts for p in portraits_of(names)]
    seen = through_skies([p.facts for p in portraits_of(names, spectra=hazy())])
    assert len(seen) == 4
    for facts, expected in zip(seen[-1], clear, strict=True):
        for band in BANDS:
            assert facts.spectrum[band].median == pytest.approx(
                expected.spectrum[band].median, abs=0.006
            )
            assert facts.surroundings[band] == pytest.approx(expected.surroundings[band], abs=0.006)
        assert facts.indices["NDVI"].median == pytest.approx(
            expected.indices["NDVI"].median, abs=0.05
        )


def test_without_red_and_blue_water_and_snow_are_named():
    answers = answers_of(("snow", "water", "forest"), ("green", "nir", "swir16"))[:2]
    assert [a.code for a in answers] == [70, 80]


def test_grass_beside_forest_is_low_vegetation():
    answers = answers_of(("forest", "grass", "ploughed"))
    assert answers[1].code in (30, 40)
    assert answers[1].second in (30, 40)


def test_sure_of_water_less_of_soil():
    water, soil = answers_of(("water", "ploughed"))
    assert water.confidence > 0.95
    assert soil.confidence < water.confidence
    assert not water.mixed


def test_probabilities_add_up_and_agree_with_the_answer():
    for answer in answers_of(("water", "forest", "city", "ploughed")):
        assert set(answer.probabilities) == set(load_legend("worldcover").codes)
        assert sum(answer.probabilities.values()) == pytest.approx(1)
        ranked = sorted(answer.probabilities, key=answer.probabilities.get, reverse=True)
        assert [answer.code, answer.second] == ranked[:2]
        assert answer.confidence == answer.probabilities[answer.code]
        assert (answer.labeller, answer.normalised, answer.problem) == ("spectral", "exact", "")


def test_mixed_is_a_doubt_between_main_classes():
    codes = np.array([10, 30, 40, 50])
    rows = np.array([
        [0.50, 0.31, 0.10, 0.09],  # tree or grass
        [0.55, 0.25, 0.15, 0.05],  # tree
        [0.05, 0.45, 0.44, 0.06],  # grass or crop: both are low vegetation
    ])  # fmt: skip
    assert _are_mixed(rows, codes) == [True, False, False]


def test_another_legend_adds_the_classes_up():
    names = ("water", "forest", "city", "ploughed")
    own = answers_of(names)
    merged = answers_of(names, legend="main")
    codes = {c.name: c.code for c in load_legend("main")}
    tree = next(code for name, code in codes.items() if "tree" in name)
    for one, other in zip(own, merged, strict=True):
        expected = one.probabilities[10] + one.probabilities[95]
        assert other.probabilities[tree] == pytest.approx(expected)
        assert sum(other.probabilities.values()) == pytest.approx(1)
    assert merged[1].code == tree
    assert merged[0].said == next(c.name for c in load_legend("main") if c.code == merged[0].code)


def test_what_a_legend_has_no_class_for_is_unknown():
    legend = Legend("mine", (LegendClass(7, "water", {"en": "Water"}, "#0000ff"),))
    portraits = portraits_of(("water", "forest"))
    water, forest = SpectralLabeller().label(portraits, legend)
    assert water.code == 7
    assert (forest.code, forest.said, forest.second) == (UNNAMED, "unknown", 7)
    assert sum(forest.probabilities.values()) == pytest.approx(1)


def test_a_legend_without_a_common_class_is_a_problem_not_a_crash():
    legend = Legend("odd", (LegendClass(1, "lava", {"en": "Lava"}, "#ff0000"),))
    (answer,) = SpectralLabeller().label(portraits_of(("water",)), legend)
    assert answer.code == UNNAMED
    assert "share no class" in answer.problem


def test_garbage_is_not_named():
    spectra = SPECTRA | {"garbage": (1.9, 0.01, 1.7, 0.02, 1.8, 0.01)}
    portraits = portraits_of(("garbage", "water"), spectra=spectra)
    garbage, water = SpectralLabeller().label(portraits, load_legend("worldcover"))
    assert (garbage.code, garbage.confidence) == (UNNAMED, 0)
    assert "like no spectrum" in garbage.evidence
    assert water.code == 80


def planes_portraits(planes, pixel_m=30.0, *, k=4):
    """Portraits of clusters by brightness of near infrared, of planes (bands, y, x)."""
    grid = utm_grid(planes.shape[1:], pixel_m)
    bands = dict(zip(BANDS, planes.astype("float32"), strict=True))
    scene = make_scene(
        {name: xr.Variable(("y", "x"), plane) for name, plane in bands.items()},
        grid,
        sensor="unknown",
        provenance=Provenance(),
    )
    edges = np.quantile(planes[3], np.linspace(0, 1, k + 1)[1:-1])
    array = xr.DataArray(
        (np.digitize(planes[3], edges) + 1).astype("uint8"), dims=("y", "x"), coords=coords_of(grid)
    )
    clusters = ClassMap(array, cluster_legend(list(range(1, k + 1))))
    return [Portrait(facts) for facts in measure_clusters(scene, clusters)]


def problems_of(portraits):
    answers = SpectralLabeller().label(portraits, load_legend("worldcover"))
    assert {a.code for a in answers} == {UNNAMED}
    return {a.problem for a in answers}


@pytest.mark.parametrize("pixel_m", [10.0, 30.0])
def test_noise_is_not_named(pixel_m):
    """Values as of real ground, but none has to do with those beside it."""
    noise = np.random.default_rng(0).normal(0.2, 0.05, (6, 64, 64))
    for problem in problems_of(planes_portraits(noise, pixel_m)):
        assert "noise" in problem


def test_a_scene_no_larger_than_what_lies_around_a_pixel_is_named():
    """Around each of its pixels lies all of it, though it is no noise."""
    patches = np.random.default_rng(0).normal(0.2, 0.05, (6, 6, 6)).repeat(6, 1).repeat(6, 2)
    answers = SpectralLabeller().label(planes_portraits(patches, 10.0), load_legend("worldcover"))
    assert UNNAMED not in {a.code for a in answers}


def test_the_same_values_in_patches_are_named():
    """What is noise pixel by pixel is ground where each value holds for 8 x 8 pixels."""
    patches = np.random.default_rng(0).normal(0.2, 0.05, (6, 16, 16)).repeat(8, 1).repeat(8, 2)
    answers = SpectralLabeller().label(planes_portraits(patches), load_legend("worldcover"))
    assert UNNAMED not in {a.code for a in answers}


def test_one_value_and_a_few_pixels_are_not_named():
    ground = np.array(SPECTRA["grass"])[:, None, None]
    for problem in problems_of(planes_portraits(np.broadcast_to(ground, (6, 40, 40)), k=1)):
        assert "one value" in problem
    few = ground * np.array([[1.0, 0.9, 1.2]])
    for problem in problems_of(planes_portraits(few, k=2)):
        assert "3 pixels" in problem


@pytest.mark.parametrize(("pixel_m", "fitted"), [(1, False), (10, True), (30, True), (60, False)])
def test_names_of_pixels_that_were_not_fitted_are_unsure(pixel_m, fitted):
    portraits = [
        Portrait(dataclasses.replace(p.facts, pixel_m=pixel_m))
        for p in portraits_of(("water", "forest", "city", "ploughed"))
    ]
    answers = SpectralLabeller().label(portraits, load_legend("worldcover"))
    assert [a.code for a in answers] == [80, 10, 50, 40]
    assert (max(a.confidence for a in answers[1:]) > 0.7) == fitted


def test_a_part_of_the_scene_is_named_too():
    portraits = portraits_of(("water", "forest", "city", "ploughed"))
    legend = load_legend("worldcover")
    alone = [SpectralLabeller().label([p], legend)[0].code for p in portraits]
    assert alone[:3] == [80, 10, 50]
    assert SpectralLabeller().label([], legend) == []


def test_the_same_facts_get_the_same_answer():
    assert answers_of(("water", "forest")) == answers_of(("water", "forest"))


def _facts(nir="nir", **changes):
    spread = Spread(0.1, 0.2, 0.3)
    facts = ClusterFacts(
        id=3, pixels=10, share=1.0, spectrum={"red": spread, nir: Spread(0.25, 0.36, 0.4)},
        indices={"NDVI": Spread(0.2, 0.5, 0.7)}, texture={"nir": 0.02},
        surroundings={"red": 0.2, nir: 0.3, "NDVI": 0.4}, ranks={"red": 0.1, nir: 0.8, "NDVI": 0.9},
        interior=0.25, neighbours={},
    )  # fmt: skip
    return dataclasses.replace(facts, **changes)


def test_the_table_of_features_by_hand():
    names = [feature.name for feature in FEATURES]
    row = dict(zip(names, feature_table([_facts()])[0], strict=True))
    assert row["median_nir"] == pytest.approx(0.6)  # the root of 0.36
    assert row["width_nir"] == pytest.approx(0.15)
    assert row["median_NDVI"] == pytest.approx(0.5)
    assert row["around_NDVI"] == pytest.approx(0.4)
    assert row["beside_NDVI"] == pytest.approx(0.5)  # beside nothing: itself
    assert row["deviation_NDVI"] == pytest.approx(0)
    assert row["dense_share"] == 0
    missing = {name for name in names if np.isnan(row[name])}
    assert {"median_swir16", "rank_MNDWI", "mean_MNDWI", "water_share"} <= missing


def test_the_narrow_near_infrared_stands_for_the_wide_one():
    narrow, wide = (feature_table([_facts(nir)])[0] for nir in ("nir08", "nir"))
    np.testing.assert_array_equal(narrow, wide)
    assert median_of(_facts("nir08"), "nir") == 0.36
    assert np.isnan(median_of(_facts(), "swir16"))


def test_part_of_a_scene_does_not_speak_for_it():
    row = dict(zip([f.name for f in FEATURES], feature_table([_facts(share=0.5)])[0], strict=True))
    assert all(np.isnan(row[f.name]) for f in FEATURES if f.of_scene)


def test_evidence_gives_the_numbers():
    text = describe_evidence(_facts())
    assert "NDVI 0.50" in text
    assert "nir 36.0%" in text
    assert text.count(".") - text.count("0.50") >= 1


def test_the_file_of_the_expert():
    expert = load_expert()
    assert expert.codes.tolist() == load_legend("worldcover").codes
    assert len(expert.centre) == len(FEATURES)
    assert 0.8 <= expert.temperature <= 1.4
    table = np.full((1, len(FEATURES)), np.nan)
    assert expert.probabilities(table).sum() == pytest.approx(1)
    assert not expert.is_known(table)[0]


def test_a_file_for_other_features_is_refused():
    with pytest.raises(TableError, match="other features"):
        expert_from({"features": np.array(["median_nir"])})


@pytest.mark.realdata
def test_a_lagoon_and_its_fields(realdata):
    from obriy.indices.features import base_layers
    from obriy.sources import open_scene

    scene = open_scene(realdata / "s2_aquileia" / "S2_L2A_20190416_aquileia_6band_u16.tif")
    scene = scene.isel(y=slice(300, 680), x=slice(0, 400))
    layers = base_layers({name: scene[name].values for name in BANDS})
    labels = np.where(layers["MNDWI"] > 0.5, 1, np.where(layers["NDVI"] > 0.8, 2, 3))
    labels = np.where(np.isnan(layers["MNDWI"]), 0, labels).astype("uint8")
    array = xr.DataArray(labels, dims=("y", "x"), coords={k: scene[k] for k in scene.coords})
    clusters = ClassMap(array, cluster_legend([1, 2, 3]))
    portraits = [Portrait(facts) for facts in measure_clusters(scene, clusters)]
    water, green, _ = SpectralLabeller().label(portraits, load_legend("worldcover"))
    assert water.code == 80
    assert green.code in {30, 40}  # wheat in April is to a single date what grass is
