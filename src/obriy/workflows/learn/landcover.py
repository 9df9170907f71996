"""`obriy train landcover`: named maps teach a network that maps this scene, and others."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from obriy.blocks.engine import EngineOptions
from obriy.csv_text import csv_text
from obriy.errors import BandError, InputError
from obriy.indices.features import feature_stack
from obriy.methods.student import StudentMethod, student_method
from obriy.model.grid import geobox_of
from obriy.model.legend import Legend
from obriy.model.provenance import hrefs_of, versions
from obriy.model.scene import provenance_of
from obriy.nets.learning import Epoch, Patches, Schedule, train_network
from obriy.nets.unet import GROUPS, Student, StudentCard, scaled
from obriy.outputs.files import write_bytes, write_text
from obriy.render.figures import to_png
from obriy.render.learning import learning_figure
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.sources.class_map import CONFIDENCE
from obriy.workflows.config.landcover import LandcoverTrainConfig
from obriy.workflows.learn.landcover_judging import judge
from obriy.workflows.learn.landcover_lessons import (
    MAP,
    Cell,
    Lesson,
    Split,
    describe,
    lay_cells,
    one_legend,
    open_run,
    read_block,
    read_targets,
    shared_bands,
    split_cells,
)
from obriy.workflows.passes import pixel_m
from obriy.workflows.run import Run, command_of, finish, run_folder

STUDENT: Final = "student.pt"
HISTORY: Final = "history.csv"
FIGURE: Final = "learning.png"
MOST_BYTES: Final = 512 * 1024**2
"""Memory for the blocks to learn from; of more blocks, so many are drawn at random."""
Progress = Callable[[str, int, int], None]


@dataclasses.dataclass(frozen=True)
class TrainingRun:
    """What a training left.

    Attributes:
        folder: The run folder.
        result: ``result.json`` as plain values.
        student: The student.
    """

    folder: Path
    result: dict[str, Any]
    student: StudentMethod


def run_training(config: LandcoverTrainConfig, options: EngineOptions | None = None) -> Run:
    """Train a student as a job; see `train_landcover`."""
    trained = train_landcover(config, None if options is None else options.progress)
    return Run(trained.folder, trained.result, complete=True)


def train_landcover(
    config: LandcoverTrainConfig,
    progress: Progress | None = None,
    *,
    lessons: Sequence[Lesson] | None = None,
) -> TrainingRun:
    """Train a student on named maps, and compare it with its teacher on blocks that it never saw.

    Args:
        config: What to do.
        progress: Called with the name of the stage, steps done, steps in all.
        lessons: Maps and scenes in memory, in place of the runs of the configuration.

    Returns:
        The folder with ``student.pt``, ``history.csv``, ``learning.png`` and ``result.json``.

    Raises:
        MissingExtraError: where the extra ``deep`` is not installed.
        UsageError: for runs of different legends, or images too small for three blocks.
        InputError: where no pixel is named with enough confidence.
    """
    config = config.anchored()
    opened = list(lessons) if lessons is not None else [open_run(run, config.reference)
                                                       for run in config.runs]  # fmt: skip
    legend = one_legend(opened, [lesson.source for lesson in opened])
    split = split_cells(
        lay_cells([lesson.shape for lesson in opened], config.patch),
        config.validation_share,
        config.seed,
    )
    # Lessons in memory: what they are called tells them apart.
    named = config.runs or [Path(lesson.source) for lesson in opened]
    with run_folder(config.model_copy(update={"runs": named})) as folder:
        return _carried_out(_Task(config, opened, legend, split, progress), folder)


def _carried_out(task: "_Task", folder: RunFolder) -> TrainingRun:
    """Do the training in its folder."""
    config, opened = task.config, task.lessons
    read = [str(run / file) for run in config.runs for file in (MAP, CONFIDENCE)]
    read += [href for lesson in opened for href in hrefs_of(provenance_of(lesson.scene))]
    learnt = folder.step("train", lambda: task.learn(folder), fingerprint(read))
    method = student_method(str(folder.file(learnt.outputs["student"])), config.device)
    against = [lesson.reference.source for lesson in opened if lesson.reference is not None]
    told = fingerprint([*read, *against])
    judged = folder.step(
        "judge", lambda: StepRecord(found=task.judge(method)), told, after=["train"]
    ).found
    result = {
        "job": config.job,
        "runs": [str(run) for run in config.runs] or [lesson.source for lesson in opened],
        "images": [lesson.source for lesson in opened],
        "legend": task.legend.name,
        "blocks": {"side": config.patch, **describe(task.split)},
        **learnt.found,
        **judged,
        "outputs": {name: str(folder.file(file)) for name, file in learnt.outputs.items()},
        "command": command_of(config),
        "provenance": {"software": versions(), "inputs": [], "steps": [], "warnings": []},
    }
    finish(config, folder, result, complete=True)
    return TrainingRun(folder.path, result, method)


@dataclasses.dataclass(frozen=True)
class _Task:
    """One training: what it is made of, and its two steps."""

    config: LandcoverTrainConfig
    lessons: list[Lesson]
    legend: Legend
    split: Split
    progress: Progress | None

    def learn(self, folder: RunFolder) -> StepRecord:
        """Read the blocks, train, and write the student with its history."""
        bands = shared_bands(self.lessons)
        if not bands:
            raise BandError("The images share no band of the ground.", "Give runs of one sensor.")
        train = self._read(self.split.train, bands)
        validation = self._read(self.split.validation, bands)
        middle, spread = _scaling(train.inputs)
        network, history = train_network(
            _scaled(train, middle, spread),
            _scaled(validation, middle, spread),
            len(self.legend.codes),
            Schedule(
                self.config.epochs,
                self.config.batch,
                self.config.rate,
                self.config.seed,
                self.config.device,
            ),
            self.progress,
        )
        best = max(history, key=lambda epoch: epoch.validation_iou)
        card = StudentCard(
            bands=bands,
            legend=self.legend,
            middle=middle,
            spread=spread,
            pixel_m=_pixel_of(self.lessons[0]),
            sources=tuple(lesson.source for lesson in self.lessons),
            scores={"validation_mean_iou_with_teacher": best.validation_iou},
            versions=versions(),
        )
        write_bytes(folder.file(STUDENT), Student(network, card, "cpu").to_bytes())
        write_text(folder.file(HISTORY), _history_text(history))
        figure = learning_figure(history, best.number, lang=self.config.lang)
        write_bytes(folder.file(FIGURE), to_png(figure))
        found = {
            "bands": list(bands),
            "epochs": len(history),
            "best_epoch": best.number,
            "validation_mean_iou_with_teacher": best.validation_iou,
            "taught_pixels": int((train.targets >= 0).sum()),
        }
        return StepRecord({"student": STUDENT, "history": HISTORY, "figure": FIGURE}, found)

    def judge(self, method: StudentMethod) -> dict[str, Any]:
        """Compare teacher and student on the blocks held out for that."""
        return judge(
            self.lessons,
            self.split.test,
            self.config.patch,
            method.decide(None),
            seed=self.config.seed,
            progress=self.progress,
        )

    def _read(self, cells: Sequence[Cell], bands: Sequence[str]) -> Patches:
        """Read blocks; those without a taught pixel are left out."""
        side = self.config.patch
        chosen = _drawn(cells, side, len(bands), self.config.seed)
        inputs, targets = [], []
        for number, cell in enumerate(chosen, 1):
            lesson = self.lessons[cell.lesson]
            target = read_targets(lesson, cell, side, self.legend, self.config.least_confidence)
            if (target >= 0).any():
                block = read_block(lesson, cell, side, bands).crop()
                inputs.append(feature_stack(block.bands, GROUPS))
                targets.append(target)
            if self.progress is not None:
                self.progress("read", number, len(chosen))
        if not inputs:
            raise InputError(
                f"In none of {len(chosen)} blocks has a pixel a sure name.",
                "Lower --least-confidence, or give more runs.",
            )
        return Patches(np.stack(inputs), np.stack(targets))


def _drawn(cells: Sequence[Cell], side: int, bands: int, seed: int) -> list[Cell]:
    """Return as many blocks as memory allows, in their order."""
    most = max(1, MOST_BYTES // (side * side * 4 * (bands + 5)))
    if len(cells) <= most:
        return list(cells)
    chosen = np.random.default_rng(seed).choice(len(cells), most, replace=False)
    return [cells[i] for i in sorted(chosen)]


def _scaling(inputs: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return median and interquartile range of each feature, of every fourth pixel each way."""
    pixels = inputs[:, :, ::4, ::4].swapaxes(0, 1).reshape(inputs.shape[1], -1)
    pixels = pixels[:, np.isfinite(pixels).all(axis=0)].astype("float64")
    if not pixels.shape[1]:
        raise InputError("Nothing can be seen in the blocks to learn from.", "Give other runs.")
    low, middle, high = np.percentile(pixels, [25, 50, 75], axis=1)
    spread = np.where(high - low > 1e-6, high - low, 1.0)
    return tuple(map(float, middle)), tuple(map(float, spread))


def _scaled(patches: Patches, middle: Sequence[float], spread: Sequence[float]) -> Patches:
    """Return patches with their inputs scaled, in place: there may be half a gigabyte of them."""
    for stack in patches.inputs:
        stack[...] = scaled(stack, middle, spread)
    return patches


def _pixel_of(lesson: Lesson) -> float | None:
    return pixel_m(lesson.scene) if geobox_of(lesson.scene).crs else None


def _history_text(history: Sequence[Epoch]) -> str:
    rows = (
        [
            epoch.number,
            *(f"{v:.6f}" for v in (epoch.loss, epoch.validation_loss, epoch.validation_iou)),
            f"{epoch.rate:.3e}",
        ]
        for epoch in history
    )
    return csv_text(["epoch", "loss", "validation_loss", "validation_mean_iou", "rate"], rows)
