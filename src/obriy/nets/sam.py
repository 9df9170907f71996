"""Segment Anything (Kirillov et al. 2023, arXiv:2304.02643) as a segmenter of tiles.

The model is the one of ``transformers``, which reads the published weights from a folder or from
the hub and holds the generator of masks; segment-geospatial wraps models of the same kind, but
reads and writes files of its own, where we have arrays.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.errors import InputError, ObriyError
from obriy.nets.hub import require_hub
from obriy.nets.torch_library import choose_device, load_library

Segmenter = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.int32]]

DEFAULT_WEIGHTS: Final = "facebook/sam-vit-base"
"""The smallest of the published models, 375 MB, Apache-2.0."""
_WAY_OUT: Final = (
    f"Fetch them where there is a network (hf download {DEFAULT_WEIGHTS} --local-dir sam), and "
    "give that folder as --model."
)
POINTS_AT_ONCE: Final = 64
"""Points that are asked about in one pass, of 32 x 32 in all: bounds the memory."""


def load_sam(weights: str | None = None) -> Segmenter:
    """Load Segment Anything.

    Args:
        weights: Folder with ``config.json`` and ``model.safetensors``, or a name at the hub;
            None: `DEFAULT_WEIGHTS`.

    Returns:
        A function of an image (rows, columns, 3) uint8 in true colour that returns segments
        (rows, columns) int32: 1, 2, ... from the largest to the smallest, 0 where there is none.
        Of masks that overlap the smaller one lies on top. It may be called from several threads;
        the same image gives the same segments.

    Raises:
        MissingExtraError: where the extra ``deep`` is not installed.
        InputError: where the weights are neither there nor to be fetched.
    """
    load_library("torch")
    library = load_library("transformers")
    name = _folder_or_name(weights or DEFAULT_WEIGHTS)
    try:
        model, processor = _from_here_or_hub(library, name)
    except ObriyError:
        raise
    except Exception as error:  # a foreign file fails in as many ways as there are formats
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            f"The weights of SAM '{name}' could not be loaded: {reason.rstrip('.')}.", _WAY_OUT
        ) from error
    generator = library.pipeline(
        "mask-generation", model=model, image_processor=processor, device=choose_device("auto")
    )
    return _segmenter(generator)


def _from_here_or_hub(library: Any, name: str) -> tuple[Any, Any]:
    """Return model and processor of a folder, of what was fetched before, or of the hub."""

    def load(*, only_here: bool) -> tuple[Any, Any]:
        return (
            library.SamModel.from_pretrained(name, local_files_only=only_here).eval(),
            library.SamImageProcessor.from_pretrained(name, local_files_only=only_here),
        )

    try:
        return load(only_here=True)
    except OSError:
        if Path(name).is_dir():
            raise
    require_hub(name, f"The weights of SAM '{name}'", _WAY_OUT)
    return load(only_here=False)


def _folder_or_name(name: str) -> str:
    """Return a folder, or a name at the hub.

    Raises:
        InputError: for what looks like a path and is none, before the hub is asked for it.
    """
    path = Path(name).expanduser()
    looks_local = path.is_absolute() or name.startswith((".", "~")) or name.count("/") != 1
    if looks_local and not path.is_dir():
        raise InputError(
            f"There is no folder {name} with the weights of SAM.",
            f"Give such a folder, or a name at the hub, e.g. {DEFAULT_WEIGHTS}.",
        )
    return str(path) if path.is_dir() else name


def _segmenter(generator: Any) -> Segmenter:
    lock = threading.Lock()  # one tile at a time: torch has its own threads

    def segment(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
        from PIL import Image

        with lock:
            found = generator(Image.fromarray(image), points_per_batch=POINTS_AT_ONCE)
        masks = [np.asarray(mask, bool) for mask in found["masks"]]
        return stack_masks(masks, image.shape[:2])

    return segment


def stack_masks(
    masks: list[npt.NDArray[np.bool_]], shape: tuple[int, ...]
) -> npt.NDArray[np.int32]:
    """Return overlapping masks as segments, the smaller ones on top.

    Args:
        masks: Each (rows, columns); of two of the same size the later one is on top.
        shape: Rows and columns.

    Returns:
        int32, 1 to n without gaps, 0 where no mask is; a mask that is covered whole has no number.
    """
    segments = np.zeros(shape, np.int32)
    for number, mask in enumerate(sorted(masks, key=lambda m: -int(m.sum())), 1):
        segments[mask] = number
    _, numbers = np.unique(np.append(segments.ravel(), 0), return_inverse=True)
    return numbers[:-1].reshape(shape).astype(np.int32)
