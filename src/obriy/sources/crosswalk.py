"""From the codes and words of a reference to the codes of a legend, and why it was so decided."""

import dataclasses
import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError, UsageError
from obriy.model.crosswalk import NO_REFERENCE, translation
from obriy.model.legend import NO_DATA, Legend, load_legend
from obriy.model.notices import joined, notice
from obriy.registry import did_you_mean
from obriy.tables import load_toml, table_names

UNKNOWN: Final = 255
"""Marks, in a `Crosswalk`, a code that nobody explained."""
SAYS: Final = "="
"""Stands between a code and its class where the user says what codes are."""
NOTHING: Final = "nodata"
"""Stands for the code where the user says what lies where a file has nothing, and for the class of
a code that says nothing."""
_SAID_LEGENDS: Final = ("water", "worldcover", "dynamic_world", "simple", "igbp", "ice")
"""Legends whose classes a user may say, the first that has them all."""
_COVER_LEGENDS: Final = ("worldcover", "dynamic_world", "simple", "igbp")
_TOLD: Final = 5
"""So many words that are no class are named in a message."""
_HOW: Final = "Write code=class,...: 1=water,0=land, or 1=water,nodata=land."


@dataclasses.dataclass(frozen=True)
class Crosswalk:
    """Codes of a file to codes of a legend.

    Attributes:
        name: What the file's codes are, for messages.
        table: (256,) uint8: code of the legend, 0 for no reference, `UNKNOWN` for a code that the
            crosswalk does not explain.
        note: The decision, for the record.
        others: Codes of the legend by codes of the file below 0 or above 255.
        missing: Code of the legend where the file has nothing.
    """

    name: str
    table: npt.NDArray[np.uint8]
    note: str
    others: Mapping[int, int] = dataclasses.field(default_factory=dict)
    missing: int = NO_DATA

    def translate(self, codes: npt.NDArray[Any], missing: int, where: str) -> npt.NDArray[np.uint8]:
        """Return codes of the legend.

        Args:
            codes: Whole numbers of any type.
            missing: The number that stands for "nothing there".
            where: The file, for messages.

        Raises:
            InputError: a code that the crosswalk does not explain.
        """
        gone = codes == missing
        explained = gone | ((codes >= 0) & (codes <= 255))
        found = np.where(gone | ~explained, NO_DATA, codes).astype("uint8")
        translated: npt.NDArray[np.uint8] = self.table[found]
        for code, to in self.others.items():
            translated[codes == code] = to
            explained |= codes == code
        translated[gone] = self.missing
        strange = ~explained | (~gone & (translated == UNKNOWN))
        if strange.any():
            raise InputError(
                f"{where} has the value {codes[strange][0]}, which the codes '{self.name}' do not "
                "explain.",
                name_them(),
            )
        return translated

    def explains(self, code: float) -> bool:
        """Say whether it has a class, or "no reference", for a code."""
        whole = int(code) if float(code).is_integer() else -1
        known = 0 <= whole <= UNKNOWN and self.table[whole] != UNKNOWN
        return bool(known) or whole in self.others


def name_them() -> str:
    """Return the way out where the codes of a file are not clear."""
    return (
        f"Name its codes ({', '.join(names())}), or say what they are: 1=water,0=land, or "
        "1=water,nodata=land, or 1=water,0=land,255=nodata (--codes for a map, --legend for its "
        "reference)."
    )


def class_named(word: str, legend: Legend) -> int:
    """Return the code of the class of a legend that a word means; 0 for "no data".

    Raises:
        InputError: it means none.
    """
    code = _known_words(legend).get(_plain(word))
    if code is None:
        raise InputError(
            f"'{word}' is no class of the legend '{legend.name}'.",
            f"Its classes are: {', '.join(c.name for c in legend)}.",
        )
    return code


def names() -> list[str]:
    """Return the names of the codes that a reference may have."""
    return [name for name in load_toml("crosswalks") if name != "words"]


def legend_of_codes(name: str) -> Legend:
    """Return the legend that codes of that name are of: ``"gsw"`` and ``"binary"`` are water.

    Args:
        name: As for `crosswalk`.

    Raises:
        UnknownNameError: no codes of that name.
        UsageError: codes that are said, and not understood.
    """
    if SAYS in name:
        return _legend_of_said(name)
    if name not in names():
        raise did_you_mean("reference legend", name, names())
    own = (
        name if name in table_names("legends") else next(iter(load_toml("crosswalks")[name]["to"]))
    )
    return load_legend(own)


def crosswalk(name: str, legend: Legend) -> Crosswalk:
    """Return the crosswalk of that name to a legend.

    Args:
        name: A name of ``tables/crosswalks.toml``, or what the codes are: ``1=water,0=land``,
            where ``nodata=land`` says what lies where the file has nothing, and ``255=nodata``
            that a code says nothing.
        legend: The legend wanted.

    Raises:
        UnknownNameError: no such crosswalk.
        UsageError: it does not lead to that legend, or is not understood.
    """
    if SAYS in name:
        return _said(name, legend)
    tables = load_toml("crosswalks")
    if name not in names():
        raise did_you_mean("reference legend", name, names())
    rules = tables[name]["to"].get(legend.name)
    if rules is None and name == legend.name:
        rules = {c.name: [c.code] for c in legend}
    if rules is None:
        raise UsageError(
            f"The codes '{name}' cannot be brought to the legend '{legend.name}'.",
            f"They lead to: {', '.join(tables[name]['to'])}.",
        )
    table = np.full(256, UNKNOWN, "uint8")
    table[tables[name]["ignore"]] = NO_DATA
    for class_name, codes in rules.items():
        is_class = class_name != NO_REFERENCE
        table[codes] = legend.by_name(class_name).code if is_class else NO_DATA
    note = notice("codes_read_as", codes=tables[name]["title"], classes=_spelled(rules))
    return Crosswalk(name, table, note)


def detect(values: Iterable[float], legend: Legend, where: str) -> Crosswalk:
    """Recognise the codes of a file by the values in it.

    Args:
        values: Distinct values, missing ones left out.
        legend: The legend wanted.
        where: The file, for messages.

    Raises:
        InputError: where no set of codes, or not clearly one, fits.
    """
    found = {float(v) for v in values}
    if any(not v.is_integer() for v in found):
        raise InputError(
            f"{where} has values that are no class codes ({min(found):g} to {max(found):g}).",
            "A reference is a map of classes; make one from these numbers first.",
        )
    for name in names():
        rules = load_toml("crosswalks")[name]
        targets = rules["to"].get(legend.name, {})
        codes = {*rules["ignore"], *(c for listed in targets.values() for c in listed)}
        if targets and found & set(rules["needs"]) and found <= codes:
            walk = crosswalk(name, legend)
            said = notice("codes_recognised")
            return dataclasses.replace(walk, note=joined((walk.note, said)))
    shown = ", ".join(f"{v:g}" for v in sorted(found)[:12]) or "where it was looked at, no data"
    raise InputError(
        f"{where}: what its values mean is not clear ({shown}).",
        name_them(),
    )


def from_tag(tag: str | None, legend: Legend) -> Crosswalk | None:
    """Return the crosswalk of class names written in a file; None where there are none.

    Args:
        tag: JSON ``{"legend": name, "classes": [{"code": 2, "name": "water"}, ...]}``, as our own
            maps carry it.
        legend: The legend wanted.
    """
    try:
        written = json.loads(tag or "")
        pairs = {int(c["code"]): str(c["name"]) for c in written["classes"]}
    except (ValueError, KeyError, TypeError, OverflowError):
        return None
    if not all(0 <= code <= 255 for code in pairs):
        return None
    if written.get("legend") != legend.name and written.get("legend") in names():
        return crosswalk(str(written["legend"]), legend)
    known = {c.name: c.code for c in legend}
    if not known.keys() & pairs.values():
        return None
    table = np.full(256, UNKNOWN, "uint8")
    table[[0, 255]] = NO_DATA
    for code, name in pairs.items():
        table[code] = known.get(name, NO_DATA)
    lost = sorted(set(pairs.values()) - known.keys())
    left_out = f" Not compared: {', '.join(lost)}." if lost else ""
    return Crosswalk("class names", table, f"Class names are written in the file.{left_out}")


def from_words(words: Iterable[str], legend: Legend, where: str) -> dict[str, int]:
    """Return a code of the legend for each word of a class column; 0 for no reference.

    A word is a name or title of a class, or a term of ``tables/vocabulary.toml``, in singular or
    with an s; one for which the legend has several classes (forest among the forests of IGBP) is
    not known. For the legend ``water``, the classes and terms of land cover are not water.

    Raises:
        InputError: a word that is no class.
    """
    codes = {word: _code_of(word, legend) for word in words}
    unknown = sorted(word for word, code in codes.items() if code is None)
    if unknown:
        raise InputError(
            f"{where}: {', '.join(unknown[:_TOLD])} is no class of the legend '{legend.name}'.",
            f"Its classes are: {', '.join(c.name for c in legend)}. Write these, or terms of land "
            "cover, into the column; where it has names of places, give it another name.",
        )
    return {word: NO_DATA if code is None else code for word, code in codes.items()}


def knows(words: Iterable[str], legend: Legend) -> bool:
    """Say whether each word of a column means a class of the legend, or "no reference"."""
    return all(_code_of(word, legend) is not None for word in words)


def _code_of(word: str, legend: Legend) -> int | None:
    """Return the code that a word of a class column means; None where nobody knows."""
    known = _column_words(legend.name) if legend.name == "water" else _known_words(legend)
    plain = _plain(word)
    return known.get(plain, known.get(plain.removesuffix("s")))


def _known_words(legend: Legend) -> dict[str, int]:
    """Return codes of a legend by the words that mean its classes; 0 for no reference."""
    listed = load_toml("crosswalks")["words"].get(legend.name, {})
    known = {} if legend.name == "water" else _terms(legend)
    known |= {
        word: legend.by_name(c.name).code for c in legend for word in _words_of(c.name, legend)
    }
    for class_name, synonyms in listed.items():
        code = NO_DATA if class_name == NO_REFERENCE else legend.by_name(class_name).code
        known |= dict.fromkeys(synonyms, code)
    return known


@functools.cache
def _column_words(name: str) -> dict[str, int]:
    """Return the words of `_known_words` of a legend of water, and what it makes of land cover."""
    legend = load_legend(name)
    known = dict.fromkeys(map(_plain, load_toml("vocabulary")["unknown"]), NO_DATA)
    codes = translation(load_legend("worldcover"), legend).codes
    rest = legend.by_name("not_water").code
    for cover, terms in _terms_by_cover():
        known |= dict.fromkeys(terms, codes.get(cover, rest))
    for other in map(load_legend, _COVER_LEGENDS):
        codes = translation(other, legend).codes
        known |= {word: codes[c.code] for c in other for word in _words_of(c.name, other)}
    return known | _known_words(legend)


def _terms(legend: Legend) -> dict[str, int]:
    """Return the terms of the vocabulary that are one class of a legend."""
    try:
        found = translation(load_legend("worldcover"), legend)
    except InputError:  # a legend of the user's own, with other names
        return {}
    known: dict[str, int] = {}
    for code, terms in _terms_by_cover():
        if found.codes.get(code) and code not in found.nearest:
            known |= dict.fromkeys(terms, found.codes[code])
    return known


def _terms_by_cover() -> list[tuple[int, list[str]]]:
    """Return the terms of each concept by its code of WorldCover; 0: wider than its classes."""
    cover = load_legend("worldcover")
    concepts = load_toml("vocabulary")["concept"]
    found = []
    for concept in concepts.values():
        wider = concept
        while "worldcover" not in wider and "within" in wider:
            wider = concepts[wider["within"]]
        code = cover.by_name(wider["worldcover"]).code if "worldcover" in wider else NO_DATA
        found.append((code, [_plain(term) for term in concept["terms"]]))
    return found


def _pairs(said: str) -> list[tuple[int | None, str]]:
    """Return codes, None for `NOTHING`, and words of codes that the user says."""
    pairs: list[tuple[int | None, str]] = []
    for part in said.split(","):
        code, _, word = (piece.strip() for piece in part.partition(SAYS))
        nothing = code.lower() == NOTHING
        whole = re.fullmatch(r"-?\d{1,5}", code) is not None
        if not word or not (nothing or whole):
            raise UsageError(f"'{part.strip()}' does not say what a code is.", _HOW)
        pairs.append((None if nothing else int(code), word))
    codes = [code for code, _ in pairs]
    if len(set(codes)) < len(codes):
        raise UsageError(f"'{said}' says what one code is twice.", _HOW)
    return pairs


def _legend_of_said(said: str) -> Legend:
    """Return the legend whose classes the words of said codes name: that of water first."""
    pairs = _pairs(said)
    for name in _SAID_LEGENDS:
        known = _known_words(load_legend(name))
        if all(_plain(word) in known for _, word in pairs if word.lower() != NOTHING):
            return load_legend(name)
    known = _known_words(load_legend("water"))
    words = [word for _, word in pairs if word.lower() != NOTHING]
    strange = next((word for word in words if _plain(word) not in known), said)
    raise UsageError(f"'{strange}' is no class that goes with the others of '{said}'.", _HOW)


def classes_said(said: str, legend: Legend) -> list[int]:
    """Return the classes of a legend that said codes name; "no data" is none.

    Raises:
        UsageError: what is said is not understood.
        InputError: a word that is no class of the legend.
    """
    found = (_class_said(word, legend) for _, word in _pairs(said))
    return [code for code in found if code != NO_DATA]


def _class_said(word: str, legend: Legend) -> int:
    """Return the class of a legend that a said word means; 0 for "no data"."""
    return NO_DATA if word.lower() == NOTHING else class_named(word, legend)


def _said(said: str, legend: Legend) -> Crosswalk:
    """Return the crosswalk of codes that the user says."""
    codes = {code: _class_said(word, legend) for code, word in _pairs(said)}
    table = np.full(256, UNKNOWN, "uint8")
    others = {}
    for code, to in codes.items():
        if code is not None and 0 <= code <= UNKNOWN:
            table[code] = to
        elif code is not None:
            others[code] = to
    return Crosswalk(
        said, table, notice("codes_said", codes=said), others, codes.get(None, NO_DATA)
    )


def _words_of(class_name: str, legend: Legend) -> set[str]:
    titles = legend.by_name(class_name).title.values()
    return {_plain(class_name), *(_plain(title) for title in titles)}


def _plain(word: str) -> str:
    return " ".join(word.lower().replace("_", " ").split())


def _spelled(rules: dict[str, list[int]]) -> str:
    return "; ".join(f"{', '.join(map(str, codes))} {name}" for name, codes in rules.items())
