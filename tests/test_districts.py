"""Districts: files, boxes, names, and what people give by mistake."""

import json

import geopandas as gpd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from obriy.errors import GeometryError, GridError, SourceError, UnknownNameError
from obriy.sources.districts import read_districts

SQUARE = shapely.box(33.5, 46.8, 33.6, 46.9)
OTHER = shapely.box(34.0, 47.0, 34.5, 47.2)


def frame(geometries, crs="EPSG:4326", **columns):
    return gpd.GeoDataFrame(columns, geometry=list(geometries), crs=crs)


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.shp", "a.fgb"])
def test_every_feature_is_a_district(tmp_path, name):
    frame([SQUARE, OTHER], NAME=["Нижній", "upper"]).to_file(tmp_path / name)
    first, second = read_districts(str(tmp_path / name))
    assert {first.name, second.name} == {"Нижній", "upper"}
    assert first.crs == "EPSG:4326"
    assert {round(d.geometry.area, 6) for d in (first, second)} == {0.01, 0.1}


def test_the_crs_stays_the_files_own(tmp_path):
    utm = frame([shapely.box(5e5, 5.1e6, 5.1e5, 5.2e6)], crs="EPSG:32636", id=[7.0])
    utm.to_file(tmp_path / "a.gpkg")
    (district,) = read_districts(str(tmp_path / "a.gpkg"))
    assert (district.name, district.crs) == ("7", "EPSG:32636")
    assert district.geometry.bounds == (5e5, 5.1e6, 5.1e5, 5.2e6)


def test_names_fall_back_to_numbers(tmp_path):
    frame([SQUARE, OTHER], depth=[1.5, 2.5]).to_file(tmp_path / "a.gpkg")
    assert [d.name for d in read_districts(str(tmp_path / "a.gpkg"))] == ["1", "2"]
    frame([SQUARE, OTHER], id=[10, 20], Name=["x", None]).to_file(tmp_path / "b.gpkg")
    assert [d.name for d in read_districts(str(tmp_path / "b.gpkg"))] == ["x", "2"]


def test_height_is_dropped(tmp_path):
    frame([shapely.force_3d(SQUARE, 12)]).to_file(tmp_path / "a.gpkg")
    assert not read_districts(str(tmp_path / "a.gpkg"))[0].geometry.has_z


def test_box():
    (district,) = read_districts("130.6,42.25,133.25,43.35")
    assert district.crs == "EPSG:4326"
    assert district.geometry.bounds == (130.6, 42.25, 133.25, 43.35)


def test_box_across_the_antimeridian():
    (district,) = read_districts("178, 65, -177, 66")
    assert district.geometry.geom_type == "MultiPolygon"
    assert district.geometry.area == pytest.approx(5)
    assert read_districts("170,0,-180,1")[0].geometry.bounds == (170, 0, 180, 1)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("1,2,3", "3 numbers"),
        ("500000,5100000,510000,5200000", "does not lie on the Earth"),
        ("10,50,20,40", "does not lie on the Earth"),
        ("10,50,10,60", "no area"),
        ("20,50,10,60", "long way round"),
        ("nan,1,2,3", "does not lie on the Earth"),
    ],
)
def test_bad_boxes(spec, says):
    with pytest.raises(GeometryError, match=says) as caught:
        read_districts(spec)
    assert "west,south,east,north" in caught.value.hint


def test_named_areas():
    assert read_districts("peter-the-great-bay")[0].geometry.bounds == (130.6, 42.25, 133.25, 43.35)
    assert read_districts("Peter the Great") == read_districts("peter-the-great-bay")
    assert read_districts("Kakhovka")[0].geometry.bounds == (33.4, 46.7, 35.2, 47.9)
    with pytest.raises(UnknownNameError, match="Did you mean 'kakhovka'"):
        read_districts("kahovka")


def test_files_that_are_something_else(tmp_path):
    page = tmp_path / "page.geojson"
    page.write_text("<!DOCTYPE html><html>404</html>")
    with pytest.raises(SourceError, match="web page, so the download failed") as caught:
        read_districts(str(page))
    assert "\n" not in str(caught.value)
    cut = tmp_path / "cut.geojson"
    cut.write_text('{"type":"FeatureCollection","features":[{"type":"Feature","prop')
    with pytest.raises(SourceError, match="no vector file that can be read") as caught:
        read_districts(str(cut))
    assert "\n" not in str(caught.value)
    with pytest.raises(SourceError, match="There is no file"):
        read_districts(str(tmp_path / "missing.gpkg"))


def test_layers_without_districts(tmp_path):
    path = tmp_path / "a.geojson"
    path.write_text('{"type":"FeatureCollection","features":[]}')
    with pytest.raises(GeometryError, match="no features"):
        read_districts(str(path))
    frame([SQUARE, shapely.Point(33, 46)]).to_file(path)
    with pytest.raises(GeometryError, match="feature 2 is a Point"):
        read_districts(str(path))
    empty = {"type": "Feature", "properties": {}, "geometry": None}
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [empty]}))
    with pytest.raises(GeometryError, match="feature 1 has no geometry"):
        read_districts(str(path))
    table = tmp_path / "table.csv"
    table.write_text("name,area\na,1\n")
    with pytest.raises(GeometryError, match="no features"):
        read_districts(str(table))


def test_two_layers_of_polygons(tmp_path):
    path = tmp_path / "two.gpkg"
    frame([SQUARE]).to_file(path, layer="a")
    frame([shapely.Point(33, 46)]).to_file(path, layer="points")
    assert len(read_districts(str(path))) == 1
    frame([OTHER]).to_file(path, layer="b")
    with pytest.raises(GeometryError, match=r"2 layers .*a \(.*b \("):
        read_districts(str(path))


def test_no_crs(tmp_path):
    frame([SQUARE], crs=None).to_file(tmp_path / "a.shp")
    with pytest.raises(GridError, match="does not say its CRS"):
        read_districts(str(tmp_path / "a.shp"))
    frame([SQUARE], crs=None).to_file(tmp_path / "a.geojson")
    assert read_districts(str(tmp_path / "a.geojson"))[0].crs == "EPSG:4326"


def test_self_crossing(tmp_path):
    path = tmp_path / "a.gpkg"
    frame([shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])], name=["bow"]).to_file(path)
    with pytest.raises(GeometryError, match=r"'bow' crosses itself: self-intersection at 0.5 0.5"):
        read_districts(str(path))
    spike = shapely.Polygon([(0, 0), (1, 0), (1, 1), (0, 1), (0, 0.5), (-0.1, 0.5), (0, 0.5)])
    frame([spike], name=["spike"]).to_file(path)
    (district,) = read_districts(str(path))
    assert district.geometry.is_valid
    assert district.geometry.area == pytest.approx(1)
    assert "crosses itself" in district.notes[0]


@given(st.tuples(*[st.floats(-400, 400, allow_nan=False)] * 4))
def test_a_box_is_a_box_or_an_error(numbers):
    try:
        (district,) = read_districts(",".join(map(repr, numbers)))
    except GeometryError:
        return
    west, south, east, north = numbers
    width = east - west if east > west else 360 + east - west
    assert district.geometry.area == pytest.approx(width * (north - south))
