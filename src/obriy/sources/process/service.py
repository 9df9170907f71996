"""The Process API and its catalogue, through the provider's SDK: who is asked, and how it fails.

Credentials are the SDK's own affair (``SH_CLIENT_ID`` and ``SH_CLIENT_SECRET``, else a profile of
its file): here they are neither read nor kept, and an error never repeats them.
"""

import datetime as dt
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import requests
import shapely
from odc.geo.geobox import GeoBox
from sentinelhub.exceptions import (
    BaseSentinelHubException,
    OutOfRequestsException,
    SHRateLimitWarning,
)

from obriy.errors import RemoteError, UsageError
from obriy.settings import settings
from obriy.sources.process.account import Session, account_of, oauth, sdk
from obriy.sources.process.pace import RateLimit, Silence, within
from obriy.sources.process.wanted import Wanted
from obriy.tables import load_toml

T = TypeVar("T")
ENDPOINT: Final = "/api/v1/process"
_REFUSED: Final = (401, 403)

warnings.filterwarnings("ignore", category=SHRateLimitWarning)  # it waits, and that is its affair


def epsg_of(grid: GeoBox) -> str:
    """Return the EPSG code of a grid that has one: those of requests do."""
    assert grid.crs is not None
    return str(grid.crs.epsg)


def connections() -> int:
    """Return how many requests may be under way at a time."""
    return min(int(load_toml("process_api")["connections"]), settings().net_connections)


def _deadline(config: Any) -> float:
    """Return how long a request may take with all its tries, s."""
    return settings().net_deadline_s * float(config.max_download_attempts)


class Service:
    """One deployment, asked by one account.

    Args:
        name: A deployment of ``tables/process_api.toml``, or a profile of the SDK.

    Raises:
        UnknownNameError: neither.
    """

    def __init__(self, name: str) -> None:
        table = load_toml("process_api")
        self._name = name
        self._facts: Mapping[str, str] = table["deployments"].get(name, {})
        self.title = self._facts.get("title", name)
        self._config = account_of(name, self._facts)
        self._config.max_retries = self._config.max_retries or table["attempts_429"]
        self._limit = RateLimit()
        self._room = threading.BoundedSemaphore(connections())
        self._lock = threading.Lock()
        self._session: Any = None
        self._silent = Silence()

    def __reduce__(self) -> tuple[type["Service"], tuple[str]]:
        """Go to another machine by name: it has credentials of its own."""
        return Service, (self._name,)

    @property
    def host(self) -> str:
        """The address of the deployment."""
        return str(self._config.sh_base_url).rstrip("/")

    def item_href(self, collection: str, scene: str) -> str:
        """Return the address of a scene in the catalogue."""
        return f"{self.host}/api/v1/catalog/1.0.0/collections/{collection}/items/{scene}"

    def search(
        self, collection: str, area: shapely.Geometry, first: dt.datetime, last: dt.datetime
    ) -> list[dict[str, Any]]:
        """Return the scenes of a collection, as STAC items with the fields that are needed.

        Args:
            collection: Its id.
            area: In degrees of longitude and latitude.
            first: In UTC.
            last: In UTC.

        Raises:
            UsageError: credentials that are missing or refused.
            RemoteError: the catalogue does not answer; with status None where nothing does.
        """
        where = sdk.Geometry(area, sdk.CRS.WGS84)
        names = ["id", "geometry", "properties.datetime", "properties.eo:cloud_cover"]

        def ask(client: Any) -> list[dict[str, Any]]:
            catalog = sdk.SentinelHubCatalog(config=client.config)
            catalog.client = client
            asked = catalog.search(
                collection, geometry=where, time=(first, last), fields={"include": names}
            )
            return list(asked)

        return self._asked(ask, f"the catalogue of {self.title}")

    def request(self, wanted: Wanted, grid: GeoBox) -> Any:
        """Return the SDK's request for the pixels of a grid; nothing is sent."""
        box = sdk.BBox(tuple(grid.boundingbox.bbox), sdk.CRS(epsg_of(grid)))
        made = sdk.SentinelHubRequest(
            evalscript=wanted.evalscript(),
            input_data=wanted.data(),
            responses=[sdk.SentinelHubRequest.output_response("default", sdk.MimeType.TIFF)],
            bbox=box,
            size=(int(grid.shape.x), int(grid.shape.y)),
            config=self._config,
        )
        return made.download_list[0]

    def image(self, request: Any, where: str) -> bytes:
        """Send a request; return the file that the service answers with.

        Args:
            request: Of `request`.
            where: What is asked for, for messages.

        Raises:
            UsageError: credentials that are missing or refused, or a quota that is used up.
            RemoteError: no answer, or an error; with status None where nothing answers.
        """
        # Not `download`: it starts threads that Python waits for at its end, however slow.
        answer = self._asked(lambda client: client._single_download(request), where)
        return bytes(answer.content)

    def _asked(self, ask: Callable[[Any], T], what: str) -> T:
        """Ask, with the SDK's own retries; a token that was refused is renewed once."""
        with self._room:
            self._silent.check()
            for last in (False, True):
                try:
                    client = self._client(renew=last)
                    answer = within(_deadline(client.config), lambda: ask(client))  # noqa: B023
                except oauth.OAuth2Error as error:
                    raise self._no_token(error) from None
                except (BaseSentinelHubException, requests.RequestException) as error:
                    status = _status(error)
                    if status == 401 and not last:
                        continue
                    raise self._error(error, status, what) from error
                self._silent.broken()
                self._limit.accepted()
                return answer
        raise AssertionError("unreachable")

    def _client(self, *, renew: bool) -> Any:
        """Return a client of its own for each request: the SDK's is not for several threads."""
        config = self._config.copy()
        if self._silent:  # each further request would be repeated as often as the one before
            config.max_download_attempts = 1
        with self._lock:
            if self._session is None or renew:
                if not (config.sh_client_id and config.sh_client_secret):
                    raise UsageError(f"{self.title} asks for an account.", self._way_in())
                self._session = Session(config=config)
        client = sdk.SentinelHubDownloadClient(session=self._session, config=config)
        client.rate_limit = self._limit
        return client

    def _error(self, error: Exception, status: int | None, what: str) -> UsageError | RemoteError:
        """Return our error for one of the SDK."""
        if status in _REFUSED:
            return UsageError(
                f"{self.title} refuses {what} ({status}: {_words(error)}).",
                f"{self._way_in()} A quota that is used up is refused as well: what was fetched is "
                "kept, run it again later.",
            )
        if isinstance(error, OutOfRequestsException):
            return RemoteError(
                f"{self.title} asks to wait longer for {what} (429), "
                f"{self._config.max_retries} times.",
                "Run it again later: what was fetched is kept.",
                429,
            )
        if status is None:
            silent = RemoteError(
                f"{self.title} ({self.host}) does not answer for {what}: {_cause(error)}.",
                "Check the network, and run it again: what was fetched is kept.",
            )
            self._silent.met(silent)
            return silent
        return RemoteError(
            f"{self.title} answers {status} for {what}: {_words(error)}.",
            "Run it again: what was fetched is kept.",
            status,
        )

    def _no_token(self, error: Any) -> UsageError:
        said = str(error.error or type(error).__name__)  # the description may repeat what was sent
        return UsageError(f"{self.title} gives no token ({said}).", self._way_in())

    def _way_in(self) -> str:
        account = f", made at {self._facts['account']}" if "account" in self._facts else ""
        return (
            "Set SH_CLIENT_ID and SH_CLIENT_SECRET to those of an OAuth client of its"
            f"{account}; or name them in a profile of "
            f"{sdk.SHConfig.get_config_location()}."
        )


def _response(error: Exception) -> Any:
    own = getattr(error, "request_exception", None) or error
    return getattr(own, "response", None)


def _status(error: Exception) -> int | None:
    """Return the status that a service answered with; None: there was no answer."""
    found = getattr(_response(error), "status_code", None)
    return None if found is None else int(found)


def _words(error: Exception) -> str:
    """Return what the service says of an error, in one line."""
    response = _response(error)
    try:
        said = str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError, AttributeError):  # a page that is none of its messages
        said = str(getattr(response, "reason", "") or "no reason given")
    return " ".join(said.split())[:300].rstrip(".")


def _cause(error: Exception) -> str:
    own = getattr(error, "request_exception", None) or error
    return type(own).__name__
