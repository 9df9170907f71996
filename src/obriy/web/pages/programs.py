"""What programs may ask of the page, from the description that they read."""

from fastapi import FastAPI, Request
from nicegui import ui

from obriy.outputs.report.cells import Table
from obriy.web.pages.frame import Reader, card, frame, heading, table


def add(app: FastAPI) -> None:
    """Make the page of the interface for programs."""

    @ui.page("/api")
    def page(request: Request) -> None:
        reader = Reader.of(request)
        with frame(reader, reader.words("api"), "api"):
            heading(reader.words("api"))
            ui.link("openapi.json", "/api/openapi.json")
            rows = [
                [method.upper(), path, about.get("description", about.get("summary", ""))]
                for path, methods in app.openapi()["paths"].items()
                for method, about in methods.items()
            ]
            with card():
                header = [reader.words(name) for name in ("how", "where", "what")]
                table(Table(header, [False] * 3, rows), reader.words("api"))
