"""One run: how far it is; its map, figures, record, files, report; two beside each other."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import unquote

from fastapi import Request
from nicegui import ui

from obriy.web.pages import charts, figures, record
from obriy.web.pages.frame import (
    Reader,
    api_url,
    button,
    card,
    frame,
    heading,
    icon_button,
    listing,
    run_url,
    state_chip,
    told,
)
from obriy.web.pages.look import MapView
from obriy.web.pages.runs import ask_name, delete
from obriy.web.shelf import Shelf, ShelfRun

LOOK_S: Final = 1.0
TABS: Final = ("map", "figures", "record", "files", "report")
_MOST_STEPS: Final = 200


def add(shelf: Shelf) -> None:
    """Make the pages of one run and of two."""

    @ui.page("/runs/{name}")
    def page(request: Request, name: str, tab: str = "map") -> None:
        reader = Reader.of(request)
        with frame(reader, unquote(name)):
            run = shelf.run(name)
            if run is None:
                _missing(reader, name)
            else:
                _One(shelf, reader, run, tab if tab in TABS else "map").build()

    @ui.page("/compare")
    def compare(request: Request, a: str = "", b: str = "") -> None:
        reader = Reader.of(request)
        words = reader.words
        with frame(reader, words("comparing")):
            first, second = shelf.run(a), shelf.run(b)
            heading(words("comparing"))
            if first is None or second is None:
                ui.label(words("compare_two"))
                ui.link(words("to_runs"), "/")
                return
            _compare(shelf, reader, first, second)


def _missing(reader: Reader, name: str) -> None:
    heading(reader.words("missing", name=name[:100]))
    ui.link(reader.words("to_runs"), "/")


def _compare(shelf: Shelf, reader: Reader, first: ShelfRun, second: ShelfRun) -> None:
    with ui.element("div").classes("ob-two"):
        for run in (first, second):
            result = run.result()
            if result is not None:
                figures.headline(result, reader, run.name)
    MapView(shelf, reader, first, second, compared=True).build()
    series: dict[str, Sequence[Any]] = {}
    for run in (first, second):
        dates = [row for row in getattr(run.result(), "dates", []) if row.date]
        if len(dates) > 1 and hasattr(dates[0], "expected_km2"):
            series[run.name] = dates
    if series:
        with card(reader.words("through_time")):
            charts.series_chart(series, reader)


class _One:
    """One run, which is looked at again while it is at work."""

    def __init__(self, shelf: Shelf, reader: Reader, run: ShelfRun, tab: str) -> None:
        self.shelf, self.reader, self.words = shelf, reader, reader.words
        self.run, self.tab = run, tab
        self.shown: Any = None

    def build(self) -> None:
        with ui.element("div").classes("ob-row"):
            with ui.element("div").classes("ob-grow"):
                heading(self.run.name)
                job = self.words.of("jobs", str(self.run.config().get("job", "")))
                ui.label(job).classes("ob-soft")
            self.actions = ui.element("div").classes("ob-row")
        self.place = ui.element("div").classes("ob-panel")
        self._look()
        self.timer = ui.timer(LOOK_S, self._look)

    def _look(self) -> None:
        """Show the run again where it is another than before."""
        state = self.run.state()
        stages = self.run.work.stages() if state == "running" else []
        steps = self.run.steps() if state != "done" else []
        now = (state, stages, len(steps), self.run.changed() if state != "running" else 0)
        if now == self.shown:
            return
        before = self.shown
        self.shown = now
        if before is None or before[0] != state:
            self._act(state)
        if before is not None and state == "running" == before[0]:
            self._progress_again(stages, steps)
            return
        self.place.clear()
        with self.place:
            self._body(state, stages, steps)

    def _act(self, state: str) -> None:
        """Show what can be done with it now."""
        words = self.words
        self.actions.clear()
        with self.actions:
            state_chip(words, state)
            if state == "running":
                button(words("cancel"), self._cancel, icon="stop", look="line")
                return
            if state in ("failed", "cancelled", "stopped", "partial"):
                button(words("resume"), self._resume, icon="play_arrow")
            with icon_button("more_vert", words("more")), ui.menu():
                ui.menu_item(words("rename"), on_click=self._rename)
                ui.menu_item(words("delete"), on_click=self._delete)

    def _body(self, state: str, stages: Any, steps: list[str]) -> None:
        result = self.run.result()
        if state == "running":
            with card(self.words("working")):
                self.progress = ui.element("div").style("display:grid;gap:.6rem")
                self.progress.props('role="status" aria-live="polite"')
            self._progress_again(stages, steps)
            return
        if state in ("cancelled", "stopped"):
            ui.label(self.words(state)).classes("ob-note")
        if state == "failed" or (state == "partial" and self.run.work.error()):
            with card(self.words("failed")):
                said = self.shelf.places.without_paths(self.run.work.error())
                ui.label(said).classes("ob-bad").props('role="alert"')
        if state == "partial":
            ui.label(self.words("partial")).classes("ob-note")
        if result is None:
            if steps:
                with card(self.words("steps")):
                    listing([self.words.step(step) for step in steps[-_MOST_STEPS:]])
            record.files(self.run, None, self.reader)
            return
        self._tabs(result)

    def _progress_again(self, stages: Any, steps: list[str]) -> None:
        words = self.words
        self.progress.clear()
        with self.progress:
            if not stages:
                with ui.element("div").classes("ob-row"):
                    ui.spinner()
                    ui.label(words("waiting"))
            for name, done, total in stages:
                ui.label(f"{words.of('stages', name)}: {done} / {total}")
                share = done / total if total else 0.0
                bar = ui.linear_progress(share, show_value=False, size="10px").props("rounded")
                bar.props(f'aria-label="{words.of("stages", name)}"')
            seconds = self.run.work.seconds()
            if seconds is not None:
                ui.label(words("for_time", time=words.time(seconds))).classes("ob-soft")
            if steps:
                ui.label(words("steps")).style("font-weight:600")
                listing([words.step(step) for step in steps[-12:]])

    def _tabs(self, result: Any) -> None:
        words, run = self.words, self.run
        report = next((run.place_of(w) for n, w in result.outputs.items() if n == "report"), None)
        names = [name for name in TABS if name != "report" or report is not None]
        tab = self.tab if self.tab in names else "figures"
        figures.headline(result, self.reader)
        with ui.tabs().props("align=left inline-label outside-arrows mobile-arrows") as tabs:
            for name in names:
                ui.tab(name, label=words(name))
        tabs.on_value_change(
            lambda e: ui.run_javascript(f"history.replaceState(null, '', '?tab={e.value}')")
        )
        with ui.tab_panels(tabs, value=tab, animated=False).classes("w-full"):
            for name in names:
                with ui.tab_panel(name), ui.element("div").classes("ob-panel"):
                    self._panel(name, result, report)

    def _panel(self, name: str, result: Any, report: str | None) -> None:
        if name == "map":
            MapView(self.shelf, self.reader, self.run, self.run, compared=False).build()
        elif name == "figures":
            figures.build(result, self.reader)
        elif name == "record":
            record.build(self.shelf, result, self.reader)
        elif name == "files":
            record.files(self.run, result, self.reader)
        elif report is not None:
            url = api_url(self.run.name, "files", report)
            frame_ = ui.element("iframe").classes("ob-report").props(f'src="{url}" loading="lazy"')
            frame_.props(f'title="{self.words("report")}"')

    def _cancel(self) -> None:
        told(self.shelf.places, self.run.work.cancel)

    def _resume(self) -> None:
        told(self.shelf.places, lambda: self.shelf.resume(self.run))
        self._look()

    def _rename(self) -> None:
        def renamed(name: str) -> None:
            run = told(self.shelf.places, lambda: self.shelf.rename(self.run, name))
            if run is not None:
                ui.navigate.to(run_url(run.name))

        ask_name(self.reader, self.run.name, renamed)

    def _delete(self) -> None:
        self.timer.deactivate()
        delete(self.shelf, self.reader, self.run, lambda: ui.navigate.to("/"))
