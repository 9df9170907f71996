"""Runs at work: each is a process of its own, which outlives the server, and is found again."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import psutil

from obriy.errors import UsageError
from obriy.outputs.files import write_text
from obriy.runs.lock import holder_of
from obriy.settings import environment_with

_PROCESS: Final = "process.json"
_PROGRESS: Final = "progress.json"
_LOG: Final = "log.txt"
_SCHEDULER: Final = "scheduler.txt"
_CANCELLED: Final = "cancelled"
_LOG_END: Final = 20_000
"""Bytes of what a run said that are read again: its end."""
_CHILDREN: list[subprocess.Popen[bytes]] = []
"""Processes that this server started: asked for their end, so that none stays half-dead."""


@dataclasses.dataclass(frozen=True)
class Work:
    """What is known of the process of a run.

    Attributes:
        desk: Folder beside the runs in which its process, progress and words are kept.
        folder: The run.
    """

    desk: Path
    folder: Path

    def start(self, scheduler: str | None = None) -> None:
        """Start the run, or go on with it where it stopped.

        Args:
            scheduler: Of the cluster that maps its images; None: that of before, if it had one.
        """
        if self.is_alive():
            return
        self.desk.mkdir(parents=True, exist_ok=True)
        for name in (_PROGRESS, _CANCELLED):
            (self.desk / name).unlink(missing_ok=True)
        if scheduler:
            write_text(self.desk / _SCHEDULER, scheduler)
        command = [sys.executable, "-m", "obriy", "run", str(self.folder), *self._spread()]
        with (self.desk / _LOG).open("wb") as log:
            child = subprocess.Popen(  # noqa: S603 - our own program, and a folder that we made
                command,
                cwd=self.desk,
                env=environment_with(progress=str(self.desk / _PROGRESS)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _CHILDREN.append(child)
        about = {"pid": child.pid, "born": psutil.Process(child.pid).create_time()}
        write_text(self.desk / _PROCESS, json.dumps(about))

    def cancel(self) -> None:
        """Ask the run to end; it clears away what is half-written, and keeps what is done.

        Raises:
            UsageError: where it runs on another machine.
        """
        process = self._process()
        if process is None:
            if holder_of(self.folder) is not None:
                raise UsageError("The run works on another machine.", "End it there.")
            return
        self.desk.mkdir(parents=True, exist_ok=True)
        (self.desk / _CANCELLED).touch()
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM)

    def is_alive(self) -> bool:
        """Say whether anybody works on the run, whoever started it."""
        return self._process() is not None or holder_of(self.folder) is not None

    def was_cancelled(self) -> bool:
        """Say whether somebody asked it to end."""
        return (self.desk / _CANCELLED).exists()

    def stages(self) -> list[tuple[str, int, int]]:
        """Return what is being done: name of the stage, parts done, parts in all."""
        try:
            read = json.loads((self.desk / _PROGRESS).read_text("utf-8"))["stages"]
            return [(str(name), int(done), int(total)) for name, done, total in read]
        except (OSError, ValueError, KeyError, TypeError):
            return []

    def error(self) -> str:
        """Return why it failed, as it said itself; empty where it did not."""
        lines = [line for line in self.log().splitlines() if line.startswith("error: ")]
        return lines[-1].removeprefix("error: ") if lines else ""

    def log(self) -> str:
        """Return the end of what it said."""
        try:
            with (self.desk / _LOG).open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_END))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def seconds(self) -> float | None:
        """Return for how long it has been at work; None where it is not."""
        process = self._process()
        return None if process is None else max(0.0, time.time() - process.create_time())

    def _spread(self) -> list[str]:
        """Return the option that names the cluster; ``config.yaml`` does not say where it runs."""
        with contextlib.suppress(FileNotFoundError):
            return ["--scheduler", (self.desk / _SCHEDULER).read_text("utf-8")]
        return []

    def _process(self) -> psutil.Process | None:
        """Return the process that works, of those that can be seen from here."""
        for child in _CHILDREN:
            child.poll()
        holder = holder_of(self.folder)
        known: list[dict[str, Any]] = [] if holder is None else [dataclasses.asdict(holder)]
        with contextlib.suppress(OSError, ValueError):
            known.append(json.loads((self.desk / _PROCESS).read_text("utf-8")))
        for about in known:
            with contextlib.suppress(psutil.Error, KeyError, TypeError, ValueError):
                process = psutil.Process(int(about["pid"]))
                same = abs(process.create_time() - float(about["born"])) < 2
                if same and process.status() != psutil.STATUS_ZOMBIE:
                    return process
        return None
