"""A folder of dated images: areas by hand, filling, weights, resume, and what can be wrong."""

import json
import re
import shutil
import signal

import numpy as np
import pytest
import rasterio
from tests.terminal import error_line, run_python
from tests.terminal import obriy as command
from tests.test_water_command import write_image

import obriy
from obriy.cli.show_water import series_lines
from obriy.errors import (
    EmptyResultError,
    GeometryError,
    GridError,
    InputError,
    SourceError,
    UsageError,
)
from obriy.sources.finding import find_items
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import read_config
from obriy.workflows.water.job import plan_water, run_water

SHAPE = (64, 80)
PIXEL_KM2 = 100 / 1e6
RADII = {"2025-06-05": 10, "2025-06-25": 14, "2025-07-15": 18}
METHOD = "ndwi:0.05"


def lake(radius):
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.hypot(y - 32, x - 40) < radius


def left_half():
    return np.mgrid[: SHAPE[0], : SHAPE[1]][1] < 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three dates of a growing lake; on the second the left half was not seen."""
    place = tmp_path_factory.mktemp("images")
    for date, radius in RADII.items():
        missing = left_half() if date == "2025-06-25" else None
        write_image(place / f"S2B_{date.replace('-', '')}.tif", lake(radius), missing=missing)
    return place


def config(folder, out, **values):
    return make_config(
        WaterConfig,
        {"source": str(folder), "out": out, "method": METHOD, "outputs": ["mask"]} | values,
    )


@pytest.fixture(scope="module")
def filled(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("run") / "filled"
    return run_water(config(folder, out, fill=True, outputs=["mask", "polygons"]))


def km2(mask):
    # Pixels of 10 m in UTM are a little larger than 100 m² on the ellipsoid, 3° from the meridian.
    return mask.sum() * PIXEL_KM2


def test_areas_are_those_of_the_pixels(filled):
    by_date = {d["date"]: d for d in filled.result.to_dict()["dates"]}
    seen = {d: lake(r) for d, r in RADII.items()}
    seen["2025-06-25"] = lake(14) & ~left_half()
    for date, mask in seen.items():
        assert by_date[date]["area_km2"] == pytest.approx(km2(mask), rel=2e-3)
    assert by_date["2025-06-25"]["unseen_share"] == pytest.approx(0.5)
    assert by_date["2025-06-25"]["status"] == "partial"


def test_what_was_not_seen_is_filled_beside_what_was(filled):
    date = filled.result.to_dict()["dates"][1]
    half = km2(lake(14) & ~left_half())
    assert date["area_km2"] == pytest.approx(half, rel=2e-3)
    # The right half teaches that pixels wet on one of the other two dates are partly wet.
    assert date["filled_km2"] == pytest.approx(km2(lake(14)), rel=0.08)
    low, high = date["interval_km2"]
    assert low < km2(lake(14)) < high
    assert low > half


def test_the_weighted_area_is_the_sum_and_the_weights_the_clear_shares(filled):
    dates = filled.result.to_dict()["dates"]
    weights = [d["weight"] for d in dates]
    assert weights == pytest.approx([0.4, 0.2, 0.4])
    total = sum(d["weight"] * d["area_km2"] for d in dates)
    assert filled.result.area_km2 == pytest.approx(total)
    assert filled.result.effective_dates == pytest.approx(1 / (0.16 + 0.04 + 0.16))
    without = filled.result.to_dict()["leave_one_out_km2"]["2025-06-25"]
    assert without == pytest.approx((dates[0]["area_km2"] + dates[2]["area_km2"]) / 2)


def test_files_of_a_series(filled):
    with rasterio.open(filled.folder / "occurrence.tif") as file:
        occurrence = file.read(1)
    expected = np.where(left_half(), 50.0, 100 / 3)
    ring = lake(18) & ~lake(14)
    assert occurrence[ring] == pytest.approx(expected[ring], abs=0.5)
    assert (occurrence[lake(10)] == 100).all()
    with rasterio.open(filled.folder / "observations.tif") as file:
        counts = file.read(1)
    assert (counts[left_half()] == 2).all()
    rows = (filled.folder / "series.csv").read_text().splitlines()
    assert rows[0].startswith(
        "date,district,expected_km2,low_km2,high_km2,area_wet_m2,pc_wet,pc_inv"
    )
    assert len(rows) == 4
    assert filled.result.bodies.count == 1
    item = json.loads((filled.folder / "maps/2025-06-25/item.json").read_text())
    assert item["properties"]["start_datetime"].startswith("2025-06-25")
    assert item["assets"]["mask"]["href"] == "./mask.tif"
    assert (filled.folder / "maps/2025-06-25/mask.qml").exists()
    again = read_config(filled.folder / "config.yaml")
    assert again.fill
    assert again.datetime is None


def test_without_fill_nothing_is_filled_and_the_interval_is_the_same(folder, filled, tmp_path):
    plain = run_water(config(folder, tmp_path / "plain"))
    assert plain.result.filled_km2 is None
    assert plain.result.area_km2 == filled.result.area_km2
    assert plain.result.interval_km2 == filled.result.interval_km2


def test_the_same_in_python(folder, filled):
    images = [obriy.open_scene(p) for p in sorted(folder.iterdir())]
    maps = [obriy.map_water(scene, METHOD) for scene in images]
    series = obriy.measure_area(maps[::-1], fill=True)
    (period,) = series.periods
    assert period.area_km2 == pytest.approx(filled.result.area_km2, rel=1e-9)
    assert period.filled_km2 == pytest.approx(filled.result.filled_km2, rel=1e-9)
    assert period.interval_km2 == pytest.approx(filled.result.interval_km2, rel=1e-9)
    assert [a.date for a in series.areas] == list(RADII)
    by_hand = obriy.measure_area(
        images, "33.0,46.9,33.02,47.0", method=METHOD, weights=dict.fromkeys(RADII, 1 / 3)
    )
    assert list(by_hand.periods[0].weights.values()) == pytest.approx([1 / 3] * 3)
    with pytest.raises(InputError, match=r"two images of 2025-06-05"):
        obriy.measure_area([maps[0], maps[0]])


def test_dates_are_chosen_by_a_range(folder, tmp_path):
    run = run_water(config(folder, tmp_path / "june", datetime="2025-06/2025-06"))
    assert [d["date"] for d in run.result.to_dict()["dates"]] == ["2025-06-05", "2025-06-25"]
    with pytest.raises(UsageError, match="2025-06-05 to 2025-07-15"):
        plan_water(config(folder, tmp_path / "none", datetime="2024"))
    with pytest.raises(UsageError, match="ends before it begins"):
        plan_water(config(folder, tmp_path / "none", datetime="2025-07/2025-06"))


def test_a_date_that_fails_is_listed_and_the_others_go_on(folder, tmp_path):
    images = shutil.copytree(folder, tmp_path / "images")
    (images / "S2B_20250501.tif").write_text("<!doctype html><p>Please log in</p>")
    done = command("water", images, "--out", tmp_path / "run", "--method", METHOD, "--json")
    assert done.returncode == 3, done.stderr
    assert "Failed: 2025-05-01: " in done.stderr, "whoever asks for quiet is told why, too"
    result = json.loads(done.stdout)
    (failed,) = result["failed"]
    assert (failed["kind"], failed["name"]) == ("date", "2025-05-01")
    assert "web page" in failed["reason"] or "HTML" in failed["reason"]
    assert sum(d["weight"] for d in result["dates"] if d["weight"]) == pytest.approx(1)
    assert any("2025-05-01" in w for w in result["provenance"]["warnings"])
    # Repaired, the run goes on: the other maps are not made again.
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "run/maps").glob("*/mask.tif")}
    write_image(images / "S2B_20250501.tif", lake(12))
    done = command("water", images, "--out", tmp_path / "run", "--method", METHOD, "--json")
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["dates"]) == 4
    assert {p: p.stat().st_mtime_ns for p in before} == before


def test_a_date_without_a_clear_pixel_is_no_date_of_zero(folder, tmp_path):
    images = shutil.copytree(folder, tmp_path / "images")
    write_image(images / "S2B_20250801.tif", lake(12), missing=np.ones(SHAPE, bool))
    run = run_water(config(images, tmp_path / "run"))
    last = run.result.to_dict()["dates"][-1]
    assert last["area_km2"] is None
    assert last["weight"] is None
    assert run.result.area_km2 > 0


def test_every_date_clouded(tmp_path):
    for day in ("2025-06-01", "2025-06-11"):
        write_image(tmp_path / f"{day}.tif", lake(12), missing=np.ones(SHAPE, bool))
    with pytest.raises((EmptyResultError, SourceError), match=r"2025-06-01|no valid pixel"):
        run_water(config(tmp_path, tmp_path / "run"))


def test_two_images_of_one_date(folder, tmp_path):
    images = shutil.copytree(folder, tmp_path / "images")
    write_image(images / "S2A_20250605_again.tif", lake(10))
    with pytest.raises(InputError, match=r"more than one image of 2025-06-05: S2A"):
        plan_water(config(images, tmp_path / "run"))


def test_no_date_to_be_found(folder, tmp_path):
    images = shutil.copytree(folder, tmp_path / "images")
    write_image(images / "scene_b.tif", lake(10))
    with pytest.raises(SourceError, match=r"Nothing tells the date of scene_b.tif.*\n?") as error:
        plan_water(config(images, tmp_path / "run"))
    assert "dates.csv" in str(error.value)
    (images / "dates.csv").write_text("file,date,cloud_cover\nscene_b.tif,2025-05-01,12\n")
    plan = plan_water(config(images, tmp_path / "run"))
    assert plan["dates"][0] == "2025-05-01"
    assert plan["cloud_percent"]["2025-05-01"] == 12


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("scene_c.tif,2025-05-01,", "line 2: 'scene_c.tif' is no image in"),
        (
            "scene_b.tif,2025-05-01,\nscene_b.tif,2025-05-02,",
            "line 3: 'scene_b.tif' is there twice",
        ),
        ("scene_b.tif,2025-05-01,140", "line 2: 'cloud_cover' is 140, above 100"),
    ],
)
def test_a_table_of_dates_that_cannot_serve(folder, tmp_path, row, message):
    images = shutil.copytree(folder, tmp_path / "images")
    write_image(images / "scene_b.tif", lake(10))
    (images / "dates.csv").write_text(f"file,date,cloud_cover\n{row}\n")
    with pytest.raises(SourceError, match=message):
        plan_water(config(images, tmp_path / "run"))


def test_images_dated_by_their_tags_alone_are_a_series(folder, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for number, (date, file) in enumerate(zip(RADII, sorted(folder.glob("*.tif")), strict=True)):
        shutil.copy(file, images / f"scene_{number}.tif")
        with rasterio.open(images / f"scene_{number}.tif", "r+") as image:
            image.update_tags(DATE_ACQUIRED=date)
    assert plan_water(config(images, tmp_path / "run"))["dates"] == list(RADII)


def test_an_empty_folder(tmp_path):
    with pytest.raises(SourceError, match=r"is empty\. Name the folder"):
        plan_water(config(tmp_path, tmp_path / "run"))


def test_mixed_grids_and_sensors(folder, tmp_path):
    images = shutil.copytree(folder, tmp_path / "images")
    write_image(images / "S2B_20250801.tif", lake(12), crs="EPSG:32637")
    with pytest.raises(GridError, match=r"not of one grid.*EPSG:32636.*EPSG:32637") as error:
        plan_water(config(images, tmp_path / "run"))
    assert "gdalwarp" in str(error.value)


def test_weights_by_hand_and_what_can_be_wrong_with_them(folder, tmp_path):
    file = tmp_path / "weights.csv"
    file.write_text("date,weight\n2025-06-05,0.5\n2025-06-25,0.2\n2025-07-15,0.3\n")
    run = run_water(config(folder, tmp_path / "run", weights=str(file)))
    assert [d["weight"] for d in run.result.to_dict()["dates"]] == pytest.approx([0.5, 0.2, 0.3])
    file.write_text("date,weight\n2025-06-05,0.5\n2025-06-25,0.2\n2025-07-15,0.4\n")
    with pytest.raises(InputError, match=r"sum to 1\.1"):
        plan_water(config(folder, tmp_path / "no", weights=str(file)))
    file.write_text("date,weight\n2025-06-05,0.5\n2025-06-25,0.5\n")
    with pytest.raises(InputError, match="No weight is given for 2025-07-15"):
        plan_water(config(folder, tmp_path / "no", weights=str(file)))
    with pytest.raises(UsageError, match="clear, cloud, or a CSV"):
        plan_water(config(folder, tmp_path / "no", weights="claer"))
    images = shutil.copytree(folder, tmp_path / "images")
    rows = [f"S2B_{d.replace('-', '')}.tif,{d},{c}" for d, c in zip(RADII, (0, 50, 0), strict=True)]
    (images / "dates.csv").write_text("\n".join(["file,date,cloud_cover", *rows]))
    cloud = run_water(config(images, tmp_path / "cloud", weights="cloud"))
    weights = [d["weight"] for d in cloud.result.to_dict()["dates"]]
    # Cloudiness is 0, 50 and 0 %; 1 / (1 + (50/8)^3) = 0.00408.
    assert weights == pytest.approx([0.49898, 0.00203, 0.49898], abs=2e-5)


def test_register_and_evaporation(folder, tmp_path):
    weather = tmp_path / "weather.csv"
    weather.write_text("month,w_eva0_mm,x_mm,y_mm\n2025-06,150,60,10\n2025-07,170,40,5\n")
    run = run_water(
        config(folder, tmp_path / "run", register="0.08", evaporation=str(weather), fill=True)
    )
    (row,) = run.result.to_dict()["comparison"]["rows"]
    assert row["difference_km2"] == pytest.approx(run.result.expected_km2 - 0.08)
    assert list(row["interval_km2"]) == list(run.result.interval_km2)
    months = run.result.to_dict()["evaporation"][0]["months"]
    assert [m["additional_mm"] for m in months] == [100, 135]
    assert months[1]["volume_1e6m3"] == pytest.approx(135 * km2(lake(18)) / 1e3, rel=2e-3)
    (told,) = [line for line in series_lines(run.result) if "vaporation" in line]
    low, high = (sum(m["interval_1e6m3"][end] for m in months) for end in (0, 1))
    ends = re.search(r"90% interval (\S+) to (\S+)$", told).groups()
    assert [float(end) for end in ends] == pytest.approx([low, high], rel=1e-3)
    weather.write_text("month,w_eva0_mm,x_mm,y_mm\n2025-06,150,60,10\n")
    with pytest.raises(InputError, match="no weather of 2025-07"):
        plan_water(config(folder, tmp_path / "no", evaporation=str(weather)))
    weather.write_text("month,w_eva0_mm,x_mm,y_mm\n6,150,60,10\n7,170,40,5\n")
    images = shutil.copytree(folder, tmp_path / "images")
    (images / "S2B_20250715.tif").rename(images / "S2B_20250815.tif")
    with pytest.raises(InputError, match="no weather of 08, and the images span 2025-06 to 2025-0"):
        plan_water(config(images, tmp_path / "no", evaporation=str(weather)))
    (images / "S2B_20250815.tif").rename(images / "S2B_20250915.tif")
    with pytest.raises(InputError, match="no weather of 08, 09"):
        plan_water(config(images, tmp_path / "no", evaporation=str(weather)))
    register = tmp_path / "register.csv"
    register.write_text("name,area\nPond,3.2\n")
    with pytest.raises(InputError, match="area_km2"):
        plan_water(config(folder, tmp_path / "no", register=str(register)))


def test_the_river_is_set_apart_for_the_register(folder, tmp_path):
    import geopandas as gpd
    import shapely

    whole = shapely.box(500_000, 5_200_000 - 640, 500_800, 5_200_000)
    river = shapely.box(500_400, 5_200_000 - 640, 500_800, 5_200_000)
    for name, shape in (("district", whole), ("river", river)):
        gpd.GeoDataFrame({"name": [name]}, geometry=[shape], crs="EPSG:32636").to_file(
            tmp_path / f"{name}.gpkg"
        )
    run = run_water(
        config(
            folder, tmp_path / "run", aoi=str(tmp_path / "district.gpkg"), register="0.05",
            river=str(tmp_path / "river.gpkg"), datetime="2025-07",
        )
    )  # fmt: skip
    (row,) = run.result.to_dict()["comparison"]["rows"]
    assert row["channel_km2"] == pytest.approx(km2(lake(18) & ~left_half()), rel=2e-3)
    assert row["measured_km2"] == pytest.approx(km2(lake(18) & left_half()), rel=2e-3)
    assert [p["district"] for p in run.result.to_dict()["districts"]] == ["district"]


def test_districts_that_overlap_count_once_and_two_of_one_name_are_two(folder, tmp_path):
    import geopandas as gpd
    import shapely

    shapes = [shapely.box(500_000 + x, 5_199_360, 500_600 + x, 5_200_000) for x in (0, 200)]
    frame = gpd.GeoDataFrame({"name": ["A", "A"]}, geometry=shapes, crs="EPSG:32636")
    frame.to_file(tmp_path / "d.gpkg")
    river = shapely.box(500_300, 5_199_360, 500_500, 5_200_000)  # wholly in both
    gpd.GeoDataFrame(geometry=[river], crs="EPSG:32636").to_file(tmp_path / "river.gpkg")
    own = {
        "aoi": str(tmp_path / "d.gpkg"), "register": "0.05", "change": ("2025-06-05", "2025-07"),
        "river": str(tmp_path / "river.gpkg"),
    }  # fmt: skip
    run = run_water(config(folder, tmp_path / "run", datetime="2025-06-05/2025-07-15", **own))
    assert [p["district"] for p in run.result.to_dict()["districts"]] == ["A (1)", "A (2)"]
    first, _, last = run.result.to_dict()["dates"]
    # The lakes lie in both districts: their radii are 100 and 180 m around the middle of both.
    assert first["area_km2"] == pytest.approx(km2(lake(10)), rel=2e-3)
    assert last["area_km2"] == pytest.approx(km2(lake(18)), rel=2e-3)
    assert run.result.districts[0].area_km2 == pytest.approx(run.result.area_km2, rel=0.05)
    grown = run.result.change.total.gained_km2
    assert grown == pytest.approx(km2(lake(18) & ~lake(10)), rel=2e-3)
    (row,) = run.result.to_dict()["comparison"]["rows"]
    assert row["place"] == "all"
    assert row["measured_km2"] + row["channel_km2"] == pytest.approx(run.result.expected_km2)
    warnings = run.result.warnings
    assert [w.split(":")[0] for w in warnings[:2]] == [
        "Districts with a name that is not theirs alone", "Districts overlap",
    ]  # fmt: skip
    # One image of it comes to the same.
    one = run_water(config(folder / "S2B_20250715.tif", tmp_path / "one", aoi=own["aoi"]))
    one = one.result.to_dict()
    assert one["area_km2"] == pytest.approx(last["area_km2"])
    assert [d["district"] for d in one["districts"]] == ["A (1)", "A (2)"]
    assert [w.split(":")[0] for w in one["provenance"]["warnings"][:2]] == [
        w.split(":")[0] for w in warnings[:2]
    ]
    again = obriy.measure_area(sorted(folder.glob("*.tif"))[::2], own["aoi"], method=METHOD)
    assert again.together[1].area_km2 == pytest.approx(last["area_km2"])


def test_options_of_a_series_need_one(folder, tmp_path):
    image = next(folder.glob("*.tif"))
    with pytest.raises(UsageError, match="--fill asks for a series"):
        plan_water(config(image, tmp_path / "run", fill=True))
    with pytest.raises(UsageError, match="obriy evaluate"):
        plan_water(config(folder, tmp_path / "run", reference="truth.tif"))


def test_a_district_elsewhere(folder, tmp_path):
    with pytest.raises(GeometryError, match="does not meet the image"):
        plan_water(config(folder, tmp_path / "run", aoi="10,50,11,51"))
    with pytest.raises(GeometryError, match="does not meet the image"):
        plan_water(config(folder, tmp_path / "run", aoi="179.9,-10,-179.9,10"))


def test_change_between_two_dates(folder, tmp_path):
    run = run_water(config(folder, tmp_path / "run", change=("2025-06-05", "2025-07")))
    total = run.result.to_dict()["change"]["total"]
    assert total["gained_km2"] == pytest.approx(km2(lake(18) & ~lake(10)), rel=2e-3)
    assert total["lost_km2"] == 0
    assert (run.folder / "change.tif").exists()
    with pytest.raises(UsageError, match="no image of the series lies in 2024"):
        plan_water(config(folder, tmp_path / "no", change=("2024", "2025")))


KILLER = """
import os, signal, sys
from obriy.runs.folder import RunFolder

noted = RunFolder._append
when = None

def append(self, name, record, inputs):
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    noted(self, name, record, inputs)
    os.kill(os.getpid(), signal.SIGKILL)

RunFolder._append = append
import dask, numba, pystac, scipy.ndimage, obriy.sources.geotiff  # once, not in every child
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.water.job import run_water
config = make_config(WaterConfig, {
    "source": sys.argv[1], "out": sys.argv[2], "method": "ndwi:0.05", "fill": True,
    "outputs": ["mask", "polygons"], "change": ("2025-06", "2025-07"),
})
for when in sys.argv[3:]:  # a process each, which is killed
    child = os.fork()
    if child == 0:
        run_water(config)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.slow
def test_killed_at_every_checkpoint_it_comes_to_the_same_result(folder, tmp_path):
    wanted = {"fill": True, "outputs": ["mask", "polygons"], "change": ("2025-06", "2025-07")}
    whole = run_water(config(folder, tmp_path / "whole", **wanted))
    cut = tmp_path / "cut"
    steps = (tmp_path / "whole/ledger.jsonl").read_text().count("\n")
    assert steps == 3 + 1 + 1 + 3 + 1 + 1  # maps, compared, occurrence, areas, bodies, change
    # Each run does one new step: once it dies before noting it, once after.
    killed = run_python("-c", KILLER, folder, cut, *["before", "after"] * steps)
    assert killed.stdout.split() == [str(-signal.SIGKILL)] * 2 * steps, killed.stderr
    run = run_water(config(folder, cut, **wanted))
    ledger = [json.loads(line)["step"] for line in (cut / "ledger.jsonl").read_text().splitlines()]
    assert len(ledger) == len(set(ledger)) == steps
    strip = [json.dumps(r.result.to_dict()).replace(str(r.folder), "RUN") for r in (whole, run)]
    assert strip[0] == strip[1]
    for name in ("series.csv", "periods.csv", "water_bodies.csv"):
        assert (cut / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not list(cut.rglob(".*"))


def test_another_configuration_in_the_same_folder_is_refused(folder, filled):
    done = command("water", folder, "--out", filled.folder, "--method", METHOD)
    assert "another configuration" in error_line(done, 2)


def test_what_differs_between_dates_stands_by_date(filled):
    steps = {s["name"]: s for s in filled.result.provenance.steps}
    assert steps["scaling"]["scale"] == 0.0001  # the same on all dates: said once
    assert set(RADII) <= set(steps["water_by_date"])
    assert list(steps["bands"]["read"]) == list(RADII)  # other files on each date


def test_wrong_calls_from_python(folder):
    with pytest.raises(UsageError, match="takes a list of images"):
        obriy.measure_area(str(folder))
    with pytest.raises(UsageError, match="no weights 'cloud'"):
        obriy.measure_area([folder / "S2B_20250605.tif"], weights="cloud")


def test_periods_of_a_change_stand_apart(folder, tmp_path):
    with pytest.raises(UsageError, match="2025-06 and 2025 share images"):
        plan_water(config(folder, tmp_path / "no", change=("2025-06", "2025")))


def test_images_without_crs_need_the_size_of_their_pixels_before_the_work(tmp_path):
    for day in ("2025-06-01", "2025-06-11"):
        write_image(tmp_path / f"{day}.tif", lake(12), crs=None)
    with pytest.raises(GridError, match="--resolution"):
        plan_water(config(tmp_path, tmp_path / "run"))


def test_band_files_of_several_dates_in_one_folder(tmp_path):
    place = tmp_path / "bands"
    place.mkdir()
    for date, radius in list(RADII.items())[:2]:
        day = date.replace("-", "")
        for band in ("green", "nir"):
            name = {"green": "SR_B3", "nir": "SR_B5"}[band]
            path = place / f"LC08_L2SP_181026_{day}_{day}_02_T1_{name}.TIF"
            write_image(path, lake(radius), bands={band: 0}, pixel=30.0)
    run = run_water(
        config(place, tmp_path / "run", sensor="landsat_c2l2", scale=0.0001, offset=0.0)
    )
    assert [d["status"] for d in run.result.to_dict()["dates"]] == ["ok", "ok"]
    assert run.result.dates[0].area_km2 == pytest.approx(9 * km2(lake(10)), rel=2e-3)
    for band, name in (("green", "SR_B3"), ("nir", "SR_B5")):
        other = f"LC08_L2SP_182026_20250605_20250605_02_T1_{name}.TIF"
        write_image(place / other, lake(10), bands={band: 0}, pixel=30.0)
    with pytest.raises(InputError, match="more than one image of 2025-06-05"):
        plan_water(config(place, tmp_path / "no"))


def test_dates_spread_over_a_cluster(folder, filled, tmp_path, monkeypatch):
    import dask
    from distributed import LocalCluster

    monkeypatch.setattr("obriy.workflows.cluster.PATIENCE_S", "600s")  # the machine may be busy
    images = shutil.copytree(folder, tmp_path / "images")
    (images / "S2B_20250501.tif").write_bytes(b"<html>")
    patient = dask.config.set({"distributed.comm.timeouts.connect": "600s"})
    with patient, LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as local:
        run = run_water(
            config(images, tmp_path / "run", fill=True, scheduler=local.scheduler_address)
        )
    assert not run.complete
    assert run.result.failed[0].name == "2025-05-01"
    assert run.result.area_km2 == filled.result.area_km2
    assert run.result.interval_km2 == filled.result.interval_km2
    # What the cluster finished is finished: the scheduler is gone, and no date is mapped again.
    again = run_water(config(images, tmp_path / "run", fill=True))
    assert again.result.area_km2 == run.result.area_km2


def test_a_scheduler_that_does_not_answer(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("obriy.workflows.cluster.PATIENCE_S", "1s")
    with pytest.raises(UsageError, match=r"No Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        run_water(config(folder, tmp_path / "run", scheduler="tcp://127.0.0.1:9"))


def test_districts_that_were_redrawn_are_measured_again(folder, tmp_path):
    import geopandas as gpd
    import shapely

    def draw(right):
        box = shapely.box(500_000, 5_200_000 - 640, right, 5_200_000)
        frame = gpd.GeoDataFrame({"name": ["d"]}, geometry=[box], crs="EPSG:32636")
        frame.to_file(tmp_path / "d.gpkg")

    values = {"aoi": str(tmp_path / "d.gpkg"), "datetime": "2025-07"}
    draw(500_800)
    whole = run_water(config(folder, tmp_path / "run", **values))
    draw(500_400)
    half = run_water(config(folder, tmp_path / "run", **values))
    assert whole.result.area_km2 == pytest.approx(km2(lake(18)), rel=2e-3)
    assert half.result.area_km2 == pytest.approx(km2(lake(18) & left_half()), rel=2e-3)


def test_a_change_with_a_side_that_failed_is_listed(folder, tmp_path):
    images = shutil.copytree(folder, tmp_path / "images")
    (images / "S2B_20250605.tif").write_bytes(b"<html>")
    run = run_water(config(images, tmp_path / "run", change=("2025-06-05", "2025-07")))
    assert run.result.change is None
    assert not run.complete
    assert any("on one side no date has a map" in w for w in run.result.warnings)


def test_an_image_that_changes_after_others_were_added(folder, tmp_path):
    images = shutil.copytree(folder, tmp_path / "images")
    values = {
        "outputs": ["mask", "polygons"],
        "fill": True,
        "change": ("2025-05/2025-06", "2025-07"),
    }
    run_water(config(images, tmp_path / "run", **values))
    write_image(images / "S2B_20250501.tif", lake(8))
    run_water(config(images, tmp_path / "run", **values))
    write_image(images / "S2B_20250501.tif", lake(16))
    again = run_water(config(images, tmp_path / "run", **values))
    fresh = run_water(config(images, tmp_path / "fresh", **values))
    for key in ("area_km2", "filled_km2", "interval_km2", "bodies", "change"):
        assert again.result.to_dict()[key] == fresh.result.to_dict()[key]


def test_filling_needs_another_date(folder, tmp_path):
    run = run_water(config(folder, tmp_path / "run", datetime="2025-07", fill=True))
    assert any("nothing to fill from" in w for w in run.result.warnings)


def test_the_plan_names_the_folder_of_the_run(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder.parent)
    relative = make_config(
        WaterConfig, {"source": folder.name, "method": METHOD, "outputs": ["mask"]}
    )
    assert plan_water(relative)["folder"] == str(run_water(relative).folder)
    shutil.rmtree(folder.parent / "obriy-runs")


# How files say their date


def renamed(folder, place, names):
    """The images of a folder under other names, in the order of time."""
    place.mkdir()
    for image, name in zip(sorted(folder.glob("*.tif")), names, strict=True):
        shutil.copy(image, place / name)
    return place


@pytest.mark.parametrize(
    "form", ["{d}{m}{y}.tif", "lake_{d}-{m}-{y}.tif", "{d}.{m}.{y}.tif", "{m}_{d}_{y}_lake.tif"]
)
def test_dates_with_the_year_last_are_a_series(folder, tmp_path, form):
    # 25 June and 15 July tell how 5 June is written.
    names = [form.format(y=day[:4], m=day[5:7], d=day[8:]) for day in RADII]
    place = renamed(folder, tmp_path / "images", names)
    plan = plan_water(config(place, tmp_path / "run"))
    assert plan["dates"] == list(RADII)


def test_dates_that_may_be_two_days_are_asked_about(folder, tmp_path):
    place = renamed(folder, tmp_path / "images", [f"0{d}062025.tif" for d in (5, 6, 7)])
    with pytest.raises(
        SourceError, match=r"05062025\.tif may be 2025-06-05 or 2025-05-06"
    ) as caught:
        plan_water(config(place, tmp_path / "run"))
    assert "dates.csv" in caught.value.hint
    table = place / "dates.csv"
    table.write_text(
        "file;date\n05062025.tif;5.6.2025\n06062025.tif;6.6.2025\n07062025.tif;7.6.2025"
    )
    dates = plan_water(config(place, tmp_path / "run"))["dates"]
    assert dates == ["2025-06-05", "2025-06-06", "2025-06-07"]
    table.write_text("file,date\n05062025.tif,05/06/2025\n")
    with pytest.raises(SourceError, match="line 2: '05/06/2025' may be 2025-06-05 or 2025-05-06"):
        plan_water(config(place, tmp_path / "run"))


def split(image, place, name):
    """Write the bands of an image as files of their own; ``name`` has a hole for the band."""
    place.mkdir(parents=True, exist_ok=True)
    with rasterio.open(image) as file:
        profile = file.profile | {"count": 1}
        for i, band in enumerate(file.descriptions, 1):
            with rasterio.open(place / name.format(band), "w", **profile) as one:
                one.write(file.read(i), 1)


def test_folders_of_bands_are_dated_as_their_product_names_them(folder, tmp_path):
    image, place = next(folder.glob("*.tif")), tmp_path / "images"
    for made, sensed in (("20161213", "20151007"), ("20161214", "20151017")):
        product = f"S2A_OPER_PRD_MSIL1C_PDMC_{made}T162432_R088_V{sensed}T012016_{sensed}T012016"
        granule = f"S2A_OPER_MSI_L1C_TL_EPA__{made}T093155_A001517_T55JGF_{{}}.tif"
        split(image, place / product, granule)
    dates = plan_water(config(place, tmp_path / "run"))["dates"]
    assert dates == ["2015-10-07", "2015-10-17"]


def test_folders_are_dated_by_what_their_files_agree_on(folder, tmp_path):
    image, place = next(folder.glob("*.tif")), tmp_path / "images"
    split(image, place / "a", "T36UXV_20240615T084601_{}.tif")
    split(image, place / "b", "T36UXV_20240620T084559_{}.tif")
    plan = plan_water(config(place, tmp_path / "run"))
    assert plan["dates"] == ["2024-06-15", "2024-06-20"]
    # A reference that lies in a folder beside the bands of an image is no other date.
    split(image, tmp_path / "scene", "T36UXV_20240615T084601_{}.tif")
    split(image, tmp_path / "scene" / "reference", "lake_20240701_{}.tif")
    assert len(find_items([str(tmp_path / "scene")])) == 1
    # Files of two dates in one folder agree on none.
    split(image, place / "b", "T36UXV_20240625T084559_{}.tif")
    with pytest.raises(SourceError, match="no two dates"):
        find_items([str(place)])


def test_bands_that_stand_before_the_date_are_put_together(folder, tmp_path):
    image, place = next(folder.glob("*.tif")), tmp_path / "images"
    for day in ("2023158", "2023166"):
        split(image, place, f"HLSS30.020_{{}}_doy{day}083609_aid0001.tif")
    dates = plan_water(config(place, tmp_path / "run"))["dates"]
    assert dates == ["2023-06-07", "2023-06-15"]


def test_folders_with_images_and_without_dates_are_not_called_empty(folder, tmp_path):
    image = next(folder.glob("*.tif"))
    for name in ("a", "b"):
        split(image, tmp_path / "images" / name, "{}.tif")
    with pytest.raises(SourceError, match=r"2 folders with images \(a, b\)") as caught:
        plan_water(config(tmp_path / "images", tmp_path / "run"))
    assert "dates.csv" in caught.value.hint


def test_bands_of_dates_with_the_year_last_are_put_together(folder, tmp_path):
    place = tmp_path / "images"
    place.mkdir()
    for day in ("05062025", "25062025"):
        with rasterio.open(next(folder.glob("*.tif"))) as image:
            profile = image.profile | {"count": 1}
            for i, name in enumerate(image.descriptions, 1):
                with rasterio.open(place / f"{day}_{name}.tif", "w", **profile) as file:
                    file.write(image.read(i), 1)
    dates = plan_water(config(place, tmp_path / "run"))["dates"]
    assert dates == ["2025-06-05", "2025-06-25"]
