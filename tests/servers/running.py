"""An ASGI application on a port of this machine, in a thread, that keeps what it was asked."""

import contextlib
import dataclasses
import socket
import threading
import time

import uvicorn
from starlette.staticfiles import StaticFiles


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: str
    headers: dict

    @property
    def span(self):
        """First byte, and after the last; None: the whole."""
        unit, _, told = self.headers.get("range", "").partition("=")
        first, _, last = told.partition("-")
        return (int(first), int(last) + 1) if unit == "bytes" else None


class Running:
    """A server that runs; `asked` grows with each request."""

    def __init__(self, port):
        self.port = port
        self.asked = []

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def running(app, at=("127.0.0.1", 0), **tls):
    """Serve an ASGI application while the context lasts."""
    with socket.socket() as listening:
        listening.bind(at)
        here = Running(listening.getsockname()[1])

        async def noting(scope, receive, send):
            if scope["type"] == "http":
                headers = {k.decode(): v.decode() for k, v in scope["headers"]}
                query = scope["query_string"].decode()
                here.asked.append(Asked(scope["method"], scope["path"], query, headers))
            await app(scope, receive, send)

        config = uvicorn.Config(noting, log_level="critical", lifespan="off", **tls)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            yield here
        finally:
            server.force_exit = server.should_exit = True
            thread.join()


def serving_files(folder):
    """Serve the files of a folder, by ranges where these are asked for."""
    return running(StaticFiles(directory=folder))
