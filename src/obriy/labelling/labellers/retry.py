"""When a request is sent again, after how long, and what is said where it is given up."""

import dataclasses
import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pydantic_ai.exceptions import ModelHTTPError

_BUSY: Final = {408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529}
"""HTTP statuses that pass: a conflict, too many requests, overload, trouble at the server."""
_CROWDED: Final = {429, 503, 529}
"""Of these, those that mean every request."""
_LONGEST_WAIT_S: Final = 120.0
"""A provider that asks to wait longer is given up: the panel goes on without it."""
_WORDS: Final = {
    400: "the request was not accepted (does the model take pictures?)",
    401: "the key was not accepted",
    402: "the account has no credit",
    403: "the key may not use this model",
    404: "there is no such model or address",
    413: "the pictures are too large for it",
    429: "too many requests, or no quota left",
    529: "overloaded",
}


@dataclasses.dataclass(frozen=True)
class Failure:
    """A request that failed.

    Attributes:
        problem: What happened, in our own words: those of a provider may hold a part of the key.
        passing: Whether it may work when sent again.
        lasting: Whether no other request will work either.
        busy: Whether all requests to this labeller should wait.
        answered: Whether the provider itself said so; else it may have done the work, and bill it.
        wait_s: Seconds that the provider asked to wait; None: it did not say.
    """

    problem: str
    passing: bool = False
    lasting: bool = False
    busy: bool = False
    answered: bool = True
    wait_s: float | None = None


def diagnose(error: BaseException) -> Failure:
    """Say what an error of a request means.

    Args:
        error: Whatever the SDK raised; nothing of its text is repeated.
    """
    from pydantic_ai import exceptions

    if isinstance(error, TimeoutError | exceptions.ModelTimeoutError):
        return Failure("no answer in time", passing=True, answered=False)
    if isinstance(error, exceptions.ModelHTTPError):
        return _of_status(error)
    if isinstance(error, exceptions.ModelAPIError):
        return Failure("the connection failed or was cut", passing=True)
    if isinstance(error, exceptions.ContentFilterError):
        return Failure("refused: by the filter of the provider")
    if isinstance(error, exceptions.UserError):
        return Failure("the SDK would not send this request", lasting=True)
    return Failure(f"the answer could not be read ({type(error).__name__})", passing=True)


def pause(failure: Failure, tried: int, first_s: float, chance: random.Random) -> float | None:
    """Return the seconds before the next try; None: it is not worth waiting.

    The provider's own wish comes first; else the pause doubles, with full jitter in its upper
    half, so that requests which failed together do not come back together.

    Args:
        failure: What happened.
        tried: Times that it was sent already, 1 or more.
        first_s: Pause before the second try.
        chance: Random numbers, seeded.
    """
    if not failure.passing:
        return None
    grown = min(first_s * 2.0 ** (tried - 1), _LONGEST_WAIT_S) * chance.uniform(0.5, 1.0)
    if failure.wait_s is None:
        return grown
    return None if failure.wait_s > _LONGEST_WAIT_S else failure.wait_s + 0.1 * grown


def _of_status(error: "ModelHTTPError") -> Failure:
    from pydantic_ai.exceptions import ModelQuotaExceededError

    status = error.status_code
    said = f"HTTP {status}: {_WORDS.get(status, 'it failed')}"
    if isinstance(error, ModelQuotaExceededError):
        return Failure(said, lasting=True)
    if status in _BUSY:
        return Failure(said, passing=True, busy=status in _CROWDED, wait_s=error.retry_after)
    return Failure(said, lasting=status in {401, 402, 403, 404})
