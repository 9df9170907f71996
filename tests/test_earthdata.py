"""Granules of Earthdata: found for a place and a period, fetched once, and never a login page."""

import contextlib
import dataclasses
import json
import os
import random

import numpy as np
import pytest

pytest.importorskip("pyhdf")
pytest.importorskip("earthaccess")
pytest.importorskip("cryptography")

from tests.modis_files import write_hkm, write_mod03
from tests.servers.earthdata import NAME, TOKEN, WORD, Earthdata, Held, certificate
from tests.servers.running import running
from tests.viirs_files import name_of, write_clouds, write_geo, write_mod

from obriy import settings as obriy_settings
from obriy.blocks.engine import EngineOptions
from obriy.errors import EmptyResultError, RemoteError, SourceError, UsageError
from obriy.model.flags import Flag
from obriy.model.provenance import hrefs_of
from obriy.model.scene import provenance_of
from obriy.net import cache
from obriy.sources.base import Query
from obriy.sources.districts import read_districts
from obriy.sources.earthdata import fetching, login, remote
from obriy.sources.earthdata.remote import remote_of
from obriy.sources.earthdata.source import cost_of
from obriy.sources.finding import find_items, list_items
from obriy.sources.scene import open_scene
from obriy.workflows.config.base import make_config
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.ice.job import plan_ice, run_ice

PLACE = "131.99,42.9,132.05,42.99"
DAYS = "2026-02-18/2026-02-19"
TERRA = "MOD02HKM.A2026049.0225.061.2026049131500.hdf"
OLDER = "MOD02HKM.A2026049.0225.061.2026049101500.hdf"
ITS_PLACE = "MOD03.A2026049.0225.061.2026049121500.hdf"
NIGHT = "MOD02HKM.A2026049.1325.061.2026049231500.hdf"
VIIRS, ITS_GEO = name_of("VNP02MOD"), name_of("VNP03MOD")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Bytes of granules, small and whole."""
    folder = tmp_path_factory.mktemp("archive")
    rng = np.random.default_rng(3)
    time = "2026-02-18T02:25"
    counts = rng.integers(1000, 30_000, (7, 40, 24)).astype("uint16")
    write_hkm(folder / TERRA, counts, time=time)
    write_mod03(folder / ITS_PLACE, 20, 12, time=time)
    write_mod(folder / VIIRS, rng.integers(1000, 60_000, (7, 16, 8)).astype("uint16"))
    lat, lon = np.meshgrid(43 - 0.01 * np.arange(16), 132 + 0.01 * np.arange(8), indexing="ij")
    write_geo(folder / ITS_GEO, lon, lat)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """An address of this machine for the login's own port 443 (none: not allowed), and a key."""
    own = f"127.{random.SystemRandom().randint(2, 250)}.{os.getpid() % 250}.9"
    key, cert = certificate(tmp_path_factory.mktemp("tls"), ["127.0.0.1", own])
    return own, key, cert


@pytest.fixture
def earthdata(files, tls, tmp_path, monkeypatch):
    """Earthdata on this machine, with a client that has nothing kept and no login yet."""
    from earthaccess.system import System

    own, key, cert = tls
    nasa = Earthdata()
    nasa.held = {
        TERRA: Held("MOD02HKM", files[TERRA], "2026-02-18T02:25:00"),
        OLDER: Held("MOD02HKM", b"older", "2026-02-18T02:25:00"),
        NIGHT: Held("MOD02HKM", b"night", "2026-02-18T13:25:00", about={"DayNightFlag": "Night"}),
        ITS_PLACE: Held("MOD03", files[ITS_PLACE], "2026-02-18T02:25:00"),
        VIIRS: Held("VNP02MOD", files[VIIRS], "2026-02-18T03:48:00"),
        ITS_GEO: Held("VNP03MOD", files[ITS_GEO], "2026-02-18T03:48:00"),
    }
    archive, edl = nasa.apps
    served = {"ssl_keyfile": str(key), "ssl_certfile": str(cert)}
    with serving_login(edl, own, served) as host, running(archive, **served) as here:
        nasa.archive = f"https://localhost:{here.port}"
        nasa.login = f"https://{host}"
        point = System(f"{nasa.archive}/search/", "", "", host)
        monkeypatch.setattr("earthaccess.system.PROD", point)
        monkeypatch.setattr(remote, "HOSTS", ("localhost",))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(cert))
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        for name in ("TOKEN", "USERNAME", "PASSWORD"):
            monkeypatch.delenv(f"EARTHDATA_{name}", raising=False)
        told = {"cache": tmp_path / "cache", "net_wait_s": 0, "net_longest_wait_s": 0.1,
                "net_tries": 3, "net_silence_s": 5}  # fmt: skip
        for name, value in told.items():
            monkeypatch.setenv(f"OBRIY_{name.upper()}", str(value))
        anew()
        yield nasa
    monkeypatch.undo()
    anew()


@contextlib.contextmanager
def serving_login(app, own, served):
    """Serve the login at the port that its client knows, else at any; yield its host."""
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(running(app, (own, 443), **served))
        except OSError:  # this user may not listen there
            there = stack.enter_context(running(app, **served))
            own = f"127.0.0.1:{there.port}"
        yield own


def anew():
    """Start as a new process would."""
    obriy_settings.settings.cache_clear()
    login.session.cache_clear()
    for lock in fetching._HELD.values():
        os.close(lock)
    fetching._HELD.clear()
    cache.read_anew(False)


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv("EARTHDATA_TOKEN", TOKEN)


def asked(days=DAYS, place=PLACE):
    return Query(days, districts=tuple(read_districts(place)))


def test_granules_of_a_place_and_period_with_their_geolocation(earthdata):
    items = list_items(["earthdata:MOD02HKM,VNP02MOD"], asked())
    read = {item.id: item for item in items if not item.skipped}
    assert set(read) == {TERRA.removesuffix(".hdf"), VIIRS.removesuffix(".nc")}
    terra = read[TERRA.removesuffix(".hdf")]
    assert (terra.source, terra.time) == ("earthdata:", "2026-02-18T02:25")
    file, place = remote_of(terra.paths[0]), remote_of(terra.assets["geolocation"])
    assert (file.name, place.name) == (TERRA, ITS_PLACE)
    assert file.size == len(earthdata.held[TERRA].content)
    assert file.checksum.startswith("md5:")
    why = {item.id: str(item.skipped) for item in items if item.skipped}
    assert set(why) == {OLDER.removesuffix(".hdf"), NIGHT.removesuffix(".hdf")}
    assert TERRA in why[OLDER.removesuffix(".hdf")]
    assert "at night" in why[NIGHT.removesuffix(".hdf")]
    assert cost_of(terra, (), None) == {"bytes": file.size + place.size, "requests": 2}
    first = earthdata.searches[0]
    assert first["bounding_box"] == "131.99,42.9,132.05,42.99"
    assert first["temporal[]"] == "2026-02-18T00:00:00Z,2026-02-19T23:59:59Z"
    assert not earthdata.downloads  # and nobody logged in
    assert not earthdata.logins


def test_a_place_across_the_date_line_is_asked_for_as_the_catalogue_wants_it(earthdata):
    with pytest.raises(SourceError, match="NASA lists no MOD02HKM over the place"):
        find_items(["earthdata:MOD02HKM"], asked(place="179,60,-179,62"))
    assert earthdata.searches[0]["bounding_box"] == "179.0,60.0,-179.0,62.0"


@pytest.mark.parametrize(
    ("text", "query", "message"),
    [
        ("earthdata:MOD02HKM", Query(DAYS), "--aoi, and --datetime"),
        ("earthdata:MOD02HKM", Query(districts=tuple(read_districts(PLACE))), "Say where and when"),
        ("earthdata:MOD03", asked(), "no product that can be read.*MOD02HKM.*VNP02MOD"),
        ("earthdata:S2", asked(), "no product that can be read"),
        ("earthdata:https://example.org/MOD02HKM.hdf", asked(), "no file of NASA's archive"),
    ],
)
def test_what_cannot_be_asked(earthdata, text, query, message):
    with pytest.raises(UsageError, match=message):
        find_items([text], query)
    assert not earthdata.searches


def test_a_granule_is_fetched_once_checked_and_opened_like_a_local_one(
    earthdata, token, tmp_path, files
):
    (item,) = find_items(["earthdata:MOD02HKM"], asked())
    options = {"geolocation": item.assets["geolocation"], "area": PLACE}
    scene = open_scene(item.paths[0], **options)
    for name in (TERRA, ITS_PLACE):
        (tmp_path / name).write_bytes(files[name])
    local = open_scene(tmp_path / TERRA, area=PLACE)
    for name in local:
        np.testing.assert_array_equal(scene[name], local[name])
    record = provenance_of(scene)
    assert record.inputs[0]["origin"] == f"{earthdata.archive}/archive/MOD02HKM/{TERRA}"
    assert record.inputs[0]["checksum"].startswith("md5:")
    assert not any(TOKEN in text for text in map(str, (record, hrefs_of(record))))
    anew()  # another process, another day
    open_scene(item.paths[0], **options)
    assert earthdata.downloads == [ITS_PLACE, TERRA]
    assert cost_of(item, (), None) == {"bytes": 0, "requests": 0}


def test_what_is_refreshed_is_fetched_again(earthdata, token):
    (item,) = find_items(["earthdata:MOD02HKM"], asked())
    fetching.fetch(remote_of(item.paths[0]))
    anew()
    cache.read_anew()
    assert cost_of(item, (), None)["requests"] == 2
    fetching.fetch(remote_of(item.paths[0]))
    assert earthdata.downloads == [TERRA, TERRA]
    fetching.fetch(remote_of(item.paths[0]))
    assert earthdata.downloads == [TERRA, TERRA], "once for this process"


def test_a_cloud_mask_that_lies_here_is_put_to_its_granule(earthdata, token, tmp_path):
    clear = np.full((16, 8), 3, "int8")
    clear[4:6] = 0
    mask = write_clouds(tmp_path / name_of("CLDMSK_L2_VIIRS_SNPP"), clear)
    query = dataclasses.replace(asked(), clouds=str(tmp_path))
    (item,) = find_items(["earthdata:VNP02MOD"], query)
    assert item.assets["clouds"] == str(mask)
    scene = open_scene(item.paths[0], geolocation=item.assets["geolocation"], area=PLACE,
                       clouds_file=item.assets["clouds"])  # fmt: skip
    assert ((scene["flags"].values & Flag.CLOUD) > 0).any()
    with pytest.raises(UsageError, match="come with their geolocation"):
        find_items(["earthdata:VNP02MOD"], dataclasses.replace(query, geolocation=("a.nc",)))


def test_a_login_goes_to_its_host_alone(earthdata, token):
    """The archive leads to a store elsewhere, as NASA's leads to the cloud: no token goes along."""
    earthdata.cloud = earthdata.login
    (item,) = find_items(["earthdata:VNP02MOD"], asked())
    open_scene(item.paths[0], geolocation=item.assets["geolocation"], area=PLACE)
    assert earthdata.downloads == [ITS_GEO, VIIRS]
    assert earthdata.leaks == []
    assert earthdata.logins == []


@pytest.mark.parametrize("way", ["environment", "netrc"])
def test_the_way_by_the_login_and_back(earthdata, monkeypatch, tmp_path, way):
    """An archive that takes no token leads to the login, which leads back, with a cookie."""
    if ":" in earthdata.login.removeprefix("https://"):
        pytest.skip("the client knows a login at port 443 alone, where this user may not listen")
    host = earthdata.login.removeprefix("https://")
    if way == "environment":
        monkeypatch.setenv("EARTHDATA_USERNAME", NAME)
        monkeypatch.setenv("EARTHDATA_PASSWORD", WORD)
    else:
        (tmp_path / "netrc").write_text(f"machine {host} login {NAME} password {WORD}\n")
    earthdata.takes_tokens = False
    (item,) = find_items(["earthdata:MOD02HKM"], asked())
    open_scene(item.paths[0], area=PLACE)
    assert earthdata.downloads == [TERRA]


def test_a_login_that_is_refused_says_what_to_set_and_shows_nothing(
    earthdata, monkeypatch, caplog, capfd
):
    monkeypatch.setenv("EARTHDATA_USERNAME", NAME)
    monkeypatch.setenv("EARTHDATA_PASSWORD", "wrong-word")
    (item,) = find_items(["earthdata:MOD02HKM"], asked())
    with pytest.raises(RemoteError, match=r"does not accept.*401.*EARTHDATA_TOKEN") as error:
        open_scene(item.paths[0], area=PLACE)
    said = str(error.value) + caplog.text + "".join(capfd.readouterr())
    assert "wrong-word" not in said
    assert WORD not in said
    assert error.value.__cause__ is None
    assert not earthdata.downloads


def test_without_a_login_it_is_said_before_anything_is_asked(earthdata):
    (item,) = find_items(["earthdata:MOD02HKM"], asked())
    with pytest.raises(RemoteError, match=r"there is no login.*\.netrc") as error:
        open_scene(item.paths[0], area=PLACE)
    assert error.value.status == 401
    assert not earthdata.downloads


@pytest.mark.parametrize("form", [True, False])
def test_a_login_page_is_never_a_granule(earthdata, monkeypatch, form):
    monkeypatch.setenv("EARTHDATA_TOKEN", "one-that-ended")
    earthdata.shows_form = form  # status 200, or 401
    (item,) = find_items(["earthdata:MOD02HKM"], asked())
    with pytest.raises(RemoteError, match=r"EARTHDATA_TOKEN") as error:
        open_scene(item.paths[0], area=PLACE)
    assert error.value.status == 401
    assert "page in place of MOD02HKM" in str(error.value) or not form
    assert not fetching.is_kept(remote_of(item.paths[0]))


def test_a_page_with_the_status_and_type_of_a_file_is_none(earthdata, token):
    earthdata.held[TERRA].faults = ["page"]
    earthdata.held[TERRA].about = {"SizeInBytes": 0}  # and a catalogue that tells no size
    (item,) = find_items(["earthdata:MOD02HKM"], asked())
    with pytest.raises(RemoteError, match="a page in place of MOD02HKM"):
        open_scene(item.paths[0], area=PLACE)
    assert not fetching.is_kept(remote_of(item.paths[0]))


@pytest.mark.parametrize("fault", [503, 429, "truncated", "short", "other"])
def test_what_passes_is_tried_again(earthdata, token, fault):
    earthdata.held[TERRA].faults = [fault, fault]
    (item,) = find_items(["earthdata:MOD02HKM"], asked())
    open_scene(item.paths[0], area=PLACE)
    assert earthdata.downloads == [TERRA] * 3


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (503, "it answered 503"),
        ("truncated", "the connection broke"),
        ("short", "bytes came of"),
        ("other", "checksum is not the one"),
    ],
)
def test_what_never_comes_whole_is_an_error_and_leaves_nothing(earthdata, token, fault, message):
    earthdata.held[TERRA].faults = [fault] * 3
    (item,) = find_items(["earthdata:MOD02HKM"], asked())
    with pytest.raises(RemoteError, match=rf"tried 3 times: .*{message}"):
        open_scene(item.paths[0], area=PLACE)
    assert not fetching.is_kept(remote_of(item.paths[0]))
    assert not list(obriy_settings.settings().cache.rglob("*.hdf"))


@pytest.mark.parametrize(
    ("status", "message"), [(403, "urs.earthdata.nasa.gov"), (404, "not there")]
)
def test_what_is_refused_is_not_tried_again(earthdata, token, status, message):
    earthdata.held[TERRA].faults = [status]
    (item,) = find_items(["earthdata:MOD02HKM"], asked())
    with pytest.raises(RemoteError, match=message) as error:
        open_scene(item.paths[0], area=PLACE)
    assert error.value.status == status
    assert earthdata.downloads == [TERRA]


def test_what_was_listed_is_listed_with_the_network_off(earthdata, monkeypatch):
    before = list_items(["earthdata:MOD02HKM"], asked())
    from earthaccess.system import System

    off = System(f"{earthdata.archive}/search/", "", "", "localhost:1")
    monkeypatch.setattr("earthaccess.system.PROD", off)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nobody there
    assert list_items(["earthdata:MOD02HKM"], asked()) == before
    with pytest.raises(RemoteError, match=r"\(CMR\) could not be reached"):
        list_items(["earthdata:MOD02HKM"], asked("2026-02-18/2026-02-20"))


def config(out, **options):
    return make_config(
        IceConfig,
        {"sources": ["earthdata:MOD02HKM,VNP02MOD"], "aoi": PLACE, "datetime": DAYS,
         "method": "NDSI:0.4", "out": out, **options},
    )  # fmt: skip


def test_the_plan_lists_granules_and_bytes_and_fetches_nothing(earthdata, tmp_path):
    plan = plan_ice(config(tmp_path / "run"))
    names = (TERRA, ITS_PLACE, VIIRS, ITS_GEO)
    assert plan["bytes"] == sum(len(earthdata.held[name].content) for name in names)
    assert plan["requests"] == 4
    assert len(plan["images"]) == 2
    assert len(plan["skipped"]) == 2
    assert json.dumps(plan)
    assert not earthdata.downloads
    assert not (tmp_path / "run").exists()


def test_a_winter_of_both_instruments(earthdata, token, tmp_path):
    told = []
    options = EngineOptions(progress=lambda *stage: told.append(stage))
    run = run_ice(config(tmp_path / "run", composite="none"), options)
    assert run.complete
    assert told[:2] == [("fetch", 1, 2), ("fetch", 2, 2)]
    rows = {row["granule"] for row in run.result.to_dict()["dates"]}
    assert rows == {TERRA.removesuffix(".hdf"), VIIRS.removesuffix(".nc")}
    inputs = json.dumps(run.result.to_dict()["provenance"]["inputs"])
    assert f"{earthdata.archive}/archive/VNP02MOD/{VIIRS}" in inputs
    assert TOKEN not in inputs + (run.folder / "result.json").read_text()


def test_a_granule_that_never_comes_is_a_date_that_failed(earthdata, token, tmp_path):
    earthdata.held[VIIRS].faults = [503] * 9
    run = run_ice(config(tmp_path / "run", composite="none"))
    assert not run.complete
    rows = {row["granule"]: row for row in run.result.to_dict()["dates"]}
    failed = rows[VIIRS.removesuffix(".nc")]
    assert failed["status"] == "failed"
    assert VIIRS in json.dumps(failed["reason"])
    assert rows[TERRA.removesuffix(".hdf")]["status"] in ("ok", "partial")


def test_granules_of_the_night_alone_are_an_error(earthdata, tmp_path):
    for name in (TERRA, OLDER, VIIRS):
        del earthdata.held[name]
    with pytest.raises((EmptyResultError, SourceError), match="at night"):
        run_ice(config(tmp_path / "run", sources=["earthdata:MOD02HKM"]))
