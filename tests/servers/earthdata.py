"""Earthdata on this machine: the catalogue (CMR), an archive, and the login between them, in TLS.

As far as its client and ours go through it: CMR's search of granules in UMM-G; an archive that
takes a token, else leads to the login and back with a cookie, as NASA's do; the login (EDL) with
its tokens, and with the form that it shows to people, status 200.
"""

import dataclasses
import datetime as dt
import hashlib
import ipaddress
import json
from base64 import b64encode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

NAME, WORD, TOKEN = "somebody", "a-word", "a-token-of-somebody"
FORM = "<!DOCTYPE html><html><title>Earthdata Login</title><form>password</form></html>"


@dataclasses.dataclass
class Held:
    """A granule of the archive.

    Attributes:
        product: Short name.
        content: Its bytes.
        start: When it begins, ISO 8601.
        box: West, south, east, north.
        about: What is told of it beside: ``DayNightFlag``, ``Checksum``, ``SizeInBytes``.
        faults: How its first answers go wrong.
    """

    product: str
    content: bytes
    start: str
    box: tuple = (131.0, 42.0, 134.0, 44.0)
    about: dict = dataclasses.field(default_factory=dict)
    faults: list = dataclasses.field(default_factory=list)


class Earthdata:
    """All of it; ``held`` is by file name. Its two hosts have two names."""

    def __init__(self):
        self.held = {}
        self.takes_tokens = True
        self.shows_form = False
        self.cloud = ""
        self.archive = self.login = ""
        self.searches, self.logins, self.downloads, self.leaks = [], [], [], []

    @property
    def apps(self):
        """The catalogue and the archive, and the login."""
        archive = [
            Route("/search/granules.umm_json", self._search),
            Route("/archive/{product}/{name}", self._download),
            Route("/login", self._back),
            Route("/cloud/{name}", self._from_cloud),
        ]
        login = [
            Route("/oauth/authorize", self._authorize),
            Route("/api/users/find_or_create_token", self._token, methods=["POST"]),
            Route("/cloud/{name}", self._from_cloud),
        ]
        return Starlette(routes=archive), Starlette(routes=login)

    async def _search(self, request: Request):
        asked = dict(request.query_params)
        self.searches.append(asked)
        west, south, east, north = map(float, asked["bounding_box"].split(","))
        first, last = asked["temporal[]"].split(",")
        product = asked["short_name"]
        found = [
            self._record(name, one)
            for name, one in self.held.items()
            if one.product == product and first <= f"{one.start}Z" <= last
            and one.box[0] <= east and west <= one.box[2]
            and one.box[1] <= north and south <= one.box[3]
        ]  # fmt: skip
        size, begin = int(asked["page_size"]), int(request.headers.get("cmr-search-after") or 0)
        page = found[begin : begin + size]
        more = {"CMR-Search-After": str(begin + size)} if page else {}
        answer = {"hits": len(found), "took": 1, "items": page}
        return JSONResponse(answer, headers={"CMR-Hits": str(len(found)), **more})

    def _record(self, name, one):
        told = {
            "Name": name,
            "SizeInBytes": len(one.content),
            "Checksum": {"Value": hashlib.md5(one.content).hexdigest(), "Algorithm": "MD5"},
        }
        file = told | {k: v for k, v in one.about.items() if k != "DayNightFlag"}
        return {
            "meta": {"concept-id": f"G{len(name)}-LAADS", "provider-id": "LAADS"},
            "umm": {
                "GranuleUR": name,
                "DataGranule": {
                    "DayNightFlag": one.about.get("DayNightFlag", "Day"),
                    "ArchiveAndDistributionInformation": [file],
                },
                "RelatedUrls": [
                    {"URL": f"s3://prod-lads/{name}", "Type": "GET DATA VIA DIRECT ACCESS"},
                    {"URL": f"{self.archive}/archive/{one.product}/{name}", "Type": "GET DATA"},
                    {"URL": f"{self.archive}/{name}.png", "Type": "VIEW RELATED INFORMATION"},
                ],
            },
        }  # fmt: skip

    async def _download(self, request: Request):
        name = request.path_params["name"]
        bearer = request.headers.get("authorization") == f"Bearer {TOKEN}"
        known = request.cookies.get("urs") == "yes" or (bearer and self.takes_tokens)
        if not known:
            back = f"{self.archive}/login"
            asked = f"client_id=x&redirect_uri={back}&state={request.url.path}"
            return RedirectResponse(f"{self.login}/oauth/authorize?{asked}", 302)
        self.downloads.append(name)
        one = self.held.get(name)
        if one is None:
            return Response(status_code=404)
        if self.cloud:
            return RedirectResponse(f"{self.cloud}/cloud/{name}?sig=secret", 303)
        return self._content(one)

    def _content(self, one):
        fault = one.faults.pop(0) if one.faults else None
        if isinstance(fault, int):
            return Response(status_code=fault, headers={"Retry-After": "0"})
        if fault == "truncated":
            half = one.content[: len(one.content) // 2]
            return Response(half, headers={"Content-Length": str(len(one.content))})
        if fault == "short":
            return Response(one.content[:-5000])
        if fault == "page":
            return Response(FORM, media_type="application/octet-stream")
        if fault == "other":
            return Response(one.content[:-1] + b"?")
        return Response(one.content, media_type="application/octet-stream")

    async def _from_cloud(self, request: Request):
        if "authorization" in request.headers or "cookie" in request.headers:
            self.leaks.append(request.headers)
        return self._content(self.held[request.path_params["name"]])

    async def _back(self, request: Request):
        answer = RedirectResponse(request.query_params["state"], 302)
        answer.set_cookie("urs", "yes", secure=True)
        return answer

    async def _authorize(self, request: Request):
        if self.shows_form:
            return HTMLResponse(FORM)
        if not self._knows(request):
            return HTMLResponse(FORM, 401, {"WWW-Authenticate": 'Basic realm="Earthdata"'})
        asked = request.query_params
        return RedirectResponse(f"{asked['redirect_uri']}?code=c&state={asked['state']}", 302)

    async def _token(self, request: Request):
        if not self._knows(request):
            return JSONResponse({"error": "invalid_credentials", "echo": WORD}, 401)
        told = {"access_token": TOKEN, "token_type": "Bearer", "expiration_date": "10/31/2030"}
        return Response(json.dumps(told), media_type="application/json")

    def _knows(self, request):
        told = request.headers.get("authorization", "")
        self.logins.append(told)
        return told == "Basic " + b64encode(f"{NAME}:{WORD}".encode()).decode()


def certificate(folder, addresses):
    """Write a key and a certificate for names and addresses of this machine, which signs itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Obriy's tests")])
    names = [x509.DNSName("localhost")]
    names += [x509.IPAddress(ipaddress.ip_address(one)) for one in addresses]
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem, old = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    (folder / "key.pem").write_bytes(key.private_bytes(pem, old, plain))
    (folder / "cert.pem").write_bytes(made.public_bytes(pem))
    return folder / "key.pem", folder / "cert.pem"
