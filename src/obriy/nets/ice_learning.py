"""The loop that trains a segmenter of ice on whole windows of scenes.

As in the study: Dice loss plus binary cross entropy, Adam, the weights of the epoch with the best
validation IoU of ice are kept. What the study does not say is ours: the rate falls along a cosine,
and windows are varied (`obriy.nets.ice_variation`).
"""

import dataclasses
import hashlib
import io
import json
import math
import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError
from obriy.model.ice import CLOUD, ICE, WATER
from obriy.model.legend import load_legend
from obriy.nets.architectures import build_segmenter
from obriy.nets.ice_loss import Tally, dice_bce, ice_counts
from obriy.nets.ice_variation import scaled_batch, varied
from obriy.nets.learning import Schedule
from obriy.nets.segmenter import SegmenterCard
from obriy.nets.torch_library import (
    choose_device,
    load_library,
    seeded,
    so_many_threads,
    usual_threads,
)

AUXILIARY: Final = 0.5
"""Weight of the loss of an auxiliary head, as in torchvision's reference training."""
STATE: Final = "obriy ice training 1"


@dataclasses.dataclass(frozen=True)
class Windows:
    """Windows of scenes with their labels, in memory.

    Attributes:
        inputs: (n, bands, rows, columns) float16 reflectance, NaN missing.
        labels: (n, rows, columns) uint8 codes of the legend ``ice``. Pixels that are no known sea
            (0, land, not named) teach nothing.
    """

    inputs: npt.NDArray[np.float16]
    labels: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    def digest(self) -> bytes:
        """Return what tells these windows from others."""
        told = hashlib.blake2b(digest_size=16)
        for part in (self.inputs, self.labels):
            told.update(np.ascontiguousarray(part).data)
        return told.digest()


@dataclasses.dataclass(frozen=True)
class IceEpoch:
    """How one epoch went.

    Attributes:
        number: From 1.
        loss: Mean loss over the training windows, varied, while learning.
        validation_loss: Over the validation windows, afterwards.
        iou: IoU of ice over all training windows, varied, while learning; None: no ice was there
            and none was said.
        validation_iou: IoU of ice over all validation windows.
        rate: Learning rate.
        seconds: How long it took, validation included.
    """

    number: int
    loss: float
    validation_loss: float
    iou: float | None
    validation_iou: float
    rate: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training leaves.

    Attributes:
        network: With the weights of the best epoch, on the CPU.
        history: Epochs in order.
        best: Number of the epoch whose weights were kept.
        precision: ``"bfloat16"`` or ``"float32"``: of the products while learning.
        threads: Threads of the CPU that computed.
    """

    network: Any
    history: tuple[IceEpoch, ...]
    best: int
    precision: str
    threads: int


def train_segmenter(
    train: Windows,
    validation: Windows,
    card: SegmenterCard,
    schedule: Schedule,
    *,
    threads: int | None = None,
    pretrained: str | None = None,
    state: bytes | None = None,
    keep: Callable[[bytes], None] = lambda state: None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Trained:
    """Train a segmenter; the weights of the epoch with the best validation IoU of ice are kept.

    The loss of each output is binary cross entropy plus the Dice loss (Milletari et al. 2016,
    doi:10.1109/3DV.2016.79, with sums that are not squared), over the known sea of a batch. A
    network with the one output ice learns that cloud is not ice.

    The same windows, schedule and number of threads give the same bits on one CPU, and a training
    that goes on from its state gives what an uninterrupted one does. On CUDA nearly so. A batch of
    32 windows needs some 5 GB for M21.1 (half of it in bfloat16).

    Args:
        train: To learn from.
        validation: To choose the epoch by; not touched by gradients.
        card: What the network is, and how its inputs are scaled.
        schedule: How long and how fast; without patience it goes through all epochs.
        threads: Of the CPU; None: as many as torch takes.
        pretrained: Weights to start from, see `build_segmenter`.
        state: What ``keep`` was given last; that of another training is left aside.
        keep: Called after every epoch with what is needed to go on from there.
        progress: Called with ``"train"``, epochs done, most epochs.

    Raises:
        InputError: where there is no ice in the labels of the training or validation windows.
    """
    torch = load_library("torch")
    for name, windows in (("training", train), ("validation", validation)):
        if not (windows.labels == ICE).any():
            raise InputError(
                f"There is no ice in the labels of the {name} scenes: nothing to learn, or an IoU "
                "that is not defined.",
                "Give more scenes, another --seed, or --split random.",
            )
    loop = _Loop(torch, card, schedule, pretrained)
    identity = _identity(train, validation, card, schedule)
    course = _Course(loop, identity, state)
    usual = usual_threads()
    count = threads or usual
    with so_many_threads(count, usual):
        for number in range(len(course.history) + 1, schedule.epochs + 1):
            if course.is_over(schedule.patience):
                break
            course.add(loop.epoch(number, train, validation))
            keep(course.to_bytes(torch))
            if progress is not None:
                progress("train", number, schedule.epochs)
    network = loop.network.to(memory_format=torch.contiguous_format).cpu()
    network.load_state_dict(course.kept)
    return Trained(network.eval(), tuple(course.history), course.best, loop.precision, count)


class _Course:
    """The history of a training, the best weights so far, and the state to go on from."""

    def __init__(self, loop: "_Loop", identity: str, state: bytes | None) -> None:
        self._loop = loop
        self._identity = identity
        self.history: list[IceEpoch] = []
        self.kept: Any = None
        content = _read_state(state)
        if content is not None and content["identity"] == identity:
            self.history = [IceEpoch(**epoch) for epoch in json.loads(content["history"])]
            self.kept = content["kept"]
            loop.restore(content["weights"], content["optimiser"])

    @property
    def best(self) -> int:
        """Number of the first epoch with the best validation IoU."""
        return max(self.history, key=lambda epoch: (epoch.validation_iou, -epoch.number)).number

    def is_over(self, patience: int | None) -> bool:
        """Whether no better epoch has come for so long."""
        if patience is None or not self.history:
            return False
        return self.history[-1].number - self.best >= patience

    def add(self, epoch: IceEpoch) -> None:
        """Note an epoch, and keep its weights where they are the best."""
        self.history.append(epoch)
        if self.best == epoch.number:
            self.kept = self._loop.weights()

    def to_bytes(self, torch: Any) -> bytes:
        """Return tensors and JSON, no code."""
        buffer = io.BytesIO()
        content = {
            "format": STATE,
            "identity": self._identity,
            "history": json.dumps([dataclasses.asdict(epoch) for epoch in self.history]),
            "kept": self.kept,
            "weights": self._loop.weights(),
            "optimiser": self._loop.optimiser.state_dict(),
        }
        torch.save(content, buffer)
        return buffer.getvalue()


class _Loop:
    """One epoch after another."""

    def __init__(
        self, torch: Any, card: SegmenterCard, schedule: Schedule, pretrained: str | None
    ) -> None:
        self._torch = torch
        self._card = card
        self._schedule = schedule
        self._device = choose_device(schedule.device)
        self.precision = _precision(torch, self._device)
        network = build_segmenter(
            card.architecture, card.bands, seed=schedule.seed, pretrained=pretrained
        )
        # Channels last in bfloat16 takes a third of the time on a CPU that has it.
        self.network = network.to(self._device, memory_format=torch.channels_last)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=schedule.rate)
        legend = load_legend(card.legend)
        self._codes = [legend.by_name(name).code for name in card.outputs]

    def weights(self) -> Any:
        """Return a copy of the weights, on the CPU."""
        return {
            name: value.detach().cpu().clone(memory_format=self._torch.contiguous_format)
            for name, value in self.network.state_dict().items()
        }

    def restore(self, weights: Any, optimiser: Any) -> None:
        """Take weights and the memory of the optimiser back."""
        self.network.load_state_dict(weights)
        self.optimiser.load_state_dict(optimiser)

    def epoch(self, number: int, train: Windows, validation: Windows) -> IceEpoch:
        """Go once over the training windows, then look at the others."""
        start = time.perf_counter()
        rate = _rate(self._schedule, number)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        # All that is random in an epoch comes of its number: none of it has to be kept.
        random = np.random.default_rng((self._schedule.seed, number))
        with seeded(int(random.integers(2**31))):
            loss, iou = self._learn(train, random)
        held_loss, held_iou = self._check(validation)
        seconds = time.perf_counter() - start
        return IceEpoch(number, loss, held_loss, iou, held_iou or 0.0, rate, seconds)

    def _learn(self, windows: Windows, random: np.random.Generator) -> tuple[float, float | None]:
        self.network.train()
        tally = Tally(self._torch)
        for chosen in _batches(random.permutation(len(windows)), self._schedule.batch):
            inputs, labels = self._on_device(windows, np.sort(chosen))
            inputs, labels = varied(inputs, labels, random)
            self.optimiser.zero_grad()
            loss, counts = self._forward(inputs, labels)
            loss.backward()
            self.optimiser.step()
            tally.add(loss, counts, len(chosen))
        return tally.mean_loss(), tally.iou()

    def _check(self, windows: Windows) -> tuple[float, float | None]:
        self.network.eval()
        tally = Tally(self._torch)
        with self._torch.inference_mode():
            for chosen in _batches(np.arange(len(windows)), self._schedule.batch):
                loss, counts = self._forward(*self._on_device(windows, chosen))
                tally.add(loss, counts, len(chosen))
        return tally.mean_loss(), tally.iou()

    def _on_device(self, windows: Windows, chosen: npt.NDArray[np.int64]) -> tuple[Any, Any]:
        inputs, labels = (
            self._torch.from_numpy(part[chosen]).to(self._device)
            for part in (windows.inputs, windows.labels)
        )
        return inputs.float(), labels

    def _forward(self, inputs: Any, labels: Any) -> tuple[Any, Any]:
        """Return the loss, and pixels of ice: said rightly, said wrongly, not said."""
        torch = self._torch
        known = (labels == WATER) | (labels == ICE) | (labels == CLOUD)
        known &= ~inputs.isnan().any(1)
        scaled = scaled_batch(inputs, self._card.middle, self._card.spread)
        scaled = scaled.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device, torch.bfloat16, enabled=self.precision == "bfloat16"):
            heads = [head.float() for head in self.network.heads(scaled)]
        wanted = torch.stack([labels == code for code in self._codes], 1)
        losses = [dice_bce(torch, head, wanted, known[:, None]) for head in heads]
        loss = losses[0] + AUXILIARY * sum(losses[1:])
        return loss, ice_counts(torch, heads[0].detach(), self._codes.index(ICE), labels, known)


def _batches(order: npt.NDArray[np.int64], batch: int) -> list[npt.NDArray[np.int64]]:
    """Return the order in parts of like size: a last window alone could not be normalised."""
    parts = max(1, min(math.ceil(len(order) / batch), len(order) // 2))
    return np.array_split(order, parts)


def _rate(schedule: Schedule, number: int) -> float:
    """Return the rate of an epoch: along a cosine, from the highest down."""
    return schedule.rate * (1 + math.cos(math.pi * (number - 1) / schedule.epochs)) / 2


def _precision(torch: Any, device: str) -> str:
    """Return bfloat16 where the processor multiplies it itself; elsewhere it would be slower."""
    if device == "cuda":
        quick = bool(torch.cuda.is_bf16_supported())
    else:
        quick = bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
    return "bfloat16" if quick else "float32"


def _identity(train: Windows, validation: Windows, card: SegmenterCard, schedule: Schedule) -> str:
    """Return what tells a training from others: what it learns from, and how."""
    plain = {"card": dataclasses.asdict(card), "schedule": dataclasses.asdict(schedule)}
    told = hashlib.blake2b(json.dumps(plain, sort_keys=True).encode(), digest_size=16)
    told.update(train.digest() + validation.digest())
    return told.hexdigest()


def _read_state(state: bytes | None) -> dict[str, Any] | None:
    """Return what lies in a state; None where there is none, or it is broken."""
    if state is None:
        return None
    try:
        content = load_library("torch").load(io.BytesIO(state), "cpu", weights_only=True)
    except Exception:  # noqa: BLE001 - torch raises many kinds; a broken state only costs time
        return None
    fits = isinstance(content, dict) and content.get("format") == STATE
    return content if fits else None
