"""What text of a user can stand in a record of a run."""

from pathlib import Path
from typing import Any

from obriy.errors import UsageError


def check_words(values: Any) -> None:
    """Raise a UsageError for text that no file of text can hold, as the record of a run must.

    Names of files may be any bytes: those that are not UTF-8 stand as lone surrogates.

    Args:
        values: Text, or lists and mappings with text anywhere in them; other things are passed.
    """
    if isinstance(values, str | Path) and not is_text(str(values)):
        raise UsageError(f"{shown(str(values))} is a name that is not UTF-8.",
                         "Give the file or folder another name.")  # fmt: skip
    inside = values.values() if isinstance(values, dict) else values
    for value in inside if isinstance(values, dict | list | tuple) else ():
        check_words(value)


def is_text(text: str) -> bool:
    """Say whether text can stand in a file of UTF-8, and as the name of a file."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def shown(text: str) -> str:
    """Return text with what is none as its code."""
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode("utf-8")
