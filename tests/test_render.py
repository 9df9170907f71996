"""Pictures: what is shown of a scene and of a map, scale and north, on any grid."""

import dataclasses
import io
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from PIL import Image
from tests.conftest import utm_grid

from obriy.blocks.base import Histogram
from obriy.blocks.decimate import block_means, class_shares, steps_for
from obriy.blocks.raster import RasterBand, file_geobox, lazy_variable
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.flags import Unseen
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.render.figures import to_png, to_svg
from obriy.render.geometry import ground_scale, pixel_aspect, round_length
from obriy.render.maps import map_figure
from obriy.render.palette import UNSEEN_COLOURS, rgb
from obriy.render.pictures import Picture, Shares, map_picture, preview
from obriy.render.plots import histogram_figure
from obriy.render.text import text_of
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.water.job import run_water

WATER = (0x1F, 0x5F, 0xA8)


def _scene(shape, bands=("blue", "green", "red", "nir"), geobox=None, missing=None):
    rng = np.random.default_rng(0)
    arrays = {name: rng.random(shape).astype("float32") * 0.3 for name in bands}
    for array in arrays.values():
        if missing is not None:
            array[missing] = np.nan
    variables = {name: xr.Variable(("y", "x"), array) for name, array in arrays.items()}
    grid = geobox or utm_grid(shape)
    return make_scene(variables, grid, sensor="unknown", provenance=Provenance())


def _map(labels, unseen=None, geobox=None):
    labels = np.asarray(labels, "uint8")
    coords = coords_of(geobox or utm_grid(labels.shape))

    def layer(values):
        return xr.DataArray(np.asarray(values, "uint8"), dims=("y", "x"), coords=coords)

    return ClassMap(
        layer(labels), load_legend("water"), unseen=None if unseen is None else layer(unseen)
    )


# --- made small


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 12))
def test_no_side_exceeds_and_shares_sum_to_one(rows, columns, max_size):
    labels = np.random.default_rng(rows).integers(0, 3, (rows, columns)).astype("uint8")
    steps = steps_for(labels.shape, max_size)
    shares = class_shares(xr.Variable(("y", "x"), labels), steps, [0, 1, 2])
    assert max(shares.shape[1:]) <= max_size
    np.testing.assert_allclose(shares.sum(axis=0), 1, rtol=1e-6)


def test_means_leave_out_what_is_missing():
    values = np.array([[1, np.nan, 3, 5], [3, 2, 7, 9], [np.nan] * 4, [np.nan] * 4], "float32")
    found = block_means(xr.Variable(("y", "x"), values), (2, 2))
    np.testing.assert_allclose(found, [[2, 6], [np.nan, np.nan]])


def test_a_file_is_read_small_with_the_same_means(tmp_path):
    values = np.random.default_rng(1).integers(1, 1000, (600, 400)).astype("uint16")
    grid = utm_grid(values.shape)
    with rasterio.open(
        tmp_path / "b.tif", "w", driver="GTiff", dtype="uint16", count=1, height=600, width=400,
        crs="EPSG:32636", transform=grid.affine, nodata=0,
    ) as file:  # fmt: skip
        file.write(values, 1)
    with rasterio.open(tmp_path / "b.tif") as file:
        band = RasterBand(str(tmp_path / "b.tif"), scale=1e-3, missing=(0,))
        lazy = lazy_variable(band, file_geobox(file))
    part = lazy[100:500, 40:340]
    expected = block_means(xr.Variable(("y", "x"), values[100:500, 40:340] / 1e3), (10, 10))
    # GDAL averages whole numbers to whole numbers.
    np.testing.assert_allclose(block_means(part, (10, 10)), expected, atol=0.6e-3)


# --- pictures


def _damaged(path):
    """Write a tiled image larger than a block of the engine whose tile (2, 0) is damaged."""
    rows, columns = np.indices((1100, 2600))
    water = np.hypot(rows - 700, columns - 600) < 250
    with rasterio.open(
        path, "w", driver="GTiff", width=2600, height=1100, count=4, dtype="uint16", nodata=0,
        tiled=True, blockxsize=512, blockysize=512, compress="deflate", interleave="band",
        crs="EPSG:32636", transform=Affine(10, 0, 5e5, 0, -10, 5.2e6),
    ) as file:  # fmt: skip
        land_and_water = {"blue": (400, 500), "green": (700, 600), "red": (700, 400)}
        for i, (name, dn) in enumerate((land_and_water | {"nir": (3000, 150)}).items(), 1):
            file.write(np.where(water, dn[1], dn[0]).astype("uint16"), i)
            file.set_band_description(i, name)
    with rasterio.open(path) as file:
        tags = [
            [int(file.get_tag_item(f"BLOCK_{key}_2_0", "TIFF", bidx=band)) for key in
             ("OFFSET", "SIZE")] for band in (2, 3)
        ]  # fmt: skip
    data = bytearray(path.read_bytes())
    for at, size in tags:
        data[at : at + size] = b"\xff" * size
    path.write_bytes(bytes(data))
    return path


def test_a_damaged_tile_is_a_hole_in_the_picture(tmp_path):
    path = _damaged(tmp_path / "S2A_20240615_damaged.tif")
    with rasterio.open(path) as file:
        geobox = file_geobox(file)
    broken = block_means(lazy_variable(RasterBand(str(path), 3, missing=(0,)), geobox), (4, 4))
    whole = block_means(lazy_variable(RasterBand(str(path), 1, missing=(0,)), geobox), (4, 4))
    assert np.isfinite(whole).all()
    assert np.isnan(broken[:128, 256:384]).all()
    assert np.isfinite(broken).mean() > 0.85
    dry = np.isfinite(broken) & (whole == 400)
    assert (broken[dry] == 700).all()


def test_a_damaged_tile_does_not_keep_the_report_away(tmp_path):
    path = _damaged(tmp_path / "S2A_20240615_damaged.tif")
    run = run_water(WaterConfig(source=str(path), method="ndwi:zero", out=tmp_path / "run"))
    assert not run.complete
    assert run.result.dates[0].status == "partial"
    files = {name: Path(file) for name, file in run.result.outputs.items()}
    assert {"mask", "report", "picture", "polygons", "stac", "areas"} <= set(files)
    assert all(file.stat().st_size > 0 for file in files.values())
    assert "could not be read" in files["report"].read_text("utf-8")


def test_true_colour_where_the_bands_allow():
    assert preview(_scene((20, 30))).true_colour
    assert preview(_scene((20, 30), ("green", "red", "nir"))).bands == ("nir", "red", "green")
    assert preview(_scene((20, 30), ("green", "nir"))).bands == ("nir", "nir", "nir")
    assert preview(_scene((20, 30), ("green", "nir08", "swir16"))).bands[0] == "swir16"


def test_missing_pixels_are_transparent_and_the_rest_is_not():
    missing = np.zeros((20, 30), bool)
    missing[:5] = True
    alpha = preview(_scene((20, 30), missing=missing)).rgba[..., 3]
    assert (alpha == np.where(missing, 0, 255)).all()


def test_a_flat_scene_stays_flat():
    scene = _scene((20, 30))
    for name in scene:
        scene[name][:] = 0.05
    scene["red"][0, 0] = 0.051
    rgba = preview(scene).rgba
    assert np.ptp(rgba[..., 0].astype(int)) < 10


def test_colours_of_a_map_are_those_of_its_legend_mixed_by_share():
    picture = map_picture(_map([[2, 2, 1, 1], [2, 2, 1, 2]]), max_size=2)
    assert tuple(picture.rgba[0, 0]) == (*WATER, 255)
    land = rgb(load_legend("water").by_name("not_water").colour)
    mixed = (3 * np.array(land) + WATER) / 4
    np.testing.assert_allclose(picture.rgba[0, 1, :3], mixed, atol=1)
    assert [title for title, _ in picture.legend] == ["Not water", "Water"]


def test_what_a_map_is_less_than_half_sure_of_is_striped_and_in_the_legend():
    sure = np.full((8, 8), 160, "uint8")
    sure[:, :4] = 99
    made = _map(np.full((8, 8), 2))
    made = dataclasses.replace(made, confidence=made.labels.copy(data=sure))
    picture = map_picture(made)
    plain = (picture.rgba[..., :3] == WATER).all(axis=2)
    assert plain[:, 4:].all()
    assert 0.3 < plain[:, :4].mean() < 0.7
    assert [title for title, _ in picture.legend] == ["Water", "Striped: less than half sure"]
    sure[:] = 100
    assert [title for title, _ in map_picture(made).legend] == ["Water"]


def test_in_true_colour_ground_keeps_its_colour():
    scene = _scene((20, 30))
    muddy = {"red": 0.18, "green": 0.15, "blue": 0.12}
    for name, value in muddy.items():
        scene[name][:] = 0.02
        scene[name][:, 15:] = value
    red, green, blue = preview(scene).rgba[10, 25, :3].astype(int)
    assert 230 > red > green + 10 > blue + 20, "brown, not white"


def test_the_legend_names_each_reason_that_occurs():
    unseen = [[Unseen.CLOUD, Unseen.SHADOW, Unseen.FROZEN, Unseen.NO_DATA, 0, 0]]
    picture = map_picture(_map([[0, 0, 0, 0, 2, 255]], unseen), lang="uk")
    assert [title for title, _ in picture.legend] == [
        "Вода", "Не визначено", "Немає даних", "Хмари", "Тінь хмар", "Сніг або лід",
    ]  # fmt: skip
    assert tuple(picture.rgba[0, 1, :3]) == rgb(UNSEEN_COLOURS[Unseen.SHADOW])
    assert picture.rgba[0, 3, 3] == 0


def test_a_reason_does_not_hide_a_class():
    picture = map_picture(_map([[2, 2]], [[Unseen.CLOUD, 0]]))
    assert tuple(picture.rgba[0, 0, :3]) == WATER


# --- scale and north


def test_scale_in_metres_and_in_degrees():
    metres = ground_scale(utm_grid((40, 30)))
    assert (metres.along, metres.down) == pytest.approx((10, 10), rel=1e-3)
    assert metres.north_up
    degrees = GeoBox((100, 100), Affine(0.001, 0, 30, 0, -0.001, 60.05), "EPSG:4326")
    scale = ground_scale(degrees)
    assert pixel_aspect(degrees, scale) == pytest.approx(2.0, rel=0.01)


@pytest.mark.parametrize(
    "affine",
    [
        Affine(10, 0, 5e5, 0, 10, 5.2e6),
        Affine.translation(5e5, 5.2e6) @ Affine.rotation(60) @ Affine.scale(10, -10),
    ],
)
def test_no_arrow_where_north_is_not_up(affine):
    assert not ground_scale(GeoBox((40, 30), affine, "EPSG:32636")).north_up


def test_near_the_pole_up_is_not_north():
    assert not ground_scale(GeoBox((9, 9), Affine(1e3, 0, 5e5, 0, -1e3, 5e5), "EPSG:3413")).north_up


def test_without_crs_only_what_the_user_says():
    geobox = GeoBox((40, 30), Affine.identity(), None)
    assert ground_scale(geobox) is None
    assert ground_scale(geobox, 30).along == 30


@given(st.floats(1e-3, 1e7))
def test_round_lengths_fit_and_fill(metres):
    length = round_length(metres)
    assert metres / 2.5 - 1e-9 <= length <= metres * (1 + 1e-6)


# --- figures


SHAPES = [((1, 1), None), ((5, 300), None), ((300, 5), None), ((40, 30), "no CRS")]


@pytest.mark.parametrize(("shape", "crs"), SHAPES)
@pytest.mark.parametrize("code", [0, 1, 2])
def test_figures_of_any_shape(shape, crs, code):
    geobox = GeoBox(shape, Affine.identity(), None) if crs else None
    figure = map_figure(
        _scene(shape, geobox=geobox), _map(np.full(shape, code), geobox=geobox), title="Water"
    )
    image = np.asarray(Image.open(io.BytesIO(to_png(figure, dpi=60))).convert("RGB"))
    assert image.shape[1] == (390 if shape[0] > 2 * shape[1] else 660)
    assert (image == WATER).all(axis=-1).any() == (code == 2)


def test_svg_is_well_formed_and_takes_the_colours_of_the_page():
    scene = _scene((60, 80))
    district = District("D", shapely.box(500_100, 5_199_600, 500_400, 5_199_900), "EPSG:32636")
    figure = map_figure(
        scene, _map(np.full((60, 80), 2)), districts=[district], title="Вода <b>&", lang="uk"
    )
    svg = to_svg(figure, "map")
    root = ET.fromstring(svg)
    assert root.tag.endswith("svg")
    assert "var(--ink)" in svg
    texts = ["".join(t.itertext()).strip() for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Вода <b>&", "Природні кольори", "Пн"} <= set(texts)
    images = root.iter("{http://www.w3.org/2000/svg}image")
    links = [i.get("{http://www.w3.org/1999/xlink}href") for i in images]
    assert len(links) == 2
    assert all(link.startswith("data:image/png") for link in links)


def test_the_same_figure_gives_the_same_bytes():
    scene, class_map = _scene((60, 80)), _map(np.full((60, 80), 2))
    first, second = (to_svg(map_figure(scene, class_map), "map") for _ in range(2))
    assert first == second


def test_figures_from_several_threads():
    histogram = Histogram("NDWI", (1, 5, 2, 0, 7), -1, 1, 0.1)
    alone = to_svg(histogram_figure(histogram), "h")
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(to_svg(histogram_figure(histogram), "h")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [alone] * 4


@pytest.mark.parametrize(
    ("counts", "threshold"),
    [((0,) * 50, None), ((0,) * 50, 0.2), ((5,), 0.0), ((0, 0, 9, 0), None), ((1,) * 999, 0.99),
     ((3, 1), -1.0), ((3, 1), 1.0)],
)  # fmt: skip
@pytest.mark.parametrize("lang", ["en", "uk"])
def test_histograms_of_any_kind(counts, threshold, lang):
    svg = to_svg(histogram_figure(Histogram("MNDWI", counts, -1, 1, threshold), lang=lang), "h")
    ET.fromstring(svg)
    assert (text_of(lang)("plots.threshold", value="").strip() in svg) == (threshold is not None)


def test_a_map_of_many_classes_has_their_numbers_where_they_are_purest():
    """Strips of 20 columns: each number stands in its own strip, and in the legend."""
    legend = load_legend("worldcover")
    codes = [10, 30, 40, 80]
    labels = np.repeat(np.array(codes, "uint8"), 20)[None].repeat(60, axis=0)
    labels[:, 78:] = 50  # too thin for a number
    class_map = dataclasses.replace(_map(labels), legend=legend)
    picture = map_picture(class_map, numbered=True)
    assert {words for _, _, words in picture.marks} == {"10", "30", "40", "80"}
    for x, _, words in picture.marks:
        assert codes[int(x) // 20] == int(words)
    assert [title for title, _ in picture.legend][:2] == ["Tree cover (10)", "Grassland (30)"]
    assert map_picture(class_map).marks == ()
    to_svg(map_figure(_scene(labels.shape), class_map), "map")


def test_two_classes_need_no_numbers():
    labels = np.array([[1, 2]] * 2, "uint8")
    picture = map_picture(_map(labels), numbered=True)
    assert picture.marks == ()
    assert not any("(" in title for title, _ in picture.legend)


def test_what_is_read_once_is_as_what_is_read_for_a_smaller_picture():
    labels = np.random.default_rng(1).choice([0, 1, 2, 255], (24, 36))
    unseen = np.where(labels == 0, np.random.default_rng(2).choice([1, 2, 3], labels.shape), 0)
    large = Shares.of(_map(labels, unseen), 36).smaller(10)
    small = Shares.of(_map(labels, unseen), 9)
    assert (large.steps, large.causes.keys()) == (small.steps, small.causes.keys())
    np.testing.assert_allclose(large.classes, small.classes, atol=1e-6)
    for cause, share in small.causes.items():
        np.testing.assert_allclose(large.causes[cause], share, atol=1e-6)
    one, other = large.picture(), small.picture()
    assert (one.extent, one.legend) == (other.extent, other.legend) == ((24, 36), one.legend)
    np.testing.assert_allclose(one.rgba.astype(int), other.rgba, atol=1)


def test_what_is_missing_does_not_darken_a_smaller_picture():
    rgba = np.zeros((4, 6, 4), "uint8")
    rgba[:2, :2] = 200, 100, 50, 255
    rgba[3, 4] = 90, 80, 70, 255
    small = Picture(rgba, (12, 18)).smaller(3)
    assert small.extent == (12, 18)
    assert small.rgba[0, 0].tolist() == [200, 100, 50, 255]
    assert small.rgba[1, 2].tolist() == [90, 80, 70, 63], "a quarter is seen, in its own colour"
    assert small.rgba[1, 0].tolist() == [0, 0, 0, 0]
