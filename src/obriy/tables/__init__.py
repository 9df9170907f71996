"""Facts as data: sensors, indices, thresholds, legends, quality bits; loaded and checked once."""

import functools
from collections.abc import Mapping
from importlib import resources
from typing import Any

from obriy.errors import TableError


@functools.lru_cache(maxsize=64)
def load_toml(name: str) -> dict[str, Any]:
    """Load a table of facts; the result is shared, so it must not be changed.

    Args:
        name: Path inside ``obriy/tables`` without the ending, e.g. ``"legends/water"``.

    Raises:
        TableError: where there is no such table, or it is not TOML.
    """
    import tomllib  # compiles expressions: `obriy --help` reads no table

    file = resources.files("obriy.tables").joinpath(f"{name}.toml")
    if not file.is_file():
        raise TableError(f"There is no table '{name}'.", "Reinstall obriy: a data file is missing.")
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise TableError(f"The table '{name}' is not TOML: {error}.") from error


@functools.cache
def languages() -> list[str]:
    """Return the languages of reports: each has its words in ``text_<lang>.toml``."""
    texts = [name for name in table_names("") if name.startswith("text_")]
    return [name.removeprefix("text_") for name in texts]


def title_in(titles: Mapping[str, str], name: str, lang: str) -> str:
    """Return what something is called in a language.

    Args:
        titles: Its titles by language, one of them English.
        name: Its machine name: ``[titles]`` of a language's words may have what its table has not.
        lang: One of `languages`.
    """
    own = titles.get(lang) or load_toml(f"text_{lang}").get("titles", {}).get(name)
    return str(own or titles["en"])


def area_named(name: str) -> str | None:
    """Return the key in ``areas.toml`` of an area that goes by a name; None: it is not known."""
    areas = load_toml("areas")
    key = name.strip().lower().replace(" ", "-").replace("_", "-")
    key = next((known for known, area in areas.items() if key in area.get("also", ())), key)
    return key if key in areas else None


def table_names(folder: str) -> list[str]:
    """Return the names of the tables in a folder, e.g. ``"sensors"``, in alphabetical order."""
    files = resources.files("obriy.tables").joinpath(folder).iterdir()
    return sorted(f.name.removesuffix(".toml") for f in files if f.name.endswith(".toml"))
