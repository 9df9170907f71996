"""Words of labellers to codes of a legend: by its names, by tables, then nearly; never silently.

A labeller answers in words, and a map holds codes. Each step says how it came to its code, and
what is not clear stays without a name: a wrong class would be worse, for nobody would see it.
"""

import difflib
import functools
import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar

from obriy.errors import InputError, TableError
from obriy.model.crosswalk import translation
from obriy.model.legend import UNNAMED, Legend, load_legend
from obriy.tables import load_toml

ABSTAINED: Final = "unknown"
"""How, where the labeller itself says that it does not know."""
TABLE: Final = "table"
"""How, where tables know all the words."""
OUTSIDE: Final = "not in the legend"
LEAST_LIKENESS: Final = 0.88
"""Of two spellings (`difflib` ratio). "forrest" and "forest" have 0.92, "waste" and "water" 0.8."""
SHORTEST_FUZZY: Final = 5
"""Letters: among shorter words a letter makes another word (lake, lava; marsh, march)."""
SAME_START: Final = 2
"""Letters that must agree: what turns a word round stands before it (un-, de-, без-, не-)."""

T = TypeVar("T")
Phrase = tuple[str, ...]

_LEAST_STEM: Final = 3


def normalise(words: str, legend: Legend) -> tuple[int, str]:
    """Return the class that words mean, and how they were understood.

    The order: the names and titles of the legend in any case (``"exact"``); terms of
    ``tables/vocabulary.toml`` in any number and case, where every word of the phrase is understood
    and all of it means one class (``"table"``); the nearest spelling (``"fuzzy (0.93)"``).
    A negation ("not water", "без дерев") or a mixture ("water or shadow", "grass and trees") is no
    class, unless the legend has one of that name.

    Args:
        words: What the labeller said.
        legend: The classes of the map.

    Returns:
        The code, or 255; and how: also ``"unknown"`` where the words themselves say so, or
        ``"not in the legend"`` with the reason.
    """
    text = fold(words)
    lexicon = _lexicon(_key(legend))
    if not text:
        return UNNAMED, f"{OUTSIDE} (no words)"
    if text in lexicon.names:
        return lexicon.names[text], "exact"
    if text in lexicon.unknown:
        return UNNAMED, ABSTAINED
    return _understand([word for word in text.split() if not word.isdigit()], lexicon)


def fold(words: str) -> str:
    """Return words in one spelling: lower case, no punctuation, single spaces."""
    text = unicodedata.normalize("NFKC", words)[:300]
    text = re.sub(r"(?<=[a-zа-яіїєґ])(?=[A-ZА-ЯІЇЄҐ])", " ", text)  # TreeCover
    text = re.sub(r"['’ʼ`´\u0301]", "", text.lower().replace("ё", "е"))
    return " ".join(re.sub(r"[\W_]+", " ", text).split())


class _Lexicon(NamedTuple):
    """What words mean in one legend.

    Attributes:
        names: Codes by the legend's own names and titles.
        terms: Codes by stems of terms; 0: a known term for which the legend has no class.
        harmless: Stems that change nothing.
        negations: Words that turn the meaning round.
        unknown: Phrases that say "I do not know".
    """

    names: Mapping[str, int]
    terms: Mapping[Phrase, int]
    harmless: frozenset[str]
    negations: frozenset[str]
    unknown: frozenset[str]


_Key = tuple[str, tuple[tuple[int, str, tuple[str, ...]], ...]]


def _key(legend: Legend) -> _Key:
    """Return what the lexicon of a legend depends on (a legend itself cannot be hashed)."""
    classes = ((c.code, c.name, tuple(c.title.values())) for c in legend)
    return legend.name, tuple(classes)


@functools.lru_cache(maxsize=16)
def _lexicon(key: _Key) -> _Lexicon:
    table = load_toml("vocabulary")
    concepts = _concepts()
    terms_of = {_stems(fold(t)): name for name, c in concepts.items() for t in c["terms"]}
    harmless = frozenset(s for word in table["harmless"] for s in _stems(fold(word)))
    names: dict[str, int] = {}
    owners: dict[str, set[int]] = {}
    for code, name, titles in key[1]:
        for words in (name, *titles):
            names.setdefault(fold(words), code)
            for concept in _concept_of(words, terms_of, harmless):
                owners.setdefault(concept, set()).add(code)
    owned = {concept: codes.pop() for concept, codes in owners.items() if len(codes) == 1}
    translated = _from_worldcover(key)
    terms = {p: _code_of(name, concepts, owned, translated) for p, name in terms_of.items()}
    terms |= {_stems(text): code for text, code in names.items()}
    return _Lexicon(
        names,
        terms,
        harmless,
        frozenset(map(fold, table["negations"])),
        frozenset(map(fold, table["unknown"])),
    )


@functools.cache
def _concepts() -> dict[str, dict[str, Any]]:
    concepts: dict[str, dict[str, Any]] = load_toml("vocabulary")["concept"]
    lost = {c["within"] for c in concepts.values() if "within" in c} - concepts.keys()
    if lost:
        raise TableError(f"The vocabulary has no concept '{lost.pop()}'.")
    return concepts


def _concept_of(words: str, terms: Mapping[Phrase, str], harmless: frozenset[str]) -> set[str]:
    """Return the one concept that the name of a class stands for; empty where it is not one."""
    phrase = _stems(fold(words))
    if phrase in terms:
        return {terms[phrase]}
    found, rest = _read(phrase, terms, harmless)
    return set(found) if len(set(found)) == 1 and not rest else set()


def _from_worldcover(key: _Key) -> Mapping[str, int]:
    """Return codes of the legend by name of WorldCover's classes; empty for a user's own legend.

    Classes that the legend divides further are left out: which forest of IGBP a "forest" is, the
    labeller must say.
    """
    source = load_legend("worldcover")
    try:
        target = load_legend(key[0])
        if _key(target) != key:
            return {}
        found = translation(source, target)
    except InputError:
        return {}
    clear = (c for c in source if found.codes[c.code] and c.code not in found.nearest)
    return {c.name: found.codes[c.code] for c in clear}


def _code_of(
    concept: str,
    concepts: Mapping[str, Mapping[str, Any]],
    owned: Mapping[str, int],
    translated: Mapping[str, int],
) -> int:
    """Return the class for a concept, or for the nearest wider one that has a class; 0: none."""
    name: str | None = concept
    while name is not None:
        if name in owned:
            return owned[name]
        same = str(concepts[name].get("worldcover"))
        if same in translated:
            return translated[same]
        name = concepts[name].get("within")
    return 0


def _stems(text: str) -> Phrase:
    return tuple(_stem(word) for word in text.split())


@functools.lru_cache(maxsize=4096)
def _stem(word: str) -> str:
    """Take number and case off a word, so that its forms are one."""
    if not word.isascii():
        ending = next((e for e in _endings() if _fits(word, e)), "")
        return word.removesuffix(ending)
    if len(word) < 4 or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word.removesuffix("s")


@functools.cache
def _endings() -> list[str]:
    return sorted(load_toml("vocabulary")["endings"], key=len, reverse=True)


def _fits(word: str, ending: str) -> bool:
    return word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM


def _read(
    phrase: Phrase, terms: Mapping[Phrase, T], harmless: frozenset[str]
) -> tuple[list[T], list[str]]:
    """Return what the terms in a phrase mean, the longest first, and the words left over."""
    found: list[T] = []
    rest: list[str] = []
    start = 0
    while start < len(phrase):
        ends = range(len(phrase), start, -1)
        end = next((e for e in ends if phrase[start:e] in terms), None)
        if phrase[start] in harmless and end in (None, start + 1):
            end = start + 1
        elif end is None:
            rest.append(phrase[start])
        else:
            found.append(terms[phrase[start:end]])
        start = end or start + 1
    return found, rest


def _understand(words: list[str], lexicon: _Lexicon) -> tuple[int, str]:
    phrase = _stems(" ".join(words))
    if phrase in lexicon.terms:
        return _found([lexicon.terms[phrase]])
    if any(word in lexicon.negations for word in words):
        return UNNAMED, f"{OUTSIDE} (a negation)"
    codes, rest = _read(phrase, lexicon.terms, lexicon.harmless)
    if codes and not rest:
        return _found(codes)
    return _nearest(phrase, lexicon)


def _found(codes: list[int]) -> tuple[int, str]:
    """Return the one class that all terms mean."""
    if len(set(codes)) > 1:
        return UNNAMED, f"{OUTSIDE} (a mixture)"
    return (codes[0], TABLE) if codes[0] else (UNNAMED, f"{OUTSIDE} (no such class in it)")


def _nearest(phrase: Phrase, lexicon: _Lexicon) -> tuple[int, str]:
    """Return the class whose term is spelled nearly like this."""
    said = " ".join(word for word in phrase if word not in lexicon.harmless)
    if len(said) < SHORTEST_FUZZY:
        return UNNAMED, OUTSIDE
    best, codes = 0.0, set[int]()
    for term, code in lexicon.terms.items():
        known = " ".join(term)
        if known[:SAME_START] != said[:SAME_START] or len(known) < SHORTEST_FUZZY:
            continue
        likeness = difflib.SequenceMatcher(None, said, known, autojunk=False).ratio()
        if likeness > best:
            best, codes = likeness, {code}
        elif likeness == best:
            codes.add(code)
    if best < LEAST_LIKENESS or len(codes) != 1 or 0 in codes:
        return UNNAMED, OUTSIDE
    return codes.pop(), f"fuzzy ({best:.2f})"
