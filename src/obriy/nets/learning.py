"""The loop that trains any network: epochs, the best one kept, going on where it was cut off.

What is particular to what is learnt (how examples are varied, the loss, the score that is watched)
is a `Teaching`; there is one for ice and one for land cover.
"""

import dataclasses
import hashlib
import io
import json
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from obriy.nets.torch_library import (
    Device,
    choose_device,
    load_library,
    seeded,
    so_many_threads,
    usual_threads,
)

Places = npt.NDArray[np.int64]

AUXILIARY: Final = 0.5
"""Weight of the loss of an auxiliary head, as in torchvision's reference training."""
PATIENCE: Final = 8
"""Epochs without a better validation score after which the training of a student stops."""
STATE: Final = "obriy training 1"


@dataclasses.dataclass(frozen=True)
class Examples:
    """Windows of scenes with what is right, in memory.

    Attributes:
        inputs: (n, planes, rows, columns), NaN missing; the `Teaching` says in what units.
        targets: (n, rows, columns) integers.
    """

    inputs: npt.NDArray[Any]
    targets: npt.NDArray[Any]

    def __len__(self) -> int:
        return len(self.targets)

    def digest(self) -> bytes:
        """Return what tells these examples from others."""
        told = hashlib.blake2b(digest_size=16)
        for part in (self.inputs, self.targets):
            told.update(np.ascontiguousarray(part).data)
        return told.digest()


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how fast to learn.

    Attributes:
        epochs: At most so many.
        batch: Windows in a step.
        rate: Learning rate at its highest.
        seed: Of first weights, order and variation.
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


class Teaching(Protocol):
    """What is particular to one kind of lesson."""

    half: bool
    """Whether products may be of half precision where the processor has it."""

    def check(self, part: str, examples: Examples) -> None:
        """Raise an InputError where examples of a part (``training``) have nothing to teach."""
        ...

    def optimiser(self, parameters: Any, rate: float) -> Any:
        """Return what changes the weights."""
        ...

    def batch(
        self, examples: Examples, chosen: Places, device: str, random: np.random.Generator | None
    ) -> tuple[Any, Any]:
        """Return inputs as the network sees them, and what is right; varied with ``random``."""
        ...

    def judged(self, heads: list[Any], right: Any) -> tuple[list[Any], Any]:
        """Return the loss of each head, and counts of integers by which the score is told."""
        ...

    def score(self, counts: npt.NDArray[np.int64]) -> float | None:
        """Return the score (IoU) of counts added up, 0 to 1; None: not defined."""
        ...


@dataclasses.dataclass(frozen=True)
class Epoch:
    """How one epoch went.

    Attributes:
        number: From 1.
        loss: Mean loss over the training windows, varied, while learning.
        validation_loss: Over the validation windows, afterwards.
        iou: The score over all training windows, varied, while learning; None: not defined.
        validation_iou: The score over all validation windows.
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
class Taught:
    """What training leaves.

    Attributes:
        module: With the weights of the best epoch, on the CPU.
        history: Epochs in order.
        best: Number of the epoch whose weights were kept.
        precision: ``"bfloat16"`` or ``"float32"``: of the products while learning.
        threads: Threads of the CPU that computed.
    """

    module: Any
    history: tuple[Epoch, ...]
    best: int
    precision: str
    threads: int

    @property
    def parameters(self) -> int:
        """Numbers that were learnt."""
        return sum(p.numel() for p in self.module.parameters() if p.requires_grad)


def train_network(
    module: Any,
    teaching: Teaching,
    train: Examples,
    validation: Examples,
    schedule: Schedule,
    *,
    identity: Mapping[str, Any] | None = None,
    threads: int | None = None,
    state: bytes | None = None,
    keep: Callable[[bytes], None] = lambda state: None,
    progress: Callable[[str, int, int], None] = lambda stage, done, of: None,
) -> Taught:
    """Train a network; the weights of the epoch with the best validation score are kept.

    The rate falls along a cosine. The same examples, schedule and number of threads give the same
    bits on one CPU, and a training that goes on from its state gives what an uninterrupted one
    does. On CUDA nearly so.

    Args:
        module: With its first weights; trained in place.
        teaching: What is particular to what is learnt.
        train: To learn from.
        validation: To choose the epoch by; not touched by gradients.
        schedule: How long and how fast.
        identity: What tells this training from others beside examples and schedule (JSON).
        threads: Of the CPU; None: as many as torch takes.
        state: What ``keep`` was given last; that of another training is left aside.
        keep: Called after every epoch with what is needed to go on from there.
        progress: Called with ``"train"``, epochs done, most epochs.

    Raises:
        InputError: where the examples have nothing to teach.
    """
    torch = load_library("torch")
    teaching.check("training", train)
    teaching.check("validation", validation)
    loop = _Loop(torch, module, teaching, schedule)
    course = _Course(loop, _identity(train, validation, schedule, identity), state)
    usual = usual_threads()
    count = threads or usual
    with so_many_threads(count, usual):
        for number in range(len(course.history) + 1, schedule.epochs + 1):
            if course.is_over(schedule.patience):
                break
            course.add(loop.epoch(number, train, validation))
            keep(course.to_bytes(torch))
            progress("train", number, schedule.epochs)
    left = loop.module.to(memory_format=torch.contiguous_format).cpu()
    left.load_state_dict(course.kept)
    return Taught(left.eval(), tuple(course.history), course.best, loop.precision, count)


class _Course:
    """The history of a training, the best weights so far, and the state to go on from."""

    def __init__(self, loop: "_Loop", identity: str, state: bytes | None) -> None:
        self._loop = loop
        self._identity = identity
        self.history: list[Epoch] = []
        self.kept: Any = None
        content = _read_state(state)
        if content is not None and content["identity"] == identity:
            self.history = [Epoch(**epoch) for epoch in json.loads(content["history"])]
            self.kept = content["kept"]
            loop.restore(content["weights"], content["optimiser"])

    @property
    def best(self) -> int:
        """Number of the first epoch with the best validation score."""
        return max(self.history, key=lambda epoch: (epoch.validation_iou, -epoch.number)).number

    def is_over(self, patience: int | None) -> bool:
        """Whether no better epoch has come for so long."""
        if patience is None or not self.history:
            return False
        return self.history[-1].number - self.best >= patience

    def add(self, epoch: Epoch) -> None:
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

    def __init__(self, torch: Any, module: Any, teaching: Teaching, schedule: Schedule) -> None:
        self._torch = torch
        self._teaching = teaching
        self._schedule = schedule
        self._device = choose_device(schedule.device)
        self.precision = _precision(torch, self._device) if teaching.half else "float32"
        # Channels last in bfloat16 takes a third of the time on a CPU that has it.
        self.module = module.to(self._device, memory_format=torch.channels_last)
        self.optimiser = teaching.optimiser(self.module.parameters(), schedule.rate)

    def weights(self) -> Any:
        """Return a copy of the weights, on the CPU."""
        return {
            name: value.detach().cpu().clone(memory_format=self._torch.contiguous_format)
            for name, value in self.module.state_dict().items()
        }

    def restore(self, weights: Any, optimiser: Any) -> None:
        """Take weights and the memory of the optimiser back."""
        self.module.load_state_dict(weights)
        self.optimiser.load_state_dict(optimiser)

    def epoch(self, number: int, train: Examples, validation: Examples) -> Epoch:
        """Go once over the training windows, then look at the others."""
        start = time.perf_counter()
        rate = self._schedule.rate * (1 + math.cos(math.pi * (number - 1) / self._schedule.epochs))
        for group in self.optimiser.param_groups:
            group["lr"] = rate / 2
        # All that is random in an epoch comes of its number: none of it has to be kept.
        random = np.random.default_rng((self._schedule.seed, number))
        with seeded(int(random.integers(2**31))):
            self.module.train()
            loss, iou = self._pass(train, random.permutation(len(train)), random)
        self.module.eval()
        with self._torch.inference_mode():
            held_loss, held_iou = self._pass(validation, np.arange(len(validation)), None)
        seconds = time.perf_counter() - start
        return Epoch(number, loss, held_loss, iou, held_iou or 0.0, rate / 2, seconds)

    def _pass(
        self, examples: Examples, order: Places, random: np.random.Generator | None
    ) -> tuple[float, float | None]:
        """Return mean loss and score of all windows; with ``random`` it learns from them."""
        total, counts = 0.0, 0
        for chosen in _batches(order, self._schedule.batch):
            self.optimiser.zero_grad()
            loss, counted = self._forward(examples, np.sort(chosen), random)
            if random is not None:
                loss.backward()
                self.optimiser.step()
            total += loss.item() * len(chosen)
            counts = counts + counted.cpu().numpy()
        return total / len(examples), self._teaching.score(np.asarray(counts))

    def _forward(
        self, examples: Examples, chosen: Places, random: np.random.Generator | None
    ) -> tuple[Any, Any]:
        torch = self._torch
        inputs, right = self._teaching.batch(examples, chosen, self._device, random)
        inputs = inputs.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self._device, torch.bfloat16, enabled=self.precision == "bfloat16"):
            heads = [head.float() for head in self.module.heads(inputs)]
        losses, counts = self._teaching.judged(heads, right)
        return losses[0] + AUXILIARY * sum(losses[1:]), counts


def _batches(order: Places, batch: int) -> list[Places]:
    """Return the order in parts of like size: a last window alone could not be normalised."""
    parts = max(1, min(math.ceil(len(order) / batch), len(order) // 2))
    return np.array_split(order, parts)


def _precision(torch: Any, device: str) -> str:
    """Return bfloat16 where the processor multiplies it itself; elsewhere it would be slower."""
    if device == "cuda":
        quick = bool(torch.cuda.is_bf16_supported())
    else:
        quick = bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
    return "bfloat16" if quick else "float32"


def _identity(
    train: Examples, validation: Examples, schedule: Schedule, more: Mapping[str, Any] | None
) -> str:
    """Return what tells a training from others: what it learns from, and how."""
    plain = {"more": more, "schedule": dataclasses.asdict(schedule)}
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
