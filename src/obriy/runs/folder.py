"""The run folder: the config that reproduces it, a ledger of finished steps, and the outputs.

    config.yaml     `obriy run config.yaml` makes the same run again
    ledger.jsonl    one line per finished step: its outputs with size and hash, what it found
    result.json     the answer
    finished.json   of a run in which nothing is left to do: all that it read, all that it wrote

A step whose line stands in the ledger, and whose outputs are as they were, is not done again: a
run that was cut off goes on where it stopped. Where ``finished.json`` still tells the truth, the
answer is read and nothing is looked at twice.
"""

import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from obriy.errors import OutputError, UsageError
from obriy.model.notices import notices_in, with_notices
from obriy.net import cache
from obriy.outputs.files import is_draft, output_errors, write_text
from obriy.runs.fingerprint import LEDGER, file_sha256, files_below, fingerprint, local_places
from obriy.runs.lock import LOCK, Lock, lock_folder

CONFIG: Final = "config.yaml"
RESULT: Final = "result.json"
FINISHED: Final = "finished.json"
PARTS: Final = "parts"
"""Folder for what the parts of a step leave, until all of it is done."""
FAR: Final = "far"
"""Marks the inputs of a step that reads of the network: what failed there is tried again."""
_BESIDE: Final = re.compile(r"(mtl\.txt|\.(hdf4?|h4|tiff?|nc|vrt|jp2|img|xml))$", re.IGNORECASE)
"""Files that an image may be read with when they come to lie beside it."""
MOST_FILES: Final = 20_000
"""Of folders with more files than this nobody says quickly whether they are as they were."""


@dataclasses.dataclass(frozen=True)
class StepRecord:
    """What a finished step left.

    Attributes:
        outputs: Files by name, relative to the folder.
        found: What the step found out, as plain values.
    """

    outputs: dict[str, str] = dataclasses.field(default_factory=dict)
    found: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class StepPart:
    """A part of a step.

    Attributes:
        name: As `RunFolder.step` takes it.
        inputs: See there.
        file: What it may leave, relative to the folder.
    """

    name: str
    inputs: dict[str, Any]
    file: str


class RunFolder:
    """One run on disk: a context, within which nobody else works in the folder.

    Args:
        path: The folder; made where it is not there.
        config: Plain values that determine the results.
        today: Says a configuration, as text, in the words of today: that of an older run may have
            others, and mean the same.
    """

    def __init__(
        self, path: Path, config: Mapping[str, Any], today: Callable[[str], str] = str
    ) -> None:
        self.path = path
        self._today = today
        self._config = config_text(config)
        self._stack = contextlib.ExitStack()
        self._lock: Lock | None = None
        self._steps: dict[str, Any] = {}
        self._made: set[str] = set()
        self._doing: list[tuple[str, dict[str, Any]]] = []
        self.after_step: Callable[[], None] = lambda: None
        """Called when a step is done, or was done before."""

    def __enter__(self) -> Self:
        """Take the folder, and clear away what a run that was killed left half-written.

        Raises:
            UsageError: where the folder holds another run, or other things.
            OutputError: where it cannot be written, or another run works in it.
        """
        with contextlib.ExitStack() as stack:
            self._lock = stack.enter_context(hold(self.path, self._admit))
            if _config_in(self.path) != self._config:
                write_text(self.path / CONFIG, self._config)
            self._steps = {entry["step"]: entry for entry in _entries(self.path)}
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *raised: Any) -> None:
        """Clear away what an interrupt left half-written, and give the folder back."""
        self._stack.__exit__(*raised)

    def _admit(self) -> None:
        """Raise where the folder is not this run's, and not empty."""
        said = _config_in(self.path)
        if not self.path.is_dir() or (said and self._config in (said, self._today(said))):
            return
        existing = self.path / CONFIG
        if existing.exists() and (self.path / LEDGER).exists():
            raise UsageError(
                f"{self.path} holds a run with another configuration.",
                "Give another --out, or remove that folder.",
            )
        drafts = f".{CONFIG}."  # the first thing that a run writes
        foreign = (
            entry
            for entry in self.path.iterdir()
            if entry.name not in (CONFIG, LOCK)
            and not (entry.name.startswith(drafts) and is_draft(entry))
        )
        if any(foreign):
            raise UsageError(
                f"{self.path} is not empty, and not a run.", "Give a folder of its own with --out."
            )

    def step(
        self,
        name: str,
        work: Callable[[], StepRecord],
        inputs: Mapping[str, Any] | None = None,
        *,
        after: Sequence[str] = (),
    ) -> StepRecord:
        """Do a step, unless it is already done, from the same inputs, and its outputs are whole.

        Args:
            name: Name of the step.
            work: Does it; its outputs lie in this folder.
            inputs: What tells one input from another of the same name, see `fingerprint`.
            after: Steps whose outputs it is made of: where those are made again and differ, so is
                this one.
        """
        inputs = {**(inputs or {}), **{step: _digest(self._steps[step]) for step in after}}
        done = self._steps.get(name)
        if done is not None and self._holds(name, done, inputs):
            outputs = {key: o["path"] for key, o in done["outputs"].items()}
            record = StepRecord(outputs, _found_in(done))
        else:
            record = self._made_now(name, work, inputs)
        self.after_step()
        return record

    def _made_now(
        self, name: str, work: Callable[[], StepRecord], inputs: dict[str, Any]
    ) -> StepRecord:
        self._doing.append((name, inputs))
        try:
            record = work()
        finally:
            self._doing.pop()
        if self._lock is None:
            raise RuntimeError("a step of a run outside its folder's context")
        self._lock.check()
        self._append(name, record, inputs)
        shutil.rmtree(self._parts_of(name), ignore_errors=True)
        with contextlib.suppress(OSError):  # there is none, or it is that of others, too
            (self.path / PARTS).rmdir()
        return StepRecord(record.outputs, _found_in(self._steps[name]))

    def part(self, number: int, told: Mapping[str, Any]) -> "StepPart":
        """Return a part of the step that is being done, which is a step as well.

        Its files are gone when all of the step is done; until then it is not done again.

        Args:
            number: Of the part.
            told: What tells it from a part of the same number.
        """
        name, inputs = self._doing[-1]
        file = (self._parts_of(name) / f"{number}.npz").relative_to(self.path).as_posix()
        return StepPart(f"{name} part {number}", {**inputs, **told}, file)

    def _parts_of(self, name: str) -> Path:
        return self.path / PARTS / name

    def is_done(self, name: str, inputs: Mapping[str, Any] | None = None) -> bool:
        """Say whether `step` would find this step done."""
        done = self._steps.get(name)
        return done is not None and self._holds(name, done, inputs or {})

    def file(self, name: str) -> Path:
        """Return the path of a file of the run."""
        return self.path / name

    def write_result(self, result: Mapping[str, Any]) -> Path:
        """Write ``result.json``."""
        return write_text(self.file(RESULT), _dumps(result, indent=2) + "\n")

    def note_finished(self, names: Sequence[str]) -> None:
        """Note that all is done, so that `finished_result` finds it: inputs and every file here.

        Args:
            names: What the run was told to read; names that are no files do no harm.
        """
        read = [h for step in self._steps.values() for h in step["inputs"].get("files", ())]
        inputs = _all_inputs(self.path, names, sorted(set(read)))
        if inputs is None:
            return
        files = (file.relative_to(self.path).as_posix() for file in files_below(self.path))
        outputs = {file: self._describe(file) for file in files if file != FINISHED}
        # In ASCII: what lies beside an input may have any name, also one that is no text.
        noted = json.dumps({"inputs": inputs, "outputs": outputs}, allow_nan=False)
        write_text(self.file(FINISHED), noted + "\n")

    def _append(self, name: str, record: StepRecord, inputs: Mapping[str, Any]) -> None:
        outputs = {key: self._describe(path) for key, path in record.outputs.items()}
        entry = {"step": name, "inputs": dict(inputs), "outputs": outputs, "found": record.found,
                 "notices": notices_in(record.found)}  # fmt: skip
        ledger = self.file(LEDGER)
        with output_errors(ledger), ledger.open("a", encoding="utf-8") as file:
            if _is_cut_off(ledger):
                file.write("\n")
            file.write(_dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._steps[name] = json.loads(_dumps(entry))
        self._made.add(name)

    def _describe(self, path: str) -> dict[str, Any]:
        file = self.file(path)
        if not file.exists():
            raise OutputError(f"{file} was to be written and is not there.")
        return {"path": path, "size": file.stat().st_size, "sha256": file_sha256(file)}

    def _holds(self, name: str, done: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
        if cache.is_read_anew() and name not in self._made:
            return False
        same = done.get("inputs", {}) == dict(inputs)
        if inputs.get(FAR) and _found_in(done).get("failed"):
            return False
        return same and _are_intact(self.path, done)


def config_text(config: Mapping[str, Any]) -> str:
    """Return a configuration as it stands in ``config.yaml``."""
    import yaml

    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)


def finished_result(path: Path, config: str, names: Sequence[str]) -> dict[str, Any] | None:
    """Return ``result.json`` of a run that is all done; None where anything may be left to do.

    So it is where the configuration is the same, no input has changed or come since
    `RunFolder.note_finished`, and every file of the run is as it was, the ledger included.

    Args:
        path: The run folder.
        config: What stands in its ``config.yaml``, if it is this run; see `config_text`.
        names: As for `RunFolder.note_finished`.
    """
    if _config_in(path) != config or cache.is_read_anew():
        return None
    try:
        noted = json.loads((path / FINISHED).read_text(encoding="utf-8"))
        known = list(noted["inputs"]["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if noted["inputs"] != _all_inputs(path, names, known):
        return None
    if not _are_intact(path, noted):
        return None
    result: dict[str, Any] = json.loads((path / RESULT).read_text(encoding="utf-8"))
    return result


def _config_in(path: Path) -> str | None:
    """Return the configuration of the run in a folder, as text; None where there is none."""
    existing = path / CONFIG
    return existing.read_text(encoding="utf-8", errors="replace") if existing.is_file() else None


def _all_inputs(path: Path, names: Sequence[str], read: Sequence[str]) -> dict[str, Any] | None:
    """Return what tells all that a run reads from anything else; None where it is too much to see.

    Args:
        path: The run folder: results name files as the call did.
        names: What the run was told to read.
        read: Further files that its steps have read.
    """
    places = [place for name in names for place in local_places(name)]
    below = itertools.chain.from_iterable(files_below(place) for place in places if place.is_dir())
    if sum(1 for _ in itertools.islice(below, MOST_FILES + 1)) > MOST_FILES:
        return None
    parents = sorted({place.parent for place in places if place.is_file()})
    near = (file for parent in parents for file in sorted(parent.iterdir()))
    beside = [str(file) for file in near if _BESIDE.search(file.name)]
    return {**fingerprint([*names, *read]), "folder": str(path), "beside": beside}


def _are_intact(path: Path, done: Mapping[str, Any]) -> bool:
    """Say whether the outputs of a step are as it left them."""
    for output in done["outputs"].values():
        file = path / output["path"]
        if not file.is_file() or file.stat().st_size != output["size"]:
            return False
        if file_sha256(file) != output["sha256"]:
            return False
    return True


@contextlib.contextmanager
def hold(folder: Path, admit: Callable[[], None] = lambda: None) -> Iterator[Lock]:
    """Hold a folder while the block writes there: nobody else does, and no draft is left.

    Drafts go at the start (of a process that was killed) and where the block is interrupted, which
    may strike between making a draft and knowing of it.

    Args:
        folder: Made where it is not there.
        admit: Raises where nothing may be written to the folder; nothing is changed then.

    Raises:
        OutputError: where it cannot be written, or another run works in it.
    """
    admit()
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with lock_folder(folder) as lock:
        admit()  # again: whoever held it until now may have left something
        _remove_drafts(folder)
        try:
            yield lock
        except KeyboardInterrupt:
            _remove_drafts(folder)
            raise


def _remove_drafts(folder: Path) -> None:
    """Remove drafts in a folder and below; a run within it has its own lock, and clears its own."""
    for place, names, _ in os.walk(folder):
        paths = [Path(place, name) for name in names]
        drafts = [path for path in paths if is_draft(path)]
        for draft in drafts:
            shutil.rmtree(draft, ignore_errors=True)
        names[:] = [p.name for p in paths if p not in drafts and not _is_held_apart(p)]


def _is_held_apart(folder: Path) -> bool:
    """Say whether a folder within another one has a lock of its own, or had one."""
    return (folder / CONFIG).exists() or (folder / LOCK).exists()


def _digest(step: Mapping[str, Any]) -> str:
    """Return what tells the outputs of a step from others."""
    text = "".join(sorted(output["sha256"] for output in step["outputs"].values()))
    return hashlib.sha256(text.encode()).hexdigest()


def _entries(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of a ledger; those that were cut off are left out."""
    ledger = folder / LEDGER
    if not ledger.exists():
        return []
    found = []
    for line in ledger.read_text(encoding="utf-8", errors="replace").split("\n"):
        with contextlib.suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return [entry for entry in found if isinstance(entry, dict) and "step" in entry]


def _found_in(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a step found, its sentences as notices again."""
    found: dict[str, Any] = with_notices(entry["found"], entry.get("notices", ()))
    return found


def _is_cut_off(ledger: Path) -> bool:
    """Say whether the last line has no end: the run was killed while it was written."""
    if not ledger.exists() or not ledger.stat().st_size:
        return False
    with ledger.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _dumps(values: Any, indent: int | None = None) -> str:
    return json.dumps(values, ensure_ascii=False, indent=indent, allow_nan=False)
