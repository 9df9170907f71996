"""A kind of network, and one that was trained: how it is built, what it sees, what it says."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError
from obriy.model.bands import require_bands
from obriy.model.card import Card
from obriy.nets.model_file import WAY_OUT, Weights, model_bytes
from obriy.nets.torch_library import (
    Device,
    choose_device,
    load_library,
    one_thread,
    seeded,
    usual_threads,
)

FloatArray = npt.NDArray[np.float32]
Planes = Mapping[str, FloatArray]
"""(rows, columns) float32 reflectance by common name, NaN missing."""

CLIP: Final = 5.0
"""Features farther from the middle than this many spreads are as far as that."""


def planes_of(bands: Planes) -> FloatArray:
    """Return bands as they are, (bands, rows, columns) float32, in the order of the mapping."""
    return np.stack(list(bands.values()))


@dataclasses.dataclass(frozen=True)
class Network:
    """A kind of network: an entry with it is all that training and mapping need.

    Attributes:
        build: From numbers of planes and of outputs to a ``torch.nn.Module`` with ``heads(x)``:
            logits (n, outputs, rows, columns) by the network itself first, those of auxiliary
            heads after it; and ``forward(x)``: probabilities. With ``encoder()``, the part
            whose first layer is ``conv1``, it can take weights of photographs.
        outputs: Names of the classes that it tells apart; empty: those of what it learns from.
            More than one are not made to add up to 1.
        bands: Bands that it must have to learn; empty: any will do.
        look: What it sees of bands, (features, rows, columns), before scaling.
        pretrained: Weights of torchvision that stand for ``"imagenet"``; empty: there are none.
        spare: Bands without which it learns, too: a scene to map may lack them.
        plain: The same without torch: from weights to what takes scaled inputs (features, rows,
            columns) of one window and gives (outputs, rows, columns) probabilities, float32.
    """

    build: Callable[[int, int], Any]
    outputs: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    look: Callable[[Planes], FloatArray] = planes_of
    pretrained: str = ""
    spare: tuple[str, ...] = ()
    plain: Callable[[Weights], Callable[[FloatArray], FloatArray]] | None = None

    family = "network"

    def fresh(self, planes: int, outputs: int, seed: int = 0) -> Any:
        """Return a module with first weights of a seed; torch's own generator is left as it was.

        Args:
            planes: Of an input.
            outputs: Of an output.
            seed: Of the first weights.

        Raises:
            MissingExtraError: where the extra ``deep`` is not installed.
        """
        with seeded(seed):
            return self.build(planes, outputs)

    def restored(self, card: Card, weights: Weights, device: Device = "auto") -> "Pupil":
        """Return what was trained, of its file; without torch where it can do without.

        Raises:
            InputError: where the weights are of another network.
            MissingExtraError: where the extra ``deep`` is not installed, and it is needed.
        """
        if self.plain is None or device == "cuda" or find_spec("torch") is not None:
            return self.in_torch(card, weights, device)
        with _damaged(card):
            return PlainNetwork(self, self.plain(weights), card)

    def in_torch(self, card: Card, weights: Weights, device: Device = "auto") -> "TrainedNetwork":
        """Return what was trained, as a module of torch; errors are those of `restored`."""
        torch = load_library("torch")
        module = self.fresh(len(card.features), len(card.outputs))
        with _damaged(card):
            module.load_state_dict({k: torch.from_numpy(v) for k, v in weights.items()})
        return TrainedNetwork(self, module, card, device)


@contextlib.contextmanager
def _damaged(card: Card) -> Iterator[None]:
    """Say of weights that do not fit that the model is damaged."""
    try:
        if not len(card.middle) == len(card.spread) == len(card.features):
            raise ValueError("it scales other features than it has")
        yield
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"The model of '{card.method}' is damaged.", WAY_OUT) from error


class Pupil:
    """What was trained, with its card; `probabilities` may be called from several threads.

    Args:
        kind: What it is.
        card: What belongs to it.
    """

    def __init__(self, kind: Network, card: Card) -> None:
        self.card = card
        self.kind = kind

    def inputs(self, bands: Planes) -> FloatArray:
        """Return what it sees of a window.

        Returns:
            (features, rows, columns) float32, scaled; 0, the middle, where a band is missing.

        Raises:
            BandError: where a band is not there.
        """
        card = self.card
        needed = set(card.bands) - set(card.spare)
        require_bands(set(bands), needed, card.method, "It learnt from these bands.")
        unseen = np.full_like(next(iter(bands.values())), np.nan)
        seen = self.kind.look({name: bands.get(name, unseen) for name in card.bands})
        return scaled(seen, card.middle, card.spread)

    def probabilities(self, bands: Planes) -> FloatArray:
        """Return the probability of each output in one window.

        A network with a ``card.size`` holds for windows of that size and is given just that, as it
        learnt: a larger scene is cut into such windows by the caller, always the same ones; a
        smaller one is padded below and to the right with missing pixels. Each call computes in its
        own thread alone: threads of the engine share the cores, and the same window gives the same
        bits on a CPU.

        Args:
            bands: At least one pixel, at most ``card.size``.

        Returns:
            (outputs, rows, columns) float32, 0 to 1, in the order of ``card.outputs``. Pixels with
            a missing band get a number that means nothing.

        Raises:
            BandError: where a band is not there.
            InputError: where the window is larger than ``card.size``.
        """
        inputs = self.inputs(bands)
        rows, columns = inputs.shape[1:]
        height, width = self.card.size or (rows, columns)
        if rows > height or columns > width:
            raise InputError(
                f"A window of {rows} x {columns} pixels is larger than the {height} x {width} of "
                f"{self.card.method}.",
                "Cut the scene into windows.",
            )
        # The middle of the scaled features is 0: padding is as missing pixels are.
        window = np.pad(inputs, ((0, 0), (0, height - rows), (0, width - columns)))
        return np.ascontiguousarray(self._said(window)[:, :rows, :columns])

    def _said(self, window: FloatArray) -> FloatArray:
        """Return the probabilities (outputs, rows, columns) of scaled inputs of one window."""
        raise NotImplementedError


class TrainedNetwork(Pupil):
    """A trained network in torch.

    Args:
        kind: What it is.
        module: With its weights.
        card: What belongs to it.
        device: Where it computes.
    """

    def __init__(self, kind: Network, module: Any, card: Card, device: Device = "auto") -> None:
        super().__init__(kind, card)
        self._device = choose_device(device)
        self.module = module.to(self._device).eval()
        self._threads = usual_threads()

    def _said(self, window: FloatArray) -> FloatArray:
        torch = load_library("torch")
        with one_thread(self._threads), torch.inference_mode():
            found = self.module(torch.from_numpy(window).to(self._device)[None])[0].cpu()
        said: FloatArray = found.numpy()
        return said

    def to_bytes(self) -> bytes:
        """Return the file that `obriy.nets.model_file.open_model` reads."""
        state = self.module.state_dict()
        return model_bytes(self.card, {name: value.cpu().numpy() for name, value in state.items()})


class PlainNetwork(Pupil):
    """A trained network in numpy, one window at a time.

    Args:
        kind: What it is.
        forward: From scaled inputs of a window to probabilities.
        card: What belongs to it.
    """

    def __init__(
        self, kind: Network, forward: Callable[[FloatArray], FloatArray], card: Card
    ) -> None:
        super().__init__(kind, card)
        self._forward = forward
        self._turn = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """Go to another process, where it has a turn of its own."""
        return PlainNetwork, (self.kind, self._forward, self.card)

    def _said(self, window: FloatArray) -> FloatArray:
        # One after another: the library of matrices has threads of its own, and a window takes
        # some hundred megabytes.
        with self._turn:
            return self._forward(window)


def scaled(stack: FloatArray, middle: npt.ArrayLike, spread: npt.ArrayLike) -> FloatArray:
    """Return features (features, rows, columns) scaled and clipped; missing becomes 0."""
    centre, width = (np.asarray(v, "float32")[:, None, None] for v in (middle, spread))
    values = np.clip((stack - centre) / width, -CLIP, CLIP)
    return np.where(np.isnan(values), np.float32(0), values).astype("float32")
