"""The run folder: the config that reproduces it, a ledger of finished steps, and the outputs.

    config.yaml     `obriy run config.yaml` makes the same run again
    ledger.jsonl    one line per finished step: its outputs with size and hash, what it found
    result.json     written last

A step whose line stands in the ledger, and whose outputs are as they were, is not done again: a
run that was cut off goes on where it stopped.
"""

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from obriy.errors import OutputError, UsageError
from obriy.model.provenance import versions
from obriy.outputs.files import output_errors, write_text

CONFIG: Final = "config.yaml"
LEDGER: Final = "ledger.jsonl"
RESULT: Final = "result.json"


@dataclasses.dataclass(frozen=True)
class StepRecord:
    """What a finished step left.

    Attributes:
        outputs: Files by name, relative to the folder.
        found: What the step found out, as plain values.
    """

    outputs: dict[str, str] = dataclasses.field(default_factory=dict)
    found: dict[str, Any] = dataclasses.field(default_factory=dict)


class RunFolder:
    """One run on disk.

    Args:
        path: The folder; made where it is not there.
        config: Plain values that determine the results.

    Raises:
        UsageError: where the folder holds another run, or other things.
        OutputError: where it cannot be written.
    """

    def __init__(self, path: Path, config: Mapping[str, Any]) -> None:
        self.path = path
        with output_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
        existing = path / CONFIG
        if existing.exists() and existing.read_text(encoding="utf-8") == text:
            self._remove_drafts()  # of a run that was killed
            return
        if existing.exists() and (path / LEDGER).exists():
            raise UsageError(
                f"{path} holds a run with another configuration.",
                "Give another --out, or remove that folder.",
            )
        if any(entry != existing for entry in path.iterdir()):
            raise UsageError(
                f"{path} is not empty, and not a run.", "Give a folder of its own with --out."
            )
        write_text(existing, text)

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
        finished = self._finished()
        inputs = {**(inputs or {}), **{step: _digest(finished[step]) for step in after}}
        done = finished.get(name)
        if done is not None and self._holds(done, inputs):
            outputs = {key: o["path"] for key, o in done["outputs"].items()}
            return StepRecord(outputs, done["found"])
        try:
            record = work()
        except KeyboardInterrupt:  # it may strike between making a draft and knowing of it
            self._remove_drafts()
            raise
        self._append(name, record, inputs)
        return StepRecord(record.outputs, json.loads(_dumps(record.found)))

    def is_done(self, name: str, inputs: Mapping[str, Any] | None = None) -> bool:
        """Say whether `step` would find this step done."""
        done = self._finished().get(name)
        return done is not None and self._holds(done, inputs or {})

    def file(self, name: str) -> Path:
        """Return the path of a file of the run."""
        return self.path / name

    def write_result(self, result: Mapping[str, Any]) -> Path:
        """Write ``result.json``."""
        return write_text(self.file(RESULT), _dumps(result, indent=2) + "\n")

    def _remove_drafts(self) -> None:
        for draft in self.path.rglob(".*.tif.*"):
            shutil.rmtree(draft, ignore_errors=True)

    def _append(self, name: str, record: StepRecord, inputs: Mapping[str, Any]) -> None:
        outputs = {key: self._describe(path) for key, path in record.outputs.items()}
        entry = {"step": name, "inputs": dict(inputs), "outputs": outputs, "found": record.found}
        line = _dumps(entry)
        with (
            output_errors(self.file(LEDGER)),
            self.file(LEDGER).open("a", encoding="utf-8") as file,
        ):
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _finished(self) -> dict[str, Any]:
        ledger = self.file(LEDGER)
        if not ledger.exists():
            return {}
        steps: dict[str, Any] = {}
        for line in ledger.read_text(encoding="utf-8").splitlines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # the line that was being written when the run was cut off
                continue
            steps[entry["step"]] = entry
        return steps

    def _describe(self, path: str) -> dict[str, Any]:
        file = self.file(path)
        if not file.exists():
            raise OutputError(f"{file} was to be written and is not there.")
        return {"path": path, "size": file.stat().st_size, "sha256": _hash(file)}

    def _holds(self, done: Mapping[str, Any], inputs: Mapping[str, Any]) -> bool:
        same = done.get("inputs", {}) == dict(inputs)
        return same and all(self._intact(o) for o in done["outputs"].values())

    def _intact(self, output: Mapping[str, Any]) -> bool:
        file = self.file(output["path"])
        return (
            file.exists()
            and file.stat().st_size == output["size"]
            and _hash(file) == output["sha256"]
        )


def fingerprint(hrefs: Sequence[str]) -> dict[str, Any]:
    """Return what tells the inputs of a step from others of the same name.

    Args:
        hrefs: Files, or names that are no files.

    Returns:
        Size and time of change of each file, and the version of the software.
    """
    found: dict[str, Any] = {"obriy": versions()["obriy"]}
    for href in hrefs:
        file = Path(href)
        if file.exists():
            found[href] = [file.stat().st_size, file.stat().st_mtime_ns]
    return found


def _digest(step: Mapping[str, Any]) -> str:
    """Return what tells the outputs of a step from others."""
    text = "".join(sorted(output["sha256"] for output in step["outputs"].values()))
    return hashlib.sha256(text.encode()).hexdigest()


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _dumps(values: Any, indent: int | None = None) -> str:
    return json.dumps(values, ensure_ascii=False, indent=indent, allow_nan=False)
