"""Districts: files, boxes, names, and what people give by mistake."""

import json
import struct
import zipfile

import geopandas as gpd
import pytest
import shapely
import shapely.affinity
from hypothesis import given
from hypothesis import strategies as st

from obriy.errors import GeometryError, GridError, SourceError, UnknownNameError, UsageError
from obriy.sources.districts import read_districts
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig

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


def test_a_folder_does_not_take_the_name_of_a_known_area(tmp_path, monkeypatch):
    (tmp_path / "kakhovka").mkdir()
    monkeypatch.chdir(tmp_path)
    (found,) = read_districts("kakhovka")
    (note,) = found.notes
    assert "./kakhovka" in note
    assert make_config(WaterConfig, {"source": "sample:", "aoi": "kakhovka"}).anchored().aoi == (
        "kakhovka"
    )
    monkeypatch.chdir("/")
    assert read_districts("kakhovka")[0].geometry.equals(found.geometry)


def test_a_folder_with_districts_is_read_where_it_is_written_as_a_path(tmp_path, monkeypatch):
    (tmp_path / "kakhovka").mkdir()
    frame([SQUARE], name=["own"]).to_file(tmp_path / "kakhovka" / "a.shp")
    monkeypatch.chdir(tmp_path)
    assert [d.name for d in read_districts("./kakhovka")] == ["own"]


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
    frame([shapely.Point(33, 46)]).to_file(path)
    with pytest.raises(GeometryError, match="feature 1 is a Point, not a polygon"):
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
    with pytest.raises(GeometryError, match=r"2 layers .*a \(.*b \(") as caught:
        read_districts(str(path))
    assert "--layer" in caught.value.hint
    assert read_districts(str(path), "B")[0].geometry.equals(OTHER)
    with pytest.raises(UnknownNameError, match="no layer"):
        read_districts(str(path), "c")


def test_what_serves_is_taken_and_what_does_not_is_listed(tmp_path):
    path = tmp_path / "a.gpkg"
    mixed = [SQUARE, None, shapely.Point(33, 46), OTHER, shapely.Polygon()]
    frame(mixed, name=["lake", "none", "gauge", "pond", "empty"]).to_file(path)
    lake, pond = read_districts(str(path))
    assert (lake.name, pond.name) == ("lake", "pond")
    assert lake.notes == (
        "a.gpkg: features left out, as each has no geometry: №2 'none', №5 'empty'.",
        "a.gpkg: features left out, as each is a Point, not a polygon: №3 'gauge'.",
    )
    assert pond.notes == ()


def test_polygons_within_a_collection_serve(tmp_path):
    both = shapely.GeometryCollection([SQUARE, shapely.Point(33, 46)])
    frame([both]).to_file(tmp_path / "a.geojson")
    (district,) = read_districts(str(tmp_path / "a.geojson"))
    assert district.geometry.equals(SQUARE)


def placemark(name, kind, coordinates):
    shapes = {
        "Point": "<Point><coordinates>{}</coordinates></Point>",
        "Polygon": "<Polygon><outerBoundaryIs><LinearRing><coordinates>{}</coordinates>"
        "</LinearRing></outerBoundaryIs></Polygon>",
    }
    text = " ".join(f"{x},{y},0" for x, y in coordinates)
    return f"<Placemark><name>{name}</name>{shapes[kind].format(text)}</Placemark>"


def write_kml(path, **folders):
    inside = "".join(f"<Folder><name>{n}</name>{marks}</Folder>" for n, marks in folders.items())
    path.write_text(
        '<?xml version="1.0" encoding="UTF-8"?><kml xmlns="http://www.opengis.net/kml/2.2">'
        f"<Document>{inside}</Document></kml>",
        encoding="utf-8",
    )
    return str(path)


def test_all_folders_of_a_kml_serve_and_a_pin_is_left_out(tmp_path):
    lake = placemark("Озеро", "Polygon", SQUARE.exterior.coords)
    pond = placemark("pond", "Polygon", OTHER.exterior.coords)
    pin = placemark("gauge", "Point", [(33.5, 46.8)])
    spec = write_kml(tmp_path / "a.kml", Lakes=lake + pin, Pins=pin, Ponds=pond)
    first, second = read_districts(spec)
    assert (first.name, second.name) == ("Озеро", "pond")
    assert "№2 'gauge', №3 'gauge'" in first.notes[0]
    assert first.geometry.area == pytest.approx(0.01)
    assert [d.name for d in read_districts(spec, "Ponds")] == ["pond"]


def write_shapefile(folder, column, texts, encoding, language=0):
    """Write a.shp, its table by hand: one column of text, letters as asked, a language byte."""
    shapes = [shapely.affinity.translate(SQUARE, i) for i in range(len(texts))]
    frame(shapes, id=range(len(texts))).to_file(folder / "a.shp")
    (folder / "a.cpg").unlink(missing_ok=True)
    head = struct.pack("<BBBBIHH", 3, 126, 11, 28, len(texts), 65, 81) + bytes(17)
    field = struct.pack("<11scIBB", column.encode(encoding), b"C", 0, 80, 0) + bytes(14)
    rows = b"".join(b" " + text.encode(encoding).ljust(80) for text in texts)
    table = head + bytes([language, 0, 0]) + field + b"\r" + rows + b"\x1a"
    (folder / "a.dbf").write_bytes(table)
    return str(folder / "a.shp")


NAMES = ["Озеро Кругле", "Ґедзь-їзба", "ЄРИК", "Ставок №3", "Пруд у деревни Кошкино"]


@pytest.mark.parametrize("encoding", ["cp1251", "cp1125", "koi8_u", "utf-8"])
def test_a_shapefile_that_does_not_say_its_letters(tmp_path, encoding):
    texts = [name.replace("№", "") for name in NAMES]
    for language in (0x00, 0x57):  # nothing, and "ANSI" of any kind
        path = write_shapefile(tmp_path, "Назва", texts, encoding, language)
        assert [d.name for d in read_districts(path)] == texts


@pytest.mark.parametrize("said", ["1251", "ANSI 1251", "windows-1251", "System", "UTF-8"])
def test_what_a_cpg_says_counts_where_it_can_be(tmp_path, said):
    path = write_shapefile(tmp_path, "Назва", ["Озеро Кругле"], "cp1251")
    (tmp_path / "a.cpg").write_text(said)
    assert [d.name for d in read_districts(path)] == ["Озеро Кругле"]


def test_the_language_byte_and_an_archive_tell_the_letters_too(tmp_path):
    write_shapefile(tmp_path, "Назва", ["Озеро"], "cp866", 0x65)
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for part in ("shp", "shx", "dbf", "prj"):
            archive.write(tmp_path / f"a.{part}", f"a.{part}")
    for name in ("a.shp", "b.zip"):
        assert [d.name for d in read_districts(str(tmp_path / name))] == ["Озеро"]


@pytest.mark.parametrize("name", ["Müggelsee", "Étang de Berre", "Lago Maggiore", "Sjön Åsnen"])
def test_latin_letters_are_not_taken_for_others(tmp_path, name):
    path = write_shapefile(tmp_path, "name", [name], "latin-1")
    assert [d.name for d in read_districts(path)] == [name]


@pytest.mark.parametrize(
    ("column", "other"),
    [("Назва_вод", "Вид"), ("name_uk", "NAME_0"), ("Найменування", "вид"), ("Ім'я", "note")],
)
def test_columns_that_name_districts_in_ukrainian(tmp_path, column, other):
    frame([SQUARE], **{other: ["x"], column: ["Озеро"]}).to_file(tmp_path / "a.gpkg")
    assert [d.name for d in read_districts(str(tmp_path / "a.gpkg"))] == ["Озеро"]


def test_districts_that_nothing_names_are_numbered_and_that_is_said(tmp_path):
    frame([SQUARE, OTHER], Vyd=["a", "b"]).to_file(tmp_path / "a.gpkg")
    first, second = read_districts(str(tmp_path / "a.gpkg"))
    assert (first.name, second.name) == ("1", "2")
    assert "(columns: Vyd)" in first.notes[0]


def test_no_crs(tmp_path):
    frame([SQUARE], crs=None).to_file(tmp_path / "a.shp")
    with pytest.raises(GridError, match="does not say its CRS"):
        read_districts(str(tmp_path / "a.shp"))
    frame([SQUARE], crs=None).to_file(tmp_path / "a.geojson")
    assert read_districts(str(tmp_path / "a.geojson"))[0].crs == "EPSG:4326"


def test_a_layer_is_of_a_file(tmp_path):
    with pytest.raises(UsageError, match="'lakes' is of a file"):
        read_districts("33,46,34,47", "lakes")


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
