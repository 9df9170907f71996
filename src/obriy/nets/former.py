"""Models in the formats of before there was one: a reader for each, and nothing else."""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from obriy.indices.features import feature_names
from obriy.model.card import Card
from obriy.model.legend import load_legend
from obriy.nets.estimators import read_estimator
from obriy.nets.torch_library import read_tensors


def former_model(path: Path, names: Sequence[str]) -> tuple[Card, Any] | None:
    """Return the card and what was learnt in a zip file of old; None where it is none.

    Args:
        path: The file.
        names: Of its parts.

    Raises:
        InputError: where torch or skops will not read it.
        KeyError, TypeError, ValueError: where it is damaged.
        MissingExtraError: for a network where the extra ``deep`` is not installed.
    """
    content: Any = None
    if "schema.json" in names:
        content = read_estimator(path.read_bytes())
    elif any(name.endswith("data.pkl") for name in names):
        content = read_tensors(path, "a model")
    kind = content.get("format") if isinstance(content, dict) else None
    if kind not in _CARDS:
        return None
    card = _CARDS[kind](json.loads(content["card"]))
    if kind == "obriy ice classifier 1":
        return card, content["model"]
    return card, {name: value.numpy() for name, value in content["weights"].items()}


def _student(values: dict[str, Any]) -> Card:
    outputs = [one["name"] for one in values["legend"]["classes"]]
    features = feature_names(("bands", "indices"), set(values["bands"]))
    return _card(values, method="student", outputs=outputs, features=features)


def _segmenter(values: dict[str, Any]) -> Card:
    features = values["bands"]
    return _card(values, method=values["architecture"], legend="ice", features=features)


def _classifier(values: dict[str, Any]) -> Card:
    names = {one.code: one.name for one in load_legend("ice")}
    outputs = [names[code] for code in values["codes"]]
    return _card(values, method=values["kind"], legend="ice", outputs=outputs)


def _card(values: Mapping[str, Any], **others: Any) -> Card:
    merged = {**values, **others}
    if merged["legend"] == "ice":
        merged["legend"] = dataclasses.asdict(load_legend("ice"))
    return Card.from_json(json.dumps(merged))


_CARDS: Final[dict[str, Callable[[dict[str, Any]], Card]]] = {
    "obriy student 1": _student,
    "obriy segmenter 1": _segmenter,
    "obriy ice classifier 1": _classifier,
}
"""By the word that says what a file holds."""
