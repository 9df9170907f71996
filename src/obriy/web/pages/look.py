"""The map of runs: layers, dates, opacity, a second side to swipe to, what a place says."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, Final

from nicegui import events, run, ui

from obriy.errors import ObriyError
from obriy.model.result.base import RunResult
from obriy.web import rasters
from obriy.web.pages import legend
from obriy.web.pages.clusters import Clusters
from obriy.web.pages.frame import Reader, api_url, card
from obriy.web.pages.here import Here
from obriy.web.rasters import Raster
from obriy.web.shelf import Shelf, ShelfRun

_NONE = ""
_UNSEEN = "unseen"
_DIMMED = 35
"""Per cent of its opacity that the map keeps beneath a cluster that is pointed at."""

_CLICKED: Final = {
    "radius": 6, "color": "#ffffff", "weight": 3, "fillColor": "#c0174c", "fillOpacity": 1,
    "pane": "markerPane", "interactive": False, "className": "ob-clicked",
}  # fmt: skip
"""How a place that was clicked is marked: above outlines, and the next click goes through it."""

_AT_ONCE: Final = {"animate": False}
"""A map that still glides to where it is first shown would be clicked beside what is meant."""


@dataclasses.dataclass
class Side:
    """One side of the map: which run, of which date, which layer.

    Attributes:
        run: The run; None: nothing is shown.
        maps: Its maps.
        date: Which of its dates; empty: of all.
        output: Which of its layers; empty: none.
        shown: What stands on the map.
    """

    run: ShelfRun | None = None
    maps: Sequence[Raster] = ()
    date: str = ""
    output: str = ""
    shown: list[Any] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, run: ShelfRun | None) -> "Side":
        """Return the first map of a run."""
        maps = [] if run is None else rasters.rasters(run)
        if run is None or not maps:
            return cls(run)
        date = _best_seen(run.result(), [one.date for one in maps])
        first = next(one for one in maps if one.date == date)
        return cls(run, [*maps, *rasters.pictures(run)], date, first.output)

    @property
    def dates(self) -> list[str]:
        """The dates that have maps."""
        return list(dict.fromkeys(one.date for one in self.maps))

    @property
    def raster(self) -> Raster | None:
        """What is to be shown."""
        return next((m for m in self.of_date() if m.output == self.output), None)

    def of_date(self) -> list[Raster]:
        """Return the maps of the date."""
        return [one for one in self.maps if one.date == self.date]

    def unseen(self) -> Raster | None:
        """Return the map of what was not seen on the date, that lies beneath another of the run."""
        over = self.raster
        if over is None or over.layer.name in (_UNSEEN, *rasters.PICTURES):
            return None
        return next((one for one in self.of_date() if one.layer.name == _UNSEEN), None)

    def written(self) -> list[Raster]:
        """Return the maps of the date, and of all dates, that the run wrote."""
        own = [one for one in self.maps if one.layer.name not in rasters.PICTURES]
        return [one for one in own if one.date in (self.date, "")]

    def to_date(self, date: str) -> None:
        """Look at another date: at the same layer, where it has that."""
        self.date = date
        there = [one.output for one in self.of_date()]
        if self.output and self.output not in there:
            self.output = there[0] if there else ""


def _best_seen(result: RunResult | None, dates: Sequence[str]) -> str:
    """Return the date of which most was seen: of a cloudy one there is little to look at."""
    rows = [row for row in getattr(result, "dates", []) if (row.date or "") in dates]
    seen = [row for row in rows if getattr(row, "unseen_share", None) is not None]
    return (min(seen, key=lambda row: row.unseen_share).date or "") if seen else dates[0]


class MapView:
    """The map, with its controls beside it.

    Args:
        shelf: The runs.
        reader: Who looks.
        left: What is shown.
        right: What may be swiped to.
        compared: Whether the right side is shown at once.
    """

    def __init__(
        self, shelf: Shelf, reader: Reader, left: ShelfRun, right: ShelfRun, *, compared: bool
    ) -> None:
        self.shelf, self.reader, self.words = shelf, reader, reader.words
        self.left, self.right = Side.of(left), Side.of(right)
        if not compared:
            self.right.output = _NONE
        self.opacity, self.share = 100, 50
        self.compared, self.pointed = compared, None
        self.clicked: Any = None
        self.base: Any = None

    def build(self) -> None:
        """Show it."""
        words = self.words
        if not self.left.maps:
            ui.label(words("no_map"))
            return
        if not rasters.has_place(self.left.maps[0].file):
            ui.label(words("no_place")).classes("ob-soft")
        named = bool(getattr(self.left.run.result(), "clusters", ())) if self.left.run else False
        with ui.element("div").classes("ob-see ob-wide" if named else "ob-see"):
            options = {
                "maxZoom": rasters.DEEPEST, "attributionControl": False,
                "zoomSnap": 0.25,  # what is shown first fills the frame
            }  # fmt: skip
            self.board = ui.leaflet(center=self._centre(), zoom=13, options=options)
            self.board.classes("ob-map").props(f'role="region" aria-label="{words("map")}"')
            self.board.clear_layers()
            self.board.on("map-click", self._clicked)
            ui.on("obriy-shape", self._clicked)
            self.board.on("init", self._ready)
            with ui.element("div").style("display:grid;gap:1rem"):
                self._controls()

    def _centre(self) -> tuple[float, float]:
        west, south, east, north = rasters.bounds(self.left.maps[0].file)
        return (south + north) / 2, (west + east) / 2

    def _ready(self) -> None:
        west, south, east, north = rasters.bounds(self.left.maps[0].file)
        self.board.run_map_method("fitBounds", [[south, west], [north, east]], _AT_ONCE)
        ui.run_javascript(f"obriyScale({self.board.id})")
        self._show(self.left, "overlayPane")
        self._show_right()
        self._outline(True)

    def _controls(self) -> None:
        words = self.words
        with card():
            self.choices = ui.element("div").style("display:grid;gap:.5rem")
            self._choose_again()
            ui.label(words("opacity")).classes("ob-soft")
            slider = ui.slider(min=0, max=100, step=5, value=self.opacity)
            slider.props(f'label aria-label="{words("opacity")}"')
            slider.on_value_change(lambda e: self._fade(int(e.value)))
            box = ui.checkbox(words("outlines"), value=True).props("dense")
            box.on_value_change(lambda e: self._outline(bool(e.value)))
            if self.shelf.basemap:
                under = ui.checkbox(words("basemap"), value=False).props("dense")
                under.on_value_change(lambda e: self._basemap(bool(e.value)))
        with card(words("legend")):
            self.legend = ui.element("div").style("display:grid;gap:.6rem")
            self._legend_again()
        assert self.left.run is not None  # without one there is no map
        self.here = Here(self.reader, self.left.run, self.shelf.places.without_paths)
        self.here.build()
        if not self.compared:
            Clusters(self.shelf, self.reader, self.left.run, self._point).build()

    def _choose_again(self) -> None:
        """Show what can be chosen: it depends on what is chosen."""
        words = self.words
        self.choices.clear()
        with self.choices:
            self._dates(self.left)
            self._layers(self.left, words("layer"), none=False)
            ui.separator()
            runs = [r.name for r in self.shelf.runs() if rasters.rasters(r)]
            other = self.right.run.name if self.right.run is not None else None
            self._layers(self.right, words("other_side"), none=True)
            if self.right.output:
                if len(runs) > 1:
                    ui.select(
                        runs, label=words("run"), value=other,
                        on_change=lambda e: self._other_run(str(e.value)),
                    ).props("outlined dense")  # fmt: skip
                self._dates(self.right)
                ui.label(words("swipe")).classes("ob-soft")
                slider = ui.slider(min=0, max=100, step=1, value=self.share)
                slider.props(f'label aria-label="{words("swipe")}"')
                slider.on_value_change(lambda e: self._swipe(int(e.value)))

    def _dates(self, side: Side) -> None:
        dates, words = side.dates, self.words
        if len(dates) < 2:
            return
        names = {date: date.replace("/", " – ") or words("undated") for date in dates}
        ui.select(
            names, label=words("date"), value=side.date,
            on_change=lambda e: self._to_date(side, str(e.value)),
        ).props("outlined dense")  # fmt: skip
        dated = [date for date in dates if date]
        if len(dated) > 1:
            at = dated.index(side.date) if side.date in dated else len(dated) - 1
            slider = ui.slider(min=0, max=len(dated) - 1, step=1, value=at)
            slider.props(f'markers snap aria-label="{words("date")}"')
            slider.on("change", lambda e: self._to_date(side, dated[int(e.args)]))

    def _layers(self, side: Side, label: str, *, none: bool) -> None:
        names = {one.output: one.called(self.reader.lang) for one in side.of_date()}
        if none:
            names = {_NONE: self.words("nothing_shown"), **names}
        ui.select(
            names, label=label, value=side.output if side.output in names else _NONE,
            on_change=lambda e: self._to_layer(side, str(e.value)),
        ).props("outlined dense")  # fmt: skip

    async def _to_date(self, side: Side, date: str) -> None:
        if date != side.date:
            side.to_date(date)
            await self._make(side)
            self._changed()

    async def _to_layer(self, side: Side, output: str) -> None:
        side.output = output
        await self._make(side)
        self._changed()

    async def _make(self, side: Side) -> None:
        """Make the picture of the image, where it is looked at for the first time."""
        raster = side.raster
        if raster is None or side.run is None or raster.layer.name not in rasters.PICTURES:
            return
        try:
            await run.io_bound(rasters.made, side.run, raster)
        except ObriyError as error:
            side.output = ""
            ui.notify(self.shelf.places.without_paths(str(error)), type="negative")

    def _other_run(self, name: str) -> None:
        self.right = dataclasses.replace(Side.of(self.shelf.run(name)), shown=self.right.shown)
        self._changed()

    def _changed(self) -> None:
        self._show(self.left, "overlayPane")
        self._show_right()
        self._choose_again()
        self._legend_again()

    def _show_right(self) -> None:
        share = self.share / 100 if self.right.output else 1
        ui.run_javascript(f"obriySwipe({self.board.id}, {share})")
        self._show(self.right, "right")

    def _show(self, side: Side, pane: str) -> None:
        """Put the map of a side where it is seen, in place of what was there."""
        before, side.shown = side.shown, []
        for height, raster in enumerate((side.unseen(), side.raster), 1):
            if raster is None or side.run is None:
                continue
            look = "" if raster is side.raster else "ob-unseen"
            where = "tilePane" if pane == "overlayPane" else pane
            side.shown.append(self._tiles(side.run, raster, look, height, pane=where))
        for layer in before:
            self.board.remove_layer(layer)

    def _tiles(
        self, run: ShelfRun, raster: Raster, look: str, height: int, *, pane: str = "tilePane",
        **asked: str,
    ) -> Any:  # fmt: skip
        """Lay a map over what there is; return what stands on the board."""
        url = api_url(run.name, "tiles", map=raster.place, v=raster.version, **asked)
        path, _, query = url.partition("?")
        options = {
            "maxZoom": rasters.DEEPEST, "opacity": self.opacity / 100, "zIndex": height,
            "pane": pane, "className": f"ob-tiles {look}".rstrip(),
        }  # fmt: skip
        return self.board.tile_layer(
            url_template=f"{path}/{{z}}/{{x}}/{{y}}.png?{query}", options=options
        )

    def _fade(self, opacity: int) -> None:
        self.opacity = opacity
        for side in (self.left, self.right):
            for layer in side.shown:
                self.board.run_layer_method(layer.id, "setOpacity", opacity / 100)

    def _swipe(self, share: int) -> None:
        self.share = share
        ui.run_javascript(f"obriySwipe({self.board.id}, {share / 100})")

    def _legend_again(self) -> None:
        self.legend.clear()
        with self.legend:
            for side in (self.left, self.right):
                raster = side.raster
                if raster is None or side.run is None:
                    continue
                ui.label(self._title(side, raster)).style("font-weight:600")
                if raster.layer.name not in rasters.PICTURES:
                    told = legend.areas_of(side.run.result(), side.date, self.reader)
                    legend.classes(raster, self.reader, told)
                if side.unseen() is not None:
                    legend.unseen(side.run.result(), side.date, self.reader)
            if self.left.run is not None:
                legend.outlines(self.left.run, self.reader)

    def _title(self, side: Side, raster: Raster) -> str:
        """Return what a map is called; with its run and date where there are two."""
        title = raster.called(self.reader.lang)
        if not self.right.output or side.run is None:
            return title
        same = self.left.run == self.right.run
        of = [*([] if same else [side.run.name]), *([side.date] if side.date else [])]
        return " · ".join([title, *of])

    async def _clicked(self, event: events.GenericEventArguments) -> None:
        """Say what is known of a place that was clicked, and of the outline around it."""
        told: Any = event.args
        place, shape = told["latlng"], None
        if "kind" in told:
            shape = str(told["kind"]), str(told["name"])
        self._mark(place)
        lon, lat = (float(place["lng"]) + 180) % 360 - 180, float(place["lat"])
        sides = []
        for side in (self.left, self.right):
            if side.run is not None and (side is self.left or side.output):
                title = f"{side.run.name} {side.date}" if self.right.output else ""
                sides.append((title, side.written()))
        placed = rasters.has_place(self.left.maps[0].file)
        await self.here.show(lon, lat, sides, placed=placed, date=self.left.date, shape=shape)

    def _mark(self, place: Any) -> None:
        """Mark the place that was clicked, in place of the one before."""
        if self.clicked is not None:
            self.board.remove_layer(self.clicked)
        self.clicked = self.board.generic_layer(name="circleMarker", args=[place, _CLICKED])

    def _outline(self, on: bool) -> None:
        if not on or self.left.run is None:
            ui.run_javascript(f"obriyNoShapes({self.board.id})")
            return
        url = api_url(self.left.run.name, "outlines")
        ui.run_javascript(f"obriyShapes({self.board.id}, {json.dumps(url)})")

    def _point(self, number: int | None) -> None:
        """Show where a cluster is, above all else; None: none of them."""
        if self.pointed is not None:
            self.board.remove_layer(self.pointed)
            self.pointed = None
        shade = 100 if number is None else _DIMMED
        for layer in self.left.shown:
            self.board.run_layer_method(layer.id, "setOpacity", self.opacity * shade / 10_000)
        found = [one for one in self.left.of_date() if one.layer.name == "clusters"]
        if number is not None and found and self.left.run is not None:
            self.pointed = self._tiles(self.left.run, found[0], "ob-only", 9, only=str(number))
            ui.run_javascript(
                f"getElement({self.board.id}).$el.scrollIntoView({{block: 'nearest'}})"
            )

    def _basemap(self, on: bool) -> None:
        if on and self.base is None:
            options = {"maxZoom": rasters.DEEPEST, "zIndex": 0}
            self.base = self.board.tile_layer(url_template=self.shelf.basemap, options=options)
        elif not on and self.base is not None:
            self.board.remove_layer(self.base)
            self.base = None
