"""The runs of a folder, as they lie there: whatever made them."""

import contextlib
import dataclasses
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Literal

from obriy.errors import InputError, OutputError, UsageError
from obriy.model.result.base import RunResult
from obriy.outputs.files import write_text
from obriy.runs.fingerprint import LEDGER
from obriy.runs.folder import CONFIG, FINISHED, RESULT, config_text
from obriy.runs.result_file import read_result
from obriy.web.places import UPLOADS, Places
from obriy.web.work import Work
from obriy.workflows.config.base import JobConfig, values_of
from obriy.workflows.config.words import is_text
from obriy.workflows.run import run_path

State = Literal["running", "done", "partial", "failed", "cancelled", "stopped"]
DESK: Final = ".obriy-serve"
"""What the page keeps beside the runs: processes, uploads, what was deleted."""
MOST_AT_WORK: Final = 4
"""Runs at work at a time: each would have all cores."""
_KEPT_S: Final = 7 * 86_400
"""Seconds for which what was deleted can be had back."""
_LONGEST: Final = 80
_MOST_BYTES: Final = 200
"""Bytes of a name in UTF-8: file systems take 255, and what is deleted has a time behind it."""
_RESERVED: Final = frozenset('/\\:*?"<>|')


@dataclasses.dataclass(frozen=True)
class ShelfRun:
    """One run, as it lies in its folder now.

    Attributes:
        name: Of its folder: what it is called.
        folder: Where it lies.
        work: Its process.
    """

    name: str
    folder: Path
    work: Work

    def config(self) -> dict[str, Any]:
        """Return what stands in its ``config.yaml``; nothing where that cannot be read."""
        try:
            return values_of((self.folder / CONFIG).read_bytes(), CONFIG)
        except (OSError, UsageError):
            return {}

    def state(self) -> State:
        """Say how far it is."""
        if self.work.is_alive():
            return "running"
        if (self.folder / FINISHED).exists():
            return "done"
        if (self.folder / RESULT).exists():
            return "partial"
        if self.work.was_cancelled():
            return "cancelled"
        return "failed" if self.work.error() else "stopped"

    def result(self) -> RunResult | None:
        """Return its result; None: there is none yet, or none that is understood."""
        file = self.folder / RESULT
        try:
            about = file.stat()
        except OSError:
            return None
        return _read(self.folder, about.st_mtime_ns, about.st_size)

    def steps(self) -> list[str]:
        """Return the names of the steps that are done, in their order."""
        try:
            lines = (self.folder / LEDGER).read_text("utf-8", "replace").splitlines()
        except OSError:
            return []
        return list(dict.fromkeys(filter(None, map(_step_in, lines))))

    def changed(self) -> float:
        """Return when it last changed, seconds since 1970."""
        files = (self.folder / name for name in (RESULT, LEDGER, CONFIG))
        return max((file.stat().st_mtime for file in files if file.exists()), default=0.0)

    def file(self, relative: str) -> Path | None:
        """Return a file of the run; None: there is none, or it is not to be seen."""
        parts = Path(relative).parts
        if not is_text(relative) or any(part.startswith((".", "/")) for part in parts):
            return None
        path = self.folder / relative
        try:
            inside = path.resolve().is_relative_to(self.folder.resolve())
            return path if inside and path.is_file() else None
        except OSError:  # longer than names may be
            return None

    def files(self) -> list[str]:
        """Return the files of the run, relative to its folder."""
        found = []
        for place, folders, names in os.walk(self.folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            shown = sorted(name for name in names if not name.startswith("."))
            found += [Path(place, name).relative_to(self.folder).as_posix() for name in shown]
        return found

    def place_of(self, output: str) -> str | None:
        """Return where an output of the result lies, relative to the folder, wherever that is now.

        Results name files as the run was called: from another folder, on another machine.
        """
        parts = Path(output).parts
        ends = ("/".join(parts[k:]) for k in range(len(parts)) if parts[k] != "/")
        return next((end for end in ends if self.file(end) is not None), None)


class Shelf:
    """The folder of runs, and all that a client may name.

    Args:
        root: The folder; made where it is not there.
        data: Folders with images, by name.
        allowed: Beginnings of addresses and services that may be called for a client.
        basemap: Address of the tiles of a basemap; empty: there is none.
    """

    def __init__(
        self,
        root: Path,
        data: dict[str, Path] | None = None,
        allowed: tuple[str, ...] = (),
        basemap: str = "",
    ) -> None:
        self.root = root.absolute()
        self.basemap = basemap
        self.desk = self.root / DESK
        self.trash = self.desk / "deleted"
        uploads = self.desk / UPLOADS
        for folder in (self.root, uploads, self.trash):
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise OutputError(f"{folder} cannot be written: {error.strerror}.") from error
        folders = {UPLOADS: uploads, **(data or {}), "runs": self.root}
        self.places = Places(folders, allowed)
        self._starting = threading.Lock()
        self._forget_deleted()

    @property
    def records(self) -> Path:
        """Folder of what panels said that must not be asked again."""
        return self.desk / "records"

    @property
    def uploads(self) -> Path:
        """Folder of what was uploaded."""
        return self.desk / UPLOADS

    def runs(self) -> list[ShelfRun]:
        """Return the runs, the last that changed first."""
        found = [self._run(entry.name) for entry in self._folders()]
        return sorted(found, key=lambda run: -run.changed())

    def run(self, name: str) -> ShelfRun | None:
        """Return a run by its name; None where there is none."""
        folder = self.root / name
        if not _may_name(name) or not (folder / CONFIG).is_file() or folder.is_symlink():
            return None
        return self._run(name)

    def start(self, config: JobConfig, name: str = "") -> ShelfRun:
        """Start a run, or go on with one that stopped; one that is done is not done again.

        Args:
            config: What is asked for.
            name: Of its folder; empty: named after source and configuration, as elsewhere.

        Raises:
            UsageError: a name that is taken by another run, or too many at work.
        """
        config = config.anchored()
        name = name or _cut(run_path(config).name).lstrip(".-")
        if not _may_name(name):
            raise UsageError(f"'{name}' cannot be the name of a folder.", "Use another.")
        with self._starting:
            folder, said = self.root / name, config_text(config.identity())
            if folder.exists() and not _is_same(folder / CONFIG, said):
                raise UsageError(f"There is another run called '{name}'.", "Give another name.")
            self._require_room()
            if not folder.exists():
                write_text(folder / CONFIG, said)
            run = self._run(name)
            if run.state() != "done":
                run.work.start(getattr(config, "scheduler", None))
        return run

    def resume(self, run: ShelfRun) -> None:
        """Go on with a run where it stopped; one that is done stays as it is.

        Raises:
            UsageError: too many are at work.
        """
        with self._starting:
            if run.state() != "done":
                self._require_room()
                run.work.start()

    def again(self, run: ShelfRun, change: Callable[[], JobConfig]) -> None:
        """Make a run again that decides otherwise about what it read; steps that stay are kept.

        Args:
            run: The run.
            change: Returns the new configuration; it may change files of the run, at rest by then.

        Raises:
            UsageError: it is at work, or too many are.
        """
        with self._starting:
            _require_rest(run)
            self._require_room()
            config = change().anchored()
            (run.folder / FINISHED).unlink(missing_ok=True)
            write_text(run.folder / CONFIG, config_text(config.identity()))
            run.work.start()

    def rename(self, run: ShelfRun, name: str) -> ShelfRun:
        """Give the folder of a run another name.

        Raises:
            UsageError: it is at work, or the name serves not, or is taken.
        """
        name = name.strip()
        _require_rest(run)
        if not _may_name(name):
            raise UsageError(f"'{name}' cannot be the name of a folder.", "Use letters, digits, -.")
        if (self.root / name).exists():
            raise UsageError(f"There is another run called '{name}'.", "Give another name.")
        run.folder.rename(self.root / name)
        self._move_work(run.name, name)
        return self._run(name)

    def delete(self, run: ShelfRun) -> None:
        """Put a run away; `restore` gives it back within a week.

        Raises:
            UsageError: it is at work.
        """
        _require_rest(run)
        put = self.trash / f"{run.name}~{time.time_ns()}"
        run.folder.rename(put)
        self._move_work(run.name, put.name)
        os.utime(put)

    def restore(self, name: str, when: float | None = None) -> ShelfRun:
        """Give back a run that was deleted.

        Args:
            name: What it was called.
            when: Which of that name, see `kept`; None: the newest.

        Raises:
            UsageError: there is none of that name, or another has it now.
        """
        found = [(at, folder) for called, at, folder in self._kept() if called == name]
        kept = [folder for at, folder in found if when in (None, at)]
        if not kept or not _may_name(name):
            raise UsageError(f"No deleted run is called '{name}'.", "See which there are.")
        if (self.root / name).exists():
            raise UsageError(f"There is another run called '{name}'.", "Rename that one first.")
        kept[-1].rename(self.root / name)
        self._move_work(kept[-1].name, name)
        return self._run(name)

    def deleted(self) -> list[str]:
        """Return the names of runs that can be had back, one as often as it was deleted."""
        return [name for name, _, _ in self._kept()]

    def kept(self) -> list[tuple[str, float]]:
        """Return name and time (seconds since 1970) of what was deleted, the newest first."""
        found = [(name, when) for name, when, _ in self._kept()]
        return sorted(found, key=lambda one: -one[1])

    def _kept(self) -> list[tuple[str, float, Path]]:
        """Return what was deleted within a week, by name, the newest of a name last."""
        there = [folder for folder in self.trash.iterdir() if not _is_over(folder)]
        named = [(folder.name.rpartition("~")[0] or folder.name, folder) for folder in there]
        return [(name, folder.stat().st_mtime, folder) for name, folder in sorted(named)]

    def _folders(self) -> Iterator[os.DirEntry[str]]:
        with os.scandir(self.root) as entries:
            for entry in entries:
                plain = entry.is_dir(follow_symlinks=False) and _may_name(entry.name)
                if plain and Path(entry.path, CONFIG).is_file():
                    yield entry

    def _run(self, name: str) -> ShelfRun:
        folder = self.root / name
        return ShelfRun(name, folder, Work(self.desk / "work" / name, folder))

    def _move_work(self, old: str, new: str) -> None:
        """Let words and pictures of a run go with its name: none falls to the next of that name."""
        work = self.desk / "work"
        shutil.rmtree(work / new, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            (work / old).rename(work / new)

    def _require_room(self) -> None:
        if sum(run.work.is_alive() for run in self.runs()) >= MOST_AT_WORK:
            raise UsageError(f"{MOST_AT_WORK} runs are at work.", "Wait until one of them ends.")

    def _forget_deleted(self) -> None:
        for folder in self.trash.iterdir():
            if _is_over(folder):
                shutil.rmtree(folder, ignore_errors=True)
                shutil.rmtree(self.desk / "work" / folder.name, ignore_errors=True)


_RESULTS: dict[Path, tuple[tuple[int, int], RunResult | None]] = {}
"""Results that were read, each of the last version of its file."""


def _read(folder: Path, changed: int, size: int) -> RunResult | None:
    known = _RESULTS.get(folder)
    if known is None or known[0] != (changed, size):
        try:
            found: RunResult | None = read_result(folder)
        except InputError:
            found = None
        known = _RESULTS[folder] = ((changed, size), found)
    return known[1]


def _step_in(line: str) -> str:
    try:
        return str(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):  # a line that is being written
        return ""


def _may_name(name: str) -> bool:
    """Say whether a text may be the name of a run, and so of a folder here and elsewhere."""
    fine = name == name.strip() and not name.startswith((".", "-", "~"))
    known = 0 < len(name) <= _LONGEST and is_text(name) and name.isprintable()
    return fine and known and len(name.encode()) <= _MOST_BYTES and not _RESERVED & set(name)


def _cut(name: str) -> str:
    """Return the end of a name, no longer than one may be."""
    return name[-_LONGEST:].encode()[-_MOST_BYTES:].decode("utf-8", "ignore")


def _is_over(deleted: Path) -> bool:
    return time.time() - deleted.stat().st_mtime > _KEPT_S


def _is_same(file: Path, config: str) -> bool:
    return file.is_file() and file.read_text("utf-8", "replace") == config


def _require_rest(run: ShelfRun) -> None:
    if run.work.is_alive():
        raise UsageError(f"'{run.name}' is at work.", "Cancel it first.")
