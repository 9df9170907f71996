"""The one file of what was trained: a card, and numbers beside it; nothing in it is run.

A model is a zip file with ``card.json`` and either ``weights.npz`` (a network: arrays by name) or
``estimator.skops`` (a fitted estimator of scikit-learn). Files of before there was one format are
read as well (`obriy.nets.former`): tensors of torch, or all of it in skops.
"""

import io
import zipfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError, ObriyError
from obriy.model.card import Card
from obriy.nets.estimators import estimator_bytes, read_estimator
from obriy.nets.former import former_model

MODEL: Final = "model.obriy"
"""Name of the file in a run folder."""
WAY_OUT: Final = "Give the model.obriy of a run of 'obriy train ice' or 'obriy train landcover'."
_CARD: Final = "card.json"
_WEIGHTS: Final = "weights.npz"
_ESTIMATOR: Final = "estimator.skops"
_SHIPPED: Final = "models"
"""Folder of the tables with models that come with the package."""
Weights = Mapping[str, npt.NDArray[Any]]


def model_bytes(card: Card, learnt: Any) -> bytes:
    """Return the file that `open_model` reads.

    Args:
        card: What belongs to it.
        learnt: Arrays by name, or a fitted estimator of scikit-learn.
    """
    inner = io.BytesIO()
    if isinstance(learnt, Mapping):
        np.savez(inner, **learnt)
        name, content = _WEIGHTS, inner.getvalue()
    else:
        name, content = _ESTIMATOR, estimator_bytes(learnt)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(_CARD, card.to_json())
        file.writestr(name, content)
    return buffer.getvalue()


def shipped_model(name: str) -> Path | None:
    """Return the file of a model that comes with the package; None: there is none of that name."""
    file = Path(str(resources.files("obriy.tables"))) / _SHIPPED / f"{name}.obriy"
    return file if file.is_file() else None


def model_path(text: Path | str) -> Path:
    """Return the file that a user means: a file of his own, or one of a name that is shipped."""
    file = Path(text).expanduser()
    return (None if file.exists() else shipped_model(str(text))) or file


def open_model(path: Path | str) -> tuple[Card, Any]:
    """Return the card and what was learnt, as `model_bytes` was given them.

    Raises:
        InputError: where the file is missing, broken, or something else.
    """
    found = find_model(path)
    if found is None:
        raise InputError(f"{path} is no model that Obriy trained.", WAY_OUT)
    return found


def find_model(path: Path | str) -> tuple[Card, Any] | None:
    """Return what `open_model` does; None where the file is of another kind.

    Raises:
        InputError: where it is missing, or a broken model.
    """
    place = Path(path)
    if not place.is_file():
        raise InputError(f"The file {path} of a model is not there.", WAY_OUT)
    if not zipfile.is_zipfile(place):
        return None
    try:
        with zipfile.ZipFile(place) as file:
            names = file.namelist()
            if _CARD in names:
                return Card.from_json(file.read(_CARD).decode()), _learnt(file, names)
        return former_model(place, names)
    except ObriyError:
        raise
    except Exception as error:  # a foreign file fails in as many ways as there are formats
        raise InputError(f"The model {path} is damaged.", WAY_OUT) from error


def _learnt(file: zipfile.ZipFile, names: list[str]) -> Any:
    if _ESTIMATOR in names:
        return read_estimator(file.read(_ESTIMATOR))
    with np.load(io.BytesIO(file.read(_WEIGHTS)), allow_pickle=False) as arrays:
        return dict(arrays)
