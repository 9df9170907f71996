"""Starting a run: the job, its images, its district, its options; the plan before it."""

import base64
import json
import tempfile
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from nicegui import events, run, ui

from obriy.errors import ObriyError
from obriy.tables import load_toml
from obriy.web import rasters
from obriy.web.guard import LARGEST_UPLOAD
from obriy.web.pages import plan as plans
from obriy.web.pages.fields import Form, kept
from obriy.web.pages.frame import Reader, button, card, frame, heading, run_url, told
from obriy.web.shelf import Shelf
from obriy.web.uploads import KNOWN, keep
from obriy.workflows.config.reading import ReadingConfig
from obriy.workflows.jobs import JOBS, plan_job
from obriy.workflows.picture import last_picture

_UNDER_PX: Final = 1200
"""Longest side of the image that districts are drawn over."""
_FIRST_JOB: Final = "water"
_DRAWN: Final = {
    "polygon": True, "rectangle": True, "polyline": False, "circle": False,
    "marker": False, "circlemarker": False,
}  # fmt: skip


def add(shelf: Shelf) -> None:
    """Make the page that starts runs."""

    @ui.page("/new")
    def page(request: Request, job: str = _FIRST_JOB) -> None:
        reader = Reader.of(request)
        with frame(reader, reader.words("new"), "new"):
            _Start(shelf, reader, job if job in JOBS else _FIRST_JOB).build()


class _Start:
    """The form, and what it starts."""

    def __init__(self, shelf: Shelf, reader: Reader, job: str) -> None:
        self.shelf, self.reader, self.words, self.job = shelf, reader, reader.words, job

    def build(self) -> None:
        words = self.words
        heading(words("new"))
        with card():
            names = {name: words.of("jobs", name) for name in JOBS}
            ui.select(
                names, label=words("job"), value=self.job,
                on_change=lambda e: ui.navigate.to(f"/new?job={e.value}"),
            ).props("outlined")  # fmt: skip
            self.form = Form(
                self.shelf, self.reader, JOBS[self.job].config, self._upload, self._draw
            )
            self.form.build()
            self.name = ui.input(words("run_name"), placeholder=words("run_name_says"))
            self.name.props("outlined dense stack-label maxlength=80")
        with ui.element("div").classes("ob-row"):
            button(words("start"), self._start, icon="play_arrow")
            if JOBS[self.job].plan is not None:
                button(words("plan"), self._plan, look="line")
        self.planned = ui.element("div")

    def _config(self) -> Any:
        values = {"lang": self.reader.lang, **self.form.values()}
        return self.shelf.places.config(JOBS[self.job].config, values)

    def _start(self) -> None:
        begun = told(
            self.shelf.places,
            lambda: self.shelf.start(self._config(), (self.name.value or "").strip()),
        )
        if begun is not None:
            ui.navigate.to(run_url(begun.name))

    async def _plan(self) -> None:
        config = told(self.shelf.places, self._config)
        if config is None:
            return
        self.planned.clear()
        with self.planned:
            ui.spinner()
        try:
            plan = await run.io_bound(plan_job, config)
        except ObriyError as error:
            plan = {"error": self.shelf.places.without_paths(str(error))}
        if self.planned.is_deleted:  # nobody looks any more
            return
        self.planned.clear()
        with self.planned:
            plans.build(plan or {}, config.title(), self.reader)

    def _upload(self, form: Form, name: str) -> None:
        words = self.words
        with ui.dialog() as dialog, ui.card():
            heading(f"{words('upload')}: {words.of('options', name)}", 2)
            ui.label(words("upload_says")).classes("ob-soft")

            async def taken(event: events.UploadEventArguments) -> None:
                found = await kept(self.shelf, self.reader, event)
                if found is not None:
                    form.set(name, found)
                    dialog.close()

            ui.upload(on_upload=taken, auto_upload=True, max_file_size=LARGEST_UPLOAD).props(
                f'accept="{",".join(KNOWN)}" flat bordered'
            )
            button(words("close"), dialog.close, look="bare")
        dialog.open()

    async def _draw(self, form: Form, name: str) -> None:
        shapes: list[dict[str, Any]] = []
        words = self.words
        with ui.dialog().props("maximized") as dialog, ui.card().classes("w-full"):
            heading(words("draw"), 2)
            ui.label(words("draw_says")).classes("ob-soft")
            options = {
                "maxZoom": rasters.DEEPEST, "attributionControl": False, "zoomSnap": 0.25,
            }  # fmt: skip
            board = ui.leaflet(
                center=(48.5, 32.0), zoom=6, options=options,
                draw_control={"draw": _DRAWN, "edit": {"edit": False, "remove": False}},
            ).classes("ob-map")  # fmt: skip
            board.clear_layers()
            beneath = ui.label("").classes("ob-soft").props('role="status"')
            said = ui.label("").props('role="status"')

            def drawn(event: events.GenericEventArguments) -> None:
                shapes.append(event.args["layer"])
                said.set_text(words("drawn", count=len(shapes)))

            def done() -> None:
                dialog.close()
                if shapes:
                    self._keep_drawn(form, name, shapes)

            board.on("draw:created", drawn)
            with ui.element("div").classes("ob-row"):
                button(words("close"), dialog.close, look="bare")
                button(words("apply"), done)
        dialog.open()
        await board.initialized()
        await self._beneath(board, beneath)

    async def _beneath(self, board: Any, said: ui.label) -> None:
        """Show where districts with names lie, and the last image of the source, if it has one."""
        for area in load_toml("areas").values():
            west, south, east, north = area["bbox"]
            look = {"color": "#7a5c99", "weight": 1, "fill": False}
            board.generic_layer(name="rectangle", args=[[[south, west], [north, east]], look])
        said.set_text(self.words("draw_loading"))
        try:
            shown = await run.io_bound(self._picture)
        except ObriyError:  # nothing chosen, or nothing that lies on the Earth
            shown = None
        if said.is_deleted:
            return
        if shown is None:
            said.set_text(self.words("draw_blind"))
            return
        name, address, (west, south, east, north) = shown
        box = [[south, west], [north, east]]
        board.generic_layer(name="imageOverlay", args=[address, box])
        board.run_map_method("fitBounds", box, {"animate": False})  # it is drawn upon at once
        said.set_text(self.words("draw_image", name=name))

    def _picture(self) -> tuple[str, str, tuple[float, float, float, float]] | None:
        """Return name, address and place of the last image; None: it lies nowhere on the Earth.

        Raises:
            ObriyError: no source is chosen, or it cannot be read.
        """
        values = {k: v for k, v in self.form.values().items() if k != "aoi"}
        config = self.shelf.places.config(JOBS[self.job].config, values)
        if not isinstance(config, ReadingConfig):
            return None
        with tempfile.TemporaryDirectory(dir=self.shelf.desk) as place:
            file = Path(place, "picture.tif")
            date = last_picture(config, file)
            if not rasters.has_place(file):
                return None
            image, box = rasters.overlay(file, _UNDER_PX)
        address = f"data:image/png;base64,{base64.b64encode(image).decode()}"
        source = self.form.inputs[self.form.kind.argument()].value
        when = self.words("last_image", date=date) if date else ""
        return ", ".join(filter(None, [str(source), when])), address, box

    def _keep_drawn(self, form: Form, name: str, shapes: list[dict[str, Any]]) -> None:
        import io

        called = self.words("district")  # a number alone would stand in tables as one more figure
        features = [
            {
                "type": "Feature",
                "properties": {"name": f"{called} {number}"},
                "geometry": _polygon(shape),
            }
            for number, shape in enumerate(shapes, 1)
        ]
        text = json.dumps({"type": "FeatureCollection", "features": features})

        def act() -> str:
            found = keep(self.shelf.uploads, "drawn.geojson", io.BytesIO(text.encode()))
            return self.shelf.places.name_of(found)

        kept_as = told(self.shelf.places, act)
        if kept_as is not None:
            form.set(name, kept_as)


def _polygon(shape: dict[str, Any]) -> dict[str, Any]:
    """Return what Leaflet drew as GeoJSON."""
    (ring, *_) = shape["_latlngs"]
    corners = [[float(corner["lng"]), float(corner["lat"])] for corner in ring]
    return {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
