"""The one door to torch and its relatives: loaded on use, with a clear word where they are not."""

import contextlib
import importlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

from obriy.errors import InputError, MissingExtraError, UsageError
from obriy.installation import install_hint

Device = Literal["auto", "cpu", "cuda"]


def load_library(name: str) -> Any:
    """Return a library of the extra ``deep``.

    Args:
        name: Name of the module, e.g. ``"torch"``.

    Raises:
        MissingExtraError: where it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError(
            f"{name} is not installed.", f"Run: {install_hint('deep')}"
        ) from error


class _Inside:
    """Callers that compute at this moment within `so_many_threads`."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.callers = 0


_INSIDE: Final = _Inside()


@contextlib.contextmanager
def one_thread(usual: int) -> Iterator[None]:
    """Let torch compute in the calling thread alone: sums then have one order.

    Work repeats to the bit, whatever the number of cores, and threads of the engine that call
    torch at the same time do not fight for cores.

    Args:
        usual: Threads to set afterwards, as `usual_threads` said before any of this: asked within,
            torch may answer with the 1 of another caller.
    """
    with so_many_threads(1, usual):
        yield


@contextlib.contextmanager
def so_many_threads(count: int, usual: int) -> Iterator[None]:
    """Let torch compute in a number of threads: the same number gives the same sums.

    Args:
        count: Threads, from 1.
        usual: Threads to set afterwards, see `one_thread`.
    """
    torch = load_library("torch")
    with _INSIDE.lock:
        _INSIDE.callers += 1
        torch.set_num_threads(count)
    try:
        yield
    finally:
        with _INSIDE.lock:
            _INSIDE.callers -= 1
            # Part of the setting is the whole process's: it stays while others still compute.
            if not _INSIDE.callers:
                torch.set_num_threads(usual)


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let torch draw random numbers of a seed; its own generator is left as it was."""
    torch = load_library("torch")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


def usual_threads() -> int:
    """Return the threads that torch computes with."""
    return int(load_library("torch").get_num_threads())


def choose_device(device: Device) -> str:
    """Return ``"cuda"`` or ``"cpu"``.

    Raises:
        UsageError: where CUDA is asked for and there is none.
    """
    there = bool(load_library("torch").cuda.is_available())
    if device == "cuda" and not there:
        raise UsageError("No CUDA device is to be seen.", "Give --device cpu, or auto.")
    return "cuda" if there and device != "cpu" else "cpu"


def read_tensors(path: Path | str, what: str, way_out: str = "") -> dict[str, Any]:
    """Return what lies in a file of torch: tensors and plain values.

    Args:
        path: The file.
        what: What it should hold, for messages, e.g. ``"a model"``.
        way_out: What to give instead where it does not.

    Raises:
        InputError: where the file is missing, broken, or holds code.
        MissingExtraError: where the extra ``deep`` is not installed.
    """
    torch = load_library("torch")
    if not Path(path).is_file():
        raise InputError(f"The file {path} of {what} is not there.", way_out)
    try:
        # weights_only: a file from somebody else cannot run code here.
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a foreign file fails in as many ways as there are formats
        raise InputError(f"{path} is broken, or no file of torch with {what}.", way_out) from error
    if not isinstance(content, dict):
        raise InputError(f"{path} is a file of torch, but holds no {what}.", way_out)
    return content
