"""The frame of every report, and how it is rendered."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from obriy.model.provenance import Provenance, versions
from obriy.model.result.base import RunResult
from obriy.outputs.files import write_text
from obriy.outputs.pages import render
from obriy.outputs.report import record
from obriy.outputs.report.first import First
from obriy.outputs.report.parts import Drawing, Listing, Section, card, section
from obriy.render.sheets import MapView
from obriy.render.text import Text, text_of

Told = TypeVar("Told", bound=RunResult)


@dataclasses.dataclass(frozen=True)
class Report(Generic[Told]):
    """What every report is made from; a view takes beside it what is its own.

    Attributes:
        title: What was mapped, e.g. the name of the image.
        lang: One of `obriy.tables.languages`.
        result: What stands in ``result.json``; its ``command`` says how to make it again.
        provenance: What was read and decided.
        figures: Drawings by name, of `obriy.render.figures.to_svg`.
        also: More warnings, written already.
        of: What people call the class that is told of, where that is not water.
        view: What there is to look at in a map that can be moved; None: the drawing alone.
    """

    title: str
    lang: str
    result: Told
    provenance: Provenance
    figures: Mapping[str, str] = dataclasses.field(default_factory=dict)
    also: Sequence[str] = ()
    of: str = ""
    view: MapView | None = None

    @property
    def text(self) -> Text:
        """The language."""
        return text_of(self.lang, self.of)

    @property
    def warnings(self) -> list[str]:
        """What the reader of a figure should know."""
        told = self.result.warnings or self.provenance.warnings
        return [*map(self.text.sentence, told), *self.also]

    def drawing(
        self, name: str, alt: str, *, look: str = "card", caption: str = ""
    ) -> Drawing | None:
        """Return a figure as a part of a section; None where it was not drawn."""
        return Drawing(self.figures[name], alt, look, caption) if name in self.figures else None

    def drawings(self, kind: str, look: str) -> list[Drawing]:
        """Return all figures whose names begin so."""
        names = [name for name in self.figures if name.startswith(kind)]
        return [Drawing(self.figures[name], "", look) for name in names]

    def warned(self) -> Section | None:
        """Return the section of warnings."""
        listing = Listing(self.warnings) if self.warnings else None
        return section(
            self.text("report.warnings"), card(listing, look="card warn"), name="warnings"
        )


@dataclasses.dataclass(frozen=True)
class Page:
    """A report that is laid out.

    Attributes:
        report: What it was made from.
        first: The first screen.
        sections: What follows, up to what every report ends with; those that are None are empty.
        labels: Other names of outputs under which the table of words has them.
        files_note: What else lies beside the report.
    """

    report: Report[Any]
    first: First
    sections: Sequence[Section | None]
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    files_note: str = ""


def write_page(page: Page, path: Path | str) -> Path:
    """Write a report as one HTML file; return its path."""
    return write_text(Path(path), render_page(page))


def render_page(page: Page) -> str:
    """Return a report as HTML."""
    report, text = page.report, page.report.text
    software = versions()
    return render(
        "report.html.j2",
        {
            "t": text,
            "page": page,
            "report": report,
            "first": page.first,
            "sections": [one for one in page.sections if one is not None],
            "decisions": record.decisions(text, report.provenance),
            "inputs": record.inputs(text, report.provenance),
            "files": record.files(text, report.result.outputs, page.labels, report.result.job),
            "software": software,
        },
    )
