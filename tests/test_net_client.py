"""The client: patient with what passes, short with what does not, careful with what is secret."""

import asyncio
import gzip
import logging
import threading
import time
import tracemalloc

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from tests.servers.earthdata import certificate
from tests.servers.running import running

from obriy import settings as obriy_settings
from obriy.errors import CancelledError, RemoteError, SourceError
from obriy.net import address
from obriy.net.client import client, drop_client
from obriy.net.ending import cancel
from obriy.net.signing import TokenSigner

WORD = "hunter2-very-secret"


@pytest.fixture
def settings(monkeypatch, tmp_path):
    """Set settings as the environment does, for a client that is made anew."""

    def put(**told):
        usual = {"cache": tmp_path / "cache", "net_wait_s": 0, "net_longest_wait_s": 0.2,
                 "net_silence_s": 60, "net_deadline_s": 60, "net_tries": 3}  # fmt: skip
        for name, value in (usual | told).items():
            monkeypatch.setenv(f"OBRIY_{name.upper()}", str(value))
        obriy_settings.settings.cache_clear()
        drop_client()

    put()
    yield put
    monkeypatch.undo()
    obriy_settings.settings.cache_clear()
    drop_client()


def app(answer):
    """Return an application that answers each request as a function of it."""

    async def serve(scope, receive, send):
        request = Request(scope, receive)
        await request.body()
        await answer(request)(scope, receive, send)

    return serve


def test_json_is_asked_for_and_sent(settings):
    def answer(request):
        return JSONResponse({"query": dict(request.query_params), "at": request.method})

    with running(app(answer)) as server:
        asked = client().request("POST", f"{server.url}/x", query={"a": "1"}, body={"b": [2]})
    assert asked.json() == {"query": {"a": "1"}, "at": "POST"}
    assert asked.url == f"{server.url}/x"


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "~/.netrc"), (403, "~/.netrc"), (404, "Search again"), (400, "Check the address")],
)
def test_a_refusal_is_asked_once_and_says_what_to_set(settings, status, words):
    with (
        running(app(lambda _: PlainTextResponse("no", status))) as server,
        pytest.raises(RemoteError, match=words) as told,
    ):
        client().request("GET", f"{server.url}/x?sig={WORD}")
    assert len(server.asked) == 1
    assert told.value.status == status
    assert WORD not in str(told.value)


def test_a_provider_says_what_to_set_in_its_own_words(settings):
    with (
        running(app(lambda _: Response(status_code=401))) as server,
        pytest.raises(RemoteError, match="Set PROVIDER_KEY"),
    ):
        client().request("GET", server.url, hint="Set PROVIDER_KEY.")


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_server_says_how_long_to_wait_up_to_a_limit(settings, form):
    settings(net_tries=2, net_longest_wait_s=0.3)
    later = "3600" if form == "seconds" else "Fri, 31 Dec 2100 23:59:59 GMT"
    busy = PlainTextResponse("slow down", 429, {"Retry-After": later})
    begun = time.monotonic()
    with running(app(lambda _: busy)) as server, pytest.raises(RemoteError, match="429"):
        client().request("GET", server.url)
    assert len(server.asked) == 2
    assert time.monotonic() - begun >= 0.3


def test_a_host_that_failed_at_every_try_is_tried_once(settings):
    with running(app(lambda _: Response(status_code=503))) as server:
        for _ in range(3):
            with pytest.raises(RemoteError):
                client().request("GET", server.url)
    assert len(server.asked) == 3 + 1 + 1


def test_connections_to_a_host_are_bounded(settings):
    settings(net_connections=3)
    under_way = most = 0

    async def serve(scope, receive, send):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        while most < 3:  # threads may be slow to start: nobody is answered before three are there
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        under_way -= 1
        await PlainTextResponse("x")(scope, receive, send)

    with running(serve) as server:
        threads = [threading.Thread(target=client().request, args=("GET", server.url))
                   for _ in range(12)]  # fmt: skip
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert most == 3
    assert len(server.asked) == 12


def test_requests_per_minute_are_bounded(settings):
    settings(net_requests_per_minute=600)  # one in a tenth of a second
    begun = time.monotonic()
    with running(app(lambda _: PlainTextResponse("x"))) as server:
        for _ in range(4):
            client().request("GET", server.url)
    assert time.monotonic() - begun >= 0.3


def test_a_login_of_netrc_goes_to_its_host_alone(settings, monkeypatch, tmp_path, caplog):
    """127.0.0.1 has one, localhost has none: as a provider, and where it redirects."""
    caplog.set_level(logging.DEBUG)
    file = tmp_path / "netrc"
    file.write_text(f"machine 127.0.0.1 login me password {WORD}\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    with running(app(lambda _: PlainTextResponse("x"))) as other:
        away = f"http://localhost:{other.port}/x"
        with running(app(lambda _: RedirectResponse(away))) as server:
            headers = {"X-Api-Key": WORD, "Accept": "text/plain"}
            client().request("GET", f"{server.url}/y", headers=headers)
    assert server.asked[0].headers["authorization"].startswith("Basic ")
    assert server.asked[0].headers["x-api-key"] == WORD
    assert other.asked[0].headers["accept"] == "text/plain"
    assert not {"authorization", "x-api-key", "cookie"} & other.asked[0].headers.keys()
    assert WORD not in caplog.text


def test_cookies_are_not_kept(settings):
    def answer(_):
        response = PlainTextResponse("x")
        response.set_cookie("session", WORD)
        return response

    with running(app(answer)) as server:
        for _ in range(2):
            client().request("GET", server.url)
    assert all("cookie" not in asked.headers for asked in server.asked)


@pytest.fixture(scope="module")
def own_tls(tmp_path_factory):
    """A certificate of this machine that nobody else has signed, and its key."""
    key, cert = certificate(tmp_path_factory.mktemp("tls"), ["127.0.0.1"])
    return {"ssl_keyfile": str(key), "ssl_certfile": str(cert)}


def test_tls_is_checked_never_left_and_ended_at_the_deadline(settings, own_tls, monkeypatch):
    settings(net_tries=1)

    async def serve(scope, receive, send):
        path = scope["path"]
        if path == "/slow":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            for _ in range(100):
                await send({"type": "http.response.body", "body": b"x", "more_body": True})
                await asyncio.sleep(0.1)
        answer = RedirectResponse("http://127.0.0.1:9/x") if path == "/plain" else Response("x")
        await answer(scope, receive, send)

    with running(serve, **own_tls) as server:
        at = server.url.replace("http:", "https:")
        with pytest.raises(RemoteError, match="does not prove who it is"):
            client().request("GET", f"{at}/x")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", own_tls["ssl_certfile"])
        assert client().request("GET", f"{at}/x").content == b"x"
        with pytest.raises(RemoteError, match="leads to plain text"):
            client().request("GET", f"{at}/plain")
        settings(net_tries=1, net_deadline_s=2)
        with pytest.raises(RemoteError, match="longer than 2 s"):
            client().request("GET", f"{at}/slow")


def test_redirections_end(settings):
    with (
        running(app(lambda request: RedirectResponse(request.url.path))) as server,
        pytest.raises(RemoteError, match="circle"),
    ):
        client().request("GET", f"{server.url}/x")
    assert len(server.asked) == 8


@pytest.mark.parametrize("name", ["ftp://host/x", "/vsicurl/http://host/x", "file:///etc/passwd"])
def test_only_the_web_is_asked(settings, name):
    with pytest.raises(SourceError, match="no address of the web"):
        client().request("GET", name)


def test_an_address_with_a_login_is_refused_and_not_repeated(settings):
    with pytest.raises(SourceError, match="netrc") as told:
        client().request("GET", f"https://me:{WORD}@host.invalid/x")
    assert WORD not in str(told.value)


def test_addresses_are_written_down_without_their_signatures():
    href = "https://h/a/B04.tif?se=2025-01-01&sp=r&sig=xx&version=3&X-Amz-Signature=ff#part"
    assert address.unsigned(href) == "https://h/a/B04.tif?version=3"
    assert address.shown(href) == "https://h/a/B04.tif"


def test_cancelling_ends_what_is_under_way(settings):
    began = threading.Event()

    async def serve(scope, receive, send):
        began.set()
        await receive()
        await receive()  # until the client hangs up

    found = []

    def ask(server):
        try:
            client().request("GET", server.url)
        except CancelledError as error:
            found.append(error)

    with running(serve) as server:
        thread = threading.Thread(target=ask, args=(server,))
        thread.start()
        began.wait()
        cancel()
        thread.join()
    assert len(found) == 1


def test_a_token_is_shared_renewed_before_it_ends_and_where_it_is_refused(settings):
    tokens = iter(range(100))
    valid = {"token": "", "until": "2100-01-01T00:00:00Z"}

    def answer(request):
        if request.url.path == "/token/127/files":
            valid["token"] = f"n={next(tokens)}&sig={WORD}"
            return JSONResponse({"token": valid["token"], "msft:expiry": valid["until"]})
        given = request.url.query.partition("version=3&")[2]
        return PlainTextResponse("x", 200 if given == valid["token"] else 403)

    def asked(server):
        return [a.path for a in server.asked].count("/token/127/files")

    with running(app(answer)) as server:
        signer = TokenSigner(f"{server.url}/token/{{account}}/{{container}}", "127.0.0.1")

        def read():
            client().request("GET", f"{server.url}/files/x?version=3", signer=signer)

        read()
        read()
        assert asked(server) == 1
        valid["token"] = "another"  # refused before its time
        valid["until"] = "2000-01-01T00:00:00Z"
        read()
        assert asked(server) == 2
        read()  # that one ended: a new one is asked for first
        assert asked(server) == 3


def test_an_answer_that_unpacks_to_much_more_is_refused_on_the_way(settings, monkeypatch):
    """Of 64 MB of zeros in 64 kB no more than the bound, and a piece, is unpacked."""
    monkeypatch.setattr("obriy.net.client._MOST_WHOLE", 4 << 20)
    packed = gzip.compress(bytes(64 << 20))
    headers = {"content-encoding": "gzip"}
    with running(app(lambda _: Response(packed, headers=headers))) as server:
        tracemalloc.start()
        with pytest.raises(RemoteError, match="more than 4"):
            client().request("GET", server.url)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert most < 7 << 20


def test_a_part_of_a_file_that_comes_packed_is_not_taken(settings):
    packed = gzip.compress(bytes(100))
    headers = {"content-encoding": "gzip", "content-range": "bytes 0-99/1000"}
    with (
        running(app(lambda _: Response(packed, 206, headers=headers))) as server,
        pytest.raises(RemoteError, match="packed"),
    ):
        client().span(server.url, 0, 100)
