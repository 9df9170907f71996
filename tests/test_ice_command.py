"""`obriy ice` as a user runs it: granules, images, days, scores, errors, going on after a kill."""

import csv
import json
import shutil

import geopandas as gpd
import numpy as np
import pyogrio
import pytest
import rasterio
import xarray as xr
from pyhdf.SD import SD, SDC

import obriy
from ice_scenes import small_sea
from obriy.errors import BandError, InputError, UsageError
from obriy.model.flags import Flag
from obriy.model.grid import coords_of, geobox_of
from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.simulate.files.scene import write_scene
from obriy.simulate.ice.folder import simulate_ice_folder
from obriy.sources.modis.snow import read_snow_reference
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.ice.inputs import read_ice_inputs
from obriy.workflows.ice.mapping import ice_method
from obriy.workflows.jobs import read_config, run_job
from test_water_command import error_line
from test_water_command import obriy as command

RESULT_KEYS = {"job", "method", "dates", "evaluation", "outputs", "provenance"}
DATE_KEYS = {
    "date", "granule", "ice_km2", "ice_share", "water_share", "cloud_share", "unseen_share",
    "status", "reason",
}  # fmt: skip


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Three images of a simulated bay, with labels and a land mask."""
    folder = tmp_path_factory.mktemp("images") / "bay"
    simulate_ice_folder(folder, dates=["2020-10-20", "2021-02-03", "2021-02-17"], seed=11)
    return folder


@pytest.fixture(scope="module")
def granules(tmp_path_factory):
    """Two granules of one day and one of another, of Terra and Aqua, as NASA ships them."""
    folder = tmp_path_factory.mktemp("granules") / "bay"
    simulate_ice_folder(folder, dates=["2021-02-17", "2021-02-18"], seed=11, granules=True)
    return folder


def run_ice(sources, out, **options):
    values = {"sources": [str(s) for s in sources], "out": out, **options}
    return run_job(make_config(IceConfig, values))


def test_granules_to_a_measured_map_in_one_command(granules, tmp_path):
    out = tmp_path / "run"
    done = command("ice", *map(str, sorted(granules.glob("*.hdf"))), "--aoi",
                   "peter-the-great-bay", "--reference", str(granules / "labels"), "--out",
                   str(out), "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert set(result) >= RESULT_KEYS
    assert result == json.loads((out / "result.json").read_text())
    for row in result["dates"]:
        assert set(row) >= DATE_KEYS
        assert row["ice_share"] + row["water_share"] + row["unseen_share"] == pytest.approx(1)
        assert row["cloud_share"] <= row["unseen_share"] + 1e-9
    with rasterio.open(out / "maps" / result["dates"][0]["granule"] / "map.tif") as dataset:
        assert dataset.shape == (285, 430)
        assert dataset.bounds == pytest.approx((130.6, 42.25, 133.25, 43.35))
        assert set(np.unique(dataset.read(1))) <= {0, WATER, ICE, CLOUD, LAND, 255}
        assert {ICE, LAND} <= set(np.unique(dataset.read(1)))
    assert result["evaluation"]["iou"] > 0.5
    assert "geolocation" in {step["name"] for step in result["provenance"]["steps"]}
    assert len({entry["href"] for entry in result["provenance"]["inputs"]}) >= 4  # with MOD03


def test_areas_of_images_are_near_the_truth(images, tmp_path):
    run = run_ice([images], tmp_path / "run", land=str(images / "land.tif"),
                  reference=str(images / "labels"))  # fmt: skip
    with (images / "truth.csv").open() as file:
        truth = {row["image"]: row for row in csv.DictReader(file)}
    for row in run.result.to_dict()["dates"]:
        true = truth[row["granule"]]
        # Land of the mask, at the centres of pixels, against land by cells of 250 m.
        assert row["sea_km2"] == pytest.approx(float(true["sea_km2"]), rel=0.01)
        if float(true["cloud_share"]) < 0.5:
            assert row["expected_km2"] == pytest.approx(float(true["ice_km2"]), rel=0.25, abs=150)
    assert run.complete
    scores = run.result.to_dict()["evaluation"]
    assert set(scores["images"]) == set(truth)
    autumn = scores["images"][next(name for name in truth if name.startswith("2020-10"))]
    assert autumn["counts"]["tp"] + autumn["counts"]["fn"] == 0
    assert autumn["iou"] is None or autumn["iou"] == 0.0


def test_the_run_folder_holds_what_a_person_needs(images, tmp_path):
    out = tmp_path / "run"
    done = command("ice", str(images), "--land", str(images / "land.tif"), "--out", str(out),
                   "--lang", "uk")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Найбільше льоду" in done.stdout
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "лід" in page.lower()
    assert "<svg" in page
    assert (out / "series.png").stat().st_size > 10_000
    days = sorted(p.name for p in (out / "days").iterdir())
    assert days == ["2020-10-20", "2021-02-03", "2021-02-17"]
    for day in days:
        item = json.loads((out / "days" / day / "item.json").read_text())
        assert item["properties"]["datetime"].startswith(day)
        layers = pyogrio.list_layers(out / "days" / day / "ice.gpkg")
        assert {name for name, kind in layers if kind} == {"ice", "ice_edge"}
    edge = gpd.read_file(out / "days" / "2021-02-17" / "ice.gpkg", layer="ice_edge")
    assert edge.crs.to_epsg() == 4326
    assert len(edge) > 0
    seasons = list(csv.DictReader((out / "seasons.csv").open()))
    assert [row["season"] for row in seasons] == ["2020/21"]
    assert seasons[0]["first_ice"] == "2021-02-03"
    assert seasons[0]["first_ice_after"] == "2020-10-20"


def test_the_configuration_makes_the_same_run_and_nothing_twice(images, tmp_path):
    out = tmp_path / "run"
    first = run_ice([images], out, land=str(images / "land.tif"), outputs=["map"])
    config = read_config(out / "config.yaml").model_copy(update={"out": tmp_path / "again"})
    again = run_job(config)
    assert [d["ice_km2"] for d in again.result.to_dict()["dates"]] == [
        d["ice_km2"] for d in first.result.to_dict()["dates"]
    ]
    before = (out / "ledger.jsonl").read_text()
    shutil.rmtree(out / "maps" / first.result.dates[0].granule)
    run_job(read_config(out / "config.yaml").model_copy(update={"out": out}))
    added = (out / "ledger.jsonl").read_text().removeprefix(before).splitlines()
    assert [json.loads(line)["step"] for line in added] == [
        f"map {first.result.to_dict()['dates'][0]['granule']}"
    ]


def test_images_of_a_day_become_one_map(images, tmp_path):
    folder = tmp_path / "two"
    folder.mkdir()
    image = next(images.glob("2021-02-17*.tif"))
    shutil.copy(image, folder / "2021-02-17T0155_terra.tif")
    shutil.copy(next(images.glob("2021-02-03*.tif")), folder / "2021-02-17T0400_aqua.tif")
    land = str(images / "land.tif")
    run = run_ice([folder], tmp_path / "best", land=land, outputs=["map"])
    (row,) = run.result.to_dict()["dates"]
    assert row["granule"] == ["2021-02-17T0155_terra", "2021-02-17T0400_aqua"]
    apart = run_ice([folder], tmp_path / "apart", land=land, outputs=["map"], composite="none")
    assert len(apart.result.to_dict()["dates"]) == 2
    least = min(r["unseen_share"] for r in apart.result.to_dict()["dates"])
    assert row["unseen_share"] <= least + 1e-9  # what either saw is seen


def test_an_image_that_fails_is_listed_and_the_others_go_on(images, tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    shutil.copy(next(images.glob("2021-02-17*.tif")), folder / "2021-02-17T0155_terra.tif")
    (folder / "MOD02HKM.A2021050.0225.061.2021050131500.hdf").write_text("<!DOCTYPE html><html>")
    done = command("ice", str(folder), "--land", str(images / "land.tif"), "--out",
                   str(tmp_path / "run"))  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "Failed: MOD02HKM.A2021050" in done.stdout
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert [row["status"] for row in result["dates"]] == ["ok", "failed"] or (
        result["dates"][0]["status"] == "partial"
    )
    assert "web page" in result["failed"][0]["reason"]


def test_a_map_from_python():
    _, bands, flags = small_sea()
    from affine import Affine
    from odc.geo.geobox import GeoBox

    grid = GeoBox(flags.shape, Affine(500, 0, 4e5, 0, -500, 4.8e6), "EPSG:32652")
    scene = make_scene(
        {n: xr.Variable(("y", "x"), b) for n, b in bands.items()}, grid, sensor="modis_hkm",
        provenance=Provenance(), flags=xr.Variable(("y", "x"), flags), time="2021-02-18T04:05",
    )  # fmt: skip
    truth, _, _ = small_sea()
    made = obriy.map_ice(scene, "auto")
    said = made.labels.to_numpy()
    assert made.legend.name == "ice"
    assert (said[truth == LAND] == LAND).all()
    for code in (WATER, ICE, CLOUD):
        assert (said[truth == code] == code).mean() > 0.9
    assert coords_of(made.geobox).keys() == coords_of(grid).keys()
    with pytest.raises(BandError, match="mod29"):
        obriy.map_ice(scene.drop_vars("swir16"), "mod29")
    with pytest.raises(UsageError, match="trained"):
        obriy.map_ice(scene, "forest")
    with (
        pytest.warns(DeprecationWarning, match="weights is called model now"),
        pytest.raises(InputError, match="nowhere"),
    ):
        obriy.map_ice(scene, "forest", weights="nowhere.skops")


@pytest.mark.parametrize(
    ("words", "needle"),
    [
        (["nowhere.hdf"], "nowhere.hdf does not exist"),
        (["simulated:ice", "--method", "nsdi"], "Did you mean 'ndsi'"),
        (["simulated:ice", "--method", "segformer"], "obriy train ice"),
        (["simulated:ice", "--land", "nothing.tif"], "no land mask"),
        (["simulated:ice", "--reference", "nothing"], "nothing"),
        (["simulated:ice", "--datetime", "1999"], "2021-02-18"),
        (["simulated:ice?sed=1"], "Did you mean 'seed'"),
        (["simulated:ice", "--composite", "mean"], "--composite"),
        (["simulated:ice", "--crs", "EPSG:3413"], "Leave --crs away"),
    ],
)
def test_what_is_wrong_is_one_line(words, needle):
    done = command("ice", *words)
    assert done.returncode in (1, 2)
    assert needle in error_line(done, done.returncode)


def test_a_page_named_hdf_is_no_granule(tmp_path):
    page = tmp_path / "MOD02HKM.A2021049.0225.061.2021049131500.hdf"
    page.write_text("<!DOCTYPE html><html><title>Earthdata Login</title>")
    done = command("ice", str(page), "--aoi", "peter-the-great-bay")
    assert done.returncode == 1
    assert "web page" in error_line(done, done.returncode)


@pytest.mark.parametrize("option", ["--geolocation", "--clouds"])
def test_what_belongs_to_another_granule_is_not_passed_over(granules, option):
    terra = next(granules.glob("MOD02HKM*.hdf"))
    kind = {"--geolocation": "MYD03", "--clouds": "MYD35_L2"}[option]
    other = next(granules.glob(f"{kind}*.hdf"))
    done = command("ice", str(terra), option, str(other), "--aoi", "peter-the-great-bay")
    assert done.returncode == 1
    assert "another granule" in error_line(done, done.returncode)


def test_a_crs_without_a_place_is_refused(granules):
    done = command("ice", str(next(granules.glob("MOD02HKM*.hdf"))), "--crs", "EPSG:3413")
    assert "Give --aoi" in error_line(done, 2)


@pytest.mark.realdata
def test_clouds_of_a_gridded_product_can_be_left_out(realdata):
    tile = realdata / "modis_hdf4/MOD09A1.A2017193.h18v04.006.2017202035302.hdf"
    shown = {}
    for clouds in ("auto", "none"):
        values = {"sources": [str(tile)], "clouds": clouds}
        inputs = read_ice_inputs(make_config(IceConfig, values), ice_method("auto"))
        shown[clouds] = inputs.part["flags"].to_numpy()
    hidden = Flag.CLOUD | Flag.CIRRUS | Flag.CLOUD_SHADOW
    assert (shown["auto"] & Flag.CLOUD).any()
    assert not (shown["none"] & hidden).any()
    np.testing.assert_array_equal(shown["none"] & Flag.LAND, shown["auto"] & Flag.LAND)


def test_granules_without_a_place_have_no_grid_in_common(granules):
    done = command("ice", str(granules))
    assert "Give the place with --aoi" in error_line(done, 1)


@pytest.mark.realdata
def test_a_snow_map_serves_as_reference_for_lakes(realdata, tmp_path):
    snow = realdata / "modis_hdf4/MOD10A2.A2022033.h09v05.061.2022042050729.hdf"
    grid = geobox_of(read_snow_reference(snow).labels)[:300, :300]
    dark = {n: xr.Variable(("y", "x"), np.full(grid.shape, 0.05, "float32")) for n in BANDS}
    scene = make_scene(dark, grid, sensor="modis_hkm", provenance=Provenance())
    write_scene(scene, tmp_path / "2022-02-02T1800.tif")
    values = {"sources": [str(tmp_path)], "reference": str(snow)}
    inputs = read_ice_inputs(make_config(IceConfig, values), ice_method("auto"))
    (reference,) = inputs.references.values()
    known = SD(str(snow)).select("Maximum_Snow_Extent").get()[:300, :300]
    assert ((reference.labels.to_numpy() == ICE) == (known == 100)).all()


def test_another_cloud_mask_makes_another_map(granules, tmp_path):
    folder = tmp_path / "day"
    folder.mkdir()
    for path in granules.glob("MOD*.hdf"):
        shutil.copy(path, folder)
    options = {"aoi": "peter-the-great-bay", "outputs": ["map"]}
    first = run_ice([folder], tmp_path / "run", **options).result.to_dict()["dates"][0]
    (mask,) = folder.glob("MOD35*.hdf")
    file = SD(str(mask), SDC.WRITE)
    field = file.select("Cloud_Mask")
    cloudy = field.get()
    cloudy[0] = 0b0011_1001  # determined; cloudy; by day, no glint, no snow
    field[:] = cloudy
    field.endaccess()
    file.end()
    second = run_ice([folder], tmp_path / "run", **options).result.to_dict()["dates"][0]
    assert first["cloud_share"] < 0.5
    assert second["cloud_share"] == pytest.approx(1, abs=0.01)


def test_a_granule_that_does_not_touch_the_place(granules):
    first = sorted(granules.glob("M?D02HKM*.hdf"))[0]
    done = command("ice", str(first), "--aoi", "-60,60,-50,65")
    assert done.returncode == 1
    assert "touch" in error_line(done, done.returncode) or "meet" in error_line(done)
