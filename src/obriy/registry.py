"""Names to objects: duplicates are errors, unknown names get a suggestion, entries load on use."""

import difflib
import importlib
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from obriy.errors import UnknownNameError, UsageError

T = TypeVar("T")
LONGEST: Final = 80
"""Letters of a name that a message repeats."""


def did_you_mean(kind: str, name: str, known: list[str]) -> UnknownNameError:
    """Build the error for a name that is not known.

    Args:
        kind: What the name is a name of, e.g. ``"index"``.
        name: What the user wrote.
        known: All names that would have been right.
    """
    shown = name if len(name) <= LONGEST else f"{name[:LONGEST]}…"
    close = difflib.get_close_matches(shown.lower(), [k.lower() for k in known], n=1)
    match = next((k for k in known if close and k.lower() == close[0]), None)
    hint = f"Did you mean '{match}'? " if match else ""
    return UnknownNameError(
        f"There is no {kind} named '{shown}'.", f"{hint}Known: {', '.join(known)}."
    )


class Registry(Generic[T]):
    """A set of named entries of one kind.

    Args:
        kind: What an entry is, for messages, e.g. ``"source"``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T | str] = {}

    def register(self, name: str, entry: T | str) -> None:
        """Add an entry; a string ``"package.module:attribute"`` is imported on first use."""
        if name in self._entries:
            raise UsageError(f"The {self.kind} '{name}' is registered twice.")
        self._entries[name] = entry

    def get(self, name: str) -> T:
        """Return the entry of that name (case does not matter).

        Raises:
            UnknownNameError: with the nearest known name.
        """
        key = next((k for k in self._entries if k.lower() == name.lower()), None)
        if key is None:
            raise did_you_mean(self.kind, name, sorted(self._entries))
        entry = self._entries[key]
        if isinstance(entry, str):
            module, attribute = entry.split(":")
            entry = self._entries[key] = getattr(importlib.import_module(module), attribute)
        return entry  # type: ignore[return-value]

    @property
    def names(self) -> list[str]:
        """Names in the order of their entries."""
        return list(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in {k.lower() for k in self._entries}
