"""A Dask cluster, where the user has one: the same work, spread over its machines."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import Final

from obriy.errors import MissingExtraError, UsageError
from obriy.installation import install_hint

PATIENCE_S: Final = "15s"
"""How long a scheduler may take to answer."""


@contextlib.contextmanager
def cluster(address: str | None) -> Iterator[Executor | None]:
    """Give an executor whose workers are those of a Dask scheduler; None without an address.

    The workers must see the same files under the same names, and have Obriy installed.

    Args:
        address: Of the scheduler, e.g. ``tcp://10.0.0.1:8786``.

    Raises:
        MissingExtraError: the extra ``dask`` is not installed.
        UsageError: nobody answers there, or the scheduler has no workers.
    """
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise MissingExtraError(
            "--scheduler needs Dask's scheduler.", f"Install it: {install_hint('dask')}"
        ) from error
    try:
        client = Client(address, timeout=PATIENCE_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UsageError(
            f"No Dask scheduler answers at {address}.",
            "Check the address.",
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise UsageError(
                f"The scheduler at {address} has no workers.", "Start some: dask worker."
            )
        yield client.get_executor(pure=False)
