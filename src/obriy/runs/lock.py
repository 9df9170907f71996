"""One process at a time works in a folder; who it is stands in ``.lock`` there.

The holder touches its file while it works. A lock is nobody's where its process is gone (as far as
that can be seen from here: same machine, same view of processes), or where nobody has touched it
for minutes: then it is taken over. Two threads of one process shut each other out as well.
"""

import contextlib
import dataclasses
import json
import os
import platform
import shlex
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from obriy.errors import OutputError
from obriy.outputs.files import output_errors

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK: Final = ".lock"
BEAT_S: Final = 15.0
"""How often a holder shows that it lives."""
STALE_S: Final = 300.0
"""A lock that nobody touched for so long is nobody's: twenty beats, so that a suspended or a very
busy machine keeps its own."""
_WRITING_S: Final = 30.0
"""How long a holder may take to write its name, on a machine that has much else to do."""


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who works in a folder.

    Attributes:
        host: Name of the machine.
        processes: Which processes can be seen from there: a container on the same machine has its
            own numbers.
        pid: Number of the process.
        born: When the process began, seconds: numbers of processes are used again.
        since: When it took the folder, ISO 8601, UTC.
        command: Its command line.
        token: Tells this holding from every other.
    """

    host: str
    processes: str
    pid: int
    born: float
    since: str
    command: str
    token: str

    @classmethod
    def this_process(cls) -> Self:
        """Describe a new holding by this process."""
        import psutil

        return cls(
            host=platform.node(),
            processes=_view_of_processes(),
            pid=os.getpid(),
            born=psutil.Process().create_time(),
            since=datetime.now(UTC).isoformat(timespec="seconds"),
            command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            token=uuid.uuid4().hex,
        )

    def is_gone(self) -> bool:
        """Say whether the process is known to have ended; False where that cannot be seen."""
        if (self.host, self.processes) != (platform.node(), _view_of_processes()):
            return False
        import psutil

        try:
            return abs(psutil.Process(self.pid).create_time() - self.born) > 2
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False


class Lock:
    """The lock that this process holds on a folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / LOCK
        self._own = Holder.this_process()
        self._ended = threading.Event()
        self._lost = False

    def check(self) -> None:
        """Raise where another process has taken the folder over.

        Raises:
            OutputError: this process was silent for so long that it was taken for dead.
        """
        if self._lost:
            raise OutputError(
                f"Another run has taken {self._file.parent} over: this one stood still too long.",
                "Start it again when the other has ended; what is done is kept.",
            )

    def take(self) -> None:
        """Take the folder.

        Raises:
            OutputError: another run works there.
        """
        while not self._write():
            self._remove_if_stale()
        threading.Thread(target=self._beat, name="obriy-lock", daemon=True).start()

    def give(self) -> None:
        """Give the folder back; a lock that is not this one's stays."""
        self._ended.set()
        with _only_one_removes(self._file):
            if _same(_read(self._file), self._own):
                self._file.unlink(missing_ok=True)

    def _write(self) -> bool:
        """Write the lock; False where there is one."""
        with output_errors(self._file):
            try:
                number = os.open(self._file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            except FileExistsError:
                return False
            with os.fdopen(number, "w", encoding="utf-8") as file:
                json.dump(dataclasses.asdict(self._own), file)
        return True

    def _remove_if_stale(self) -> None:
        with output_errors(self._file), _only_one_removes(self._file) as there:
            if there:
                self._judge()

    def _judge(self) -> None:
        """Remove the lock that lies there where it is stale; nobody else removes it meanwhile."""
        holder = _read(self._file)
        age = _age(self._file)
        if age is None:  # its holder gave it back
            return
        if holder is None and age < _WRITING_S:  # it is being written
            time.sleep(0.1)
            return
        if holder is not None and not holder.is_gone() and age < STALE_S:
            raise _busy(self._file.parent, holder)
        self._file.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            if not _same(_read(self._file), self._own):
                self._lost = not self._ended.is_set()
                return
            with contextlib.suppress(OSError):
                os.utime(self._file)


def holder_of(folder: Path) -> Holder | None:
    """Return who works in a folder; None: nobody does, as far as that can be seen from here."""
    file = folder / LOCK
    holder = _read(file)
    try:
        silent = time.time() - file.stat().st_mtime > STALE_S
    except FileNotFoundError:
        return None
    return None if holder is None or silent or holder.is_gone() else holder


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[Lock]:
    """Hold a folder while the block works; it must be there.

    Raises:
        OutputError: another run works there, or nothing can be written there.
    """
    lock = Lock(folder)
    try:
        lock.take()
        yield lock
    finally:
        lock.give()


@contextlib.contextmanager
def _only_one_removes(file: Path) -> Iterator[bool]:
    """Shut out all others who would remove the lock that lies there; False where none lies there.

    Without this, one who judged a stale lock could remove the fresh one of another, who judged and
    replaced it a moment before. The system lets go of the shut when its process ends.
    """
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    with os.fdopen(descriptor, "rb") as opened:
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a disk that knows no such locks
                fcntl.flock(opened, fcntl.LOCK_EX)
        yield _is_still(file, opened.fileno())


def _is_still(file: Path, descriptor: int) -> bool:
    """Say whether a path still leads to the file that was opened by it."""
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _busy(folder: Path, holder: Holder) -> OutputError:
    since = datetime.fromisoformat(holder.since)
    minutes = max(0, round((datetime.now(UTC) - since).total_seconds() / 60))
    return OutputError(
        f"Another run works in {folder} since {since.astimezone():%Y-%m-%d %H:%M} ({minutes} min): "
        f"{holder.command} (process {holder.pid}, host {holder.host}).",
        "Wait until it ends, or give another folder with --out.",
    )


def _read(file: Path) -> Holder | None:
    """Return who holds a lock; None where it is gone, or its text is none of ours."""
    try:
        values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8", errors="replace"))
        return Holder(**values)
    except (OSError, ValueError, TypeError):
        return None


def _same(one: Holder | None, other: Holder | None) -> bool:
    return (one and one.token) == (other and other.token)


def _age(file: Path) -> float | None:
    """Return the seconds since a file was touched, by the clock of its disk; None: it is gone."""
    try:
        with tempfile.TemporaryFile(dir=file.parent) as probe:
            now = os.fstat(probe.fileno()).st_mtime
        return now - file.stat().st_mtime
    except FileNotFoundError:
        return None


def _view_of_processes() -> str:
    """Return what tells the processes seen from here from those of another container."""
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:  # no Linux
        return ""
