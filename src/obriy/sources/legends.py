"""Legends from outside: by name, from a file of the user's own, from the tag of a map."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from obriy.csv_text import csv_rows
from obriy.errors import InputError, SourceError, TableError
from obriy.model.legend import UNNAMED, Legend, LegendClass, distinct_colour, load_legend
from obriy.registry import did_you_mean
from obriy.sources.crosswalk import detect, legend_of_codes
from obriy.sources.reading import FileBand, sample
from obriy.tables import languages, table_names

LEGENDS: Final = ("worldcover", "dynamic_world", "simple", "igbp", "water")
"""Legends that a map can be asked for by name."""
_RESERVED: Final = ("unknown", "no_reference", "noise")
"""Names that stand for something else in answers, tables and maps of clusters."""
_LONGEST: Final = 100
"""Letters of a name or title: they stand in maps, tables and drawings."""
_FIELDS: Final = (
    "code",
    "name",
    "title",
    *(f"title_{lang}" for lang in languages()),
    "colour",
    "color",
    "definition",
)


def open_legend(spec: str) -> Legend:
    """Return a legend by name, or from a file.

    A file is TOML, as our own tables (``name``, ``[[classes]]`` with ``code`` and ``name``, and
    where wanted ``title`` as text or ``{en = ..., uk = ...}``, ``colour``, ``definition``), or CSV
    with a header: ``code,name``, and where wanted ``title_en,title_uk,colour,definition``, with
    commas, semicolons or tabs.

    Args:
        spec: ``"worldcover"``, ``"dynamic_world"``, ``"simple"``, ``"igbp"``, ``"water"``, or the
            path of a ``.toml`` or ``.csv`` file.

    Raises:
        UnknownNameError: neither a name nor a file.
        SourceError: no such file, or one that is not text of its kind.
        InputError: a class without code or name, a code out of 1 to 254, or twice there.
    """
    if spec in LEGENDS:
        return load_legend(spec)
    file = Path(spec).expanduser()
    if file.suffix.lower() not in (".toml", ".csv"):
        error = did_you_mean("legend", spec, list(LEGENDS))
        error.hint += " Or give a file of your own, .toml or .csv."
        raise error
    if not file.is_file():
        raise SourceError(f"There is no file {file}.", "Check the path of the legend.")
    return _from_toml(file) if file.suffix.lower() == ".toml" else _from_csv(file)


def own_legend(band: FileBand, name: str | None = None) -> Legend:
    """Return the legend in which a map was made.

    Args:
        band: The band of class codes.
        name: What its codes are, as the user says (a name of ``tables/crosswalks.toml``); None:
            the legend that the file carries, else by its values; ``water`` where these do not say.

    Raises:
        UnknownNameError: no codes of that name.
    """
    if name is not None:
        return legend_of_codes(name)
    written = legend_from_tag(band.tags.get("legend"))
    if written is not None:
        return written
    missing = () if band.nodata is None else (band.nodata,)
    try:
        values = np.unique(sample(band, missing))
        return legend_of_codes(detect(values, load_legend("water"), band.file).name)
    except InputError:
        return load_legend("water")


def legend_from_tag(tag: str | None) -> Legend | None:
    """Return the legend that a map of ours carries in the tag ``legend``; None where none is.

    Args:
        tag: JSON ``{"legend": name, "classes": [{"code", "name", "title", "colour"}, ...]}``;
            titles and colours may be missing.
    """
    try:
        written = json.loads(tag or "")
        entries = [(int(c["code"]), str(c["name"]), c) for c in written["classes"]]
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    try:
        classes = tuple(
            LegendClass(code, name, _titles(c.get("title"), name), _colour(c.get("colour"), code))
            for code, name, c in entries
        )
        name = str(written.get("legend", "legend"))
        return _as_ours(Legend(name, classes, "written in the map's file"))
    except InputError:  # what another program means by that tag is not known
        return None


def _as_ours(legend: Legend) -> Legend:
    """Return the legend of our tables where this is one: it says more of its classes."""
    if legend.name not in table_names("legends"):
        return legend
    ours = load_legend(legend.name)
    pairs = {(c.code, c.name) for c in ours}
    return ours if {(c.code, c.name) for c in legend} == pairs else legend


def _from_toml(file: Path) -> Legend:
    try:
        table = tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{file} is not TOML: {error}.", "Correct that line.") from error
    entries = table.get("classes")
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise InputError(f"{file} has no classes.", "Write a table [[classes]] for each.")
    where = [f"{file}, class {number}" for number in range(1, len(entries) + 1)]
    return _legend(file, str(table.get("name", file.stem)), entries, where)


def _from_csv(file: Path) -> Legend:
    rows = csv_rows(_text(file), file, ("code", "name"), "Begin it with: code,name,colour")
    entries = [{name: cell for name, cell in cells.items() if cell} for _, cells in rows]
    return _legend(file, file.stem, entries, [f"{file}, line {number}" for number, _ in rows])


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{file} cannot be read as UTF-8 text.", "Save it again.") from error


def _legend(
    file: Path, name: str, entries: Iterable[Mapping[str, Any]], where: list[str]
) -> Legend:
    classes = [_class(entry, place) for entry, place in zip(entries, where, strict=True)]
    if not classes:
        raise InputError(f"{file} has no classes.", "Write one row or table for each class.")
    names = [c.name for c in classes]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise InputError(f"{file}: the name '{twice}' stands twice.", "Give each class its own.")
    try:
        return Legend(name, tuple(sorted(classes, key=lambda c: c.code)), str(file))
    except TableError as error:
        raise InputError(f"{file}: a code stands twice.", "Give each class its own.") from error


def _class(entry: Mapping[str, Any], where: str) -> LegendClass:
    unknown = sorted(entry.keys() - set(_FIELDS))
    if unknown:
        raise InputError(
            f"{where}: '{unknown[0]}' is no field of a class.", f"Fields: {', '.join(_FIELDS)}."
        )
    code, name = _code(entry.get("code"), where), str(entry.get("name", "")).strip()
    if not name or name in _RESERVED:
        raise InputError(
            f"{where} has no name of its own ('{name}').",
            f"Name it; {', '.join(_RESERVED)} mean something else.",
        )
    titles = {lang: entry[f"title_{lang}"] for lang in languages() if f"title_{lang}" in entry}
    given = entry.get("colour", entry.get("color"))
    if given is not None and not _is_colour(given):
        raise InputError(f"{where}: '{given}' is no colour.", "Write it as #rrggbb.")
    title = _titles(titles or entry.get("title"), name)
    long = next((text for text in (name, *title.values()) if len(text) > _LONGEST), None)
    if long is not None:
        raise InputError(
            f"{where}: '{long[:40]}…' has {len(long)} letters.",
            f"Write at most {_LONGEST}; what is longer belongs into 'definition'.",
        )
    return LegendClass(
        code=code,
        name=name,
        title=title,
        colour=_colour(given, code),
        definition=str(entry.get("definition", "")).strip(),
    )


def _code(given: Any, where: str) -> int:
    try:
        code = int(str(given).strip())
    except ValueError:
        code = 0
    if not 0 < code < UNNAMED:
        raise InputError(
            f"{where}: '{given}' is no class code.",
            "Codes are whole numbers from 1 to 254; 0 is no data, 255 not named.",
        )
    return code


def _titles(given: Any, name: str) -> dict[str, str]:
    """Return a title in each language: what is given, else the title in another, else the name."""
    titles = dict(given) if isinstance(given, Mapping) else {}
    text = given if isinstance(given, str) and given else name.replace("_", " ").capitalize()
    one = next(iter(titles.values()), text)
    return {lang: str(titles.get(lang, one)) for lang in languages()}


def _is_colour(given: Any) -> bool:
    return re.fullmatch(r"#[0-9a-fA-F]{6}", str(given).strip()) is not None


def _colour(given: Any, code: int) -> str:
    return str(given).strip().lower() if _is_colour(given) else distinct_colour(code)
