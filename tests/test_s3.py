"""Scenes in a store that speaks S3: read with the user's keys, which go nowhere else."""

import logging
import shutil

import numpy as np
import pytest
import shapely
from tests.servers.running import running, serving_files
from tests.servers.s3 import NAME, Store, signature_of
from tests.stac_scenes import item_of, stac_api, write_items, write_scene
from tests.test_net import anew, set_up

from obriy.blocks.options import EngineOptions
from obriy.errors import MissingExtraError, RemoteError
from obriy.model.areas import District
from obriy.model.item import Item
from obriy.net import s3
from obriy.net.client import client
from obriy.net.remote import remote_file
from obriy.sources.base import Query
from obriy.sources.finding import find_items
from obriy.sources.scene import asked, open_item
from obriy.sources.stac.estimate import cost_of
from obriy.tables import load_toml
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.jobs import plan_job, run_job

SECRET = "a-secret/of+nobody"
TOKEN = "a+token/of=a-session"
PLACE = (District("box", shapely.box(32.9, 46.8, 33.1, 47.0), "EPSG:4326"),)


@pytest.fixture(autouse=True)
def own(monkeypatch, tmp_path):
    """A cache of its own, and no keys but those of the test."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    for name in ("SHARED_CREDENTIALS_FILE", "CONFIG_FILE"):
        monkeypatch.setenv(f"AWS_{name}", str(tmp_path / name))
    set_up(monkeypatch, tmp_path / "cache", net_tries=2)
    s3.session.cache_clear()
    yield
    monkeypatch.undo()
    anew()
    s3.session.cache_clear()


def set_keys(monkeypatch, secret=SECRET, token=None):
    told = {"ACCESS_KEY_ID": NAME, "SECRET_ACCESS_KEY": secret, "SESSION_TOKEN": token}
    for name, value in told.items():
        if value:
            monkeypatch.setenv(f"AWS_{name}", value)
    s3.session.cache_clear()


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A lake, in a bucket under a key that is quoted in an address; files by band."""
    folder = tmp_path_factory.mktemp("store")
    y, x = np.mgrid[:160, :160]
    files = write_scene(folder / "eodata" / "L2A (1)" / "знімок+1", np.hypot(y - 80, x - 80) < 30)
    return folder, files


@pytest.fixture
def store(scene, monkeypatch):
    """The store as that of Copernicus, whose catalogue lists the scene."""
    folder, files = scene
    item = item_of(files, "S2B_2025-06-05", "2025-06-05T08:36:09Z",
                   href=lambda file: f"s3://{file.relative_to(folder)}")  # fmt: skip
    for asset in item["assets"].values():
        asset["alternate"] = {"https": {"href": "https://download.invalid/Nodes(B)/$value"}}
    row = load_toml("catalogues")["catalogues"]["cdse"]
    listed = write_items(folder / "items.json", [item])
    with running(Store(folder, SECRET)) as server, stac_api(listed) as api:
        monkeypatch.setitem(row, "store", server.url)
        monkeypatch.setitem(row, "api", api)
        yield server


def found():
    return find_items(["stac:cdse"], Query(districts=PLACE, datetime="2025-06"))[0]


def signer_of(server, **told):
    return s3.S3Signer(server.url, told.get("region", "default"), "keys for its storage")


def test_the_store_of_these_tests_signs_as_amazon_does():
    """The example of AWS, Authenticating Requests: Using Query Parameters (Signature Version 4)."""
    url = (
        "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    )
    published = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    assert signature_of(url, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY") == published


def test_water_of_a_store_is_that_of_the_files_and_keys_are_kept_nowhere(
    scene, store, monkeypatch, tmp_path, caplog
):
    for name in ("obriy", "botocore", "urllib3", "requests"):
        caplog.set_level(logging.DEBUG, name)
    set_keys(monkeypatch)
    given = {"aoi": "33.0,46.93833,33.021006,46.952736", "method": "auto"}
    far, again, near = (
        {"source": "stac:cdse", "datetime": "2025-06", "best": 1},
        {"source": "stac:cdse", "datetime": "2025-06", "best": 1},
        {"source": str(scene[1]["B02"].parent), "sensor": "sentinel2_l2a"},
    )
    results = []
    for number, one in enumerate((far, near, again)):
        if one is again:  # from the cache, with neither keys nor a store
            monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
            monkeypatch.delenv("AWS_ACCESS_KEY_ID")
            s3.session.cache_clear()
            anew()
            asked_for = len(store.asked)
        out = tmp_path / "runs" / str(number)
        results.append(run_job(make_config(WaterConfig, given | one | {"out": out})).result)
    areas = [(one.area_km2, one.interval_km2) for one in results]
    assert areas[0] == areas[1] == areas[2]
    assert len(store.asked) == asked_for > 0
    assert all(one.span for one in store.asked)
    inputs = results[0].provenance.inputs
    assert all(one["href"].startswith("s3://eodata/L2A (1)/знімок+1/") for one in inputs)
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert any(b"s3://eodata" in content for content in written)
    for word in (SECRET, NAME, "X-Amz-"):
        assert not [1 for content in written if word.encode() in content]
        assert word not in caplog.text


def test_profiles_and_keys_of_a_session_are_taken(scene, monkeypatch, tmp_path):
    lines = ["[of-eodata]", f"aws_access_key_id={NAME}", f"aws_secret_access_key={SECRET}",
             f"aws_session_token={TOKEN}"]  # fmt: skip
    (tmp_path / "SHARED_CREDENTIALS_FILE").write_text("\n".join(lines))
    monkeypatch.setenv("AWS_PROFILE", "of-eodata")
    file = scene[1]["B02"]
    with running(Store(scene[0], SECRET, TOKEN)) as server:
        far = remote_file(f"s3://{file.relative_to(scene[0])}", signer_of(server, region="x-1"))
        assert far.read(0, far.size) == file.read_bytes()
        assert far.href == f"s3://{file.relative_to(scene[0])}"


def test_without_keys_it_is_said_what_to_set_and_nothing_is_asked(store, monkeypatch):
    item = found()
    with pytest.raises(
        RemoteError, match=r"s3://eodata/.* lies in a store that asks for keys"
    ) as unset:
        open_item(item, asked(), PLACE)
    assert "AWS_ACCESS_KEY_ID" in unset.value.hint
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    s3.session.cache_clear()
    with pytest.raises(RemoteError, match="ProfileNotFound"):
        open_item(item, asked(), PLACE)
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", NAME)
    s3.session.cache_clear()
    with pytest.raises(RemoteError, match="PartialCredentialsError"):
        open_item(item, asked(), PLACE)
    assert not store.asked


def test_wrong_keys_are_refused_once_and_not_shown(store, monkeypatch):
    set_keys(monkeypatch, secret="another-secret")
    with pytest.raises(RemoteError, match=r"does not let you read .* \(403\)") as refused:
        open_item(found(), asked(), PLACE)
    assert len({one.path for one in store.asked}) == len(store.asked)  # none of them twice
    for word in ("another-secret", NAME, "X-Amz"):
        assert word not in f"{refused.value} {refused.value.hint}"


def test_no_other_host_is_given_a_signature(scene, monkeypatch, tmp_path):
    set_keys(monkeypatch)
    file = scene[1]["B02"]
    shutil.copy(file, tmp_path / "B02.tif")
    with serving_files(tmp_path) as other:
        there = f"{other.url}/B02.tif"
        with running(Store(scene[0], SECRET, moved={"/eodata/B02.tif": there})) as server:
            for href in ("s3://eodata/B02.tif", there):
                far = remote_file(href, signer_of(server))
                assert far.read(0, far.size) == file.read_bytes()
            assert "X-Amz-Signature" in server.asked[0].query
        assert len(other.asked) >= 2
        assert not any(one.query or "authorization" in one.headers for one in other.asked)


def test_the_plan_counts_jpeg_2000_whole_and_tiles_of_a_geotiff(scene):
    """Two bands and the classes, 100 MB each; half of the width and height."""
    document = item_of(scene[1], "S2B", "2025-06-05T08:36:09Z") | {"catalogue": "cdse"}
    west, south, east, north = document["bbox"]
    box = shapely.box(west, south, (west + east) / 2, (south + north) / 2)
    place = (District("box", box, "EPSG:4326"),)
    for ending, share, requests in ((".jp2", 1, 1 + 12), (".tif", 0.25, 1 + 1)):
        for asset in document["assets"].values():
            asset |= {"href": f"s3://eodata/B{ending}", "file:size": 10**8}
        item = Item("item", "stac:", ("x",), document=document)
        size, asked_for = cost_of(item, place, {"green", "red"})
        assert size == pytest.approx(3 * 10**8 * share, rel=0.05)
        assert asked_for == 3 * requests


def test_who_watches_is_told_megabytes_of_those_expected(scene, store, monkeypatch, tmp_path):
    set_keys(monkeypatch)
    big = scene[0] / "eodata" / "big.jp2"
    big.write_bytes(np.random.default_rng(1).bytes(20 * 10**6))
    told = []

    def watch(stage, done, total):
        if stage == "network":
            told.append((done, total))

    given = {"source": "stac:cdse", "datetime": "2025-06", "best": 1, "method": "auto",
             "aoi": "33.0,46.93833,33.021006,46.952736", "out": tmp_path / "run"}  # fmt: skip
    expected = plan_job(make_config(WaterConfig, given))["bytes"]
    run_job(make_config(WaterConfig, given), EngineOptions(progress=watch))
    assert told[-1] == (0, 1)  # MB, of what the plan says
    assert 0 < expected < 10**6
    told.clear()
    far = remote_file("s3://eodata/big.jp2", signer_of(store))
    far.need([(0, far.size)])
    done = [one for one, _ in told]
    assert done == sorted(done)
    assert told[0][0] == 0  # three requests of 8 MB at most, beside the first
    assert told[-1] == (20, 21)  # more than expected: then it is all that there is


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "botocore.auth", None)
    signer = s3.S3Signer("http://127.0.0.1:9", "default", "keys")
    with pytest.raises(MissingExtraError, match="botocore"):
        client().span("http://127.0.0.1:9/eodata/x", 0, 9, signer=signer)
