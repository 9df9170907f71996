"""The command as a user runs it: outputs, exit codes, one-line errors, resume."""

import json
import os
import signal

import numpy as np
import pytest
import rasterio
from affine import Affine
from tests.terminal import HANG_S, error_line, obriy, spawn, start_and_halt

RESULT_KEYS = {
    "job", "method", "area_km2", "interval_km2", "unseen_share", "dates", "evaluation",
    "comparison", "evaporation", "outputs", "provenance",
}  # fmt: skip
DATE_KEYS = {
    "date", "area_km2", "clear_share", "unseen_share", "weight", "threshold", "status", "reason",
}  # fmt: skip
EVALUATION_KEYS = {
    "overall_accuracy", "kappa", "mean_iou", "pixels", "independent", "classes", "confusion",
}  # fmt: skip


WATER = {"blue": 500, "green": 600, "red": 400, "nir": 150, "swir16": 80, "swir22": 50}
LAND = {"blue": 400, "green": 700, "red": 700, "nir": 3000, "swir16": 2200, "swir22": 1300}


def write_image(path, water, *, crs="EPSG:32636", bands=WATER, missing=None, pixel=10.0):
    """A six-band image, DN = reflectance x 10000, water where the mask says."""
    rng = np.random.default_rng(1)
    water = np.asarray(water, bool)
    with rasterio.open(
        path, "w", driver="GTiff", width=water.shape[1], height=water.shape[0], count=len(bands),
        dtype="uint16", nodata=0, crs=crs, transform=Affine(pixel, 0, 5e5, 0, -pixel, 5.2e6),
    ) as file:  # fmt: skip
        for i, name in enumerate(bands, 1):
            values = np.where(water, WATER[name], LAND[name]) + rng.integers(-20, 20, water.shape)
            if missing is not None:
                values[missing] = 0
            file.write(values.astype("uint16"), i)
            file.set_band_description(i, name)
    return path


def lake(shape=(60, 80)):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.hypot(y - 30, x - 40) < 15


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One finished run, shared by the tests that look at it."""
    folder = tmp_path_factory.mktemp("water")
    image = write_image(folder / "S2A_20240615_scene.tif", lake())
    done = obriy("water", image, "--out", folder / "run", "--json")
    assert done.returncode == 0, done.stderr
    return folder / "run", json.loads(done.stdout), image


def test_result_keeps_the_contract(finished):
    folder, result, _ = finished
    assert set(result) >= RESULT_KEYS
    assert set(result["dates"][0]) >= DATE_KEYS
    assert result["method"] == "auto"
    assert result == json.loads((folder / "result.json").read_text(encoding="utf-8"))
    assert result["evaluation"] is None
    assert result["dates"][0]["status"] == "ok"


def test_area_is_that_of_the_lake(finished):
    _, result, _ = finished
    assert result["area_km2"] == pytest.approx(lake().sum() * 1e-4, rel=0.03)
    assert result["unseen_share"] == 0


def test_outputs_are_there_and_aligned_with_the_image(finished):
    _, result, image = finished
    assert set(result["outputs"]) >= {"mask", "fraction", "polygons", "report", "stac"}
    with rasterio.open(image) as source, rasterio.open(result["outputs"]["mask"]) as mask:
        assert mask.transform == source.transform
        assert mask.crs == source.crs
        assert mask.shape == source.shape
        labels = mask.read(1)
    assert set(np.unique(labels)) == {1, 2}
    assert ((labels == 2) == lake()).mean() > 0.995


def test_run_again_does_nothing_twice_and_says_the_same(finished):
    folder, result, image = finished
    before = {p.name: p.stat().st_mtime_ns for p in folder.glob("*.tif")}
    done = spawn("water", image, "--out", folder, "--json")  # another process, as after a reboot
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == result
    assert {p.name: p.stat().st_mtime_ns for p in folder.glob("*.tif")} == before


def test_a_finished_run_is_told_again_and_what_is_gone_is_made_again(tmp_path):
    image = write_image(tmp_path / "image.tif", lake())
    words = ["water", image, "--out", tmp_path / "run"]
    first = obriy(*words)
    written = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "run").iterdir()}
    head, rest = obriy(*words).stdout.split("\n", 1)
    assert head.startswith("Nothing was run")
    assert rest == first.stdout
    assert {p.name: p.stat().st_mtime_ns for p in (tmp_path / "run").iterdir()} == written
    (tmp_path / "run" / "report.html").unlink()
    assert obriy(*words).stdout == first.stdout
    again = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "run").iterdir()}
    assert again.keys() == written.keys()
    assert again["mask.tif"] == written["mask.tif"]


def test_another_image_of_the_same_size_and_time_is_another(tmp_path):
    image = write_image(tmp_path / "image.tif", lake())
    when, size = image.stat().st_mtime_ns, image.stat().st_size
    first = json.loads(obriy("water", image, "--out", tmp_path / "run", "--json").stdout)
    write_image(image, ~lake())
    os.utime(image, ns=(when, when))
    assert image.stat().st_size == size
    second = json.loads(obriy("water", image, "--out", tmp_path / "run", "--json").stdout)
    assert first["mask_area_km2"] + second["mask_area_km2"] == pytest.approx(0.48, rel=1e-2)
    assert second["mask_area_km2"] > 2 * first["mask_area_km2"]


def test_two_at_once_in_one_folder(tmp_path):
    image = write_image(tmp_path / "image.tif", lake())
    words = ["water", image, "--out", tmp_path / "run", "--outputs", "mask", "-q"]
    process = start_and_halt(".mask.tif.", *words)
    second = obriy(*words)
    process.send_signal(signal.SIGCONT)
    _, stderr = process.communicate(timeout=HANG_S)
    said = error_line(second, 1)
    assert f"process {process.pid}" in said
    assert "--out" in said
    assert process.returncode == 0, stderr
    assert not list((tmp_path / "run").glob(".*"))


def test_config_reproduces_the_run(finished, tmp_path):
    folder, result, _ = finished
    done = obriy("run", folder / "config.yaml", "--out", tmp_path / "again", "--json")
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert again["area_km2"] == result["area_km2"]
    for name in ("mask.tif", "fraction.tif"):
        with rasterio.open(folder / name) as a, rasterio.open(tmp_path / "again" / name) as b:
            np.testing.assert_array_equal(a.read(), b.read())


def test_one_block_or_many_is_the_same_map(finished, tmp_path):
    folder, _, image = finished
    for workers in (1, 2):
        out = tmp_path / str(workers)
        assert obriy("water", image, "--out", out, "--workers", workers, "-q").returncode == 0
        with rasterio.open(folder / "mask.tif") as a, rasterio.open(out / "mask.tif") as b:
            np.testing.assert_array_equal(a.read(), b.read())


def test_districts_get_a_row_each(finished, tmp_path):
    _, _, image = finished
    # The image in lon/lat: 500000 E is the central meridian, 33 E.
    district = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"name": n}, "geometry": {
                "type": "Polygon", "coordinates": [[[w, 46.90], [e, 46.90], [e, 47.0], [w, 47.0],
                                                    [w, 46.90]]]}}
            for n, w, e in (("west", 32.9, 33.00525), ("east", 33.00525, 33.2))
        ],
    }  # fmt: skip
    aoi = tmp_path / "districts.geojson"
    aoi.write_text(json.dumps(district))
    done = obriy("water", image, "--aoi", aoi, "--out", tmp_path / "run", "--json")
    result = json.loads(done.stdout)
    assert [d["district"] for d in result["districts"]] == ["west", "east"]
    parts = [d["fraction_km2"] for d in result["districts"]]
    assert sum(parts) == pytest.approx(result["area_km2"])
    assert min(parts) > 0.2 * max(parts)


def test_dry_run_writes_nothing(finished, tmp_path):
    _, _, image = finished
    done = obriy("water", image, "--dry-run", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bands"] == list(WATER)
    assert not (tmp_path / "run").exists()


def test_outputs_can_be_chosen(finished, tmp_path):
    _, _, image = finished
    done = obriy("water", image, "--outputs", "mask", "--out", tmp_path / "run", "--json")
    outputs = json.loads(done.stdout)["outputs"]
    assert "mask" in outputs
    assert not {"fraction", "polygons", "report"} & set(outputs)


def test_image_without_crs(tmp_path):
    image = write_image(tmp_path / "local.tif", lake(), crs=None)
    done = obriy("water", image, "--out", tmp_path / "run", "--json")
    result = json.loads(done.stdout)
    assert result["area_km2"] is None
    assert any("no CRS" in w for w in result["provenance"]["warnings"])
    sized = obriy("water", image, "--resolution", 30, "--out", tmp_path / "run30", "--json")
    assert json.loads(sized.stdout)["area_km2"] == pytest.approx(lake().sum() * 9e-4, rel=0.03)
    error = error_line(obriy("water", image, "--aoi", "33,46,34,47", "--out", tmp_path / "x"), 1)
    assert "no CRS" in error


@pytest.mark.parametrize("water", [np.ones((1, 1)), np.ones((40, 30)), np.zeros((40, 30))])
def test_one_pixel_all_water_no_water(tmp_path, water):
    image = write_image(tmp_path / "image.tif", water)
    done = obriy("water", image, "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["area_km2"] == pytest.approx(water.sum() * 1e-4, abs=0.01 * water.size * 1e-4)


def test_part_missing_is_unseen_and_not_land(tmp_path):
    missing = np.zeros((60, 80), bool)
    missing[:, :40] = True
    image = write_image(tmp_path / "image.tif", lake(), missing=missing)
    result = json.loads(obriy("water", image, "--out", tmp_path / "run", "--json").stdout)
    assert result["unseen_share"] == pytest.approx(0.5, abs=0.001)
    assert result["dates"][0]["status"] == "partial"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["nowhere.tif"], 1, "nowhere.tif"),
        (["IMAGE", "--method", "mndwj:otsu"], 2, "Did you mean 'MNDWI'"),
        (["IMAGE", "--method", "mndwi:"], 2, "character"),
        (["IMAGE", "--outputs", "mask,pdf"], 2, "'pdf'"),
        (["IMAGE", "--sensor", "sentinel2_l2"], 2, "sentinel2_l2a"),
        (["IMAGE", "--bands", "blue,gren"], 2, "green"),
        (["IMAGE", "--aoi", "10,10,11,11"], 1, "does not meet the image"),
        (["IMAGE", "--lang", "fr"], 2, "--lang"),
        (["IMAGE", "--workers", "0"], 2, "--workers"),
        (["IMAGE", "--max-ram", "0.1"], 1, "--max-ram"),
        (["IMAGE", "--bands", "blue,green,red,nir,-,-", "--method", "mndwi:otsu"], 1, "swir16"),
        (["IMAGE", "--reference", "truth.tif"], 1, "truth.tif"),
        (["IMAGE", "--clouds", "s2cloudless"], 1, "s2cloudless"),
    ],
)
def test_bad_input_is_one_line(finished, tmp_path, words, code, says):
    image = finished[2]
    words = [str(image) if w == "IMAGE" else w for w in words]
    assert says in error_line(obriy("water", *words, "--out", tmp_path / "run"), code)
    left = [p for p in tmp_path.rglob("*") if p.suffix in (".tif", ".json", ".html", ".gpkg")]
    assert not left


def test_all_cloud_is_said(tmp_path):
    image = write_image(tmp_path / "image.tif", lake())
    with rasterio.open(image, "r+") as file:
        values = file.read()
    with rasterio.open(
        tmp_path / "cloudy.tif", "w", driver="GTiff", width=80, height=60, count=7, dtype="uint16",
        crs="EPSG:32636", transform=Affine(10, 0, 5e5, 0, -10, 5.2e6), nodata=0,
    ) as file:  # fmt: skip
        file.write(np.concatenate([values * 0 + 6000, np.full((1, 60, 80), 9, "uint16")]))
    words = ["--bands", "blue,green,red,nir,swir16,swir22,scl", "--scale", "1e-4", "--offset", 0]
    done = obriy("water", tmp_path / "cloudy.tif", *words, "--out", tmp_path / "run")
    assert "could be seen" in error_line(done, 1)


def test_another_run_in_the_folder(finished):
    folder, _, image = finished
    done = obriy("water", image, "--out", folder, "--method", "ndwi:zero")
    assert "another configuration" in error_line(done, 2)


def test_interrupt_leaves_nothing_half_written(tmp_path):
    image = write_image(tmp_path / "big.tif", np.tile(lake((60, 80)), (30, 22)))
    process = start_and_halt(  # a map is being written
        ".mask.tif.", "water", image, "--out", tmp_path / "run", "--outputs", "mask",
        "--workers", "1",
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    _, stderr = process.communicate(timeout=HANG_S)
    assert process.returncode == 128 + signal.SIGINT, stderr
    assert stderr == "error: Stopped by the user; nothing half-written was left.\n"
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["config.yaml"]
    done = obriy("water", image, "--out", tmp_path / "run", "--outputs", "mask", "--json")
    assert done.returncode == 0, done.stderr


def test_ukrainian_report(finished, tmp_path):
    _, _, image = finished
    done = obriy("water", image, "--lang", "uk", "--out", tmp_path / "run", "-q")
    assert done.returncode == 0, done.stderr
    assert 'lang="uk"' in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert done.stdout == ""


@pytest.mark.parametrize(("words", "lang"), [([], "uk"), (["--lang", "en"], "en")])
def test_the_environment_says_the_usual_language(finished, tmp_path, words, lang):
    _, _, image = finished
    where = ["--out", tmp_path / "run", "--outputs", "report", "-q"]
    done = obriy("water", image, *words, *where, env={**os.environ, "OBRIY_LANG": "uk"})
    assert done.returncode == 0, done.stderr
    report = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert f'lang="{lang}"' in report


def test_demo(tmp_path):
    done = obriy("demo", "--out", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "demo" / "simulated" / "report.html").exists()
    assert (tmp_path / "demo" / "sample" / "report.html").exists()
    named = json.loads((tmp_path / "demo" / "landcover" / "result.json").read_text("utf-8"))
    votes = [[vote["labeller"] for vote in one["votes"]] for one in named["clusters"]]
    assert votes == [["spectral", "vision"]] * 12  # of the record that Obriy ships
    assert all(vote["code"] != 255 for one in named["clusters"] for vote in one["votes"])
    assert done.stdout.rstrip().splitlines()[-1].endswith("report.html")


@pytest.mark.parametrize("command", ["methods", "indices", "doctor"])
def test_small_commands(command):
    done = obriy(command)
    assert done.returncode == 0, done.stderr
    assert {"methods": "otsu", "indices": "McFeeters", "doctor": "ok"}[command] in done.stdout


def test_evaluate_a_map_against_itself_and_another(finished):
    folder, _, _ = finished
    done = obriy("evaluate", folder / "mask.tif", folder / "mask.tif", "--json")
    scores = json.loads(done.stdout)
    assert set(scores) >= EVALUATION_KEYS
    assert scores["overall_accuracy"] == 1
    assert obriy("evaluate", folder / "mask.tif", folder / "mask.tif").returncode == 0
    assert "none.tif" in error_line(obriy("evaluate", folder / "mask.tif", "none.tif"), 1)


def test_scores_are_said_in_the_language(finished):
    folder, _, _ = finished
    own = os.environ | {"OBRIY_LANG": "uk"}
    said = obriy("evaluate", folder / "mask.tif", folder / "mask.tif", env=own).stdout
    assert "загальна точність 1,0000" in said
    assert "Не вода" in said
    assert "0,0\N{NO-BREAK SPACE}%" in said


def test_a_broken_part_is_listed_and_the_rest_is_mapped(tmp_path):
    """A tile whose bytes are damaged: exit code 3, unseen there, listed in the result."""
    path = tmp_path / "S2A_20240615_broken.tif"
    water = np.tile(lake((100, 100)), (11, 21))
    with rasterio.open(
        path, "w", driver="GTiff", width=2100, height=1100, count=6, dtype="uint16", nodata=0,
        tiled=True, blockxsize=512, blockysize=512, compress="deflate", interleave="band",
        crs="EPSG:32636", transform=Affine(10, 0, 5e5, 0, -10, 5.2e6),
    ) as file:  # fmt: skip
        for i, name in enumerate(WATER, 1):
            file.write(np.where(water, WATER[name], LAND[name]).astype("uint16"), i)
            file.set_band_description(i, name)
    with rasterio.open(path) as file:
        at, size = (int(file.get_tag_item(f"BLOCK_{k}_2_0", "TIFF", bidx=4)) for k in
                    ("OFFSET", "SIZE"))  # fmt: skip
    data = bytearray(path.read_bytes())
    data[at : at + size] = b"\xff" * size
    path.write_bytes(bytes(data))
    words = ("--method", "ndwi:zero", "--clouds", "none", "--out", tmp_path / "run", "--json")
    done = obriy("water", path, *words)
    assert done.returncode == 3, done.stderr
    result = json.loads(done.stdout)
    assert result["dates"][0]["status"] == "partial"
    assert "cannot be read" in result["dates"][0]["reason"]
    assert any("could not be read" in w for w in result["provenance"]["warnings"])
    assert result["districts"][0]["unseen"]["failed"] == pytest.approx(result["unseen_share"])
    with rasterio.open(tmp_path / "run" / "mask.tif") as mask:
        labels = mask.read(1)
    assert (labels[:512, 1024:1536] == 0).all()
    assert ((labels == 2) == water)[labels > 0].all()
    again = obriy("water", path, *words)
    assert again.returncode == 3
    assert json.loads(again.stdout) == result


def test_a_changed_image_is_mapped_again(tmp_path):
    image = write_image(tmp_path / "image.tif", lake())
    first = json.loads(obriy("water", image, "--out", tmp_path / "run", "--json").stdout)
    write_image(image, np.roll(lake(), 30, axis=1)[:, ::-1] & (np.arange(80) < 40))
    second = json.loads(obriy("water", image, "--out", tmp_path / "run", "--json").stdout)
    fresh = json.loads(obriy("water", image, "--out", tmp_path / "fresh", "--json").stdout)
    assert second["area_km2"] == fresh["area_km2"] != first["area_km2"]


def test_a_district_has_the_same_area_whatever_stands_beside_it(finished, tmp_path):
    _, _, image = finished

    def areas(*boxes):
        features = [
            {"type": "Feature", "properties": {"name": f"d{i}"}, "geometry": {
                "type": "Polygon",
                "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]}}
            for i, (w, s, e, n) in enumerate(boxes)
        ]  # fmt: skip
        aoi = tmp_path / f"aoi{len(boxes)}.geojson"
        aoi.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        out = tmp_path / f"run{len(boxes)}"
        words = ["--aoi", aoi, "--method", "mndwi:otsu", "--out", out, "--json"]
        return [
            d["area_km2"] for d in json.loads(obriy("water", image, *words).stdout)["districts"]
        ]

    one = (33.002, 46.94, 33.006, 46.96)
    assert areas(one)[0] == pytest.approx(areas(one, (33.0, 46.9, 33.001, 47.0))[0], rel=1e-7)


def test_a_map_of_the_same_image_is_no_independent_reference(finished, tmp_path):
    folder, _, image = finished
    words = ["--method", "ndwi:zero", "--reference", folder / "mask.tif"]
    result = json.loads(obriy("water", image, *words, "--out", tmp_path / "run", "--json").stdout)
    assert result["evaluation"]["independent"] is False
    done = obriy("evaluate", tmp_path / "run" / "mask.tif", folder / "mask.tif")
    assert "Agreement" in done.stdout


def test_config_means_the_same_from_any_folder(finished, tmp_path):
    image = finished[2]
    out = tmp_path / "run"
    done = obriy("water", image.name, "--out", out, "-q", cwd=image.parent)
    assert done.returncode == 0, done.stderr
    again = obriy("run", out / "config.yaml", "--out", tmp_path / "again", "-q", cwd=tmp_path)
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize("method", ["ndwi:nan", "ndwi:100000", "mndwi:-3"])
def test_a_threshold_that_says_nothing(finished, tmp_path, method):
    assert "says nothing" in error_line(
        obriy("water", finished[2], "--method", method, "--out", tmp_path / "run"), 2
    )


def test_dry_run_looks_at_method_and_reference(finished):
    image = finished[2]
    error_line(obriy("water", image, "--dry-run", "--method", "bogus:otsu"), 2)
    error_line(obriy("water", image, "--dry-run", "--reference", "nope.tif"), 1)


def test_terminated_like_interrupted(tmp_path):
    image = write_image(tmp_path / "big.tif", np.tile(lake((60, 80)), (30, 22)))
    process = start_and_halt(".mask.tif.", "water", image, "--out", tmp_path / "run")
    process.terminate()
    process.send_signal(signal.SIGCONT)
    _, stderr = process.communicate(timeout=HANG_S)
    assert process.returncode == 128 + signal.SIGTERM, stderr
    assert stderr == "error: Stopped by SIGTERM; nothing half-written was left.\n"
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["config.yaml"]
