"""Every exception of Obriy, in one tree.

    ObriyError                 the base: catch this one
    ├── UsageError             the call itself is off: unknown name, clashing options (exit code 2)
    │   └── UnknownNameError   a name that no registry or table holds
    ├── InputError             a file or value that was given cannot serve
    │   ├── SourceError        bytes that are not the image they should be
    │   │   └── RemoteError    a server that refuses, fails or cannot be reached
    │   ├── BandError          a band that is needed is missing or misnamed
    │   ├── GridError          no CRS where one is needed, grids that do not meet
    │   ├── GeometryError      an empty, broken or far-away district
    │   └── TableError         one of our own fact tables breaks its rules
    ├── EmptyResultError       there is nothing to see: all cloud, all no data
    ├── OutputError            a file could not be written
    ├── MemoryBudgetError      the work does not fit the memory that was allowed
    ├── MissingExtraError      an optional package is not installed
    └── CancelledError         the user stopped the run

A message says what is wrong and where; ``hint`` says the way out.
"""

_BUSY = (408, 425, 429)
"""Statuses below 500 after which the same request may succeed."""


class ObriyError(Exception):
    """Base of all errors that a user can do something about.

    Args:
        message: What is wrong, and where.
        hint: The way out, as an imperative; empty where there is none.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class UsageError(ObriyError):
    """The call itself is off (exit code 2)."""


class UnknownNameError(UsageError):
    """A name that no registry or table holds."""


class InputError(ObriyError):
    """A file or value that was given cannot serve."""


class SourceError(InputError):
    """Bytes that are not the image they should be."""


class RemoteError(SourceError):
    """A server that refuses, fails or cannot be reached.

    Args:
        message: What is wrong, and where.
        hint: The way out.
        status: What the server answered (HTTP); None: nothing.
    """

    def __init__(self, message: str, hint: str = "", status: int | None = None) -> None:
        super().__init__(message, hint)
        self.status = status

    @property
    def is_refusal(self) -> bool:
        """Whether the server does not give it, or not the same any more: no other part comes."""
        return self.status is not None and 400 <= self.status < 500 and self.status not in _BUSY


class BandError(InputError):
    """A band that is needed is missing or misnamed."""


class GridError(InputError):
    """No CRS where one is needed, or grids that do not meet."""


class GeometryError(InputError):
    """An empty, broken or far-away district."""


class TableError(InputError):
    """One of our own fact tables breaks its rules."""


class EmptyResultError(ObriyError):
    """There is nothing to see: all cloud, all no data."""


class OutputError(ObriyError):
    """A file could not be written."""


class MemoryBudgetError(ObriyError):
    """The work does not fit the memory that was allowed."""


class MissingExtraError(ObriyError):
    """An optional package is not installed."""


class CancelledError(ObriyError):
    """The user stopped the run."""
