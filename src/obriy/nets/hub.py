"""The hub of published weights: asked once, for a short time, and only for what is not here."""

from typing import Final

from obriy.errors import InputError
from obriy.nets.torch_library import load_library

PATIENCE_S: Final = 5.0
"""For the one question whether the hub is there; fetching takes what it takes."""


def require_hub(model: str, what: str, hint: str) -> None:
    """Raise unless the hub can be reached and has a model.

    Libraries that fetch weights ask for each file several times and wait longer each time: three
    quarters of a minute until they say that there is no network.

    Args:
        model: Its name at the hub, ``OWNER/NAME``.
        what: What is wanted of it, for messages.
        hint: The way out.

    Raises:
        InputError: in one line.
    """
    library = load_library("huggingface_hub")
    try:
        library.HfApi().model_info(model, timeout=PATIENCE_S)
    except Exception as error:
        absent = type(error).__name__ in ("RepositoryNotFoundError", "HFValidationError")
        why = f"the hub has no {model}" if absent else "the hub cannot be reached"
        raise InputError(f"{what} are not on this machine, and {why}.", hint) from error


def is_here(model: str, file: str, revision: str) -> bool:
    """Say whether a file of a model was fetched before."""
    found = load_library("huggingface_hub").try_to_load_from_cache(model, file, revision=revision)
    return isinstance(found, str)
