"""Areas of all classes at once, and their parcels."""

import geopandas
import numpy as np
import pytest
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from scipy import ndimage

from conftest import UTM, utm_grid
from obriy.errors import GeometryError, GridError
from obriy.measures.areas import measure_areas
from obriy.measures.classes import measure_cover
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.clusters import cluster_legend
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.outputs.polygons import write_parcels

COVER = load_legend("worldcover")
LABELS = [
    [10, 10, 10, 40],
    [10, 10, 40, 40],
    [80, 255, 0, 0],
    [80, 80, 0, 40],
]


def lay(values, geobox):
    return xr.DataArray(np.asarray(values, "uint8"), coords_of(geobox), ("y", "x"))


def map_of(labels, geobox=None, **layers):
    geobox = geobox or utm_grid(np.shape(labels))
    layers = {name: lay(values, geobox) for name, values in layers.items()}
    return ClassMap(lay(labels, geobox), COVER, **layers)


def square(name, column, row, columns, rows):
    x, y = 500_000 + 10 * column, 5_200_000 - 10 * row
    return District(name, shapely.box(x, y - 10 * rows, x + 10 * columns, y), UTM)


def test_every_class_of_the_image_by_hand():
    # 13 seen pixels of 100 m² on the plane; on the central meridian 1/0.9996² of that on the Earth.
    unseen = np.zeros((4, 4))
    unseen[2:, 2:] = [[2, 3], [2, 0]]
    (cover,) = measure_cover(map_of(LABELS, unseen=unseen)).districts
    pixel = 100e-6 / 0.9996**2
    rows = [(c.name, c.code, round(c.area_km2 / pixel, 3), round(c.share * 13, 6))
            for c in cover.classes]  # fmt: skip
    assert rows == [
        ("tree_cover", 10, 5, 5), ("cropland", 40, 4, 4), ("water", 80, 3, 3),
        ("unknown", 255, 1, 1),
    ]  # fmt: skip
    assert {k: round(v / pixel, 3) for k, v in cover.unseen_km2.items()} == {
        "cloud": 2, "shadow": 1,
    }  # fmt: skip
    assert cover.unseen_share == pytest.approx(3 / 16)
    assert (cover.status, cover.district) == ("partial", "image")


def test_classes_and_unseen_add_up_to_the_district():
    random = np.random.default_rng(0)
    labels = random.choice([0, 10, 20, 40, 80, 100, 255], (60, 50))
    unseen = np.where(labels == 0, random.integers(1, 4, labels.shape), 0)
    class_map = map_of(labels, unseen=unseen)
    districts = [square("inside", 5.3, 7.7, 20.2, 30.4), square("across", 40.5, 50.1, 30, 30)]
    covers = measure_cover(class_map, districts).districts
    for cover, district in zip(covers, districts, strict=True):
        total = sum(c.area_km2 for c in cover.classes) + sum(cover.unseen_km2.values())
        assert total == pytest.approx(cover.district_km2, rel=1e-9)
        plane = shapely.area(district.geometry) * 1e-6
        assert cover.district_km2 == pytest.approx(plane / 0.9996**2, rel=1e-5)
        assert sum(c.share for c in cover.classes) == pytest.approx(1)
        assert {c.district for c in cover.classes} == {district.name}
    assert "outside" in covers[1].unseen_km2
    assert "outside" not in covers[0].unseen_km2
    for name in ("tree_cover", "moss_and_lichen"):
        one = measure_areas(class_map, name, districts)
        for cover, area in zip(covers, one.areas, strict=True):
            mine = next(c for c in cover.classes if c.name == name)
            assert mine.area_km2 == pytest.approx(area.mask_km2, rel=1e-12)


def test_without_crs_there_are_shares_of_pixels():
    plain = GeoBox((4, 4), Affine.identity(), None)
    (cover,) = measure_cover(map_of(LABELS, plain)).districts
    assert [c.area_km2 for c in cover.classes] == [None] * 4
    assert cover.classes[0].share == pytest.approx(5 / 13)
    assert cover.district_km2 is None
    assert list(cover.unseen_km2.values()) == [None]
    (sized,) = measure_cover(map_of(LABELS, plain), pixel_size_m=30).districts
    assert sized.classes[0].area_km2 == pytest.approx(5 * 900e-6)
    with pytest.raises((GridError, GeometryError)):
        measure_cover(map_of(LABELS, plain), [square("a", 0, 0, 2, 2)])


def test_nothing_seen_is_no_area_of_nought():
    (cover,) = measure_cover(map_of(np.zeros((3, 3)), unseen=np.full((3, 3), 2))).districts
    assert (cover.classes, cover.status, cover.unseen_share) == ((), "skipped", 1)


def test_parcels_by_hand(tmp_path):
    sure = np.where(np.array(LABELS) == 10, 180, 100)
    sure[0, 0] = 255  # missing
    path = write_parcels(map_of(LABELS, confidence=sure), tmp_path / "a.gpkg")
    parcels = geopandas.read_file(path, layer="worldcover")
    assert list(parcels["id"]) == [1, 2, 3, 4, 5]
    assert parcels["area_ha"].is_monotonic_decreasing
    # Cropland in the corner touches nothing of its class: five patches, unseen pixels in none.
    parcels = parcels.sort_values(["code", "id"])
    assert list(parcels["class"]) == ["tree_cover", "cropland", "cropland", "water", "unknown"]
    assert list(parcels["code"]) == [10, 40, 40, 80, 255]
    np.testing.assert_allclose(
        parcels["area_ha"], np.array([5, 3, 1, 3, 1]) * 0.01 / 0.9996**2, rtol=1e-5
    )
    np.testing.assert_allclose(parcels["confidence"], [0.9, 0.5, 0.5, 0.5, 0.5])
    assert parcels.is_valid.all()
    assert "cluster" not in parcels.columns


def test_parcels_tile_the_map_and_know_their_cluster(tmp_path):
    random = np.random.default_rng(1)
    geobox = utm_grid((24, 31))
    numbers = random.integers(1, 5, geobox.shape).astype("uint8")
    labels = np.array([0, 10, 10, 40, 80], "uint8")[numbers]
    clusters = ClassMap(lay(numbers, geobox), cluster_legend([1, 2, 3, 4]))
    path = write_parcels(map_of(labels, geobox), tmp_path / "a.gpkg", clusters=clusters)
    parcels = geopandas.read_file(path)
    patches = sum(ndimage.label(numbers == n)[1] for n in range(1, 5))
    assert len(parcels) == patches
    assert {(int(n), c) for n, c in zip(parcels["cluster"], parcels["class"], strict=True)} == {
        (1, "tree_cover"), (2, "tree_cover"), (3, "cropland"), (4, "water"),
    }  # fmt: skip
    assert parcels.area.sum() == pytest.approx(24 * 31 * 100)
    assert shapely.area(shapely.union_all(parcels.geometry)) == pytest.approx(24 * 31 * 100)
    together = geopandas.read_file(write_parcels(map_of(labels, geobox), tmp_path / "b.gpkg"))
    assert len(together) < patches


def test_parcels_of_districts_add_up_to_their_areas(tmp_path):
    random = np.random.default_rng(2)
    class_map = map_of(random.choice([0, 10, 80], (20, 20)))
    districts = [square("a", 2.5, 3.5, 9, 8), square("b", 8, 8, 30, 30)]
    parcels = geopandas.read_file(
        write_parcels(class_map, tmp_path / "a.gpkg", districts=districts)
    )
    rows = [row for cover in measure_cover(class_map, districts).districts for row in cover.classes]
    for row in rows:
        mine = parcels[(parcels["class"] == row.name) & (parcels["district"] == row.district)]
        assert mine["area_ha"].sum() / 100 == pytest.approx(row.area_km2, rel=1e-6)


def test_no_parcel_is_an_empty_layer(tmp_path):
    class_map = map_of(np.zeros((2, 2)), confidence=np.full((2, 2), 255))
    assert len(geopandas.read_file(write_parcels(class_map, tmp_path / "a.gpkg"))) == 0
