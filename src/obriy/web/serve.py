"""The server: where it listens, who may come, and the address that it says."""

import secrets
import socket
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from obriy.errors import OutputError, UsageError
from obriy.settings import settings
from obriy.web.app import make_app
from obriy.web.guard import is_loopback
from obriy.web.shelf import Shelf

_SENTENCE: Final = "Obriy is at {address}  (Ctrl-C ends it; runs at work go on)"


def serve(
    folder: Path, *, data: list[Path], host: str, port: int, allow: list[str], basemap: str
) -> None:
    """Serve the page until it is told to end.

    Args:
        folder: Of the runs.
        data: Folders with images that may be named.
        host: Where to listen; others than this machine's own need a token.
        port: 0: any that is free.
        allow: Beginnings of addresses and services that may be called for a client.
        basemap: Address of the tiles of a basemap; empty: there is none.

    Raises:
        UsageError: a folder that is not there, or names that clash.
        OutputError: the port is taken, or the folder cannot be written.
    """
    import uvicorn

    known = settings().token
    token = known.get_secret_value() if known is not None else ""
    if not token and not is_loopback(host):
        token = secrets.token_urlsafe(24)
    shelf = Shelf(folder, _named(data), tuple(allow), basemap)
    listening = _listen(host, port)
    app = make_app(shelf, token, _origin(basemap))
    number = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{number}/" + (f"?token={token}" if token else "")
    print(_SENTENCE.format(address=address), flush=True)  # noqa: T201 - what a person waits for
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=2, ws_max_size=1 << 20,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])


def _named(data: list[Path]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in data:
        place = folder.expanduser().absolute()
        if not place.is_dir():
            raise UsageError(f"--data: {folder} is no folder.", "Name one that is there.")
        if place.name in {*found, "uploads", "runs", ""}:
            raise UsageError(f"--data: two folders are called '{place.name}'.", "Rename one.")
        found[place.name] = place
    return found


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host.strip("[]"), port))
    except OSError as error:
        made.close()
        raise OutputError(
            f"{host}:{port} cannot be listened at: {error.strerror}.", "Give another --port."
        ) from error
    made.listen(128)
    return made


def _origin(basemap: str) -> str:
    parts = urlsplit(basemap)
    if not basemap:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(
            f"--basemap: '{basemap}' is no address.", "Give https://…/{z}/{x}/{y}.png."
        )
    return f"{parts.scheme}://{parts.netloc.replace('{s}', '*')}"
