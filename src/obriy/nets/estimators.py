"""Fitted estimators of scikit-learn as bytes that cannot run code (skops)."""

from typing import Any, Final

from obriy.errors import InputError

TREE: Final = "sklearn.tree._tree.Tree"
"""The one type that skops does not trust by itself: `obriy.methods.ice.learned` checks it."""


def estimator_bytes(estimator: Any) -> bytes:
    """Return what `read_estimator` reads: arrays and plain values, no code."""
    import skops.io

    written: bytes = skops.io.dumps(estimator)
    return written


def read_estimator(content: bytes) -> Any:
    """Return what skops wrote; nothing in it is run.

    Raises:
        InputError: where it holds other types than those of scikit-learn.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.loads(content, trusted=[TREE])
    except UntrustedTypesFoundException as error:
        raise InputError(
            "The model holds more than a classifier of scikit-learn, and was not read.",
            "Give a model that Obriy trained.",
        ) from error
