"""References: rasters and polygons of any kind on the grid of a map."""

import json

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from conftest import UTM, utm_grid
from obriy.errors import (
    GeometryError,
    GridError,
    InputError,
    SourceError,
    UnknownNameError,
    UsageError,
)
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.sources.class_map import open_class_map
from obriy.sources.crosswalk import crosswalk, detect, names
from obriy.sources.reference import occurrence_reference, open_reference
from obriy.validation.evaluate import evaluate

WATER = load_legend("water")


def write(path, values, grid, *, nodata=None, tags=None):
    values = np.asarray(values)
    values = values if values.ndim == 3 else values[None]
    with rasterio.open(
        path, "w", driver="GTiff", count=len(values), dtype=values.dtype, nodata=nodata,
        height=values.shape[1], width=values.shape[2], transform=grid.affine,
        crs=grid.crs.to_wkt() if grid.crs else None,
    ) as dataset:  # fmt: skip
        dataset.write(values)
        dataset.update_tags(1, **(tags or {}))
    return path


def labels_of(path, grid, **options):
    return open_reference(path, grid, **options).labels.to_numpy()


@pytest.mark.parametrize(
    ("values", "expected", "says"),
    [
        ([[0, 1, 2, 2]], [[0, 1, 2, 2]], "Global Surface Water"),
        ([[0, 1, 0, 1]], [[1, 2, 1, 2]], "0 (not water) and 1 (water)"),
        ([[0, 1, 255, 1]], [[1, 2, 0, 2]], "0 (not water) and 1 (water)"),
        ([[0, 255, 0, 0]], [[1, 2, 1, 1]], "0 (not water) and 255 (water)"),
        ([[80, 10, 70, 90]], [[2, 1, 0, 1]], "ESA WorldCover"),
        ([[95, 100, 0, 60]], [[1, 1, 0, 1]], "ESA WorldCover"),
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_codes_are_recognised_by_their_values(tmp_path, values, expected, says, dtype):
    grid = utm_grid((1, 4))
    path = write(tmp_path / "a.tif", np.array(values, dtype), grid)
    reference = open_reference(path, grid)
    np.testing.assert_array_equal(reference.labels, expected)
    assert says in reference.notes[0]
    assert "Recognised by its values" in reference.notes[0]
    assert reference.independent
    assert reference.source == str(path)


def test_values_that_are_not_clear_are_refused(tmp_path):
    grid = utm_grid((1, 3))
    for values in ([[1, 1, 1]], [[3, 4, 5]], [[0, 2, 80]]):
        path = write(tmp_path / "a.tif", np.array(values, "uint8"), grid)
        with pytest.raises(InputError, match="not clear") as caught:
            open_reference(path, grid)
        assert "gsw, binary255, binary, worldcover" in caught.value.hint
    path = write(tmp_path / "b.tif", np.array([[0.5, 1, 0]], "float32"), grid)
    with pytest.raises(InputError, match="no class codes"):
        open_reference(path, grid)
    path = write(tmp_path / "c.tif", np.ones((3, 1, 3), "uint8"), grid)
    with pytest.raises(InputError, match="has 3 bands"):
        open_reference(path, grid)


def test_the_user_can_say_what_the_codes_are(tmp_path):
    grid = utm_grid((1, 3))
    path = write(tmp_path / "a.tif", np.array([[1, 1, 0]], "uint8"), grid, nodata=0)
    with pytest.raises(InputError, match="not clear"):
        open_reference(path, grid)  # 0 is declared missing, and 1 alone may be anything
    np.testing.assert_array_equal(labels_of(path, grid, legend="binary"), [[2, 2, 1]])
    np.testing.assert_array_equal(labels_of(path, grid, legend="gsw"), [[1, 1, 0]])
    with pytest.raises(UnknownNameError, match="Did you mean 'worldcover'"):
        open_reference(path, grid, legend="worldcovr")


def test_a_code_that_was_not_sampled_is_refused_when_met(tmp_path):
    grid = utm_grid((1, 3))
    path = write(tmp_path / "a.tif", np.array([[0, 1, 7]], "int16"), grid)
    reference = open_reference(path, grid, legend="gsw")
    np.testing.assert_array_equal(reference.labels[:, :2], [[0, 1]])
    with pytest.raises(InputError, match="value 7"):
        reference.labels.to_numpy()


def test_class_names_in_the_file_come_first(tmp_path):
    grid = utm_grid((1, 3))
    classes = [{"code": 1, "name": "water"}, {"code": 2, "name": "not_water"}]
    tag = json.dumps({"legend": "mine", "classes": classes})
    path = write(tmp_path / "a.tif", np.array([[1, 2, 0]], "uint8"), grid, tags={"legend": tag})
    reference = open_reference(path, grid)
    np.testing.assert_array_equal(reference.labels, [[2, 1, 0]])
    assert "Class names are written in the file" in reference.notes[0]
    cover = json.dumps({"legend": "worldcover", "classes": [{"code": 80, "name": "water"}]})
    path = write(
        tmp_path / "b.tif", np.array([[80, 10, 70]], "uint8"), grid, tags={"legend": cover}
    )
    np.testing.assert_array_equal(labels_of(path, grid), [[2, 1, 0]])


def test_land_cover_against_land_cover(tmp_path):
    grid = utm_grid((1, 3))
    path = write(tmp_path / "a.tif", np.array([[80, 70, 0]], "uint8"), grid)
    reference = open_reference(path, grid, target=load_legend("worldcover"))
    np.testing.assert_array_equal(reference.labels, [[80, 70, 0]])
    assert reference.legend.name == "worldcover"


@pytest.mark.parametrize("values", [[0, 1], [0, 255], [1, 2]])
def test_outside_the_file_there_is_no_reference(tmp_path, values):
    # A binary mask has no number for "nothing there": 0 would be "not water".
    grid = utm_grid((4, 6))
    part = grid[1:3, 2:5]
    mask = np.array([[values[0]] * 3, [values[1]] * 3], "uint8")
    path = write(tmp_path / "a.tif", mask, part)
    expected = np.zeros((4, 6))
    expected[1:3, 2:5] = [[1] * 3, [2] * 3]
    np.testing.assert_array_equal(labels_of(path, grid), expected)


def test_a_finer_reference_in_another_crs_gives_its_nearest_pixel(tmp_path):
    grid = utm_grid((40, 40), 30.0)
    west, south, east, north = 33.0, 46.93, 33.03, 46.96
    fine = GeoBox((600, 600), Affine(5e-5, 0, west, 0, -5e-5, north), "EPSG:4326")
    values = np.full((600, 600), 1, "uint8")
    values[:, 200:] = 2  # water east of 33.01
    path = write(tmp_path / "a.tif", values, fine)
    reference = open_reference(path, grid)
    assert "finer" in reference.notes[1]
    assert float(reference.notes[1].split("finer, ")[1].split()[0]) == pytest.approx(6.6, abs=0.3)
    border = 500_000 + 0.01 * 111_320 * np.cos(np.radians(46.95))
    found = reference.labels.to_numpy()
    edge = (grid.coords["x"].values > border).astype(int) + 1
    assert (found[5] == edge).mean() > 0.95
    assert (east, south) == (33.03, 46.93)


def test_windows_of_a_lazy_reference(tmp_path):
    grid = utm_grid((50, 70))
    values = np.random.default_rng(0).integers(0, 3, (50, 70), dtype="uint8")
    labels = open_reference(write(tmp_path / "a.tif", values, grid), grid).labels
    np.testing.assert_array_equal(labels[3:20, 11:30], values[3:20, 11:30])
    np.testing.assert_array_equal(labels[::7, ::-3], values[::7, ::-3])
    np.testing.assert_array_equal(labels[5], values[5])
    assert labels[4, 6].item() == values[4, 6]
    assert labels[4:4].shape == (0, 70)


def test_without_crs_the_shape_must_fit(tmp_path):
    plain = GeoBox((2, 3), Affine.identity(), None)
    values = np.array([[0, 1, 0], [1, 1, 0]], "uint8")
    path = write(tmp_path / "a.tif", values, plain)
    for grid in (utm_grid((2, 3)), GeoBox((2, 3), Affine(30, 0, 0, 0, -30, 60), None)):
        reference = open_reference(path, grid)
        np.testing.assert_array_equal(reference.labels, values + 1)
        assert "pixel by pixel" in reference.notes[1]
    with pytest.raises(GridError, match="2 x 3 pixels"):
        open_reference(path, utm_grid((2, 4)))


def test_bad_files(tmp_path):
    grid = utm_grid((2, 2))
    page = tmp_path / "page.tif"
    page.write_text("<!DOCTYPE html><html></html>")
    with pytest.raises(SourceError, match="web page"):
        open_reference(page, grid)
    with pytest.raises(SourceError, match="There is no file"):
        open_reference(tmp_path / "none.tif", grid)
    with pytest.raises(SourceError, match="There is no file"):
        open_reference(tmp_path / "none.geojson", grid)


def polygons(path, boxes, crs=UTM, **columns):
    gpd.GeoDataFrame(columns, geometry=[shapely.box(*b) for b in boxes], crs=crs).to_file(path)
    return path


def square(column, row, columns, rows):
    """A box over pixels of `utm_grid`."""
    x, y = 500_000 + 10 * column, 5_200_000 - 10 * row
    return x, y - 10 * rows, x + 10 * columns, y


def test_polygons_with_words(tmp_path):
    grid = utm_grid((4, 5))
    path = polygons(
        tmp_path / "a.geojson", [square(0, 0, 2, 2), square(3, 0, 2, 4), square(0, 3, 2, 1)],
        Class=["water", "forest", "Вода"],
    )  # fmt: skip
    reference = open_reference(path, grid)
    expected = [[2, 2, 0, 1, 1], [2, 2, 0, 1, 1], [0, 0, 0, 1, 1], [2, 2, 0, 1, 1]]
    np.testing.assert_array_equal(reference.labels, expected)
    assert "forest = not_water" in reference.notes[0]
    assert "water = water" in reference.notes[0]
    np.testing.assert_array_equal(reference.labels[1:3, 2:5], np.array(expected)[1:3, 2:5])


def test_polygons_with_codes_overlaps_and_holes_in_the_column(tmp_path):
    grid = utm_grid((1, 4))
    boxes = [square(0, 0, 3, 1), square(2, 0, 1, 1), square(3, 0, 1, 1)]
    path = polygons(tmp_path / "a.gpkg", boxes, label=[1, 2, None])
    np.testing.assert_array_equal(labels_of(path, grid), [[1, 1, 2, 0]])
    path = polygons(tmp_path / "b.gpkg", boxes, type=["ice", "lake", None])
    np.testing.assert_array_equal(labels_of(path, grid), [[0, 0, 2, 0]])


def test_polygons_without_a_class(tmp_path):
    path = polygons(tmp_path / "a.gpkg", [square(0, 0, 1, 1)], depth=[3])
    with pytest.raises(GeometryError, match="columns: depth"):
        open_reference(path, utm_grid((1, 1)))
    path = polygons(tmp_path / "b.gpkg", [square(0, 0, 1, 1)], label=["dryout"])
    with pytest.raises(InputError, match="dryout is no class of the legend 'worldcover'"):
        open_reference(path, utm_grid((1, 1)), target=load_legend("worldcover"))


LAKES = (
    ["Озеро Світязь", "Пісочне", "річка Дніпро"], ["Lake Svityaz", "Water tower", "c"],
    ["lake", "Lake Svityaz", None], [1, 2, 3], [0, 1, 1], [None, None, None], ["", " ", "water."],
)  # fmt: skip


@pytest.mark.parametrize("names", LAKES)
def test_names_of_lakes_are_no_classes(tmp_path, names):
    grid = utm_grid((2, 4))
    boxes = [square(0, 0, 1, 1), square(1, 0, 1, 2), square(2, 0, 1, 1)]
    path = polygons(tmp_path / "a.gpkg", boxes, Name=names, depth=[1.0, 2.0, 3.0])
    with pytest.raises(GeometryError, match="columns: Name, depth") as raised:
        open_reference(path, grid)
    assert "--outside land" in raised.value.hint
    lakes = open_reference(path, grid, outside="land")
    np.testing.assert_array_equal(lakes.labels, [[2, 2, 2, 1], [1, 2, 1, 1]])
    assert "inside its outlines lies water" in " ".join(lakes.notes)
    islands = labels_of(path, grid, outside="water")
    np.testing.assert_array_equal(islands, [[1, 1, 1, 2], [2, 1, 2, 2]])
    with pytest.raises(GeometryError, match="no column that says the class"):
        open_reference(path, grid, target=load_legend("worldcover"), outside="water")


def test_outlines_without_any_column_and_names_that_are_classes(tmp_path):
    grid = utm_grid((1, 4))
    boxes = [square(0, 0, 1, 1), square(2, 0, 1, 1)]
    path = polygons(tmp_path / "a.geojson", boxes)
    np.testing.assert_array_equal(labels_of(path, grid, outside="land"), [[2, 1, 2, 1]])
    path = polygons(tmp_path / "b.gpkg", boxes, name=["Озеро", "ліс"])
    np.testing.assert_array_equal(labels_of(path, grid), [[2, 0, 1, 0]])
    path = polygons(tmp_path / "c.gpkg", boxes, name=["Lake Svityaz", "b"], вид=["лес", "Lakes"])
    np.testing.assert_array_equal(labels_of(path, grid), [[1, 0, 2, 0]])


def test_a_word_of_a_class_column_that_nobody_knows_is_refused(tmp_path):
    grid = utm_grid((1, 8))
    boxes = [square(i, 0, 1, 1) for i in range(8)]
    known = ["water", "flooded_vegetation", "Vegetation", "other", "glacier", "село", "Lakes", None]
    path = polygons(tmp_path / "a.gpkg", boxes, type=known)
    np.testing.assert_array_equal(labels_of(path, grid), [[2, 1, 1, 1, 0, 1, 2, 0]])
    for strange in ("Lake Svityaz", "wather"):
        path = polygons(tmp_path / "b.gpkg", boxes, type=[*known[:7], strange])
        for options in ({}, {"outside": "land"}):
            with pytest.raises(InputError, match=f"{strange} is no class of the legend 'water'"):
                open_reference(path, grid, **options)


def mapped_as(grid, codes=None):
    codes = np.full(grid.shape, 2, "uint8") if codes is None else np.asarray(codes, "uint8")
    return ClassMap(xr.DataArray(codes, coords_of(grid), ("y", "x")), WATER)


def test_a_reference_of_one_class_tells_a_recall_and_nothing_else(tmp_path):
    grid = utm_grid((4, 5))
    path = polygons(tmp_path / "a.gpkg", [square(0, 0, 2, 2)], Class=["water"])
    scores = evaluate(mapped_as(grid), open_reference(path, grid))
    land, water = scores.classes
    assert (scores.pixels, scores.overall_accuracy, scores.kappa, scores.mean_iou) == (
        4, None, None, None,
    )  # fmt: skip
    assert (water.precision, water.recall, water.f1, water.iou) == (None, 1, None, None)
    assert (land.precision, land.recall, land.f1, land.iou) == (None, None, None, None)
    assert "only its recall is known" in scores.notes[-1]
    scores = evaluate(mapped_as(grid), open_reference(path, grid, outside="land"))
    water = scores.classes[1]
    assert (water.precision, water.recall, water.iou) == (4 / 20, 1, 4 / 20)
    assert (scores.overall_accuracy, scores.pixels) == (4 / 20, 20)


def test_a_reference_of_one_class_that_covers_the_map_tells_all(tmp_path):
    grid = utm_grid((1, 4))
    dry = write(tmp_path / "a.tif", np.zeros((1, 4), "uint8"), grid)
    scores = evaluate(mapped_as(grid, [[1, 1, 1, 2]]), open_reference(dry, grid, legend="binary"))
    assert scores.overall_accuracy == 3 / 4
    assert scores.classes[1].precision == 0


def test_outside_ends_with_the_raster_and_not_with_polygons(tmp_path):
    grid = utm_grid((1, 4))
    part = write(tmp_path / "a.tif", np.array([[1, 0]], "uint8"), grid[:, :2], nodata=0)
    codes = labels_of(part, grid, legend="1=water", outside="land")
    np.testing.assert_array_equal(codes, [[2, 1, 0, 0]])
    path = polygons(tmp_path / "a.gpkg", [square(0, 0, 1, 1)], Class=["water"])
    np.testing.assert_array_equal(labels_of(path, grid, outside="суша"), [[2, 1, 1, 1]])
    with pytest.raises(InputError, match="'elsewhere' is no class"):
        open_reference(path, grid, outside="elsewhere")


@pytest.mark.parametrize(
    ("said", "nodata", "values", "dtype", "expected"),
    [
        ("1=water,0=land", 0, [[1, 0, 0, 1]], "uint8", [[2, 1, 1, 2]]),
        ("1=water,nodata=land", 0, [[1, 0, 0, 1]], "uint8", [[2, 1, 1, 2]]),
        ("1=water,-128=land", -128, [[1, -128, 1, 1]], "int8", [[2, 1, 2, 2]]),
        ("1=water,nodata=not_water", -128, [[1, -128, 1, 1]], "int8", [[2, 1, 2, 2]]),
        ("7 = Вода, 300=суша", None, [[7, 300, 7, 7]], "int16", [[2, 1, 2, 2]]),
        ("-9999=land,1=water,3=no data", None, [[1, -9999, 3, 1]], "float32", [[2, 1, 0, 2]]),
        ("1=water,2=land", 0, [[1, 2, 0, 1]], "uint8", [[2, 1, 0, 2]]),
    ],
)
def test_the_user_says_what_each_code_is(tmp_path, said, nodata, values, dtype, expected):
    grid = utm_grid((1, 4))
    path = write(tmp_path / "a.tif", np.array(values, dtype), grid, nodata=nodata)
    opened = open_reference(path, grid, legend=said)
    np.testing.assert_array_equal(opened.labels, expected)
    assert said in opened.notes[0]
    np.testing.assert_array_equal(open_class_map(path, said).labels, expected)


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ("1=water,x=land", "'x=land' does not say"),
        ("1=,0=land", "does not say"),
        ("1=water,1=land", "twice"),
        ("1=watr,0=land", "'watr' is no class"),
        ("1=water", "says one class"),
    ],
)
def test_codes_that_are_said_and_not_understood(tmp_path, said, says):
    path = write(tmp_path / "a.tif", np.array([[1, 0]], "uint8"), utm_grid((1, 2)))
    with pytest.raises(UsageError, match=says):
        open_class_map(path, said)


def test_a_code_can_be_said_to_be_nothing_and_one_that_is_not_said_is_told_with_its_file(tmp_path):
    grid = utm_grid((1, 3))
    path = write(tmp_path / "a.tif", np.array([[7, 3, 255]], "uint8"), grid)
    said = "7=water,3=land,255=nodata"
    np.testing.assert_array_equal(open_class_map(path, said).labels, [[2, 1, 0]])
    np.testing.assert_array_equal(labels_of(path, grid, legend=said), [[2, 1, 0]])
    cover = open_class_map(path, "7=water,3=tree_cover,255=NoData")
    np.testing.assert_array_equal(cover.labels, [[80, 10, 0]])
    opened = open_class_map(path, "7=water,3=land")
    with pytest.raises(InputError, match=r"a\.tif has the value 255, which .* do not explain") as r:
        opened.labels.to_numpy()
    assert "255=nodata" in r.value.hint
    with pytest.raises(UsageError, match="says one class"):
        open_class_map(path, "7=water,3=nodata,255=nodata")


def test_codes_of_land_cover_can_be_said(tmp_path):
    path = write(tmp_path / "a.tif", np.array([[1, 2]], "uint8"), utm_grid((1, 2)))
    opened = open_class_map(path, "1=tree_cover,2=built_up")
    assert opened.legend.name == "worldcover"
    np.testing.assert_array_equal(opened.labels, [[10, 50]])


def points(path, places, crs=UTM, **columns):
    shapes = [shapely.Point(500_000 + 10 * c, 5_200_000 - 10 * r) for c, r in places]
    gpd.GeoDataFrame(columns, geometry=shapes, crs=UTM).to_crs(crs).to_file(path)
    return path


@pytest.mark.parametrize("crs", [UTM, "EPSG:4326"])
def test_points_make_a_matrix(tmp_path, crs):
    grid = utm_grid((2, 3))
    places = [(0.5, 0.5), (1.5, 0.5), (2.5, 1.5), (1.4, 0.6), (9.5, 0.5)]
    path = points(tmp_path / "a.gpkg", places, crs, label=["water", "land", "land", "lake", "lake"])
    reference = open_reference(path, grid)
    np.testing.assert_array_equal(reference.labels, [[2, 1, 0], [0, 0, 1]])
    assert "Points: 5, with a class and on the map: 4" in " ".join(reference.notes)
    assert "count as well: 1." in reference.notes[-1]
    scores = evaluate(mapped_as(grid, [[2, 1, 1], [1, 1, 2]]), reference)
    # land: one right, one called water; water: one right, one (in a shared pixel) called land
    assert scores.confusion == ((1, 1), (1, 1))
    assert (scores.pixels, scores.overall_accuracy) == (4, 0.5)


def test_points_with_numbers_as_programs_write_them(tmp_path):
    grid = utm_grid((1, 3))
    places = [(0.5, 0.5), (1.5, 0.5), (2.5, 0.5)]
    path = points(tmp_path / "a.gpkg", places, MC_ID=["1", "0", "1"], depth=[1.0, 2.0, 3.0])
    np.testing.assert_array_equal(labels_of(path, grid), [[2, 1, 2]])
    path = points(tmp_path / "b.gpkg", places, MC_info=["Water", "Soil", "Water"], MC_ID=[1, 2, 1])
    np.testing.assert_array_equal(labels_of(path, grid), [[2, 1, 2]])
    # SCP 8: sub-classes are called as people like, the classes above them as everybody does.
    own = {"class_name": ["w1", "s1", "w2"], "macroclass_name": ["Water", "Soil", "Water"]}
    path = points(tmp_path / "c.gpkg", places, **own)
    np.testing.assert_array_equal(labels_of(path, grid), [[2, 1, 2]])
    own["class_name"][0] = "water"  # some are classes: the others are mistakes, and said
    with pytest.raises(InputError, match="s1, w2 is no class"):
        open_reference(points(tmp_path / "d.gpkg", places, **own), grid)


LONLAT_OF = {"a": (33.00002, 46.9501), "b": (33.00016, 46.9501)}


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("lon,lat,class\n{a[0]},{a[1]},water\n{b[0]},{b[1]},land\n", "utf-8"),
        ("Назва;Довгота;Широта;Клас\nа;{a[0]};{a[1]};вода\nб;{b[0]};{b[1]};суша\n", "cp1251"),
        (
            'system:index,class,.geo\n0,1,"{{""type"":""Point"",""coordinates"":[{a[0]},{a[1]}]}}"\n'
            '1,0,"{{""type"":""Point"",""coordinates"":[{b[0]},{b[1]}]}}"\n',
            "utf-8",
        ),
        ("x\ty\tlabel\n{a[0]}\t{a[1]}\t1\n{b[0]}\t{b[1]}\t0\n\t\t1\n", "utf-8-sig"),
    ],
)
def test_points_in_a_csv(tmp_path, text, encoding):
    grid = GeoBox((1, 2), Affine(0.00014, 0, 33, 0, -0.0002, 46.9502), "EPSG:4326")
    written = text.format(**LONLAT_OF)
    if ";" in written:  # a decimal comma, as a spreadsheet in Ukrainian has it
        written = written.replace(".", ",")
    (tmp_path / "a.csv").write_text(written, encoding=encoding)
    np.testing.assert_array_equal(labels_of(tmp_path / "a.csv", grid), [[2, 1]])


def test_points_that_cannot_serve(tmp_path):
    grid = utm_grid((1, 3))
    (tmp_path / "a.csv").write_text("x,y,class\n500005,5199995,water\n")
    with pytest.raises(GeometryError, match="no degrees"):
        open_reference(tmp_path / "a.csv", grid)
    (tmp_path / "m.csv").write_text("easting,northing,class\n500005,5199995,water\n")
    with pytest.raises(GeometryError, match="columns lon and lat"):
        open_reference(tmp_path / "m.csv", grid)
    (tmp_path / "b.csv").write_text("name,class\na,water\n")
    with pytest.raises(GeometryError, match="no features"):
        open_reference(tmp_path / "b.csv", grid)
    path = points(tmp_path / "a.gpkg", [(0.5, 0.5)], label=["water"])
    with pytest.raises(UsageError, match="say nothing of what lies around"):
        open_reference(path, grid, outside="land")


def test_pins_among_polygons_are_left_out_of_a_reference(tmp_path):
    grid = utm_grid((1, 3))
    shapes = [shapely.box(*square(0, 0, 2, 1)), shapely.Point(500_025, 5_199_995)]
    frame = gpd.GeoDataFrame({"class": ["water", "land"]}, geometry=shapes, crs=UTM)
    frame.to_file(tmp_path / "a.gpkg")
    reference = open_reference(tmp_path / "a.gpkg", grid)
    np.testing.assert_array_equal(reference.labels, [[2, 2, 0]])
    assert "is a Point, not a polygon: №2" in reference.notes[-1]


def test_words_of_land_cover_are_understood(tmp_path):
    grid = utm_grid((1, 4))
    boxes = [square(i, 0, 1, 1) for i in range(4)]
    path = polygons(tmp_path / "a.gpkg", boxes, label=["Forest", "село", "Cropland", "mangrove"])
    cover = load_legend("worldcover")
    np.testing.assert_array_equal(labels_of(path, grid, target=cover), [[10, 50, 40, 95]])
    simple = load_legend("simple")
    np.testing.assert_array_equal(labels_of(path, grid, target=simple), [[2, 4, 3, 2]])
    with pytest.raises(InputError, match="Forest is no class of the legend 'igbp'"):
        open_reference(path, grid, target=load_legend("igbp"))  # which forest?


def water_map(labels, grid):
    array = xr.DataArray(np.array(labels, "uint8"), coords_of(grid), ("y", "x"))
    return ClassMap(array, WATER)


def test_occurrence_is_intersected_with_the_scene(tmp_path):
    grid = utm_grid((1, 8))
    often = np.array([[100, 50, 49, 0, 104, 255, 80, 80]], "uint8")
    scene = water_map([[2, 2, 2, 1, 1, 2, 0, 255]], grid)
    path = write(tmp_path / "occurrence.tif", often, grid)
    reference = occurrence_reference(path, scene, grid)
    # Both; both; newer water; neither; drained; no data; unseen; not named.
    np.testing.assert_array_equal(reference.labels, [[2, 2, 1, 1, 1, 0, 0, 0]])
    assert not reference.independent
    assert "agreement" in reference.notes[0]
    strict = occurrence_reference(path, scene, grid, p=75)
    np.testing.assert_array_equal(strict.labels, [[2, 1, 1, 1, 1, 0, 0, 0]])
    scores = evaluate(scene, reference)
    assert not scores.independent
    assert scores.classes[1].precision == pytest.approx(2 / 3)
    with pytest.raises(InputError, match="no threshold"):
        occurrence_reference(path, scene, grid, p=0)


def test_occurrence_asks_for_one_grid(tmp_path):
    path = write(tmp_path / "a.tif", np.zeros((1, 2), "uint8"), utm_grid((1, 2)))
    with pytest.raises(GridError, match="another grid"):
        occurrence_reference(path, water_map([[1, 2]], utm_grid((1, 2))), utm_grid((1, 3)))


def test_every_crosswalk_leads_to_a_legend_and_covers_its_codes():
    recognised = ["gsw", "binary255", "binary", "worldcover"]
    told = ["dynamic_world", "dynamic_world_raw", "simple", "igbp", "water"]
    of_ice = ["mod10a2", "mod10a1", "ice", "binary_ice"]
    assert sorted(names()) == sorted(recognised + told + of_ice)
    assert names()[: len(recognised)] == recognised
    for name in of_ice:
        walk = crosswalk(name, load_legend("ice"))
        assert {0, 1} <= set(np.unique(walk.table)) <= {0, 1, 2, 3, 4, 255}
    for name in recognised + told:
        walk = crosswalk(name, WATER)
        assert set(np.unique(walk.table)) <= {0, 1, 2, 255}
        assert {1, 2} <= set(np.unique(walk.table))
    identity = crosswalk("worldcover", load_legend("worldcover"))
    codes = load_legend("worldcover").codes
    np.testing.assert_array_equal(identity.table[codes], codes)


@given(st.sets(st.sampled_from([0, 1, 2, 10, 70, 80, 255]), max_size=5))
def test_detection_is_never_wrong_about_a_code(values):
    try:
        walk = detect(values, WATER, "a.tif")
    except InputError:
        return
    translated = walk.translate(np.array(sorted(values)), -1, "a")  # no value is left unexplained
    assert set(translated.tolist()) <= {0, 1, 2}


@pytest.mark.realdata
def test_worldcover_of_an_island(realdata):
    path = realdata / "worldcover_saotome" / "ESA_WorldCover_2021_v200_saotome.tif"
    grid = utm_grid((300, 400), 30.0, (190_000.0, 30_000.0), "EPSG:32632")
    reference = open_reference(path, grid)
    labels = reference.labels.to_numpy()
    assert set(np.unique(labels)) <= {0, 1, 2}
    assert "ESA WorldCover" in reference.notes[0]


@pytest.mark.realdata
def test_amazon_polygons_and_a_chip_mask(realdata):
    folder = realdata / "s2_amazon_offset"
    with rasterio.open(folder / "sen2_amazon_12band_f32.tif") as dataset:
        grid = GeoBox(dataset.shape, dataset.transform, dataset.crs.to_wkt())
    reference = open_reference(folder / "training_polygons.geojson", grid)
    labels = reference.labels.to_numpy()
    assert {int(v) for v in np.unique(labels)} == {0, 1, 2}
    assert "dryout = not_water" in reference.notes[0]
    mask = realdata / "hls_chips" / "images" / "000_water.png"
    chip = open_reference(mask, utm_grid((128, 128), 30.0)).labels.to_numpy()
    assert {int(v) for v in np.unique(chip)} == {1, 2}
