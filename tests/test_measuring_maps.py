"""`obriy measure`: areas and change of class maps that somebody else made."""

import csv
import json

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from tests.terminal import error_line, obriy

from conftest import UTM, utm_grid
from obriy.errors import GridError, InputError, UnknownNameError, UsageError
from obriy.measures.pixel_area import pixel_area
from obriy.workflows.measuring_maps import measure_maps

SHAPE = (20, 30)


def write(path, water, nodata=0):
    """Write a mask as others do: 1 is water, and land has no code."""
    grid = utm_grid(SHAPE)
    with rasterio.open(
        path, "w", driver="GTiff", count=1, dtype="uint8", nodata=nodata, height=SHAPE[0],
        width=SHAPE[1], transform=grid.affine, crs=str(grid.crs),
    ) as file:  # fmt: skip
        file.write(np.where(water, 1, 0).astype("uint8"), 1)
    return path


def columns(first, last):
    return np.isin(np.arange(SHAPE[1]), range(first, last)) & np.ones(SHAPE, bool)


def km2(pixels):
    """Area of pixels on the ellipsoid, by pixel."""
    return float(pixel_area(utm_grid(SHAPE))[pixels].sum()) / 1e6


@pytest.fixture
def masks(tmp_path):
    """Two dates: ten columns of water, of which four dry up and one is new."""
    return [
        write(tmp_path / "lake_2023-11-07.tif", columns(9, 16)),
        write(tmp_path / "lake_2023-08-19.tif", columns(10, 20)),
    ]


def test_areas_and_change_of_masks_of_others(masks):
    measured = measure_maps(masks, codes="1=water,nodata=land", change=True)
    first, last = (one.series.areas[0] for one in measured.maps)
    assert (first.date, last.date) == ("2023-08-19", "2023-11-07")
    assert first.area_km2 == pytest.approx(km2(columns(10, 20)), rel=1e-6)
    assert last.area_km2 == pytest.approx(km2(columns(9, 16)), rel=1e-6)
    assert (first.unseen_share, first.interval_km2) == (0, None)
    total = measured.change.total
    assert total.gained_km2 == pytest.approx(km2(columns(9, 10)), rel=1e-6)
    assert total.lost_km2 == pytest.approx(km2(columns(16, 20)), rel=1e-6)
    assert total.stable_km2 == pytest.approx(km2(columns(10, 16)), rel=1e-6)


def test_what_has_no_code_is_unseen_unless_it_is_said(tmp_path):
    mask = write(tmp_path / "a.tif", columns(0, 15))
    with pytest.raises(InputError, match="not clear"):
        measure_maps([mask])
    area = measure_maps([mask], codes="1=water,7=land").maps[0].series.areas[0]
    assert area.unseen_share == pytest.approx(0.5, abs=0.001)
    assert area.date is None


def test_districts_and_files(masks, tmp_path):
    x, y = 500_000, 5_200_000
    boxes = [shapely.box(x, y - 200, x + 150, y), shapely.box(x + 150, y - 200, x + 300, y)]
    gpd.GeoDataFrame({"name": ["west", "east"]}, geometry=boxes, crs=UTM).to_file(
        tmp_path / "d.gpkg"
    )
    words = [*masks, "--aoi", tmp_path / "d.gpkg", "--codes", "1=water,nodata=land"]
    done = obriy("measure", *words, "--change", "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result == json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    found = {(m["date"], a["district"]): a["area_km2"] for m in result["maps"] for a in m["areas"]}
    assert found["2023-08-19", "west"] == pytest.approx(km2(columns(10, 15)), rel=1e-4)
    assert found["2023-11-07", "east"] == pytest.approx(km2(columns(15, 16)), rel=1e-4)
    with (tmp_path / "out" / "areas.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(r["date"], r["district"]) for r in rows] == list(found)
    shown = obriy("measure", *words, "--change")
    assert "gained" in shown.stdout
    assert "no interval" in shown.stdout


def test_maps_without_dates_are_told_apart_by_their_files(tmp_path):
    for place in ("east", "west"):
        (tmp_path / place).mkdir()
    files = [
        write(tmp_path / "east" / "mask.tif", columns(0, 5)),
        write(tmp_path / "west" / "mask.tif", columns(0, 7)),
        write(tmp_path / "west" / "other.tif", columns(0, 9)),
    ]
    done = obriy(
        "measure", *files, "--codes", "1=water,nodata=land", "--out", tmp_path / "out", "--change"
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out" / "areas.csv").open(encoding="utf-8") as file:
        rows = {row["map"]: float(row["area_km2"]) for row in csv.DictReader(file)}
    wide = {"east/mask.tif": 5, "west/mask.tif": 7, "other.tif": 9}
    assert rows == pytest.approx({n: km2(columns(0, w)) for n, w in wide.items()}, rel=1e-6)
    assert "Change from east/mask.tif to other.tif" in done.stdout
    result = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert [one["map"] for one in result["maps"]] == list(wide)


def test_a_class_of_any_legend(tmp_path):
    grid = utm_grid(SHAPE)
    with rasterio.open(
        tmp_path / "cover.tif", "w", driver="GTiff", count=1, dtype="uint8", height=SHAPE[0],
        width=SHAPE[1], transform=grid.affine, crs=str(grid.crs),
    ) as file:  # fmt: skip
        file.write(np.where(columns(0, 6), 80, 10).astype("uint8"), 1)
    area = measure_maps([tmp_path / "cover.tif"], class_name="tree_cover").maps[0].series.areas[0]
    assert area.area_km2 == pytest.approx(km2(columns(6, 30)), rel=1e-6)
    with pytest.raises(UnknownNameError, match="Did you mean 'tree_cover'"):
        measure_maps([tmp_path / "cover.tif"], class_name="tree_cove")


def test_wrong_calls(masks, tmp_path):
    said = "1=water,nodata=land"
    with pytest.raises(UsageError, match="named twice"):
        measure_maps([masks[0], masks[0]], codes=said)
    with pytest.raises(UsageError, match="compares two maps"):
        measure_maps(masks[:1], codes=said, change=True)
    again = write(tmp_path / "again_2023-08-19.tif", columns(0, 1))
    with pytest.raises(InputError, match="two maps of 2023-08-19"):
        measure_maps([*masks, again], codes=said)
    with rasterio.open(masks[0]) as file:
        profile, values = file.profile, file.read()
    with rasterio.open(tmp_path / "part_2023-09-01.tif", "w", **profile | {"height": 10}) as file:
        file.write(values[:, :10])
    with pytest.raises(GridError):
        measure_maps([masks[1], tmp_path / "part_2023-09-01.tif"], codes=said, change=True)
    assert "does not exist" in error_line(obriy("measure", tmp_path / "none.tif"), 1)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("job: water\n")
    done = obriy("measure", masks[0], "--codes", said, "--out", tmp_path / "run")
    assert "folder of a run" in error_line(done, 1)
