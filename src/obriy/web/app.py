"""The application: the interface for programs, the pages, and what both stand on."""

import logging
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from nicegui import app as pages
from nicegui import ui

from obriy import __version__
from obriy.tables import languages
from obriy.web import api
from obriy.web.guard import Guard
from obriy.web.pages import one, runs, start
from obriy.web.pages.frame import LANG_COOKIE, LOOK_COOKIE, LOOKS, Reader
from obriy.web.shelf import Shelf

_STATIC: Final = Path(__file__).parent / "static"
_YEAR_S: Final = 31_536_000
_ICON: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<clipPath id="c"><circle cx="16" cy="16" r="15"/></clipPath><g clip-path="url(#c)">'
    '<path fill="#f2c14e" d="M0 0h32v15H0z"/><path fill="#1f5fa8" d="M0 17h32v15H0z"/></g></svg>'
)
_BROKEN: Final = (
    '<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>Obriy</title>'
    '<meta name="viewport" content="width=device-width">'
    '<link rel="stylesheet" href="/static/page.css"><main class="ob-main">'
    '<h1 class="ob-h1">{said}</h1>{back}</main></html>'
)
log = logging.getLogger("obriy.web")


def make_app(shelf: Shelf, token: str = "", basemap: str = "") -> Guard:
    """Return the application over a folder of runs; one in a process.

    Args:
        shelf: The runs.
        token: What everybody must show; empty: nobody need.
        basemap: Where the pictures of a basemap come from; empty: there is none.
    """
    app = FastAPI(
        title="Obriy",
        version=__version__,
        description="Satellite images to maps of water, ice and land cover, and those to numbers.",
        openapi_url="/api/openapi.json",
        docs_url=None,  # their pages call a CDN
        redoc_url=None,
    )
    app.include_router(api.router(shelf))
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    _add_choices(app)
    _add_errors(app)
    for part in (runs, start, one):
        part.add(shelf)
    _add_programs(app)
    ui.add_head_html('<link rel="stylesheet" href="/static/page.css">', shared=True)
    ui.add_head_html('<script defer src="/static/map.js"></script>', shared=True)
    ui.run_with(
        app,
        title="Obriy",
        favicon=_ICON,
        dark=None,
        tailwind=False,
        show_welcome_message=False,
        binding_refresh_interval=None,
    )
    return Guard(app, token, basemap)


def _add_choices(app: FastAPI) -> None:
    """Let readers choose a language, and dark or light."""

    def chosen(request: Request, cookie: str, value: str) -> RedirectResponse:
        before = urlsplit(request.headers.get("referer", ""))
        ours = before.netloc == request.headers.get("host") and not before.path.startswith("//")
        back = f"{before.path}?{before.query}".rstrip("?") if ours else "/"
        answer = RedirectResponse(back or "/", 303)
        answer.set_cookie(cookie, value, max_age=_YEAR_S, samesite="strict", httponly=True)
        return answer

    @app.get("/lang/{lang}", include_in_schema=False)
    def lang(request: Request, lang: str) -> RedirectResponse:
        return chosen(request, LANG_COOKIE, lang if lang in languages() else "en")

    @app.get("/look/{look}", include_in_schema=False)
    def look(request: Request, look: str) -> RedirectResponse:
        return chosen(request, LOOK_COOKIE, look if look in LOOKS else "auto")


def _add_errors(app: FastAPI) -> None:
    """Answer what goes wrong in words without paths; the log of the server has all of it."""

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        said = [{"loc": e["loc"], "msg": e["msg"], "type": e["type"]} for e in error.errors()]
        return JSONResponse({"detail": said}, 422)

    def broken(request: Request, error: Exception) -> Any:
        log.error("while answering %s", request.url.path, exc_info=error)
        words = Reader.of(request).words
        if request.url.path.startswith("/api"):
            return JSONResponse({"detail": words("error")}, 500)
        back = f'<a href="/">{words("to_runs")}</a>'
        return HTMLResponse(_BROKEN.format(lang=words.lang, said=words("error"), back=back), 500)

    app.add_exception_handler(Exception, broken)
    pages.add_exception_handler(Exception, broken)


def _add_programs(app: FastAPI) -> None:
    """Show what programs may ask, from the same description that they read."""
    from obriy.web.pages import programs

    programs.add(app)
