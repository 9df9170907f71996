"""What a student of land cover is taught by: its loss, and the mean IoU that is watched.

The loss is cross entropy, with rare classes weighted by the root of how rare they are, plus the
Dice loss (Milletari et al. 2016, doi:10.1109/3DV.2016.79). Patches are turned and flipped at
random: from above, land has no up.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError
from obriy.nets.learning import Examples, Places
from obriy.nets.networks import FloatArray
from obriy.nets.torch_library import load_library

IGNORED: Final = -1
"""Stands for a pixel that teaches nothing: unseen, unnamed, or not sure enough."""
WEIGHT_DECAY: Final = 1e-2


class CoverTeaching:
    """Patches of land cover: inputs float32, scaled; targets int16 places in the legend.

    Args:
        targets: Of the training patches, `IGNORED` where they teach nothing.
        classes: Number of classes.
    """

    half = False

    def __init__(self, targets: npt.NDArray[np.int16], classes: int) -> None:
        self._torch = load_library("torch")
        self._balance = class_weights(targets, classes)

    def check(self, part: str, examples: Examples) -> None:
        """Raise an InputError where no pixel has a class."""
        if not (examples.targets != IGNORED).any():
            raise InputError(
                f"No pixel of the {part} blocks has a sure name.",
                "Lower --least-confidence, or give more runs.",
            )

    def optimiser(self, parameters: Any, rate: float) -> Any:
        """Return AdamW."""
        return self._torch.optim.AdamW(parameters, lr=rate, weight_decay=WEIGHT_DECAY)

    def batch(
        self, examples: Examples, chosen: Places, device: str, random: np.random.Generator | None
    ) -> tuple[Any, Any]:
        """Return patches, each in one of its eight positions, and their classes."""
        turns = (
            np.zeros(len(chosen), int) if random is None else random.integers(8, size=len(chosen))
        )
        patches, classes = (
            np.stack([_turned(part[i], n) for i, n in zip(chosen, turns, strict=True)])
            for part in (examples.inputs, examples.targets)
        )
        tensors = (self._torch.from_numpy(part) for part in (patches, classes.astype("int64")))
        inputs, right = (part.to(device) for part in tensors)
        return inputs, right

    def judged(self, heads: list[Any], right: Any) -> tuple[list[Any], Any]:
        """Return the losses, and counts (classes, classes) of pixels, rows what is right."""
        size, known = len(self._balance), right != IGNORED
        pairs = right[known] * size + heads[0].detach().argmax(1)[known]
        counts = self._torch.bincount(pairs, minlength=size * size).reshape(size, size)
        return [self._loss(head, right, known.unsqueeze(1)) for head in heads], counts

    def _loss(self, logits: Any, wanted: Any, known: Any) -> Any:
        """Return weighted cross entropy plus Dice over the pixels that teach."""
        if not known.any():
            return logits.sum() * 0
        balance = self._torch.from_numpy(self._balance).to(logits.device)
        entropy = self._torch.nn.functional.cross_entropy(
            logits, wanted, weight=balance, ignore_index=IGNORED
        )
        return entropy + _dice_loss(self._torch, logits, wanted, known)

    def score(self, counts: npt.NDArray[np.int64]) -> float:
        """Return the mean IoU over the classes that there are."""
        return mean_iou(counts)


def class_weights(targets: npt.NDArray[np.int16], classes: int) -> FloatArray:
    """Return the weight of each class: root of the mean count over its own; 1 where it has none."""
    counts = np.bincount(targets[targets != IGNORED].ravel(), minlength=classes).astype("float64")
    there = counts > 0
    weights = np.ones(classes)
    weights[there] = np.sqrt(counts.sum() / max(1, there.sum()) / counts[there])
    return weights.astype("float32")


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


def _turned(plane: npt.NDArray[Any], turn: int) -> npt.NDArray[Any]:
    """Return (..., rows, columns) in one of its eight positions."""
    flipped = plane[..., ::-1] if turn >= 4 else plane
    return np.ascontiguousarray(np.rot90(flipped, turn % 4, (-2, -1)))
