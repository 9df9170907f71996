"""What is known of a place on the map: what each layer says there, the district, the body."""

from collections.abc import Sequence
from typing import Any

from nicegui import events, run, ui

from obriy.render.text import text_of
from obriy.web import rasters, shapes
from obriy.web.pages import figures
from obriy.web.pages.frame import Reader, card, heading, swatch
from obriy.web.rasters import Raster, Said
from obriy.web.shelf import ShelfRun


class Here:
    """The card that says what was clicked.

    Args:
        reader: Who looks.
        run: Whose districts and bodies are clicked.
    """

    def __init__(self, reader: Reader, run: ShelfRun) -> None:
        self.reader, self.words, self.run = reader, reader.words, run

    def build(self) -> None:
        """Show the card, with nothing clicked yet."""
        with card(self.words("here")):
            self.place = ui.element("div").props('role="status" aria-live="polite"')
            with self.place:
                ui.label(self.words("click")).classes("ob-soft")
            self.shape = ui.element("div").classes("ob-panel")
        ui.on("obriy-shape", self._shape)

    async def show(
        self, lon: float, lat: float, sides: Sequence[tuple[str, Sequence[Raster]]], *, placed: bool
    ) -> None:
        """Say what maps tell of a place.

        Args:
            lon: Of the place, degrees.
            lat: Likewise.
            sides: Maps by what they are of; empty words where there is but one side.
            placed: Whether the place is one on the Earth.
        """
        self.place.clear()
        self.shape.clear()
        if placed:
            north, east = ("N" if lat >= 0 else "S"), ("E" if lon >= 0 else "W")
            with self.place:
                where = f"{abs(lat):.5f}° {north}, {abs(lon):.5f}° {east}"
                ui.label(where).classes("ob-soft")
        for title, maps in sides:
            said = await run.io_bound(rasters.at, maps, lon, lat, self.reader.lang)
            with self.place:
                self._said(title, said or [])

    def _said(self, title: str, said: Sequence[Said]) -> None:
        if title:
            ui.label(title).style("font-weight:600")
        if not said:
            ui.label(self.words("outside"))
        for one in said:
            with ui.element("div").classes("ob-row").style("flex-wrap:nowrap;align-items:start"):
                ui.label(one.title).classes("ob-soft ob-grow").style("flex-basis:8rem")
                with ui.element("span").classes("ob-row").style("flex-wrap:nowrap;gap:.4rem"):
                    if one.colour:
                        swatch(one.colour)
                    ui.label(one.value).style("font-weight:600")

    async def _shape(self, event: events.GenericEventArguments) -> None:
        """Say what is known of a district or a body that was clicked."""
        told: Any = event.args
        kind, name = str(told.get("kind")), str(told.get("name"))
        text = text_of(self.reader.lang)
        found = await run.io_bound(
            shapes.known, self.run, "district" if kind == "district" else "body", name, text
        )
        if found is None:
            return
        self.shape.clear()
        with self.shape:
            ui.separator()
            heading(found.title, 3)
            for fact, value in found.facts:
                with ui.element("div").classes("ob-row").style("flex-wrap:nowrap"):
                    ui.label(fact).classes("ob-soft ob-grow").style("flex-basis:6rem")
                    ui.label(value).style("font-weight:600;white-space:nowrap")
            if len(found.dates) > 1:
                figures.series_chart({"": found.dates}, self.reader)
