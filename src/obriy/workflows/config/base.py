"""What the configuration of every job has, and how one is made and checked."""

import glob
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from obriy.errors import UsageError
from obriy.tables import languages
from obriy.workflows.config.words import check_words


def _comma_list(value: Any) -> Any:
    """Turn ``"a,b"`` into ``["a", "b"]``; anything else stays."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def one_or_more(value: Any) -> Any:
    """Turn one name into a list of one; anything else stays."""
    return [value] if isinstance(value, str | Path) else value


ARGUMENT: Final[dict[str, Any]] = {"argument": True}
"""Marks the field that stands on the command line without an option."""
CommaList = Annotated[list[str], BeforeValidator(_comma_list)]


def usual_language(given: str | None = None) -> str:
    """Return the language that is given, where nobody gives one that of ``OBRIY_LANG``, or English.

    Raises:
        UsageError: where there are no words of that of the environment.
    """
    from obriy.settings import settings  # not before it is asked: `--help` is quick

    return given or known_language(settings().lang, "OBRIY_LANG", "; or unset it")


def known_language(lang: str, said: str = "--lang", way: str = "") -> str:
    """Return a language that has its words in the tables.

    Args:
        lang: The language.
        said: What asks for it.
        way: Another way out.

    Raises:
        UsageError: with those that have.
    """
    if lang not in languages():
        raise UsageError(f"{said}: there are no words of '{lang}'.",
                         f"Known: {', '.join(languages())}{way}.")  # fmt: skip
    return lang


GSW: Final = "gsw:"
"""Stands before the file of a reference from GSW occurrence."""
TRAINED: Final = {"weights": "model"}
"""What was trained is a model; weights are those of dates."""


def absolute(text: str | None) -> str | None:
    """Return a name with the path of a file in it made absolute; anything else stays."""
    if not text:
        return text
    head = next((h for h in (GSW, "replay:", "student:", "stac:") if text.startswith(h)), "")
    path, mark, query = text.removeprefix(head).partition("?p=")
    known = Path(path).expanduser()
    # No path at all is the working folder: "stac:" names none.
    there = path and (known.exists() or _matches(str(known)))
    return f"{head}{known.resolve()}{mark}{query}" if there else text


def _matches(path: str) -> bool:
    """Say whether a path is a pattern that something matches; a link to nothing is none."""
    return glob.has_magic(path) and any(glob.iglob(path))  # noqa: PTH207 - absolute ones too


def _anchored(value: Any) -> Any:
    """Return a field with the paths in it made absolute."""
    if isinstance(value, list):
        return [_anchored(one) for one in value]
    return value.expanduser().resolve() if isinstance(value, Path) else absolute(value)


class JobConfig(BaseModel):
    """What every job has."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    PLACES: ClassVar[tuple[str, ...]] = ()
    """Fields that may name files."""
    WORDS: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Of those, what is a word and no file, though one in the working folder may be called so."""
    OUTPUTS: ClassVar[tuple[str, ...]] = ()
    """What can be written, of a job that has a choice."""
    FIRST: ClassVar[tuple[str, ...]] = ()
    """The five options that matter, which stand first in the help of the command."""
    FORMERLY: ClassVar[Mapping[str, str]] = {}
    """Names that options had before, and have now: they are understood, and it is said."""
    ONCE: ClassVar[str] = ""
    """The name that the job had before: files that say it are read."""

    out: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        None, description="folder of the run; default: named after the source"
    )
    workers: int | None = Field(None, ge=1, description="threads; default: one per core")
    max_ram: float | None = Field(
        None, gt=0, le=1e6, description="memory to use, GB; default: half of what is free"
    )
    lang: Annotated[str, AfterValidator(known_language)] = Field(
        default_factory=usual_language,
        description=f"language of the report, of {', '.join(languages())}; default: OBRIY_LANG, "
        "else en",
    )

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: Any) -> Any:
        """Take what was given by a name that job or option had before; the new name wins."""
        if not isinstance(values, dict):
            return values
        given = dict(values)
        if cls.ONCE and given.get("job") == cls.ONCE:
            given["job"] = cls.title()
        for old in cls.FORMERLY.keys() & given.keys():
            new = cls.FORMERLY[old]
            warnings.warn(f"--{old} is called --{new} now.", DeprecationWarning, stacklevel=2)
            given = {new: given.pop(old)} | given
        return given

    def identity(self) -> dict[str, Any]:
        """Return the values that determine the result: where and how fast are left out."""
        return self.model_dump(
            mode="json",
            exclude={"out", "workers", "max_ram", "scheduler"},
            exclude_none=True,
            by_alias=True,
        )

    def anchored(self) -> Self:
        """Return the configuration with absolute paths: it means the same from any folder."""
        given = {name: getattr(self, name) for name in self.PLACES}
        return self.model_copy(
            update={n: v if v in self.WORDS.get(n, ()) else _anchored(v) for n, v in given.items()}
        )

    def stem(self) -> str:
        """Return how the folder of a run is named where nobody names it."""
        given = getattr(self, self.argument())
        first = str(given[0] if isinstance(given, list) else given)
        return re.sub(r"[^\w.-]+", "-", Path(first).name or first).strip("-.")

    def names(self) -> list[str]:
        """Return all that may name something to read: every text among the values."""
        values = self.model_dump(mode="json", exclude={"out"}).values()
        listed = (value if isinstance(value, list) else [value] for value in values)
        return [one for values in listed for one in values if isinstance(one, str)]

    @classmethod
    def argument(cls) -> str:
        """Return the field that stands on the command line without an option."""
        extras = {name: field.json_schema_extra for name, field in cls.model_fields.items()}
        return next(name for name, extra in extras.items() if extra == ARGUMENT)

    @classmethod
    def title(cls) -> str:
        """Return the name of the job."""
        return str(cls.model_fields["job"].default)

    @classmethod
    def words(cls) -> list[str]:
        """Return the words of its command."""
        return cls.title().split("-")


Config = TypeVar("Config", bound=JobConfig)


def values_of(text: str | bytes, name: object = "config.yaml") -> dict[str, Any]:
    """Return what stands in a ``config.yaml``; nothing where that are no values with names.

    Raises:
        UsageError: where the file of that name is not YAML.
    """
    import yaml

    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # "2025-99-99" is a ValueError
        raise UsageError(f"{name} is not YAML.", "Give the config.yaml of a run.") from error
    named = isinstance(values, dict) and all(isinstance(key, str) for key in values)
    return values if named else {}


def with_scheduler(config: Config, address: str) -> Config:
    """Return a configuration whose images a cluster maps: where it runs is no part of what it is.

    Raises:
        UsageError: the job spreads nothing.
    """
    if "scheduler" not in type(config).model_fields:
        words = " ".join(config.words())
        raise UsageError(f"'obriy {words}' does not spread its work.", "Leave --scheduler.")
    return config.model_copy(update={"scheduler": address})


def make_config(kind: type[Config], values: dict[str, Any]) -> Config:
    """Check values and return the configuration.

    Raises:
        UsageError: naming the option that is off, in one line.
    """
    check_words(values)
    try:
        config = kind(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "the configuration"
        fault = first["msg"].lower().removeprefix("value error, ").split(" for <class")[0]
        raise UsageError(
            f"--{name.replace('_', '-')}: {fault} (given: {first.get('input')!r})."
        ) from error
    unknown = [name for name in getattr(config, "outputs", []) if name not in kind.OUTPUTS]
    if unknown:
        raise UsageError(
            f"--outputs: '{unknown[0]}' is not an output.", f"Choose of {', '.join(kind.OUTPUTS)}."
        )
    return config
