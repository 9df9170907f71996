"""What a question is thought to cost, before it is asked."""

import math
import struct
from collections.abc import Mapping
from typing import Any, Final

from obriy.labelling.budget import Usage
from obriy.labelling.labellers.clients import expected_price
from obriy.labelling.labellers.spec import Spec
from obriy.labelling.question import Question
from obriy.tables import load_toml

_UNKNOWN_SIZE: Final = (1024, 1024)


def estimate(question: Question, spec: Spec) -> Usage:
    """Return what one request is thought to use; rather too much than too little.

    Args:
        question: What would be sent.
        spec: To whom.
    """
    table = load_toml("providers")
    rules = table["address" if spec.address else spec.kind]["picture"]
    pictures = sum(picture_tokens(png, rules) for _, png in question.pictures)
    words = math.ceil(len(question.words) / table["letters_per_token"])
    read, written = pictures + words, int(table["answer_tokens"])
    return Usage(1, 0, read, written, expected_price(spec, read, written))


def usual(spec: Spec) -> Usage:
    """Return what one request is thought to use before there is anything to ask about.

    Args:
        spec: To whom.
    """
    table = load_toml("providers")
    rules = table["address" if spec.address else spec.kind]["picture"]
    side = int(table["usual_side"])
    pictures = int(table["usual_pictures"]) * _tokens(side, side, rules)
    read = pictures + math.ceil(table["usual_letters"] / table["letters_per_token"])
    written = int(table["answer_tokens"])
    return Usage(1, 0, read, written, expected_price(spec, read, written))


def picture_tokens(png: bytes, rules: Mapping[str, Any]) -> int:
    """Return the tokens of a picture by the rules of a provider (``tables/providers.toml``).

    Args:
        png: The picture; of another format it counts as 1024 x 1024 pixels.
        rules: ``patch`` (pixels), ``factor`` (tokens of a patch), ``most``.
    """
    return _tokens(*_size(png), rules)


def _tokens(width: int, height: int, rules: Mapping[str, Any]) -> int:
    most = int(rules["most"])
    if "patch" not in rules:
        return most
    patch, factor = float(rules["patch"]), float(rules["factor"])
    patches = math.ceil(width / patch) * math.ceil(height / patch)
    return min(most, math.ceil(patches * factor))


def _size(png: bytes) -> tuple[int, int]:
    if png[:8] != b"\x89PNG\r\n\x1a\n" or len(png) < 24:
        return _UNKNOWN_SIZE
    width, height = struct.unpack(">II", png[16:24])
    return int(width), int(height)
