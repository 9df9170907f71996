"""A season: scenes of several dates to one Scene, and land cover from it."""

import dataclasses
import datetime as dt
import io
import json
import shutil
import warnings
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from matplotlib.collections import LineCollection
from matplotlib.image import imread
from tests.conftest import utm_grid

import obriy
from obriy.blocks.engine import EngineOptions
from obriy.errors import BandError, SourceError, UsageError
from obriy.labelling.season_rules import rules_met, with_season
from obriy.labelling.year import curves_of, describe_year
from obriy.methods.clustering.parse import parse_clusterer
from obriy.model.clusters import ClusterFacts, Spread
from obriy.model.flags import CLOUDS_STEP, Flag
from obriy.model.item import Item
from obriy.model.legend import load_legend
from obriy.model.notices import in_language
from obriy.model.scene import band_names, provenance_of
from obriy.model.season import OPPOSITE, SEASONAL, STEP, SeasonDate, SeasonSeen, pictured
from obriy.prepare.over_dates import MISSING, quantiles
from obriy.prepare.season import Stack
from obriy.render.figures import new_figure
from obriy.render.text import text_of
from obriy.render.year import OppositeMonths, draw_year, year_pictures
from obriy.simulate.materials import code
from obriy.simulate.season import make_season
from obriy.tables import load_toml
from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.inputs import OpenedItem
from obriy.workflows.jobs import plan_job, run_job
from obriy.workflows.landcover.clustering import cluster_in_memory
from obriy.workflows.landcover.season import (
    about_season,
    dates_of,
    season_row,
    season_to_files,
)
from obriy.workflows.learn.landcover_lessons import open_run

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
BARE = (0.08, 0.10, 0.13, 0.19, 0.26, 0.22)
GREEN = (0.03, 0.06, 0.04, 0.36, 0.18, 0.09)
NEEDLES = (0.02, 0.04, 0.03, 0.21, 0.10, 0.05)
SIDE = 56
WATER = (0.05, 0.05, 0.03, 0.015, 0.007, 0.004)


# --- the stage ------------------------------------------------------------------------------------


def scenes_of(scene_of, dates, values, flags=None):
    """One pixel in 8 x 8 equal ones on each date: red and near infrared."""
    made = []
    for number, date in enumerate(dates):
        red, nir = values[number]
        marks = None if flags is None else np.full((8, 8), flags[number], "uint16")
        scene = scene_of(red=np.full((8, 8), red), nir=np.full((8, 8), nir), flags=marks)
        made.append(scene.assign_attrs(time=date))
    return made


def value(scene, name):
    return float(scene[name].to_numpy()[4, 4])


def test_medians_and_percentiles_are_those_of_the_dates_that_were_seen(scene_of):
    dates = ["2025-04-01", "2025-05-01", "2025-06-01", "2025-07-01", "2025-08-01", "2025-09-01"]
    # NDVI 0, 0.2, 0.5, 0.6, 0.8; the third date is a cloud.
    values = [(0.2, 0.2), (0.2, 0.3), (0.6, 0.61), (0.1, 0.3), (0.1, 0.4), (0.04, 0.36)]
    flags = [0, 0, int(Flag.CLOUD), 0, 0, 0]
    stack = Stack(scenes_of(scene_of, dates, values, flags), edge=2)
    made = stack.scene()
    # It is green at times: its bands are medians over the greener half, July to September.
    assert value(made, "red") == pytest.approx(0.1)
    assert value(made, "nir") == pytest.approx(0.36)
    # Of five values the 10th percentile lies 0.4 of the way from the first to the second.
    assert value(made, "ndvi_low") == pytest.approx(0.4 * 0.2, abs=1e-4)
    assert value(made, "ndvi_high") == pytest.approx(0.6 + 0.6 * 0.2, abs=1e-4)
    # Green (above 0.4) in July, August and September, of the five months that were seen.
    assert value(made, "green_share") == pytest.approx(3 / 5, abs=1e-4)
    assert stack.window(slice(4, 5), slice(4, 5)).count.tolist() == [[5]]


def test_of_what_is_never_green_bands_are_medians_over_all_dates(scene_of):
    dates = ["2025-04-01", "2025-06-01", "2025-08-01"]
    made = Stack(scenes_of(scene_of, dates, [(0.3, 0.4), (0.2, 0.2), (0.25, 0.3)]), edge=0).scene()
    assert (value(made, "red"), value(made, "nir")) == pytest.approx((0.25, 0.3))


def test_a_wood_in_the_shade_of_winter_is_not_wet(scene_of):
    def share(green, red, nir, swir16):
        planes = {"green": green, "red": red, "nir": nir, "swir16": swir16}
        scene = scene_of(**{name: np.full((8, 8), own) for name, own in planes.items()})
        return value(Stack([scene.assign_attrs(time="2025-01-10")], edge=0).scene(), "wet_share")

    assert share(0.05, 0.03, 0.08, 0.03) == 0  # MNDWI 0.25, NDVI 0.45
    assert share(0.05, 0.03, 0.02, 0.01) == 1


def test_the_season_of_a_month_is_its_median_alone(scene_of):
    dates = ["2024-06-03", "2025-06-01", "2025-06-20", "2025-08-01"]
    values = [(0.1, 0.3), (0.1, 0.4), (0.2, 0.2), (0.04, 0.36)]  # NDVI 0.5, 0.6, 0; 0.8
    curves = (
        Stack(scenes_of(scene_of, dates, values), edge=0).window(slice(0, 8), slice(0, 8)).curves
    )
    assert {name: plane[0, 0] for name, plane in curves.items()} == {
        "NDVI_06": 5000, "NDVI_08": 8000,
    }  # fmt: skip


def test_what_no_date_showed_is_unseen(scene_of):
    made = scenes_of(scene_of, ["2025-05-01", "2025-06-01"], [(0.1, 0.3), (0.1, 0.3)])
    for scene in made:
        scene["red"][2, 3] = np.nan
    stack = Stack(made, edge=0)
    for name in band_names(stack.scene()):
        assert np.argwhere(np.isnan(stack.scene()[name].to_numpy())).tolist() == [[2, 3]], name
    assert stack.window(slice(0, 8), slice(0, 8)).count[2, 3] == 0


def test_snow_counts_only_where_nothing_else_was_seen(scene_of):
    dates = ["2025-01-01", "2025-02-01", "2025-06-01"]
    values = [(0.8, 0.8), (0.8, 0.8), (0.1, 0.3)]
    flags = [int(Flag.SNOW), int(Flag.SNOW), 0]
    thawed = Stack(scenes_of(scene_of, dates, values, flags), edge=0)
    assert value(thawed.scene(), "red") == pytest.approx(0.1)
    always = Stack(scenes_of(scene_of, dates[:2], values[:2], flags[:2]), edge=0)
    assert value(always.scene(), "red") == pytest.approx(0.8)


@pytest.mark.parametrize("dates", [1, 2, 5, 21, 68])
def test_percentiles_of_any_number_of_dates_are_those_of_numpy(dates):
    rng = np.random.default_rng(dates)
    values = rng.integers(-9000, 9000, (dates, 700)).astype("int16")
    used = rng.random(values.shape) < 0.7
    found = quantiles(values, used)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        known = np.where(used, values.astype(float), np.nan)
        wanted = np.nanpercentile(known, [10, 50, 90], axis=0)
    assert np.array_equal(found == MISSING, np.isnan(wanted))
    told = ~np.isnan(wanted)
    assert np.abs(found[told] - wanted[told]).max() <= 0.5 + 1e-9


@pytest.fixture(scope="module")
def year():
    """A simulated year under clouds: scenes of many dates of one place."""
    season = make_season((64, 64), 3, setting="hard_cloudy")
    days = [dt.date(2023, 3, 5) + dt.timedelta(days=45 * i) for i in range(5)]
    return [season.on(day.isoformat()).scene for day in days]


def test_a_season_does_not_depend_on_the_windows(year):
    stack = Stack(year, edge=6)
    whole = stack.window(slice(0, 64), slice(0, 64))
    part = stack.window(slice(20, 50), slice(7, 40))
    for name in stack.names:
        assert np.array_equal(part.planes[name], whole.planes[name][20:50, 7:40]), name
    assert np.array_equal(part.count, whole.count[20:50, 7:40])
    assert (whole.count == 0).sum() == (whole.planes["red"] == MISSING).sum()


def test_its_clouds_are_known_and_its_inputs_are_those_of_all(year):
    made = Stack(year, edge=6).scene()
    record = provenance_of(made)
    assert record.step(CLOUDS_STEP) is not None
    assert made.attrs["time"] == "2023-03-05/2023-09-01"
    assert len(record.inputs) == len(year)


def test_scenes_in_memory_become_a_season_that_is_mapped(scene_of):
    rows = np.repeat([[0.0], [1.0]], 16, axis=0) * np.ones(32)  # the lower half turns green
    made = []
    for day, green in (("2025-08-01", 1.0), ("2025-03-01", 0.0), ("2025-06-01", 1.0)):
        leaf = rows * green
        scene = scene_of(red=0.2 - 0.15 * leaf, nir=0.25 + 0.2 * leaf)
        made.append(scene.assign_attrs(time=day))
    season = obriy.season_of(made, clouds="none")
    assert season.attrs["time"] == "2025-03-01/2025-08-01"
    cover = obriy.map_landcover(season, clusters=2, options=EngineOptions(workers=1))
    assert cover.labels.shape == (32, 32)
    assert (cover.labels.to_numpy() != 0).all()
    with pytest.raises(UsageError, match="Scene 2 of the season has no time"):
        obriy.season_of([made[0], scene_of(red=rows)])


def test_dates_of_places_that_do_not_meet_are_no_season(scene_of):
    def at(*columns):
        grids = [utm_grid((8, 8)).translate_pix(column, 0) for column in columns]
        made = [scene_of(red=np.full((8, 8), 0.1), geobox=grid) for grid in grids]
        return [one.assign_attrs(time=f"2025-0{k}-01") for k, one in enumerate(made, 4)]

    with pytest.raises(UsageError, match="2 places that do not meet: 2025-04-01, 2025-05-01 one, "):
        obriy.season_of(at(0, 5, 20, 25), clouds="none")
    chain = obriy.season_of(at(0, 14, 7, 21), clouds="none")  # the third joins the first two
    assert chain.sizes["x"] == 29


def test_dates_without_a_band_in_common_are_refused(scene_of):
    plane = np.full((8, 8), 0.1)
    made = [scene_of(red=plane), scene_of(nir=plane)]
    made = [one.assign_attrs(time=f"2025-0{month}-01") for month, one in enumerate(made, 5)]
    with pytest.raises(BandError, match="2 dates have no band in common"):
        obriy.season_of(made, clouds="none")


def test_bands_that_not_every_date_has_are_named_and_no_record_says_they_were_read(scene_of):
    read = {"green": "a.tif band 1", "nir": "a.tif band 2", "swir16": "a.tif band 3"}
    scenes = []
    for month, names in (
        (5, ("green", "nir", "swir16")),
        (6, ("green", "nir")),
        (7, ("green", "nir")),
    ):
        scene = scene_of(**{name: np.full((8, 8), 0.1) for name in names})
        record = provenance_of(scene).with_step("bands", by="names", read=read)
        scenes.append(scene.assign_attrs(time=f"2025-0{month}-01", provenance=record))
    record = provenance_of(Stack(scenes, edge=0).scene())
    (said,) = record.warnings
    lacks = {"en": "swir16 (lacking on 2 of 3 dates: 2025-06-01, 2025-07-01)",
             "uk": "swir16 (дат без них: 2 із 3, а саме 2025-06-01, 2025-07-01)"}  # fmt: skip
    for lang, words in lacks.items():
        assert words in in_language(said, lang)
        assert "green, nir" in in_language(said, lang)
    assert list(record.step("bands")["read"]) == ["green", "nir"]
    assert record.step(STEP)["lacking"] == {"swir16": ["2025-06-01", "2025-07-01"]}
    assert provenance_of(Stack(scenes[1:], edge=0).scene()).warnings == ()


def test_what_all_dates_warn_of_is_said_once(scene_of):
    dates = ["2025-05-01", "2025-06-01", "2025-07-01"]
    scenes = []
    for number, scene in enumerate(scenes_of(scene_of, dates, [(0.1, 0.3)] * 3)):
        record = provenance_of(scene).with_warning(
            f"The median of image_{number}.tif is 0.{number}."
        )
        scenes.append(scene.assign_attrs(provenance=record))
    (said,) = provenance_of(Stack(scenes, edge=0).scene()).warnings
    assert said == "On 3 of 3 dates, first on 2025-05-01: The median of image_0.tif is 0.0."
    assert in_language(said, "uk").startswith("Дати (3 із 3, найперша 2025-05-01): ")


# --- what one date cannot tell --------------------------------------------------------------------


def ceiling(labels, truth, counted):
    """Share of the pixels that are right with the best name for each cluster."""
    right = [
        np.bincount(truth[counted & (labels == number)]).max(initial=0)
        for number in np.unique(labels[counted])
    ]
    return sum(right) / counted.sum()


def test_a_season_parts_crop_grass_and_evergreen_where_no_date_does():
    """Truth is how the simulator lets each place turn green; the season never sees it."""
    season = make_season((SIDE, SIDE), 3, setting="easy_clear")
    days = [dt.date(2023, 3, 5) + dt.timedelta(days=30 * i) for i in range(8)]
    dates = [season.on(day.isoformat()) for day in days]
    land = season.land
    kinds = np.select(
        [land.rhythm == -1, land.rhythm == -2, land.leaf == code("conifers"), land.rhythm > 0],
        [1, 2, 3, 4],
    )
    fine = kinds.shape[0] // SIDE
    shares = np.stack(
        [(kinds == k).reshape(SIDE, fine, SIDE, fine).mean(axis=(1, 3)) for k in range(5)]
    )
    truth = shares.argmax(axis=0)
    wet = np.max([one.truth_fraction.to_numpy() for one in dates], axis=0)
    counted = (truth > 0) & (shares.max(axis=0) > 0.95) & (wet < 0.01)

    def clusters(scene):
        method = parse_clusterer("kmeans", clusters=8, seed=0)
        options = EngineOptions(workers=1)
        return cluster_in_memory(
            scene, method, clouds="flags", options=options
        ).map.labels.to_numpy()

    single = [ceiling(clusters(one.scene), truth, counted) for one in dates]
    whole = ceiling(clusters(Stack([one.scene for one in dates], edge=6).scene()), truth, counted)
    assert whole > 0.95
    assert 1 - whole < 0.5 * (1 - max(single))  # of the best date, which nobody knows beforehand
    assert 1 - whole < 0.25 * (1 - np.median(single))


# --- a run ----------------------------------------------------------------------------------------


def write_dates(folder, days, missing=None):
    """A wood of needles, a field, a meadow and a lake of 24 x 24 pixels each, on several dates."""
    rng = np.random.default_rng(4)
    for day in days:
        month = int(day[5:7])
        field = GREEN if month in (5, 6) else BARE
        meadow = np.mean([GREEN, BARE], axis=0)
        planes = np.zeros((6, 48, 48))
        for (rows, columns), spectrum in zip(
            ((0, 0), (0, 24), (24, 0), (24, 24)), (NEEDLES, field, meadow, WATER), strict=True
        ):
            planes[:, rows : rows + 24, columns : columns + 24] = np.reshape(spectrum, (6, 1, 1))
        planes *= rng.normal(1, 0.03, planes.shape)
        if missing and day in missing:
            planes[:, missing[day]] = 0
        folder.mkdir(parents=True, exist_ok=True)
        with rasterio.open(
            folder / f"{day}.tif", "w", driver="GTiff", width=48, height=48, count=6, nodata=0,
            dtype="uint16", crs="EPSG:32636", transform=Affine(10, 0, 5e5, 0, -10, 5.2e6),
        ) as file:  # fmt: skip
            file.write((planes * 10000).round().astype("uint16"))
            file.descriptions = BANDS
    return folder


DAYS = ("2025-03-10", "2025-05-10", "2025-06-10", "2025-08-10")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run over four dates: a corner was never seen, a strip on two dates alone."""
    base = tmp_path_factory.mktemp("season")
    corner, strip = np.zeros((48, 48), bool), np.zeros((48, 48), bool)
    corner[:2, :3], strip[:, 40:] = True, True
    missing = dict.fromkeys(DAYS, corner) | dict.fromkeys(DAYS[:2], corner | strip)
    folder = write_dates(base / "images", DAYS, missing)
    given = {"source": str(folder), "out": base / "run", "clusters": 5, "clouds": "none"}
    return folder, given, run_job(make_config(LandcoverConfig, given))


def test_several_images_become_a_season_and_it_is_said(made):
    result = made[2].result
    assert result.dates[0].date == "2025-03-10/2025-08-10"
    assert [row["date"] for row in result.season.dates] == list(DAYS)
    assert result.season.months_unseen == [4, 7]
    (said,) = (one for one in result.warnings if "4 images from 2025-03-10 to 2025-08-10" in one)
    # A noun after the number would ask for a form of its own: 21 знімок, 22 знімки, 25 знімків.
    assert "знімки від 2025-03-10 до 2025-08-10 (усього 4)" in in_language(said, "uk")
    assert made[2].complete


def test_what_was_hardly_seen_is_in_the_result(made):
    result, (rows, columns) = made[2].result, (48, 48)
    assert result.season.never_seen_share == pytest.approx(6 / (rows * columns))
    assert result.season.few_seen_share == pytest.approx(8 * rows / (rows * columns))
    assert result.unseen_share == pytest.approx(6 / (rows * columns))
    assert result.season.dates_per_pixel == [2, 4, 4]
    with rasterio.open(result.outputs["observations"]) as file:
        counts = file.read(1)
    assert counts[0, 0] == 0
    assert counts[10, 45] == 2
    assert counts[10, 10] == 4


def test_area_per_class_is_that_of_the_pixels(made):
    result = made[2].result
    total = sum(row.area_km2 for row in result.classes)
    assert total == pytest.approx((48 * 48 - 6) * 1e-4, rel=2e-3)  # UTM: 0.9996 squared


def test_the_greenest_month_and_the_barest_are_those_of_the_data(made):
    assert made[2].result.season.greenest_month in (5, 6)
    assert made[2].result.season.barest_month in (3, 8)


def test_the_field_is_no_part_of_meadow_wood_or_lake(made):
    with rasterio.open(made[2].result.outputs["clusters"]) as file:
        labels = file.read(1)
    parts = [labels[2:24, 3:24], labels[:24, 24:], labels[24:, :24], labels[24:, 24:]]
    numbers = [set(np.unique(part)) for part in parts]
    assert not set.intersection(*numbers)
    assert all(not one & other for i, one in enumerate(numbers) for other in numbers[:i])


def test_what_is_done_is_not_done_again(made, tmp_path):
    _folder, given, run = made
    copy = tmp_path / "run"
    shutil.copytree(run.folder, copy)
    (copy / "landcover.tif").unlink()
    (copy / "finished.json").unlink()
    before = (copy / "season.tif").stat().st_mtime_ns
    again = run_job(make_config(LandcoverConfig, given | {"out": copy}))
    assert (copy / "season.tif").stat().st_mtime_ns == before
    assert again.result.classes == run.result.classes


def test_dates_are_chosen_and_one_of_them_is_an_image(made, tmp_path):
    given = {"source": str(made[0]), "clusters": 4, "clouds": "none", "outputs": ["landcover"]}
    two = make_config(
        LandcoverConfig, given | {"datetime": "2025-05/2025-06", "out": tmp_path / "2"}
    )
    assert [row["date"] for row in run_job(two).result.season.dates] == list(DAYS[1:3])
    one = make_config(LandcoverConfig, given | {"datetime": "2025-06", "out": tmp_path / "1"})
    result = run_job(one).result
    assert result.season is None
    assert result.dates[0].date == "2025-06-10"


def test_the_plan_names_the_dates(made):
    plan = plan_job(make_config(LandcoverConfig, {"source": str(made[0])}))
    assert plan["dates"] == list(DAYS)
    assert plan["bytes"] == sum(path.stat().st_size for path in made[0].glob("*.tif"))
    assert "ndvi_high" in plan["bands_read"]


def test_a_date_that_cannot_be_read_is_listed_and_the_others_go_on(made, tmp_path):
    folder = tmp_path / "images"
    shutil.copytree(made[0], folder)
    (folder / "2025-06-10.tif").write_bytes(b"no image")
    given = {"source": str(folder), "out": tmp_path / "run", "clusters": 4, "clouds": "none",
             "outputs": ["landcover"]}  # fmt: skip
    run = run_job(make_config(LandcoverConfig, given))
    assert not run.complete
    assert [(one.kind, one.name) for one in run.result.failed] == [("date", "2025-06-10")]
    assert run.result.season.dates[2]["seen_share"] == 0
    assert run.result.season.dates[2]["status"] == "failed"


def test_a_date_that_shows_nothing_is_skipped_and_nothing_failed(made, tmp_path):
    folder = tmp_path / "images"
    shutil.copytree(made[0], folder)
    write_dates(folder, ["2025-06-10"], {"2025-06-10": np.ones((48, 48), bool)})
    given = {"source": str(folder), "out": tmp_path / "run", "clusters": 4, "clouds": "none",
             "outputs": ["landcover"]}  # fmt: skip
    run = run_job(make_config(LandcoverConfig, given))
    assert run.complete
    assert run.result.failed == []
    empty = run.result.season.dates[2]
    assert (empty["status"], empty["seen_share"]) == ("skipped", 0)
    assert empty["reason"]
    assert {row["status"] for row in run.result.season.dates} == {"ok", "skipped"}


def test_a_date_under_clouds_alone_is_skipped(scene_of, tmp_path):
    days, flags = ["2025-05-01", "2025-06-01"], [0, int(Flag.CLOUD)]
    scenes = scenes_of(scene_of, days, [(0.1, 0.3), (0.6, 0.6)], flags)
    opened = [OpenedItem(Item("", "", ()), d, s) for d, s in zip(days, scenes, strict=True)]
    step = season_to_files(dates_of(opened, "flags"), tmp_path, EngineOptions(workers=1))
    assert [date["status"] for date in step.found["seen"]["dates"]] == ["ok", "skipped"]
    assert step.found["failed"] == []


def test_images_without_a_date_are_no_season(made, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for name, day in (("one.tif", DAYS[0]), ("other.tif", DAYS[1])):
        shutil.copy(made[0] / f"{day}.tif", folder / name)
    with pytest.raises(SourceError, match="Nothing tells the date of"):
        run_job(make_config(LandcoverConfig, {"source": str(folder), "out": tmp_path / "run"}))


# --- names ----------------------------------------------------------------------------------------


def facts_of_season(**layers):
    spread = {name: Spread(own, own, own) for name, own in layers.items()}
    return ClusterFacts(1, 9, 1.0, {}, {}, {}, {}, {}, 1.0, {}, season=spread)


@pytest.mark.parametrize(
    ("layers", "rule", "raised", "lowered"),
    [
        ({"ndvi_low": 0.7, "ndvi_high": 0.9, "wet_share": 0.0}, "evergreen", 10, 40),
        ({"ndvi_low": 0.15, "ndvi_high": 0.8, "green_share": 0.3, "wet_share": 0.0},
         "crop_cycle", 40, 10),
        ({"ndvi_low": -0.1, "ndvi_high": 0.4, "wet_share": 0.4}, "temporary_water", 90, 80),
        ({"ndvi_low": -0.5, "ndvi_high": -0.2, "wet_share": 1.0}, "lasting_water", 80, 60),
    ],
)  # fmt: skip
def test_a_season_moves_the_odds_of_classes(layers, rule, raised, lowered):
    facts, codes = facts_of_season(**layers), np.array([10, 20, 30, 40, 50, 60, 80, 90])
    assert rule in rules_met(facts)
    even = np.full((1, len(codes)), 1 / len(codes))
    found = dict(zip(codes.tolist(), with_season(even, codes, [facts])[0], strict=True))
    assert sum(found.values()) == pytest.approx(1)
    assert found[raised] == max(found.values())
    assert found[lowered] < found[20]


def test_a_single_image_keeps_its_odds():
    even = np.full((1, 2), 0.5)
    assert np.array_equal(with_season(even, np.array([10, 40]), [facts_of_season()]), even)


def test_every_rule_is_of_layers_and_classes_that_there_are():
    for name, rule in load_toml("season_rules").items():
        assert set(rule["where"]) <= set(SEASONAL), name
        assert set(map(int, rule["odds"])) <= set(load_legend("worldcover").codes), name


# --- the year -------------------------------------------------------------------------------------


def test_the_year_of_a_cluster_is_the_spread_of_its_pixels(made):
    field = next(
        row for row in made[2].result.clusters
        if row.season["ndvi_high"]["median"] > 0.7 and row.season["ndvi_low"]["median"] < 0.3
    )  # fmt: skip
    months = field.curves["NDVI"]
    assert set(months) == {"3", "5", "6", "8"}
    # From the spectra that were written: (0.36 - 0.04) / (0.36 + 0.04), (0.19 - 0.13) / 0.32.
    assert months["5"]["median"] == pytest.approx(0.80, abs=0.02)
    assert months["3"]["median"] == pytest.approx(0.19, abs=0.02)
    assert months["3"]["low"] <= months["3"]["median"] <= months["3"]["high"]


def test_a_portrait_tells_and_shows_the_year(made):
    panel = json.loads(Path(made[2].result.outputs["panel"]).read_text())
    assert panel
    assert Path(made[2].result.outputs["years"]).stat().st_size > 10_000
    page = Path(made[2].result.outputs["report"]).read_text()
    assert "The year of each cluster" in page
    assert f"Images used: {len(made[2].result.season.dates)} of" in page
    assert "Date of the image" not in page
    assert page.count("Nobody saw: Apr, Jul. What grew") == 1
    assert page.count("Apr, Jul") == 1  # told once, where warnings are


def test_a_portrait_has_pictures_of_the_year_in_grey_and_of_opposite_months(scene_of):
    spread = {month: Spread(0.1, 0.2, 0.3) for month in (3, 6)}
    facts = dataclasses.replace(facts_of_season(), curves={"NDVI": spread})
    plain = {name: np.full((40, 40), 0.1) for name in ("red", "green", "blue")}
    scene = scene_of(**plain).assign_attrs({OPPOSITE: [6, 3]})
    for month, red in ((6, 0.1), (3, 0.11)):
        for band in plain:
            own = np.full((40, 40), red if band == "red" else 0.1, "float32")
            scene[pictured(month, band)] = ("y", "x"), own
    pictures = year_pictures(facts, OppositeMonths.of(scene), [(10, 10), (30, 30)], 8)
    curve, places = (imread(io.BytesIO(pictures[name]))[..., :3] for name in ("year", "seasons"))
    assert np.ptp(curve, axis=2).max() < 0.1  # a colour of a line would be that of the land
    half = places.shape[0] // 2
    assert places[half + 20, 20, 0] > places[20, 20, 0]  # the second row is the barest month
    single = scene_of(**plain)
    assert year_pictures(facts_of_season(), OppositeMonths.of(single), [(10, 10)], 8) == {}


def test_a_student_learns_from_the_season_of_a_run(made):
    lesson = open_run(made[2].folder)
    assert {"red", "ndvi_low", "wet_share"} <= set(band_names(lesson.scene))
    assert lesson.shape == (48, 48)


def test_districts_have_areas_of_their_own(made, tmp_path):
    left, bottom = 500_000, 5_200_000 - 480
    box = shapely.box(left + 240, bottom, left + 480, bottom + 240)
    gpd.GeoDataFrame({"name": ["lake"]}, geometry=[box], crs="EPSG:32636").to_file(
        tmp_path / "lake.gpkg"
    )
    given = made[1] | {"aoi": str(tmp_path / "lake.gpkg"), "out": tmp_path / "run"}
    result = run_job(make_config(LandcoverConfig, given | {"outputs": ["landcover"]})).result
    assert [row.district for row in result.districts] == ["lake"]
    assert result.total.classes[0].area_km2 == pytest.approx(24 * 24 * 1e-4, rel=2e-3)


def test_words_name_the_months_that_are_green():
    spread = {3: Spread(0.1, 0.2, 0.3), 6: Spread(0.6, 0.7, 0.8)}
    facts = dataclasses.replace(facts_of_season(wet_share=0.25), curves={"NDVI": spread})
    said = describe_year(facts)
    assert "March 0.20, June 0.70" in said
    assert "in 1 of 2 months (June)" in said
    assert "Wet on 25% of the dates" in said
    assert describe_year(facts_of_season()) == ""


def test_a_month_of_which_little_was_seen_is_no_point_of_the_curve():
    counts = np.zeros((256, 256), np.int64)
    counts[1, 150], counts[1, 255] = 5, 95  # 5 of 100 pixels
    counts[2, 150], counts[2, 255] = 20, 80
    found = curves_of({"NDVI_06": counts})
    assert 1 not in found
    assert found[2]["NDVI"][6].median == pytest.approx(0.5)


# --- what was seen --------------------------------------------------------------------------------


def test_months_without_a_view_are_those_between_the_dates():
    dates = tuple(SeasonDate(day, share) for day, share in
                  (("2024-11-03", 0.5), ("2025-01-09", 0.0), ("2025-03-01", 0.9)))  # fmt: skip
    assert SeasonSeen(dates, (0, 4)).months_unseen == [1, 2, 12]


def test_few_dates_are_of_the_pixels_that_were_seen():
    dates = (SeasonDate("2025-03-01", 0.2), SeasonDate("2025-04-01", 0.2))
    (said,) = about_season(SeasonSeen(dates, (60, 40, 0)))
    assert "Of the pixels that were seen, 100%" in said


def test_a_month_that_showed_little_is_neither_the_greenest_nor_the_barest():
    seen = SeasonSeen((SeasonDate("2025-03-01", 1),), (0, 10),
                      {3: (0.2, 0.9), 6: (0.7, 0.8), 8: (0.9, 0.1), 9: (0.5, 0.6)})  # fmt: skip
    assert seen.opposite == (6, 3)
    row = season_row(seen)
    assert (row.greenest_month, row.barest_month) == (6, 3)
    assert SeasonSeen.from_dict(seen.to_dict()).to_dict() == seen.to_dict()


def test_a_month_between_months_that_nobody_saw_has_a_bar_for_its_pixels():
    axes = new_figure(4, 3).add_axes((0, 0, 1, 1))
    alone, first, next_one = Spread(0.1, 0.2, 0.4), Spread(0.5, 0.6, 0.7), Spread(0.4, 0.5, 0.8)
    looks = {"NDVI": ("green", "-")}
    draw_year(axes, {"NDVI": {4: alone, 8: first, 9: next_one}}, text_of("en"), looks, size=8)
    (bars,) = [c for c in axes.collections if isinstance(c, LineCollection)]
    np.testing.assert_allclose(bars.get_segments(), [[[4, 0.1], [4, 0.4]]])
