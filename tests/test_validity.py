"""What means that nothing was measured is heard whatever the way in which the file says it."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import ColorInterp
from tests.conftest import utm_grid

from obriy import map_water, open_scene
from obriy.errors import EmptyResultError, SourceError
from obriy.measures.areas import measure_areas
from obriy.model.scene import band_names
from obriy.sources.class_map import open_class_map
from obriy.sources.land_mask import land_on
from obriy.sources.reference import open_reference

LAND = {"blue": 600, "green": 900, "red": 1000, "nir": 2800, "swir16": 2200, "swir22": 1400}
WATER = {"blue": 450, "green": 500, "red": 300, "nir": 180, "swir16": 90, "swir22": 60}
NAMES = tuple(LAND)
SIDE = 48
HERE = Affine(10, 0, 500_000, 0, -10, 5_200_000)


def lake(side=SIDE):
    y, x = np.mgrid[:side, :side]
    return np.hypot(y - side * 0.45, x - side * 0.5) < side * 0.28


def counts(side=SIDE, seed=3):
    """A lake on land: reflectance x 10000 of six bands, (6, side, side) float64, from 1 up."""
    noise = np.random.default_rng(seed).normal(0, 15, (len(NAMES), side, side))
    made = [np.where(lake(side), WATER[n], LAND[n]) for n in NAMES]
    return np.clip(np.round(np.stack(made) + noise), 1, None)


def write(path, array, names=NAMES, **options):
    """Write bands as they are; ``alpha`` marks the last as opacity, ``mask`` is GDAL's own."""
    mask, alpha = options.pop("mask", None), options.pop("alpha", False)
    inside = options.pop("inside", True)
    scale = options.pop("scale", None)
    profile = {
        "driver": "GTiff", "count": len(array), "height": array.shape[1], "width": array.shape[2],
        "dtype": array.dtype, "crs": "EPSG:32636", "transform": HERE, "photometric": "MINISBLACK",
    } | options  # fmt: skip
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=inside),
        rasterio.open(path, "w", **profile) as file,
    ):
        if alpha:  # before the pixels: later it would not be kept
            kept = [ColorInterp.gray] + [ColorInterp.undefined] * (len(array) - 2)
            file.colorinterp = [*kept, ColorInterp.alpha]
        file.write(array)
        for index, name in enumerate(names, 1):
            file.set_band_description(index, name)
        if scale is not None:
            file.scales = (scale,) * len(array)
        if mask is not None:
            file.write_mask(mask)
    return path


def seen_and_water(path, method="auto", **options):
    """Share that was seen and water, km², of a file, in memory."""
    water = map_water(open_scene(path, **options), method)
    area = measure_areas(water, "water", []).areas[0]
    return area.area_km2, area.unseen_share


def step(scene, name="nodata"):
    return scene.attrs["provenance"].step(name)


def said(scene):
    return " ".join(scene.attrs["provenance"].warnings)


# --- whatever hides a pixel, the map is that of NaN ----------------------------------------------

WAYS = ("tag", "user", "internal mask", "msk", "alpha", "dataMask", "collar 0", "collar 1", "file")
HOLES = ("wedge", "left", "middle", "specks")


def hole(kind):
    y, x = np.mgrid[:SIDE, :SIDE]
    rng = np.random.default_rng(5)
    return {
        "wedge": x + y < SIDE * 0.7,
        "left": x < SIDE * 0.3,
        "middle": (abs(y - SIDE * 0.4) < 7) & (abs(x - SIDE * 0.6) < 9),
        "specks": rng.random((SIDE, SIDE)) < 0.15,
    }[kind]


@st.composite
def scenes(draw):
    kind = draw(st.sampled_from(["uint16", "int16", "float32", "int32"]))
    return {
        "way": draw(st.sampled_from(WAYS)),
        "hole": draw(st.sampled_from(HOLES)),
        "dtype": kind,
        # What DN of 10000 stand for is told by tags, by the user, or by the numbers themselves.
        "scale": draw(st.sampled_from([None, "tags", "user"])),
        "unit": 1 / 10_000 if kind == "float32" and draw(st.booleans()) else 1,
        "tiled": draw(st.booleans()),
        "resolution": draw(st.sampled_from([None, None, 20.0, 15.0, 5.0])),
        "beneath": draw(st.sampled_from([0, 7, 5000])),
        "method": draw(st.sampled_from(["auto", "mndwi:zero", "ndwi:zero"])),
    }


def stored(numbers, way, where, beneath, dtype, unit):
    """Numbers with what stands in the hole, and what is told to whom."""
    options, opening, names = {}, {}, NAMES
    fill = {"collar 0": 0, "collar 1": 1, "tag": -7 if dtype != "uint16" else 65_535}.get(way)
    if way == "user":
        fill, opening = 32_000, {"nodata": 32_000}
    scaled = numbers * unit
    put = (0 if way == "collar 0" else fill) if fill is not None else beneath * unit
    put = unit if way == "collar 1" else put
    array = np.where(where, put, scaled).astype(dtype)
    mask = np.where(where, 0, 255).astype("uint8")
    if way == "tag":
        options["nodata"] = fill
    elif way in ("internal mask", "msk"):
        options |= {"mask": mask, "inside": way == "internal mask"}
    elif way in ("alpha", "dataMask"):
        top = 255 if way == "alpha" else 1
        array = np.concatenate([array, np.where(where, 0, top).astype(dtype)[None]])
        options["alpha"] = way == "alpha"
        names = (*NAMES, "" if way == "alpha" else "dataMask")
    return array, names, options, opening


@settings(max_examples=40)
@given(scenes())
def test_a_hole_is_a_hole_whatever_says_so(tmp_path_factory, scene):
    folder = tmp_path_factory.mktemp("validity")
    numbers, where = counts(), hole(scene["hole"])
    array, names, options, opening = stored(
        numbers, scene["way"], where, scene["beneath"], scene["dtype"], scene["unit"]
    )
    scale = 1e-4 / scene["unit"]
    if scene["scale"] == "tags":
        options["scale"] = scale
    elif scene["scale"] == "user":
        opening["scale"] = scale
    if scene["tiled"]:
        options |= {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"}
    path = folder / "a"
    if scene["way"] == "file":
        path.mkdir()
        for name, band in zip(NAMES, array, strict=True):
            write(path / f"x_{name}.tif", band[None], (), **options)
        write(path / "x_dataMask.tif", (~where).astype("uint8")[None], ())
    else:
        path = write(folder / "a.tif", array, names, **options)
    plain = np.where(where, np.nan, numbers / 10_000).astype("float32")
    wanted = write(folder / "nan.tif", plain)
    got, truth = (
        seen_and_water(p, scene["method"], resolution=scene["resolution"], **o)
        for p, o in ((path, opening), (wanted, {"scale": 1}))
    )
    np.testing.assert_allclose(got, truth, rtol=1e-5, atol=1e-7)
    if scene["resolution"] is None:
        assert got[1] == pytest.approx(where.mean(), abs=1e-6)


# --- 0 in one band, in all, and close to it ------------------------------------------------------


def test_zero_in_single_bands_is_dark_water(tmp_path):
    """The offset was taken off, and what came clipped at 0, of a sensor whose 0 is no data."""
    dn = counts()
    dn[3:] -= np.where(lake(), 100, 0)  # near and short-wave infrared of the lake, clipped
    names = ("B02", "B03", "B04", "B08", "B11", "B12")
    file = write(tmp_path / "a.tif", np.clip(dn, 0, None).astype("uint16"), names)
    assert 0.1 < (np.clip(dn, 0, None)[4] == 0).mean() < 0.3
    scene = open_scene(file)
    assert scene.sensor == "sentinel2_l2a"
    assert step(scene)["in_all_bands"] == [0]
    area, unseen = seen_and_water(file)
    assert unseen == 0
    assert area == pytest.approx(lake().sum() * 1e-4, rel=0.02)


def test_a_hole_in_one_band_is_none_of_dark_water(tmp_path):
    dn = counts() + 200  # nothing comes near 0
    dn[4, :9, :9] = 0
    names = ("B02", "B03", "B04", "B08", "B11", "B12")
    scene = open_scene(write(tmp_path / "a.tif", dn.astype("uint16"), names))
    assert np.isnan(scene.swir16.values).sum() == 81
    assert not np.isnan(scene.blue.values).any()


def test_the_rim_of_a_fill_is_fill_and_what_lies_off_is_not(tmp_path):
    """The edges of the bands of one image lie a pixel or two apart."""
    dn = counts()
    dn[:, :, :10] = 0
    dn[4, :, :12] = 0
    dn[4, 20:30, 25] = 0
    scene = open_scene(write(tmp_path / "a.tif", dn.astype("uint16")))
    missing = np.isnan(scene.swir16.values)
    assert missing[:, :12].all()
    assert not missing[:, 12:].any()
    assert np.isnan(scene.red.values).sum() == SIDE * 10


@pytest.mark.parametrize("factor", [1, 1e-4])
def test_numbers_that_run_down_to_zero_in_all_bands_are_a_dark_surface(tmp_path, factor):
    dn = counts()
    dark = np.random.default_rng(2).normal(8, 8, (SIDE, SIDE))
    dn = np.clip(np.where(lake(), np.round(dark), dn), 0, None)
    assert (dn == 0).all(axis=0).any()
    scene = open_scene(
        write(tmp_path / "a.tif", (dn * factor).astype("float32")), scale=1e-4 / factor
    )
    assert not np.isnan(scene.blue.values).any()
    assert "taken for a dark surface" in said(scene)


def test_a_collar_is_said_and_recorded_and_the_user_may_know_better(tmp_path):
    dn = counts()
    dn[:, hole("wedge")] = 0
    file = write(tmp_path / "a.tif", dn.astype("uint16"))
    scene = open_scene(file)
    share = hole("wedge").mean()
    assert f"{share:.1%} of the pixels hold 0 in every band" in said(scene)
    assert step(scene)["found"] == {"0": pytest.approx(share, abs=1e-5)}
    assert np.isnan(scene.nir.values).mean() == pytest.approx(share)
    for number in (-1, float("nan")):
        told = open_scene(file, nodata=number)
        assert not np.isnan(told.nir.values).any()
        assert "they count as measured, as --nodata says" in said(told)


def test_a_number_of_the_user_does_not_take_the_collar_away(tmp_path):
    dn, other = counts(), hole("middle")
    dn[:, hole("wedge")], dn[:, other] = 0, 32_000
    for tag in ({}, {"nodata": 0}):
        file = write(tmp_path / "a.tif", dn.astype("uint16"), **tag)
        scene = open_scene(file, nodata=32_000)
        np.testing.assert_array_equal(np.isnan(scene.nir.values), hole("wedge") | other)


@pytest.mark.parametrize(("number", "hidden"), [(255, True), (2600, True), (3500, False)])
def test_a_number_that_a_surface_could_have_in_one_band(tmp_path, number, hidden):
    dn, where = counts(), hole("left")
    dn[:, where] = number
    dn[0, 20, 40] = number
    scene = open_scene(write(tmp_path / "a.tif", dn.astype("int16")))
    assert f"hold {number} in every band" in said(scene)
    expected = where if hidden else np.zeros_like(where)  # the brightest may be what saturates
    np.testing.assert_array_equal(np.isnan(scene.blue.values), expected)


def test_a_collar_where_nobody_looked(tmp_path):
    dn = np.broadcast_to(counts(64)[:, :, :1], (6, 64, 1)).astype("uint16")
    big = np.tile(dn, (1, 20, 1200))
    big[:, 150:250, 140:260] = 0  # between the windows that are looked at
    scene = open_scene(write(tmp_path / "a.tif", big, compress="deflate"))
    assert step(scene).get("found") is None
    assert np.isnan(scene.green.values).sum() == 100 * 120


def test_bands_of_two_sizes_neither_mix_with_a_fill_nor_make_a_rim(tmp_path):
    """The map of a folder with a collar of 0 is that of the folder with NaN."""
    where = hole("wedge")
    coarse = np.add.reduceat(np.add.reduceat(~where, np.arange(0, SIDE, 2), 0),
                             np.arange(0, SIDE, 2), 1) == 0  # fmt: skip
    areas = []
    for name, nothing, kind in (("zero", 0, "uint16"), ("nan", np.nan, "float32")):
        folder = tmp_path / name
        folder.mkdir()
        for band, values in zip(NAMES, counts(), strict=True):
            if band.startswith("swir"):
                array, place = np.where(coarse, nothing, values[::2, ::2]), HERE @ Affine.scale(2)
            else:
                array, place = np.where(np.kron(coarse, [[1, 1], [1, 1]]), nothing, values), HERE
            write(folder / f"x_{band}.tif", array.astype(kind)[None], (), transform=place)
        scene = open_scene(folder, scale=1e-4)
        areas.append([scene[n].values for n in NAMES])
    for one, other in zip(*areas, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


# --- masks ---------------------------------------------------------------------------------------


def test_near_infrared_that_gdal_calls_alpha_is_no_mask(tmp_path):
    """Four 8-bit bands without a word about colours are red, green, blue and alpha to GDAL."""
    dn = (counts()[:4] / 16).astype("uint8")
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", count=4, height=SIDE, width=SIDE, dtype="uint8",
        crs="EPSG:32636", transform=HERE,
    ) as file:  # fmt: skip
        file.write(dn)
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.colorinterp[3] == ColorInterp.alpha
    scene = open_scene(tmp_path / "a.tif", bands="blue,green,red", scale=16e-4)
    assert not np.isnan(scene.red.values).any()
    named = open_scene(tmp_path / "a.tif", bands="blue,green,red,nir", scale=16e-4)
    assert band_names(named) == ["blue", "green", "red", "nir"]
    assert "masks" not in step(named)


def test_a_data_mask_by_the_list_of_bands(tmp_path):
    where = hole("left")
    array = np.concatenate([counts(), (~where)[None]]).astype("uint16")
    file = write(tmp_path / "a.tif", array, ())
    scene = open_scene(file, bands=[*NAMES, "dataMask"])
    np.testing.assert_array_equal(np.isnan(scene.green.values), where)
    assert step(scene)["masks"] == [f"{file} band 7"]


def test_an_image_that_its_mask_hides_altogether(tmp_path):
    file = write(
        tmp_path / "a.tif", counts().astype("uint16"), mask=np.zeros((SIDE, SIDE), "uint8")
    )
    with pytest.raises(EmptyResultError, match="hidden by a mask"):
        open_scene(file)


# --- a band that holds nothing -------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [np.nan, 0])
def test_a_band_that_holds_nothing_is_left_out_and_said(tmp_path, nothing):
    values = counts() / 10_000
    values[4] = nothing
    scene = open_scene(write(tmp_path / "a.tif", values.astype("float32")))
    assert band_names(scene) == ["blue", "green", "red", "nir", "swir22"]
    assert "The band 'swir16' of a.tif is empty" in said(scene)
    assert step(scene, "bands")["empty"] == ["swir16"]
    water = map_water(scene)
    assert (np.asarray(water.labels) > 0).all()


# --- numbers that cannot be ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "options", "says"),
    [
        ("dn", {"scale": 0}, "a factor of 0 for the band 'blue'"),
        ("dn", {"scale": 0.1}, "a reflectance of 2.8e+02 in the band 'nir' (its median)"),
        ("dn", {"scale": -1e-4}, "a factor of -0.0001"),
        ("floats", {"scale": 1e-4}, "and no band is brighter"),
    ],
)
def test_scale_tags_that_make_no_reflectance(tmp_path, numbers, options, says):
    array = counts().astype("uint16") if numbers == "dn" else (counts() / 1e4).astype("float32")
    file = write(tmp_path / "a.tif", array, **options)
    with pytest.raises(SourceError) as caught:
        open_scene(file)
    assert says in caught.value.message
    assert "scales and offsets that the file names" in caught.value.message
    better = "0.0001" if numbers == "dn" else "1"
    assert f"--scale {better}, which the numbers speak for" in caught.value.hint
    told = open_scene(file, scale=float(better))
    assert float(told.nir.median()) == pytest.approx(0.27, abs=0.02)


def test_a_factor_of_a_user_that_makes_no_reflectance(tmp_path):
    file = write(tmp_path / "a.tif", counts().astype("uint16"))
    for options in ({"scale": 1.0}, {"scale": 1e-7}, {"scale": 2.75e-5, "offset": -0.2}):
        with pytest.raises(SourceError, match="By --scale and --offset as given"):
            open_scene(file, **options)


def test_the_table_of_another_product_gives_way_at_both_ends(tmp_path):
    """The factors of Landsat Collection 2 make -0.19 to -0.1 of numbers times 10000."""
    scene = open_scene(write(tmp_path / "a.tif", counts().astype("uint16")), sensor="landsat_c2l2")
    assert float(scene.nir.max()) == pytest.approx(0.28, abs=0.02)
    assert "landsat_c2l2 (2.75e-05) does not fit" in said(scene)


@pytest.mark.parametrize("fill", [-9999, 9999, 1e20, -3.4e38])
@pytest.mark.parametrize("options", [{}, {"scale": 1.0}, {"scale": 1e-4}])
def test_a_fill_that_nobody_names_is_named(tmp_path, fill, options):
    values = np.where(hole("left"), fill, counts() / 1e4).astype("float32")
    file = write(tmp_path / "a.tif", values)
    with pytest.raises(SourceError, match="far from all other numbers") as caught:
        open_scene(file, **options)
    said_so = float(caught.value.hint.split()[-1])
    for number in (said_so, fill):
        scene = open_scene(file, nodata=number)
        np.testing.assert_array_equal(np.isnan(scene.red.values), hole("left"))


def test_a_fill_in_one_band_alone(tmp_path):
    values = counts()
    values[2, :9, :9] = 65_535
    file = write(tmp_path / "a.tif", values.astype("uint16"))
    with pytest.raises(SourceError, match=r"band 'red' of a\.tif lie far above") as caught:
        open_scene(file)
    assert "--nodata 65535" in caught.value.hint


def test_infinity_is_missing(tmp_path):
    values = (counts() / 1e4).astype("float32")
    values[1, 3, 4], values[1, 3, 5] = np.inf, -np.inf
    scene = open_scene(write(tmp_path / "a.tif", values))
    assert np.argwhere(np.isnan(scene.green.values)).tolist() == [[3, 4], [3, 5]]


def test_a_crs_without_a_place_counts_as_none(tmp_path):
    options = {"crs": "EPSG:32636", "transform": Affine.identity()}
    scene = open_scene(write(tmp_path / "a.tif", counts().astype("uint16"), **options))
    assert scene.odc.geobox.crs is None if scene.odc.geobox else True
    assert "names a CRS and says neither where" in said(scene)


# --- maps of classes -----------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["internal mask", "msk", "alpha"])
@pytest.mark.parametrize("place", ["same grid", "another grid", "another CRS"])
def test_masks_over_a_reference_a_map_and_a_mask_of_land(tmp_path, way, place):
    """A map of 1 and 2 (not water, water) whose left is hidden, with 77 beneath the mask."""
    where = hole("left")
    codes = np.where(where, 77, np.where(lake(), 2, 1)).astype("uint8")
    mask = np.where(where, 0, 255).astype("uint8")
    path = tmp_path / "truth.tif"
    if way == "alpha":
        write(path, np.stack([codes, mask]), (), alpha=True)
    else:
        write(path, codes[None], (), mask=mask, inside=way == "internal mask")
    grid = {
        "same grid": utm_grid((SIDE, SIDE), origin=(500_000, 5_200_000)),
        "another grid": utm_grid((SIDE, SIDE), 5.0, origin=(500_000, 5_200_000)),
        "another CRS": utm_grid((SIDE, SIDE), origin=(500_000, 5_200_000)).to_crs("EPSG:4326"),
    }[place]
    truth = np.asarray(open_reference(path, grid).labels)
    assert set(np.unique(truth)) == {0, 1, 2}
    land = np.asarray(land_on(path, grid).values)
    assert ((land > 0) == (truth > 0)).mean() > 0.999
    if place == "same grid":
        np.testing.assert_array_equal(truth == 0, where)
        labels = np.asarray(open_class_map(path).labels)
        np.testing.assert_array_equal(labels, truth)
