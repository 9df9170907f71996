"""`obriy train landcover`: named maps teach a network that maps this scene, and others."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from obriy.blocks.engine import EngineOptions
from obriy.errors import BandError, InputError
from obriy.indices.features import feature_names
from obriy.methods.student import StudentMethod, student_method
from obriy.model.card import Card
from obriy.model.legend import Legend
from obriy.model.provenance import Provenance, hrefs_of
from obriy.model.result.tables import StudentTraining
from obriy.model.scene import provenance_of
from obriy.nets.cover_teaching import CoverTeaching
from obriy.nets.learning import Examples, Schedule
from obriy.nets.model_file import MODEL
from obriy.nets.networks import TrainedNetwork, scaled
from obriy.nets.unet import GROUPS, STUDENT, UNET, student_features
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.sources.class_map import CONFIDENCE
from obriy.validation.split import Split
from obriy.workflows.config.landcover import LandcoverTrainConfig
from obriy.workflows.learn.landcover_judging import judge
from obriy.workflows.learn.landcover_lessons import (
    MAP,
    Cell,
    Lesson,
    describe,
    lay_cells,
    one_legend,
    open_run,
    read_block,
    read_targets,
    shared_bands,
    split_cells,
)
from obriy.workflows.learn.training import Desk, drawn, outputs_of
from obriy.workflows.passes import pixel_m
from obriy.workflows.run import Run, command_of, finish, run_folder

MOST_BYTES: Final = 512 * 1024**2
"""Memory for the blocks to learn from; of more blocks, so many are drawn at random."""


def train_landcover(
    config: LandcoverTrainConfig,
    options: EngineOptions | None = None,
    *,
    lessons: Sequence[Lesson] | None = None,
) -> Run:
    """Train a student on named maps, and compare it with its teacher on blocks that it never saw.

    Args:
        config: What to do.
        options: Progress and cancel.
        lessons: Maps and scenes in memory, in place of the runs of the configuration.

    Returns:
        The folder with ``model.obriy``, ``history.csv``, ``learning.png`` and ``result.json``.

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
        desk = Desk(folder, options or EngineOptions(), config.lang)
        return _carried_out(_Task(config, opened, legend, split, desk), folder)


def _carried_out(task: "_Task", folder: RunFolder) -> Run:
    """Do the training in its folder."""
    config, opened = task.config, task.lessons
    read = [str(run / file) for run in config.runs for file in (MAP, CONFIDENCE)]
    read += [href for lesson in opened for href in hrefs_of(provenance_of(lesson.scene))]
    # Before there was this file, blocks were dealt otherwise: what learnt then is not judged now.
    learnt = folder.step("train", task.learn, fingerprint(read) | {"file": MODEL})
    task.desk.clear()
    method = student_method(str(folder.file(learnt.outputs["model"])), config.device)
    against = [lesson.reference.source for lesson in opened if lesson.reference is not None]
    told = fingerprint([*read, *against])
    judged = folder.step(
        "judge", lambda: StepRecord(found=task.judge(method)), told, after=["train"]
    ).found
    result = StudentTraining(
        runs=[str(run) for run in config.runs] or [lesson.source for lesson in opened],
        images=[lesson.source for lesson in opened],
        legend=task.legend.name,
        blocks={"side": config.patch, **describe(task.split)},
        **learnt.found,
        **judged,
        outputs=outputs_of(folder, learnt.outputs, "student"),
        command=command_of(config),
        provenance=Provenance(),
    )
    return finish(config, folder, result)


@dataclasses.dataclass(frozen=True)
class _Task:
    """One training: what it is made of, and its two steps."""

    config: LandcoverTrainConfig
    lessons: list[Lesson]
    legend: Legend
    split: Split[Cell]
    desk: Desk

    def learn(self) -> StepRecord:
        """Read the blocks, train, and write the student with its history."""
        bands = shared_bands(self.lessons)
        if not bands:
            raise BandError("The images share no band of the ground.", "Give runs of one sensor.")
        train = self._read(self.split.train, bands)
        validation = self._read(self.split.validation, bands)
        middle, spread = _scaling(train.inputs)
        config, classes = self.config, tuple(one.name for one in self.legend)
        schedule = Schedule(config.epochs, config.batch, config.rate, config.seed, config.device)
        card = Card(
            method=STUDENT,
            bands=bands,
            legend=self.legend,
            outputs=classes,
            features=tuple(feature_names(GROUPS, set(bands))),
            middle=middle,
            spread=spread,
            pixel_m=pixel_m(self.lessons[0].scene),
            sources=tuple(lesson.source for lesson in self.lessons),
            split={"block_pixels": config.patch, **describe(self.split)},
            seed=config.seed,
        )
        module = UNET.fresh(len(card.features), len(classes), config.seed)
        model, taught = self.desk.teach(
            TrainedNetwork(UNET, module, card, "cpu"),
            CoverTeaching(train.targets, len(classes)),
            _scaled(train, middle, spread),
            _scaled(validation, middle, spread),
            schedule,
            threads=1,  # the same bits with any number of cores: it is small
        )
        best = taught.history[taught.best - 1]
        scores = {"validation_mean_iou_with_teacher": best.validation_iou}
        self.desk.write_model(model, scores)
        found = {
            "bands": list(bands),
            "epochs": len(taught.history),
            "best_epoch": best.number,
            **scores,
            "taught_pixels": int((train.targets >= 0).sum()),
        }
        return StepRecord(self.desk.write_curves(taught, "student"), found)

    def judge(self, method: StudentMethod) -> dict[str, Any]:
        """Compare teacher and student on the blocks held out for that."""
        return judge(
            self.lessons,
            self.split.test,
            self.config.patch,
            method.decide(None),
            seed=self.config.seed,
            progress=self.desk.tell,
        )

    def _read(self, cells: Sequence[Cell], bands: Sequence[str]) -> Examples:
        """Read blocks; those without a taught pixel are left out."""
        side = self.config.patch
        most = max(1, MOST_BYTES // (side * side * 4 * (len(bands) + 5)))
        chosen = drawn(cells, most, self.config.seed)
        inputs, targets = [], []
        for number, cell in enumerate(chosen, 1):
            lesson = self.lessons[cell.lesson]
            target = read_targets(lesson, cell, side, self.legend, self.config.least_confidence)
            if (target >= 0).any():
                block = read_block(lesson, cell, side, bands).crop()
                inputs.append(student_features(block.bands))
                targets.append(target)
            self.desk.tell("read", number, len(chosen))
        if not inputs:
            raise InputError(
                f"In none of {len(chosen)} blocks has a pixel a sure name.",
                "Lower --least-confidence, or give more runs.",
            )
        return Examples(np.stack(inputs), np.stack(targets))


def _scaling(inputs: Any) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return median and interquartile range of each feature, of every fourth pixel each way."""
    pixels = inputs[:, :, ::4, ::4].swapaxes(0, 1).reshape(inputs.shape[1], -1)
    pixels = pixels[:, np.isfinite(pixels).all(axis=0)].astype("float64")
    if not pixels.shape[1]:
        raise InputError("Nothing can be seen in the blocks to learn from.", "Give other runs.")
    low, middle, high = np.percentile(pixels, [25, 50, 75], axis=1)
    spread = np.where(high - low > 1e-6, high - low, 1.0)
    return tuple(map(float, middle)), tuple(map(float, spread))


def _scaled(patches: Examples, middle: Sequence[float], spread: Sequence[float]) -> Examples:
    """Return patches with their inputs scaled, in place: there may be half a gigabyte of them."""
    for stack in patches.inputs:
        stack[...] = scaled(stack, middle, spread)
    return patches
