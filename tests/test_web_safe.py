"""What strangers try: files that are not what they say, paths, other pages, other names."""

import asyncio
import io
import json
import struct
import zipfile

import numpy as np
import pytest
import rasterio
from affine import Affine

from obriy.errors import ObriyError, UsageError
from obriy.web import guard
from obriy.web.guard import Guard
from obriy.web.places import Places
from obriy.web.shelf import Shelf
from obriy.web.uploads import keep
from obriy.workflows.config.water import WaterConfig

SQUARE = [[[30, 50], [31, 50], [31, 51], [30, 51], [30, 50]]]
GEOJSON = json.dumps(
    {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"name": "a"},
                "geometry": {"type": "Polygon", "coordinates": SQUARE},
            }
        ],
    }
).encode()
KML = (
    b'<?xml version="1.0"?>%s<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><name>%s</name>'
    b"<Polygon><outerBoundaryIs><LinearRing><coordinates>30,50 31,50 31,51 30,50</coordinates>"
    b"</LinearRing></outerBoundaryIs></Polygon></Placemark></kml>"
)
VRT = (
    b'<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1">'
    b"<SimpleSource><SourceFilename>/etc/passwd</SourceFilename></SimpleSource>"
    b"</VRTRasterBand></VRTDataset>"
)


def tiff():
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=4, height=4, count=1, dtype="uint8", crs="EPSG:32636",
            transform=Affine(10, 0, 500_000, 0, -10, 5_500_000),
        ) as made:  # fmt: skip
            made.write(np.ones((1, 4, 4), np.uint8))
        return memory.read()


def zipped(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return file.getvalue()


@pytest.fixture(scope="module")
def shapefile(tmp_path_factory):
    import geopandas as gpd
    import shapely

    folder = tmp_path_factory.mktemp("shape")
    frame = gpd.GeoDataFrame({"name": ["a"]}, geometry=[shapely.box(30, 50, 31, 51)], crs=4326)
    frame.to_file(folder / "lake.shp")
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_what_is_taken_is_what_its_name_says(tmp_path, shapefile):
    assert keep(tmp_path, "scene.tif", io.BytesIO(tiff())).name == "scene.tif"
    assert keep(tmp_path, "scene.tif", io.BytesIO(tiff())).name == "scene-2.tif"
    assert keep(tmp_path, "озеро.geojson", io.BytesIO(GEOJSON)).name == "озеро.geojson"
    assert keep(tmp_path, "a.kml", io.BytesIO(KML % (b"", b"a"))).name == "a.kml"
    assert keep(tmp_path, "w.csv", io.BytesIO(b"date,weight\n2023-05-01,1\n")).name == "w.csv"
    kept = keep(tmp_path, "lake.zip", io.BytesIO(zipped(**shapefile)))
    assert kept == tmp_path / "lake" / "lake.shp"
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def _lying_zip(shapefile):
    """An archive whose member is longer than it says."""
    content = zipped(**{**shapefile, "lake.shp": b"\0\0\x27\x0a" + b"\0" * 5000})
    at = content.rindex(b"PK\x01\x02")
    while content[at + 46 : at + 54] != b"lake.shp":
        at = content.rindex(b"PK\x01\x02", 0, at)
    return content[: at + 24] + struct.pack("<I", 100) + content[at + 28 :]


ENTITIES = b'<!DOCTYPE k [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
HOSTILE = {
    "a VRT named .tif": ("a.tif", VRT),
    "a VRT": ("a.vrt", VRT),
    "a page named .tif": ("a.tif", b"<html><script>alert(1)</script>"),
    "a picture with a page in it": ("a.tif", b"GIF89a/*<script>*/=1;"),
    "a program": ("a.tif", b"\x7fELF" + b"\0" * 100),
    "nothing": ("a.tif", b""),
    "a name without a name": (".tif", tiff()),
    "a name that climbs": ("../../..", tiff()),
    "a page": ("a.html", b"<html>"),
    "a KML with entities": ("a.kml", KML % (ENTITIES, b"&x;")),
    "a KML of a billion laughs": ("a.kml", KML % (b'<!DOCTYPE k [<!ENTITY a "&b;&b;">]>', b"&a;")),
    "an OGR VRT named .kml": ("a.kml", b"<OGRVRTDataSource/>"),
    "a service named .json": ("a.json", b'{"x": "<OGRWFSDataSource>"}'),
    "a script named .geojson": ("a.geojson", b"alert(1)"),
    "a database of nothing": ("a.gpkg", b"SQLite format 3\0" + b"\0" * 100),
    "a table of bytes": ("a.csv", b"a,b\0c"),
    "an archive that is none": ("a.zip", b"PK\x03\x04" + b"\0" * 30),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_something_else_is_not_kept(what, tmp_path):
    name, content = HOSTILE[what]
    with pytest.raises(UsageError) as refused:
        keep(tmp_path, name, io.BytesIO(content))
    assert str(tmp_path) not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_archives_that_grow_climb_or_lie_are_not_kept(tmp_path, shapefile):
    bomb = zipped(**{**shapefile, "lake.dbf": b"\0" * 30_000_000})
    climbing = zipped(**{f"..__..__{name}": content for name, content in shapefile.items()})
    inner = zipped(**{**shapefile, "lake.zip": zipped(**shapefile)})
    two = zipped(**shapefile, **{f"b{name}": content for name, content in shapefile.items()})
    unnamed = zipped(**{"é.shp": b"a"}).replace("é".encode(), b"\xff\xff")
    for content in (bomb, climbing, inner, two, _lying_zip(shapefile), zipped(), unnamed):
        with pytest.raises(UsageError):
            keep(tmp_path, "lake.zip", io.BytesIO(content))
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("packed", ["DEFLATED", "BZIP2", "LZMA"])
def test_archives_that_are_damaged_are_refused(packed, tmp_path, shapefile):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", getattr(zipfile, f"ZIP_{packed}")) as archive:
        for name, content in shapefile.items():
            archive.writestr(name, content)
        first = archive.infolist()[0]
    content = bytearray(file.getvalue())
    start = 30 + len(first.filename)
    for at in range(start, start + first.compress_size, 2):
        damaged = content.copy()
        damaged[at : at + 8] = b"\xff" * 8
        with pytest.raises(UsageError, match="does not hold what its name says"):
            keep(tmp_path, "lake.zip", io.BytesIO(damaged))
    assert list(tmp_path.iterdir()) == []


def test_archives_whose_names_meet_or_are_long_are_refused(tmp_path, shapefile):
    meeting = zipped(**shapefile, **{f"b__{name}": content for name, content in shapefile.items()})
    long = zipped(**{"a" * 300 + name[4:]: content for name, content in shapefile.items()})
    for content in (meeting, long):
        with pytest.raises(UsageError, match="of one name"):
            keep(tmp_path, "lake.zip", io.BytesIO(content))
    assert list(tmp_path.iterdir()) == []


def test_a_long_name_is_cut_by_its_bytes(tmp_path):
    for number in ("", "-2"):
        kept = keep(tmp_path, "\U00020000" * 80 + ".tif", io.BytesIO(tiff()))
        assert kept.name == "\U00020000" * 50 + f"{number}.tif"


def test_a_name_that_climbs_stays_where_it_is_put(tmp_path):
    kept = keep(tmp_path / "..", "../../etc/passwd/../x.tif", io.BytesIO(tiff()))
    assert kept.name == "x.tif"
    assert kept.resolve().parent == tmp_path.parent.resolve()


@pytest.fixture
def shelf(tmp_path):
    data = tmp_path / "images"
    data.mkdir()
    (data / "a.tif").write_bytes(tiff())
    (data / "out.tif").symlink_to("/etc/passwd")
    (tmp_path / "secret.tif").write_bytes(tiff())
    return Shelf(tmp_path / "runs", {"images": data})


def test_clients_name_files_of_the_folders_alone(shelf, tmp_path):
    asked = shelf.places.config(WaterConfig, {"source": "folder:images/a.tif"})
    assert asked.source == str(tmp_path / "images" / "a.tif")
    for source in (
        "folder:images/../secret.tif", "folder:images/out.tif", "folder:nowhere/a.tif",
        "folder:images/nothing.tif", "folder:images//etc/passwd", "folder:uploads/.incoming",
        "folder:runs/.obriy-serve/uploads", "folder:images/a\0.tif",
        str(tmp_path / "secret.tif"), "/etc/passwd", "/nowhere/at/all.tif", "../secret.tif",
        "stac:", "stac:/etc/passwd", "process:cdse", "earthdata:MOD02HKM",
        "/vsicurl/http://127.0.0.1/a.tif", "/vsizip/a.zip/b.tif", "http://127.0.0.1/a.tif",
        "https://example.org/?x=simulated:", "file:///etc/passwd", "NETCDF:/etc/passwd:a",
        f"GTIFF_DIR:1:{tmp_path}/secret.tif", str(tmp_path / "sec*.tif"), "~/a.tif", "",
    ):  # fmt: skip
        values = {"source": source, "aoi": "kakhovka"} if source else {"aoi": "/etc/passwd"}
        with pytest.raises(ObriyError) as refused:
            shelf.places.config(WaterConfig, values)
        assert str(tmp_path) not in shelf.places.without_paths(str(refused.value))


@pytest.mark.parametrize(
    "values",
    [
        {"out": "/tmp/elsewhere"}, {"scheduler": "tcp://10.0.0.1:8786"}, {"max_ram": 1e6},
        {"workers": 1000}, {"reference": "gsw:/etc/passwd"}, {"dem": "/etc/passwd"},
        {"weights": "/etc/passwd"}, {"method": "/etc/passwd"}, {"reference": ["a"]},
    ],
)  # fmt: skip
def test_options_that_lead_elsewhere_are_refused(shelf, values):
    with pytest.raises(ObriyError):
        shelf.places.config(WaterConfig, {"source": "simulated:", **values})


def test_services_are_called_only_where_the_server_says_so(shelf):
    from obriy.workflows.config.landcover import LandcoverConfig

    asked = {"source": "sample:", "labellers": "anthropic:model@http://10.0.0.1"}
    with pytest.raises(UsageError, match="--allow"):
        shelf.places.config(LandcoverConfig, asked)
    allowing = Places(shelf.places.folders, ("anthropic:",))
    assert allowing.config(LandcoverConfig, asked).labellers == [asked["labellers"]]
    searching = {"aoi": "kakhovka", "datetime": "2023-05/2023-06"}
    with pytest.raises(UsageError, match="'obriy serve --allow stac:'"):
        shelf.places.config(WaterConfig, searching)  # no source: catalogues are asked
    allowing = Places(shelf.places.folders, ("stac:",))
    assert allowing.config(WaterConfig, searching).source == "stac:"
    with pytest.raises(UsageError, match="no folder of this page"):
        allowing.config(WaterConfig, {"source": "stac:/etc/passwd"})


def test_a_season_is_offered_as_its_folder(tmp_path):
    for name in ("season/2023-07-16.tif", "vectors/districts.gpkg", "uploads/a.tif"):
        file = tmp_path / name
        file.parent.mkdir()
        file.touch()
    places = Places({folder.name: folder for folder in tmp_path.iterdir()})
    assert places.seasons((".tif",)) == ["folder:season"]
    assert places.file("folder:season") == tmp_path / "season"


async def _passed(scope, receive, send):
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect":
            return
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d" % len(body)})


def ask(headers, *, token="", method="GET", path="/", query=b"", kind="http", chunks=(b"",)):
    """Send a request to a guard; return the status of its answer and the headers."""
    sent, left = [], list(chunks)

    async def receive():
        chunk = left.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(left)}

    async def send(message):
        sent.append(message)

    scope = {
        "type": kind, "method": method, "path": path, "query_string": query,
        "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
    }  # fmt: skip
    asyncio.run(Guard(_passed, token)(scope, receive, send))
    if not sent or sent[0]["type"] == "websocket.close":
        return 0, {}
    return sent[0]["status"], {k.decode(): v.decode() for k, v in sent[0]["headers"]}


HERE = {"host": "127.0.0.1:8080"}


def test_other_names_and_other_pages_are_not_let_in():
    assert ask(HERE)[0] == 200
    assert ask({"host": "localhost:8080"})[0] == 200
    assert ask({"host": "[::1]:8080"})[0] == 200
    for name in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "", "[x"):
        assert ask({"host": name})[0] == 421
    evil = {**HERE, "origin": "http://evil.example"}
    own = {**HERE, "origin": "http://127.0.0.1:8080"}
    for method in ("POST", "DELETE", "PUT"):
        assert ask(evil, method=method)[0] == 403
        assert ask({**HERE, "origin": "null"}, method=method)[0] == 403
        assert ask({**HERE, "origin": "http://127.0.0.1:9999"}, method=method)[0] == 403
        assert ask({**HERE, "sec-fetch-site": "cross-site"}, method=method)[0] == 403
        assert ask(own, method=method)[0] == 200
    assert ask(evil, kind="websocket")[0] == 0
    assert ask(evil)[0] == 403  # a script of theirs would read the answer
    assert ask({**HERE, "sec-fetch-site": "cross-site"})[0] == 200  # a link of theirs


def test_who_comes_from_elsewhere_shows_the_token():
    key = guard.key_of("right token")
    assert ask(HERE, token="right token")[0] == 401
    assert ask({**HERE, "authorization": "Bearer wrong token"}, token="right token")[0] == 401
    assert ask({**HERE, "authorization": "Bearer right token"}, token="right token")[0] == 200
    assert ask({**HERE, "cookie": f"{guard.COOKIE}={key}"}, token="right token")[0] == 200
    assert ask({**HERE, "cookie": f"{guard.COOKIE}=right token"}, token="right token")[0] == 401
    assert ask(HERE, token="right token", kind="websocket")[0] == 0
    status, headers = ask(HERE, token="right token", query=b"token=right%20token")
    assert (status, headers["location"]) == (303, "/")
    for path in ("//evil.com/", "///evil.com/", "http://evil.com/", "/\\evil.com/"):
        asked = ask(HERE, token="right token", path=path, query=b"token=right%20token")
        assert asked[1]["location"] in ("/evil.com/", "/http://evil.com/", "/%5Cevil.com/")
    cookie = headers["set-cookie"].lower()
    assert "samesite=strict" in cookie
    assert "httponly" in cookie
    assert "right" not in cookie


def test_bodies_are_counted_whatever_they_say():
    large = str(2 << 30)
    assert ask({**HERE, "content-length": large}, method="POST", path="/api/uploads")[0] == 413
    assert ask({**HERE, "content-length": "-1"}, method="POST")[0] == 413
    assert ask({**HERE, "content-length": "two"}, method="POST")[0] == 413
    chunks = [b"x" * (1 << 19)] * 3
    assert ask(HERE, method="POST", chunks=chunks[:1])[0] == 200
    assert ask(HERE, method="POST", chunks=chunks)[0] == 0  # said nothing of its length


def test_answers_forbid_what_a_page_has_no_use_for():
    headers = ask(HERE)[1]
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
