"""`auto` for ice: mixtures by pen and paper, what it must not be misled by, real pictures."""

import csv

import numpy as np
import pytest

from ice_scenes import SPECTRA, run_in_blocks, small_sea
from obriy.errors import BandError
from obriy.methods.ice.mixing import likely_classes, mixing_of, sure_classes
from obriy.methods.ice.spec import parse_ice_method
from obriy.model.classmap import Doubt
from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER
from obriy.tables import load_toml

TABLE = load_toml("ice_methods")["mixing"]
PICTURE_BANDS = ("blue", "green", "red", "nir", "swir22")


def spectrum(name):
    return np.array([TABLE[name]["spectrum"][band] for band in BANDS], np.float32)


def field(values, rows=9, columns=9):
    """A flat sea of one spectrum."""
    return {n: np.full((rows, columns), v, np.float32) for n, v in zip(BANDS, values, strict=True)}


def mapped(bands, flags=None):
    return run_in_blocks(parse_ice_method("auto"), bands, flags, 500)[0]


@pytest.mark.parametrize(("ice", "water_cloud", "ice_cloud"), [
    (0, 0, 0), (1, 0, 0), (0.3, 0.2, 0), (0.5, 0, 0.3), (0.1, 0.3, 0.4), (0, 1, 0),
])  # fmt: skip
def test_a_mixture_made_by_hand_is_taken_apart(ice, water_cloud, ice_cloud):
    rest = 1 - ice - water_cloud - ice_cloud
    mixed = (
        rest * spectrum("water") + ice * spectrum("ice")
        + water_cloud * spectrum("water_cloud") + ice_cloud * spectrum("ice_cloud")
    )  # fmt: skip
    found, cloud = mixing_of(BANDS).shares(field(mixed))
    assert found == pytest.approx(ice, abs=2e-3)
    assert cloud == pytest.approx(water_cloud + ice_cloud, abs=2e-3)


def test_a_band_that_is_missing_hides_the_pixel():
    bands = field(spectrum("ice"))
    bands["swir16"][3, 4] = np.nan
    found, cloud = mixing_of(BANDS).shares(bands)
    assert np.isnan(found[3, 4])
    assert np.isnan(cloud[3, 4])
    assert np.isfinite(found).sum() == 80


def test_without_infrared_cloud_cannot_be_told_and_that_is_said():
    bands = {n: field(spectrum("water_cloud"))[n] for n in ("red", "green", "nir")}
    layers, rule = run_in_blocks(parse_ice_method("auto"), bands, None, 500)
    assert (layers["labels"] == ICE).all()
    assert "cloud" in rule.describe()["reason"]


def test_it_takes_what_there_is():
    method = parse_ice_method("auto")
    assert method.bands({"green", "nir08", "coastal"}) == {"green", "nir08"}
    with pytest.raises(BandError, match="nir and green or red"):
        method.bands({"blue", "nir"})


@pytest.mark.parametrize("names", [BANDS, PICTURE_BANDS, ("red", "nir", "swir16")])
def test_the_small_sea_with_fewer_bands(names):
    truth, bands, flags = small_sea()
    labels = mapped({n: bands[n] for n in names}, flags)["labels"]
    sea = truth != LAND
    assert (labels[sea] == truth[sea]).mean() > 0.98


def test_spectra_of_text_books_are_named():
    bands = {
        name: np.array([s[k] for s in SPECTRA.values()], np.float32) for k, name in enumerate(BANDS)
    }
    assert likely_classes(bands)[:3].tolist() == [WATER, ICE, CLOUD]
    assert sure_classes(bands)[:3].tolist() == [WATER, ICE, CLOUD]


@pytest.mark.parametrize(("what", "code", "values"), [
    # red nir blue green swir12 swir16 swir22
    ("grey ice", ICE, (0.28, 0.20, 0.32, 0.31, 0.07, 0.03, 0.025)),
    ("wet ice in April", ICE, (0.45, 0.30, 0.52, 0.49, 0.06, 0.02, 0.015)),
    ("a meadow without a land mask", LAND, (0.08, 0.35, 0.10, 0.10, 0.32, 0.20, 0.10)),
    ("a wood in summer", LAND, (0.05, 0.22, 0.08, 0.07, 0.20, 0.10, 0.05)),
    ("turbid plume", WATER, (0.15, 0.06, 0.14, 0.16, 0.02, 0.015, 0.01)),
    ("glitter of the sun", WATER, (0.14, 0.13, 0.17, 0.15, 0.12, 0.10, 0.08)),
    ("fog and stratus", CLOUD, (0.50, 0.52, 0.47, 0.48, 0.49, 0.40, 0.30)),
    ("cirrus over the sea", CLOUD, (0.35, 0.36, 0.38, 0.36, 0.32, 0.18, 0.14)),
])  # fmt: skip
def test_what_looks_like_something_else(what, code, values):
    assert (mapped(field(values))["labels"] == code).all(), what


@pytest.mark.parametrize(("ice", "cloud", "code"), [
    # Ratios of 1.24 to 0.86 um above water by hand: 0.73, and 0.61 under bright ice's limit of 2.2.
    (0.3, 0.3, CLOUD), (0.7, 0.2, ICE), (0.3, 0.0, ICE),
])  # fmt: skip
def test_thin_cloud_over_grey_ice_is_cloud(ice, cloud, code):
    mixed = (
        (1 - ice - cloud) * spectrum("water")
        + ice * spectrum("ice")
        + cloud * spectrum("water_cloud")
    )
    beside = field(mixed)
    for name, value in zip(BANDS, spectrum("ice"), strict=True):
        beside[name][:, 0] = value  # white ice is near, so that grey may be ice
    assert (mapped(beside)["labels"][:, 3:] == code).all()
    # Where no band of 1.24 um is, the share of cloud alone tells: 0.35 and more.
    lacking = {name: plane for name, plane in beside.items() if name != "swir12"}
    assert (mapped(lacking)["labels"][:, 3:] == ICE).all()


def test_grey_is_ice_only_near_what_is_surely_ice():
    """Within 20 pixels of white ice; farther away it may be a veil, and that is a doubt."""
    weak = 0.8 * spectrum("water") + 0.2 * spectrum("ice")
    alone = mapped(field(weak))
    assert (alone["labels"] == WATER).all()
    assert (alone["fraction"] == 0).all()
    assert (alone["doubt"] == Doubt.LAX_TAKES).all()
    lead = field(weak, 5, 40)
    for name, value in zip(BANDS, spectrum("ice"), strict=True):
        lead[name][:, 0] = value
    layers = mapped(lead)
    assert (layers["labels"][:, 2:21] == ICE).all()
    assert (layers["labels"][:, 21:] == WATER).all()
    assert (layers["doubt"][:, 22:] == Doubt.LAX_TAKES).all()


def test_half_ice_beside_white_ice_is_half():
    """A pixel of a quarter of the brightness of its neighbours is no ice."""
    weak = 0.8 * spectrum("water") + 0.2 * spectrum("ice")
    beside = field(spectrum("ice"))
    for k, name in enumerate(BANDS):
        beside[name][4, 4] = weak[k]
    layers = mapped(beside)
    assert layers["labels"][4, 4] == WATER
    # 0.2 of (8 + 0.2) / 9: 22 per cent, 44 half per cents
    assert layers["fraction"][4, 4] == pytest.approx(44, abs=1)
    assert layers["labels"][4, 5] == ICE
    assert layers["fraction"][4, 5] == 200


def test_doubt_lies_by_the_limit_of_dark_ice():
    """The limit is 0.10, and 0.08 or 0.12 would do as well."""
    found = []
    for share in (0.05, 0.09, 0.11, 0.2):
        sea = field((1 - share) * spectrum("water") + share * spectrum("ice"), 3, 9)
        for name, value in zip(BANDS, spectrum("ice"), strict=True):
            sea[name][:, 0] = value  # sure ice, not so near that it is compared with
        layers = mapped(sea)
        found.append((int(layers["labels"][1, 7]), int(layers["doubt"][1, 7])))
    assert found == [
        (WATER, Doubt.SURE), (WATER, Doubt.LAX_TAKES), (ICE, Doubt.STRICT_DROPS), (ICE, Doubt.SURE),
    ]  # fmt: skip


def test_cloud_and_land_have_no_fraction():
    truth, bands, flags = small_sea()
    layers = mapped(bands, flags)
    assert (layers["fraction"][truth == CLOUD] == 255).mean() > 0.98
    assert (layers["fraction"][truth == LAND] == 255).all()
    assert (layers["labels"][truth == LAND] == 0).all()
    agree = (layers["fraction"] >= 100) & (layers["fraction"] <= 200)
    assert np.array_equal(agree, layers["labels"] == ICE)


def test_haze_over_the_whole_scene_is_taken_off():
    """Haze that lifts the sea makes no ice where the sea is seen beside it."""
    truth, bands, flags = small_sea()
    for name, lift in zip(BANDS, (0.03, 0.025, 0.04, 0.035, 0.02, 0.015, 0.01), strict=True):
        bands[name] = bands[name] + np.float32(lift)
    layers, rule = run_in_blocks(parse_ice_method("auto"), bands, flags, 500)
    water = truth == WATER
    assert (layers["labels"][water] == WATER).mean() > 0.99
    assert rule.describe()["water"]["blue"] == pytest.approx(0.10 + 0.04, abs=0.015)
    assert np.mean(layers["fraction"][water]) < 4  # two per cent


def test_an_empty_sea_keeps_the_water_of_the_table():
    _, rule = run_in_blocks(parse_ice_method("auto"), field(spectrum("ice")), None, 500)
    assert rule.describe()["water"] == pytest.approx(TABLE["water"]["spectrum"], abs=1e-6)
    nothing = field(np.full(7, np.nan))
    assert (mapped(nothing)["labels"] == 0).all()


@pytest.fixture(scope="module")
def scenes():
    """Five simulated scenes of winter with their truth, of seeds that methods are tuned on."""
    from obriy.simulate.ice.scene import simulate_ice

    dates = ("2017-12-20", "2018-01-18", "2018-02-08", "2018-02-27", "2018-03-18")
    return [simulate_ice(40 + i, f"{date}T04:05") for i, date in enumerate(dates)]


def pooled(scenes, name):
    """Ice IoU over the sea, and the share of cloudy pixels that are taken for ice."""
    hit = missed = wrong = cloudy = taken = 0
    for one in scenes:
        bands = {n: one.scene[n].values for n in BANDS}
        labels = run_in_blocks(parse_ice_method(name), bands, one.scene["flags"].values, 500)[0]
        truth, said = one.truth.values, labels["labels"]
        sea = truth != LAND
        hit += (sea & (truth == ICE) & (said == ICE)).sum()
        missed += (sea & (truth == ICE) & (said != ICE)).sum()
        wrong += (sea & (truth != ICE) & (said == ICE)).sum()
        cloudy += (sea & (truth == CLOUD)).sum()
        taken += (sea & (truth == CLOUD) & (said == ICE)).sum()
    return hit / (hit + missed + wrong), taken / cloudy


def test_it_beats_the_published_tests_on_hard_scenes(scenes):
    auto, cloud_as_ice = pooled(scenes, "auto")
    published = max(pooled(scenes, name)[0] for name in ("ndsi", "mod10", "mod29"))
    assert auto > published + 0.1
    assert auto > 0.6
    assert cloud_as_ice < 0.03


@pytest.mark.parametrize("place", [
    "barents_kara_seas-100km-20250507", "east_siberian_sea-100km-20190612",
])  # fmt: skip
def test_points_read_by_eye_on_real_pictures(realdata, place):
    """The points were read in the pictures of Aqua; floes drift until Terra passes."""
    from obriy.sources.modis.pictures import open_picture
    from obriy.workflows.ice.mapping import map_ice

    folder = realdata / "modis_ice" / place
    (truecolor,) = folder.glob("*aqua.truecolor.tiff")
    false = truecolor.with_name(truecolor.name.replace("truecolor", "falsecolor"))
    scene = open_picture(truecolor, false, next(folder.glob("*landmask*")))
    labels = map_ice(scene).labels.values
    with (folder / "points.csv").open() as file:
        points = list(csv.DictReader(file))
    said = [int(labels[int(p["row"]), int(p["col"])]) for p in points]
    assert said == [{"water": WATER, "ice": ICE}[p["class"]] for p in points]
