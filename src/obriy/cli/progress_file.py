"""How far a run has come, as a file: for whoever watches from another process."""

import json
import threading
import time
from pathlib import Path
from typing import Final

from obriy.outputs.files import write_text

_APART_S: Final = 0.3
"""Seconds between two versions of the file."""


class ProgressFile:
    """Called as blocks are done; writes ``{"stages": [[name, done, total], ...]}``, in order.

    Args:
        path: The file; replaced as a whole, so that a reader finds no half of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stages: dict[str, tuple[int, int]] = {}
        self._written = -_APART_S
        self._lock = threading.Lock()

    def __call__(self, name: str, done: int, total: int) -> None:
        """Note how far a stage has come; any thread may."""
        with self._lock:
            self._note(name, done, total)

    def _note(self, name: str, done: int, total: int) -> None:
        begun = name in self._stages
        self._stages[name] = (done, total)
        now = time.monotonic()
        if begun and done < total and now - self._written < _APART_S:
            return
        self._written = now
        stages = [[stage, *counts] for stage, counts in self._stages.items()]
        write_text(self._path, json.dumps({"stages": stages}))
