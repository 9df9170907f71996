"""The question to a labeller that looks: pictures, facts, classes, and the form of the answer."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from obriy.labelling.cache import content_key
from obriy.model.clusters import Portrait
from obriy.model.legend import Legend, LegendClass
from obriy.tables import load_toml

VERSION: Final = int(load_toml("panel")["version"])
"""Of what is asked and shown."""
_UNKNOWN: Final = "unknown"
_LONGEST: Final = {"said": 120, "second_guess": 120, "evidence": 400}
"""Letters that are kept of what was said."""
_LEAST_TOLD: Final = 0.05
"""Share of the border from which it is told what a neighbour was called."""
_SEARCHED: Final = 20_000
"""Letters in which an object may begin: an answer that does not end is not searched to its end."""


class Reply(BaseModel):
    """The form of an answer. Words are taken as they come: the vocabulary knows what they mean."""

    model_config = ConfigDict(populate_by_name=True, extra="ignore")

    said: str = Field(alias="class", description="Name of a class, or unknown")
    confidence: float = Field(0.5, ge=0, le=1, description="Probability that the class is right")
    second_guess: str | None = Field(None, description="The next best class, or null")
    mixed: bool = Field(False, description="Whether the cluster is a mixture of classes")
    evidence: str = Field("", description="What decided, at most 40 words")

    @field_validator("confidence", mode="before")
    @classmethod
    def _share(cls, value: Any) -> Any:
        """Read "85", "85 %" and 85 as 0.85: small models like per cents."""
        try:
            number = float(str(value).strip().rstrip("%"))
        except ValueError:
            return value
        return number / 100 if 1 < number <= 100 else number

    @field_validator("said", "second_guess", "evidence", mode="before")
    @classmethod
    def _words(cls, value: Any, info: Any) -> Any:
        """Keep words on one line, and the beginning of those that do not end."""
        if not isinstance(value, str):
            return value
        return " ".join(value[:5000].split())[: _LONGEST[info.field_name]]


@dataclasses.dataclass(frozen=True)
class Question:
    """What is sent.

    Attributes:
        instructions: What holds for every cluster.
        before: Words before the pictures.
        pictures: Caption and PNG of each picture, in order.
        after: Words after the pictures: facts, classes, the form of the answer.
        rejected: A first answer that could not be taken, and what was said to it; None: none yet.
    """

    instructions: str
    before: str
    pictures: tuple[tuple[str, bytes], ...]
    after: str
    rejected: tuple[str, str] | None = None

    @property
    def words(self) -> str:
        """All words of it."""
        captions = (caption for caption, _ in self.pictures)
        return "\n".join(
            (self.instructions, self.before, *captions, self.after, *(self.rejected or ()))
        )

    def key(self, *labeller: str) -> str:
        """Return the fingerprint of all that an answer depends on."""
        pictures = (png for _, png in self.pictures)
        return content_key(*labeller, json.dumps(schema()), self.words, *pictures)

    def again(self, said: str, problem: str) -> "Question":
        """Return the question with a first answer and what is wrong with it."""
        return dataclasses.replace(self, rejected=(said, problem))


def ask(portrait: Portrait, legend: Legend, before: Mapping[int, int] | None = None) -> Question:
    """Put the question about one cluster.

    Args:
        portrait: The cluster; its number is not told.
        legend: The classes.
        before: Codes that the one who is asked gave other clusters in earlier rounds, by their
            number; None: nothing yet. What others said must not be in it.
    """
    words = load_toml("panel")
    captions: Mapping[str, str] = words["captions"]
    shown = tuple(
        (f"{place}. {captions.get(name, name.replace('_', ' '))}", png)
        for place, (name, png) in enumerate(portrait.pictures.items(), 1)
    )
    classes = [_described(entry) for entry in legend] + [f"- {words['unknown']}"]
    after = [
        words["facts"],
        portrait.text,
        *_neighbours(portrait, legend, before or {}),
        "",
        words["legend"],
        *classes,
        "",
        words["question"],
        words["answer"].strip(),
    ]
    title = words["pictures"] if shown else ""
    return Question(words["instructions"].strip(), title, shown, "\n".join(after))


def ask_again(question: Question, text: str, said: str | None, legend: Legend) -> Question:
    """Put the question once more, with the names that are allowed.

    Args:
        question: The first question.
        text: The whole first answer.
        said: The class in it that the legend does not have; None: it had not the form asked for.
        legend: The classes.
    """
    names = ", ".join([*(entry.name for entry in legend), _UNKNOWN])
    words = load_toml("panel")
    form = words["unreadable"] if said is None else words["outside"]
    told = form.replace("{names}", names).replace("{said}", said or "")
    return question.again(text[:2000], told)


def read_reply(text: str) -> Reply | None:
    """Find the answer in a text: its first JSON object of the form; None where there is none."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start != -1:
        try:
            entry, _ = decoder.raw_decode(text, start)
            return Reply.model_validate(entry)
        except (ValueError, ValidationError, RecursionError):
            start = text.find("{", start + 1) if start < _SEARCHED else -1
    return None


def schema() -> dict[str, Any]:
    """Return the JSON schema of an answer."""
    return Reply.model_json_schema()


def _neighbours(portrait: Portrait, legend: Legend, before: Mapping[int, int]) -> list[str]:
    """Return a line on neighbours by the names that the one who is asked gave them before."""
    names = {entry.code: entry.name for entry in legend}
    shares: dict[str, float] = {}
    for number, share in portrait.facts.neighbours.items():
        name = names.get(before.get(number, -1))
        if name is not None and number != portrait.facts.id:
            shares[name] = shares.get(name, 0.0) + share
    said = [f"{100 * share:.0f}% {name}" for name, share in shares.items() if share >= _LEAST_TOLD]
    form: str = load_toml("panel")["neighbours"]
    return [form.replace("{said}", ", ".join(said))] if said else []


def _described(entry: LegendClass) -> str:
    title = entry.title.get("en", entry.name)
    return f"- {entry.name}: {title}. {entry.definition}".strip()
