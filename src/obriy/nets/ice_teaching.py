"""What a network for ice is taught by: its loss, and the IoU that is watched.

As in the study (document B): Dice loss plus binary cross entropy, Adam, the IoU of ice. What the
study does not say is ours: windows are varied (`obriy.nets.ice_variation`).
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError
from obriy.model.card import Card
from obriy.model.ice import CLOUD, ICE, WATER
from obriy.nets.ice_variation import scaled_batch, varied
from obriy.nets.learning import Examples, Places
from obriy.nets.networks import Pupil
from obriy.nets.torch_library import load_library

LACKING: Final = 0.5
"""Share of the windows that are shown without the bands that a network can spare."""
STEPS: Final = 200
"""Limits of a probability that are tried: half per cents."""
COST: Final = 0.01
"""Of the IoU, for less cloud taken for ice."""
SMOOTH: Final = 1.0
"""Pixels added above and below in the Dice loss: without ice it is 0 where none is said."""


class IceTeaching:
    """Windows of ice scenes: inputs float16 reflectance, targets uint8 codes of the legend ``ice``.

    Pixels that are no known sea (0, land, not named) teach nothing. A network with the one output
    ice learns that cloud is not ice. Of every second window the bands that the card calls spare are
    hidden, all together, so that it learns to do without them.

    Args:
        card: What the outputs are, and how inputs are scaled.
    """

    half = True

    def __init__(self, card: Card) -> None:
        self._card = card
        self._spare = [card.features.index(name) for name in card.spare]
        self._torch = load_library("torch")

    def check(self, part: str, examples: Examples) -> None:
        """Raise an InputError where there is no ice in the labels."""
        if not (examples.targets == ICE).any():
            raise InputError(
                f"There is no ice in the labels of the {part} scenes: nothing to learn, or an IoU "
                "that is not defined.",
                "Give more scenes, another --seed, or --split random.",
            )

    def optimiser(self, parameters: Any, rate: float) -> Any:
        """Return Adam, as in the study."""
        return self._torch.optim.Adam(parameters, lr=rate)

    def batch(
        self, examples: Examples, chosen: Places, device: str, random: np.random.Generator | None
    ) -> tuple[Any, tuple[Any, Any]]:
        """Return scaled inputs; labels, and what of them is known."""
        inputs, labels = (
            self._torch.from_numpy(part[chosen]).to(device)
            for part in (examples.inputs, examples.targets)
        )
        inputs = inputs.float()
        if random is not None:
            inputs, labels = varied(inputs, labels, random)
        known = (labels == WATER) | (labels == ICE) | (labels == CLOUD)
        known &= ~inputs.isnan().any(1)
        if random is not None and self._spare:
            for window in np.flatnonzero(random.uniform(size=len(labels)) < LACKING):
                inputs[window, self._spare] = np.nan
        return scaled_batch(inputs, self._card.middle, self._card.spread), (labels, known)

    def judged(self, heads: list[Any], right: Any) -> tuple[list[Any], Any]:
        """Return the losses, and pixels of ice: said rightly, said wrongly, not said."""
        torch, codes = self._torch, self._card.codes
        labels, known = right
        wanted = torch.stack([labels == code for code in codes], 1)
        losses = [dice_bce(torch, head, wanted, known[:, None]) for head in heads]
        return losses, ice_counts(torch, heads[0].detach(), codes.index(ICE), labels, known)

    def score(self, counts: npt.NDArray[np.int64]) -> float | None:
        """Return the IoU of ice; None: no ice was there and none was said."""
        union = int(counts.sum())
        return int(counts[0]) / union if union else None


def best_limit(model: Pupil, held: Examples) -> float:
    """Return from which probability on a network with one output should say ice.

    What is overlaid and weighed while it learns moves its probabilities: a half is seldom the best.
    The IoU of ice is flat about its best: of the limits that cost `COST` of it at most the highest
    takes least cloud and water for ice.

    Args:
        model: The network.
        held: Windows that it did not learn from.
    """
    counts = np.zeros((2, STEPS + 1), np.int64)
    for inputs, labels in zip(held.inputs, held.targets, strict=True):
        known = np.isin(labels, (WATER, ICE, CLOUD)) & ~np.isnan(inputs).any(0)
        planes = dict(zip(model.card.features, inputs.astype("float32"), strict=True))
        steps = (model.probabilities(planes)[0] * STEPS).astype(int)
        for ice in (False, True):
            pixels = known & ((labels == ICE) == ice)
            counts[int(ice)] += np.bincount(steps[pixels], minlength=STEPS + 1)
    wrong, right = counts[:, ::-1].cumsum(1)[:, ::-1]  # what is said from each limit on
    iou = (right / (right[0] + wrong))[1:]
    return float((1 + np.flatnonzero(iou >= iou.max() - COST)[-1]) / STEPS)


def dice_bce(torch: Any, logits: Any, wanted: Any, known: Any) -> Any:
    """Return binary cross entropy plus Dice loss, the mean over the outputs.

    (Milletari et al. 2016, doi:10.1109/3DV.2016.79, with sums that are not squared.)

    Args:
        torch: The library.
        logits: (n, outputs, rows, columns).
        wanted: Likewise, bool.
        known: (n, 1, rows, columns) bool: pixels that count. Where none does the loss is 0.
    """
    true = (wanted & known).float()
    pixels = known.sum().clamp(min=1)
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, true, reduction="none")
    said = logits.sigmoid() * known
    both, sides = (said * true).sum((0, 2, 3)), (said + true).sum((0, 2, 3))
    dice = 1 - (2 * both + SMOOTH) / (sides + SMOOTH)
    return ((entropy * known).sum((0, 2, 3)) / pixels + dice).mean()


def ice_counts(torch: Any, logits: Any, place: int, labels: Any, known: Any) -> Any:
    """Return pixels of known sea: ice said rightly, said wrongly, not said."""
    said = logits[:, 0] > 0 if logits.shape[1] == 1 else logits.argmax(1) == place
    true = labels == ICE
    kinds = (said & true, said & ~true, ~said & true)
    return torch.stack([(kind & known).sum() for kind in kinds])
