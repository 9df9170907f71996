"""The loop that trains a student on patches of named maps."""

import copy
import dataclasses
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError
from obriy.nets.torch_library import (
    Device,
    choose_device,
    load_library,
    one_thread,
    usual_threads,
)
from obriy.nets.unet import build_network

FloatArray = npt.NDArray[np.float32]
LabelArray = npt.NDArray[np.int16]

IGNORED: Final = -1
"""Stands for a pixel that teaches nothing: unseen, unnamed, or not sure enough."""
WEIGHT_DECAY: Final = 1e-2
PATIENCE: Final = 8
"""Epochs without a better validation score after which training stops."""


@dataclasses.dataclass(frozen=True)
class Patches:
    """Windows of scenes with the class of each pixel.

    Attributes:
        inputs: (n, features, side, side) float32 as `StudentCard.inputs` gives them.
        targets: (n, side, side) int16, place of the class in the legend, or `IGNORED`.
    """

    inputs: FloatArray
    targets: LabelArray

    def __len__(self) -> int:
        return len(self.targets)


@dataclasses.dataclass(frozen=True)
class Epoch:
    """How one epoch went.

    Attributes:
        number: From 1.
        loss: Mean loss over the training patches.
        validation_loss: Over the validation patches.
        validation_iou: Mean IoU with the teacher over the classes in the validation patches.
        rate: Learning rate.
    """

    number: int
    loss: float
    validation_loss: float
    validation_iou: float
    rate: float


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        epochs: At most so many.
        batch: Patches in a step.
        rate: Learning rate at its highest.
        seed: Of first weights, order and turns.
        device: Where to compute.
        patience: Epochs without a better validation score after which training stops; None: it
            goes through all.
    """

    epochs: int
    batch: int
    rate: float
    seed: int
    device: Device = "auto"
    patience: int | None = PATIENCE


def train_network(
    train: Patches,
    validation: Patches,
    classes: int,
    schedule: Schedule,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[Any, list[Epoch]]:
    """Train a network; the weights of the epoch with the best validation IoU are kept.

    The loss is cross entropy, with rare classes weighted by the root of how rare they are, plus
    the Dice loss (Milletari et al. 2016, doi:10.1109/3DV.2016.79). Patches are turned and flipped
    at random: from above, land has no up. The rate falls along a cosine. On a CPU all is computed
    in one thread, and the same patches and seed give the same weights; on CUDA nearly so.

    Args:
        train: To learn from.
        validation: To stop by; not touched by gradients.
        classes: Number of classes.
        schedule: How long and how fast.
        progress: Called with ``"train"``, epochs done, most epochs.

    Returns:
        The network on the CPU, and the history.

    Raises:
        InputError: where no pixel of the training or validation patches has a class.
    """
    torch = load_library("torch")
    for name, patches in (("training", train), ("validation", validation)):
        if not (patches.targets != IGNORED).any():
            raise InputError(
                f"No pixel of the {name} blocks has a sure name.",
                "Lower --least-confidence, or give more runs.",
            )
    device = choose_device(schedule.device)
    network = build_network(train.inputs.shape[1], classes, schedule.seed).to(device)
    loop = _Loop(torch, network, device, class_weights(train.targets, classes), schedule)
    with one_thread(usual_threads()):
        history = _epochs(loop, train, validation, schedule, progress)
    return network.cpu().eval(), history


def _epochs(
    loop: "_Loop",
    train: Patches,
    validation: Patches,
    schedule: Schedule,
    progress: Callable[[str, int, int], None] | None,
) -> list[Epoch]:
    """Go through the epochs; the weights of the best one are left in the network."""
    random = np.random.default_rng(schedule.seed)
    history: list[Epoch] = []
    best, since, kept = -1.0, 0, loop.weights()
    for number in range(1, schedule.epochs + 1):
        rate = loop.rate
        loss = loop.learn(train, random)
        held_loss, iou = loop.check(validation)
        history.append(Epoch(number, loss, held_loss, iou, rate))
        if progress is not None:
            progress("train", number, schedule.epochs)
        since += 1
        if iou > best:
            best, since, kept = iou, 0, loop.weights()
        if schedule.patience is not None and since >= schedule.patience:
            break
    loop.restore(kept)
    return history


def class_weights(targets: LabelArray, classes: int) -> FloatArray:
    """Return the weight of each class: root of the mean count over its own; 1 where it has none."""
    counts = np.bincount(targets[targets != IGNORED].ravel(), minlength=classes).astype("float64")
    there = counts > 0
    weights = np.ones(classes)
    weights[there] = np.sqrt(counts[there].mean() / counts[there])
    return weights.astype("float32")


class _Loop:
    """One step after another."""

    def __init__(
        self, torch: Any, network: Any, device: str, balance: FloatArray, schedule: Schedule
    ) -> None:
        self._torch = torch
        self._network = network
        self._device = device
        self._balance = torch.from_numpy(balance).to(device)
        self._batch = schedule.batch
        self._optimiser = torch.optim.AdamW(
            network.parameters(), lr=schedule.rate, weight_decay=WEIGHT_DECAY
        )
        self._falling = torch.optim.lr_scheduler.CosineAnnealingLR(self._optimiser, schedule.epochs)

    @property
    def rate(self) -> float:
        """Learning rate of the next epoch."""
        return float(self._optimiser.param_groups[0]["lr"])

    def weights(self) -> Any:
        """Return a copy of the weights."""
        return copy.deepcopy(self._network.state_dict())

    def restore(self, weights: Any) -> None:
        """Take weights back."""
        self._network.load_state_dict(weights)

    def learn(self, patches: Patches, random: np.random.Generator) -> float:
        """Go once over the patches; return the mean loss."""
        self._network.train()
        total = 0.0
        order = random.permutation(len(patches))
        for start in range(0, len(order), self._batch):
            chosen = order[start : start + self._batch]
            turned = [_turned(patches, i, int(random.integers(8))) for i in chosen]
            inputs, targets = (np.stack(part) for part in zip(*turned, strict=True))
            self._optimiser.zero_grad()
            logits, wanted = self._forward(inputs, targets)
            loss = self._loss(logits, wanted)
            loss.backward()
            self._optimiser.step()
            total += loss.item() * len(chosen)
        self._falling.step()
        return total / len(order)

    def check(self, patches: Patches) -> tuple[float, float]:
        """Return mean loss and mean IoU without learning."""
        self._network.eval()
        total, size = 0.0, len(self._balance)
        counts = np.zeros((size, size), np.int64)
        with self._torch.inference_mode():
            for start in range(0, len(patches), self._batch):
                part = slice(start, start + self._batch)
                logits, wanted = self._forward(patches.inputs[part], patches.targets[part])
                total += self._loss(logits, wanted).item() * len(wanted)
                said, true = logits.argmax(1).cpu().numpy(), wanted.cpu().numpy()
                known = true != IGNORED
                counts += np.bincount(
                    true[known] * size + said[known], minlength=size * size
                ).reshape(size, size)
        return total / len(patches), mean_iou(counts)

    def _forward(self, inputs: FloatArray, targets: LabelArray) -> tuple[Any, Any]:
        torch = self._torch
        logits = self._network(torch.from_numpy(inputs).to(self._device))
        return logits, torch.from_numpy(targets.astype("int64")).to(self._device)

    def _loss(self, logits: Any, wanted: Any) -> Any:
        """Return weighted cross entropy plus Dice over the pixels that teach."""
        known = (wanted != IGNORED).unsqueeze(1)
        if not known.any():
            return logits.sum() * 0
        entropy = self._torch.nn.functional.cross_entropy(
            logits, wanted, weight=self._balance, ignore_index=IGNORED
        )
        return entropy + _dice_loss(self._torch, logits, wanted, known)


def _dice_loss(torch: Any, logits: Any, wanted: Any, known: Any) -> Any:
    """Return 1 - Dice, the mean over the classes in the batch."""
    said = logits.softmax(1) * known
    true = torch.nn.functional.one_hot(wanted.clamp(min=0), logits.shape[1])
    true = true.permute(0, 3, 1, 2) * known
    both, all_said, all_true = ((a).sum((0, 2, 3)) for a in (said * true, said, true))
    there = all_true > 0
    return 1 - (2 * both[there] / (all_said + all_true)[there]).mean()


def mean_iou(counts: npt.NDArray[np.int64]) -> float:
    """Return the mean IoU of a confusion matrix over the classes that occur in its rows."""
    right = np.diag(counts).astype("float64")
    there = counts.sum(1) > 0
    union = counts.sum(0) + counts.sum(1) - right
    return float((right[there] / union[there]).mean())


def _turned(patches: Patches, number: int, turn: int) -> tuple[FloatArray, LabelArray]:
    """Return a patch in one of its eight positions."""
    inputs, targets = patches.inputs[number], patches.targets[number]
    if turn >= 4:
        inputs, targets = inputs[:, :, ::-1], targets[:, ::-1]
    return (
        np.ascontiguousarray(np.rot90(inputs, turn % 4, (1, 2))),
        np.ascontiguousarray(np.rot90(targets, turn % 4)),
    )
