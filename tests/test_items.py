"""What a user names, and the images that sources find in it; a source that is added at run time."""

import contextlib
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from tests.conftest import utm_grid
from tests.test_series import lake, split
from tests.test_water_command import write_image

from obriy.errors import InputError, SourceError, UsageError
from obriy.model.item import Item
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.sources import heads
from obriy.sources.base import SOURCES, Query, Source
from obriy.sources.dates import time_in
from obriy.sources.finding import find_items
from obriy.sources.scene import open_scene
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.config.landcover import LandcoverCompareConfig, LandcoverConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job
from obriy.workflows.water.inputs import read_inputs

# Reflectance of water, of soil and of snow, by band.
GROUND = {
    "blue": (0.06, 0.10, 0.80), "green": (0.05, 0.13, 0.80), "red": (0.03, 0.18, 0.80),
    "nir": (0.02, 0.30, 0.70), "swir16": (0.01, 0.35, 0.10), "swir22": (0.01, 0.28, 0.08),
}  # fmt: skip


def paths(items):
    return [[Path(path).name for path in item.paths] for item in items]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return write_image(tmp_path_factory.mktemp("image") / "lake.tif", lake(14))


def copies(image, folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(image, folder / name)
    return folder


@contextlib.contextmanager
def shut(folder):
    """A folder that this user may not read; root may, and takes the part of nobody."""
    mode, user = folder.stat().st_mode, os.geteuid()
    folder.chmod(0)
    try:
        if user == 0:
            os.seteuid(65534)
        yield
    finally:
        if user == 0:
            os.seteuid(user)
        folder.chmod(mode)


# --- a source is one entry ----------------------------------------------------------------------


def find_arrays(texts, query):
    return [Item(Path(t).stem, "arrays", (t,), time_in(Path(t).name)) for t in texts]


def open_arrays(request):
    (path,) = request.paths
    codes = np.load(path)
    bands = {n: xr.Variable(("y", "x"), np.float32(v)[codes]) for n, v in GROUND.items()}
    record = Provenance(({"href": path, "bytes": Path(path).stat().st_size},))
    grid = utm_grid(codes.shape, 30.0)
    return make_scene(bands, grid, sensor="made", provenance=record, time=time_in(Path(path).name))


@pytest.fixture
def arrays(monkeypatch, tmp_path):
    """A source of numpy files, and a folder of two of them."""
    monkeypatch.setattr(SOURCES, "_entries", dict(SOURCES._entries))
    claims = lambda text: text.endswith(".npy")  # noqa: E731 - the whole of it
    SOURCES.register("arrays", Source(find_arrays, open_arrays, claims))
    folder = tmp_path / "arrays"
    folder.mkdir()
    for day, radius in {"2021-02-03": 10, "2021-02-17": 18}.items():
        codes = np.where(lake(radius), 0, 1)
        codes[:10] = 2
        np.save(folder / f"{day}T0210.npy", codes)
    return folder


def test_a_source_that_is_added_serves_a_season_a_winter_and_land_cover(arrays, tmp_path):
    given = {"source": str(arrays), "out": tmp_path / "water", "method": "ndwi:0.05",
             "clouds": "none", "outputs": ["mask"]}  # fmt: skip
    water = run_job(make_config(WaterConfig, given))
    assert [d.date for d in water.result.dates] == ["2021-02-03", "2021-02-17"]
    told = {"sources": [str(arrays)], "out": tmp_path / "ice", "method": "ndsi", "outputs": ["map"]}
    ice = run_job(make_config(IceConfig, told))
    assert [d.time for d in ice.result.dates] == [["2021-02-03T02:10"], ["2021-02-17T02:10"]]
    # The ten rows of snow are 800 pixels of 30 m; a lake of them is no ice.
    assert ice.result.dates[0].ice_km2 == pytest.approx(800 * 900 / 1e6, rel=2e-3)
    one = given | {"source": str(arrays / "2021-02-17T0210.npy"), "out": tmp_path / "cover"}
    cover = run_job(make_config(LandcoverConfig, one | {"method": "kmeans", "clusters": 3,
                                                        "outputs": ["landcover"]}))  # fmt: skip
    assert cover.complete
    assert cover.result.classes


def test_open_scene_asks_it_too(arrays):
    scene = open_scene(arrays / "2021-02-03T0210.npy")
    assert scene.attrs["sensor"] == "made"


# --- one image, or several ------------------------------------------------------------------------


def test_a_comparison_of_land_cover_refuses_several_images_and_names_one(image, tmp_path):
    folder = copies(image, tmp_path / "images", "2025-06-05.tif", "2025-06-25.tif")
    given = {"source": str(folder), "reference": str(image), "out": tmp_path / "run"}
    with pytest.raises(UsageError, match="2 images") as caught:
        run_job(make_config(LandcoverCompareConfig, given))
    assert "2025-06-05.tif" in caught.value.hint


def test_whole_images_of_one_day_are_no_bands_of_one(image, tmp_path):
    folder = copies(image, tmp_path / "images", "2025-06-05_a.tif", "2025-06-05_b.tif")
    assert paths(find_items([str(folder)])) == [["2025-06-05_a.tif"], ["2025-06-05_b.tif"]]
    given = {"source": str(folder), "out": tmp_path / "run", "method": "ndwi:0.05"}
    with pytest.raises(InputError, match="more than one image of 2025-06-05"):
        run_job(make_config(WaterConfig, given))


def season(folder, out):
    given = {"source": str(folder), "out": out, "method": "ndwi:0.05", "outputs": ["mask"]}
    return make_config(WaterConfig, given)


def moved(image, to, columns, rows=0):
    """Write an image again, some pixels further east and south."""
    with rasterio.open(image) as file:
        profile, numbers = file.profile, file.read()
        profile["transform"] = file.transform @ Affine.translation(columns, rows)
        with rasterio.open(to, "w", **profile) as other:
            other.descriptions = file.descriptions
            other.write(numbers)


def test_dates_whose_edges_differ_are_a_season(image, tmp_path):
    folder = copies(image, tmp_path / "images", "2025-06-05.tif")
    with rasterio.open(image) as file:
        # The same lake, seen by an image that begins 7 pixels further west and 5 further north.
        numbers = np.pad(file.read(), ((0, 0), (5, 0), (7, 0)), mode="edge")
        shape = {"height": numbers.shape[1], "width": numbers.shape[2]}
        profile = file.profile | shape | {"transform": file.transform @ Affine.translation(-7, -5)}
        with rasterio.open(folder / "2025-06-25.tif", "w", **profile) as other:
            other.descriptions = file.descriptions
            other.write(numbers)
    run = run_job(season(folder, tmp_path / "run"))
    first, second = run.result.dates
    assert first.area_km2 == pytest.approx(second.area_km2, rel=1e-6)
    assert first.area_km2 == pytest.approx(lake(14).sum() * 100 / 1e6, rel=2e-3)
    rows, columns = 64 + 5, 80 + 7
    assert first.unseen_share == pytest.approx(1 - 64 * 80 / (rows * columns), abs=1e-3)
    assert second.unseen_share == 0
    masks = [rasterio.open(d.outputs["mask"]) for d in (first, second)]
    assert masks[0].shape == masks[1].shape == (rows, columns)
    assert masks[0].transform == masks[1].transform


def test_tiles_of_one_day_are_one_image(image, tmp_path):
    folder = copies(image, tmp_path / "images", "2025-06-05_a.tif")
    moved(image, folder / "2025-06-05_b.tif", 70)  # 10 of 80 columns lie on the other
    run = run_job(season(folder, tmp_path / "run"))
    (day,) = run.result.dates
    assert day.area_km2 == pytest.approx(2 * lake(14).sum() * 100 / 1e6, rel=2e-3)
    assert day.unseen_share == 0
    read = {Path(one["href"]).name for one in run.result.provenance.inputs}
    assert read == {"2025-06-05_a.tif", "2025-06-05_b.tif"}


def test_a_reference_in_a_folder_beside_images_is_none_of_them(image, tmp_path):
    folder = copies(image, tmp_path / "images", "2025-06-05.tif", "2025-06-25.tif", "known/a.tif")
    assert paths(find_items([str(folder)])) == [["2025-06-05.tif"], ["2025-06-25.tif"]]


def test_a_date_in_a_folder_beside_images_makes_no_image_of_it(image, tmp_path):
    names = ("2025-06-05.tif", "2025-06-25.tif")
    folder = copies(image, tmp_path / "images", *names, "old/2025-06-05.tif")
    (folder / "loop").symlink_to(folder)
    assert paths(find_items([str(folder)])) == [[name] for name in names]


def test_an_archive_with_a_date_is_an_image_beside_others(image, tmp_path):
    names = ("2025-06-05.tif", "2025-06-25.tif")
    folder = copies(image, tmp_path / "images", *names)
    for name, inside in {
        "lake_20250615.zip": "lake.tif",
        "2025-06-05.zip": "2025-06-05.tif",  # what lies beside it unpacked
        "districts_20250701.zip": "districts.shp",
        "pictures.zip": "a.tif",
    }.items():
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.write(image, inside)
    found = find_items([str(folder)])
    assert paths(found) == [["2025-06-05.tif"], ["lake_20250615.zip"], ["2025-06-25.tif"]]
    assert open_scene(found[1].paths).time == "2025-06-15"


def test_what_may_not_be_read_is_named(image, tmp_path):
    folder = copies(image, tmp_path / "images", "2025-06-05.tif", "2025-06-25.tif")
    with shut(folder), pytest.raises(SourceError, match=r"images.* cannot be read: Permission"):
        find_items([str(folder)])
    with pytest.raises(SourceError, match="cannot be read: File name too long"):
        find_items(["x" * 5000])


def test_a_broken_archive_fails_its_date_alone(image, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    for day in ("05", "15"):
        with zipfile.ZipFile(folder / f"2025-06-{day}.zip", "w") as archive:
            archive.write(image, "lake.tif")
    (folder / "2025-06-25.zip").write_bytes((folder / "2025-06-15.zip").read_bytes()[:999])
    (folder / "2025-06-05.json").write_text("[" * 100_000)
    run = run_job(season(folder, tmp_path / "run"))
    assert [day.status for day in run.result.dates] == ["ok", "ok", "failed"]


def test_the_only_image_of_a_folder_is_it(image, tmp_path):
    folder = copies(image, tmp_path / "one", "2025-06-05T0830_lake.tif", "land.tif")
    (item,) = find_items([str(folder)])
    assert (item.id, item.time, item.source) == (
        "2025-06-05T0830_lake",
        "2025-06-05T08:30",
        "files",
    )
    split(image, tmp_path / "scenes" / "2025-06-05", "{}.tif")
    (item,) = find_items([str(tmp_path / "scenes")])
    assert (item.id, item.time) == ("2025-06-05", "2025-06-05")


def test_the_bands_of_one_image_are_one_whatever_is_asked(image, tmp_path):
    split(image, tmp_path / "scene", "T36UXV_20240615T084601_{}.tif")
    (folder,) = find_items([str(tmp_path / "scene")])
    (pattern,) = find_items([str(tmp_path / "scene" / "*.tif")])
    assert folder.time == pattern.time == "2024-06-15T08:46"


def test_a_stac_item_beside_an_image_tells_its_time_and_clouds(image, tmp_path):
    folder = copies(image, tmp_path / "images", "a.tif", "b.tif")
    for name, day in (("a", "2025-06-25T08:30:11Z"), ("b", "2025-06-05T08:31:00Z")):
        told = {"properties": {"datetime": day, "eo:cloud_cover": 12.5}}
        (folder / f"{name}.json").write_text(json.dumps(told))
    items = find_items([str(folder)])
    assert [(i.id, i.time, i.cloud_cover) for i in items] == [
        ("b", "2025-06-05T08:31", 12.5), ("a", "2025-06-25T08:30", 12.5)
    ]  # fmt: skip


def test_what_is_wanted_is_asked_of_all_sources(image, tmp_path):
    folder = copies(image, tmp_path / "images", "2025-06-05.tif", "2025-06-25.tif")
    (item,) = find_items([str(folder)], Query("2025-06-20/.."))
    assert item.date == "2025-06-25"
    with pytest.raises(UsageError, match="2025-06-05 to 2025-06-25"):
        find_items([str(folder)], Query("2024"))


def test_an_address_in_the_network_is_told_before_it_is_looked_for(tmp_path):
    with pytest.raises(SourceError, match="network"):
        find_items(["https://example.org/lake.tif"])
    with pytest.raises(UsageError, match="Did you mean 'simulated:'"):
        find_items(["simulate:?seed=1"])


def test_a_missing_file_is_missed_where_it_is_named(tmp_path):
    with pytest.raises(SourceError, match="does not exist"):
        find_items([str(tmp_path / "2025-06-05.tif")])


# --- ice ------------------------------------------------------------------------------------------


def test_a_winter_takes_images_of_a_file_a_band(tmp_path):
    for day in ("2021-02-03", "2021-02-17"):
        for name, values in GROUND.items():
            folder = tmp_path / "bay" / day
            folder.mkdir(parents=True, exist_ok=True)
            codes = np.where(lake(14), 0, 2)
            profile = {"driver": "GTiff", "height": 64, "width": 80, "count": 1,
                       "dtype": "float32", "crs": "EPSG:32636",
                       "transform": utm_grid((64, 80), 30.0).affine}  # fmt: skip
            with rasterio.open(folder / f"{name}.tif", "w", **profile) as file:
                file.set_band_description(1, name)
                file.write(np.float32(values)[codes], 1)
    given = {"sources": [str(tmp_path / "bay")], "method": "ndsi", "outputs": ["map"]}
    run = run_job(make_config(IceConfig, given | {"out": tmp_path / "run"}))
    assert [d.granule for d in run.result.dates] == ["2021-02-03", "2021-02-17"]
    ice = (64 * 80 - lake(14).sum()) * 900 / 1e6
    assert run.result.dates[0].ice_km2 == pytest.approx(ice, rel=2e-3)


def test_positions_of_granules_are_not_passed_over_where_there_is_none(image, tmp_path):
    folder = copies(image, tmp_path / "images", "2025-02-05.tif")
    given = {"sources": [str(folder)], "geolocation": [str(image)], "out": tmp_path / "run"}
    with pytest.raises(UsageError, match="--geolocation is for granules"):
        run_job(make_config(IceConfig, given))


# --- what is opened to be found -----------------------------------------------------------------


def opened():
    """How many files were opened for their heads so far."""
    return heads._head.cache_info().misses


def test_files_whose_names_tell_their_dates_are_not_opened(tmp_path):
    for day in ("2023-06-05", "2023-06-15"):
        (tmp_path / f"lake_{day}.tif").write_bytes(b"no image")
    before = opened()
    assert [item.date for item in find_items([str(tmp_path)])] == ["2023-06-05", "2023-06-15"]
    assert opened() == before


def test_files_whose_tags_tell_their_dates_are_opened_once(tmp_path):
    for name, day in (("a", "2023-06-05"), ("b", "2023-06-15")):
        file = write_image(tmp_path / f"{name}.tif", lake(6))
        with rasterio.open(file, "r+") as dataset:
            dataset.update_tags(datetime=day)
    before = opened()
    assert [item.date for item in find_items([str(tmp_path)])] == ["2023-06-05", "2023-06-15"]
    assert opened() == before + 2


def test_cloudiness_in_tags_is_told_once_the_image_is_opened(tmp_path):
    for day, cover in (("2023-06-05", 12.5), ("2023-06-15", 0)):
        file = write_image(tmp_path / f"lake_{day}.tif", lake(6))
        with rasterio.open(file, "r+") as dataset:
            dataset.update_tags(CLOUD_COVER=cover)
    items = find_items([str(tmp_path)])
    assert [item.cloud_cover for item in items] == [None, None]
    config = make_config(WaterConfig, {"source": str(tmp_path), "weights": "cloud"})
    read = read_inputs(config, items)
    assert [one.item.cloud_cover for one in read.opened] == [12.5, 0.0]
