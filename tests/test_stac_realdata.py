"""Real scenes through a STAC API and a server of COGs: the numbers of the files, to the bit."""

import json
import shutil

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from tests.servers.running import serving_files
from tests.stac_scenes import item_of, outline, stac_api, write_items
from tests.test_net import anew, set_up

from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import run_job

pytestmark = pytest.mark.realdata
RUFIJI = ("20160312", "20170615", "20180615", "20190715", "20200101")
PATCH = "S2A_MSIL2A_20170617T113321_36_85"
LANDSAT = "LC08_L2SP_005009_20150710_20200908_02_T2"


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    set_up(monkeypatch, tmp_path / "cache", net_tries=2)
    yield
    monkeypatch.undo()
    anew()


def split(image, folder, prefix):
    """Lay each band of an image down as a COG, its numbers as they are; files by band."""
    folder.mkdir(parents=True)
    files = {}
    with rasterio.open(image) as source:
        for index, name in enumerate(source.descriptions, 1):
            plain = {**source.profile, "count": 1, "driver": "GTiff", "interleave": "pixel"}
            draft = folder / "draft.tif"
            with rasterio.open(draft, "w", **plain) as file:
                file.write(source.read(index), 1)
            files[name] = folder / f"{prefix}_{name}.tif"
            rasterio.shutil.copy(draft, files[name], driver="COG", compress="DEFLATE",
                                 blocksize=128)  # fmt: skip
            draft.unlink()
    return files


def around(files):
    """The box around the footprints of files, as --aoi has it."""
    return ",".join(str(v) for v in outline(next(iter(files.values()))).bounds)


def both(kind, given, near, far):
    """Run a job on files and on a catalogue; return both results."""
    return [run_job(make_config(kind, given | own)).result for own in (near, far)]


def test_a_season_of_a_delta(realdata, tmp_path):
    items, bands = [], {}
    for day in RUFIJI:
        image = realdata / f"s2_rufiji_ts/SEN2_{day}.tif"
        bands = split(image, tmp_path / "files" / day, f"S2A_T37MEM_{day}")
        items.append((bands, f"{day[:4]}-{day[4:6]}-{day[6:]}T07:30:00Z"))
    given = {"aoi": around(bands), "method": "auto", "scale": 0.001, "offset": 0.0,
             "outputs": ["mask"], "clouds": "none"}  # fmt: skip
    with serving_files(tmp_path / "files") as cogs:
        raw = [
            item_of(files, f"S2A_{when[:10]}", when, tile="37MEM", baseline="02.04",
                    href=lambda file: f"{cogs.url}/{file.parent.name}/{file.name}",
                    geometry=outline(files["B02"]))
            for files, when in items
        ]  # fmt: skip
        with stac_api(write_items(tmp_path / "items.json", raw)) as api:
            near, far = both(
                WaterConfig, given,
                {"source": str(tmp_path / "files"), "sensor": "sentinel2_l2a",
                 "datetime": "2016/2020", "out": tmp_path / "near"},
                {"source": f"stac:{api}", "datetime": "2016/2020", "out": tmp_path / "far"},
            )  # fmt: skip
    assert len(far.dates) == len(near.dates) == len(RUFIJI)
    for one, other in zip(near.dates, far.dates, strict=True):
        assert (one.area_km2, one.interval_km2, one.unseen_share) == (
            other.area_km2, other.interval_km2, other.unseen_share,
        )  # fmt: skip
        with rasterio.open(one.outputs["mask"]) as a, rasterio.open(other.outputs["mask"]) as b:
            assert np.array_equal(a.read(1), b.read(1))


def test_land_cover_of_a_patch_of_three_pixel_sizes(realdata, tmp_path):
    folder = realdata / "s2_small_labelled" / "BigEarthNet" / PATCH
    files = {file.stem.rsplit("_", 1)[1]: file for file in folder.glob("*.tif")}
    given = {"aoi": around({"B02": files["B02"]}), "clusters": 5, "outputs": ["landcover"],
             "clouds": "none"}  # fmt: skip
    with serving_files(folder) as cogs:
        item = item_of(files, PATCH, "2017-06-17T11:33:21Z", baseline="02.05", tile="29SND",
                       href=lambda file: f"{cogs.url}/{file.name}")  # fmt: skip
        with stac_api(write_items(tmp_path / "items.json", [item])) as api:
            near, far = both(
                LandcoverConfig, given, {"source": str(folder), "out": tmp_path / "near"},
                {"source": f"stac:{api}", "datetime": "2017-06", "out": tmp_path / "far"},
            )  # fmt: skip
    with (
        rasterio.open(near.outputs["landcover"]) as one,
        rasterio.open(far.outputs["landcover"]) as other,
    ):
        assert np.array_equal(one.read(1), other.read(1))
    areas = [[(c.name, c.area_km2) for c in result.classes] for result in (near, far)]
    assert areas[0] == areas[1]


def test_an_item_of_usgs_of_stac_0_7(realdata, tmp_path):
    """A real item, its assets named ``SR_B3.TIF``, of real files whose pixels were thinned."""
    folder = tmp_path / "scene"
    shutil.copytree(realdata / "landsat_c2l2_thumbs" / "assets", folder)
    item = json.loads((folder / f"{LANDSAT}_SR_stac.json").read_text())
    given = {"method": "ndwi:0.05", "outputs": ["mask"], "aoi": around(
        {"B": folder / f"{LANDSAT}_SR_B3.TIF"})}  # fmt: skip
    with serving_files(folder) as cogs:
        for asset in item["assets"].values():
            asset["href"] = f"{cogs.url}/{asset['href'].rsplit('/', 1)[1]}"
        (tmp_path / "item.json").write_text(json.dumps(item))
        near, far = both(
            WaterConfig, given, {"source": str(folder), "out": tmp_path / "near"},
            {"source": f"stac:{tmp_path / 'item.json'}", "best": 1, "out": tmp_path / "far"},
        )  # fmt: skip
    assert far.dates[0].date == near.dates[0].date == "2015-07-10"
    assert (far.area_km2, far.unseen_share) == (near.area_km2, near.unseen_share)
