"""What a run read and decided, and the files that it left."""

from pathlib import Path

from nicegui import ui

from obriy.model.result.base import RunResult
from obriy.outputs.report import record
from obriy.outputs.report.record import files as named_files
from obriy.render.text import NBSP, Text, text_of
from obriy.web.pages.frame import Reader, api_url, card, listing, table
from obriy.web.pages.plan import nodes
from obriy.web.shelf import Shelf, ShelfRun


def build(shelf: Shelf, result: RunResult, reader: Reader) -> None:
    """Show warnings, decisions, inputs, and how to make it again."""
    text, words = text_of(reader.lang), reader.words
    with card(words("warnings")):
        said = [text.sentence(warning) for warning in result.warnings]
        said += [f"{f.name}: {text.sentence(f.reason)}" for f in result.failed]
        if said:
            listing([shelf.places.without_paths(one) for one in said])
        else:
            ui.label(words("no_warnings"))
    with card(words("decided")):
        for step in record.decisions(text, result.provenance):
            with ui.expansion(step["name"]).classes("w-full"):
                nodes(step["items"])
    read = record.inputs(text, result.provenance)
    if read is not None:
        with card(words("inputs")):
            table(read[0], words("inputs"))
    with card(words("again")), ui.element("pre").classes("ob-code").props('tabindex="0"'):
        ui.label(shelf.places.without_paths(result.command))
    with card(words("software")):
        versions = (result.provenance.software or {}).items()
        ui.label(", ".join(f"{name} {version}" for name, version in versions))


def files(run: ShelfRun, result: RunResult | None, reader: Reader) -> None:
    """Show the files of a run: those with names first, then all that lie there."""
    words, text = reader.words, text_of(reader.lang)
    with card(words("main_files")):
        ui.link(words("all_files"), api_url(run.name, "zip")).style("font-weight:600")
        if result is not None:
            titles = named_files(text, result.outputs, {}, result.job)
            places = [run.place_of(where) for where in result.outputs.values()]
            with ui.element("ul").classes("ob-files"):
                for (title, _), place in zip(titles, places, strict=True):
                    if place is not None:
                        _file(run, place, title, text)
                for name in ("result.json", "config.yaml"):
                    if run.file(name) is not None:
                        _file(run, name, name, text)
    with (
        ui.expansion(words("more_files"), icon="folder").classes("ob-card"),
        ui.element("ul").classes("ob-files"),
    ):
        for name in run.files():
            _file(run, name, name, text)


def _file(run: ShelfRun, place: str, title: str, text: Text) -> None:
    size = (run.folder / place).stat().st_size
    with ui.element("li"), ui.link(target=api_url(run.name, "files", place)):
        shown = "" if title == place else f" · {Path(place).name}"
        ui.label(f"{title}{shown} · {_size(size, text)}")


def _size(size: int, text: Text) -> str:
    if size >= 1e6:
        return f"{text.number(size / 1e6, 1)}{NBSP}{text('units.mb')}"
    return f"{text.number(max(1, size // 1000), 0)}{NBSP}{text('units.kb')}"
