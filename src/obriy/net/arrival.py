"""How much is here of what a run expects to read in the network, for whoever watches it."""

import threading
from collections.abc import Callable
from typing import Final

from obriy.net import ending

STAGE: Final = "network"
"""What it is called among the stages of a run, in MB."""
_MB: Final = 10**6

Watcher = Callable[[str, int, int], None]
"""Called with the name of the stage, how much is done, and of how much."""


class Arrival:
    """Of one run of this process: a file that is opened twice comes once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: dict[str, int] = {}
        self._here: dict[str, int] = {}
        self._watcher: Watcher | None = None
        self._run = ending.run_number()

    def expect(self, name: str, size: int, watcher: Watcher | None) -> None:
        """Note what is going to be read.

        Args:
            name: Of an image; one that is named again counts once.
            size: Bytes that are expected of it.
            watcher: Who is told as they come, by whichever thread fetched; None: nobody.
        """
        with self._lock:
            self._leave_last_run()
            self._expected[name] = size
            self._watcher = watcher

    def note(self, href: str, size: int) -> None:
        """Note how many bytes of a file are here."""
        with self._lock:
            self._leave_last_run()
            self._here[href] = size
            if self._watcher is not None and self._expected:
                done = sum(self._here.values())
                total = max(done, sum(self._expected.values()))  # an estimate, below as often
                self._watcher(STAGE, done // _MB, -(-total // _MB))

    def _leave_last_run(self) -> None:
        if self._run != ending.run_number():
            self._expected, self._here, self._watcher = {}, {}, None
            self._run = ending.run_number()


arrival: Final = Arrival()
"""That of this process."""
