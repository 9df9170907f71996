"""A sample of a map: which pixels, how many, the sheet to label, and the way back."""

import csv
import dataclasses
import json
import math
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from tests.terminal import HANG_S, error_line, obriy

from conftest import utm_grid
from obriy.cli.show_area import km2
from obriy.errors import (
    BandError,
    EmptyResultError,
    GridError,
    InputError,
    OutputError,
    SourceError,
    UsageError,
)
from obriy.model.grid import coords_of
from obriy.model.legend import load_legend
from obriy.model.sample import SampleDesign, Stratum
from obriy.outputs.sample_sheet import render_page
from obriy.render.chips import draw_chips, views_of
from obriy.render.text import text_of
from obriy.validation.area_adjusted import estimate_areas
from obriy.validation.sampling import (
    StrataPlan,
    allocate,
    conjectured_accuracy,
    count_strata,
    draw,
    near_edge,
    size_for,
)
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job
from obriy.workflows.sampling import draw_sample, evaluate_sample

WATER = load_legend("water")
UTM_GRID = Affine(10, 0, 5e5, 0, -10, 5.2e6)


def strata_of(**pixels):
    return [Stratum(name, n, {"water": float(n)}) for name, n in pixels.items()]


def plan_of(labels, edge=0, inside=None):
    labels = np.asarray(labels, "uint8")
    coords = coords_of(utm_grid(labels.shape))
    return StrataPlan(xr.DataArray(labels, coords, ("y", "x")), WATER, edge, inside)


def ones(rows, columns):
    return np.ones((rows.stop - rows.start, columns.stop - columns.start))


# How many


def test_olofsson_2014_sample_size():
    # Olofsson et al. 2014, section 5.1.1: W = .02 .015 .32 .645, U = .7 .6 .9 .95, S(O) = .01
    # gives n = 641.
    strata = strata_of(a=200_000, b=150_000, c=3_200_000, d=6_450_000)
    accuracy = dict(zip("abcd", (0.7, 0.6, 0.9, 0.95), strict=True))
    assert size_for(strata, accuracy, 0.01) == 641


def test_a_small_population_needs_fewer():
    # S² = .09: n = .09 / (.02² + .09/1000) = 183.7, against 225 of an endless population.
    assert size_for(strata_of(water=1000), {"water": 0.9}, 0.02) == 184
    assert size_for(strata_of(water=10**9), {"water": 0.9}, 0.02) == 225


def test_the_edge_is_supposed_to_be_worse():
    supposed = conjectured_accuracy(strata_of(water=1, edge=1))
    assert supposed["edge"] < supposed["water"]


@pytest.mark.parametrize("target", [0, -1, 0.5, 2])
def test_targets_that_cannot_be(target):
    with pytest.raises(UsageError, match="no target"):
        size_for(strata_of(water=10), {"water": 0.9}, target)


def sizes(size, least=50, **pixels):
    return [s.size for s in allocate(strata_of(**pixels), size, least)]


@pytest.mark.parametrize(
    ("size", "pixels", "wanted"),
    [
        # Shares of 300: 240, 57, 3; the last gets 50, and the rest of 250 goes 80 : 19.
        (300, {"a": 8000, "b": 1900, "c": 100}, [200, 50, 50]),
        (600, {"a": 8000, "b": 1900, "c": 100}, [444, 106, 50]),  # 550 · 80/99 = 444.4
        (120, {"a": 9000, "b": 900, "c": 100}, [40, 40, 40]),  # 50 each does not go round
        (400, {"a": 9000, "b": 900, "c": 20}, [330, 50, 20]),  # all 20 of the last
        (400, {"a": 30, "b": 40}, [30, 40]),  # all there are
        (101, {"a": 5000, "b": 5000}, [51, 50]),
    ],
)
def test_allocation(size, pixels, wanted):
    assert sizes(size, **pixels) == wanted


def test_allocation_adds_up_and_stays_within_the_pixels():
    rng = np.random.default_rng(0)
    for _ in range(300):
        pixels = {f"s{i}": int(10 ** rng.uniform(0, 6)) for i in range(rng.integers(1, 9))}
        size, least = int(rng.integers(2 * len(pixels), 3000)), int(rng.integers(2, 120))
        found = sizes(size, least, **pixels)
        assert sum(found) == min(size, sum(pixels.values()))
        floor = min(least, size // len(pixels))
        for n, all_of in zip(found, pixels.values(), strict=True):
            assert min(floor, all_of) <= n <= all_of


@pytest.mark.parametrize(("size", "least"), [(3, 50), (100, 1)])
def test_sizes_that_cannot_give_an_error(size, least):
    with pytest.raises(UsageError):
        allocate(strata_of(a=100, b=100), size, least)


# Which


def test_near_an_edge():
    labels = np.array([[1, 1, 1, 2, 2], [1, 1, 1, 1, 2], [0, 1, 1, 1, 1], [2, 0, 1, 1, 255]])
    marks = near_edge(labels.astype("uint8"), 1)
    # The 2 in the last row touches a 1 at its corner; 0 and 255 are no class and make no edge.
    wanted = [[0, 0, 1, 1, 1], [0, 0, 1, 1, 1], [0, 1, 0, 1, 1], [1, 0, 0, 0, 0]]
    assert marks.astype(int).tolist() == wanted
    assert near_edge(labels.astype("uint8"), 2)[0].tolist() == [False, True, True, True, True]


def test_what_has_no_class_is_no_population():
    frame = count_strata(plan_of([[1, 2, 0], [255, 1, 1]]), lambda r, c: 4 * ones(r, c))
    assert [(s.name, s.pixels, s.area_m2) for s in frame.strata] == [
        ("not_water", 3, 12.0),
        ("water", 1, 4.0),
    ]
    assert (frame.unseen_m2, frame.unnamed_m2) == (4.0, 4.0)


def test_strata_know_what_is_mapped_in_them():
    frame = count_strata(plan_of([[1, 1, 1, 2, 2, 2]], edge=1), ones)
    assert {s.name: dict(s.mapped_m2) for s in frame.strata} == {
        "not_water": {"not_water": 2.0},
        "water": {"water": 2.0},
        "edge": {"not_water": 1.0, "water": 1.0},
    }


def test_a_district_leaves_the_rest_out():
    def left(rows, columns):
        return np.broadcast_to(
            np.arange(columns.start, columns.stop) < 2, ones(rows, columns).shape
        )

    frame = count_strata(plan_of([[1, 2, 1, 0], [0, 2, 2, 2]], inside=left), ones)
    assert {s.name: s.pixels for s in frame.strata} == {"not_water": 1, "water": 2}
    assert frame.unseen_m2 == 1


def test_nothing_to_sample():
    with pytest.raises(EmptyResultError):
        count_strata(plan_of([[0, 255]]), ones)


def test_a_code_that_the_legend_does_not_have():
    with pytest.raises(InputError, match="code 7"):
        count_strata(plan_of([[1, 7]]), ones)


def drawn(plan, wanted, seed=0):
    frame = count_strata(plan, ones)
    strata = [dataclasses.replace(s, size=wanted[s.name]) for s in frame.strata]
    return draw(frame, strata, seed, ones)


def test_units_are_distinct_and_lie_in_their_stratum():
    rng = np.random.default_rng(2)
    labels = rng.choice([0, 1, 2, 255], (90, 70), p=[0.1, 0.6, 0.25, 0.05]).astype("uint8")
    units = drawn(plan_of(labels), {"not_water": 200, "water": 150})
    assert len({(u.row, u.column) for u in units}) == 350
    assert all(WATER.by_name(u.stratum).code == labels[u.row, u.column] for u in units)
    assert all(u.mapped == u.stratum for u in units)
    assert [u.number for u in units] == list(range(1, 351))


def test_edges_are_found_across_blocks():
    # Blocks are 2048 pixels wide: the class changes right at the seam.
    labels = np.full((3, 2100), 1, "uint8")
    labels[:, 2048:] = 2
    units = drawn(plan_of(labels, edge=1), {"not_water": 2, "water": 2, "edge": 6})
    edge = [u for u in units if u.stratum == "edge"]
    assert {(u.row, u.column) for u in edge} == {(r, c) for r in range(3) for c in (2047, 2048)}
    assert {u.mapped for u in edge if u.column == 2047} == {"not_water"}


def test_every_pixel_is_as_likely_in_every_block():
    labels = np.ones((2, 4200), "uint8")
    places = [5, 2040, 2047, 2048, 3000, 4095, 4096, 4199]
    labels[0, places] = 2
    plan = plan_of(labels)
    frame = count_strata(plan, ones)
    strata = [dataclasses.replace(s, size=2) for s in frame.strata]
    hits = dict.fromkeys(places, 0)
    for seed in range(800):
        for unit in draw(frame, strata, seed, ones):
            if unit.stratum == "water":
                hits[unit.column] += 1
    # 800 · 2/8 = 200 each, with a standard deviation of sqrt(800 · 1/4 · 3/4) = 12.2
    assert all(abs(n - 200) < 4 * 12.2 for n in hits.values()), hits


def test_the_seed_decides():
    plan = plan_of(np.random.default_rng(1).integers(1, 3, (50, 50)))
    wanted = {"not_water": 20, "water": 20}
    assert drawn(plan, wanted, 4) == drawn(plan, wanted, 4)
    assert drawn(plan, wanted, 4) != drawn(plan, wanted, 5)


def test_the_order_tells_nothing_of_the_stratum():
    plan = plan_of(np.random.default_rng(1).integers(1, 3, (100, 100)))
    units = drawn(plan, {"not_water": 500, "water": 500})
    first = sum(u.stratum == "water" for u in units[:500])
    assert abs(first - 250) < 4 * math.sqrt(500 / 4 * 0.5)  # hypergeometric


def test_with_an_edge_stratum_the_area_is_right_on_average_and_surer():
    # A lake whose map is one pixel too small all round, drawn 250 times.
    y, x = np.mgrid[:120, :160]
    distance = np.hypot(x - 80, y - 60)
    truth, labels = distance < 35, np.where(distance < 34, 2, 1)
    found, errors, hits = {}, {}, {}
    for edge in (0, 1):
        plan = plan_of(labels, edge)
        frame = count_strata(plan, ones)
        strata = allocate(frame.strata, 300, 100)
        values, hit = [], 0
        for seed in range(250):
            units = draw(frame, strata, seed, ones)
            design = SampleDesign(WATER, strata, tuple(units), seed)
            names = {u.number: "water" if truth[u.row, u.column] else "not_water" for u in units}
            area = estimate_areas(design, names).of("water").area
            values.append(area.value)
            low, high = area.interval(0.90) or (0, 0)
            hit += low <= truth.sum() <= high
        found[edge], errors[edge], hits[edge] = np.mean(values), np.std(values), hit / 250
    true = truth.sum()
    assert found[0] == pytest.approx(true, abs=4 * errors[0] / math.sqrt(250))
    assert found[1] == pytest.approx(true, abs=4 * errors[1] / math.sqrt(250))
    assert errors[1] < errors[0] / 3
    assert hits[1] == pytest.approx(0.90, abs=0.06)


# Files


TRUTH = np.hypot(*(np.mgrid[:150, :200] - np.array([70, 90])[:, None, None])) < 45


def write(path, arrays, dtype, *, crs="EPSG:32636", transform=UTM_GRID, names=None, tags=None):
    rows, columns = np.asarray(arrays[0]).shape
    with rasterio.open(
        path, "w", driver="GTiff", width=columns, height=rows, count=len(arrays), dtype=dtype,
        crs=crs, transform=transform, nodata=0,
    ) as file:  # fmt: skip
        for i, array in enumerate(arrays, 1):
            file.write(np.asarray(array).astype(dtype), i)
            if names:
                file.set_band_description(i, names[i - 1])
        file.update_tags(**(tags or {}))
    return path


def image_of(folder, truth=TRUTH, **about):
    water = {"blue": 500, "green": 600, "red": 400, "nir": 150, "swir16": 80}
    land = {"blue": 400, "green": 700, "red": 700, "nir": 3000, "swir16": 2200}
    bands = [np.where(truth, water[k], land[k]) for k in water]
    return write(folder / "image.tif", bands, "uint16", names=list(water), **about)


@pytest.fixture
def map_file(tmp_path):
    """A map of the lake that misses a strip of it, and did not see a corner."""
    labels = np.where(TRUTH, 2, 1)
    labels[:, 90:100] = 1
    labels[:20, :30] = 0
    image = image_of(tmp_path)
    return write(
        tmp_path / "mask.tif", [labels], "uint8", tags={"OBRIY_SOURCES": json.dumps([str(image)])}
    )


def fill(sheet, word=lambda water: "water" if water else "not_water", **about):
    rows = list(csv.DictReader(sheet.open(encoding="utf-8")))
    for row in rows:
        place = int((5.2e6 - float(row["y"])) // 10), int((float(row["x"]) - 5e5) // 10)
        row["label"] = word(TRUTH[place])
    save(sheet, rows, **about)
    return rows


def save(sheet, rows, delimiter=",", encoding="utf-8"):
    with sheet.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, ["id", "lon", "lat", "x", "y", "label"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def test_from_map_to_area(map_file, tmp_path):
    done = draw_sample(map_file, tmp_path / "s", size=400, edge=1, seed=3)
    fill(done.files["sheet"])
    found = evaluate_sample(done.files["sheet"])
    seen = np.ones_like(TRUTH)
    seen[:20, :30] = False
    water = found.of("water").area
    low, high = water.interval(0.99)
    # 100 m² in the plane of UTM, 0.08 % more on the ground at its central meridian.
    assert low < TRUTH[seen].sum() * 100 < high
    assert found.population_m2 == pytest.approx(seen.sum() * 100, rel=1e-3)
    assert found.unseen_share == pytest.approx(600 / 30_000)
    assert found.of("water").bias_m2 < 0
    assert found.of("not_water").area.value + water.value == pytest.approx(found.population_m2)
    assert "2.0% of the area has no class" in done.warnings[0]


def test_the_files_tell_nothing_of_the_map(map_file, tmp_path):
    done = draw_sample(map_file, tmp_path / "s", size=60, seed=1)
    rows = list(csv.DictReader(done.files["sheet"].open()))
    assert list(rows[0]) == ["id", "lon", "lat", "x", "y", "label"]
    assert {row["label"] for row in rows} == {""}
    points = gpd.read_file(done.files["points"])
    assert list(points.columns) == ["id", "lon", "lat", "label", "geometry"]
    assert points.crs.to_epsg() == 32636
    lonlat = points.to_crs(4326).geometry
    assert np.allclose(points["lon"], lonlat.x)
    assert np.allclose(points["lat"], lonlat.y)
    # A page of a design with all classes the other way round is the same page.
    design = done.design
    other = {"water": "not_water", "not_water": "water"}
    turned = dataclasses.replace(
        design,
        units=tuple(
            dataclasses.replace(u, mapped=other[u.mapped], stratum=other[u.stratum])
            for u in design.units
        ),
    )
    pages = [render_page(d, (), [()] * 60, "image.tif", text_of("en")) for d in (design, turned)]
    assert pages[0] == pages[1]


def test_a_design_survives_its_file(map_file, tmp_path):
    done = draw_sample(map_file, tmp_path / "s", size=40, edge=1)
    written = json.loads(done.files["design"].read_text(encoding="utf-8"))
    assert SampleDesign.from_dict(written) == done.design


def test_pixels_of_a_map_in_degrees_count_by_their_area(tmp_path):
    # From 0 to 60 degrees north in 60 rows: a row at the equator is twice as large as at 60.
    labels = np.repeat(np.where(np.arange(60) < 30, 2, 1)[:, None], 40, axis=1)
    path = write(tmp_path / "m.tif", [labels], "uint8", crs="EPSG:4326",
                 transform=Affine(1, 0, 10, 0, -1, 60))  # fmt: skip
    done = draw_sample(path, tmp_path / "s", size=2400, least=2)
    areas = {s.name: s.area_m2 for s in done.design.strata}
    # Zones of a sphere are as the differences of the sines; the Earth is flat by 0.3 %.
    ratio = (math.sin(math.pi / 3) - 0.5) / 0.5
    assert areas["water"] / areas["not_water"] == pytest.approx(ratio, rel=0.01)
    rows = list(csv.DictReader(done.files["sheet"].open()))
    for row in rows:  # the northern third is water
        row["label"] = "water" if float(row["lat"]) > 40 else "not_water"
    save(done.files["sheet"], rows)
    area = evaluate_sample(done.files["sheet"]).of("water").area
    share = (math.sin(math.pi / 3) - math.sin(math.radians(40))) / math.sin(math.pi / 3)
    # Every pixel is labelled: the share is exact, and a plain mean would give 1/3 for .258.
    assert area.value / done.design.population_m2 == pytest.approx(share, rel=0.01)
    assert area.standard_error == 0


def test_only_pixels_with_their_centre_in_the_district(map_file, tmp_path):
    box = gpd.GeoDataFrame(geometry=[shapely.box(500_500, 5_199_000, 501_000, 5_199_604)],
                           crs=32636)  # fmt: skip
    box.to_file(tmp_path / "d.gpkg")
    done = draw_sample(map_file, tmp_path / "s", size=100, aoi=str(tmp_path / "d.gpkg"))
    # 50 columns; rows 40 to 99, of row 39 only the lower 4 m.
    assert sum(s.pixels for s in done.design.strata) == 50 * 60
    assert all(40 <= u.row < 100 and 50 <= u.column < 100 for u in done.design.units)


@pytest.mark.parametrize(
    ("words", "about"),
    [
        ((lambda w: "2" if w else "1"), {}),
        ((lambda w: "2.0" if w else "1.0"), {"delimiter": ";"}),
        ((lambda w: " Вода" if w else "не вода"), {"delimiter": "\t", "encoding": "utf-8-sig"}),
        ((lambda w: "WATER" if w else "Not water"), {}),
    ],
)
def test_labels_as_people_write_them(map_file, tmp_path, words, about):
    sheet = draw_sample(map_file, tmp_path / "s", size=60).files["sheet"]
    fill(sheet)
    plain = evaluate_sample(sheet)
    fill_again = list(csv.DictReader(sheet.open()))
    for row in fill_again:
        row["label"] = words(row["label"] == "water")
    save(sheet, fill_again, **about)
    assert evaluate_sample(sheet) == plain


def test_labels_from_a_gis(map_file, tmp_path):
    files = draw_sample(map_file, tmp_path / "s", size=60).files
    rows = fill(files["sheet"])
    points = gpd.read_file(files["points"])
    points["label"] = [row["label"] for row in rows]
    points.loc[0, "label"] = None
    points.to_file(files["points"], layer="sample")
    found = evaluate_sample(files["points"])
    assert sum(row[4] for row in found.labelled) == 59


def test_question_marks_are_counted(map_file, tmp_path):
    sheet = draw_sample(map_file, tmp_path / "s", size=60).files["sheet"]
    rows = fill(sheet)
    rows[0]["label"], rows[1]["label"] = "?", ""
    save(sheet, rows)
    assert evaluate_sample(sheet).notes[0] == "2 of 60 units have no label and were left out."


def broken(rows, how):
    if how == "missing":
        return rows[2:]
    if how == "more than once":
        return [*rows, rows[0]]
    if how == "not of this sample":
        return [*rows, rows[0] | {"id": "99"}]
    if how == "is no id":
        return [rows[0] | {"id": "x"}, *rows[1:]]
    return [rows[0] | {"label": "lava"}, *rows[1:]]


@pytest.mark.parametrize(
    "how", ["missing", "more than once", "not of this sample", "is no id", "'lava' of id 1"]
)
def test_sheets_that_do_not_fit(map_file, tmp_path, how):
    sheet = draw_sample(map_file, tmp_path / "s", size=40).files["sheet"]
    save(sheet, broken(fill(sheet), how))
    with pytest.raises(InputError, match=how):
        evaluate_sample(sheet)


def test_what_else_goes_wrong(map_file, tmp_path):
    done = draw_sample(map_file, tmp_path / "s", size=40)
    sheet = done.files["sheet"]
    with pytest.raises(EmptyResultError, match="no label yet"):
        evaluate_sample(sheet)
    with pytest.raises(OutputError, match="perhaps with labels"):
        draw_sample(map_file, tmp_path / "s", size=40)
    fill(sheet)
    before = evaluate_sample(sheet)
    away = map_file.rename(tmp_path / "away.tif")
    gone = evaluate_sample(sheet)
    assert gone.classes == before.classes
    assert "is not there" in gone.notes[-1]
    shutil.copy(away, map_file)
    with rasterio.open(map_file, "r+") as file:
        file.write(np.full((1, 1), 2, "uint8"), 1, window=((0, 1), (0, 1)))
    with pytest.raises(InputError, match="has changed"):
        evaluate_sample(sheet)
    done.files["design"].write_text("{}")
    with pytest.raises(InputError, match="damaged"):
        evaluate_sample(sheet)
    done.files["design"].unlink()
    with pytest.raises(SourceError, match="not beside"):
        evaluate_sample(sheet)
    with pytest.raises(SourceError, match="no file"):
        evaluate_sample(tmp_path / "none.csv")


def test_a_map_without_a_place(tmp_path):
    path = write(tmp_path / "m.tif", [np.where(TRUTH, 2, 1)], "uint8", crs=None)
    with pytest.raises(GridError, match="no CRS"):
        draw_sample(path, tmp_path / "s", size=4)


@pytest.mark.parametrize("wanted", [{"size": 10_001}, {"target_se": 1e-4}, {"size": 3}])
def test_sizes_that_make_no_sense(map_file, tmp_path, wanted):
    with pytest.raises(UsageError):
        draw_sample(map_file, tmp_path / "s", **wanted)
    assert not (tmp_path / "s").exists()


def test_without_an_image_there_is_no_page_and_it_is_said(tmp_path):
    path = write(tmp_path / "m.tif", [np.where(TRUTH, 2, 1)], "uint8")
    done = draw_sample(path, tmp_path / "s", size=40)
    assert "page" not in done.files
    assert done.warnings == (
        "No page to label on: The map does not name the image that it was made from. Name the "
        "image with --image.",
    )
    with pytest.raises(SourceError):
        draw_sample(path, tmp_path / "t", size=40, image=str(tmp_path / "none.tif"))


@pytest.mark.parametrize("series", [False, True])
def test_a_map_of_a_run_is_shown_as_the_run_read_its_image(tmp_path, series):
    place = tmp_path / "images"
    place.mkdir()
    water = np.zeros((60, 60), bool)
    water[:, :25] = True
    for day in ("2025-06-05", "2025-06-15")[: 1 + series]:  # bands without names
        dn = [np.where(water, wet, dry) for wet, dry in ((900, 1100), (400, 3000))]
        write(place / f"{day}.tif", [band.astype("uint16") for band in dn], "uint16")
    source = place if series else place / "2025-06-05.tif"
    values = {"source": str(source), "bands": "green,nir", "scale": 1e-4, "out": tmp_path / "run"}
    run_job(make_config(WaterConfig, values | {"method": "ndwi:zero", "outputs": ["mask"]}))
    folder = tmp_path / "run" / "maps" / "2025-06-05" if series else tmp_path / "run"
    done = draw_sample(folder / "mask.tif", tmp_path / "s", size=20, least=5)
    assert "page" in done.files
    assert done.warnings == ()
    other = write(tmp_path / "other.tif", [np.full((60, 60), 500)] * 2, "uint16")
    with pytest.raises(BandError):  # another image is read by what it says itself
        draw_sample(folder / "mask.tif", tmp_path / "t", size=20, least=5, image=str(other))


def test_the_bands_of_an_image_that_names_none_are_told(tmp_path):
    image = write(tmp_path / "image.tif", [np.full(TRUTH.shape, 500)] * 2, "uint16")
    path = write(tmp_path / "m.tif", [np.where(TRUTH, 2, 1)], "uint8")
    words = ["sample", path, "--image", image, "--size", 20, "--minimum", 5, "--out"]
    assert "--bands" in error_line(obriy(*words, tmp_path / "s"), 1)
    done = obriy(*words, tmp_path / "s", "--bands", "green,nir")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "s" / "sheet.html").exists()


# The page


def page_data(page):
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    return json.loads(found[1])


def test_the_page_needs_nothing_beside_it(map_file, tmp_path):
    page = draw_sample(map_file, tmp_path / "s", size=40, lang="uk").files["page"]
    text = page.read_text(encoding="utf-8")
    addresses = set(re.findall(r"https?://[^\s\"'<]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    data = page_data(page)
    assert [c["title"] for c in data["classes"]] == ["Не вода", "Вода"]
    assert len(data["units"]) == 40
    assert all(len(unit["chips"]) == len(data["views"]) == 4 for unit in data["units"])
    assert '<html lang="uk">' in text


def decoded(chip):
    with rasterio.MemoryFile(chip.data) as memory, memory.open() as file:
        return file.read()


def test_a_chip_shows_the_pixel_in_its_middle(scene_of):
    shape = (60, 80)
    bands = {name: np.full(shape, 0.1) for name in ("red", "green", "blue")}
    bands["red"][20, 30] = 0.9
    bands["blue"][:, 79] = np.nan
    scene = scene_of(**bands)
    views = views_of(scene)
    assert [v.true_colour for v in views] == [True, True]
    assert [v.metres for v in views] == [1610, 250]
    west, north = 500_000 + 300, 5_200_000 - 200
    pixel = shapely.box(west, north - 10, west + 10, north)
    (chips,) = draw_chips(scene, views, [pixel], "EPSG:32636")
    close = decoded(chips[1])
    assert close.shape[1:] == (25, 25)
    bright = np.argwhere(close[0] == 255)
    assert bright.tolist() == [[12, 12]]
    outline = np.array(chips[1].outline) * 25
    assert sorted(map(tuple, outline.round(3).tolist())) == [(12, 12), (12, 13), (13, 12), (13, 13)]


def test_a_place_is_found_in_an_image_of_another_grid(scene_of):
    # The image lies in degrees, the place in UTM zone 36, whose central meridian is 33 E.
    red = np.full((100, 100), 0.1)
    red[50, 50] = 0.9
    geobox = GeoBox((100, 100), Affine(0.001, 0, 32.9495, 0, -0.001, 47.0505), "EPSG:4326")
    scene = scene_of(geobox=geobox, red=red, green=red * 0 + 0.1, blue=red * 0 + 0.1)
    from pyproj import Transformer

    x, y = Transformer.from_crs(4326, 32636, always_xy=True).transform(33.0, 47.0)
    places = [shapely.box(x - 5, y - 5, x + 5, y + 5), shapely.box(0, 0, 10, 10)]
    here, nowhere = draw_chips(scene, views_of(scene), places, "EPSG:32636")
    assert nowhere == ()
    assert np.argwhere(decoded(here[1])[0] == 255).tolist() == [[12, 12]]
    outline = np.array(here[1].outline) * 25
    assert np.allclose(outline.mean(axis=0), 12.5, atol=0.01)
    # 10 m of 0.001 degrees: 111.2 m to the north, 76.1 m to the east at 47 N.
    assert np.ptp(outline, axis=0) == pytest.approx([10 / 76.1, 10 / 111.2], rel=0.02)


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium to open the page with")
def test_the_page_in_a_browser(map_file, tmp_path):
    """Keys label, move and take back; what would be saved comes back as labels."""
    done = draw_sample(map_file, tmp_path / "s", size=20, least=2)
    keys = ["2", "1", "?", "1", "ArrowLeft", "Backspace", "2", "N", "ArrowRight", "1"]
    script = (
        f"<script>for (const key of {json.dumps(keys)}) document.dispatchEvent(new "
        "KeyboardEvent('keydown', {key})); document.body.innerHTML = '<pre></pre>'; "
        "document.querySelector('pre').textContent = table();</script>"
    )
    page = tmp_path / "driven.html"
    text = done.files["page"].read_text(encoding="utf-8")
    page.write_text(text.replace("</body>", script + "</body>"), encoding="utf-8")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        opened = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
             f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
            capture_output=True, text=True, timeout=HANG_S, check=True,
        )  # fmt: skip
    saved = re.search(r"<pre>(.*?)</pre>", opened.stdout, re.DOTALL)[1]
    rows = list(csv.DictReader(saved.splitlines()))
    # 4 keys label units 1 to 4; back to 4, taken away, 2 instead; N goes from 5 to 6, right to 7.
    wanted = ["water", "not_water", "?", "water", "", "", "not_water"]
    assert [row["label"] for row in rows[:7]] == wanted
    assert {row["label"] for row in rows[7:]} == {""}
    empty = list(csv.DictReader(done.files["sheet"].open()))
    assert [row | {"label": ""} for row in rows] == empty
    done.files["sheet"].write_text(saved, encoding="utf-8")
    assert sum(row[4] for row in evaluate_sample(done.files["sheet"]).labelled) == 4


# The command


def test_the_command(map_file, tmp_path):
    out = tmp_path / "s"
    done = obriy("sample", map_file, "--out", out, "--edge", "1", "--size", "200", "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["size"] == 200
    assert [s["name"] for s in shown["strata"]] == ["not_water", "water", "edge"]
    assert "mapped" not in done.stdout
    fill(Path(shown["files"]["sheet"]))
    result = obriy("evaluate", "--sample", out / "sample.csv", "--json")
    water = next(c for c in json.loads(result.stdout)["classes"] if c["name"] == "water")
    low, high = water["area_m2"]["interval_90"]
    assert low < water["area_m2"]["value"] < high
    table = obriy("evaluate", "--sample", out / "sample.csv")
    assert km2(water["area_m2"]["value"] / 1e6) in table.stdout


def test_a_size_and_a_precision_exclude_each_other(map_file, tmp_path):
    done = obriy("sample", map_file, "--size", 9, "--target-se", 0.1, "--out", tmp_path / "s")
    assert "exclude each other" in error_line(done, 2)
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["evaluate"], "MAP and REFERENCE"),
        (["evaluate", "m.tif"], "MAP and REFERENCE"),
        (["evaluate", "m.tif", "r.tif", "--sample", "s.csv"], "stands alone"),
        (["sample", "m.tif", "--lang", "fr"], "--lang: there are no words of 'fr'. Known: en, uk"),
    ],
)
def test_calls_that_are_off(words, said):
    done = obriy(*words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
