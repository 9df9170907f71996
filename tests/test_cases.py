"""Inputs that once gave a wrong number, a crash or a broken promise, each with its right value.

They lie in `cases/` beside the real data, a folder each, with a README that says what came and
what is right. The right value of every kind stands in a test of its own stage as well.
"""

import http.server
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import rasterio
from tests.terminal import (
    HANG_S,
    error_line,
    obriy,
    run_python,
    spawn,
    spawn_and_weigh,
    start_and_halt,
)

from obriy.simulate.ice.folder import simulate_ice_folder
from obriy.sources.scene import open_scene
from obriy.workflows.water.mapping import map_water as map_scene

pytestmark = pytest.mark.realdata

LAKE_KM2 = 0.1601
"""The lake of most cases: 1600 pixels of 10 m, on the ellipsoid."""
HIDDEN = ".*"  # drafts, the lock: nothing that a finished run leaves behind


def result_of(done, *codes):
    """The result of a command run with --json that ended with one of the codes (complete)."""
    assert done.returncode in (codes or (0,)), done.stdout + done.stderr
    return json.loads(done.stdout)


def map_water(image, out, *words, codes=(0,)):
    """The result of `obriy water`, which writes the mask and nothing else."""
    done = obriy("water", image, "--outputs", "mask", "--out", out, "--json", *words)
    return result_of(done, *codes)


def refusal(words, code=1, **kwargs):
    """The one line by which a command refuses."""
    return error_line(obriy(*words, **kwargs), code)


def check_area(result, km2, unseen, tolerance=0.02):
    assert result["area_km2"] == pytest.approx(km2, rel=tolerance)
    assert result["unseen_share"] == pytest.approx(unseen, abs=0.005)


# What hides pixels


def test_zeros_without_a_tag_are_unseen(case, tmp_path):
    image = case(1) / "img.tif"
    check_area(map_water(image, tmp_path / "water"), LAKE_KM2, 0.25)
    words = ["--clusters", "4", "--outputs", "landcover", "--out", tmp_path / "cover", "--json"]
    result_of(obriy("landcover", image, *words))
    with rasterio.open(tmp_path / "cover" / "landcover.tif") as file, rasterio.open(image) as given:
        np.testing.assert_array_equal(file.read(1) == 0, (given.read() == 0).all(axis=0))


@pytest.mark.parametrize("name", ["mask", "alpha"])
def test_masks_and_alpha_bands_hide(case, tmp_path, name):
    check_area(map_water(case(2) / f"{name}.tif", tmp_path / "run"), LAKE_KM2, 0.25)


@pytest.mark.parametrize("name", ["internal_mask", "sidecar_msk", "alpha", "dataMask_band"])
def test_masks_of_gdal_and_of_the_sentinel_hub_hide(case, tmp_path, name):
    check_area(map_water(case(26) / f"{name}.tif", tmp_path / "run"), 0.162, 0.30)


@pytest.mark.parametrize("name", ["edge_0_uint16", "edge_1_uint16", "edge_0_float32"])
def test_a_black_wedge_is_unseen(case, tmp_path, name):
    image = case(21) / f"{name}.tif"
    with rasterio.open(image) as file:
        bands = file.read()
    wedge = (bands == (1 if "_1_" in name else 0)).all(axis=0)
    check_area(map_water(image, tmp_path / "run"), 0.164, wedge.mean())


def test_a_zero_in_one_band_is_dark_and_seen(case, tmp_path):
    check_area(map_water(case(41) / "harmonised.tif", tmp_path / "run"), 0.229, 0)


def test_an_empty_band_is_named(case, tmp_path):
    image = case(34) / "scene.tif"
    done = obriy("water", image, "--outputs", "mask", "--out", tmp_path / "run", "--json")
    if done.returncode:
        assert "swir16" in error_line(done, 1)
    else:
        assert "swir16" in " ".join(result_of(done)["provenance"]["warnings"])
        assert json.loads(done.stdout)["unseen_share"] < 0.01


# Numbers that cannot be


def test_a_fill_that_nobody_declared_is_named_whatever_the_scale(case, tmp_path):
    image = case(24) / "scene.tif"
    for scale in ([], ["--scale", "0.0001"], ["--scale", "1"]):
        said = refusal(["water", image, *scale, "--out", tmp_path / "no"])
        assert "--nodata -9999" in said
    check_area(map_water(image, tmp_path / "run", "--nodata", "-9999"), 0.162, 0.30)


@pytest.mark.parametrize("name", ["tag0", "tag0.1", "float_with_tag"])
def test_scale_tags_that_cannot_be_are_refused(case, tmp_path, name):
    assert "--scale" in refusal(["water", case(3) / f"{name}.tif", "--out", tmp_path / "run"])


def test_a_negative_scale_is_a_wrong_call(case, tmp_path):
    words = ["water", case(4) / "img.tif", "--out", tmp_path / "run"]
    assert "--scale" in refusal([*words, "--scale", "-0.0001"], 2)


def test_the_scaling_of_another_product_is_not_believed(case, tmp_path):
    result = map_water(case(4) / "img.tif", tmp_path / "run", "--sensor", "landsat_c2l2")
    assert result["area_km2"] == pytest.approx(LAKE_KM2, rel=0.02)
    assert any("does not fit" in w for w in result["provenance"]["warnings"])


def test_a_crs_without_a_place_has_no_area(case, tmp_path):
    done = obriy("water", case(5) / "img.tif", "--out", tmp_path / "run", "--json")
    if done.returncode:
        assert "pixels are" in error_line(done, 1)
    else:
        result = result_of(done)
        assert result["area_km2"] is None
        assert any("geotransform" in w for w in result["provenance"]["warnings"])


def test_counts_below_the_offset_of_the_calibration_are_not_seen(case, tmp_path):
    pytest.importorskip("pyhdf")
    (tmp_path / "granules").mkdir()
    made = run_python(case(16) / "make.py", tmp_path / "granules")
    assert made.returncode == 0, made.stderr
    words = ["ice", tmp_path / "granules", "--aoi", "132.2,42.2,133.1,42.9"]
    done = obriy(*words, "--out", tmp_path / "run", "--json")
    if done.returncode == 1:
        error_line(done, 1)
    else:
        assert [d["unseen_share"] for d in result_of(done, 0, 3)["dates"]] == [1.0]


def test_a_granule_of_any_name_is_dated_and_paired_by_its_metadata(case, tmp_path):
    pytest.importorskip("pyhdf")
    assert (case(31) / "README.md").exists()  # its files are made here: a granule is 21 MB
    folder = tmp_path / "granules"
    simulate_ice_folder(folder, dates=["2023-04-01"], seed=11, granules=True)
    endings = {"02HKM": "500m", "03": "geo"}
    for kind, ending in endings.items():
        (file,) = folder.glob(f"M?D{kind}.*.hdf")
        file.rename(tmp_path / f"t1.23091.0155.{ending}.hdf")
    words = ["--geolocation", tmp_path / "t1.23091.0155.geo.hdf", "--aoi", "peter-the-great-bay"]
    words += ["--method", "ndsi", "--outputs", "map", "--out", tmp_path / "run", "--json"]
    result = result_of(obriy("ice", tmp_path / "t1.23091.0155.500m.hdf", *words))
    (day,) = result["dates"]
    assert [time[:10] for time in day["time"]] == ["2023-04-01"]
    read = [entry["href"] for entry in result["provenance"]["inputs"]]
    assert str(tmp_path / "t1.23091.0155.geo.hdf") in read


# Districts and intervals


def test_districts_that_overlap_count_once_in_the_total(case, tmp_path):
    folder = case(6)
    result = map_water(folder / "img.tif", tmp_path / "run", "--aoi", folder / "d.gpkg")
    assert result["area_km2"] == pytest.approx(LAKE_KM2, rel=0.02)
    assert result["expected_km2"] == pytest.approx(LAKE_KM2, rel=0.02)
    assert result["interval_km2"][1] < 1.5 * LAKE_KM2


def test_two_districts_of_one_name_are_told_apart(case, tmp_path):
    folder = case(17)
    result = map_water(folder / "s", tmp_path / "run", "--aoi", folder / "d.gpkg")
    names = {row["district"] for row in result["districts"]}
    assert len(names) == 2, names


@pytest.mark.parametrize("name", ["half", "whole"])
def test_the_bounds_hold_where_the_lake_is_hidden(case, tmp_path, name):
    low, high = map_water(case(14) / f"{name}.tif", tmp_path / "run")["bounds_km2"]
    assert low <= LAKE_KM2 <= high


def scores_of(*words):
    """The scores of `obriy evaluate`."""
    return result_of(obriy("evaluate", *words, "--json"))


def test_a_reference_of_one_class_gives_no_accuracy_that_needs_the_other(case):
    files = [case(36) / name for name in ("map_all_water.tif", "lake_outline.gpkg")]
    scores = scores_of(*files)
    water = scores["classes"][1]
    assert [scores["overall_accuracy"], scores["kappa"], scores["intervals"]] == [None] * 3
    assert [water[name] for name in ("precision", "recall", "f1", "iou")] == [None, 1, None, None]
    water = scores_of(*files, "--outside", "land")["classes"][1]
    assert water["precision"] == water["iou"] == pytest.approx(2292 / 8100)


@pytest.mark.parametrize("said", ["1=water,{}=land", "1=water,nodata=land"])
def test_masks_of_others_are_scored_and_sampled(case, tmp_path, said):
    folder = case(25)
    for name, code in (("mask_1_nodata0.tif", 0), ("mask_1_nodata_m128.tif", -128)):
        words = [folder / name, folder / "reference_01.tif", "--codes", said.format(code)]
        scores = scores_of(*words)
        assert (scores["overall_accuracy"], scores["unseen_share"]) == (1, 0)
    assert "--codes" in refusal(["evaluate", folder / name, folder / "reference_01.tif"])


def test_labelled_points_are_a_reference(case):
    scores = scores_of(case(35) / "map.tif", case(35) / "points.gpkg")
    assert (scores["pixels"], scores["overall_accuracy"]) == (60, 1)


@pytest.mark.parametrize(
    ("name", "districts", "left_out"),
    [
        ("one_empty.gpkg", ["lake"], "№2 'empty'"),
        ("polygon_and_pin.kml", ["lake"], "№2 'gauge'"),
        ("two_folders.kml", ["lake", "pond"], ""),
    ],
)
def test_districts_that_serve_are_taken(case, tmp_path, name, districts, left_out):
    folder = case(20)
    words = [folder / "scene_2023-06-05.tif", tmp_path / "run", "--aoi", folder / name]
    result = map_water(*words)
    assert [row["district"] for row in result["districts"]] == districts
    assert result["area_km2"] == pytest.approx(0.2259, rel=0.01)
    assert left_out in " ".join(result["provenance"]["warnings"])


def test_a_shapefile_in_windows_1251_has_its_names(case, tmp_path):
    folder = case(39)
    words = [folder / "scene_2023-06-05.tif", tmp_path / "run", "--aoi", folder / "lake.shp"]
    assert [row["district"] for row in map_water(*words)["districts"]] == ["Озеро Кругле"]


@pytest.mark.parametrize(
    ("name", "dates"),
    [
        ("granules", ["2023-06-07", "2023-06-15", "2023-07-02"]),
        ("landsat_old_names", ["2014-10-22", "2014-11-07"]),
        ("s2_old_names", ["2015-10-07", "2015-10-17"]),
    ],
)
def test_the_dates_of_a_series_are_those_of_sensing(case, tmp_path, name, dates):
    result = map_water(case(27) / name, tmp_path / "run")
    assert [row["date"] for row in result["dates"]] == dates


def test_dates_of_one_path_whose_edges_differ_are_a_series(case, tmp_path):
    result = map_water(case(30) / "scenes", tmp_path / "run", "--aoi", case(30) / "lake.gpkg")
    assert [row["date"] for row in result["dates"]] == ["2023-06-07", "2023-06-23", "2023-07-09"]
    for row in result["dates"]:
        assert row["area_km2"] == pytest.approx(2.545, rel=0.02)
        assert row["unseen_share"] == 0


@pytest.mark.parametrize("name", ["cube.nc", "one_per_date"])
def test_an_axis_of_time_is_a_series(case, tmp_path, name):
    result = map_water(case(33) / name, tmp_path / "run")
    assert [row["date"] for row in result["dates"]] == ["2023-06-05", "2023-06-15", "2023-07-05"]
    for row in result["dates"]:  # 2292 pixels where xarray has green above swir16
        assert row["area_km2"] == pytest.approx(0.2292, rel=0.01)


def test_latitudes_and_longitudes_are_a_place(case, tmp_path):
    result = map_water(case(32) / "scene_2023-06-05.nc", tmp_path / "run")
    assert result["area_km2"] == pytest.approx(0.192, rel=0.01)


INSIDE = (
    "",
    "MTD_MSIL2A.xml",
    "GRANULE/*/IMG_DATA",
    *(f"GRANULE/*/IMG_DATA/R{m}m" for m in (10, 20)),
)


@pytest.mark.parametrize("inside", INSIDE)
def test_any_part_of_a_product_folder_opens_the_product(case, inside):
    (safe,) = case(37).glob("*.SAFE")
    (path,) = safe.glob(inside) if inside else (safe,)
    scene = open_scene(path)
    assert {"blue", "green", "red", "rededge075", "nir", "nir08", "swir16", "swir22"} <= set(scene)
    assert scene["green"].shape == (120, 120)
    assert (scene.attrs["time"], "flags" in scene) == ("2023-06-07", True)
    assert scene.attrs["provenance"].step("scaling")["offset"] == -0.1
    water = map_scene(scene).labels.to_numpy() == 2
    assert water.sum() * 100 / 1e6 == pytest.approx(0.406, rel=0.02)


def test_products_of_one_folder_are_a_series(case, tmp_path):
    (safe,) = case(37).glob("*.SAFE")
    shutil.make_archive(str(tmp_path / "in" / safe.name), "zip", safe.parent, safe.name)
    later = tmp_path / "in" / safe.name.replace("20230607T083609", "20230622T083609")
    shutil.copytree(safe, later, copy_function=shutil.copyfile)
    metadata = later / "MTD_MSIL2A.xml"
    metadata.parent.chmod(0o755)
    metadata.write_text(metadata.read_text().replace("2023-06-07", "2023-06-22"))
    result = map_water(tmp_path / "in", tmp_path / "run")
    assert [row["date"] for row in result["dates"]] == ["2023-06-07", "2023-06-22"]
    for row in result["dates"]:
        assert row["area_km2"] == pytest.approx(0.406, rel=0.02)


def test_the_offset_of_a_safe_folder_is_in_its_metadata(case, tmp_path):
    bands = case(38) / "*.SAFE/GRANULE/*/IMG_DATA/R*/*_[BS]*.jp2"
    assert map_water(bands, tmp_path / "run")["area_km2"] == pytest.approx(0.406, rel=0.02)


@pytest.mark.parametrize(
    ("number", "name", "sensor", "scale"),
    [
        (22, "", "landsat_espa", 1e-4),
        (29, "LC08_L2SP_098084_20210503_20210508_02_T1", "landsat_c2l2", 2.75e-5),
    ],
)
def test_a_folder_of_landsat_opens_as_it_is_shipped(case, tmp_path, number, name, sensor, scale):
    steps = map_water(case(number) / name, tmp_path / "run")["provenance"]["steps"]
    found = {step["name"]: step for step in steps}
    assert (found["bands"]["sensor"], found["scaling"]["scale"]) == (sensor, scale)
    read = found["bands"]["read"]
    assert {"blue", "green", "red", "nir08", "swir16", "swir22"} <= set(read)
    assert "AEROSOL" not in " ".join(read.values())


# Promises


@pytest.mark.parametrize("name", ["small", "first", "middle", "lucky"])
def test_a_damaged_tile_is_a_hole_of_its_size(case, tmp_path, name):
    image = case(7) / f"{name}.tif"
    result = map_water(image, tmp_path / "run", codes=(3,))
    with rasterio.open(image) as file:
        tile = np.prod(file.block_shapes[0]) / (file.width * file.height)
    assert result["districts"][0]["unseen"]["failed"] == pytest.approx(tile, rel=0.01)
    assert result["unseen_share"] < tile + 0.03


KILLER = """
import os, signal, sys

def kill(event, arguments):
    if event == "os.rename" and ".water.gpkg." in os.fspath(arguments[0]):
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(kill)
from obriy.cli.app import main
main()
"""
"""The command, killed when its polygons are written and not yet at their place."""


def test_a_killed_run_leaves_no_drafts_once_it_is_resumed(case, tmp_path):
    words = ["water", case(10) / "img.tif", "--out", tmp_path / "run", "-q"]
    killed = run_python("-c", KILLER, *words)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list((tmp_path / "run").glob(".water.gpkg.*"))
    for name in (".report.html.", ".map.png.", ".result.json."):
        (tmp_path / "run" / f"{name}abcd").mkdir()
    assert obriy(*words).returncode == 0
    assert not list((tmp_path / "run").glob(HIDDEN))


def test_a_run_killed_before_its_configuration_was_there_starts_anew(case, tmp_path):
    (tmp_path / "run" / ".config.yaml.abcd").mkdir(parents=True)
    words = ["water", case(10) / "img.tif", "--outputs", "mask", "--out", tmp_path / "run", "-q"]
    assert obriy(*words).returncode == 0
    assert not list((tmp_path / "run").glob(HIDDEN))


def test_a_second_process_does_not_break_the_first(case, tmp_path):
    words = ["water", case(11) / "img.tif", "--out", tmp_path / "run", "-q"]
    first = start_and_halt(".mask.tif.", *words)
    try:
        second = obriy(*words)
        first.send_signal(signal.SIGCONT)
        said = first.communicate(timeout=HANG_S)
    finally:
        first.kill()
    assert first.returncode == 0, said
    assert str(first.pid) in error_line(second, 1)


def test_a_changed_input_of_the_same_size_and_time_is_mapped_again(case, tmp_path):
    image = tmp_path / "img.tif"
    areas = []
    for name in ("1.tif", "2.tif"):
        shutil.copyfile(case(15) / name, image)
        os.utime(image, (1_735_689_600, 1_735_689_600))
        areas.append(map_water(image, tmp_path / "run")["area_km2"])
    assert areas[1] == pytest.approx(0.01, rel=0.02)
    assert areas[0] > 2 * areas[1]


def test_a_panel_that_said_nothing_is_no_complete_run(case, tmp_path):
    words = ["landcover", case(13) / "img.tif", "--clusters", "4", "--outputs", "landcover"]
    result_of(obriy(*words, "--out", tmp_path / "run", "--json"))
    panel = json.loads((tmp_path / "run" / "panel.json").read_text(encoding="utf-8"))
    replayed = tmp_path / "none.json"
    replayed.write_text(json.dumps(panel | {"answers": []}), encoding="utf-8")
    said = refusal([*words, "--replay", replayed, "--out", tmp_path / "again"])
    assert "answer" in said


DEEP = f"{'(' * 5000}ndwi:zero{')' * 5000}"
UNEXPECTED = {
    "coordinates swapped": (["lat120.tif"], {}),
    "a pixel size that is no number": (["nan.vrt"], {}),
    "an engineering CRS": (["engineering.tif"], {}),
    "the Moon": (["moon.tif"], {}),
    "NaN in GeoJSON": (["img.tif", "--aoi", "nan.geojson"], {}),
    "a memory without end": (["img.tif", "--max-ram", "inf"], {}),
    "a name that is not UTF-8": ([os.fsdecode(b"bad\xff\xfe.tif")], {}),
    "brackets in brackets": (["img.tif", "--method", DEEP], {}),
    "fewer workers than none": (["img.tif"], {"OBRIY_WORKERS": "-3"}),
}


@pytest.mark.parametrize("name", UNEXPECTED)
def test_what_a_user_can_meet_is_no_surprise(case, tmp_path, name):
    words, env = UNEXPECTED[name]
    done = obriy("water", *words, "--out", tmp_path / "run", cwd=case(8), env=os.environ | env)
    assert "Unexpected" not in done.stderr
    if done.returncode:
        error_line(done, done.returncode)
        assert done.returncode in (1, 2)
        assert not list(tmp_path.rglob("*.tif")), "it was said after the work"
    else:
        assert (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize("nodata", ["nan", "inf"])
def test_a_nodata_that_is_no_number_is_an_answer_or_a_wrong_call(case, tmp_path, nodata):
    words = ["water", case(8) / "img.tif", "--nodata", nodata, "--out", tmp_path / "run"]
    done = obriy(*words, "--outputs", "mask", "--json")
    if done.returncode:
        error_line(done, 2)
        assert not list(tmp_path.rglob("*.tif"))
    else:
        check_area(result_of(done), LAKE_KM2, 0)


def test_weights_that_are_a_text_file_are_refused(case, tmp_path):
    words = ["landcover", case(8) / "img.tif", "--method", "unet+kmeans"]
    done = obriy(*words, "--model", case(8) / "README", "--out", tmp_path / "run")
    assert "Unexpected" not in error_line(done, done.returncode)
    assert done.returncode in (1, 2)


SPOKEN = {
    "a pipe in cp1251": "PYTHONIOENCODING=cp1251 {obriy} | cat",
    "standard error closed": "{obriy} 2>&-",
    "a full device": "{obriy} > /dev/full",
}


@pytest.mark.parametrize("name", SPOKEN)
def test_a_result_is_not_lost_to_its_printing(case, tmp_path, name):
    command = (
        f"exec {sys.executable} -m obriy water img.tif --outputs mask --out {tmp_path / 'run'}"
    )
    script = f"set -o pipefail; {SPOKEN[name].format(obriy=command)}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=case(8), capture_output=True, timeout=HANG_S, check=False
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert (tmp_path / "run" / "result.json").exists()


# Limits


def held():
    """No more memory than this: what runs away ends here, and not the machine."""
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))


def test_more_pixels_than_can_be_are_refused_before_the_work(case, tmp_path):
    words = ["water", case(9) / "img.tif", "--resolution", "1e-6", "--max-ram", "2"]
    assert "pixels" in error_line(spawn(*words, "--out", tmp_path / "run", preexec_fn=held), 1)


def test_a_formula_without_end_is_refused_before_the_work(case, tmp_path):
    words = ["--method", " & ".join(["ndwi:zero"] * 3001), "--out", tmp_path / "run"]
    assert "at most" in refusal(["water", case(9) / "img.tif", *words], 2)


def test_an_image_of_a_million_million_pixels_is_refused_before_the_work(case, tmp_path):
    words = ["--nodata", "0", "--aoi", "33.001,46.93,33.01,46.95", "--out", tmp_path / "run"]
    done = spawn("water", case(9) / "huge.vrt", *words, preexec_fn=held)
    assert "1000000 x 1000000 pixels" in error_line(done, 1)


def test_the_memory_allowed_is_kept_whatever_a_block_decodes_to(case, tmp_path):
    made = run_python(case(18) / "make.py", tmp_path / "strip.tif", "4000")
    assert made.returncode == 0, made.stderr
    words = ["water", tmp_path / "strip.tif", "--max-ram", "1", "--out", tmp_path / "run", "-q"]
    done, peak = spawn_and_weigh(*words)
    assert peak < 1e9
    if done.returncode:
        assert "--max-ram" in error_line(done, 1)


# Files that reach out


@pytest.fixture
def asked():
    """What was asked of a server on this machine, and its port."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *_):
            """Nothing on standard error."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield paths, server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def reaching(case, asked, tmp_path):
    """The files of the case, which name the port of our server in place of their own."""
    folder = tmp_path / "files"
    folder.mkdir()
    for file in case(12).iterdir():
        content = file.read_bytes()
        (folder / file.name).write_bytes(content.replace(b":8765/", b":%d/" % asked[1]))
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ["http.vrt"],
        ["disguised.tif"],
        ["wms.tif", "--bands", "green,nir,swir16"],
        ["/vsigzip//vsicurl/http://127.0.0.1:PORT/img.tif"],
        ["vrt:///vsicurl/http://127.0.0.1:PORT/img.tif?bands=1"],
        ["img.tif", "--aoi", "aoi.vrt"],
    ],
    ids=lambda words: words[-1],
)
def test_no_file_and_no_name_reaches_the_network(asked, reaching, tmp_path, words):
    words = [word.replace("PORT", str(asked[1])) for word in words]
    refusal(["water", *words, "--out", tmp_path / "run"], cwd=reaching)
    assert asked[0] == []


def test_no_file_reads_another_one_as_pixels(case, tmp_path):
    refusal(["water", case(12) / "passwd.vrt", "--out", tmp_path / "run"])
    assert not (tmp_path / "run").exists()
