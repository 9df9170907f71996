"""The list of runs: open, start from a sample, compare, rename, delete and undo."""

import dataclasses
import datetime as dt
import functools
from typing import Any, Final

from fastapi import Request
from nicegui import ui

from obriy.errors import ObriyError
from obriy.model.headline import Headline
from obriy.model.legend import load_legend
from obriy.model.result.base import RunResult
from obriy.outputs.report.cells import interval_km2
from obriy.outputs.report.change import figures, leading
from obriy.render.text import Text, text_of
from obriy.sources.legends import open_legend
from obriy.web.pages.frame import (
    Reader,
    button,
    card,
    frame,
    heading,
    icon_button,
    run_url,
    state_chip,
    told,
)
from obriy.web.shelf import Shelf, ShelfRun, State
from obriy.workflows.config.base import make_config
from obriy.workflows.config.landcover import SAMPLE
from obriy.workflows.jobs import JOBS

SAMPLES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "try_water": ("water", {"source": "simulated:"}),
    "try_cover": ("landcover", SAMPLE),
    "try_ice": ("ice", {"sources": ["simulated:ice"]}),
}
"""What shows something without a file: the word of its button, the job, its options."""
LOOK_S: Final = 2.0
"""Seconds between two looks at the folder."""


def add(shelf: Shelf) -> None:
    """Make the page of the list."""

    @ui.page("/")
    def page(request: Request) -> None:
        reader = Reader.of(request)
        with frame(reader, reader.words("title"), "runs"):
            _Listing(shelf, reader).build()


@dataclasses.dataclass
class _Card:
    """What is shown of a run: its place, in which state it was, and how far it is said to be."""

    place: Any
    state: Any = None
    stage: Any = None


class _Listing:
    """The list, which looks at the folder again and again.

    What is as it was stays where it is: somebody may have opened its menu, or be about to click.
    """

    def __init__(self, shelf: Shelf, reader: Reader) -> None:
        self.shelf, self.reader, self.words = shelf, reader, reader.words
        self.chosen: list[str] = []
        self.shown: Any = None
        self.cards: dict[str, _Card] = {}

    def build(self) -> None:
        with ui.element("div").classes("ob-row"):
            heading(self.words("runs"))
            ui.element("div").classes("ob-grow")
            self.button = button(self.words("compare"), self._compare, look="line")
            button(self.words("new"), lambda: ui.navigate.to("/new"), icon="add")
        self.place = ui.element("div")
        self._look()
        ui.timer(LOOK_S, self._look)

    def _look(self) -> None:
        """Show the runs again that changed; all of them where others are there."""
        runs = self.shelf.runs()
        names = [run.name for run in runs]
        self.chosen = [name for name in self.chosen if name in names]
        self.button.set_visibility(len(runs) > 1)
        if (names, self.shelf.kept()) != self.shown:
            self.shown = names, self.shelf.kept()
            self._all_again(names)
        for run in runs:
            self._again(run, self.cards[run.name])

    def _all_again(self, names: list[str]) -> None:
        self.place.clear()
        with self.place:
            if not names:
                self._nothing()
            with ui.element("div").classes("ob-grid"):
                self.cards = {name: _Card(ui.element("div").classes("ob-card")) for name in names}
            self._deleted()

    def _again(self, run: ShelfRun, card_: _Card) -> None:
        state = run.state()
        now = state, 0 if state == "running" else run.changed()
        if now != card_.state:
            card_.state = now
            card_.place.clear()
            with card_.place:
                card_.stage = self._run(run, state)
        if state == "running":
            last = run.work.stages()[-1:]
            said = [
                f"{self.words.of('stages', name)}: {done} / {total}" for name, done, total in last
            ]
            card_.stage.set_text("".join(said))

    def _deleted(self) -> None:
        """Show what was deleted in the last week, to be had back."""
        kept = self.shelf.kept()
        if not kept:
            return
        with card(self.words("deleted_says")):
            for name, when in kept:
                with ui.element("div").classes("ob-row"):
                    with ui.element("div").classes("ob-grow"):
                        ui.label(name).style("overflow-wrap:anywhere")
                        at = dt.datetime.fromtimestamp(when).astimezone()
                        ui.label(f"{at:%Y-%m-%d %H:%M}").classes("ob-soft")
                    act = functools.partial(self._restore, name, when)
                    made = button(self.words("restore"), act, look="line")
                    made.props(f'aria-label="{self.words("restore")}: {name}"')

    def _restore(self, name: str, when: float) -> None:
        if told(self.shelf.places, lambda: self.shelf.restore(name, when)) is not None:
            self._look()

    def _nothing(self) -> None:
        with card(self.words("none")):
            ui.label(self.words("none_says"))
            with ui.element("div").classes("ob-row"):
                for word in SAMPLES:
                    button(self.words(word), functools.partial(self._try, word))

    def _try(self, word: str) -> None:
        job, options = SAMPLES[word]
        config = make_config(JOBS[job].config, {**options, "lang": self.reader.lang})
        run = told(self.shelf.places, lambda: self.shelf.start(config))
        if run is not None:
            ui.navigate.to(run_url(run.name))

    def _run(self, run: ShelfRun, state: State) -> Any:
        """Show a run; return where it is said how far it is."""
        words = self.words
        with ui.element("div").classes("ob-row").style("flex-wrap:nowrap"):
            ui.link(run.name, run_url(run.name)).classes("ob-grow").style(
                "font-weight:700;font-size:1.05rem;overflow-wrap:anywhere"
            )
            self._menu(run)
        ui.label(words.of("jobs", str(run.config().get("job", "")))).classes("ob-soft")
        result = run.result()
        if result is not None and result.headline is not None:
            figure(result.headline, result, self.reader)
        stage = ui.label().classes("ob-soft")
        with ui.element("div").classes("ob-row").style("margin-top:auto"):
            state_chip(words, state)
            ui.element("div").classes("ob-grow").style("flex-basis:0")
            box = ui.checkbox(words("compare"), value=run.name in self.chosen)
            box.on_value_change(lambda e, name=run.name: self._choose(name, bool(e.value)))
            box.props(f'dense aria-label="{words("compare")}: {run.name}"')
        return stage

    def _menu(self, run: ShelfRun) -> None:
        words = self.words
        with icon_button("more_vert", f"{words('more')}: {run.name}"), ui.menu():
            ui.menu_item(words("rename"), on_click=functools.partial(self._rename, run))
            ui.menu_item(words("delete"), on_click=functools.partial(self._delete, run))

    def _choose(self, name: str, on: bool) -> None:
        self.chosen = [n for n in self.chosen if n != name] + ([name] if on else [])

    def _compare(self) -> None:
        if len(self.chosen) < 2:
            ui.notify(self.words("compare_hint"))
            return
        first, second = self.chosen[-2:]
        ui.navigate.to(compare_url(first, second))

    def _rename(self, run: ShelfRun) -> None:
        def renamed(name: str) -> None:
            if told(self.shelf.places, lambda: self.shelf.rename(run, name)) is not None:
                self._look()

        ask_name(self.reader, run.name, renamed)

    def _delete(self, run: ShelfRun) -> None:
        delete(self.shelf, self.reader, run, self._look)


def compare_url(first: str, second: str) -> str:
    """Return the address of two runs beside each other."""
    from urllib.parse import urlencode

    return f"/compare?{urlencode({'a': first, 'b': second})}"


def ask_name(reader: Reader, name: str, then: Any) -> None:
    """Ask for another name of a run."""
    with ui.dialog() as dialog, ui.card():
        heading(reader.words("rename"), 2)
        field = ui.input(reader.words("new_name"), value=name).props("autofocus").classes("w-full")
        with ui.element("div").classes("ob-row"):
            button(reader.words("close"), dialog.close, look="bare")
            button(reader.words("apply"), lambda: (dialog.close(), then(field.value)))
    dialog.open()


def delete(shelf: Shelf, reader: Reader, run: ShelfRun, then: Any) -> None:
    """Put a run away, and offer to have it back."""

    def act() -> bool:
        shelf.delete(run)
        return True

    if told(shelf.places, act) is None:
        return
    then()
    words = reader.words

    def undo() -> None:
        bar.close()
        if told(shelf.places, lambda: shelf.restore(run.name)) is not None:
            then()

    with ui.context.client.layout:
        bar = ui.dialog().props("seamless position=bottom")
    with bar, ui.card(), ui.element("div").classes("ob-row").props('role="status"'):
        ui.label(words("deleted", name=run.name))
        button(words("undo"), undo)
        button(words("close"), bar.close, look="bare")
    bar.open()


def called(head: Headline, result: RunResult, lang: str) -> str:
    """Return what people call the class that a headline is of."""
    try:
        own = getattr(result, "legend", "")
        legend = open_legend(str(own)) if own else load_legend(head.what)
        return legend.by_name(head.what).called(lang)
    except ObriyError:  # a file of one's own that is gone, or of a map of somebody else
        return head.what.replace("_", " ")


def class_text(head: Headline, result: RunResult, lang: str) -> Text:
    """Return the words of a language that tell of the class of a headline."""
    return text_of(lang, "" if head.what == "water" else called(head, result, lang))


def figure(head: Headline, result: RunResult, reader: Reader) -> None:
    """Show the figure that leads, and its interval."""
    text = text_of(reader.lang)
    if change := leading(result):
        first = figures(class_text(head, result, reader.lang), change)
        ui.label(first.value[0]).classes("ob-figure")
        ui.label(first.label).classes("ob-soft")
        return
    if head.km2 is None:
        ui.label(text("report.area_unknown")).classes("ob-soft")
        return
    with ui.element("div").classes("ob-row").style("align-items:baseline;gap:.25rem .75rem"):
        ui.label(text.area(head.km2)).classes("ob-figure")
        ui.label(called(head, result, reader.lang)).classes("ob-soft")
    if head.interval_km2 is not None:
        span = interval_km2(text, head.interval_km2)
        ui.label(f"{reader.words('interval')}: {span}").classes("ob-soft")
