"""Who may ask: checked before anything else sees a request, of pages, programs and sockets alike.

A page of somebody else, open in the same browser, sends requests from this machine too: its
``Origin`` gives it away. A name of somebody else's that leads here (DNS rebinding) stands in
``Host``. Who is let in from other machines shows a token.
"""

import dataclasses
import hashlib
import hmac
import ipaddress
import platform
from collections.abc import Awaitable, Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]

COOKIE: Final = "obriy_key"
LARGEST_UPLOAD: Final = 1 << 30
"""Bytes of a file that is uploaded."""
LARGEST_REQUEST: Final = 1 << 20
"""Bytes of any other request."""
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; font-src 'self' data:; connect-src 'self'; "
    "img-src 'self' data: blob:{basemap}; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)
"""NiceGUI's pages have scripts in them; none comes from, and nothing goes, elsewhere."""
_ASK: Final = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Obriy</title>
<style>body{font:1rem system-ui;max-width:24rem;margin:15vh auto;padding:1rem}
input,button{font:inherit;padding:.5rem;width:100%;box-sizing:border-box;margin:.5rem 0}</style>
<h1>Obriy</h1><form method="get" action="/"><label for="t">Token · Ключ</label>
<input id="t" name="token" type="password" autocomplete="off" autofocus required>
<button>OK</button></form></html>"""


@dataclasses.dataclass(frozen=True)
class Guard:
    """An application with a guard before it.

    Attributes:
        app: What is guarded.
        token: What everybody must show; empty: nobody need.
        basemap: Where the pictures of a basemap come from; empty: there is none.
    """

    app: Callable[[Scope, Receive, Send], Awaitable[None]]
    token: str = ""
    basemap: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        refused = self._refused(scope, headers)
        if refused is None:
            limit = LARGEST_UPLOAD if "/upload" in scope["path"] else LARGEST_REQUEST
            await self.app(scope, _counted(receive, limit), self._armoured(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refused(scope, receive, self._armoured(send))

    def _refused(self, scope: Scope, headers: Mapping[str, str]) -> Response | None:
        """Return the answer to a request that is not let in; None: it is."""
        if not _is_ours(headers.get("host", "")):
            return PlainTextResponse("This address is not one of this page.", 421)
        unsafe = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if not _from_here(headers, unsafe=unsafe):
            return PlainTextResponse("Another page sent this request.", 403)
        length = headers.get("content-length", "0")
        limit = LARGEST_UPLOAD if "/upload" in scope["path"] else LARGEST_REQUEST
        if not length.isdigit() or int(length) > limit:
            return PlainTextResponse("The request is too large.", 413)
        return self._stranger(scope, headers) if self.token else None

    def _stranger(self, scope: Scope, headers: Mapping[str, str]) -> Response | None:
        """Return the answer to a request without the token; one with it in its address gets it."""
        if _same(_cookie(headers), key_of(self.token)):
            return None
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _same(shown, self.token):
            return None
        if scope["type"] == "websocket":
            return PlainTextResponse("", 401)
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        if scope["method"] == "GET" and _same(query.get("token", [""])[0], self.token):
            here = f"/{scope['path'].lstrip('/')}"  # after two slashes a browser reads a host
            answer: Response = RedirectResponse(here, 303)
            answer.set_cookie(COOKIE, key_of(self.token), httponly=True, samesite="strict")
            return answer
        if "text/html" in headers.get("accept", ""):
            return HTMLResponse(_ASK, 401)
        return PlainTextResponse("A token is needed.", 401, {"www-authenticate": "Bearer"})

    def _armoured(self, send: Send) -> Send:
        policy = _POLICY.format(basemap=f" {self.basemap}" if self.basemap else "")

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                there = {key.lower() for key, _ in message["headers"]}
                more = {**_HEADERS, "content-security-policy": policy}
                own = [(k.encode(), v.encode()) for k, v in more.items() if k.encode() not in there]
                message = {**message, "headers": [*message["headers"], *own]}
            await send(message)

        return sent


def key_of(token: str) -> str:
    """Return what the cookie holds: not the token itself."""
    return hashlib.sha256(f"obriy page {token}".encode()).hexdigest()


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches what is bound to a host."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _is_ours(host: str) -> bool:
    """Say whether ``Host`` names this machine: by its number, or by a name that only it has."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in ("localhost", platform.node().lower())
    return True


def _from_here(headers: Mapping[str, str], *, unsafe: bool) -> bool:
    """Say whether a request comes from a page of ours, or from no page at all.

    Links of others lead here without an ``Origin``; with one their scripts would read the answer.
    """
    origin = headers.get("origin")
    if origin is None:
        return not unsafe or headers.get("sec-fetch-site", "none") in ("none", "same-origin")
    return urlsplit(origin).netloc == headers.get("host", "") != ""


def _cookie(headers: Mapping[str, str]) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _counted(receive: Receive, limit: int) -> Receive:
    """Return what hands on a body until it is larger than it may be, whatever it said of itself."""
    got = 0

    async def counted() -> Any:
        nonlocal got
        message = await receive()
        got += len(message.get("body") or b"")
        return {"type": "http.disconnect"} if got > limit else message

    return counted
