"""How the classes of one legend translate into those of another, by tables."""

import dataclasses
from typing import Any, Final

from obriy.errors import InputError
from obriy.model.legend import NO_DATA, Legend, load_legend
from obriy.tables import load_toml, table_names

NO_REFERENCE: Final = "no_reference"
"""In a table of codes: what says nothing about the classes of the other legend."""
MAIN: Final = "main"
_MEETING: Final = ("dynamic_world", "simple", MAIN)
"""Legends in which two others can meet, the finest first."""


@dataclasses.dataclass(frozen=True)
class Translation:
    """How one legend becomes another.

    Attributes:
        source: The legend of the map.
        target: The legend wanted.
        codes: Code of the target by code of the source, 0 where it has no such class.
        nearest: Codes of the source that the target divides further: what they became is the
            likeliest of several classes.
        silent: Codes of the source that say nothing about the classes of the target.
    """

    source: Legend
    target: Legend
    codes: dict[int, int]
    nearest: frozenset[int] = frozenset()
    silent: frozenset[int] = frozenset()

    @property
    def lost(self) -> list[str]:
        """Names of the classes that the target has not."""
        return [c.name for c in self.source if self.codes[c.code] == NO_DATA]

    @property
    def sound(self) -> bool:
        """Whether every class became one that means no less and no more than it."""
        known = (code for code, to in self.codes.items() if to or code in self.silent)
        return not self.nearest and len(list(known)) == len(self.codes)

    @property
    def merged(self) -> list[str]:
        """Say which classes became one: ``["tree_cover, mangroves → tree"]``."""
        into: dict[int, list[str]] = {}
        for entry in self.source:
            into.setdefault(self.codes[entry.code], []).append(entry.name)
        names = {c.code: c.name for c in self.target}
        return [f"{', '.join(into[c])} → {names[c]}" for c in names if len(into.get(c, ())) > 1]


def translate_codes(source: Legend, target: Legend) -> dict[int, int]:
    """Return the code of the target for each code of the source.

    Legends of one name and the same classes are the same; those of ``tables/legends`` go by
    ``tables/crosswalks.toml``; any others by equal class names. Where the target divides a class
    further (the tree cover of WorldCover among the forests of IGBP), its likeliest class is taken:
    see `translation` for which those are.

    Args:
        source: Legend of a map.
        target: Legend wanted.

    Returns:
        ``{code of the source: code of the target}``; 0: the target has no such class.

    Raises:
        InputError: no table leads there and no class has the same name.
    """
    return translation(source, target).codes


def translation(source: Legend, target: Legend) -> Translation:
    """Return how one legend becomes another, with what is lost on the way.

    Args:
        source: Legend of a map.
        target: Legend wanted.

    Raises:
        InputError: no table leads there and no class has the same name.
    """
    if _pairs(source) == _pairs(target):
        return Translation(source, target, {code: code for code in source.codes})
    found = None
    if _is_of_the_tables(source) and _is_of_the_tables(target):
        found = _by_table(source, target)
    return _by_names(source, target) if found is None else found


def main_classes() -> Legend:
    """Return the legend of merged scores: five classes, from trees to water or wetland."""
    return load_legend(MAIN)


def to_main(legend: Legend) -> Translation | None:
    """Return how a legend becomes the main classes; None where a class of it has no place there."""
    if not _is_of_the_tables(legend):
        return None
    found = _by_table(legend, main_classes())
    return None if found is None or found.lost else found


def meeting_legend(mapped: Legend, reference: Legend) -> Legend:
    """Return the legend in which a map and a reference can be compared fairly.

    That is the one with the most classes in which neither had to be guessed, nor lost a class,
    and both can say the same classes: the map's own where it serves, else the reference's, else a
    coarser one. Where none does (a user's own legend), the map's.

    Args:
        mapped: Legend of the map.
        reference: Legend of the reference.
    """
    candidates = [mapped, reference, *(load_legend(name) for name in _MEETING)]
    best, most = mapped, 0
    for legend in candidates:
        classes = _common_classes(mapped, reference, legend)
        if classes > most:
            best, most = legend, classes
    return best


def _common_classes(mapped: Legend, reference: Legend, legend: Legend) -> int:
    """Return the number of classes that both can say; 0 where the legend is fair to neither."""
    try:
        both = translation(mapped, legend), translation(reference, legend)
    except InputError:
        return 0
    one, two = ({code for code in t.codes.values() if code} for t in both)
    return len(one) if one == two and all(t.sound for t in both) else 0


def _by_table(source: Legend, target: Legend) -> Translation | None:
    table = _table_of(source)
    rules = table.get("to", {}).get(target.name)
    if rules is None:
        return None
    codes = dict.fromkeys(source.codes, NO_DATA)
    for name, listed in rules.items():
        if name != NO_REFERENCE:
            to = next((c.code for c in target if c.name == name), NO_DATA)
            codes |= {code: to for code in listed if code in codes}
    nearest = frozenset(table.get("nearest", {}).get(target.name, ())) & codes.keys()
    return Translation(source, target, codes, nearest, frozenset(rules.get(NO_REFERENCE, ())))


def _by_names(source: Legend, target: Legend) -> Translation:
    by_name = {c.name: c.code for c in target}
    codes = {c.code: by_name.get(c.name, NO_DATA) for c in source}
    if not any(codes.values()):
        known = ", ".join(sorted(_table_of(source).get("to", {}))) or "none"
        raise InputError(
            f"The legends '{source.name}' and '{target.name}' share no class.",
            f"The classes of '{target.name}' are: {', '.join(by_name)}. Legends that "
            f"'{source.name}' can be brought to by a table: {known}.",
        )
    return Translation(source, target, codes)


def _table_of(legend: Legend) -> dict[str, Any]:
    table: dict[str, Any] = load_toml("crosswalks").get(legend.name, {})
    return table


def _is_of_the_tables(legend: Legend) -> bool:
    """Say whether a legend is one of ours, or a part of one: a user's may have the same name."""
    if legend.name not in table_names("legends"):
        return False
    return _pairs(legend) <= _pairs(load_legend(legend.name))


def _pairs(legend: Legend) -> set[tuple[int, str]]:
    return {(c.code, c.name) for c in legend}
