"""`auto`: materials it must tell apart, fractions, shadow, adaptation, independence of the cut."""

import numpy as np
import pytest

from obriy.blocks.engine import EngineOptions
from obriy.errors import BandError
from obriy.methods.auto.method import AutoWater
from obriy.methods.auto.sample import collect
from obriy.model.flags import Flag, Unseen
from obriy.simulate.water import simulate_water_scene
from obriy.workflows.water.mapping import map_water

NAMES = ("blue", "green", "red", "nir", "swir16", "swir22")
# Surface reflectance of textbook materials (USGS and ASTER libraries, rounded by hand).
WATERS = {
    "clear deep": (0.04, 0.035, 0.02, 0.008, 0.004, 0.003),
    "turbid": (0.08, 0.11, 0.12, 0.06, 0.015, 0.010),
    "very turbid": (0.10, 0.14, 0.17, 0.13, 0.03, 0.02),
    "algal": (0.03, 0.06, 0.035, 0.03, 0.01, 0.008),
    "dark": (0.015, 0.015, 0.012, 0.008, 0.005, 0.004),
    "negative after correction": (0.002, 0.006, -0.002, -0.006, -0.004, -0.003),
    "shallow over sand": (0.11, 0.14, 0.12, 0.05, 0.012, 0.008),
}
LANDS = {
    "crop": (0.03, 0.07, 0.04, 0.45, 0.20, 0.09),
    "conifers": (0.015, 0.03, 0.02, 0.18, 0.08, 0.035),
    "dry soil": (0.10, 0.14, 0.19, 0.27, 0.36, 0.32),
    "wet soil": (0.05, 0.07, 0.09, 0.13, 0.15, 0.11),
    "asphalt": (0.09, 0.10, 0.11, 0.13, 0.15, 0.14),
    "bright roof": (0.35, 0.38, 0.40, 0.42, 0.42, 0.38),
    "burnt": (0.04, 0.05, 0.06, 0.09, 0.16, 0.17),
    "crop in cloud shadow": (0.015, 0.028, 0.014, 0.13, 0.055, 0.024),
}
SNOW = (0.85, 0.84, 0.82, 0.75, 0.10, 0.07)
CLOUD = (0.68, 0.66, 0.66, 0.68, 0.45, 0.36)


def image_of(scene_of, spectrum, shape=(9, 11), **kwargs):
    return scene_of(
        **{n: np.full(shape, v) for n, v in zip(NAMES, spectrum, strict=True)}, **kwargs
    )


@pytest.mark.parametrize("name", WATERS)
def test_water_is_water(scene_of, name):
    found = map_water(image_of(scene_of, WATERS[name]))
    assert (found.labels.values == 2).all()


@pytest.mark.parametrize("name", LANDS)
def test_land_is_land(scene_of, name):
    # What is bright and flat everywhere is cloud, unless one knows that the sky was clear.
    found = map_water(image_of(scene_of, LANDS[name]), clouds="none")
    assert (found.labels.values == 1).all()
    assert found.fraction.values.max() <= 40


@pytest.mark.parametrize(("spectrum", "why"), [(SNOW, Unseen.FROZEN), (CLOUD, Unseen.CLOUD)])
def test_snow_and_opaque_cloud_are_unseen(scene_of, spectrum, why):
    found = map_water(image_of(scene_of, spectrum))
    assert (found.labels.values == 0).all()
    assert (found.unseen.values == why).all()


def lake_scene(scene_of, water, land, size=120, radius=30, seed=0):
    """A lake whose shore pixels are mixed exactly: the scene, its fractions."""
    rng = np.random.default_rng(seed)
    fine = np.arange(size * 8) / 8 + 1 / 16
    inside = np.hypot(fine[:, None] - size / 2, fine[None] - size / 2) < radius
    share = inside.reshape(size, 8, size, 8).mean(axis=(1, 3))
    bands = {
        n: share * w + (1 - share) * v * (1 + 0.08 * rng.standard_normal((size, size)))
        + rng.normal(0, 0.003, (size, size))
        for n, w, v in zip(NAMES, water, land, strict=True)
    }  # fmt: skip
    return scene_of(**bands), share


@pytest.mark.parametrize("water", ["clear deep", "turbid", "algal", "dark"])
@pytest.mark.parametrize("land", ["crop", "conifers", "dry soil"])
def test_fractions_add_up_to_the_area(scene_of, water, land):
    scene, share = lake_scene(scene_of, WATERS[water], LANDS[land])
    found = map_water(scene).fraction.values
    assert (found != 255).all()
    assert (found / 200).sum() == pytest.approx(share.sum(), rel=0.03)


def test_water_is_where_the_fraction_is_a_half(scene_of):
    scene, _ = lake_scene(scene_of, WATERS["turbid"], LANDS["crop"])
    found = map_water(scene)
    np.testing.assert_array_equal(found.labels.values == 2, found.fraction.values >= 100)


def test_the_cut_into_blocks_does_not_matter(monkeypatch):
    scene = simulate_water_scene((230, 190), seed=3).scene
    whole = map_water(scene, options=EngineOptions(workers=1))
    for target in (9_000, 20_000):
        monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", target)
        cut = map_water(scene, options=EngineOptions(workers=2))
        np.testing.assert_array_equal(cut.labels, whole.labels)
        np.testing.assert_array_equal(cut.fraction, whole.fraction)
        np.testing.assert_array_equal(cut.unseen, whole.unseen)
        assert cut.provenance.steps == whole.provenance.steps


def test_samples_merge_in_any_order(scene_of):
    scene, _ = lake_scene(scene_of, WATERS["turbid"], LANDS["crop"], size=400)
    bands = {n: scene[n].values for n in NAMES}
    cuts = [slice(0, 130), slice(130, 131), slice(131, 400)]
    parts = [collect({n: a[rows] for n, a in bands.items()}, rows.start, 0) for rows in cuts]
    whole = collect(bands, 0, 0)
    for order in ((0, 1, 2), (2, 0, 1)):
        a, b, c = (parts[i] for i in order)
        for merged in (a.merge(b).merge(c), a.merge(b.merge(c))):
            np.testing.assert_array_equal(merged.keys, whole.keys)
            np.testing.assert_array_equal(merged.values, whole.values)
            assert (merged.valid, merged.total) == (400 * 400, 400 * 400)


@pytest.mark.parametrize(
    "names",
    [("green", "nir"), ("green", "nir08"), ("blue", "green", "red", "nir"), ("green", "swir16"),
     ("green", "red", "nir", "swir16", "swir22"), (*NAMES, "rededge071", "cirrus")],
)  # fmt: skip
def test_works_with_the_bands_there_are(scene_of, names):
    scene, share = lake_scene(scene_of, WATERS["clear deep"], LANDS["crop"])
    values = {**{n: scene[n].values for n in NAMES}, "nir08": scene["nir"].values}
    found = map_water(scene_of(**{n: values.get(n, values["nir"]) for n in names}))
    water = found.labels.values == 2
    assert (water & (share >= 0.5)).sum() / (water | (share >= 0.5)).sum() > 0.95


def test_bands_that_do_not_suffice(scene_of):
    with pytest.raises(BandError, match="auto needs green"):
        map_water(scene_of(red=[[0.1]], nir=[[0.2]]))
    with pytest.raises(BandError, match="auto needs green"):
        map_water(scene_of(green=[[0.1]], blue=[[0.2]]))


def test_a_hint_of_shadow_raises_the_bar_and_does_not_veto(scene_of):
    clear = np.full((9, 11), int(Flag.CLOUD_SHADOW), "uint16")
    assert (map_water(image_of(scene_of, WATERS["clear deep"], flags=clear)).labels == 2).all()
    # Between water and land: what the hint changes.
    doubtful = (0.05, 0.07, 0.07, 0.065, 0.052, 0.04)
    plain = map_water(image_of(scene_of, doubtful)).fraction.values.mean()
    hinted_block = image_of(scene_of, doubtful, flags=np.full((9, 11), int(Flag.DARK), "uint16"))
    hinted = map_water(hinted_block).fraction.values.mean()
    assert hinted < plain


def test_the_decision_says_whether_it_adapted(scene_of):
    mixed, _ = lake_scene(scene_of, WATERS["turbid"], LANDS["crop"])
    decision = map_water(mixed).provenance.step("water")["decision"]
    assert decision["sure_water_pixels"] > 50
    assert "two populations" in decision["reason"]
    single = map_water(image_of(scene_of, LANDS["crop"])).provenance.step("water")["decision"]
    assert single["adapted"] is False
    assert "too few sure pixels" in single["reason"]


def test_missing_pixels_stay_missing(scene_of):
    scene, _ = lake_scene(scene_of, WATERS["turbid"], LANDS["crop"])
    scene["nir"][50:60, 50:60] = np.nan
    found = map_water(scene)
    assert (found.labels.values[50:60, 50:60] == 0).all()
    assert (found.fraction.values[50:60, 50:60] == 255).all()
    assert (found.unseen.values[50:60, 50:60] == Unseen.NO_DATA).all()
    assert (found.labels.values == 0).sum() == 100


def test_bands_that_are_read():
    assert AutoWater().bands({"green", "nir08", "nir", "red", "cirrus"}) == {"green", "red", "nir"}


@pytest.mark.realdata
def test_better_than_the_indices_on_the_choose_chips(realdata):
    """Not a score: the sites are those that the settings were chosen on."""
    import csv

    import rasterio

    import obriy
    from obriy.workflows.water.mapping import map_waters

    with (realdata / "hls_chips" / "index.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if int(r["site_group"][0], 16) % 2 == 0][:30]
    bands = ["coastal", "blue", "green", "red", "nir", "swir16", "swir22"]
    tallies = {m: np.zeros(3) for m in ("auto", "mndwi:zero", "ndwi:zero", "mndwi:otsu-untested")}
    for row in rows:
        path = realdata / "hls_chips" / "images" / f"{int(row['chip']):03d}.tif"
        scene = obriy.open_scene(path, bands=bands, scale=1e-4)
        with rasterio.open(path.with_name(f"{path.stem}_water.png")) as file:
            truth = file.read(1) > 0
        for tally, found in zip(tallies.values(), map_waters(scene, list(tallies)), strict=True):
            water = found.labels.values == 2
            tally += [(water & truth).sum(), (water & ~truth).sum(), (~water & truth).sum()]
    iou = {m: t[0] / t.sum() for m, t in tallies.items()}
    assert max(iou, key=iou.get) == "auto", iou


@pytest.mark.realdata
def test_cloud_shadow_is_not_water(realdata):
    import xarray as xr

    from conftest import utm_grid
    from obriy.model.provenance import Provenance
    from obriy.model.scene import make_scene

    arrays = np.load(realdata / "s2_cloudshadow" / "sentinel2.npz")
    image, mask = arrays["img"], arrays["msk"][..., 0]
    bands = {n: xr.Variable(("y", "x"), image[..., i]) for i, n in enumerate(NAMES)}
    grid = utm_grid(mask.shape)
    scene = make_scene(bands, grid, sensor="sentinel2_l1c", provenance=Provenance())
    water = map_water(scene).labels.values == 2
    assert water[mask == 0].mean() < 0.01
    assert water[mask == 3].mean() < 0.001
