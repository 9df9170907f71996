"""Water bodies as polygons: whole bodies, geodesic areas, any grid."""

import time

import geopandas
import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from odc.geo.geobox import GeoBox
from scipy import ndimage
from tests.conftest import utm_grid

from obriy.errors import OutputError, TableError
from obriy.measures.areas import measure_areas
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.outputs.polygons import geodesic_areas, polygonize, write_polygons
from obriy.sources.reference import open_reference
from obriy.vectors import lonlat_bounds


def _map(labels, geobox=None):
    labels = np.asarray(labels, "uint8")
    coords = coords_of(geobox or utm_grid(labels.shape))
    return ClassMap(xr.DataArray(labels, dims=("y", "x"), coords=coords), load_legend("water"))


LABELS = [
    [2, 2, 1, 1, 2],
    [2, 2, 1, 2, 1],
    [1, 1, 1, 1, 1],
    [2, 2, 2, 255, 0],
    [2, 1, 2, 255, 0],
    [2, 2, 2, 255, 0],
]


def test_bodies_largest_first_with_their_areas(tmp_path):
    path = write_polygons(_map(LABELS), tmp_path / "water.gpkg")
    assert [name for name, kind in pyogrio.list_layers(path) if kind] == ["water"]
    bodies = geopandas.read_file(path, layer="water")
    assert list(bodies["id"]) == [1, 2, 3]
    # On the central meridian a UTM metre is 1/0.9996 m.
    np.testing.assert_allclose(bodies["area_m2"], np.array([800, 400, 200]) / 0.9996**2, rtol=1e-5)
    np.testing.assert_allclose(bodies.area, [800, 400, 200])
    assert set(bodies["class"]) == {"water"}
    assert bodies.crs.to_epsg() == 32636
    assert bodies.is_valid.all()
    assert len(bodies.geometry[0].geoms[0].interiors) == 1, "the island is a hole"


def test_the_same_map_makes_the_same_bytes(tmp_path):
    one = write_polygons(_map(LABELS), tmp_path / "one" / "water.gpkg").read_bytes()
    time.sleep(0.01)  # GeoPackage counts milliseconds
    assert one == write_polygons(_map(LABELS), tmp_path / "two" / "water.gpkg").read_bytes()


def test_without_crs_the_area_is_null(tmp_path):
    path = write_polygons(
        _map(LABELS, GeoBox((6, 5), Affine.identity(), None)), tmp_path / "w.gpkg"
    )
    bodies = geopandas.read_file(path)
    assert bodies["area_m2"].isna().all()
    assert bodies.crs is None
    np.testing.assert_allclose(bodies.area, [8, 4, 2])


def test_no_water_is_an_empty_layer(tmp_path):
    path = write_polygons(_map([[1, 0], [255, 1]]), tmp_path / "water.gpkg")
    info = pyogrio.read_info(path, layer="water")
    assert (info["features"], list(info["fields"])) == (0, ["id", "class", "area_m2"])


def test_all_water_in_degrees_has_the_area_of_the_ellipsoid(tmp_path):
    geobox = GeoBox((500, 1000), Affine(0.001, 0, 30, 0, -0.001, 50), "EPSG:4326")
    path = write_polygons(_map(np.full((500, 1000), 2), geobox), tmp_path / "water.gpkg")
    found = geopandas.read_file(path)["area_m2"][0]
    # A band between two parallels, from the closed formula of the authalic latitude.
    e2 = pyproj.Geod(ellps="WGS84").es
    e, b2 = np.sqrt(e2), pyproj.Geod(ellps="WGS84").b ** 2

    def band(degrees):
        s = np.sin(np.radians(degrees))
        return b2 / 2 * (s / (1 - e2 * s**2) + np.arctanh(e * s) / e)

    assert found == pytest.approx(np.radians(1.0) * (band(50) - band(49.5)), rel=1e-6)


@given(arrays(bool, (9, 7)))
def test_every_pixel_once_and_one_valid_geometry_per_part(mask):
    geobox = utm_grid(mask.shape)
    parts = polygonize([mask.view("uint8")], geobox)
    assert len(parts) == ndimage.label(mask, np.ones((3, 3)))[1]
    assert sum(p.area for p in parts) == pytest.approx(100 * mask.sum())
    assert all(p.is_valid for p in parts)


@given(st.floats(-75, 75), st.floats(-179, 178))
def test_areas_are_those_along_geodesics(latitude, longitude):
    geobox = GeoBox((20, 20), Affine(0.01, 0, longitude, 0, -0.01, latitude), "EPSG:4326")
    parts = polygonize([np.eye(20, dtype="uint8")[::2].repeat(2, 0)], geobox)
    geod = pyproj.Geod(ellps="WGS84")
    expected = [abs(geod.geometry_area_perimeter(p)[0]) for p in parts]
    np.testing.assert_allclose(geodesic_areas(parts, geobox), expected, rtol=1e-5)


def test_a_class_that_is_not_in_the_legend(tmp_path):
    with pytest.raises(TableError, match="no class 'ice'"):
        write_polygons(_map(LABELS), tmp_path / "ice.gpkg", class_name="ice")


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="could not be written"):
        write_polygons(_map(LABELS), tmp_path / "out" / "water.gpkg")
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def _districts(geobox):
    """A tilted triangle in degrees, and a box in the grid's CRS that reaches out of the image."""
    west, south, east, north = lonlat_bounds(geobox)
    width, height = east - west, north - south
    triangle = shapely.Polygon(
        [(west + x * width, south + y * height) for x, y in ((0.1, 0.15), (0.9, 0.3), (0.4, 0.95))]
    )
    left, bottom, right, top = geobox.extent.boundingbox.bbox
    side = (right - left) / 260
    half = shapely.box(left - 3 * side, bottom - side, (left + right) / 2 + side / 3, top)
    return [
        District("Triangle", triangle, "EPSG:4326"),
        District("Half", half, str(geobox.crs)),
        District("Far", shapely.box(100, -10, 101, -9), "EPSG:4326"),
    ]


GRIDS = [
    utm_grid((300, 260)),
    GeoBox((300, 260), Affine(8, 6, 6e5, 6, -8, 5.2e6), "EPSG:32636"),
    GeoBox((300, 260), Affine(0.0001, 0, 30, 0, -0.0001, 50), "EPSG:4326"),
]


@pytest.mark.parametrize("geobox", GRIDS, ids=["utm", "rotated", "degrees"])
def test_bodies_are_cut_at_districts_and_add_up_to_their_areas(tmp_path, geobox):
    field = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(300, 260)), 4)
    water = _map(np.where(field > 0.01, 2, 1), geobox)
    districts = _districts(geobox)
    bodies = geopandas.read_file(
        write_polygons(water, tmp_path / "water.gpkg", districts=districts)
    )
    assert list(bodies.columns) == ["id", "class", "district", "area_m2", "geometry"]
    assert bodies["area_m2"].is_monotonic_decreasing
    assert bodies.is_valid.all()
    measured = measure_areas(water, "water", districts).areas
    sums = bodies.groupby("district")["area_m2"].sum() / 1e6
    assert set(sums.index) == {"Triangle", "Half"}
    for area in measured[:2]:
        assert area.mask_km2 > 0.01 * area.district_km2
        assert sums[area.district] == pytest.approx(area.mask_km2, rel=1e-6)


def test_a_district_without_crs_on_a_map_without_crs(tmp_path):
    water = _map(LABELS, GeoBox((6, 5), Affine.identity(), None))
    corner = District("Corner", shapely.box(0, 0, 1.5, 2), None)
    path = write_polygons(water, tmp_path / "w.gpkg", districts=[corner])
    bodies = geopandas.read_file(path)
    assert list(bodies["district"]) == ["Corner"]
    assert bodies.area[0] == 3


def test_a_dry_district_is_an_empty_layer(tmp_path):
    dry = District("Dry", shapely.box(2.2, 0.2, 2.8, 0.8), None)
    water = _map(LABELS, GeoBox((6, 5), Affine.identity(), None))
    info = pyogrio.read_info(write_polygons(water, tmp_path / "w.gpkg", districts=[dry]))
    assert info["features"] == 0


def test_the_bodies_serve_as_a_reference(tmp_path):
    water = _map(np.array(LABELS))
    path = write_polygons(water, tmp_path / "water.gpkg")
    reference = open_reference(path, water.geobox)
    assert (np.asarray(reference.labels) == np.where(np.array(LABELS) == 2, 2, 0)).all()
