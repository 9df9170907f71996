"""`obriy compare water`: one reading, the areas and scores of each method, every threshold."""

import csv
import json
import shutil

import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from rasterio.transform import from_bounds
from tests.conftest import utm_grid

from obriy.cli.show_area import km2
from obriy.errors import BandError, GridError, InputError, UsageError
from obriy.measures.sweep import sweep_area
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.ladder import Ladder
from obriy.model.legend import load_legend
from obriy.render.text import text_of
from obriy.simulate.folder import simulate_to_folder
from obriy.validation.comparison import compare
from obriy.validation.sweep import sweep_agreement
from obriy.workflows.compare.water import run_water_comparison
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterCompareConfig, WaterConfig
from obriy.workflows.water.job import run_water
from terminal import obriy

METHODS = ["auto", "ndwi:zero", "majority(ndwi:zero, mndwi:zero, aweish:zero)"]
SCENE = "simulated:?seed=3&size=160"


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    out = tmp_path_factory.mktemp("compare") / "run"
    config = WaterCompareConfig(
        source=SCENE, methods=METHODS, sweep=["ndwi", "NDVI"], out=out, lang="uk"
    )
    return run_water_comparison(config)


def table_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def alone(tmp_path, method):
    return run_water(WaterConfig(source=SCENE, method=method, out=tmp_path / "alone", outputs=[]))


@pytest.mark.parametrize("number", range(len(METHODS)))
def test_each_map_is_that_of_the_method_alone(compared, tmp_path, number):
    one = alone(tmp_path, METHODS[number])
    row = compared.result.to_dict()["rows"][number]
    assert row["method"] == METHODS[number]
    for name in ("area_km2", "expected_km2"):
        assert row[name] == one.result.to_dict()[name]
    assert [row["low_km2"], row["high_km2"]] == list(one.result.interval_km2)
    scores = one.result.to_dict()["evaluation"]
    water = next(c for c in scores["classes"] if c["name"] == "water")
    assert row["overall_accuracy"] == scores["overall_accuracy"]
    assert row["iou"] == water["iou"]
    with (
        rasterio.open(compared.folder / f"maps/{number + 1:02d}/unseen.tif") as mine,
        rasterio.open(one.folder / "unseen.tif") as theirs,
    ):
        np.testing.assert_array_equal(mine.read(), theirs.read())


def test_a_threshold_of_the_sweep_is_the_method_of_that_threshold(compared, tmp_path):
    rows = {float(row["threshold"]): row for row in table_of(compared.folder / "sweep_ndwi.csv")}
    for threshold, method in ((0.0, "ndwi:zero"), (0.05, "ndwi:0.05")):
        one = alone(tmp_path / method, method)
        area = one.result.area_km2
        assert float(rows[threshold]["area_km2"]) == pytest.approx(area, abs=1e-6)
        scores = one.result.to_dict()["evaluation"]
        water = next(c for c in scores["classes"] if c["name"] == "water")
        assert float(rows[threshold]["kappa"]) == pytest.approx(scores["kappa"], abs=1e-6)
        for name in ("precision", "recall", "f1", "iou"):
            assert float(rows[threshold][name]) == pytest.approx(water[name], abs=1e-6)


def test_the_best_threshold_and_what_is_known_of_it(compared):
    ndwi, ndvi = compared.result.to_dict()["sweeps"]
    rows = table_of(compared.folder / "sweep_ndwi.csv")
    best = max(rows, key=lambda row: float(row["iou"] or -1))
    assert ndwi["best"] == float(best["threshold"])
    assert (ndwi["published"], ndvi["published"]) == (0.0, None)
    # Water lies below a threshold of NDVI: the higher it is, the more is water.
    areas = [float(row["area_km2"]) for row in table_of(compared.folder / "sweep_ndvi.csv")]
    assert areas == sorted(areas)
    assert areas[0] == 0 < areas[-1]


def test_files_and_report(compared):
    result = json.loads((compared.folder / "result.json").read_text(encoding="utf-8"))
    assert all((compared.folder / path).exists() for path in result["outputs"].values())
    report = (compared.folder / "report.html").read_text(encoding="utf-8")
    assert 'lang="uk"' in report
    assert report.count("<svg") == 7  # masks, areas, scores, two sweeps with their indices
    assert METHODS[2] in report
    rows = table_of(compared.folder / "comparison.csv")
    assert [row["method"] for row in rows] == METHODS
    seen = text_of("uk").area(float(rows[0]["area_km2"]))
    assert f"{METHODS[0]}: видно {seen}" in report  # a mask shows what was seen
    assert compared.complete


def test_thresholds_by_hand():
    # Pixels of 10 m: NDWI -0.2, 0.05, 0.3, none. Above 0.05 there is one, not the one that equals.
    grid = utm_grid((1, 4))
    values = np.array([[-0.2, 0.05, 0.3, np.nan]], "float32")
    ladder = Ladder(-1.0, 1.0)
    steps = xr.DataArray(ladder.steps(values), coords_of(grid), ("y", "x"))
    found = dict(zip(ladder.thresholds, sweep_area(steps, ladder), strict=True))
    pixel = found[-1.0] / 3
    assert pixel == pytest.approx(100 / 1e6, rel=1e-3)
    counts = {t: round(float(area / pixel), 6) for t, area in found.items()}
    assert [counts[t] for t in (-0.2, -0.21, 0.04, 0.05, 0.29, 0.3)] == [2, 3, 2, 1, 1, 0]
    # The reference: no water, water, water, water. At 0.05: one hit, one miss, one right land.
    labels = xr.DataArray(np.array([[1, 2, 2, 0]], "uint8"), coords_of(grid), ("y", "x"))
    truth = xr.DataArray(np.array([[1, 2, 2, 2]], "uint8"), coords_of(grid), ("y", "x"))
    legend = load_legend("water")
    scores = sweep_agreement(steps, ladder, compare(ClassMap(labels, legend), truth), labels)
    at = list(ladder.thresholds).index(0.05)
    assert scores["overall_accuracy"][at] == pytest.approx(2 / 3)
    assert scores["recall"][at] == scores["iou"][at] == pytest.approx(1 / 2)
    assert scores["precision"][at] == 1
    # Of water alone, every threshold that maps more would be a better one: no score says so.
    alone = xr.DataArray(np.array([[0, 2, 2, 2]], "uint8"), coords_of(grid), ("y", "x"))
    scores = sweep_agreement(steps, ladder, compare(ClassMap(labels, legend), alone), labels)
    assert np.isnan(scores["iou"]).all()
    assert np.isnan(scores["overall_accuracy"]).all()
    assert scores["recall"][at] == pytest.approx(1 / 2)
    below = Ladder(-1.0, 1.0, above=False)
    under = xr.DataArray(below.steps(values), coords_of(grid), ("y", "x"))
    areas = dict(zip(below.thresholds, sweep_area(under, below) / pixel, strict=True))
    assert [round(float(areas[t]), 6) for t in (-0.2, -0.19, 0.05, 0.06)] == [0, 1, 1, 2]


def test_thresholds_as_good_bound_the_area_and_marks_lie_between_rungs():
    ladder = Ladder(-1.0, 1.0)
    falling = 10 - 5 * (ladder.thresholds + 1)  # 10 km² at -1, 0 at 1: 0.05 apart 0.25 km²
    low, high = ladder.around(falling, 0.05)
    at = list(ladder.thresholds).index(0.2)
    assert (low[at], high[at]) == (pytest.approx(3.75), pytest.approx(4.25))
    assert (low[0], high[0]) == (pytest.approx(9.75), 10)  # nothing lies beyond the ends
    assert ladder.at(0.205, falling) == pytest.approx(3.975)
    assert ladder.at(0.2, np.full_like(falling, np.nan)) is None


def test_districts_that_overlap_count_once():
    grid = utm_grid((4, 4))
    ladder = Ladder(-1.0, 1.0)
    steps = xr.DataArray(ladder.steps(np.full((4, 4), 0.5, "float32")), coords_of(grid), ("y", "x"))
    left, bottom, right, top = grid.extent.boundingbox.bbox
    whole = District("a", shapely.box(left, bottom, right, top), str(grid.crs))
    half = District("b", shapely.box(left, bottom, (left + right) / 2, top), str(grid.crs))
    both, one = (sweep_area(steps, ladder, places)[0] for places in ([whole, half], [whole]))
    assert both == pytest.approx(one, rel=1e-9)


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ({"methods": "ndwi:zero,auto,ndwi:zero"}, UsageError, "twice"),
        ({"methods": "ndwi:zero", "sweep": "ndmi"}, UsageError, "does not tell water"),
        ({"methods": "ndwi:zero,NDWI:zero"}, UsageError, "twice"),
        ({"methods": "nothing:zero"}, UsageError, "no index named"),
        ({"source": "sample:", "methods": "mndwi:zero"}, BandError, "swir16"),
        ({"source": "sample:", "sweep": "mndwi"}, BandError, "swir16"),
    ],
)
def test_what_cannot_be_compared_is_said_before_the_work(tmp_path, values, error, words):
    config = make_config(WaterCompareConfig, values | {"out": tmp_path / "run"})
    with pytest.raises(error, match=words):
        run_water_comparison(config)
    assert not (tmp_path / "run").exists()


def test_commas_within_parentheses_part_nothing():
    config = make_config(WaterCompareConfig, {"methods": "auto, majority(ndwi:0, mndwi:0, wri:1)"})
    assert config.methods == ["auto", "majority(ndwi:0, mndwi:0, wri:1)"]


def test_without_methods_without_reference_without_a_place(tmp_path):
    words = ["compare", "water", "sample:", "--out", tmp_path / "run"]
    refused = obriy(*words, "--sweep", "ndwi")
    assert refused.returncode == 2
    assert "--resolution METRES" in refused.stderr
    done = obriy(*words)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    # The sample has no short-wave infrared: of the usual indices NDWI is left; no CRS, no area.
    assert [row["method"] for row in result["rows"]] == ["auto", "ndwi:otsu"]
    assert result["rows"][0]["area_km2"] is result["reference"] is None
    assert obriy(*words, "-q").returncode == 0
    placed = obriy(*words[:-1], tmp_path / "placed", "--sweep", "ndwi", "--resolution", 10)
    assert placed.returncode == 0, placed.stderr
    swept = json.loads((tmp_path / "placed" / "result.json").read_text(encoding="utf-8"))
    at = swept["sweeps"][0]["at"]["otsu"]
    given = f"({text_of('en').area(at['area_km2'])}, {km2(at['low_km2'])} to {km2(at['high_km2'])})"
    assert f"otsu {text_of('en').number(at['threshold'], 2)} {given}" in placed.stdout


def test_index_rasters_are_the_formula(tmp_path):
    run = run_water(
        WaterConfig(source=SCENE, method="ndwi:otsu & !mndwi:0.2", outputs=["index"],
                    clouds="none", out=tmp_path / "run")
    )  # fmt: skip
    from obriy.sources.scene import open_scene

    scene = open_scene(SCENE)
    for name, other in (("ndwi", "nir"), ("mndwi", "swir16")):
        with rasterio.open(run.result.outputs[f"index_{name}"]) as file:
            found = file.read(1)
            assert np.isnan(file.nodata)
        green, second = (scene[band].to_numpy().astype("float64") for band in ("green", other))
        seen = np.isfinite(found)
        assert seen.mean() > 0.3
        wanted = (green - second) / (green + second)
        np.testing.assert_allclose(found[seen], np.clip(wanted, -1, 1)[seen], atol=1e-5)


@pytest.mark.parametrize(
    ("codes", "west", "error", "words"),
    [
        ([[2, 2]], None, InputError, "one class"),
        ([[1, 2]], 900_000, GridError, "says nothing"),
    ],
)
def test_a_reference_that_can_tell_nothing_is_refused_before_the_work(
    tmp_path, codes, west, error, words
):
    from obriy.sources.scene import open_scene

    box = open_scene(SCENE).odc.geobox
    left, bottom, right, top = box.extent.boundingbox.bbox
    left = left if west is None else west
    place = from_bounds(left, bottom, left + right - box.extent.boundingbox.left, top, 2, 1)
    with rasterio.open(tmp_path / "truth.tif", "w", driver="GTiff", width=2, height=1, count=1,
                       dtype="uint8", crs=str(box.crs), transform=place) as file:  # fmt: skip
        file.write(np.array(codes, "uint8"), 1)
    config = WaterCompareConfig(
        source=SCENE, methods=["ndwi:zero"], reference=str(tmp_path / "truth.tif"),
        reference_legend="2=water,1=land", out=tmp_path / "run",
    )  # fmt: skip
    with pytest.raises(error, match=words):
        run_water_comparison(config)
    assert not (tmp_path / "run").exists()


def test_from_python_in_one_call():
    import obriy as package

    scene = package.open_scene(SCENE)
    truth = package.map_water(scene, "ndwi:zero", clouds="none")
    rows = package.compare_water(
        scene, ["ndwi:zero", "auto"], reference=truth.labels, clouds="none"
    )
    assert [row.method for row in rows] == ["ndwi:zero", "auto"]
    for row in rows:
        alone = package.map_water(scene, row.method, clouds="none")
        np.testing.assert_array_equal(row.water.labels, alone.labels)
        assert (row.water.fraction is None) == (alone.fraction is None)
        assert row.water.provenance.step("water") == alone.provenance.step("water")
        assert row.areas.areas[0].expected_km2 > 0
    assert rows[0].scores.overall_accuracy == 1.0 > rows[1].scores.overall_accuracy
    usual = package.compare_water(scene[["green", "nir"]], clouds="none")
    assert [row.method for row in usual] == ["auto", "ndwi:otsu"]


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    folder = tmp_path_factory.mktemp("season") / "images"
    simulate_to_folder(folder, dates=["2023-04-01", "2023-07-16", "2023-10-31"], size=(96, 96))
    return folder


def test_a_season_at_a_threshold_is_the_season_of_that_method(season, tmp_path):
    words = ["compare", "water", season, "--sweep", "ndwi", "--lang", "uk"]
    done = obriy(*words, "--out", tmp_path / "sweep")
    assert done.returncode == 0, done.stderr
    rows = {float(r["threshold"]): r for r in table_of(tmp_path / "sweep" / "sweep_ndwi.csv")}
    once = ["water", season, "--method", "ndwi:0", "--outputs", "mask", "-q"]
    assert obriy(*once, "--out", tmp_path / "run").returncode == 0
    known = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert float(rows[0.0]["area_km2"]) == pytest.approx(known["area_km2"], abs=1e-6)
    for date in known["dates"]:
        assert float(rows[0.0][date["date"]]) == pytest.approx(date["area_km2"], abs=1e-6)
    report = (tmp_path / "sweep" / "report.html").read_text(encoding="utf-8")
    assert "у середньому за опублікованого порога NDWI" in report
    assert report.count("<svg") == 1
    # Thresholds 2.5 % of the range of NDWI (-1 to 1) to either side are as good.
    low, high = (float(rows[0.0][end]) for end in ("low_km2", "high_km2"))
    assert (low, high) == (float(rows[0.05]["area_km2"]), float(rows[-0.05]["area_km2"]))
    area = text_of("uk").area(known["area_km2"])
    assert f"NDWI, пороги: опублікований 0,00 ({area}, " in done.stdout.replace("\n", " ")


def test_a_date_under_clouds_has_no_weight_and_is_no_failure(season, tmp_path):
    images = shutil.copytree(season, tmp_path / "images", ignore=shutil.ignore_patterns("truth*"))
    with rasterio.open(images / "2023-07-16.tif", "r+") as file:
        for band, name in enumerate(file.descriptions, 1):  # 9: cloud, and as bright as one
            file.write(np.full(file.shape, 9 if name == "scl" else 7000, file.dtypes[0]), band)
    done = obriy("compare", "water", images, "--sweep", "ndwi", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    weights = {row["date"]: (row["status"], row["weight"]) for row in result["rows"]}
    assert weights["2023-07-16"] == ("skipped", None)
    assert sum(weight for _, weight in weights.values() if weight) == pytest.approx(1)


def test_a_season_needs_the_bands_of_the_index_alone(season, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    for path in season.glob("2023-*.tif"):
        with rasterio.open(path) as file:
            wanted = [file.descriptions.index(band) + 1 for band in ("green", "swir16")]
            profile = {**file.profile, "count": 2}
            with rasterio.open(images / path.name, "w", **profile) as copy:
                copy.write(file.read(wanted))
                copy.descriptions = ("green", "swir16")
                copy.scales, copy.offsets = file.scales[:2], file.offsets[:2]
    words = ["compare", "water", images, "--clouds", "none", "--out", tmp_path / "run"]
    done = obriy(*words, "--sweep", "mndwi")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [[], ["--sweep", "ndwi", "--methods", "auto"]])
def test_methods_are_compared_on_one_image(season, tmp_path, words):
    done = obriy("compare", "water", season, *words, "--out", tmp_path / "run")
    assert done.returncode == 2
    assert "several dates" in done.stderr
