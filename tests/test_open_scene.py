from pathlib import Path

import netCDF4
import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.errors import BandError, GridError, SourceError, UnknownNameError, UsageError
from obriy.model.grid import geobox_of, same_grid
from obriy.model.scene import band_names
from obriy.sources import open_scene

SHAPE = (7, 11)
UTM36 = "EPSG:32636"
HERE = Affine(10, 0, 500_000, 0, -10, 5_000_000)


def numbers(count=4, shape=SHAPE, seed=1, low=300, high=3000):
    """Bands of different levels; the darkest pixels of each lie near the first."""
    rng = np.random.default_rng(seed)
    level = np.arange(1, count + 1)[:, None, None] * 100
    return (level + rng.integers(low, high, (count, *shape))).astype("uint16")


def write(path, array, names=(), tags=None, **options):
    array = array[None] if array.ndim == 2 else array
    profile = {
        "driver": "GTiff", "count": array.shape[0], "height": array.shape[1],
        "width": array.shape[2], "dtype": array.dtype, "crs": UTM36, "transform": HERE,
    }  # fmt: skip
    extra = {k: options.pop(k) for k in ("scales", "offsets", "gcps") if k in options}
    with rasterio.open(path, "w", **{**profile, **options}) as dataset:
        dataset.write(array)
        for i, name in enumerate(names, 1):
            dataset.set_band_description(i, name)
        dataset.update_tags(**(tags or {}))
        for key, value in extra.items():
            setattr(dataset, key, value)
    return path


def step(scene, name):
    return scene.attrs["provenance"].step(name)


def warnings_of(scene):
    return scene.attrs["provenance"].warnings


# --- one file of many bands ---------------------------------------------------------------------


def test_a_plain_geotiff(tmp_path):
    dn = numbers(4)
    dn[:, 2, 3] = 0
    dn[1, 4, 5] = 0
    file = write(tmp_path / "S2_20210704.tif", dn, ("B02", "B03", "B04", "B08"))
    scene = open_scene(file)
    assert band_names(scene) == ["blue", "green", "red", "nir"]
    assert (scene.sensor, scene.time) == ("sentinel2_l2a", "2021-07-04")
    expected = dn.astype("float32") * np.float32(0.0001)
    expected[dn == 0] = np.nan
    for i, name in enumerate(band_names(scene)):
        assert scene[name].dtype == "float32"
        np.testing.assert_allclose(scene[name].values, expected[i], rtol=1e-6)
    np.testing.assert_allclose(scene.green[2:5, 3:9].values, expected[1, 2:5, 3:9], rtol=1e-6)
    assert np.isnan(scene.green.values[4, 5])
    assert not np.isnan(scene.blue.values[4, 5])
    assert same_grid(geobox_of(scene), GeoBox(SHAPE, HERE, UTM36))


def test_the_scene_is_lazy(tmp_path):
    scene = open_scene(write(tmp_path / "a.tif", numbers(3), ("green", "nir", "swir1")))
    assert not any(scene[name].variable._in_memory for name in band_names(scene))
    assert not scene.chunks


@pytest.mark.parametrize(
    ("names", "bands"),
    [
        (("B03", "B08", "B11"), ["green", "nir", "swir16"]),
        (("Green", "NIR", "SWIR1"), ["green", "nir", "swir16"]),
        (("green", "nir", "swir2"), ["green", "nir", "swir22"]),
        (("SR_B3", "SR_B5", "SR_B6"), ["green", "nir08", "swir16"]),
        (("Green_Band", "NIR (narrow)", "swir-22"), ["green", "nir08", "swir22"]),
        (("red edge 1", "B8A", "B12"), ["rededge071", "nir08", "swir22"]),
    ],
)
def test_bands_by_description(tmp_path, names, bands):
    scene = open_scene(write(tmp_path / "a.tif", numbers(3), names), scale=0.0001)
    assert band_names(scene) == bands


def test_bands_by_list_in_file_order(tmp_path):
    dn = numbers(5)
    file = write(tmp_path / "a.tif", dn)
    scene = open_scene(file, bands=["swir16", "-", "green", "nir"])
    assert band_names(scene) == ["green", "nir", "swir16"]
    np.testing.assert_allclose(scene.green.values, dn[2] * 0.0001, rtol=1e-5)
    np.testing.assert_allclose(scene.swir16.values, dn[0] * 0.0001, rtol=1e-5)
    assert step(scene, "bands")["unread"] == ["a.tif band 2", "a.tif band 5"]
    again = open_scene(file, bands="swir16,-,green,nir")
    assert band_names(again) == band_names(scene)


def test_the_rare_names_of_the_contract(tmp_path):
    file = write(tmp_path / "a.tif", numbers(4))
    scene = open_scene(file, bands=["coastal", "nir09", "cirrus", "green"])
    assert band_names(scene) == ["coastal", "green", "nir09", "cirrus"]


def test_a_wrong_name_is_answered_with_the_nearest(tmp_path):
    file = write(tmp_path / "a.tif", numbers(3))
    with pytest.raises(UnknownNameError, match="Did you mean 'green'"):
        open_scene(file, bands=["blue", "grren", "nir"])


def test_more_names_than_bands(tmp_path):
    file = write(tmp_path / "a.tif", numbers(3))
    with pytest.raises(BandError, match=r"4 bands were named, and a\.tif has 3"):
        open_scene(file, bands=["blue", "green", "red", "nir"])


def test_a_name_given_twice(tmp_path):
    with pytest.raises(BandError, match="names green twice"):
        open_scene(write(tmp_path / "a.tif", numbers(3)), bands=["green", "green", "nir"])


def test_bands_by_the_order_of_the_sensor(tmp_path):
    scene = open_scene(write(tmp_path / "a.tif", numbers(12)), sensor="sentinel2_l2a")
    assert len(band_names(scene)) == 12
    np.testing.assert_allclose(scene.swir16.values, numbers(12)[10] * 0.0001, rtol=1e-5)
    assert "customary order" in step(scene, "bands")["by"]


@pytest.mark.parametrize(("cirrus", "name_of_9"), [(9, "nir09"), (10, "nir08")])
def test_the_dark_cirrus_band_tells_two_orders_apart(tmp_path, cirrus, name_of_9):
    dn = numbers(13)
    dn[cirrus] = 12
    scene = open_scene(write(tmp_path / "a.tif", dn), sensor="sentinel2_l1c")
    np.testing.assert_allclose(scene[name_of_9].values, dn[8] * 0.0001, rtol=1e-5)
    assert float(scene.cirrus.max()) < 0.002


def test_nothing_tells_which_band_is_which(tmp_path):
    file = write(tmp_path / "a.tif", numbers(5), ("one", "two", "", "four", ""))
    with pytest.raises(BandError) as caught:
        open_scene(file)
    assert "1 one, 2 two, 3 (no name), 4 four" in caught.value.message
    assert "--bands blue,green,red,nir,swir16" in caught.value.hint


def test_b3_alone_is_green_on_one_and_red_on_another(tmp_path):
    file = write(tmp_path / "a.tif", numbers(4), ("B1", "B2", "B3", "B4"))
    with pytest.raises(BandError, match="B3 is green on one and red on another"):
        open_scene(file)
    old = open_scene(file, sensor="landsat5_l1", scale=0.0001)
    new = open_scene(file, sensor="landsat8_l1", scale=0.0001)
    assert band_names(old) == ["blue", "green", "red", "nir08"]
    assert band_names(new) == ["coastal", "blue", "green", "red"]


# --- one file per band --------------------------------------------------------------------------


def test_a_folder_a_list_and_a_glob_give_the_same(tmp_path):
    dn = numbers(3)
    files = [
        write(tmp_path / f"T36_20210704_{name}.tif", dn[i])
        for i, name in enumerate(("B03", "B08", "B11"))
    ]
    (tmp_path / "notes.txt").write_text("not an image")
    scenes = [open_scene(p) for p in (tmp_path, files, str(tmp_path / "T36_*.tif"))]
    for scene in scenes:
        assert band_names(scene) == ["green", "nir", "swir16"]
        np.testing.assert_allclose(scene.swir16.values, dn[2] * 0.0001, rtol=1e-5)


def test_mixed_resolutions_meet_on_the_finest(tmp_path):
    fine = numbers(2, (8, 12))
    coarse = np.full((4, 6), 1000, "uint16")
    coarse[1, 2] = 3000
    write(tmp_path / "x_B03.tif", fine[0])
    write(tmp_path / "x_B08.tif", fine[1])
    write(tmp_path / "x_B11.tif", coarse, transform=HERE @ Affine.scale(2))
    scene = open_scene(tmp_path)
    assert dict(scene.sizes) == {"y": 8, "x": 12}
    assert step(scene, "resampling")["bands"] == {"swir16": "bilinear"}
    assert same_grid(geobox_of(scene), GeoBox((8, 12), HERE, UTM36))
    swir = scene.swir16.values
    # Bilinear between centres: the four fine pixels of the bright one lie 1/4 of the way out.
    assert swir[2, 4] == pytest.approx(0.1 + 0.2 * 0.75**2, abs=1e-5)
    np.testing.assert_allclose(scene.swir16[2:4, 3:7].values, swir[2:4, 3:7], rtol=1e-6)


def test_a_coarse_band_that_ends_early_leaves_holes(tmp_path):
    write(tmp_path / "x_B03.tif", numbers(1, (8, 12))[0])
    write(tmp_path / "x_B11.tif", np.full((4, 3), 900, "uint16"), transform=HERE @ Affine.scale(2))
    scene = open_scene(tmp_path)
    assert np.isnan(scene.swir16.values[:, 6:]).all()
    np.testing.assert_allclose(scene.swir16.values[:, :6], 0.09, rtol=1e-5)


def test_a_hole_does_not_grow_when_a_band_is_resampled(tmp_path):
    coarse = np.full((4, 6), 0.2, "float32")
    coarse[1, 2] = np.nan
    write(tmp_path / "x_B03.tif", (numbers(1, (8, 12))[0] / 10_000).astype("float32"))
    write(tmp_path / "x_B11.tif", coarse, transform=HERE @ Affine.scale(2))
    scene = open_scene(tmp_path)
    assert np.argwhere(np.isnan(scene.swir16.values)).tolist() == [[2, 4], [2, 5], [3, 4], [3, 5]]


def test_the_finest_of_the_same_band_is_read(tmp_path):
    write(tmp_path / "T36_B03_10m.tif", numbers(1, (8, 12))[0])
    write(tmp_path / "T36_B08_10m.tif", numbers(1, (8, 12))[0])
    write(tmp_path / "T36_B03_20m.tif", numbers(1, (4, 6))[0], transform=HERE @ Affine.scale(2))
    scene = open_scene(tmp_path)
    assert "resampling" not in {s["name"] for s in scene.attrs["provenance"].steps}
    assert step(scene, "bands")["unread"] == ["T36_B03_20m.tif band 1"]


def test_two_dates_in_one_folder(tmp_path):
    for day in ("20210704", "20210714"):
        write(tmp_path / f"x_{day}.tif", numbers(2), ("B03", "B08"))
    with pytest.raises(BandError, match=r"several images.*both have the band 'green'"):
        open_scene(tmp_path)


def test_two_crss_in_one_folder(tmp_path):
    write(tmp_path / "x_B03.tif", numbers(1)[0])
    write(tmp_path / "x_B08.tif", numbers(1)[0], crs="EPSG:32637")
    with pytest.raises(GridError, match="different CRSs"):
        open_scene(tmp_path)


def test_bands_of_two_places(tmp_path):
    write(tmp_path / "x_B03.tif", numbers(1)[0])
    write(tmp_path / "x_B08.tif", numbers(1)[0], transform=HERE @ Affine.translation(500, 0))
    with pytest.raises(GridError, match="somewhere else"):
        open_scene(tmp_path)


# --- containers ---------------------------------------------------------------------------------


def test_cog_and_vrt_and_jp2(tmp_path):
    dn = numbers(3, (40, 50))
    source = write(tmp_path / "a.tif", dn, ("green", "nir", "swir16"))
    rasterio.shutil.copy(source, tmp_path / "c.tif", driver="COG", compress="deflate")
    rasterio.shutil.copy(source, tmp_path / "v.vrt", driver="VRT")
    rasterio.shutil.copy(
        source, tmp_path / "j.jp2", driver="JP2OpenJPEG", quality="100", reversible="yes"
    )
    for name in ("c.tif", "v.vrt", "j.jp2"):
        scene = open_scene(tmp_path / name, bands=["green", "nir", "swir16"])
        np.testing.assert_allclose(scene.nir.values, dn[1] * 0.0001, rtol=1e-5)
        assert geobox_of(scene).crs.epsg == 32636


def netcdf(path, bands, *, crs=True):
    with netCDF4.Dataset(path, "w") as file:
        rows, columns = next(iter(bands.values())).shape
        file.createDimension("y", rows)
        file.createDimension("x", columns)
        file.createVariable("y", "f8", ("y",))[:] = 5_000_000 - 10 * (np.arange(rows) + 0.5)
        file.createVariable("x", "f8", ("x",))[:] = 500_000 + 10 * (np.arange(columns) + 0.5)
        if crs:
            mapping = file.createVariable("spatial_ref", "i4")
            mapping.spatial_ref = rasterio.crs.CRS.from_string(UTM36).to_wkt()
            mapping.GeoTransform = "500000 10 0 5000000 0 -10"
        for name, values in bands.items():
            variable = file.createVariable(name, values.dtype, ("y", "x"))
            variable[:] = values
            if crs:
                variable.grid_mapping = "spatial_ref"
    return path


def test_netcdf_with_a_variable_per_band(tmp_path):
    dn = numbers(3).astype("int16")
    file = netcdf(tmp_path / "a.nc", dict(zip(("green", "nir", "swir1"), dn, strict=True)))
    scene = open_scene(file)
    assert band_names(scene) == ["green", "nir", "swir16"]
    np.testing.assert_allclose(scene.swir16.values, dn[2] * 0.0001, rtol=1e-5)
    assert geobox_of(scene).crs.epsg == 32636


def test_netcdf_with_attributes_that_are_not_utf8(tmp_path):
    with netCDF4.Dataset(tmp_path / "green_band.nc", "w", format="NETCDF3_CLASSIC") as file:
        file.createDimension("y", 3)
        file.createDimension("x", 5)
        variable = file.createVariable("__xarray_dataarray_variable__", "f8", ("y", "x"))
        variable[:] = np.arange(15).reshape(3, 5) * 100.0 + 200
        variable.Name = "Green"
        variable.crs = "+init=epsg:32719"
        variable.note = b"r\xe9gion".decode("latin-1")
    raw = (tmp_path / "green_band.nc").read_bytes()
    (tmp_path / "green_band.nc").write_bytes(raw.replace("é".encode(), b"\xe9 "))
    scene = open_scene(tmp_path / "green_band.nc")
    assert band_names(scene) == ["green"]
    assert geobox_of(scene).crs.epsg == 32719


# --- scale, offset, no data ---------------------------------------------------------------------


def test_factors_from_the_user_are_final(tmp_path):
    dn = numbers(3)
    file = write(tmp_path / "a.tif", dn, ("B03", "B08", "B11"))
    scene = open_scene(file, scale=0.0002, offset=-0.05)
    np.testing.assert_allclose(scene.nir.values, dn[1] * 0.0002 - 0.05, rtol=1e-5, atol=1e-6)
    assert step(scene, "scaling")["by"] == "user"
    assert step(scene, "boa_offset") is None


@pytest.mark.parametrize("scale", [0, -0.0001])
def test_a_scale_that_is_not_above_zero_is_refused(tmp_path, scale):
    with pytest.raises(UsageError, match=f"scale of {scale:g} makes no reflectance"):
        open_scene(write(tmp_path / "a.tif", numbers(2), ("B03", "B08")), scale=scale)
    with pytest.raises(UsageError, match="not a number to count with"):
        open_scene(tmp_path / "a.tif", offset=float("nan"))


def test_factors_from_tags(tmp_path):
    dn = numbers(2)
    file = write(
        tmp_path / "a.tif", dn, ("B03", "B08"), scales=(2e-4, 3e-4), offsets=(-0.01, -0.02)
    )
    scene = open_scene(file)
    np.testing.assert_allclose(scene.green.values, dn[0] * 2e-4 - 0.01, rtol=1e-4)
    np.testing.assert_allclose(scene.nir.values, dn[1] * 3e-4 - 0.02, rtol=1e-4)
    assert step(scene, "scaling")["by"] == "file tags"


def test_floats_between_0_and_1_are_reflectance_already(tmp_path):
    values = (numbers(3) / 10_000).astype("float32")
    scene = open_scene(write(tmp_path / "a.tif", values, ("B03", "B08", "B11")))
    np.testing.assert_array_equal(scene.nir.values, values[1])
    assert step(scene, "scaling")["scale"] == 1


def test_zero_counts_as_a_pixel_in_floats_and_in_files_of_no_known_sensor(tmp_path):
    values = (numbers(2) / 10_000).astype("float32")
    values[0, 0, 0] = 0
    scene = open_scene(write(tmp_path / "a.tif", values, ("B03", "B08")))
    assert scene.green.values[0, 0] == 0
    dn = numbers(2)
    dn[0, 0, 0] = 0
    scene = open_scene(write(tmp_path / "b.tif", dn, ("green", "nir")))
    assert scene.green.values[0, 0] == 0


def lattice(dn):
    return np.round(dn / 10_000 * 65_535).astype("uint16")


@pytest.mark.parametrize("brightness", [1.0, 0.2])
def test_counts_stretched_to_16_bits_are_recognised(tmp_path, brightness):
    dn = (numbers(3, (20, 30)) * brightness).astype("uint16")
    names = ("B03", "B08", "B11")
    scene = open_scene(write(tmp_path / "a.tif", lattice(dn), names))
    np.testing.assert_allclose(scene.nir.values, dn[1] * 0.0001, atol=2e-5)
    assert step(scene, "scaling")["by"] == "numbers"
    assert any("does not fit the numbers" in w for w in warnings_of(scene))


def test_thousandths_are_recognised(tmp_path):
    rng = np.random.default_rng(3)
    levels = np.array([30, 45, 25, 330, 350])[:, None, None]
    dn = (levels * rng.uniform(0.6, 1.4, (5, 20, 30))).astype("uint16")
    scene = open_scene(write(tmp_path / "a.tif", dn, ("B02", "B03", "B04", "B08", "B8A")))
    assert step(scene, "scaling")["scale"] == 0.001


def test_a_dark_lake_is_not_taken_for_thousandths(tmp_path):
    rng = np.random.default_rng(3)
    levels = np.array([300, 350, 180, 90, 60])[:, None, None]
    dn = (levels * rng.uniform(0.6, 1.4, (5, 20, 30))).astype("uint16")
    scene = open_scene(write(tmp_path / "a.tif", dn), bands="blue,green,red,nir,swir16")
    assert step(scene, "scaling")["scale"] == 0.0001


def test_a_picture_is_opened_with_a_warning(tmp_path):
    dn = np.random.default_rng(0).integers(0, 255, (3, *SHAPE)).astype("uint8")
    scene = open_scene(write(tmp_path / "a.tif", dn), bands="red,green,blue")
    np.testing.assert_allclose(scene.red.values, dn[0] / 255, rtol=1e-6)
    assert any("not reflectance" in w for w in warnings_of(scene))


def test_numbers_that_fit_no_factor(tmp_path):
    dn = numbers(3, low=20_000, high=30_000)
    with pytest.raises(SourceError, match="--scale"):
        open_scene(write(tmp_path / "a.tif", dn, ("green", "nir", "swir16")))


def test_no_data_by_user_tag_and_sensor(tmp_path):
    dn = numbers(2)
    dn[:, 0, 0], dn[:, 0, 1] = 65_535, 0
    dn[:, 0, 2] = 777
    file = write(tmp_path / "a.tif", dn, ("B03", "B08"), nodata=65_535)
    missing = np.isnan(open_scene(file).green.values[0, :3])
    assert missing.tolist() == [True, True, False]
    missing = np.isnan(open_scene(file, nodata=777, scale=1e-4).green.values[0, :3])
    # 65535 is a reflectance of 6.55, and 0 stands in every band: still nothing.
    assert missing.tolist() == [True, True, True]


def test_a_fill_value_that_the_file_does_not_name(tmp_path):
    dn = numbers(2).astype("int16")
    dn[:, :2] = -9999
    file = write(tmp_path / "a.tif", dn, ("green", "nir"))
    with pytest.raises(SourceError, match="--nodata -9999"):
        open_scene(file)
    assert np.isnan(open_scene(file, nodata=-9999).green.values[:2]).all()


# --- the offset of Sentinel-2 baseline 04.00 ----------------------------------------------------


def with_offset(seed=2, shape=(30, 40)):
    """Water, forest and soil, with 1000 added."""
    rng = np.random.default_rng(seed)
    spectra = {
        "B02": (300, 250, 900), "B03": (600, 450, 1200), "B04": (250, 280, 1600),
        "B08": (500, 3000, 2500), "B11": (30, 1500, 3200),
    }  # fmt: skip
    kind = rng.integers(0, 3, shape)
    bands = [np.take(levels, kind) * rng.uniform(0.8, 1.2, shape) for levels in spectra.values()]
    dn = (np.stack(bands) + 1000).astype("uint16")
    dn[1, 0, 0], dn[3, 0, 0] = 1600, 1500  # green 0.06, nir 0.05
    return dn, tuple(spectra)


def ndwi(scene):
    green, nir = scene.green.values[0, 0], scene.nir.values[0, 0]
    return (green - nir) / (green + nir)


def test_the_offset_is_found_in_the_histogram(tmp_path):
    dn, names = with_offset()
    scene = open_scene(write(tmp_path / "a.tif", dn, names))
    assert ndwi(scene) == pytest.approx(0.0909, abs=5e-4)
    found = step(scene, "boa_offset")
    assert (found["inside"], found["metadata"], found["histogram"]) == (True, "unknown", "inside")
    assert step(scene, "scaling")["offset"] == -0.1


def test_the_offset_that_was_taken_away_is_not_taken_twice(tmp_path):
    dn, names = with_offset()
    scene = open_scene(write(tmp_path / "a.tif", dn - 1000, names))
    assert ndwi(scene) == pytest.approx(0.0909, abs=5e-4)
    assert not step(scene, "boa_offset")["inside"]


def test_an_offset_of_zero_from_the_user_is_final(tmp_path):
    dn, names = with_offset()
    scene = open_scene(write(tmp_path / "a.tif", dn, names), offset=0)
    assert ndwi(scene) == pytest.approx(0.0323, abs=5e-4)
    assert step(scene, "boa_offset") is None
    forced = open_scene(tmp_path / "a.tif", offset=-0.1)
    assert ndwi(forced) == pytest.approx(0.0909, abs=5e-4)


@pytest.mark.parametrize(
    ("tags", "added", "agrees"),
    [
        ({"PROCESSING_BASELINE": "05.09"}, 1000, True),
        ({"PROCESSING_BASELINE": "05.09"}, 0, False),
        ({"PROCESSING_BASELINE": "02.08"}, 0, True),
        ({"PROCESSING_BASELINE": "02.08"}, 1000, False),
        ({"BOA_ADD_OFFSET": "-1000"}, 1000, True),
        ({"boa_offset_applied": "True", "PROCESSING_BASELINE": "05.09"}, 0, True),
        ({"boa_offset_applied": "True", "PROCESSING_BASELINE": "05.09"}, 1000, False),
    ],
)
def test_metadata_are_heard_and_the_histogram_is_the_judge(tmp_path, tags, added, agrees):
    dn, names = with_offset()
    scene = open_scene(write(tmp_path / "a.tif", dn - 1000 + added, names, tags))
    assert ndwi(scene) == pytest.approx(0.0909, abs=5e-4)
    assert step(scene, "boa_offset")["metadata_reason"] != "none"
    assert any("darkest pixels say otherwise" in w for w in warnings_of(scene)) is not agrees


def test_a_product_name_tells_the_baseline_where_no_pixel_is_dark(tmp_path):
    dn = numbers(3, low=2000, high=4000)
    plain = open_scene(write(tmp_path / "a.tif", dn, ("B03", "B08", "B11")))
    assert not step(plain, "boa_offset")["inside"]
    assert any("no dark pixel" in w for w in warnings_of(plain))
    folder = tmp_path / "S2A_MSIL2A_20230704T081611_N0509_R121_T36UXV_20230704T130000"
    folder.mkdir()
    named = open_scene(write(folder / "a.tif", dn, ("B03", "B08", "B11")))
    assert step(named, "boa_offset")["inside"]
    np.testing.assert_allclose(named.nir.values, dn[1] * 1e-4 - 0.1, rtol=1e-4)


def test_two_bands_of_nobody_knows_what_are_no_evidence(tmp_path):
    dn, _ = with_offset()
    scene = open_scene(write(tmp_path / "a.tif", dn[[2, 4]], ("red", "swir16")))
    assert not step(scene, "boa_offset")["inside"]
    known = open_scene(write(tmp_path / "b.tif", dn[[2, 4]], ("B04", "B11")))
    assert step(known, "boa_offset")["inside"]


def test_other_sensors_have_no_such_offset(tmp_path):
    dn, _ = with_offset()
    scene = open_scene(
        write(tmp_path / "a.tif", dn.astype("int16")), sensor="hls",
        bands=["blue", "green", "red", "nir", "swir16"],
    )  # fmt: skip
    assert step(scene, "boa_offset") is None


# --- grids --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:4326", Affine(2e-4, 0, 13.3, 0, -1e-4, 45.8)),
        ("EPSG:3413", Affine(250, 0, 381_550, 0, -250, -899_225)),
        (UTM36, Affine(10, 0, 500_000, 0, 10, 5_000_000)),
        (UTM36, Affine.translation(5e5, 5e6) @ Affine.rotation(20) @ Affine.scale(10, -10)),
        (None, Affine(10, 0, 500_000, 0, -10, 5_000_000)),
        (None, Affine.identity()),
    ],
)
def test_an_image_keeps_its_own_grid(tmp_path, crs, transform):
    dn = numbers(2)
    scene = open_scene(write(tmp_path / "a.tif", dn, ("B03", "B08"), crs=crs, transform=transform))
    assert same_grid(geobox_of(scene), GeoBox(SHAPE, transform, crs))
    np.testing.assert_allclose(scene.green.values, dn[0] * 1e-4, rtol=1e-5)


def test_control_points_are_no_grid(tmp_path):
    from rasterio.control import GroundControlPoint as Gcp

    points = [Gcp(0, 0, 30.0, 50.0), Gcp(0, 11, 31.0, 50.0), Gcp(7, 0, 30.0, 49.0)]
    file = tmp_path / "a.tif"
    write(file, numbers(2), ("B03", "B08"), transform=None, gcps=(points, "EPSG:4326"), crs=None)
    with pytest.raises(GridError, match="gdalwarp -tps"):
        open_scene(file)


def test_a_coarser_grid_averages(tmp_path):
    dn = np.full((2, 8, 12), 1000, "uint16")
    dn[:, :2, :2] = [[[1000, 2000], [3000, 4000]]] * 2
    file = write(tmp_path / "a.tif", dn, ("B03", "B08"))
    scene = open_scene(file, resolution=20, offset=0)
    assert same_grid(geobox_of(scene), GeoBox((4, 6), HERE @ Affine.scale(2), UTM36))
    assert scene.green.values[0, 0] == pytest.approx(0.25)
    assert step(scene, "resampling")["bands"] == {"green": "average", "nir": "average"}
    assert step(scene, "grid")["wanted_m"] == 20
    assert step(scene, "grid")["dropped_m"] == {"bottom": 0, "right": 0}


@pytest.mark.parametrize(
    ("metres", "shape", "dropped"),
    [(30, (2, 4), (20, 0)), (40, (2, 3), (0, 0)), (70, (1, 1), (10, 50)), (3, (26, 40), (2, 0))],
)
def test_a_coarser_or_finer_grid_never_hangs_over_the_edge(tmp_path, metres, shape, dropped):
    file = write(tmp_path / "a.tif", numbers(2, (8, 12)), ("B03", "B08"))  # 80 m high, 120 m wide
    scene = open_scene(file, resolution=metres)
    assert (scene.sizes["y"], scene.sizes["x"]) == shape
    assert tuple(step(scene, "grid")["dropped_m"].values()) == dropped
    assert np.isfinite(scene.green.values).all()


def test_a_pixel_larger_than_the_image_is_refused(tmp_path):
    file = write(tmp_path / "a.tif", numbers(2, (8, 12)), ("B03", "B08"))
    with pytest.raises(UsageError, match=r"larger than the image \(120 x 80 m\).*80 or less"):
        open_scene(file, resolution=81)


def test_a_finer_grid_interpolates(tmp_path):
    scene = open_scene(write(tmp_path / "a.tif", numbers(2), ("B03", "B08")), resolution=5)
    assert dict(scene.sizes) == {"y": 14, "x": 22}
    assert step(scene, "resampling")["bands"]["nir"] == "bilinear"


def test_metres_on_a_grid_of_degrees(tmp_path):
    transform = Affine(1e-4, 0, 30.0, 0, -1e-4, 60.0)  # 5.57 x 11.14 m at 60 N
    file = write(
        tmp_path / "a.tif", numbers(2, (100, 100)), ("B03", "B08"), crs="EPSG:4326",
        transform=transform,
    )  # fmt: skip
    scene = open_scene(file, resolution=20)
    assert dict(scene.sizes) == {"y": 55, "x": 27}  # 1114 x 557 m


def test_an_image_without_a_crs_gets_pixels_of_the_size_that_the_user_says(tmp_path):
    dn = numbers(2)
    file = write(tmp_path / "a.tif", dn, ("green", "nir"), crs=None, transform=Affine.identity())
    scene = open_scene(file, resolution=30)
    grid = geobox_of(scene)
    assert grid.crs is None
    assert (grid.affine.a, grid.affine.e) == (30, -30)
    np.testing.assert_allclose(scene.green.values, dn[0] * 1e-4, rtol=1e-5)
    assert step(scene, "grid")["made_up"]
    assert any("no CRS" in w for w in warnings_of(scene))


S2_NAMES = ("B02", "B03", "B04", "B08", "B8A", "B11", "B12")


def test_band_names_of_another_sensor_are_warned_of(tmp_path):
    file = write(tmp_path / "a.tif", numbers(7), S2_NAMES)
    warned = [w for w in warnings_of(open_scene(file, "landsat8_l1")) if "another sensor" in w]
    assert len(warned) == 1
    assert "(B12, B8A, B11)" in warned[0]


@pytest.mark.parametrize(
    ("sensor", "names"),
    [
        ("sentinel2_l2a", S2_NAMES),
        ("sentinel2_l2a", ("B02", "B03", "B04", "B08", "B10", "B11")),
        ("landsat8_l1", ("B2", "B3", "B4", "B5", "B6", "B7", "B10", "B11")),
        ("landsat7_l1", ("B1", "B2", "B3", "B4", "B5", "B6_VCID_1", "B7", "B8")),
    ],
)
def test_band_names_of_the_sensor_itself_are_not_warned_of(tmp_path, sensor, names):
    scene = open_scene(write(tmp_path / "a.tif", numbers(len(names)), names), sensor)
    assert not [w for w in warnings_of(scene) if "another sensor" in w]


# --- sample -------------------------------------------------------------------------------------


def test_the_sample_is_the_chip_of_spyndex():
    import json
    from importlib.metadata import distribution

    chip = distribution("spyndex").locate_file("spyndex/data/S2_10m.json")
    dn = np.asarray(json.loads(Path(chip).read_text()))
    scene = open_scene("sample:")
    assert band_names(scene) == ["blue", "green", "red", "nir"]
    np.testing.assert_allclose(scene.nir.values, dn[3] / 10_000, rtol=1e-6)
    assert geobox_of(scene).crs is None
    assert any("made up" in w for w in warnings_of(scene))


def test_the_sample_does_not_import_spyndex():
    import subprocess
    import sys

    code = (
        "import sys; from obriy.sources import open_scene; open_scene('sample:');"
        "sys.exit('spyndex' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("options", [{"bands": "red"}, {"scale": 1.0}, {"resolution": 20}])
def test_the_sample_has_no_options(options):
    with pytest.raises(UsageError, match="sample"):
        open_scene("sample:", **options)
