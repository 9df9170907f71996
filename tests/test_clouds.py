"""Clouds and their shadows without a quality band: `obriy.prepare.clouds`."""

import threading

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.enums import Resampling

from conftest import utm_grid
from obriy.blocks.options import EngineOptions
from obriy.blocks.plan import make_plan
from obriy.blocks.pool import Pool
from obriy.errors import BandError, CancelledError
from obriy.model.flags import Flag
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene, provenance_of
from obriy.prepare.clouds import csmask, spectral
from obriy.prepare.clouds.mask import UNKNOWN, see_clouds
from obriy.prepare.clouds.shadow import find_shadows
from obriy.sources.scene import open_scene

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
SIZE = 160

# Typical surface reflectance of the kinds of ground, in the order of BANDS: none of them from the
# tables that the test was fitted on.
GROUND = {
    "clear lake": (0.030, 0.035, 0.018, 0.008, 0.004, 0.003),
    "muddy river": (0.075, 0.110, 0.125, 0.060, 0.020, 0.012),
    "forest": (0.022, 0.040, 0.025, 0.270, 0.120, 0.055),
    "wheat": (0.040, 0.075, 0.055, 0.420, 0.210, 0.110),
    "bare field": (0.090, 0.125, 0.165, 0.235, 0.310, 0.260),
    "pale sand": (0.190, 0.260, 0.330, 0.390, 0.460, 0.410),
    "suburb": (0.105, 0.125, 0.135, 0.215, 0.215, 0.175),
}
SNOW = (0.780, 0.800, 0.790, 0.740, 0.110, 0.080)


def veiled(ground, albedo):
    """Ground under a grey cloud: a + (1 - a)^2 R / (1 - a R), less in SWIR."""
    over = albedo * np.array([1, 1, 1, 1, 0.85, 0.70])
    return over + (1 - over) ** 2 * np.array(ground) / (1 - over * np.array(ground))


def image(pixels, grid=None, **options) -> xr.Dataset:
    """A scene of (y, x, 6) reflectance."""
    pixels = np.asarray(pixels, "float32")
    grid = utm_grid(pixels.shape[:2], 30.0) if grid is None else grid
    variables = {b: xr.Variable(("y", "x"), pixels[..., i]) for i, b in enumerate(BANDS)}
    return make_scene(variables, grid, sensor="unknown", provenance=Provenance(), **options)


def country(size=SIZE):
    """Fields of every kind of ground, with noise, and a lake in the middle."""
    rng = np.random.default_rng(5)
    kinds = np.array([GROUND[name] for name in GROUND if "lake" not in name])
    fields = np.kron(rng.integers(len(kinds), size=(size // 8, size // 8)), np.ones((8, 8), int))
    pixels = kinds[fields] * rng.normal(1, 0.05, (size, size, 1))
    y, x = np.mgrid[:size, :size] - size / 2
    lake = np.hypot(y, x) < size / 6
    pixels[lake] = np.array(GROUND["clear lake"])
    return pixels, lake


def bits(scene, flag):
    return (scene["flags"].values & int(flag)) != 0


@pytest.mark.parametrize("name", GROUND)
def test_clear_ground_is_no_cloud(name):
    for model in spectral.load_models():
        odds = model.log_odds(by_band(GROUND[name]))
        assert odds[0, 0] < 0, model.name


@pytest.mark.parametrize("name", GROUND)
def test_ground_under_a_cloud_that_hides_it_is_cloud(name):
    for model in spectral.load_models():
        for albedo in (0.35, 0.6, 0.85):
            odds = model.log_odds(by_band(veiled(GROUND[name], albedo)))
            assert odds[0, 0] > 0, (model.name, albedo)


def test_snow_is_no_cloud_where_swir_tells():
    six = next(m for m in spectral.load_models() if m.name == "six")
    assert six.log_odds(by_band(SNOW))[0, 0] < 0


def by_band(spectrum):
    return {b: np.full((1, 1), v, "float32") for b, v in zip(BANDS, spectrum, strict=True)}


def test_overcast_everywhere_is_unseen_and_not_dry():
    pixels, lake = country()
    grey = np.apply_along_axis(veiled, 2, pixels, 0.45)
    seen = see_clouds(image(grey), "spectral", 30.0)
    assert bits(seen, Flag.CLOUD).mean() > 0.99
    clear = see_clouds(image(pixels), "spectral", 30.0)
    assert bits(clear, Flag.CLOUD).mean() < 0.005
    assert not bits(clear, Flag.CLOUD)[lake].any()


def test_missing_pixels_are_no_cloud():
    pixels, _ = country()
    pixels[:40] = np.nan
    flags = see_clouds(image(pixels), "spectral", 30.0)["flags"].values
    assert not flags[:39].any()


def with_clouds_and_shadows(shift, pixels):
    """Lay five round clouds on an image, and their shadows ``shift`` pixels away."""
    size = len(pixels)
    y, x = np.mgrid[:size, :size]
    cloud, shadow = np.zeros((size, size), bool), np.zeros((size, size), bool)
    for row, column, radius in (
        (30, 110, 9),
        (70, 40, 12),
        (120, 60, 8),
        (95, 130, 11),
        (45, 70, 7),
    ):
        cloud |= np.hypot(y - row, x - column) < radius
        shadow |= np.hypot(y - row - shift[0], x - column - shift[1]) < radius
    shadow &= ~cloud
    out = pixels.copy()
    out[shadow] *= np.array([0.55, 0.45, 0.40, 0.35, 0.30, 0.30])
    out[cloud] = np.array([0.62, 0.60, 0.61, 0.63, 0.48, 0.36])
    return out, cloud, shadow


@pytest.mark.parametrize("shift", [(-14, -9), (10, -16), (0, 18)])
def test_shadows_are_found_where_the_clouds_throw_them(shift):
    pixels, lake = country()
    pixels, cloud, shadow = with_clouds_and_shadows(shift, pixels)
    infrared = [pixels[..., k].astype("float32") for k in (3, 4)]
    found = find_shadows(cloud, cloud, infrared, 30.0)
    assert found.rows == pytest.approx(shift[0], abs=2)
    assert found.columns == pytest.approx(shift[1], abs=2)
    assert found.mask[shadow & ~lake].mean() > 0.7
    assert found.mask[~shadow & ~cloud & ~lake].mean() < 0.03


def test_clouds_without_shadows_have_none():
    pixels, _ = country()
    _, cloud, _ = with_clouds_and_shadows((0, 0), pixels)
    infrared = [pixels[..., k].astype("float32") for k in (3, 4)]
    found = find_shadows(cloud, cloud, infrared, 30.0)
    assert found.rows is None
    assert not found.mask.any()


def test_a_window_has_the_flags_of_the_whole():
    pixels, _ = country()
    pixels, *_ = with_clouds_and_shadows((-14, -9), pixels)
    fine = np.kron(pixels, np.ones((3, 3, 1)))[:-1, :-2]  # 10 m, and a rest that fills no pixel
    scene = image(fine, utm_grid(fine.shape[:2], 10.0))
    whole = see_clouds(scene, "spectral", 10.0)["flags"].values
    part = see_clouds(scene, "spectral", 10.0)["flags"][100:131, 57:478].values
    assert (part == whole[100:131, 57:478]).all()
    assert whole.any()


@pytest.mark.parametrize(
    "layout",
    [
        {"tiled": True, "blockxsize": 256, "blockysize": 256, "interleave": "band"},
        {"tiled": True, "blockxsize": 256, "blockysize": 256, "interleave": "pixel"},
        {"interleave": "band"},
    ],
)
def test_overviews_that_somebody_added_change_no_cloud(tmp_path, layout):
    pixels, *_ = with_clouds_and_shadows((-14, -9), country()[0])
    fine = np.kron(pixels, np.ones((3, 3, 1)))
    fine *= np.random.default_rng(3).normal(1, 0.3, (*fine.shape[:2], 1))  # overviews that differ
    rows, columns = fine.shape[:2]
    for name in ("plain.tif", "overviews.tif"):
        with rasterio.open(
            tmp_path / name, "w", driver="GTiff", width=columns, height=rows, count=6,
            dtype="uint16", crs="EPSG:32636", compress="deflate", **layout,
            transform=utm_grid((rows, columns), 10.0).affine,
        ) as file:  # fmt: skip
            file.write(np.moveaxis(10_000 * fine, -1, 0).round().clip(1, 65_000).astype("uint16"))
            file.descriptions = BANDS
    with rasterio.open(tmp_path / "overviews.tif", "r+") as file:
        file.build_overviews([2, 4], Resampling.nearest)
    plain, other = (
        see_clouds(open_scene(tmp_path / name, scale=1e-4), "spectral", 10.0)["flags"].values
        for name in ("plain.tif", "overviews.tif")
    )
    assert plain.any()
    assert (plain == other).all()


def test_the_search_ends_where_the_work_is_cancelled():
    pixels = np.tile(np.array(GROUND["wheat"]), (1000, 30, 1))  # four strips
    cancel, seen = threading.Event(), []

    def told(name, done, of):
        seen.append((done, of))
        cancel.set()

    scene = see_clouds(image(pixels), "spectral", 30.0, seen=told)
    plan = make_plan(scene, ["flags"], halo=0, bytes_per_pixel=8, budget=10**9)
    with pytest.raises(CancelledError):
        Pool(plan, 1, EngineOptions(cancel=cancel)).map("look", lambda n: scene["flags"].values)
    assert seen == [(1, 4)]


def test_what_tells_clouds_is_in_the_record():
    pixels, _ = country()
    seen = see_clouds(image(pixels), "spectral", 30.0)
    assert provenance_of(seen).step("clouds") == {
        "name": "clouds", "by": "spectral", "bands": list(BANDS), "grid_m": 30.0
    }  # fmt: skip
    assert see_clouds(seen, "auto", 30.0) is seen  # asked twice, done once


def test_a_quality_band_goes_first():
    pixels, _ = country()
    flags = xr.Variable(("y", "x"), np.zeros((SIZE, SIZE), "uint16"))
    scene = image(np.apply_along_axis(veiled, 2, pixels, 0.5), flags=flags)
    assert not see_clouds(scene, "auto", 30.0)["flags"].values.any()
    beside = see_clouds(scene, "spectral", 30.0)
    assert bits(beside, Flag.CLOUD).mean() > 0.99


def test_none_says_that_the_sky_was_clear():
    pixels, _ = country()
    flags = xr.Variable(("y", "x"), np.full((SIZE, SIZE), 2, "uint16"))
    scene = see_clouds(image(pixels, flags=flags), "none", 30.0)
    assert "flags" not in scene
    assert provenance_of(scene).step("clouds")["by"] == "the user: the sky was clear"


def test_two_bands_cannot_tell_and_it_is_said():
    pixels, _ = country()
    scene = image(pixels)[["green", "nir"]]
    scene.attrs = image(pixels).attrs
    seen = see_clouds(scene, "auto", 30.0)
    assert "flags" not in seen
    assert provenance_of(seen).step("clouds")["by"] == "nothing"
    assert UNKNOWN in provenance_of(seen).warnings
    with pytest.raises(BandError, match="red"):
        see_clouds(scene, "spectral", 30.0)


def cloudshadow(realdata):
    """The labelled Sentinel-2 scene, at the top of the atmosphere."""
    with np.load(realdata / "s2_cloudshadow" / "sentinel2.npz") as file:
        scene = image(file["img"], utm_grid((512, 512), 30.0))
        scene.attrs["sensor"] = "sentinel2_l1c"
        return scene, file["msk"].squeeze()


@pytest.mark.realdata
def test_spectra_find_the_clouds_of_a_labelled_scene(realdata):
    scene, label = cloudshadow(realdata)
    seen = see_clouds(scene, "spectral", 30.0)
    cloud, shadow = bits(seen, Flag.CLOUD), bits(seen, Flag.CLOUD_SHADOW)
    assert cloud[label == 4].mean() > 0.85
    assert cloud[label == 3].mean() < 0.05
    assert shadow[label == 0].mean() > 0.8
    assert shadow[label == 3].mean() < 0.05


@pytest.mark.realdata
@pytest.mark.skipif(not csmask.is_installed(), reason="the extra 'clouds' is not installed")
def test_networks_find_the_clouds_of_a_labelled_scene(realdata):
    scene, label = cloudshadow(realdata)
    seen = see_clouds(scene, "csmask", 30.0)
    assert provenance_of(seen).step("clouds")["by"].startswith("csmask")
    assert bits(seen, Flag.CLOUD)[label == 4].mean() > 0.95
    assert bits(seen, Flag.CLOUD_SHADOW)[label == 0].mean() > 0.9
    rows = see_clouds(scene, "csmask", 30.0)["flags"][190:215].values
    assert (rows == seen["flags"].values[190:215]).all()
