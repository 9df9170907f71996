"""``process:`` against a Process API on this machine, through the provider's own SDK."""

import contextlib
import csv
import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route
from tests.servers.faults import faulty
from tests.servers.process_api import Fault, ProcessApi, Scene, serving, write_profile
from tests.servers.running import running
from tests.terminal import HANG_S

from obriy.blocks.damage import read_around
from obriy.errors import SourceError, UsageError
from obriy.model.areas import District
from obriy.model.flags import Flag
from obriy.net import cache
from obriy.settings import settings
from obriy.sources.base import Query
from obriy.sources.finding import find_items
from obriy.sources.scene import asked, open_item
from obriy.workflows.config.water import WaterCompareConfig, WaterConfig
from obriy.workflows.jobs import plan_job, run_job

CRS = "EPSG:32636"
LEFT, TOP = 500_000.0, 5_200_000.0
ROWS, COLUMNS = 90, 120
BANDS = {
    "B02": "blue",
    "B03": "green",
    "B04": "red",
    "B08": "nir",
    "B11": "swir16",
    "B12": "swir22",
}
DAY = "2025-06-05"


def numbers(seed=0):
    """DN of every band, and SCL: a lake of low infrared in the middle, noise everywhere."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:ROWS, :COLUMNS]
    lake = np.hypot(y - 45, x - 60) < 25
    made = {name: rng.integers(500, 3000, (ROWS, COLUMNS)) for name in BANDS}
    for name in ("B08", "B11", "B12"):
        made[name] = np.where(lake, made[name] // 10, made[name] + 2000)
    made["SCL"] = np.where(lake, 6, 5)
    made["SCL"][:10, :10] = 9
    return {name: values.astype("uint16") for name, values in made.items()}


def write_scene(path, bands, left=LEFT):
    grid = Affine(10, 0, left, 0, -10, TOP)
    with rasterio.open(path, "w", driver="GTiff", dtype="uint16", count=len(bands), crs=CRS,
                       transform=grid, height=ROWS, width=COLUMNS) as file:  # fmt: skip
        for number, (name, values) in enumerate(bands.items(), 1):
            file.write(values, number)
            file.set_band_description(number, name)
    return str(path)


@pytest.fixture
def bands():
    return numbers()


@pytest.fixture
def api(tmp_path, bands, monkeypatch):
    """A service with one scene, the SDK's profile of it, and an empty cache."""
    path = write_scene(tmp_path / "scene.tif", bands)
    service = ProcessApi([Scene("S2B_ONE", f"{DAY}T08:50:11Z", path, 12.5)])
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OBRIY_CACHE", str(tmp_path / "cache"))
    for name in ("SH_CLIENT_ID", "SH_CLIENT_SECRET", "SH_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    settings.cache_clear()
    with serving(service) as url:
        service.url = url
        monkeypatch.setenv("XDG_CONFIG_HOME", str(write_profile(tmp_path, url)))
        yield service
    settings.cache_clear()


def district(shrink=0.0):
    box = shapely.box(LEFT, TOP - ROWS * 10, LEFT + COLUMNS * 10, TOP)
    return District("all", box.buffer(-shrink, join_style="mitre"), CRS)


def found(address="process:loopback", when=f"{DAY}/{DAY}", **query):
    query = {"districts": (district(),), "datetime": when} | query
    return find_items([address], Query(**query))


def opened(address="process:loopback", resolution=None, names=None, **query):
    item = found(address, **query)[0]
    return open_item(item, asked(resolution=resolution, bands=names))


def test_what_comes_is_what_the_scene_holds(api, bands):
    scene = opened()
    assert scene.attrs["sensor"] == "sentinel2_l2a"
    assert scene.attrs["time"] == DAY
    for own, common in BANDS.items():
        np.testing.assert_array_equal(scene[common], bands[own] * np.float32(1e-4))
    assert scene.odc.geobox.affine == Affine(10, 0, LEFT, 0, -10, TOP)
    flags = scene["flags"].to_numpy()
    assert (flags[:10, :10] & Flag.CLOUD.value).all()
    assert not (flags[10:, 10:] & Flag.CLOUD.value).any()
    assert len(api.requests) == 1


def test_bands_choose_and_cost(api, bands):
    scene = opened(names="nir,B03")
    assert sorted(set(scene) - {"flags"}) == ["green", "nir"]
    step = scene.attrs["provenance"].step("requests")
    assert step["requests"] == 1
    # 90 x 120 pixels are less than a hundred times 512 x 512; 3 bands (nir, green, SCL) are one.
    assert step["processing_units"] == pytest.approx(round(90 * 120 / 512**2, 3))
    np.testing.assert_array_equal(scene["nir"], bands["B08"] * np.float32(1e-4))
    script = api.requests[0]["evalscript"]
    assert script.index("B08") < script.index("B03") < script.index("SCL")


@pytest.mark.parametrize("split", ["1x1", "2x3", "5x5"])
def test_tiles_join_without_a_seam(api, bands, split):
    """Of 10 m pixels on the sensor's grid every cut is the scene itself, to the bit."""
    scene = opened(resolution=10, tiles=split)
    rows, columns = map(int, split.split("x"))
    np.testing.assert_array_equal(scene["nir"], bands["B08"] * np.float32(1e-4))
    assert len(api.requests) == rows * columns


@pytest.mark.parametrize("way", ["nearest", "bilinear"])
def test_no_seam_where_the_service_resamples(api, way):
    """Finer than the sensor, on another grid than its own: tiles are the one large image."""
    address = f"process:loopback?resampling={way}"
    whole = opened(address, resolution=7)["nir"].to_numpy()
    api.requests.clear()
    parts = opened(address, resolution=7, tiles="3x4")["nir"].to_numpy()
    np.testing.assert_array_equal(whole, parts)
    assert len(api.requests) == 12


def test_a_missing_halo_would_be_a_seam(api, monkeypatch):
    """The test above can fail: without the halo a service that resamples leaves seams."""
    from obriy.tables import load_toml

    address = "process:loopback?resampling=bilinear"
    whole = opened(address, resolution=7)["nir"].to_numpy()
    monkeypatch.setitem(load_toml("process_api")["resampling"], "bilinear", 0.0)
    parts = opened(address, resolution=7, tiles="3x4")["nir"].to_numpy()
    assert (whole != parts).any()


def test_no_request_exceeds_the_limit(api, bands):
    api.limit = 50
    scene = opened("process:loopback?limit=50")
    np.testing.assert_array_equal(scene["green"], bands["B03"] * np.float32(1e-4))
    sides = [(r["output"]["height"], r["output"]["width"]) for r in api.requests]
    assert len(sides) == 6
    assert max(map(max, sides)) == 45


def test_a_split_without_a_resolution_says_it(api):
    """Document D: 120 km in 5 tiles of 2500 pixels are pixels of 9.6 m; here 1.2 km and 100."""
    scene = opened("process:loopback?limit=100", tiles="1x1")
    assert scene.odc.geobox.affine.a == pytest.approx(12.0)
    scene = opened("process:loopback?limit=100", tiles="3x3")
    assert scene.odc.geobox.affine.a == pytest.approx(4.0)
    assert [w.key for w in scene.attrs["provenance"].warnings] == ["finer_than_sensor"]


def test_too_few_tiles_are_refused_with_what_will_do(api):
    with pytest.raises(UsageError, match="2x3"):
        opened("process:loopback?limit=50", resolution=10, tiles="1x1")
    with pytest.raises(UsageError, match="5x5"):
        opened(tiles="many")
    assert not api.requests


def test_days_are_those_of_the_sun(api, tmp_path, bands):
    """Two scenes of one pass are one day; pages of the catalogue are all read."""
    east = write_scene(tmp_path / "east.tif", bands, LEFT + 600)
    api.scenes += [Scene("S2B_TWO", f"{DAY}T08:50:25Z", east, 37.5),
                   Scene("S2A_NEXT", "2025-06-07T08:50:00Z", east),
                   Scene("S2A_JULY", "2025-07-07T08:50:00Z", east)]  # fmt: skip
    api.page = 1
    items = found(when="2025-06/2025-06")
    assert [item.date for item in items] == [DAY, "2025-06-07"]
    assert items[0].document["scenes"] == ["S2B_ONE", "S2B_TWO"]
    assert items[0].cloud_cover == 25.0
    assert len(api.searches) == 3


def test_dates_are_chosen_by_their_clouds(api):
    path = api.scenes[0].path
    covers = {"01": 80, "06": 10, "11": 30, "16": 5}
    api.scenes = [Scene(f"S2_{d}", f"2025-06-{d}T08:50:11Z", path, c) for d, c in covers.items()]

    def days(**query):
        return [item.date[8:] for item in found(when="2025-06", **query)]

    assert days() == ["01", "06", "11", "16"]
    assert days(max_cloud=40) == ["06", "11", "16"]
    assert days(best=2) == ["06", "16"]
    assert days(max_dates=2) == ["06", "16"]
    assert days(max_cloud=20, best=1) == ["16"]


def test_what_was_fetched_is_not_fetched_again(api, bands):
    opened()["nir"].load()
    again = opened()["nir"].to_numpy()
    np.testing.assert_array_equal(again, bands["B08"] * np.float32(1e-4))
    assert len(api.requests) == 1


def test_what_is_refreshed_is_fetched_again(api):
    opened()["nir"].load()
    cache.read_anew()
    try:
        opened()["nir"].load()
    finally:
        cache.read_anew(False)
    assert len(api.requests) == 2


def test_a_half_written_tile_is_no_tile(api, tmp_path):
    """Killed while it wrote: what lies there under its name is only ever whole."""
    opened()["nir"].load()
    (tile,) = (tmp_path / "cache").glob("network/tiles/*/*/content")
    tile.write_bytes(tile.read_bytes()[:500])
    opened()["nir"].load()
    assert len(api.requests) == 2


def test_without_network_the_cache_is_enough(api, bands):
    opened(resolution=10, tiles="2x2")["nir"].load()
    api.client = ("other", "other")
    api.tokens.clear()
    api.faults.append(Fault(503, 1000))
    scene = opened(resolution=10, tiles="2x2")
    np.testing.assert_array_equal(scene["nir"], bands["B08"] * np.float32(1e-4))
    assert "catalogue_remembered" in [w.key for w in scene.attrs["provenance"].warnings]


def test_a_token_that_is_refused_is_renewed(api):
    items = found()
    assert api.logins == 1
    api.tokens.clear()
    open_item(items[0], asked())["nir"].load()
    assert api.logins == 2


def test_a_wrong_secret_is_said_and_not_repeated(api, tmp_path, monkeypatch):
    write_profile(tmp_path, api.url, ("id", "topsecret-42"))
    with pytest.raises(UsageError, match="invalid_client") as caught:
        found()
    assert "SH_CLIENT_ID" in caught.value.hint
    assert "topsecret-42" not in str(caught.value)
    assert api.logins == 1


def test_no_account_is_said(api, tmp_path):
    write_profile(tmp_path, api.url, ("", ""))
    with pytest.raises(UsageError, match="account") as caught:
        found()
    assert "SH_CLIENT_SECRET" in caught.value.hint


def test_credentials_go_to_their_own_deployment(api, tmp_path, monkeypatch):
    """Those of the usual profile are Sentinel Hub's; those of the environment are anybody's."""
    from obriy.sources.process.service import Service

    path = tmp_path / "sentinelhub" / "config.toml"
    path.write_text('[default-profile]\nsh_client_id = "a"\nsh_client_secret = "b"\n')
    account = Service("sentinel-hub")._config
    assert (account.sh_client_id, account.sh_client_secret) == ("a", "b")
    assert account.sh_base_url == "https://services.sentinel-hub.com"
    assert not Service("cdse")._config.sh_client_id
    path.write_text(path.read_text() + '[cdse]\nsh_client_id = "c"\nsh_client_secret = "d"\n')
    account = Service("cdse")._config
    assert (account.sh_client_id, account.sh_base_url) == (
        "c",
        "https://sh.dataspace.copernicus.eu",
    )
    path.unlink()
    monkeypatch.setenv("SH_CLIENT_ID", "e")
    monkeypatch.setenv("SH_CLIENT_SECRET", "f")
    settings.cache_clear()
    assert Service("planet")._config.sh_client_id == "e"
    assert not path.exists()


def test_an_unknown_deployment_names_those_there_are(api):
    with pytest.raises(UsageError, match="cdse"):
        found("process:cdsee")


@pytest.mark.filterwarnings("ignore:Download rate limit hit")
def test_a_busy_service_is_asked_again(api):
    api.faults += [Fault(429, 1, {"Retry-After": "20"}), Fault(503, 2)]
    opened()["nir"].load()
    assert len(api.requests) == 1


def test_a_quota_used_up_ends_the_run(api):
    item = found()[0]
    api.units_left = 0.001
    with pytest.raises(UsageError, match="403"):
        open_item(item, asked())["nir"].load()


def is_last(body):
    """Of 3 x 3 tiles the one in the south-east."""
    _, south, east, _ = body["input"]["bounds"]["bbox"]
    return east == LEFT + COLUMNS * 10 and south == TOP - ROWS * 10


def is_first(body):
    """Of the tiles of the district the one in the north-west."""
    west, _, _, north = body["input"]["bounds"]["bbox"]
    return west == LEFT + 100 and north == TOP - 100


@pytest.mark.parametrize(
    "fault",
    [
        Fault(500, 100, only=is_last),
        Fault(200, 100, {"content-type": "text/html"}, b"<html>please log in</html>", only=is_last),
        Fault(400, 100, only=is_last),
    ],
    ids=["500", "html", "400"],
)
def test_a_tile_that_stays_unread_is_a_hole(api, fault):
    scene = opened(resolution=10, tiles="3x3")
    api.faults.append(fault)
    whole = slice(0, ROWS), slice(0, COLUMNS)
    values, holes = read_around(scene["nir"].variable, *whole)
    assert np.isnan(values[60:, 80:]).all()
    assert np.isfinite(values).sum() == ROWS * COLUMNS * 8 / 9
    assert [(h.rows, h.columns) for h in holes] == [(slice(60, 90), slice(80, 120))]
    assert "/api/v1/process" in holes[0].reason
    with pytest.raises(SourceError):
        scene["nir"].load()


def opened_through(api, tmp_path, monkeypatch, name, **settings_of_sdk):
    """Open an image whose second request for pixels meets a fault; a context with its proxy."""
    port = int(api.url.rsplit(":", 1)[1])
    met = faulty(port, lambda path, _, n: name if path.endswith("process") and n == 2 else None)
    monkeypatch.setenv("OBRIY_NET_DEADLINE_S", "2")
    monkeypatch.setenv("OBRIY_NET_WAIT_S", "0.1")
    settings.cache_clear()
    with met as proxy:
        write_profile(tmp_path, proxy.url, sh_token_url=f"{api.url}/token", **settings_of_sdk)
        scene = opened(resolution=10, tiles="2x2")
        values, holes = read_around(scene["nir"].variable, slice(0, ROWS), slice(0, COLUMNS))
        assert proxy.met == {name: 1}
    return values, holes


@pytest.mark.filterwarnings("ignore:Download rate limit hit")
@pytest.mark.parametrize(
    "name", ["late", "reset", "cut", "too_much_announced", "busy", "too_many", "nameless"]
)
def test_faults_that_pass_leave_no_mark(api, tmp_path, monkeypatch, bands, name):
    values, holes = opened_through(api, tmp_path, monkeypatch, name)
    np.testing.assert_array_equal(values, bands["B08"] * np.float32(1e-4))
    assert not holes


@pytest.mark.parametrize("name", ["page", "bare_page", "too_little_announced", "slow_body"])
def test_what_is_no_image_is_a_hole_and_no_number(api, tmp_path, monkeypatch, bands, name):
    values, holes = opened_through(api, tmp_path, monkeypatch, name, max_download_attempts=1)
    assert len(holes) == 1
    seen = np.isfinite(values)
    assert seen.sum() == ROWS * COLUMNS * 3 / 4
    np.testing.assert_array_equal(values[seen], (bands["B08"] * np.float32(1e-4))[seen])


def test_connections_are_bounded(api):
    scene = opened(resolution=10, tiles="4x6")
    threads = [threading.Thread(target=scene[name].load) for name in ("nir", "green", "red")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(api.requests) == 24
    assert api.most_under_way <= 4


def test_dark_water_is_seen_and_no_data_is_not(api, tmp_path, bands):
    """A DN of 0 is a reflectance that was negative; where dataMask is 0 there is nothing."""
    bands["B08"][50, 60] = 0
    bands["B03"][0, 0] = 0  # what the server takes for no data
    write_scene(tmp_path / "scene.tif", bands)
    scene = opened()
    assert scene["nir"][50, 60] == 0
    assert np.isnan(scene["nir"][0, 0])
    assert scene["flags"][0, 0] != scene["flags"][0, 1]


def test_the_record_tells_no_secret(api):
    scene = opened()
    told = json.dumps(scene.attrs["provenance"].to_dict())
    assert "S2B_ONE" in told
    assert "secret" not in told
    assert not any(token in told for token in api.tokens)


def test_numbers_are_the_services_own(api):
    item = found()[0]
    with pytest.raises(UsageError, match="10000"):
        open_item(item, asked(scale=0.5))


def write_district(tmp_path):
    path = tmp_path / "district.geojson"
    box = shapely.to_geojson(shapely.segmentize(district(100).geometry, 50))
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32636"}}
    feature = {"type": "Feature", "properties": {"name": "lake"}, "geometry": json.loads(box)}
    path.write_text(json.dumps({"type": "FeatureCollection", "crs": crs, "features": [feature]}))
    return str(path)


def run(tmp_path, name, source, **options):
    options = {"method": "ndwi:0.05", "outputs": ["mask"], **options}
    config = WaterConfig(source=source, out=tmp_path / name, **options)
    run_job(config)
    return json.loads((tmp_path / name / "result.json").read_text())


def test_a_district_and_a_period_end_as_a_local_run(api, tmp_path, bands):
    """The images that the service cuts give the areas of those of this disk, to the bit."""
    folder = tmp_path / "local"
    folder.mkdir()
    inside = {n: v[10:80, 10:110] for n, v in bands.items()}
    grid = Affine(10, 0, LEFT + 100, 0, -10, TOP - 100)
    path = folder / f"S2B_MSIL2A_{DAY.replace('-', '')}_offset0.tif"
    with rasterio.open(path, "w", driver="GTiff", dtype="uint16", count=len(inside), crs=CRS,
                       transform=grid, height=70, width=100) as file:  # fmt: skip
        for number, (name, values) in enumerate(inside.items(), 1):
            file.write(values, number)
            file.set_band_description(number, name)
    aoi = write_district(tmp_path)
    local = run(tmp_path, "a", str(folder), aoi=aoi, datetime=DAY, offset=0.0)
    there = run(tmp_path, "b", "process:loopback", aoi=aoi, datetime="2025-06", tiles=["2x2"],
                resolution=10)  # fmt: skip
    assert [d["date"] for d in there["dates"]] == [DAY]
    assert local["area_km2"] > 0.1
    for name in ("area_km2", "expected_km2", "interval_km2", "unseen_share"):
        assert there[name] == local[name], name
    masks = []
    for result in (there, local):
        with rasterio.open(result["dates"][0]["outputs"]["mask"]) as file:
            masks.append(file.read(1))
    np.testing.assert_array_equal(*masks)


def test_a_tile_that_failed_is_counted_and_read_by_the_next_run(api, tmp_path):
    aoi = write_district(tmp_path)
    options = {"aoi": aoi, "datetime": DAY, "tiles": ["2x2"], "resolution": 10}
    api.faults.append(Fault(500, 4, only=is_first))
    partial = run(tmp_path, "run", "process:loopback", workers=1, **options)
    assert partial["failed"]
    assert "/api/v1/process" in partial["failed"][0]["reason"]
    assert partial["unseen_share"] > 0.2
    whole = run(tmp_path, "run", "process:loopback", workers=1, **options)
    assert not whole["failed"]
    assert len(api.requests) == 4


def test_more_and_more_requests_are_compared(api, tmp_path):
    """Document D's table 1: the splits, the pixels that they give, what each costs and says."""
    config = WaterCompareConfig(
        source="process:loopback?limit=50", aoi=write_district(tmp_path), datetime=DAY,
        tiles=["1x1", "2x2", "3x3"], methods=["ndwi:0.05"], out=tmp_path / "splits", lang="uk",
    )  # fmt: skip
    run_job(config)
    result = json.loads((tmp_path / "splits" / "result.json").read_text())
    rows = result["rows"]
    assert [row["split"] for row in rows] == ["1x1", "2x2", "3x3"]
    assert [row["requests"] for row in rows] == [1, 4, 9]
    # The district is 1000 m wide: 50, 100 and 150 pixels across.
    assert [row["pixel_m"] for row in rows] == pytest.approx([20, 10, 20 / 3])
    lake_km2 = np.pi * 0.25**2
    assert [row["area_km2"] for row in rows] == pytest.approx([lake_km2] * 3, rel=0.02)
    assert result["sensor_m"] == 10
    with (tmp_path / "splits" / "comparison.csv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert [float(row["area_km2"]) for row in table] == [row["area_km2"] for row in rows]
    page = (tmp_path / "splits" / "report.html").read_text()
    assert "3x3" in page
    assert "дрібніші за сенсор" in page
    assert (tmp_path / "splits" / "splits.png").stat().st_size > 10_000


def test_the_plan_tells_what_it_costs_and_asks_for_no_pixel(api, tmp_path):
    config = WaterConfig(
        source="process:loopback?limit=50", aoi=write_district(tmp_path), datetime="2025-06",
        method="ndwi:0.05", out=tmp_path / "plan", outputs=["mask"],
    )  # fmt: skip
    plan = plan_job(config)
    # 70 x 100 pixels in 2 x 2 requests; green and nir, red and blue for the picture, and SCL.
    assert plan["requests"] == 4
    assert plan["processing_units"] == pytest.approx(70 * 100 / 512**2 * 5 / 3, abs=0.04)
    assert plan["bytes"] == pytest.approx(70 * 100 * 5 * 1.3)
    assert not api.requests
    coarse = plan_job(config.model_copy(update={"resolution": 20.0}))
    assert coarse["requests"] == 1
    run_job(config)
    assert len(api.requests) == 4
    assert plan_job(config)["requests"] == 0
    item = json.loads((tmp_path / "plan" / "maps" / DAY / "item.json").read_text())
    links = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    assert [href.rsplit("/", 1)[1] for href in links] == ["S2B_ONE"]


def test_one_image_is_cut_in_one_way(api, tmp_path):
    with pytest.raises(UsageError, match="several"):
        run(tmp_path, "a", "process:loopback", aoi=write_district(tmp_path), datetime=DAY,
            tiles=["1x1", "2x2"])  # fmt: skip
    with pytest.raises(UsageError, match="process:"):
        run(tmp_path, "b", "simulated:", tiles=["2x2"])


def test_no_credentials_leave_this_machine_with_an_image(api):
    """To a worker of a cluster goes what is asked for, and the name of who is asked."""
    from dask.distributed.protocol import deserialize_bytes, serialize_bytes

    scene = opened()
    sent = serialize_bytes(scene["nir"].variable)
    assert b"secret" not in sent
    assert not any(token.encode() in sent for token in api.tokens)
    np.testing.assert_array_equal(deserialize_bytes(sent).values, scene["nir"].to_numpy())


def test_the_secret_follows_no_redirect(api, monkeypatch, tmp_path):
    """308 repeats the body of a request: that of a token holds the secret."""
    elsewhere = []

    async def token(request):
        return RedirectResponse(f"{api.url}/elsewhere", 308)

    async def take(request):
        elsewhere.append(await request.body())
        return JSONResponse({})

    routes = [Route("/token", token, methods=["POST"]), Route("/elsewhere", take, methods=["POST"])]
    with running(Starlette(routes=routes)) as other:
        write_profile(tmp_path, api.url, sh_token_url=f"{other.url}/token")
        with pytest.raises(SourceError):
            found()
    assert not elsewhere


def test_a_service_that_is_silent_is_not_asked_for_ever(api, tmp_path):
    """After three tiles in a row that nobody answered the others are lost at once."""
    item = found(resolution=10, tiles="4x4")[0]
    met = []

    def hang_up(listening):
        with contextlib.suppress(OSError):
            while True:
                listening.accept()[0].close()
                met.append(1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=hang_up, args=[listening], daemon=True).start()
        silent = f"http://127.0.0.1:{listening.getsockname()[1]}"
        write_profile(tmp_path, silent, sh_token_url=f"{api.url}/token")
        lost = open_item(item, asked())
        values, holes = read_around(lost["nir"].variable, slice(0, ROWS), slice(0, COLUMNS))
        listening.shutdown(socket.SHUT_RDWR)
    assert np.isnan(values).all()
    assert len(holes) == 16
    assert silent in holes[0].reason
    # Four at a time, four times each; without an end to it sixteen would make 64.
    assert 4 <= len(met) <= 24


@pytest.mark.parametrize(
    ("said", "waits"),
    [("20000", 20), ("250", 0.5), ("", 30), ("soon", 30), ("3600000", 60)],
    ids=["milliseconds", "too short", "nothing", "words", "an hour"],
)
def test_how_long_a_busy_service_is_left_alone(said, waits):
    from obriy.sources.process.pace import RateLimit

    limit = RateLimit()
    limit.register_next()
    began = time.monotonic()
    limit.update({"Retry-After": said} if said else {}, default=30_000)
    assert began + waits <= limit.next_download_time <= time.monotonic() + waits
    for _ in range(8):
        limit.update({"Retry-After": "1"}, default=30_000)
    assert began + 60 <= limit.next_download_time <= time.monotonic() + 60


def count_kept(tmp_path):
    return len(list((tmp_path / "cache").glob("network/tiles/*/*/content")))


PROGRAM = """
from tests.test_process_api import opened
opened(resolution=10, tiles="3x3")["nir"].load()
"""


def test_killed_meanwhile_it_goes_on_where_it_was(api, tmp_path, bands):
    """Killed by -9 while it fetches: what had come is there, and nothing half of it."""
    gate = threading.Event()
    api.faults.append(Fault(503, 1000, only=lambda _: len(api.requests) >= 4 and gate.wait(HANG_S)))
    code = PROGRAM.replace("from tests", "import sys; sys.path.insert(0, '.')\nfrom tests")
    with subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[1]) as process:
        while count_kept(tmp_path) < 3 and process.poll() is None:
            time.sleep(0.02)
        process.kill()
    api.faults.clear()
    gate.set()
    kept, fetched = count_kept(tmp_path), len(api.requests)
    np.testing.assert_array_equal(
        opened(resolution=10, tiles="3x3")["nir"], bands["B08"] * np.float32(1e-4)
    )
    assert 3 <= kept < 9
    # The requests of who was killed may be answered late: none was for a tile that is kept.
    asked = {str(body["input"]["bounds"]["bbox"]) for body in api.requests[fetched:]}
    assert len(asked) == 9 - kept
