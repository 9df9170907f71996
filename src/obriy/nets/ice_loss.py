"""What a segmenter of ice is trained by: its loss, and the IoU that is watched."""

from typing import Any, Final

from obriy.model.ice import ICE

SMOOTH: Final = 1.0
"""Pixels added above and below in the Dice loss: without ice it is 0 where none is said."""


class Tally:
    """Adds up what batches gave.

    Args:
        torch: The library.
    """

    def __init__(self, torch: Any) -> None:
        self._counts = torch.zeros(3, dtype=torch.int64)
        self._loss, self._windows = 0.0, 0

    def add(self, loss: Any, counts: Any, windows: int) -> None:
        """Take in the mean loss and the `ice_counts` of a batch."""
        self._loss += loss.item() * windows
        self._windows += windows
        self._counts += counts.cpu()

    def mean_loss(self) -> float:
        """Return the mean loss of a window."""
        return self._loss / self._windows

    def iou(self) -> float | None:
        """Return the IoU of ice over all windows; None: no ice was there and none was said."""
        union = int(self._counts.sum())
        return int(self._counts[0]) / union if union else None


def dice_bce(torch: Any, logits: Any, wanted: Any, known: Any) -> Any:
    """Return binary cross entropy plus Dice loss, the mean over the outputs.

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
