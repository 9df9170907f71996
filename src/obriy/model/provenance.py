"""Provenance: what was read, what was decided, with what settings and versions."""

import contextlib
import dataclasses
import functools
import re
from collections.abc import Sequence
from typing import Any

from obriy.model.notices import Sentence, notice


@dataclasses.dataclass(frozen=True)
class Provenance:
    """The record that a result carries.

    Attributes:
        inputs: One mapping per file or service that was read (``href``, size, sensor, ...).
        steps: What was done and decided, in order; each has ``name`` and plain values.
        warnings: Sentences that the reader of a figure should know.
        software: Versions of what made it; None: of what runs now.
    """

    inputs: tuple[dict[str, Any], ...] = ()
    steps: tuple[dict[str, Any], ...] = ()
    warnings: tuple[Sentence, ...] = ()
    software: dict[str, str] | None = None

    def with_step(self, name: str, **details: Any) -> "Provenance":
        """Return a record with one more step."""
        return dataclasses.replace(self, steps=(*self.steps, {"name": name, **details}))

    def with_warning(self, sentence: str) -> "Provenance":
        """Return a record with one more warning; a repeated sentence is kept once."""
        if sentence in self.warnings:
            return self
        return dataclasses.replace(self, warnings=(*self.warnings, sentence))

    def step(self, name: str) -> dict[str, Any] | None:
        """Return the last step of that name, or None."""
        return next((s for s in reversed(self.steps) if s["name"] == name), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values, with the versions of the software."""
        return {
            "software": versions() if self.software is None else self.software,
            "inputs": list(self.inputs),
            "steps": list(self.steps),
            "warnings": list(self.warnings),
        }


SIMULATED_TAG = "OBRIY_SIMULATED"
"""Tag of a file that a simulator wrote: the setting and the seed."""
SOURCES_TAG = "OBRIY_SOURCES"
"""Tag of a map's file: the images that it was made from, a JSON list."""


def hrefs_of(provenance: Provenance) -> list[str]:
    """Return the images that a result was made from."""
    return [str(entry["href"]) for entry in provenance.inputs if "href" in entry]


def derived_from(provenance: Provenance) -> list[str]:
    """Return what a result was made from as links: items of catalogues, else the images."""
    told = (entry for entry in provenance.inputs if "href" in entry)
    found = (e.get("item_hrefs") or [e.get("item_href") or e["href"]] for e in told)
    return list(dict.fromkeys(str(href) for hrefs in found for href in hrefs))


def shared_warnings(records: Sequence[tuple[str, Provenance]], what: str) -> list[str]:
    """Return the warnings of several records, those that differ in their numbers only as one.

    Args:
        records: Each with its name: a date, an image.
        what: What the names are, for the sentence: ``"dates"``, ``"images"``.
    """
    said: dict[str, list[tuple[str, str]]] = {}
    for name, record in records:
        for sentence in record.warnings:
            said.setdefault(re.sub(r"\d[\d.,]*", "#", sentence), []).append((name, sentence))
    return [_shared(told, len(records), what) for told in said.values()]


def _shared(told: Sequence[tuple[str, str]], count: int, what: str) -> str:
    """Return one sentence for those of several records."""
    name, sentence = told[0]
    if len(told) == count and len({text for _, text in told}) == 1:
        return sentence
    if len(told) == 1:
        return notice("of_one", name=name, said=sentence)
    return notice(
        "on_dates" if what == "dates" else "on_images",
        count=len(told), all=count, name=name, said=sentence,
    )  # fmt: skip


def versions() -> dict[str, str]:
    """Return the versions of Obriy and of the libraries that can change a figure.

    Of the optional ones those that are installed.
    """
    return dict(_versions())


@functools.cache
def _versions() -> dict[str, str]:
    """Look them up once: a series asks with every date."""
    from importlib.metadata import PackageNotFoundError, version

    names = (
        "obriy", "numpy", "rasterio", "odc-geo", "scipy", "scikit-image",
        "scikit-learn",
    )  # fmt: skip
    found = {name: version(name) for name in names}
    for name in ("pyhdf", "pyresample", "torch"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
