"""What every page has: the head with its links, the language, dark or light, the main part."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from fastapi import Request
from nicegui import ui

from obriy.errors import ObriyError
from obriy.outputs.report.cells import Cell, Table
from obriy.web.places import Places
from obriy.web.words import Words, page_languages, words_of
from obriy.workflows.config.base import usual_language

LANG_COOKIE: Final = "obriy_lang"
LOOK_COOKIE: Final = "obriy_look"
_PRIMARY: Final = "#2b7ab8"
"""Of sliders and frames: three times as light as the dark page, a third of the light one."""
_SHORT: Final = 16
"""Letters of a cell that stands on one line: a date, a name."""
LOOKS: Final = {"auto": None, "dark": True, "light": False}
ICONS: Final = {
    "running": "hourglass_top", "done": "check_circle", "partial": "warning",
    "failed": "error", "cancelled": "cancel", "stopped": "pause_circle",
}  # fmt: skip
"""So that a state is told by more than a colour."""


@dataclasses.dataclass(frozen=True)
class Reader:
    """Who looks at a page.

    Attributes:
        words: In their language.
        look: One of `LOOKS`.
    """

    words: Words
    look: str

    @classmethod
    def of(cls, request: Request) -> "Reader":
        """Return who sent a request."""
        lang = request.cookies.get(LANG_COOKIE, "")
        look = request.cookies.get(LOOK_COOKIE, "")
        known = page_languages()
        return cls(
            words_of(next(one for one in (lang, usual_language(), "en") if one in known)),
            look if look in LOOKS else "auto",
        )

    @property
    def lang(self) -> str:
        """The language."""
        return self.words.lang


def run_url(name: str, *more: str) -> str:
    """Return the address of a run on the page."""
    return "/".join(["/runs", quote(name, safe=""), *more])


def api_url(name: str, *more: str, **query: str) -> str:
    """Return an address of a run for programs."""
    path = "/".join(["/api/runs", quote(name, safe=""), *(quote(part) for part in more)])
    return f"{path}?{urlencode(query)}" if query else path


@contextlib.contextmanager
def frame(reader: Reader, title: str, current: str = "") -> Iterator[None]:
    """Lay out a page; what is made within stands in its main part.

    Args:
        reader: Who looks.
        title: Of the page.
        current: Which of the links in the head leads here.
    """
    words = reader.words
    own = words("title")
    ui.page_title(title if title == own else f"{title} · {own}")
    ui.dark_mode(LOOKS[reader.look])
    ui.colors(primary=_PRIMARY)
    ui.add_head_html(f"<script>document.documentElement.lang = '{words.lang}'</script>")
    with ui.element("header").classes("ob-head"):
        ui.link(own, "/").classes("ob-brand")
        with ui.element("nav").classes("ob-nav"):
            for name, target in {"runs": "/", "new": "/new", "api": "/api"}.items():
                link = ui.link(words(name), target)
                if name == current:
                    link.props('aria-current="page"')
        with ui.element("div").classes("ob-tools"):
            _tools(reader)
    with ui.element("div").classes("ob-main") as main:  # NiceGUI has the landmark
        yield
    ui.skip_link(words("skip"), target=main)


def _tools(reader: Reader) -> None:
    for lang in page_languages():
        link = ui.link(lang.upper(), f"/lang/{lang}").props(f'lang="{lang}"')
        if lang == reader.lang:
            link.props('aria-current="true"')
    order = list(LOOKS)
    after = order[(order.index(reader.look) + 1) % len(order)]
    icon = {"auto": "brightness_auto", "dark": "dark_mode", "light": "light_mode"}[reader.look]
    with ui.link(target=f"/look/{after}").props(f'aria-label="{reader.words("look")}"'):
        ui.icon(icon, size="1.4rem").props('aria-hidden="true"')


def heading(text: str, level: int = 1) -> None:
    """Write a heading."""
    ui.label(text).props(f'role="heading" aria-level="{level}"').classes(f"ob-h{level}")


def button(
    text: str, act: Callable[..., Any], *, icon: str | None = None, look: str = "fill"
) -> ui.button:
    """Show a button that is read on light and on dark; ``look``: ``fill``, ``line`` or ``bare``."""
    made = ui.button(text, icon=icon, color=None, on_click=act)
    return made.props("unelevated no-caps").classes(f"ob-button ob-{look}")


def icon_button(icon: str, says: str, act: Callable[..., Any] | None = None) -> ui.button:
    """Show a button that is a mark alone; ``says`` is what it is called."""
    made = ui.button(icon=icon, color=None, on_click=act)
    return made.props(f'flat round dense aria-label="{says}"').classes("ob-mark")


def state_chip(words: Words, state: str) -> None:
    """Say how far a run is, by word, mark and colour."""
    with ui.element("span").classes(f"ob-state {state}"):
        ui.icon(ICONS[state], size="1.2rem").props('aria-hidden="true"')
        ui.label(words.of("states", state))


def table(shown: Table, label: str) -> None:
    """Show a table of `obriy.outputs.report.cells`."""
    with (
        ui.element("div")
        .classes("ob-table")
        .props(f'tabindex="0" role="region" aria-label="{label}"'),
        ui.element("table"),
    ):
        with ui.element("thead"), ui.element("tr"):
            for title, number in zip(shown.header, shown.numeric, strict=True):
                _cell("th", title, number).props('scope="col"')
        with ui.element("tbody"):
            for row in shown.rows:
                with ui.element("tr"):
                    for value, number in zip(row, shown.numeric, strict=True):
                        _cell("td", value, number)


def _cell(tag: str, value: str | Cell, number: bool) -> Any:
    short = tag == "td" and len(str(getattr(value, "text", value))) <= _SHORT
    with ui.element(tag).classes("n" if number else "k" if short else "") as made:
        if isinstance(value, Cell) and value.colour:
            with ui.element("span").classes("ob-row"):
                swatch(value.colour)
                ui.label(value.text)
        else:
            ui.label(str(value))
    return made


def swatch(colour: str) -> None:
    """Show a colour of a legend."""
    ui.element("span").classes("ob-swatch").style(f"background:{colour}")


def listing(items: Sequence[str], classes: str = "ob-list") -> None:
    """Show sentences one beneath the other."""
    with ui.element("ul").classes(classes):
        for item in items:
            with ui.element("li"):
                ui.label(item)


@contextlib.contextmanager
def card(title: str = "", level: int = 2) -> Iterator[ui.element]:
    """Show what is made within in a frame."""
    with ui.element("section").classes("ob-card") as section:
        if title:
            heading(title, level)
        yield section


def told(places: Places, act: Callable[[], Any]) -> Any | None:
    """Do what a person asked for; say why where it cannot be done, and return None."""
    try:
        return act()
    except ObriyError as error:
        ui.notify(places.without_paths(str(error)), type="negative", multi_line=True, timeout=8000)
        return None
