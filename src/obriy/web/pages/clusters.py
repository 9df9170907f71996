"""The clusters of land cover beside the map: how each looks, who called it what, another name."""

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui

from obriy.model.legend import UNNAMED
from obriy.model.result.landcover import ClusterRow, LandcoverResult
from obriy.render.palette import UNNAMED_COLOUR
from obriy.render.text import Text, text_of
from obriy.web import naming
from obriy.web.pages.figures import legend_of
from obriy.web.pages.frame import Reader, api_url, button, card, swatch, told
from obriy.web.shelf import Shelf, ShelfRun
from obriy.workflows.landcover.correcting import names_by_hand

_PANEL = ""
"""Stands for the name that the panel gives."""


class Clusters:
    """The clusters of a run, to be looked at and named.

    Args:
        shelf: The runs.
        reader: Who looks.
        run: One of land cover.
        point: Shows a cluster on the map; None: none of them.
    """

    def __init__(
        self, shelf: Shelf, reader: Reader, run: ShelfRun, point: Callable[[int | None], None]
    ) -> None:
        self.shelf, self.reader, self.words, self.run = shelf, reader, reader.words, run
        self.point = point
        self.pointed: int | None = None
        self.marks: dict[int, Any] = {}
        self.names: dict[int, str] = {}

    def build(self) -> None:
        """Show them, the largest first; nothing where the run has none."""
        result = self.run.result()
        if not isinstance(result, LandcoverResult) or not result.clusters:
            return
        self.names = names_by_hand(result)
        self.before = dict(self.names)
        legend = legend_of(result)
        with card(self.words("clusters")):
            ui.label(self.words("clusters_say")).classes("ob-soft")
            for row in sorted(result.clusters, key=lambda row: -row.share):
                self._row(row, legend)
            with ui.element("div").classes("ob-row ob-stay"):
                self.apply = button(self.words("apply_names"), self._apply, icon="refresh")
            self.apply.set_enabled(False)

    def _row(self, row: ClusterRow, legend: Mapping[int, Any]) -> None:
        words, text = self.words, text_of(self.reader.lang)
        known = legend.get(row.code)
        called = known.called(self.reader.lang) if known else text("map.unnamed")
        number = text("contacts.number", number=row.id)
        with ui.element("div").classes("ob-cluster"):
            with ui.element("div").classes("ob-row").style("flex-wrap:nowrap;gap:.5rem"):
                swatch(known.colour if known else UNNAMED_COLOUR)
                ui.label(called).classes("ob-grow").style("font-weight:700;flex-basis:4rem")
                ui.label(text.percent(row.share)).style("white-space:nowrap")
            says = f"{words('show_there')}: {number}"
            with ui.element("button").classes("ob-portrait") as mark:
                picture = api_url(self.run.name, "clusters", f"{row.id}.png", v=self._version())
                if naming.portrait(self.run, row.id) is not None:
                    ui.element("img").props(f'src="{picture}" alt="{number}" loading="lazy"')
                else:
                    ui.label(number)
            mark.props(f'type="button" aria-pressed="false" aria-label="{says}"')
            mark.on("click", lambda number=row.id: self._point(number))
            self.marks[row.id] = mark
            for said in votes_of(row, legend, self.reader.lang):
                ui.label(said).classes("ob-soft").style("overflow-wrap:anywhere")
            choices = {_PANEL: words("by_panel")}
            choices |= {entry.name: entry.called(self.reader.lang) for entry in legend.values()}
            chosen = ui.select(
                choices, label=f"{words('by_hand')} ({number})",
                value=self.names.get(row.id, _PANEL),
                on_change=lambda e, number=row.id: self._choose(number, str(e.value)),
            )  # fmt: skip
            chosen.props("outlined dense options-dense")

    def _version(self) -> str:
        return f"{self.run.changed():.0f}"

    def _point(self, number: int) -> None:
        """Show where a cluster is; once more: show all again."""
        self.pointed = None if self.pointed == number else number
        for one, mark in self.marks.items():
            mark.props(f'aria-pressed="{str(one == self.pointed).lower()}"')
        self.point(self.pointed)

    def _choose(self, number: int, name: str) -> None:
        self.names.pop(number, None)
        if name != _PANEL:
            self.names[number] = name
        self.apply.set_enabled(self.names != self.before)

    def _apply(self) -> None:
        def act() -> bool:
            naming.correct(self.shelf, self.run, self.names)
            return True

        told(self.shelf.places, act)


def votes_of(row: ClusterRow, legend: Mapping[int, Any], lang: str) -> list[str]:
    """Return what each labeller said of a cluster, a line each."""
    said = (_vote(vote, legend, text_of(lang), lang) for vote in row.votes)
    return [one for one in said if one]


def _vote(vote: Mapping[str, Any], legend: Mapping[int, Any], text: Text, lang: str) -> str:
    """Return what one labeller said; empty of a person who leaves the choice to the panel."""
    code, who, problem = vote.get("code"), str(vote["labeller"]), str(vote.get("problem") or "")
    known = legend.get(code) if isinstance(code, int) else None
    if problem and code == UNNAMED:
        return text("contacts.silent", labeller=who, problem=text.sentence(problem))
    if known is None and naming.is_person(who):
        return ""
    answer = known.called(lang) if known else text("map.unnamed")
    sure = text.sure(float(vote.get("confidence") or 0))
    parts = [text("contacts.vote", labeller=who, answer=answer, confidence=sure)]
    second = next((c for c in legend.values() if c.name == vote.get("second")), None)
    if second is not None:
        parts.append(text("contacts.second", answer=second.called(lang)))
    if vote.get("mixed"):
        parts.append(text("contacts.mixed"))
    return "; ".join(parts)
