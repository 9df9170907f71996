"""What every training does: teach, tell, keep its state, and leave a model with its curves."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

import numpy as np

from obriy.blocks.engine import EngineOptions
from obriy.csv_text import csv_text
from obriy.errors import CancelledError
from obriy.model.provenance import versions
from obriy.nets.learning import Examples, Schedule, Taught, Teaching, train_network
from obriy.nets.model_file import MODEL
from obriy.nets.networks import TrainedNetwork
from obriy.outputs.files import write_bytes, write_text
from obriy.render.figures import to_png
from obriy.render.learning import learning_figure
from obriy.runs.folder import RunFolder

Item = TypeVar("Item")

HISTORY: Final = "history.csv"
FIGURE: Final = "learning.png"
STATE: Final = "state.pt"
"""What a training goes on from after a kill; gone when it has ended."""


@dataclasses.dataclass(frozen=True)
class Desk:
    """Where a training is done: its folder, and who is told.

    Attributes:
        folder: The run folder.
        options: Progress and cancel.
        lang: Language of the figure.
    """

    folder: RunFolder
    options: EngineOptions
    lang: str

    def tell(self, stage: str, done: int, of: int) -> None:
        """Tell how far it is.

        Raises:
            CancelledError: where it was asked to stop.
        """
        if self.options.progress is not None:
            self.options.progress(stage, done, of)
        if self.options.cancel is not None and self.options.cancel.is_set():
            raise CancelledError("The training was stopped.", "Run it again: it goes on from here.")

    def teach(
        self,
        pupil: TrainedNetwork,
        teaching: Teaching,
        train: Examples,
        held: Examples,
        schedule: Schedule,
        *,
        threads: int | None,
    ) -> tuple[TrainedNetwork, Taught]:
        """Train a network; what was cut off goes on where it stopped.

        Args:
            pupil: With its first weights.
            teaching: What is particular to what is learnt.
            train: To learn from.
            held: To choose the epoch by.
            schedule: How long and how fast.
            threads: Of the CPU; None: as many as torch takes.

        Raises:
            InputError: where the examples have nothing to teach.
        """
        state = self.folder.file(STATE)
        taught = train_network(
            pupil.module,
            teaching,
            train,
            held,
            schedule,
            identity=dataclasses.asdict(pupil.card),
            threads=threads,
            state=state.read_bytes() if state.is_file() else None,
            keep=lambda content: _written(self.folder, content),
            progress=self.tell,
        )
        card = dataclasses.replace(
            pupil.card, parameters=taught.parameters, schedule=dataclasses.asdict(schedule)
        )
        return TrainedNetwork(pupil.kind, taught.module, card, "cpu"), taught

    def write_model(self, model: Any, scores: Mapping[str, Any]) -> None:
        """Write a model, with what it reached, and when and by what it was made."""
        model.card = dataclasses.replace(
            model.card,
            scores=scores,
            made=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            versions=versions(),
        )
        write_bytes(self.folder.file(MODEL), model.to_bytes())

    def write_curves(
        self, taught: Taught, of: Literal["student", "ice"], test_iou: float | None = None
    ) -> dict[str, str]:
        """Write the history of a training as a table and as a figure; return files by name."""
        watched = {"student": "mean_iou", "ice": "iou"}[of]
        text = _history_text(taught, watched)
        write_text(self.folder.file(HISTORY), text)
        figure = learning_figure(taught.history, taught.best, test_iou, of=of, lang=self.lang)
        write_bytes(self.folder.file(FIGURE), to_png(figure))
        return {"model": MODEL, "history": HISTORY, "figure": FIGURE}

    def clear(self) -> None:
        """Remove what a training goes on from: it has ended."""
        self.folder.file(STATE).unlink(missing_ok=True)


def drawn(items: Sequence[Item], most: int, seed: int) -> list[Item]:
    """Return all items, or of more than ``most`` so many, drawn at random; in their order."""
    if len(items) <= most:
        return list(items)
    chosen = np.random.default_rng(seed).choice(len(items), most, replace=False)
    return [items[i] for i in sorted(chosen)]


def outputs_of(folder: RunFolder, files: Mapping[str, str], former: str) -> dict[str, str]:
    """Return the paths of what a training left, by name.

    Args:
        folder: The run folder.
        files: By name, relative to it.
        former: What the model was called in earlier results, which others may still read.
    """
    paths = {name: str(folder.file(file)) for name, file in files.items()}
    return paths | {former: paths["model"]}


def _written(folder: RunFolder, content: bytes) -> None:
    write_bytes(folder.file(STATE), content)


def _history_text(taught: Taught, watched: str) -> str:
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
        for epoch in taught.history
    )
    return csv_text(
        ("epoch", "loss", "validation_loss", watched, f"validation_{watched}", "rate", "seconds"),
        rows,
    )
