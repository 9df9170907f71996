"""The client of Earthdata (earthaccess, extra ``access``): its sessions, patient and logged in.

A login comes from the environment or ``~/.netrc``, as the client reads them, and is never shown,
kept, or sent to another host than those it is for.
"""

import functools
import logging
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from obriy.errors import MissingExtraError, RemoteError
from obriy.installation import install_hint
from obriy.settings import settings

if TYPE_CHECKING:
    from earthaccess.system import System

HINT: Final = (
    "Set EARTHDATA_TOKEN, or EARTHDATA_USERNAME and EARTHDATA_PASSWORD, or write machine "
    "urs.earthdata.nasa.gov login NAME password WORD into ~/.netrc (the account is free)."
)
PASSING: Final = (408, 425, 429, 500, 502, 503, 504)
"""Answers after which the same request may succeed."""


def earthaccess() -> Any:
    """Return the client's package.

    Raises:
        MissingExtraError: where it is not installed.
    """
    try:
        import earthaccess
    except ImportError as error:
        raise MissingExtraError(
            "NASA's Earthdata is read by earthaccess.", f"Run: {install_hint('access')}"
        ) from error
    # What it logs of a login that failed is the server's page: our error says it in a line.
    logging.getLogger("earthaccess").setLevel(logging.CRITICAL)
    return earthaccess


def system() -> "System":
    """Return where Earthdata's catalogue and its login are."""
    earthaccess()
    from earthaccess.system import PROD

    return PROD


class _Patient(HTTPAdapter):
    """Tries again what may pass, and waits no longer for a word than the settings say."""

    def __init__(self, tries: int) -> None:
        told = settings()
        again = Retry(
            total=tries - 1,
            backoff_factor=told.net_wait_s,
            backoff_jitter=told.net_wait_s,
            backoff_max=told.net_longest_wait_s,
            status_forcelist=PASSING,
            raise_on_status=False,
        )
        super().__init__(max_retries=again)

    def send(
        self, request: requests.PreparedRequest, *args: Any, **options: Any
    ) -> requests.Response:
        """Send a request; see the class."""
        options["timeout"] = options.get("timeout") or settings().net_silence_s
        return super().send(request, *args, **options)


def patient(session: requests.Session, tries: int) -> requests.Session:
    """Make a session of the client try so many times, and not wait for ever."""
    session.mount("https://", _Patient(tries))
    return session


@functools.lru_cache(maxsize=1)
def session() -> requests.Session:
    """Return the session of this process that is logged in; who uses it tries again.

    Raises:
        MissingExtraError: where the client is not installed.
        RemoteError: where there is no login, or it is refused, or nobody answers.
    """
    client = earthaccess()
    from earthaccess.exceptions import LoginAttemptFailure, LoginStrategyUnavailable

    auth = client.Auth()
    for strategy in ("environment", "netrc"):
        try:
            auth.login(strategy=strategy, system=system())
            return patient(auth.get_session(), 1)
        except LoginStrategyUnavailable:
            continue
        except LoginAttemptFailure:
            # Not its cause: the answer of the server may tell what was sent.
            raise RemoteError(
                "Earthdata Login does not accept the login (401).", HINT, 401
            ) from None
        except requests.RequestException as error:
            host = system().edl_hostname
            raise RemoteError(
                f"Earthdata Login ({host}) could not be reached.", "Try again later."
            ) from error
    raise RemoteError("NASA gives granules to who logs in, and there is no login.", HINT, 401)
