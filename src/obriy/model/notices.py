"""What is decided, warned of or failed: a key with values, worded in the language of the reader.

    notice("outside", name="M5.4", share=0.2)     "M5.4: 20.0% of it lies outside the image."

The sentences lie in ``[notices]`` of ``tables/text_<lang>.toml``.
"""

import functools
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final

from obriy.errors import ObriyError
from obriy.model.legend import load_legend
from obriy.tables import load_toml, table_names

Plain = dict[str, Any]

_BETWEEN: Final = {"sentences": " ", "parts": "; "}
"""What stands between several values, by their format; else a comma."""


class Notice(str):
    """An English sentence that knows how to be said in another language.

    Attributes:
        key: Under ``[notices]`` of the tables of words.
        values: What the sentence says: words, numbers, further notices, lists of those.
    """

    key: str
    values: Mapping[str, Any]

    def __new__(cls, sentence: str, key: str, values: Mapping[str, Any]) -> "Notice":
        """Make one; `notice` does it from its key."""
        made = super().__new__(cls, sentence)
        made.key, made.values = key, values
        return made

    def __getnewargs__(self) -> tuple[str, str, Mapping[str, Any]]:  # type: ignore[override]
        """Return what copies and other processes make it from."""
        return str.__str__(self), self.key, self.values

    def __str__(self) -> str:
        """Return itself: it stays a notice on its way into a record."""
        return self


class _Kept:
    """Marks a field that keeps a notice: of a string that is more, pydantic makes a plain one."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Check only what is no notice."""
        from pydantic_core import core_schema

        return core_schema.no_info_wrap_validator_function(
            lambda value, check: value if isinstance(value, Notice) else check(value),
            handler(source),
        )


Sentence = Annotated[str, _Kept()]
"""Field of a record for what may be a notice."""


def notice(key: str, /, **values: Any) -> Notice:
    """Return a notice.

    Args:
        key: Of its sentence.
        values: What that tells, by the names of its holes: plain values, notices, lists of them.

    Raises:
        KeyError: where no sentence has the key, or it tells of another value.
    """
    return Notice(_Words("en").vformat(_sentences("en")[key], (), values), key, values)


def in_language(said: str, lang: str) -> str:
    """Return a sentence in a language; plain words, and notices of other versions, as they are.

    Args:
        said: A notice, or a word or sentence that the table of the language may know.
        lang: ``"en"`` or ``"uk"``.
    """
    if not isinstance(said, Notice):
        return _words(lang).get(said, said)
    if lang == "en":
        return str.__str__(said)
    try:
        return _Words(lang).vformat(_sentences(lang)[said.key], (), said.values)
    except (LookupError, TypeError, ValueError):  # of a later version, or made by hand
        return str.__str__(said)


def joined(said: Iterable[str], between: str = " ") -> str:
    """Return sentences one after another, as one; those that are empty are left out."""
    parts = [sentence for sentence in said if sentence]
    if len(parts) < 2:
        return parts[0] if parts else ""
    return notice("joined" if between == " " else "parts", said=parts)


def reason_of(error: ObriyError) -> str:
    """Return what an error says, as a result tells it: what is wrong, and the way out."""
    return joined((error.message, error.hint))


def notices_in(values: Any) -> list[Plain]:
    """Return the notices among plain values, with their keys; those within others come first.

    So they are kept beside values that are written as JSON, where a notice is but its sentence.
    """
    found: dict[str, Plain] = {}

    def look(value: Any) -> None:
        if isinstance(value, Notice):
            if value not in found:
                look(value.values)
                sentence, key = str.__str__(value), value.key
                found[sentence] = {"sentence": sentence, "key": key, "values": dict(value.values)}
        elif isinstance(value, Mapping):
            look(list(value.values()))
        elif isinstance(value, list | tuple):
            for one in value:
                look(one)

    look(values)
    return list(found.values())


def with_notices(values: Any, kept: Sequence[Mapping[str, Any]]) -> Any:
    """Return values read from JSON in which the sentences are notices again.

    Args:
        values: Plain values.
        kept: What `notices_in` found in them when they were written.
    """
    book: dict[str, Notice] = {}

    def told(value: Any) -> Any:
        if isinstance(value, str):
            return book.get(value, value)
        if isinstance(value, Mapping):
            return {key: told(one) for key, one in value.items()}
        return [told(one) for one in value] if isinstance(value, list | tuple) else value

    for one in kept:
        book[one["sentence"]] = Notice(one["sentence"], one["key"], told(one["values"]))
    return told(values) if book else values


@functools.cache
def number_marks(lang: str) -> dict[int, str]:
    """Return how a language writes the marks in what Python writes of a number."""
    marks: dict[str, str] = load_toml(f"text_{lang}")["numbers"]
    return str.maketrans(
        {",": marks["thousands"], ".": marks["point"], "-": marks["minus"], "%": marks["percent"]}
    )


def place_in(name: str, lang: str) -> str:
    """Return what people call a district: those that the software named have words."""
    return str(load_toml(f"text_{lang}")["places"].get(name, name))


def class_in(name: str, lang: str) -> str:
    """Return what people call a class of any legend; other words as the table has them."""
    title = _class_titles(lang).get(name)
    return in_language(name, lang) if title is None else title[:1].lower() + title[1:]


class _Words(string.Formatter):
    """Fills the holes of a sentence: ``{x}`` and numbers as Python writes them, else by what it is.

    ``{x:word}`` is a word that the table has, ``{x:place}`` a district, ``{x:classes}`` holds names
    of classes, ``{x:month}`` the number of a month, ``{x:sentences}`` and ``{x:parts}`` are several
    sentences.
    """

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def format_field(self, value: Any, format_spec: str) -> str:
        """Return a value in the language."""
        if isinstance(value, list | tuple):
            between = _BETWEEN.get(format_spec, ", ")
            return between.join(self.format_field(one, format_spec) for one in value)
        if not isinstance(value, str):
            written = format(value, format_spec)
            return written if self.lang == "en" else written.translate(number_marks(self.lang))
        if isinstance(value, Notice) or format_spec in ("word", *_BETWEEN):
            return in_language(value, self.lang)
        if format_spec == "month":
            return str(load_toml(f"text_{self.lang}")["ice"]["months"].split()[int(value) - 1])
        return self._name(value, format_spec)

    def _name(self, value: str, kind: str) -> str:
        """Return what people call a place or classes; other words as they are."""
        if self.lang == "en" or not kind:
            return value
        if kind == "place":
            return place_in(value, self.lang)
        return re.sub("[a-z][a-z_]+", lambda word: class_in(word[0], self.lang), value)


def _sentences(lang: str) -> dict[str, str]:
    sentences: dict[str, str] = load_toml(f"text_{lang}")["notices"]
    return sentences


def _words(lang: str) -> dict[str, str]:
    words: dict[str, str] = load_toml(f"text_{lang}").get("words", {})
    return words


@functools.cache
def _class_titles(lang: str) -> dict[str, str]:
    """Return names of classes by their machine names; of equal ones that of the first legend."""
    legends = [load_legend(name) for name in reversed(table_names("legends"))]
    return {c.name: c.called(lang) for legend in legends for c in legend}
