"""What is known of a place on the map: layers, spectrum, votes, dates; the district, the body."""

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import run, ui

from obriy.errors import ObriyError
from obriy.render.text import Text, text_of
from obriy.web import rasters, shapes, spot
from obriy.web.pages import charts
from obriy.web.pages.clusters import votes_of
from obriy.web.pages.figures import legend_of
from obriy.web.pages.frame import Reader, card, heading, swatch
from obriy.web.rasters import Raster, Said
from obriy.web.shelf import ShelfRun


def in_degrees(lon: float, lat: float, text: Text) -> str:
    """Return a place in degrees, as the map of a report writes it under the pointer."""
    north, east = ("south" if lat < 0 else "north"), ("west" if lon < 0 else "east")
    return ", ".join(
        f"{text.number(abs(value), 5)}° {text(f'moving.{side}')}"
        for value, side in ((lat, north), (lon, east))
    )


class Here:
    """The card that says what was clicked.

    Args:
        reader: Who looks.
        run: Whose images, districts and bodies are clicked.
        without_paths: Takes the folders of this machine out of a message.
    """

    def __init__(self, reader: Reader, run: ShelfRun, without_paths: Callable[[str], str]) -> None:
        self.reader, self.words, self.run = reader, reader.words, run
        self.without_paths = without_paths
        self.clicks = 0

    def build(self) -> None:
        """Show the card, with nothing clicked yet."""
        with card(self.words("here")) as self.section:
            self.place = ui.element("div").props('role="status" aria-live="polite"')
            with self.place:
                ui.label(self.words("click")).classes("ob-soft")
            self.shape = ui.element("div").classes("ob-facts")
            self.more = ui.element("div").classes("ob-facts")

    async def show(
        self,
        lon: float,
        lat: float,
        sides: Sequence[tuple[str, Sequence[Raster]]],
        *,
        placed: bool,
        date: str,
        shape: tuple[str, str] | None = None,
    ) -> None:
        """Say what maps tell of a place, then what the image measured there.

        Args:
            lon: Of the place, degrees.
            lat: Likewise.
            sides: Maps by what they are of; empty words where there is but one side.
            placed: Whether the place is one on the Earth.
            date: Of the image.
            shape: ``district`` or ``body``, and the name of the outline that was clicked.
        """
        self.clicks += 1
        click = self.clicks
        for part in (self.place, self.more, self.shape):
            part.clear()
        if placed:
            with self.place:
                ui.label(in_degrees(lon, lat, text_of(self.reader.lang))).classes("ob-soft")
        if shape is not None:
            await self._shape(click, *shape)
        inside = False
        for title, maps in sides:
            said = await run.io_bound(rasters.at, maps, lon, lat, self.reader.lang)
            if self._is_past(click):
                return
            inside = inside or bool(said)
            with self.place:
                self._said(title, said or [])
        ui.run_javascript(f"obriySee({self.section.id})")
        if inside:
            await self._deeper(click, lon, lat, date)

    async def _deeper(self, click: int, lon: float, lat: float, date: str) -> None:
        """Show what takes longer."""
        with self.more:
            ui.spinner()
        row = await run.io_bound(spot.cluster_at, self.run, lon, lat)
        through = await run.io_bound(spot.through_time, self.run, lon, lat, self.reader.lang)
        why, spectrum = "", None
        try:
            spectrum = await run.io_bound(spot.spectrum_of, self.run, date, lon, lat)
        except ObriyError as error:
            why = self.words("spectrum_away", why=self.without_paths(str(error)))
        if self._is_past(click):
            return
        self.more.clear()
        result = self.run.result()
        with self.more:
            if row is not None and result is not None:
                heading(self.words("asked_names"), 3)
                for said in votes_of(row, legend_of(result), self.reader.lang):
                    ui.label(said).style("overflow-wrap:anywhere")
            if through is not None and len(through.classes) > 1:
                heading(self.words("through_time_here"), 3)
                charts.spot_chart(through, self.reader)
            self._spectrum(spectrum, why)

    def _spectrum(self, spectrum: Any, why: str) -> None:
        """Show bands and indices, or why there are none."""
        if why:
            ui.label(why).classes("ob-soft").style("overflow-wrap:anywhere")
        if spectrum is None:
            return
        heading(self.words("spectrum"), 3)
        charts.spectrum_chart(spectrum, self.reader)
        text = text_of(self.reader.lang)
        if spectrum.indices:
            ui.label(self.words("indices")).classes("ob-soft")
            with ui.element("div").classes("ob-indices"):
                for name, value in spectrum.indices:
                    with ui.element("div"):
                        ui.label(name).classes("ob-soft")
                        ui.label(text.number(value, 3))

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

    def _is_past(self, click: int) -> bool:
        """Say whether nobody asks for the place any more: another was clicked, or the page left."""
        return click != self.clicks or self.section.is_deleted

    async def _shape(self, click: int, kind: str, name: str) -> None:
        """Say what is known of a district or a body that was clicked."""
        text = text_of(self.reader.lang)
        found = await run.io_bound(
            shapes.known, self.run, "district" if kind == "district" else "body", name, text
        )
        if found is None or self._is_past(click):
            return
        with self.shape:
            ui.separator()
            heading(found.title, 3)
            for fact, value in found.facts:
                with ui.element("div").classes("ob-row").style("flex-wrap:nowrap"):
                    ui.label(fact).classes("ob-soft ob-grow").style("flex-basis:6rem")
                    ui.label(value).style("font-weight:600;white-space:nowrap")
            if len(found.dates) > 1:
                charts.series_chart({"": found.dates}, self.reader, hectares=found.hectares)
            if found.note:
                ui.label(found.note).classes("ob-soft")
