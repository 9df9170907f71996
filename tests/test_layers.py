"""How GIS programs open what a run writes: colours, names, nodata, scales, styles."""

import contextlib
import json
import sqlite3
import xml.etree.ElementTree as ET

import geopandas
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import shapely
import xarray as xr
from tests.conftest import utm_grid

from obriy.measures.bodies import measure_bodies
from obriy.measures.body_finding import find_bodies
from obriy.model.classmap import ClassMap, Doubt
from obriy.model.clusters import cluster_legend
from obriy.model.flags import Unseen
from obriy.model.grid import coords_of
from obriy.model.layers import LAYERS
from obriy.model.legend import load_legend
from obriy.outputs.bodies import write_bodies
from obriy.outputs.cog import MapWriter, write_layer
from obriy.outputs.ice_edge import write_ice_edge
from obriy.outputs.polygons import write_parcels, write_polygons

CODES = ("unseen", "doubt")
QUANTITIES = sorted(n for n, layer in LAYERS.items() if layer.is_quantity and n != "index")


def lay(values, geobox=None):
    values = np.asarray(values, "uint8")
    geobox = geobox or utm_grid(values.shape)
    return xr.DataArray(values, dims=("y", "x"), coords=coords_of(geobox))


def style_of(path):
    return ET.parse(path.with_suffix(".qml")).getroot()


def named_by_gdal(path, tmp_path):
    """Return class names, and rows of the attribute table, as GDAL hands them to QGIS."""
    with rasterio.open(path) as file:
        rasterio.shutil.copy(file, tmp_path / "seen.vrt", driver="VRT")
    seen = ET.parse(tmp_path / "seen.vrt").getroot()
    rows = [[f.text for f in row] for row in seen.iter("Row")]
    return [c.text or "" for c in seen.iter("Category")], rows


@pytest.mark.parametrize(
    ("content", "codes", "names"),
    [
        ("unseen", Unseen, ["Seen", "No data", "Cloud", "Cloud shadow", "Snow or ice"]),
        ("doubt", Doubt, ["Sure", "In the map; a stricter threshold would drop it"]),
    ],
)
def test_codes_are_coloured_named_and_clear_where_they_say_nothing(tmp_path, content, codes, names):
    path = write_layer(lay([[int(c) for c in codes]]), tmp_path / f"{content}.tif", LAYERS[content])
    with rasterio.open(path) as file:
        assert file.read(1).tolist() == [[int(c) for c in codes]], "codes stay as documented"
        assert file.nodata == 0
        table = file.colormap(1)
        assert json.loads(file.tags(1)["legend"]) == {str(int(c)): c.name.lower() for c in codes}
    entries = {int(e.get("value")): e.attrib for e in style_of(path).iter("paletteEntry")}
    assert set(entries) == {int(c) for c in codes} - {0}, "0 is drawn by nothing"
    for code, entry in entries.items():
        rgb = tuple(int(entry["color"][i : i + 2], 16) for i in (1, 3, 5))
        assert table[code][:3] == rgb, "the file and the style agree on a colour"
    assert len({e["color"] for e in entries.values()}) == len(entries)
    called, rows = named_by_gdal(path, tmp_path)
    assert called[: len(names)] == names
    assert [row[1] for row in rows] == [e["label"] for e in entries.values()]


@pytest.mark.parametrize("content", QUANTITIES)
def test_a_quantity_is_styled_in_the_values_that_it_stands_for(tmp_path, content):
    path = write_layer(
        lay([[0, 100, 255]]), tmp_path / f"{content}.tif", LAYERS[content], lang="uk"
    )
    with rasterio.open(path) as file:
        scale, unit, nodata = file.scales[0], file.units[0], file.nodata
        highest = (200 if scale == 0.5 else 100) * scale
    items = [item.attrib for item in style_of(path).iter("item")]
    values = [float(item["value"]) for item in items]
    assert values == sorted(set(values))
    assert (values[0], values[-1]) == (0, highest)
    assert all(item["label"] for item in items)
    if content == "observations":
        assert (nodata, unit) == (None, None)
    else:
        assert (nodata, unit, scale) == (255, "%", 1.0 if content == "occurrence" else 0.5)
        assert items[-1]["label"] == "100\xa0%"
    # Nothing of what is shown: clear. Open water beside ice, and a doubtful class, are shown.
    nothing = content in ("fraction", "occurrence", "observations")
    assert items[0]["alpha"] == ("0" if nothing else "255")
    assert all(item["alpha"] == "255" for item in items[1:])


def test_an_index_stays_as_it_is_and_its_colours_turn_at_zero(tmp_path):
    values = xr.DataArray(np.array([[-0.75, 0.25, np.nan]], "float32"), dims=("y", "x"),
                          coords=coords_of(utm_grid((1, 3))))  # fmt: skip
    path = write_layer(values, tmp_path / "index_ndwi.tif", LAYERS["index"], lang="uk")
    with rasterio.open(path) as file:
        np.testing.assert_array_equal(file.read(1), values)
        assert (file.dtypes[0], np.isnan(file.nodata), file.scales[0]) == ("float32", True, 1.0)
    items = [item.attrib for item in style_of(path).iter("item")]
    assert [float(item["value"]) for item in items] == [-1, -0.5, 0, 0.5, 1]
    assert [item["label"] for item in items] == ["−1", "−0,5", "0", "0,5", "1"]


@pytest.mark.parametrize("share", [0.005, 0.05])
def test_few_pixels_stay_few_in_a_map_seen_from_afar(tmp_path, share):
    values = np.where(np.random.default_rng(5).random((4096, 4096)) < share, 2, 0)
    for name in ("unseen", "mask"):
        path = write_layer(lay(values), tmp_path / f"{name}.tif", LAYERS[name])
        for level in range(3):
            with rasterio.open(path, overview_level=level) as file:
                assert file.nodata == 0
                assert (file.read(1) == 2).mean() <= share


def test_a_hole_under_a_cloud_stays_one_in_a_map_seen_from_afar(tmp_path):
    # Of each 4 x 4 pixels, three quarters were not seen.
    values = np.zeros((1024, 1024), "uint8")
    values[::2, ::2] = 1
    path = write_layer(lay(values), tmp_path / "mask.tif", LAYERS["mask"])
    with rasterio.open(path, overview_level=0) as file:
        assert (file.read(1) == 0).all()


def test_a_legend_may_shrink_to_what_occurs(tmp_path):
    layer = LAYERS["clusters"].of(cluster_legend([*range(1, 255)]))
    with MapWriter(tmp_path / "c.tif", utm_grid((2, 2)), layer) as sink:
        sink.write(slice(0, 2), slice(0, 2), np.array([[1, 3], [3, 3]], "uint8"))
        sink.layer = layer.of(cluster_legend([1, 3]))
    labels = [e.get("label") for e in style_of(tmp_path / "c.tif").iter("paletteEntry")]
    assert labels == ["Cluster 1", "Cluster 3"], "every pixel has a number"
    with rasterio.open(tmp_path / "c.tif") as file:
        assert [c["code"] for c in json.loads(file.tags(1)["legend"])["classes"]] == [1, 3]


# GeoPackages


def styles_of(path):
    """Return the default style of each layer: its kind, and label and colour of its entries."""
    with contextlib.closing(sqlite3.connect(path)) as database:
        rows = database.execute(
            "SELECT f_table_name, f_geometry_column, styleQML FROM layer_styles "
            "WHERE useAsDefault = 1"
        ).fetchall()
        columns = dict(
            database.execute("SELECT table_name, column_name FROM gpkg_geometry_columns")
        )
        listed = {name for (name,) in database.execute("SELECT table_name FROM gpkg_contents")}
    assert "layer_styles" in listed, "a table of users that the standard asks to list"
    assert {name: column for name, column, _ in rows} == columns
    return {name: ET.fromstring(qml.split("\n", 1)[1]).find("renderer-v2") for name, _, qml in rows}


def colours_in(renderer, option="color"):
    found = [o.get("value") for o in renderer.iter("Option") if o.get("name") == option]
    return ["#" + "".join(f"{int(v):02x}" for v in value.split(",")[:3]) for value in found]


WATERS = ClassMap(lay([[1, 2, 2], [1, 1, 255]]), load_legend("water"), time="2025-06-01")


def test_water_bodies_are_blue_as_on_the_map(tmp_path):
    water = load_legend("water").by_name("water").colour
    series = measure_bodies([WATERS], found := find_bodies([WATERS]))
    for path in (
        write_polygons(WATERS, tmp_path / "water.gpkg"),
        write_bodies(series, found, tmp_path / "bodies.gpkg"),
    ):
        (renderer,) = styles_of(path).values()
        assert renderer.get("type") == "singleSymbol"
        assert colours_in(renderer) == [water]


def test_parcels_are_told_apart_by_the_colours_and_names_of_their_legend(tmp_path):
    legend = load_legend("worldcover")
    cover = ClassMap(lay([[10, 10, 80], [40, 255, 80]]), legend)
    path = write_parcels(cover, tmp_path / "landcover.gpkg", lang="uk")
    renderer = styles_of(path)["worldcover"]
    assert (renderer.get("type"), renderer.get("attr")) == ("categorizedSymbol", "code")
    categories = [c.attrib for c in renderer.iter("category")]
    assert [int(c["value"]) for c in categories] == [*legend.codes, 255]
    named = {int(c["value"]): c["label"] for c in categories}
    assert (named[80], named[255]) == (legend.by_name("water").title["uk"], "Не визначено")
    assert colours_in(renderer)[:-1] == [c.colour for c in legend]
    codes = set(geopandas.read_file(path, layer="worldcover")["code"])
    assert codes <= set(named), "every parcel has a symbol"


def test_the_edge_of_the_ice_is_a_line_over_the_ice(tmp_path):
    labels = np.full((6, 6), 1)
    labels[:, 3:] = 2
    shares = lay(np.where(labels == 2, 200, 0))
    path = write_ice_edge(shares, ClassMap(lay(labels), load_legend("ice")), tmp_path / "ice.gpkg")
    styles = styles_of(path)
    assert set(styles) == {"ice", "ice_edge"}
    assert colours_in(styles["ice"]) == [load_legend("ice").by_name("ice").colour]
    assert len(colours_in(styles["ice_edge"], "line_color")) == 1


def test_a_styled_geopackage_serves_as_districts(tmp_path):
    from obriy.sources.districts import read_districts

    path = write_polygons(WATERS, tmp_path / "water.gpkg")
    (body,) = read_districts(str(path))
    assert shapely.area(body.geometry) == 200
