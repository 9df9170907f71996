"""A proxy that does to the answers of a server what networks, gateways and providers do."""

import contextlib
import hashlib
import http.client
import socket
import socketserver
import struct
import threading
import time

SLOW_S = 0.02
"""Seconds between two bytes of a slow answer."""


class Broken(Exception):
    """The connection is of no more use."""


def late(peer, answer):
    time.sleep(0.2)
    answer.send(peer)


def reset(peer, answer):
    """Half of the body, then RST."""
    peer.sendall(answer.head() + answer.body[: len(answer.body) // 2])
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise Broken


def cut(peer, answer):
    """Half of the body, then a polite end."""
    peer.sendall(answer.head() + answer.body[: len(answer.body) // 2])
    raise Broken


def short_range(peer, answer):
    """Fewer bytes than were asked for, in an answer that is whole in itself."""
    kept = max(1, len(answer.body) // 3)
    told = answer.headers.get("content-range")
    if told:
        span, size = told.removeprefix("bytes ").split("/")
        first = int(span.split("-")[0])
        answer.headers["content-range"] = f"bytes {first}-{first + kept - 1}/{size}"
    answer.body = answer.body[:kept]
    answer.send(peer)


def other_range(peer, answer):
    """The length asked for, of another place, as the header says."""
    told = answer.headers.get("content-range")
    if told:
        span, size = told.removeprefix("bytes ").split("/")
        first, last = map(int, span.split("-"))
        answer.headers["content-range"] = f"bytes {first + 1}-{last + 1}/{size}"
    answer.send(peer)


def too_little_announced(peer, answer):
    peer.sendall(answer.head(length=max(0, len(answer.body) - 10)) + answer.body)
    raise Broken


def too_much_announced(peer, answer):
    peer.sendall(answer.head(length=len(answer.body) + 10) + answer.body)
    raise Broken


def busy(peer, answer):
    answer.say(503, b"busy")
    answer.send(peer)


def too_many(peer, answer):
    answer.say(429, b"slow down", {"retry-after": "0.05"})
    answer.send(peer)


def page(peer, answer):
    answer.say(200, b"<html><body>Welcome to the network</body></html>")
    answer.headers["content-type"] = "text/html"
    answer.send(peer)


def bare_page(peer, answer):
    """A page that does not say that it is one."""
    answer.say(200, b"\n<!DOCTYPE html><html><body>Sign in</body></html>")
    answer.headers["content-type"] = "image/tiff"
    answer.send(peer)


def expired(peer, answer):
    answer.say(403, b"<Error><Code>AuthenticationFailed</Code>Signature not valid</Error>")
    answer.send(peer)


def slow(peer, answer):
    """A byte now and then: no time-out of a socket ends it."""
    for byte in answer.head() + answer.body:
        peer.sendall(bytes([byte]))
        time.sleep(SLOW_S)


def slow_body(peer, answer):
    peer.sendall(answer.head())
    for byte in answer.body:
        peer.sendall(bytes([byte]))
        time.sleep(SLOW_S)


def silent(peer, answer):
    """Nothing, for as long as somebody waits."""
    with contextlib.suppress(OSError):
        peer.recv(1)
    raise Broken


def nameless(peer, answer):
    """Leads to a host whose name is not known."""
    answer.say(302, b"", {"location": "http://nowhere.invalid/file.tif"})
    answer.send(peer)


FAULTS = {
    f.__name__: f
    for f in (late, reset, cut, short_range, other_range, too_little_announced, too_much_announced,
              busy, too_many, page, bare_page, expired, slow, slow_body, silent, nameless)
}  # fmt: skip


class Answer:
    """What the server said."""

    def __init__(self, response):
        self.status = response.status
        self.body = response.read()
        keep = ("content-range", "content-type", "etag", "last-modified", "accept-ranges")
        self.headers = {k.lower(): v for k, v in response.getheaders() if k.lower() in keep}

    def say(self, status, body, headers=None):
        self.status, self.body, self.headers = status, body, dict(headers or {})

    def head(self, length=None):
        headers = {**self.headers, "content-length": len(self.body) if length is None else length}
        lines = [f"HTTP/1.1 {self.status} x", *(f"{k}: {v}" for k, v in headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    def send(self, peer):
        peer.sendall(self.head() + self.body)


class Proxy(socketserver.ThreadingTCPServer):
    """Stands before a server; `fault(path, span, n)` names what befalls the n-th such request."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128
    block_on_close = False

    def __init__(self, port, fault):
        super().__init__(("127.0.0.1", 0), _Peer)
        self.behind = port
        self.fault = fault
        self.lock = threading.Lock()
        self.times = {}
        self.met = {}
        self.sent = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_):
        """Peers that hang up are part of the tests."""


class _Peer(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = self.request.makefile("rb")
        with contextlib.suppress(OSError, Broken):
            while self.one(stream):
                pass

    def one(self, stream):
        line = stream.readline()
        if not line.strip():
            return False
        method, path, _ = line.decode().split(" ", 2)
        headers = dict(http.client.parse_headers(stream))
        body = stream.read(int(headers.get("Content-Length", 0)))
        behind = http.client.HTTPConnection("127.0.0.1", self.server.behind)
        with contextlib.closing(behind):
            behind.request(method, path, body or None, headers)
            answer = Answer(behind.getresponse())
        key = path.partition("?")[0], headers.get("Range", "")
        with self.server.lock:
            n = self.server.times[key] = self.server.times.get(key, 0) + 1
        name = self.server.fault(*key, n)
        if name is not None:
            with self.server.lock:
                self.server.met[name] = self.server.met.get(name, 0) + 1
        (FAULTS[name] if name else lambda peer, told: told.send(peer))(self.request, answer)
        return True


@contextlib.contextmanager
def faulty(port, fault):
    """Serve what the server at a port does, with faults, while the context lasts."""
    proxy = Proxy(port, fault)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()


def at_times(share, *names, seed=0):
    """Return faults of a share of requests, the same ones whatever the order they come in."""

    def fault(path, span, n):
        if path.endswith("/token"):
            return None
        digest = hashlib.sha256(f"{seed} {path} {span} {n}".encode()).digest()
        if int.from_bytes(digest[:4], "big") / 2**32 >= share:
            return None
        return names[digest[4] % len(names)]

    return fault


def first(n_faulty, name):
    """Return a fault of the first tries at each request, by the n-th of which it passes."""
    return lambda path, span, n: name if n <= n_faulty else None
