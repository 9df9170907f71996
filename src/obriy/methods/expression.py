"""Methods as text: ``auto``, ``mndwi:otsu``, ``(mndwi:otsu & aweish:zero) | ndwi:0.05``.

expression  :=  vote ( "|" vote )*                 water where one says so
vote        :=  unit ( "&" unit )*                 water where all say so
unit        :=  "!" unit | "(" expression ")" | call | atom
call        :=  "majority" "(" expression ("," expression)* ")"
             |  "weights" "(" NUMBER "*" unit ("," NUMBER "*" unit)* ")"
atom        :=  "auto" | INDEX ":" (NUMBER | zero | otsu | valley | edge | local | ...)
"""

import math
import re
from collections.abc import Callable
from typing import Final, TypeVar

from obriy.blocks.base import Method
from obriy.errors import UsageError
from obriy.methods.combine import all_of, any_of, majority_of, none_of, weighted
from obriy.methods.index_threshold import index_threshold

T = TypeVar("T")

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<atom>[A-Za-z]\w*\s*:\s*(?:[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?|[A-Za-z][\w-]*))"
    r"|(?P<number>\d*\.?\d+)|(?P<word>[A-Za-z][\w-]*)|(?P<sign>[&|!(),*]))"
)
_EXAMPLE: Final = (
    'Write e.g. auto, mndwi:otsu, or "mndwi:otsu & aweish:zero" (see `obriy methods`).'
)
MOST_LETTERS: Final = 3000
MOST_TERMS: Final = 100
"""Every pixel is mapped by each of them."""
MOST_LEVELS: Final = 40
"""Parentheses and negations inside each other."""
_QUOTED: Final = 60
"""Letters of an expression that a message repeats."""

METHOD_HELP: Final = {
    "auto": "all bands together, adapted to the scene; gives sub-pixel fractions (the default)",
    "INDEX:NUMBER": "a fixed threshold, e.g. ndwi:0.05",
    "INDEX:zero": "the threshold that the index was published with (zero for most)",
    "INDEX:otsu": "Otsu's, where a test finds two populations; else the published",
    "INDEX:otsu-untested": "Otsu's, whatever the histogram",
    "INDEX:valley": "the lowest point between the two peaks of the histogram; else the published",
    "INDEX:edge": "Otsu's on the pixels near shores; else the published",
    "INDEX:local": "Otsu's on the windows that hold two populations; else the published",
    "A & B, A | B, !A": "both, either, not; with parentheses",
    "majority(A, B, C)": "more than half of them",
    "weights(2*A, 1*B)": "at least half of the weight",
}
"""What a method may be, for help texts."""


def parse_method(text: str) -> Method:
    """Return the method that a text describes.

    Raises:
        UnknownNameError: for an index or threshold that is not known.
        UsageError: for anything that is not an expression, pointing at the place.
    """
    parser = _Parser(text)
    method = parser.expression()
    parser.end()
    return method


class _Parser:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.levels = 0
        self.tokens: list[tuple[str, str, int]] = []
        if len(self.text) > MOST_LETTERS:
            raise self._too_much(f"{len(self.text)} characters", MOST_LETTERS)
        at = 0
        while at < len(self.text):
            match = _TOKEN.match(self.text, at)
            if match is None or match.lastgroup is None:
                raise self._error(at, "this is not part of an expression")
            kind = match.lastgroup
            self.tokens.append((kind, re.sub(r"\s", "", match[kind]), match.start(kind)))
            at = match.end()
        terms = sum(kind == "atom" or value.lower() == "auto" for kind, value, _ in self.tokens)
        if terms > MOST_TERMS:
            raise self._too_much(f"{terms} terms", MOST_TERMS)
        self.next = 0

    def expression(self) -> Method:
        parts: list[Method] = self._separated("|", self._vote)
        return parts[0] if len(parts) == 1 else any_of(parts, _join(parts, " | "))

    def end(self) -> None:
        if self.next < len(self.tokens):
            raise self._error(self.tokens[self.next][2], "nothing was expected here")

    def _vote(self) -> Method:
        parts: list[Method] = self._separated("&", self._unit)
        return parts[0] if len(parts) == 1 else all_of(parts, f"({_join(parts, ' & ')})")

    def _unit(self) -> Method:
        kind, value, at = self._take()
        self.levels += 1
        if self.levels > MOST_LEVELS:
            raise self._error(at, f"it is nested more than {MOST_LEVELS} deep here")
        part = self._part(kind, value, at)
        self.levels -= 1
        return part

    def _part(self, kind: str, value: str, at: int) -> Method:
        if value == "!":
            part = self._unit()
            return none_of(part, f"!{part.name}")
        if value == "(":
            inside = self.expression()
            self._expect(")")
            return inside
        if kind == "atom":
            return index_threshold(*value.split(":"))
        return self._word(value.lower(), at)

    def _word(self, word: str, at: int) -> Method:
        if word == "auto":
            from obriy.methods.auto.method import AutoWater  # others do without its tables

            return AutoWater()
        if word == "majority":
            self._expect("(")
            parts = self._separated(",", self.expression)
            self._expect(")")
            return majority_of(parts, f"majority({_join(parts, ', ')})")
        if word == "weights":
            return self._weights()
        what = f"'{word[:_QUOTED]}' is not a method"
        raise self._error(at, f"{what} (an index needs a threshold, INDEX:zero)")

    def _weights(self) -> Method:
        self._expect("(")
        pairs = self._separated(",", self._weighted_unit)
        self._expect(")")
        weights, parts = [w for w, _ in pairs], [p for _, p in pairs]
        written = ", ".join(f"{w:g}*{p.name}" for w, p in pairs)
        return weighted(parts, weights, f"weights({written})")

    def _weighted_unit(self) -> tuple[float, Method]:
        kind, value, at = self._take()
        if kind != "number" or not 0 < float(value) < math.inf:
            raise self._error(
                at, "a positive weight was expected, as in weights(2*mndwi:otsu, ...)"
            )
        self._expect("*")
        return float(value), self._unit()

    def _separated(self, sign: str, part: Callable[[], T]) -> list[T]:
        parts = [part()]
        while self.next < len(self.tokens) and self.tokens[self.next][1] == sign:
            self.next += 1
            parts.append(part())
        return parts

    def _take(self) -> tuple[str, str, int]:
        if self.next >= len(self.tokens):
            raise self._error(len(self.text), "the expression ends too early")
        self.next += 1
        return self.tokens[self.next - 1]

    def _expect(self, sign: str) -> None:
        _, value, at = self._take()
        if value != sign:
            raise self._error(at, f"'{sign}' was expected")

    def _error(self, at: int, why: str) -> UsageError:
        return UsageError(
            f"Method '{self._quoted()}', at character {at + 1} "
            f"('{self.text[at : at + 12] or 'the end'}'): {why}.",
            _EXAMPLE,
        )

    def _too_much(self, found: str, most: int) -> UsageError:
        return UsageError(
            f"Method '{self._quoted()}' has {found}; at most {most} are worked through.",
            "Make it shorter, or combine the masks of several runs.",
        )

    def _quoted(self) -> str:
        cut = len(self.text) > _QUOTED
        return f"{self.text[:_QUOTED]}…" if cut else self.text


def _join(parts: list[Method], sign: str) -> str:
    return sign.join(part.name for part in parts)
