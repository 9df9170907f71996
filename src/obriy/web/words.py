"""The words of the page, in the language of the reader."""

import dataclasses
import functools

from pydantic.fields import FieldInfo

from obriy.tables import languages, load_toml, table_names


@dataclasses.dataclass(frozen=True)
class Words:
    """The words of one language: ``tables/web_<lang>.toml``.

    Attributes:
        lang: One of `obriy.tables.languages`.
    """

    lang: str

    def __call__(self, key: str, **values: object) -> str:
        """Return a word of the page, its ``{holes}`` filled."""
        return str(load_toml(f"web_{self.lang}")["page"][key]).format(**values)

    def of(self, section: str, name: str) -> str:
        """Return the word for a name; the name itself where it has none."""
        return str(load_toml(f"web_{self.lang}")[section].get(name) or name.replace("_", " "))

    def help(self, job: str, name: str, field: FieldInfo) -> str:
        """Return what an option is for: by its configuration, unless the language says it.

        ``job.name`` goes before ``name``: some jobs mean something else by it.
        """
        own = load_toml(f"web_{self.lang}").get("help", {})
        return str(own.get(f"{job}.{name}") or own.get(name) or field.description or "")

    def step(self, name: str) -> str:
        """Return what a step of a run is called; a date or a name stands behind its first word."""
        kind, _, rest = name.partition(" ")
        known = load_toml(f"web_{self.lang}")["steps"].get(kind)
        if kind == "compare":  # its second word is part of its name
            return str(known)
        return name if known is None else f"{known} {rest}".strip()

    def time(self, seconds: float) -> str:
        """Return how long something takes."""
        if seconds < 90:
            return f"{seconds:.0f} {self('unit_s')}"
        return f"{seconds / 60:.0f} {self('unit_min')}"


def page_languages() -> list[str]:
    """Return the languages that the page has words of, among those of reports."""
    names = table_names("")
    return [lang for lang in languages() if f"web_{lang}" in names]


@functools.cache
def words_of(lang: str) -> Words:
    """Return the words of a language."""
    return Words(lang)
