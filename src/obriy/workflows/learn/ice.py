"""`obriy train ice`: labelled scenes teach a method for ice, judged on winters it never saw."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from obriy.blocks.base import Method
from obriy.blocks.engine import EngineOptions
from obriy.csv_text import csv_text
from obriy.errors import CancelledError
from obriy.methods.ice.learned import CLASSIFIERS, ClassifierCard, fit_classifier
from obriy.methods.ice.spec import parse_ice_method
from obriy.model.grid import geobox_of
from obriy.model.ice import BANDS, IceExample
from obriy.model.provenance import versions
from obriy.nets.architectures import architecture, build_segmenter
from obriy.nets.ice_learning import IceEpoch, Trained, train_segmenter
from obriy.nets.learning import Schedule
from obriy.nets.segmenter import Segmenter, SegmenterCard
from obriy.nets.torch_library import choose_device
from obriy.outputs.files import write_bytes, write_text
from obriy.render.figures import to_png
from obriy.render.learning import ice_learning_figure
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.tables import load_toml
from obriy.validation.ice_scores import ice_scores
from obriy.workflows.config.ice import IceTrainConfig
from obriy.workflows.learn.ice_lessons import (
    Lessons,
    files_of,
    judged,
    learnt_bands,
    read_lessons,
    read_pixels,
    read_windows,
    scaling,
)
from obriy.workflows.passes import pixel_m
from obriy.workflows.run import Run, command_of, finish, run_folder

NETWORK_FILE: Final = "weights.pt"
CLASSIFIER_FILE: Final = "weights.skops"
HISTORY: Final = "history.csv"
FIGURE: Final = "learning.png"
STATE: Final = "state.pt"
"""What a training goes on from after a kill; gone when it has ended."""
_CURVES: Final = (
    "epoch", "loss", "validation_loss", "iou", "validation_iou", "rate", "seconds",
)  # fmt: skip


def run_ice_training(config: IceTrainConfig, options: EngineOptions | None = None) -> Run:
    """Train a method, and report on scenes that it never saw.

    A network keeps its state after every epoch: what was cut off goes on where it stopped.

    Args:
        config: What to do.
        options: Progress and cancel; threads and memory come from the configuration.

    Returns:
        The folder with ``weights.pt`` (networks; with ``history.csv`` and ``learning.png``) or
        ``weights.skops`` (classifiers), and ``result.json``.

    Raises:
        MissingExtraError: where the extra ``deep`` is not installed, for a network.
        UsageError: scenes of too few dates to be set apart.
        BandError: where the scenes lack a band of a network.
        InputError: scenes or labels that nothing can be learnt from.
    """
    config = config.anchored()
    options = dataclasses.replace(
        options or EngineOptions(), workers=config.workers, max_ram_gb=config.max_ram
    )
    if config.method not in CLASSIFIERS:
        _require_network(config)
    lessons = read_lessons(config)
    with run_folder(config) as folder:
        return _carried_out(config, lessons, folder, options)


def _carried_out(
    config: IceTrainConfig, lessons: Lessons, folder: RunFolder, options: EngineOptions
) -> Run:
    """Do the training in its folder."""
    task = _Task(config, lessons, folder, options)
    read = files_of(config.data) + ([config.pretrained] if config.pretrained else [])
    learn = task.classify if config.method in CLASSIFIERS else task.learn
    done = folder.step("train", learn, fingerprint(read))
    folder.file(STATE).unlink(missing_ok=True)
    result = {
        "job": config.job,
        "method": config.method,
        "data": str(config.data),
        "split": lessons.describe(),
        **done.found,
        "outputs": {name: str(folder.file(file)) for name, file in done.outputs.items()},
        "command": command_of(config),
        "provenance": {
            "software": versions(),
            "inputs": [{"href": str(config.data)}],
            "steps": [],
            "warnings": list(lessons.warnings),
        },
    }
    return finish(config, folder, result, complete=True)


@dataclasses.dataclass(frozen=True)
class _Task:
    """One training: what it is made of, and its two kinds."""

    config: IceTrainConfig
    lessons: Lessons
    folder: RunFolder
    options: EngineOptions

    def learn(self) -> StepRecord:
        """Train a network, and judge it."""
        config, lessons = self.config, self.lessons
        bands = learnt_bands(lessons.examples, network=True)
        train, held = (
            read_windows(part, bands, seed=config.seed, progress=self._tell)
            for part in (lessons.train, lessons.validation)
        )
        middle, spread = scaling(train)
        schedule = Schedule(
            config.epochs, config.batch, config.rate, config.seed, config.device, config.patience
        )
        card = SegmenterCard(
            architecture=config.method,
            bands=bands,
            outputs=architecture(config.method).outputs,
            middle=middle,
            spread=spread,
            pixel_m=_pixel_of(lessons.train[0]),
            split=lessons.describe(),
            sources=_names(lessons),
            seed=config.seed,
            schedule=dataclasses.asdict(schedule),
            versions=_torch_versions(),
        )
        state = self.folder.file(STATE)
        trained = train_segmenter(
            train,
            held,
            card,
            schedule,
            threads=config.workers,
            pretrained=config.pretrained,
            state=state.read_bytes() if state.is_file() else None,
            keep=lambda content: _written(state, content),
            progress=self._tell,
        )
        learnt = _described(trained, len(train), len(held))
        card = dataclasses.replace(card, parameters=learnt["parameters"])
        scores = self._judge(
            lambda told: Segmenter(
                trained.network, dataclasses.replace(card, scores=told), "cpu"
            ).to_bytes(),
            NETWORK_FILE,
        )
        best_iou = scores["test"]["iou"]
        write_text(self.folder.file(HISTORY), _history_text(trained.history))
        figure = ice_learning_figure(trained.history, trained.best, best_iou, lang=config.lang)
        write_bytes(self.folder.file(FIGURE), to_png(figure))
        outputs = {"weights": NETWORK_FILE, "history": HISTORY, "figure": FIGURE}
        study = load_toml("ice_study").get(config.method)
        return StepRecord(outputs, {**learnt, **scores, "reference_b": study})

    def classify(self) -> StepRecord:
        """Fit a classifier of pixels, and judge it."""
        config, lessons = self.config, self.lessons
        bands = learnt_bands(lessons.examples, network=False)
        features, classes = read_pixels(lessons.train, bands, seed=config.seed)
        card = ClassifierCard(bands=bands, sources=_names(lessons), split=lessons.describe())
        fitted = fit_classifier(config.method, features, classes, card, config.seed)

        def content(told: Mapping[str, Any]) -> bytes:
            fitted.card = dataclasses.replace(fitted.card, scores=told)
            return fitted.to_bytes()

        scores = self._judge(content, CLASSIFIER_FILE)
        found = {"bands": list(bands), "parameters": None, "pixels": fitted.card.samples}
        return StepRecord({"weights": CLASSIFIER_FILE}, {**found, **scores, "reference_b": None})

    def _judge(self, content: Callable[[Mapping[str, Any]], bytes], name: str) -> dict[str, Any]:
        """Write the weights, map the scenes held back by them, and write the scores into them."""
        file = self.folder.file(name)
        write_bytes(file, content({}))
        method = parse_ice_method(
            self.config.method, weights=file, seed=self.config.seed, device=self.config.device
        )
        found = {
            "validation": self._scores(method, self.lessons.validation, "judge validation"),
            "test": self._scores(method, self.lessons.test, "judge test"),
        }
        short = {
            part: {"iou": told["iou"], "scenes": told["scenes"]} for part, told in found.items()
        }
        write_bytes(file, content(short))
        return found

    def _scores(self, method: Method, examples: Sequence[IceExample], stage: str) -> dict[str, Any]:
        counts, seconds = [], 0.0
        for number, (_, _, count, took) in enumerate(judged(method, examples, self.options), 1):
            counts.append(count)
            seconds += took
            self._tell(stage, number, len(examples))
        told = ice_scores(counts, seed=self.config.seed)
        return told | {"seconds_per_scene": seconds / len(examples)}

    def _tell(self, stage: str, done: int, of: int) -> None:
        if self.options.progress is not None:
            self.options.progress(stage, done, of)
        if self.options.cancel is not None and self.options.cancel.is_set():
            raise CancelledError("The training was stopped.", "Run it again: it goes on from here.")


def _require_network(config: IceTrainConfig) -> None:
    """Raise where the network cannot be made or computed: before a gigabyte of scenes is read."""
    choose_device(config.device)
    build_segmenter(config.method, BANDS, pretrained=config.pretrained)


def _described(trained: Trained, train: int, held: int) -> dict[str, Any]:
    """Return what training came to, as plain values."""
    seconds = [epoch.seconds for epoch in trained.history]
    best = trained.history[trained.best - 1]
    parameters = sum(p.numel() for p in trained.network.parameters() if p.requires_grad)
    return {
        "parameters": parameters,
        "windows": {"train": train, "validation": held},
        "epochs": len(trained.history),
        "best_epoch": trained.best,
        "train_iou": best.iou,
        "seconds_per_epoch": sum(seconds) / len(seconds),
        "precision": trained.precision,
        "threads": trained.threads,
    }


def _names(lessons: Lessons) -> tuple[str, ...]:
    """Return the scenes that a method knows: by learning from them, or by being chosen by them."""
    return tuple(example.name for example in (*lessons.train, *lessons.validation))


def _pixel_of(example: IceExample) -> float | None:
    return pixel_m(example.scene) if geobox_of(example.scene).crs else None


def _torch_versions() -> dict[str, str]:
    from importlib.metadata import version

    return {**versions(), "torch": version("torch")}


def _written(path: Path, content: bytes) -> None:
    write_bytes(path, content)


def _history_text(history: Sequence[IceEpoch]) -> str:
    rows = (
        [
            epoch.number,
            f"{epoch.loss:.6f}",
            f"{epoch.validation_loss:.6f}",
            None if epoch.iou is None else f"{epoch.iou:.6f}",
            f"{epoch.validation_iou:.6f}",
            f"{epoch.rate:.3e}",
            f"{epoch.seconds:.1f}",
        ]
        for epoch in history
    )
    return csv_text(_CURVES, rows)
