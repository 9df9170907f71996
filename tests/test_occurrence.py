"""How often a pixel was wet: counts done by hand, no matter how the grid is cut."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest
import rasterio
import xarray as xr

import obriy
from conftest import utm_grid
from obriy.blocks.engine import ArraySink
from obriy.errors import GridError, InputError, TableError
from obriy.measures.occurrence import count_wet, measure_occurrence, sorted_by_date
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.layers import LAYERS
from obriy.model.legend import load_legend
from obriy.outputs.cog import MapWriter
from obriy.outputs.styles import write_style


def map_of(labels, time="2020-01-01", geobox=None, fraction=None) -> ClassMap:
    labels = np.atleast_2d(np.asarray(labels, "uint8"))
    geobox = geobox or utm_grid(labels.shape)

    def lay(values):
        values = np.atleast_2d(np.asarray(values, "uint8"))
        return xr.DataArray(values, coords_of(geobox), ("y", "x"))

    share = None if fraction is None else lay(fraction)
    return ClassMap(lay(labels), load_legend("water"), fraction=share, time=time)


THREE = [
    map_of([[2, 1, 0], [255, 2, 2]]),
    map_of([[2, 2, 0], [1, 2, 0]]),
    map_of([[2, 1, 0], [1, 1, 0]]),
]


def occurrence_of(maps, **options):
    shape = maps[0].labels.shape
    share, count = ArraySink(shape), ArraySink(shape)
    summary = measure_occurrence(maps, share, count, **options)
    return share.array, count.array, summary


def test_occurrence_by_hand():
    share, count, summary = occurrence_of(THREE)
    np.testing.assert_array_equal(share, [[100, 33, 255], [0, 67, 100]])
    np.testing.assert_array_equal(count, [[3, 3, 0], [2, 3, 1]])
    assert (summary.dates, summary.never_seen, summary.never_wet) == (3, 1, 1)
    assert (summary.sometimes_wet, summary.always_wet) == (2, 2)
    assert summary.mean_observations == pytest.approx(12 / 6)


def test_rounding_hides_no_water_and_no_dry_day():
    maps = [map_of([[2, 1]])] + [map_of([[1, 2]])] * 299
    share, count, _ = occurrence_of(maps)
    np.testing.assert_array_equal(share, [[1, 99]])
    np.testing.assert_array_equal(count, [[255, 255]])  # 300, as far as a byte goes
    assert count_wet(maps, slice(0, 1), slice(0, 2)).valid.tolist() == [[300, 300]]


def test_the_cut_does_not_matter():
    rng = np.random.default_rng(5)
    maps = [map_of(rng.choice([0, 1, 2, 255], (23, 16))) for _ in range(6)]
    share, count, summary = occurrence_of(maps)
    by_seven = occurrence_of(maps, block=7)
    np.testing.assert_array_equal(share, by_seven[0])
    np.testing.assert_array_equal(count, by_seven[1])
    assert summary == by_seven[2]


def test_maps_that_make_no_series():
    sinks = ArraySink((2, 3)), ArraySink((2, 3))
    with pytest.raises(InputError, match="no map"):
        measure_occurrence([], *sinks)
    moved = map_of(np.ones((2, 3)), geobox=utm_grid((2, 3), origin=(500_010.0, 5_200_000.0)))
    with pytest.raises(GridError, match="different grids"):
        measure_occurrence([THREE[0], moved], *sinks)
    with pytest.raises(TableError, match="no class 'ice'"):
        measure_occurrence(THREE, *sinks, class_name="ice")
    with pytest.raises(InputError, match="no date"):
        sorted_by_date([map_of([[1]]), map_of([[1]], time=None)])


def test_files(tmp_path):
    grid = THREE[0].geobox
    with (
        MapWriter(tmp_path / "occurrence.tif", grid, LAYERS["occurrence"]) as share,
        MapWriter(tmp_path / "observations.tif", grid, LAYERS["observations"]) as count,
    ):
        measure_occurrence(THREE, share, count)
    with rasterio.open(tmp_path / "occurrence.tif") as file:
        np.testing.assert_array_equal(file.read(1), [[100, 33, 255], [0, 67, 100]])
        assert (file.nodata, file.units, file.scales) == (255, ("%",), (1.0,))
        assert "per cent" in file.descriptions[0]
    with rasterio.open(tmp_path / "observations.tif") as file:
        np.testing.assert_array_equal(file.read(1), [[3, 3, 0], [2, 3, 1]])
        assert file.nodata is None


@pytest.mark.parametrize(
    ("lang", "never"), [("en", "never wet"), ("uk", "води не було жодного разу")]
)
def test_style(tmp_path, lang, never):
    path = write_style(tmp_path / "occurrence.qml", LAYERS["occurrence"], lang)
    items = ET.fromstring(path.read_text("utf-8")).findall(".//colorrampshader/item")
    assert [item.get("value") for item in items] == ["0", "20", "40", "60", "80", "100"]
    assert items[0].get("label") == never
    assert items[0].get("alpha") == "0"


@pytest.mark.realdata
def test_rufiji_is_a_river(realdata):
    paths = sorted((realdata / "s2_rufiji_ts").glob("SEN2_2019*.tif"))
    maps = [obriy.map_water(obriy.open_scene(path), "ndwi:0.05") for path in paths]
    share, count, summary = occurrence_of(maps)
    assert summary.dates == 6
    assert count.max() <= 6
    assert (share[:20, :125] <= 0).all(), "west of the river, north: land on all dates"
    assert share[5, 138:146].mean() > 60, "the river where it enters"
