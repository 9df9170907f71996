"""What a person reads, written where it may not fit: no result is lost to its printing.

A terminal or pipe may know fewer letters (cp1251, cp866, ASCII), be full, be closed, or have lost
its reader. Letters are replaced, and what cannot be written at all is dropped; the run goes on.
"""

import codecs
import contextlib
import errno
import functools
import io
import json
import os
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

_ALIKE: Final = {
    "\N{EN DASH}": "-", "\N{EM DASH}": "-", "\N{MINUS SIGN}": "-", "\N{HYPHEN}": "-",
    "\N{MIDDLE DOT}": "*", "\N{MULTIPLICATION SIGN}": "x", "\N{PLUS-MINUS SIGN}": "+-",
    "\N{GREATER-THAN OR EQUAL TO}": ">=", "\N{LESS-THAN OR EQUAL TO}": "<=",
    "\N{RIGHTWARDS ARROW}": "->", "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"', "\N{LEFT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"',
    "\N{RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK}": '"', "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{DEGREE SIGN}": " deg", "\N{BULLET}": "*", "\N{BOX DRAWINGS HEAVY HORIZONTAL}": "-",
    "і": "i", "І": "I", "ґ": "г", "Ґ": "Г",
}  # fmt: skip
"""What is read alike and is no decomposition of the letter; cp866 lacks two of Ukrainian."""


class Stream(io.TextIOWrapper):
    """A standard stream that takes every letter, and whose loss ends nothing.

    Attributes:
        lost: Why something could not be written; None: all was.
    """

    lost: OSError | None = None

    def write(self, text: str) -> int:
        """Write as far as it goes."""
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """Hand on as far as it goes."""
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def isatty(self) -> bool:
        """Say whether it is a terminal: not after the end, when libraries that kept it ask."""
        with contextlib.suppress(ValueError):  # detached
            return super().isatty()
        return False

    def _give_up(self, error: OSError) -> None:
        """Let all that is still to come, and what is held back, go nowhere."""
        self.lost = self.lost or error
        with contextlib.suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)


@contextlib.contextmanager
def forgiving_streams() -> Iterator[None]:
    """Make standard output and standard error take whatever comes, while the block works."""
    _open_closed()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (_forgiving(stream) for stream in before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            if isinstance(stream, Stream):
                stream.detach()
        sys.stdout, sys.stderr = before


def loss() -> str:
    """Return why the output did not reach its place; empty where it did, or nobody reads it."""
    sys.stdout.flush()
    error = getattr(sys.stdout, "lost", None)
    if error is None or error.errno in (errno.EPIPE, errno.EBADF):
        return ""
    return str(error.strerror)


def note_loss(folder: Path) -> None:
    """Say what of the output was lost where that is no harm: all of it lies in a folder."""
    reason = loss()
    if reason:
        sys.stderr.write(f"Note: not all could be printed ({reason}); it lies in {folder}.\n")
        sys.stdout.lost = None  # type: ignore[union-attr]


def print_json(values: Any) -> None:
    """Print values as JSON, which stays the same values in every encoding."""
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, indent=2)
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        text = json.dumps(values, ensure_ascii=True, allow_nan=False, indent=2)
    sys.stdout.write(text + "\n")


def _open_closed() -> None:
    """Open to nowhere what was closed (``2>&-``): its number would go to a file that is written.

    GDAL and PROJ write to number 2, whatever that is.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def _forgiving(stream: Any) -> Any:
    """Return a stream over the bytes of another one; one without bytes of its own as it is."""
    if not hasattr(stream, "buffer"):
        return stream
    stream.flush()
    handler = f"obriy-{stream.encoding}"  # of its own: a handler is told of cp866 as of "charmap"
    codecs.register_error(handler, functools.partial(_replaced, encoding=stream.encoding))
    return Stream(
        stream.buffer,
        encoding=stream.encoding,
        errors=handler,
        newline=None,
        line_buffering=getattr(stream, "line_buffering", True),
        write_through=getattr(stream, "write_through", False),
    )


def _replaced(error: UnicodeError, encoding: str) -> tuple[str, int]:
    """Return for letters that an encoding lacks what is nearest to them in it (``²`` is ``2``)."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(_nearest(letter, encoding) for letter in letters), error.end


def _nearest(letter: str, encoding: str) -> str:
    plain = _ALIKE.get(letter) or unicodedata.normalize("NFKD", letter)
    kept = "".join(part for part in plain if _fits(part, encoding))
    return kept or "?"


def _fits(letter: str, encoding: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
