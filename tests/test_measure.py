"""`obriy measure`: class maps that somebody else made go the way of a series."""

import csv
import json
import zipfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pystac
import pytest
import rasterio
import shapely
from tests.terminal import error_line, obriy

import obriy as obriy_module
from conftest import UTM, utm_grid
from obriy.blocks.options import EngineOptions
from obriy.cli.show_area import km2 as shown
from obriy.errors import GridError, InputError, UnknownNameError, UsageError
from obriy.measures.pixel_area import pixel_area
from obriy.model.legend import load_legend
from obriy.render.text import text_of
from obriy.runs.result_file import read_result
from obriy.workflows.config.measure import MeasureConfig
from obriy.workflows.jobs import plan_job, run_job

SHAPE = (20, 30)
SAID = "1=water,nodata=land"


def write(path, codes, nodata: int | None = 0, origin=(500_000.0, 5_200_000.0)):
    """Write class codes as others do: a plain GeoTIFF."""
    grid = utm_grid(SHAPE, origin=origin)
    codes = np.asarray(codes).astype("uint8")
    with rasterio.open(
        path, "w", driver="GTiff", count=1, dtype="uint8", nodata=nodata, height=codes.shape[0],
        width=codes.shape[1], transform=grid.affine, crs=str(grid.crs),
    ) as file:  # fmt: skip
        file.write(codes, 1)
    return path


def columns(first, last):
    return np.isin(np.arange(SHAPE[1]), range(first, last)) & np.ones(SHAPE, bool)


def km2(pixels):
    """Area of pixels on the ellipsoid, by pixel."""
    return float(pixel_area(utm_grid(SHAPE))[pixels].sum()) / 1e6


def measured(maps, out=None, **more):
    return run_job(MeasureConfig(maps=maps, out=out, codes=more.pop("codes", SAID), **more))


def by_date(result):
    return {row.date: row.area_km2 for row in result.dates}


@pytest.fixture
def masks(tmp_path):
    """Two dates: ten columns of water, of which four dry up and one is new."""
    return [
        write(tmp_path / "lake_2023-11-07.tif", columns(9, 16)),
        write(tmp_path / "lake_2023-08-19.tif", columns(10, 20)),
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of all that can be asked for, by command line."""
    folder = tmp_path_factory.mktemp("measure")
    x, y = 500_000, 5_200_000
    boxes = [shapely.box(x, y - 200, x + 150, y), shapely.box(x + 150, y - 200, x + 300, y)]
    gpd.GeoDataFrame({"name": ["west", "east"]}, geometry=boxes, crs=UTM).to_file(folder / "d.gpkg")
    maps = [
        write(folder / "lake_2023-11-07.tif", columns(9, 16)),
        write(folder / "lake_2023-08-19.tif", columns(10, 20)),
    ]
    done = obriy(
        "measure", *maps, "--aoi", folder / "d.gpkg", "--codes", SAID, "--register", "0.03",
        "--change", "2023-08", "2023-11", "--lang", "uk", "--out", folder / "run",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "run", done.stdout


def test_areas_by_date_and_district_without_an_interval(run):
    result = read_result(run[0])
    found = {(a.date, a.district): a.area_km2 for a in result.areas}
    assert found == pytest.approx(
        {
            ("2023-08-19", "west"): km2(columns(10, 15)),
            ("2023-08-19", "east"): km2(columns(15, 20)),
            ("2023-11-07", "west"): km2(columns(9, 15)),
            ("2023-11-07", "east"): km2(columns(15, 16)),
        },
        rel=1e-4,
    )
    assert {(a.errors, a.expected_km2, a.interval_km2) for a in result.areas} == {
        ("unknown", None, None)
    }
    head = result.headline
    assert (head.of, head.why, head.interval_km2) == ("seen", "errors_unknown", None)
    assert head.km2 == pytest.approx((km2(columns(10, 20)) + km2(columns(9, 16))) / 2, rel=1e-4)
    assert "інтервалу немає" in " ".join(run[1].split())  # in the language of the run
    assert "2023-08-19" in run[1]


def test_change_and_register(run):
    result = read_result(run[0])
    total = result.change.total
    assert total.gained_km2 == pytest.approx(km2(columns(9, 10)), rel=1e-4)
    assert total.lost_km2 == pytest.approx(km2(columns(16, 20)), rel=1e-4)
    assert total.stable_km2 == pytest.approx(km2(columns(10, 16)), rel=1e-4)
    assert (total.net_interval_km2, result.change.before[0]) == (None, "2023-08-19")
    (row,) = result.comparison.rows
    assert row.difference_km2 == pytest.approx(result.area_km2 - 0.03)
    assert row.inside_interval is None


def test_what_lies_in_the_folder(run):
    folder, _ = run
    result = read_result(folder)
    assert {"series", "periods", "bodies", "body_series", "change", "occurrence", "report"} <= set(
        result.outputs
    )
    assert all(Path(file).is_file() for file in result.outputs.values())
    with rasterio.open(folder / "maps" / "2023-08-19" / "mask.tif") as file:
        assert np.array_equal(file.read(1), np.where(columns(10, 20), 2, 1))  # codes of ours
    item = pystac.Item.from_file(str(folder / "maps" / "2023-11-07" / "item.json"))
    assert item.properties["start_datetime"].startswith("2023-11-07")
    assert "mask" in item.assets
    with (folder / "series.csv").open(encoding="utf-8") as file:
        rows = [(r["date"], r["district"], r["expected_km2"]) for r in csv.DictReader(file)]
    assert rows[0] == ("2023-08-19", "west", "")
    bodies = gpd.read_file(folder / "water_bodies.gpkg", layer="water_bodies")
    assert bodies["area_max_m2"].iloc[0] == pytest.approx(km2(columns(10, 20)) * 1e6, rel=1e-3)
    assert result.command.startswith("obriy measure ")


def test_the_report_says_why_there_is_no_interval(run):
    page = (run[0] / "report.html").read_text(encoding="utf-8")
    text = text_of("uk")
    assert text("answer.errors_unknown") in page
    assert "Карти не кажуть, наскільки вони певні" in page
    assert text("series.mark_expected") not in page
    assert text("series.measured_seen_km2") in page
    assert "90\u00a0% інтервал)" not in page


def test_a_run_goes_on_where_it_stopped(masks, tmp_path):
    first = measured(masks, tmp_path / "run")
    kept = (tmp_path / "run" / "maps" / "2023-08-19" / "mask.tif").stat().st_mtime_ns
    (tmp_path / "run" / "finished.json").unlink()
    write(masks[0], columns(9, 17))  # of November
    again = measured(masks, tmp_path / "run")
    assert (tmp_path / "run" / "maps" / "2023-08-19" / "mask.tif").stat().st_mtime_ns == kept
    assert by_date(again.result)["2023-11-07"] == pytest.approx(km2(columns(9, 17)), rel=1e-6)
    assert by_date(first.result)["2023-08-19"] == by_date(again.result)["2023-08-19"]


def test_a_map_that_cannot_be_read_is_listed_and_the_others_go_on(masks, tmp_path):
    (tmp_path / "lake_2023-09-01.tif").write_bytes(b"<html>not found</html>")
    done = obriy(
        "measure", *masks, tmp_path / "lake_2023-09-01.tif", "--codes", SAID, "--json",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    result = json.loads(done.stdout)
    assert [(one["kind"], one["name"]) for one in result["failed"]] == [("date", "2023-09-01")]
    assert [row["status"] for row in result["dates"]] == ["ok", "failed", "ok"]


def test_what_has_no_code_is_unseen_unless_it_is_said(tmp_path):
    mask = write(tmp_path / "a_2023-05-01.tif", columns(0, 15))
    with pytest.raises(InputError, match="not clear"):
        measured([mask], codes=None)
    area = measured([mask], tmp_path / "run", codes="1=water,7=land").result.dates[0]
    assert area.unseen_share == pytest.approx(0.5, abs=0.001)
    assert area.bounds_km2 == pytest.approx((km2(columns(0, 15)), km2(columns(0, 30))), rel=1e-6)


def test_another_class_of_any_legend_is_called_by_its_name(tmp_path):
    folder = tmp_path / "maps"
    folder.mkdir()
    for month, edge in (("05", 6), ("06", 9)):
        write(folder / f"cover_2023-{month}-01.tif", np.where(columns(0, edge), 80, 10), None)
    done = measured(
        [folder], tmp_path / "run", codes=None, **{"class": "tree_cover"},
        change=("2023-05", "2023-06"), lang="en",
    )  # fmt: skip
    result = done.result
    assert by_date(result)["2023-06-01"] == pytest.approx(km2(columns(9, 30)), rel=1e-6)
    assert result.change.total.lost_km2 == pytest.approx(km2(columns(6, 9)), rel=1e-6)
    assert result.headline.what == "tree_cover"
    with rasterio.open(done.folder / "maps" / "2023-05-01" / "landcover.tif") as file:
        assert set(np.unique(file.read(1))) == {10, 80}
    assert Path(result.outputs["bodies"]).name == "tree_cover_bodies.gpkg"
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    assert 'data-sheet="change" checked' in page  # what was asked for is seen first
    assert 'data-sheet="map">' in page
    assert "Tree cover through time" in page
    assert "Average area of water" not in page
    assert "How often there was water" not in page
    assert "Stayed water" not in page
    with pytest.raises(UnknownNameError, match="Did you mean 'tree_cover'"):
        measured([folder], codes=None, **{"class": "tree_cove"})
    with pytest.raises(UsageError, match="--register is of water"):
        measured([folder], codes=None, register="3", **{"class": "tree_cover"})


def test_a_folder_with_its_own_table_of_dates(tmp_path):
    folder = tmp_path / "maps"
    folder.mkdir()
    write(folder / "KAKH_0819.tif", columns(10, 20))
    write(folder / "KAKH_1107.tif", columns(9, 16))
    (folder / "dates.csv").write_text(
        "file,date\nKAKH_0819.tif,2023-08-19\nKAKH_1107.tif,2023-11-07\n"
    )
    config = MeasureConfig(maps=[folder], codes=SAID, datetime="2023-09/..")
    assert list(plan_job(config)["maps"]) == ["2023-11-07"]
    assert by_date(measured([folder], tmp_path / "run").result) == pytest.approx(
        {"2023-08-19": km2(columns(10, 20)), "2023-11-07": km2(columns(9, 16))}, rel=1e-6
    )


def test_maps_of_other_extents_are_laid_on_one_grid(masks, tmp_path):
    """A mask that begins 50 m further east and 100 m further south, and ends beyond the others."""
    moved = write(tmp_path / "lake_2023-12-01.tif", columns(0, 10), origin=(500_050.0, 5_199_900.0))
    done = measured([*masks, moved], tmp_path / "run", change=("2023-11", "2023-12"))
    found = by_date(done.result)
    assert found["2023-08-19"] == pytest.approx(km2(columns(10, 20)), rel=1e-6)
    assert found["2023-12-01"] == pytest.approx(km2(columns(0, 10)), rel=1e-4)
    with rasterio.open(done.folder / "maps" / "2023-12-01" / "mask.tif") as file:
        labels = file.read(1)
        assert file.shape == (30, 35)
        assert tuple(file.transform)[2::3][:2] == (500_000.0, 5_200_000.0)
    assert not labels[:10].any()
    assert not labels[:, :5].any()
    assert (labels[10:, 5:15] == 2).all()
    assert (labels[10:, 15:] == 1).all()
    # Seen on both sides are rows 10 to 20, columns 5 to 30: of the columns 9 to 16 that were wet
    # before, 9 to 15 are so after.
    total = done.result.change.total
    assert total.lost_km2 == pytest.approx(km2(columns(15, 16)) / 2, rel=1e-3)
    assert total.stable_km2 == pytest.approx(km2(columns(9, 15)) / 2, rel=1e-3)
    unseen = {row.date: row.unseen_share for row in done.result.dates}
    assert unseen["2023-08-19"] == pytest.approx(1 - 20 * 30 / (30 * 35), abs=1e-3)


def test_wrong_calls(masks, tmp_path):
    with pytest.raises(UsageError, match="named twice"):
        measured([masks[0], masks[0]])
    again = write(tmp_path / "again_2023-08-19.tif", columns(0, 1))
    with pytest.raises(InputError, match="two maps of 2023-08-19"):
        measured([*masks, again])
    with pytest.raises(UsageError, match="no image of the series lies in 2024"):
        measured(masks, change=("2023", "2024"))
    off = write(tmp_path / "off_2023-09-01.tif", columns(0, 5), origin=(500_005.0, 5_200_000.0))
    with pytest.raises(GridError, match="not of one grid"):
        measured([masks[1], off])
    with pytest.raises(UsageError, match="have one"):
        measured(masks, resolution=10)
    assert "does not exist" in error_line(obriy("measure", tmp_path / "none.tif"), 1)


def test_a_map_that_is_smaller_is_unseen_beyond_its_edge(masks, tmp_path):
    part = write(tmp_path / "part_2023-09-01.tif", columns(0, 5)[:10])
    run = measured([masks[1], part], tmp_path / "run")
    row = next(row for row in run.result.dates if row.date == "2023-09-01")
    assert row.area_km2 == pytest.approx(km2(columns(0, 5) & (np.arange(SHAPE[0]) < 10)[:, None]))
    assert row.unseen_share > 1 - 10 / SHAPE[0] - 0.01


@pytest.mark.realdata
def test_the_reservoir_that_was_drained(realdata, tmp_path):
    """Water of 10 m on two dates: the areas are those of its pixels, counted."""
    counted, maps = {}, []
    for name, date in (("0819", "2023-08-19"), ("1107", "2023-11-07")):
        with zipfile.ZipFile(realdata / "kakhovka" / f"KAKH_WATER_{name}.zip") as packed:
            packed.extract(f"KAKH_WATER_{name}.tif", tmp_path)
        maps.append((tmp_path / f"KAKH_WATER_{name}.tif").rename(tmp_path / f"lake_{date}.tif"))
        with rasterio.open(maps[-1]) as file:
            left, top = file.xy(4000, 5000, offset="ul")
            box = (left, top - 8000, left + 8000, top)
            window = file.read(1, window=((4000, 4800), (5000, 5800)))
            counted[date] = (window == 1).sum() * 1e-4
    gpd.GeoDataFrame({"name": ["part"]}, geometry=[shapely.box(*box)], crs=UTM).to_file(
        tmp_path / "part.gpkg"
    )
    assert min(counted.values()) > 1
    result = measured(maps, tmp_path / "run", aoi=str(tmp_path / "part.gpkg")).result
    # Pixels on the ellipsoid, far from the meridian of the zone, are not 100 m² each.
    assert by_date(result) == pytest.approx(counted, rel=1e-3)


def test_one_map_of_no_date_is_measured_as_an_image_is(tmp_path):
    mask = write(tmp_path / "lake.tif", columns(10, 20))
    done = obriy("measure", mask, "--codes", SAID, "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert f"Water: {shown(km2(columns(10, 20)))} km² seen; no interval" in done.stdout
    result = read_result(tmp_path / "run")
    assert (result.kind, result.dates[0].date, result.errors) == ("image", None, "unknown")
    assert result.headline.km2 == pytest.approx(km2(columns(10, 20)), rel=1e-6)
    assert {"mask", "polygons", "areas", "picture", "report", "stac"} <= set(result.outputs)
    outlines = gpd.read_file(tmp_path / "run" / "water.gpkg", layer="water")
    assert outlines.to_crs(outlines.estimate_utm_crs()).area.sum() == pytest.approx(
        20_000, rel=0.01
    )
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert text_of("en")("answer.errors_unknown") in page
    assert plan_job(MeasureConfig(maps=[mask], codes=SAID))["class"] == "water"


def test_several_maps_without_dates_are_refused_with_the_way_out(tmp_path):
    maps = [write(tmp_path / f"{place}.tif", columns(0, 5)) for place in ("east", "west")]
    with pytest.raises(InputError, match=r"Nothing tells the date of .*east.tif\. .*dates\.csv"):
        measured(maps)


def test_one_map_of_another_class_and_of_districts(tmp_path):
    cover = write(tmp_path / "cover.tif", np.where(columns(0, 6), 80, 10), None)
    x, y = 500_000, 5_200_000
    boxes = [shapely.box(x, y - 200, x + 150, y), shapely.box(x + 150, y - 200, x + 300, y)]
    gpd.GeoDataFrame({"name": ["west", "east"]}, geometry=boxes, crs=UTM).to_file(
        tmp_path / "d.gpkg"
    )
    result = measured(
        [cover], tmp_path / "run", codes=None, aoi=str(tmp_path / "d.gpkg"),
        **{"class": "tree_cover"}, lang="uk",
    ).result  # fmt: skip
    assert [row.headline.what for row in result.districts] == ["tree_cover"] * 2
    assert result.area_km2 == pytest.approx(km2(columns(6, 30)), rel=1e-4)
    assert Path(result.outputs["polygons"]).name == "tree_cover.gpkg"
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert load_legend("worldcover").by_name("tree_cover").called("uk") in page
    assert "Вода за ділянками" not in page


def test_from_python_maps_of_others_have_no_interval(masks):
    maps = [obriy_module.open_class_map(path, SAID) for path in masks]
    series = obriy_module.measure_area(maps)
    found = {area.date: area.area_km2 for area in series.areas}
    assert found["2023-08-19"] == pytest.approx(km2(columns(10, 20)), rel=1e-6)
    assert {(a.errors, a.interval_km2) for a in series.areas} == {("unknown", None)}
    (period,) = series.periods
    assert (period.errors, period.interval_km2) == ("unknown", None)


def test_a_long_measuring_says_how_far_it_is(tmp_path):
    """Every step after the maps is told, to the last; one map says how far its copy is."""
    (tmp_path / "maps").mkdir()
    for date, columns_of in (("2023-08-19", columns(10, 20)), ("2023-11-07", columns(9, 16))):
        write(tmp_path / "maps" / f"lake_{date}.tif", columns_of)
    given = {"maps": [tmp_path / "maps"], "codes": SAID, "out": tmp_path / "run"}
    seen = []
    watched = EngineOptions(progress=lambda *told: seen.append(told))
    run_job(MeasureConfig(**given), watched)
    steps = [told for told in seen if told[0] == "measure"]
    # The occurrence, two areas, the bodies, the rest.
    assert steps == [("measure", done, 5) for done in range(6)]
    one = given | {"maps": [tmp_path / "maps" / "lake_2023-08-19.tif"], "out": tmp_path / "one"}
    run_job(MeasureConfig(**one), watched)
    assert ("read", 1, 1) in seen
