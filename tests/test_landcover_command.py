"""`obriy landcover` as a user runs it: outputs, exit codes, one-line errors, resume, replay."""

import json
import shutil
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine

import obriy
from obriy.errors import EmptyResultError, UnknownNameError, UsageError
from obriy.model.legend import NO_DATA
from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverCompareConfig, LandcoverConfig
from obriy.workflows.jobs import read_config, run_job
from test_water_command import error_line
from test_water_command import obriy as command

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
SPECTRA = {
    80: (600, 500, 300, 150, 60, 40),  # clear water
    10: (250, 450, 280, 3000, 1400, 600),  # dense forest
    60: (1500, 2000, 2600, 3300, 4200, 3900),  # dry bare ground
}
"""Reflectance x 10000 by WorldCover code, from published spectra of such surfaces."""
RESULT_KEYS = {
    "job", "method", "clusters", "classes", "evaluation", "cost", "outputs", "provenance",
}  # fmt: skip
CLUSTER_KEYS = {
    "id", "share", "name", "code", "confidence", "agreement", "votes", "spectrum",
}  # fmt: skip
VOTE_KEYS = {"labeller", "answer", "normalised", "confidence"}


def truth(shape=(96, 128)):
    """Water to the left, forest to the right, bare ground below: WorldCover codes."""
    codes = np.full(shape, 10, "uint8")
    codes[:, : shape[1] // 3] = 80
    codes[shape[0] * 2 // 3 :, shape[1] // 3 :] = 60
    return codes


def write_scene(path, codes, *, missing=None):
    """A six-band image, DN = reflectance x 10000, with a little noise."""
    rng = np.random.default_rng(5)
    with rasterio.open(
        path, "w", driver="GTiff", width=codes.shape[1], height=codes.shape[0], count=len(BANDS),
        dtype="uint16", nodata=0, crs="EPSG:32636", transform=Affine(10, 0, 5e5, 0, -10, 5.2e6),
    ) as file:  # fmt: skip
        for i, name in enumerate(BANDS, 1):
            plane = np.zeros(codes.shape)
            for code, spectrum in SPECTRA.items():
                plane[codes == code] = spectrum[i - 1]
            plane += rng.normal(0, 0.03 * plane.mean(), codes.shape)
            plane = np.clip(plane, 1, None)
            if missing is not None:
                plane[missing] = 0
            file.write(plane.astype("uint16"), i)
            file.set_band_description(i, name)
    return path


def write_codes(path, codes):
    with rasterio.open(
        path, "w", driver="GTiff", width=codes.shape[1], height=codes.shape[0], count=1,
        dtype="uint8", nodata=0, crs="EPSG:32636", transform=Affine(10, 0, 5e5, 0, -10, 5.2e6),
    ) as file:  # fmt: skip
        file.write(codes, 1)
    return path


def run(tmp_path, **values):
    """A run in this process."""
    return run_job(make_config(LandcoverConfig, {"out": tmp_path / "run", **values}))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One finished run through the command line, shared by the tests that look at it."""
    folder = tmp_path_factory.mktemp("landcover")
    image = write_scene(folder / "S2A_20240615_scene.tif", truth())
    reference = write_codes(folder / "worldcover.tif", truth())
    done = command(
        "landcover", image, "--clusters", 6, "--reference", reference, "--out", folder / "run",
        "--outputs", "landcover,clusters,confidence,agreement,sheet,report,polygons", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder / "run", json.loads(done.stdout), image


def test_two_images_beside_each_other_are_told_of_folders(tmp_path):
    line = error_line(command("landcover", "a.tif", "b.tif", cwd=tmp_path), 2)
    assert "b.tif" in line
    assert "folder" in line


def test_result_keeps_the_contract(finished):
    folder, result, _ = finished
    assert set(result) >= RESULT_KEYS
    assert json.loads((folder / "result.json").read_text()) == result
    for cluster in result["clusters"]:
        assert set(cluster) >= CLUSTER_KEYS
        assert all(set(vote) >= VOTE_KEYS for vote in cluster["votes"])
    assert sum(c["share"] for c in result["clusters"]) == pytest.approx(1)
    assert {c["name"] for c in result["classes"]} == {"water", "tree_cover", "bare"}
    ceiling = result["evaluation"]["ceiling"]
    assert ceiling["overall_accuracy"] >= result["evaluation"]["overall_accuracy"]
    assert all(Path(path).exists() for path in result["outputs"].values())


def test_the_map_is_right_and_its_areas_add_up(finished):
    folder, result, _ = finished
    with rasterio.open(folder / "landcover.tif") as file:
        labels = file.read(1)
        assert file.colormap(1)[80][:3] == (0, 100, 200)  # WorldCover's own colour of water
    assert (labels == truth()).mean() > 0.99
    assert result["evaluation"]["overall_accuracy"] == pytest.approx((labels == truth()).mean())
    areas = {row["code"]: row["area_km2"] for row in result["classes"]}
    for code, area in areas.items():
        # 10 m pixels near the central meridian of a UTM zone: the scale there is 0.9996.
        assert area == pytest.approx((labels == code).sum() * 1e-4 / 0.9996**2, rel=1e-3)


def test_layers_agree_with_the_clusters(finished):
    folder, result, _ = finished
    layers = {}
    for name in ("landcover", "clusters", "confidence", "agreement", "unseen"):
        with rasterio.open(folder / f"{name}.tif") as file:
            layers[name] = file.read(1)
    for cluster in result["clusters"]:
        here = layers["clusters"] == cluster["id"]
        assert here.sum() == cluster["pixels"]
        assert set(np.unique(layers["landcover"][here])) == {cluster["code"]}
        assert set(np.unique(layers["confidence"][here])) == {round(200 * cluster["confidence"])}
        assert set(np.unique(layers["agreement"][here])) == {round(200 * cluster["agreement"])}
    assert not layers["unseen"].any()


def test_parcels_cover_the_map(finished):
    folder, result, _ = finished
    parcels = gpd.read_file(folder / "landcover.gpkg")
    by_class = parcels.groupby("code")["area_ha"].sum() / 100
    for row in result["classes"]:
        assert by_class[row["code"]] == pytest.approx(row["area_km2"], rel=1e-3)


def test_map_and_reference_meet_by_the_legend_in_the_file(finished):
    folder, result, image = finished
    done = command(
        "evaluate", folder / "landcover.tif", image.with_name("worldcover.tif"), "--json"
    )
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout)
    assert scores["overall_accuracy"] == result["evaluation"]["overall_accuracy"]


def test_a_run_from_its_config_finds_everything_done(finished):
    folder, result, _ = finished
    before = (folder / "ledger.jsonl").read_text()
    again = run_job(read_config(folder / "config.yaml").model_copy(update={"out": folder}))
    assert (folder / "ledger.jsonl").read_text() == before
    assert again.complete
    assert again.result.to_dict()["clusters"] == result["clusters"]


def test_replay_is_the_same_bit_for_bit(finished, tmp_path):
    folder, result, image = finished
    replayed = run(
        tmp_path, source=str(image), clusters=6, replay=str(folder / "panel.json"),
        reference=str(image.with_name("worldcover.tif")),
        outputs=["landcover", "clusters", "confidence", "agreement"],
    )  # fmt: skip
    for name in ("landcover", "clusters", "confidence", "agreement"):
        with (
            rasterio.open(folder / f"{name}.tif") as one,
            rasterio.open(tmp_path / "run" / f"{name}.tif") as other,
        ):
            assert (one.read(1) == other.read(1)).all()
    assert replayed.result.to_dict()["clusters"] == result["clusters"]
    first, second = (json.loads((f / "panel.json").read_text()) for f in (folder, tmp_path / "run"))
    assert first["answers"] == second["answers"]


def test_merged_clusters_are_one(finished, tmp_path):
    _, _, image = finished
    result = run(tmp_path, source=str(image), clusters=6, merge=True).result.to_dict()
    names = [c["name"] for c in result["clusters"]]
    assert sorted(names) == sorted(set(names))
    merges = [entry for entry in result["rounds"] if entry["action"] == "merge"]
    assert merges
    with rasterio.open(tmp_path / "run" / "clusters.tif") as file:
        assert set(np.unique(file.read(1))) == {c["id"] for c in result["clusters"]}


def test_districts_are_measured_apart(finished, tmp_path):
    _, _, image = finished
    west, east = (
        shapely.box(5e5 + a, 5.2e6 - 960, 5e5 + b, 5.2e6) for a, b in ((0, 420), (430, 1280))
    )
    frame = gpd.GeoDataFrame({"name": ["west", "east"]}, geometry=[west, east], crs="EPSG:32636")
    frame.to_file(tmp_path / "districts.gpkg")
    result = run(
        tmp_path, source=str(image), clusters=6, aoi=str(tmp_path / "districts.gpkg"),
        outputs=["landcover"],
    ).result.to_dict()  # fmt: skip
    west = {c["name"]: c for c in result["classes"] if c["district"] == "west"}
    assert set(west) == {"water"}
    assert west["water"]["area_km2"] == pytest.approx(42 * 96 * 1e-4, rel=2e-3)
    assert "report" not in result["outputs"]


def test_a_district_has_the_clusters_of_the_whole_image(tmp_path):
    codes = np.kron(np.random.default_rng(3).choice([10, 60, 80], (30, 32)), np.ones((10, 10)))
    image = write_scene(tmp_path / "mosaic.tif", codes.astype("uint8"))
    common = {"source": str(image), "method": "slic+kmeans", "clusters": 5, "rounds": 0}
    common["outputs"] = ["clusters"]
    run_job(make_config(LandcoverConfig, common | {"out": tmp_path / "whole"}))
    west, south = 5e5 + 1000, 5.2e6 - 2000  # not on the tiles in which super-pixels are made
    district = f"{west},{south},{west + 800},{south + 700}"
    frame = gpd.GeoDataFrame(
        {"name": ["d"]},
        geometry=[shapely.box(*map(float, district.split(",")))],
        crs="EPSG:32636",
    )
    frame.to_file(tmp_path / "district.gpkg")
    aoi = {"aoi": str(tmp_path / "district.gpkg"), "out": tmp_path / "part"}
    run_job(make_config(LandcoverConfig, common | aoi))
    with (
        rasterio.open(tmp_path / "whole" / "clusters.tif") as whole,
        rasterio.open(tmp_path / "part" / "clusters.tif") as part,
    ):
        window = rasterio.windows.from_bounds(*part.bounds, transform=whole.transform)
        assert (whole.read(1, window=window) == part.read(1)).all()


def test_missing_pixels_stay_missing(tmp_path):
    codes = truth()
    missing = np.zeros(codes.shape, bool)
    missing[10:30, 10:50] = True
    image = write_scene(tmp_path / "holes.tif", codes, missing=missing)
    result = run(tmp_path, source=str(image), clusters=5).result.to_dict()
    assert result["unseen_share"] == pytest.approx(missing.mean())
    with rasterio.open(tmp_path / "run" / "landcover.tif") as file:
        assert ((file.read(1) == NO_DATA) == missing).all()


def test_python_and_command_line_give_one_map(finished):
    folder, _, image = finished
    scene = obriy.open_scene(image)
    cover = obriy.map_landcover(scene, clusters=6)
    with rasterio.open(folder / "landcover.tif") as file:
        assert (cover.labels.to_numpy() == file.read(1)).all()
    assert cover.legend.name == "worldcover"
    assert cover.confidence is not None


@pytest.mark.parametrize("legend", ["simple", "dynamic_world", "igbp", "water"])
def test_other_legends(finished, legend):
    _, _, image = finished
    cover = obriy.map_landcover(obriy.open_scene(image), clusters=4, legend=legend)
    codes = set(np.unique(cover.labels.to_numpy()))
    assert codes <= set(cover.legend.codes)
    assert cover.legend.by_name("water").code in codes


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--method", "kmens"], 2, "kmeans"),
        (["--labellers", "spektral"], 2, "spectral"),
        (["--labellers", "anthropic:some-model"], 2, "ANTHROPIC_API_KEY"),
        (["--legend", "worldcovr"], 2, "worldcover"),
        (["--features", "colour"], 2, "features"),
        (["--features", "texture"], 2, "indices"),
        (["--clusters", "0"], 2, "--clusters"),
        (["--budget", "euros=1"], 2, "budget"),
        (["--outputs", "mask"], 2, "landcover"),
        (["--reference", "nowhere.tif"], 1, "nowhere.tif"),
        (["--reference", "band:truth"], 1, "truth"),
        (["--replay", "nowhere.json"], 1, "nowhere.json"),
        (["--reliability", "spectral=2", "--vote", "weighted"], 2, "weight"),
        (["--vote", "loud"], 2, "--vote"),
        (["--method", "student:nowhere.pt"], 1, ""),
    ],
)
def test_bad_input_is_one_line(finished, tmp_path, monkeypatch, words, code, says):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    _, _, image = finished
    done = command("landcover", image, "--out", tmp_path / "run", *words)
    assert says in error_line(done, code)
    assert not (tmp_path / "run").exists()


def test_errors_from_python(finished):
    scene = obriy.open_scene(finished[2])
    with pytest.raises(UnknownNameError, match="kmeans"):
        obriy.map_landcover(scene, "kmens")
    with pytest.raises(UsageError):
        obriy.map_landcover(scene, labellers=())
    with pytest.raises(EmptyResultError):
        obriy.map_landcover(scene.where(False))


def test_dry_run_says_what_would_be_done(finished, tmp_path):
    done = command(
        "landcover", finished[2], "--dry-run", "--out", tmp_path / "run", "--clusters", "7"
    )
    assert done.returncode == 0, done.stderr
    plan = json.loads(done.stdout)
    assert plan["clusters"] == 7
    assert plan["labellers"] == ["spectral"]
    assert not (tmp_path / "run").exists()


def test_comparison_has_a_row_for_each(finished, tmp_path):
    _, _, image = finished
    config = make_config(
        LandcoverCompareConfig,
        {
            "source": str(image), "methods": "kmeans,slic+kmeans", "clusters": "3,5",
            "reference": str(image.with_name("worldcover.tif")), "out": tmp_path / "compare",
        },
    )  # fmt: skip
    done = run_job(config)
    assert done.complete
    pairs = [(row["method"], row["clusters"]) for row in done.result.to_dict()["rows"]]
    assert pairs == [("kmeans", 3), ("kmeans", 5), ("slic+kmeans", 3), ("slic+kmeans", 5)]
    for row in done.result.to_dict()["rows"]:
        assert row["overall_accuracy"] <= row["ceiling_overall_accuracy"] <= 1
        # Three materials far apart: any of these clusterers finds them, whatever their names.
        assert row["ceiling_overall_accuracy"] > 0.95
    assert Path(done.result.outputs["figure"]).exists()
    assert len(Path(done.result.outputs["table"]).read_text().splitlines()) == 5


def test_comparison_of_the_date_that_is_asked_for(finished, tmp_path):
    _, _, image = finished
    for day in ("2025-06-05", "2025-06-25"):
        (tmp_path / "images").mkdir(exist_ok=True)
        shutil.copy(image, tmp_path / "images" / f"{day}.tif")
    given = {
        "source": str(tmp_path / "images"), "datetime": "2025-06-20/..", "methods": "kmeans",
        "clusters": "3", "reference": str(image.with_name("worldcover.tif")),
        "out": tmp_path / "compare",
    }  # fmt: skip
    done = run_job(make_config(LandcoverCompareConfig, given))
    assert done.complete, done.result.failed
    (read,) = done.result.provenance.inputs
    assert read["href"].endswith("2025-06-25.tif")
    assert done.result.rows[0].overall_accuracy > 0


def test_comparison_needs_a_reference(finished, tmp_path):
    done = command("compare", "landcover", finished[2], "--out", tmp_path / "compare")
    assert "--reference" in error_line(done, 2)


def test_a_map_from_python_is_written_with_how_sure_it_is(finished, tmp_path):
    cover = obriy.map_landcover(obriy.open_scene(finished[2]), clusters=6)
    paths = obriy.write_class_map(cover, tmp_path)
    with rasterio.open(paths["mask"]) as written, rasterio.open(paths["confidence"]) as sure:
        assert (written.read(1) == cover.labels.to_numpy()).all()
        assert (sure.read(1) == cover.confidence.to_numpy()).all()
    assert "agreement" in paths
    assert "fraction" not in paths
