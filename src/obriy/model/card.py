"""The card of what was trained: all that must be known to use it, and to judge it."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any, Self

from obriy.model.legend import Legend, LegendClass


@dataclasses.dataclass(frozen=True)
class Card:
    """What was trained, on what, when, and what came of it; the same for all that is trained.

    Attributes:
        method: What it is: its name in the registry of methods, e.g. ``"m211"``; ``"student"``.
        bands: Common names of the bands that it needs.
        spare: Of these, bands that an image may lack: it learnt without them, too.
        legend: The classes of its maps.
        outputs: What each output speaks of: names of classes of the legend.
        features: Names of the planes of an input, in their order.
        middle: Of each feature what lies in the middle of the training pixels; empty: it scales by
            itself.
        spread: How far each spreads, above 0; likewise.
        size: Rows and columns of the windows that it learnt from and is shown; None: any.
        pixel_m: Height of the pixels that it learnt from, metres; None where unknown.
        sources: Images that it knows: that it learnt from, or was chosen by.
        split: How images were set apart, as plain values.
        schedule: How it learnt, as plain values.
        seed: Of all that was random.
        samples: Pixels that it was fitted to; None: whole windows taught it.
        parameters: Numbers that it learnt; None where nobody counted.
        scores: What it reached, as plain values.
        made: When, ISO 8601; empty: unknown.
        versions: Software that made it.
        made_up: Whether all that taught it was simulated.
        limit: From which probability on the only output of a network is said, 0 to 1.
        before: The training that it went on from, as plain values; empty: it began with this one.
    """

    method: str
    bands: tuple[str, ...]
    legend: Legend
    outputs: tuple[str, ...]
    features: tuple[str, ...]
    middle: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    size: tuple[int, int] | None = None
    pixel_m: float | None = None
    sources: tuple[str, ...] = ()
    split: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    schedule: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    seed: int = 0
    samples: int | None = None
    parameters: int | None = None
    scores: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    made: str = ""
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
    spare: tuple[str, ...] = ()
    made_up: bool = False
    limit: float = 0.5
    before: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def codes(self) -> tuple[int, ...]:
        """Codes of the legend, in the order of the outputs."""
        return tuple(self.legend.by_name(name).code for name in self.outputs)

    def describe(self) -> dict[str, Any]:
        """Return what a reader of its maps should know, as plain values."""
        return {
            "bands": list(self.bands),
            "spare_bands": list(self.spare),
            "features": list(self.features),
            "outputs": list(self.outputs),
            "legend": self.legend.name,
            "learnt_from": list(self.sources),
            "learnt_from_made_up": self.made_up,
            "pixel_m": self.pixel_m,
            "samples": self.samples,
            "scores": dict(self.scores),
            "limit": self.limit,
            "split": {part: _without_names(told) for part, told in self.split.items()},
            "seed": self.seed,
            "made": self.made,
            "versions": dict(self.versions),
        }

    def to_json(self) -> str:
        """Return the card as JSON."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the card that `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: where it is none.
        """
        values = json.loads(text)
        legend = values["legend"]
        classes = tuple(LegendClass(**entry) for entry in legend["classes"])
        values["legend"] = Legend(legend["name"], classes, legend["source"])
        own = {field.name for field in dataclasses.fields(cls)}
        # What a later version knows besides does no harm.
        return cls(**{k: _hard(v) for k, v in values.items() if k in own})


def _hard(value: Any) -> Any:
    """Return a list of JSON as the tuple that it was."""
    return tuple(value) if isinstance(value, list) else value


def _without_names(told: Any) -> Any:
    """Return what is told of a part of a split but the names: those it knows are told once."""
    return {k: v for k, v in told.items() if k != "names"} if isinstance(told, dict) else told
