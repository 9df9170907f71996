"""The STAC Item of a result: valid by the core schema, and by hand for the extensions."""

import datetime as dt
import json
import re
from importlib import resources

import numpy as np
import pystac
import pytest
import xarray as xr
from affine import Affine
from jsonschema import Draft7Validator
from odc.geo.geobox import GeoBox
from referencing import Registry, Resource
from tests.conftest import utm_grid

from obriy.model.classmap import ClassMap
from obriy.model.clusters import NOISE, cluster_legend
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance
from obriy.outputs.stac_item import write_stac_item

SCHEMAS = "https://schemas.stacspec.org/v1.1.0/item-spec/json-schema"
FILES = ("mask", "fraction", "unseen", "polygons", "report", "something_else")


def _map(geobox=None, time="2019-04-16"):
    geobox = geobox or utm_grid((40, 30))
    labels = np.ones((40, 30), "uint8")
    return ClassMap(
        xr.DataArray(labels, dims=("y", "x"), coords=coords_of(geobox)),
        load_legend("water"),
        provenance=Provenance(inputs=({"href": "scene.tif"},)).with_step("water", method="auto"),
        time=time,
    )


def _write(tmp_path, class_map):
    files = {name: tmp_path / f"{name}.bin" for name in FILES}
    path = write_stac_item(
        class_map, files, tmp_path / "item.json", item_id="run-1", title="A lake"
    )
    return json.loads(path.read_text("utf-8"))


def _validator():
    """The schemas of STAC 1.1 and GeoJSON that pystac carries: no network."""
    folder = resources.files("pystac.validation") / "jsonschemas"
    schemas = {}
    for file in (folder / "stac-spec" / "v1.1.0").iterdir():
        # By file name: the $id of common.json has a slip of the pen.
        schemas[f"{SCHEMAS}/{file.name}"] = json.loads(file.read_text())
    for name in ("Feature", "Geometry"):
        schemas[f"https://geojson.org/schema/{name}.json"] = json.loads(
            (folder / "geojson" / f"{name}.json").read_text()
        )
    registry = Registry().with_resources(
        (key, Resource.from_contents(schema)) for key, schema in schemas.items()
    )
    return Draft7Validator(schemas[f"{SCHEMAS}/item.json"], registry=registry)


@pytest.mark.parametrize(
    ("geobox", "time"),
    [
        (None, "2019-04-16"),
        (None, "2019-04-16T10:20:30+03:00"),
        (None, None),
        (GeoBox((40, 30), Affine.identity(), None), None),
        (GeoBox((40, 30), Affine(0.1, 0, 178, 0, -0.1, -10), "EPSG:4326"), "2020-01-01"),
        (GeoBox((40, 30), Affine(5e4, 0, -7e5, 0, -5e4, 9e5), "EPSG:3413"), "2020-01-01"),
    ],
)
def test_the_item_is_valid_by_the_core_schema(tmp_path, geobox, time):
    item = _write(tmp_path, _map(geobox, time))
    assert [e.message for e in _validator().iter_errors(item)] == []
    assert pystac.Item.from_dict(item).id == "run-1"


def test_classes_projection_processing_and_inputs(tmp_path):
    item = _write(tmp_path, _map())
    classes = item["assets"]["mask"]["classification:classes"]
    assert [(c["value"], c["name"]) for c in classes] == [
        (0, "no_data"),
        (1, "not_water"),
        (2, "water"),
        (255, "unnamed"),
    ]
    for cls in classes:
        assert re.fullmatch("[-_a-z0-9]+", cls["name"])
        assert re.fullmatch("[0-9A-F]{6}", cls.get("color_hint", "000000"))
    properties = item["properties"]
    assert properties["proj:code"] == "EPSG:32636"
    assert properties["proj:shape"] == [40, 30]
    assert properties["proj:transform"] == [10, 0, 500_000, 0, -10, 5_200_000]
    assert properties["processing:software"]["obriy"]
    assert {link["href"] for link in item["links"] if link["rel"] == "derived_from"} == {
        "scene.tif"
    }
    assert {e.split("/")[-3] for e in item["stac_extensions"]} == {
        "classification", "processing", "projection", "raster",
    }  # fmt: skip


def test_assets_are_relative_with_roles_and_media_types(tmp_path):
    assets = _write(tmp_path, _map())["assets"]
    assert set(assets) == set(FILES) - {"something_else"}
    assert assets["mask"]["href"] == "./mask.bin"
    assert assets["mask"]["type"].endswith("profile=cloud-optimized")
    assert assets["polygons"]["type"] == "application/geopackage+sqlite3"
    assert assets["report"]["roles"] == ["overview"]
    assert assets["fraction"]["bands"][0]["raster:scale"] == 0.5


def test_a_map_of_land_cover_has_classes_and_clusters(tmp_path):
    labels = _map().labels
    legend = load_legend("worldcover")
    names = ("landcover", "clusters", "confidence", "agreement", "sheet", "panel")
    path = write_stac_item(
        ClassMap(labels, legend),
        {name: tmp_path / f"{name}.bin" for name in names},
        tmp_path / "item.json",
        item_id="run-1",
        clusters=cluster_legend([1, 2, NOISE]),
    )
    item = json.loads(path.read_text("utf-8"))
    assets = item["assets"]
    assert [e.message for e in _validator().iter_errors(item)] == []
    assert set(assets) == set(names)
    classes = {name: assets[name]["classification:classes"] for name in names[:2]}
    assert [c["value"] for c in classes["landcover"]] == [0, *legend.codes, 255]
    assert [(c["value"], c["name"]) for c in classes["clusters"]] == [
        (0, "no_data"), (1, "cluster_1"), (2, "cluster_2"), (254, "noise"),
    ]  # fmt: skip
    assert classes["landcover"][1]["color_hint"] == "006400"
    for name in ("confidence", "agreement"):
        assert assets[name]["bands"] == [{"name": name, "unit": "%", "raster:scale": 0.5}]
    assert sum("raster" in extension for extension in item["stac_extensions"]) == 1


def test_a_date_is_the_whole_day(tmp_path):
    properties = _write(tmp_path, _map())["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2019-04-16T00:00:00Z"
    assert properties["end_datetime"] == "2019-04-16T23:59:59Z"


def test_an_unknown_date_is_said_to_be_unknown(tmp_path):
    properties = _write(tmp_path, _map(time=None))["properties"]
    assert not {"start_datetime", "end_datetime"} & {k for k, v in properties.items() if v}
    assert properties["datetime"] == properties["created"]
    made = dt.datetime.fromisoformat(properties["created"])
    assert abs((dt.datetime.now(dt.UTC) - made).total_seconds()) < 3600
    assert properties["obriy:date"] == "unknown"
    assert "date of the image is unknown" in properties["obriy:date_note"]
    assert not [key for key in _write(tmp_path, _map())["properties"] if key.startswith("obriy:")]


def test_an_item_of_ice_has_its_map_and_its_concentration(tmp_path):
    labels = _map().labels
    files = {name: tmp_path / f"{name}.tif" for name in ("map", "concentration", "unseen", "doubt")}
    path = write_stac_item(
        ClassMap(labels, load_legend("ice")), files, tmp_path / "item.json", item_id="day"
    )
    item = json.loads(path.read_text("utf-8"))
    assert [e.message for e in _validator().iter_errors(item)] == []
    assets = item["assets"]
    assert set(assets) == set(files)
    assert [c["name"] for c in assets["map"]["classification:classes"]] == [
        "no_data", "water", "ice", "cloud", "land", "unnamed",
    ]  # fmt: skip
    assert assets["concentration"]["bands"][0]["raster:scale"] == 0.5
    hidden = {c["value"]: c["name"] for c in assets["unseen"]["classification:classes"]}
    assert (hidden[0], hidden[2], assets["unseen"]["nodata"]) == ("seen", "cloud", 0)


def test_footprint_in_degrees(tmp_path):
    item = _write(tmp_path, _map())
    west, south, east, north = item["bbox"]
    assert west == pytest.approx(33.0, abs=1e-6)
    assert 46.9 < south < north < 47.0
    ring = np.array(item["geometry"]["coordinates"][0])
    x, y = ring.T
    assert np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) > 0, "exterior rings turn counter-clockwise"
    assert (x.min(), x.max()) == pytest.approx((west, east), abs=1e-6)


def test_across_the_antimeridian(tmp_path):
    geobox = GeoBox((40, 30), Affine(0.1, 0, 178, 0, -0.1, -10), "EPSG:4326")
    item = _write(tmp_path, _map(geobox))
    assert item["bbox"] == pytest.approx([178, -14, -179, -10])
    assert item["geometry"]["type"] == "MultiPolygon"


def test_without_crs_no_place(tmp_path):
    item = _write(tmp_path, _map(GeoBox((40, 30), Affine.identity(), None)))
    assert item["geometry"] is None
    assert "bbox" not in item
    assert item["properties"]["proj:code"] is None
