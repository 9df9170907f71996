"""The Process API and its catalogue, through the provider's SDK: who is asked, and how it fails.

Credentials are the SDK's own affair (``SH_CLIENT_ID`` and ``SH_CLIENT_SECRET``, else a profile of
its file): here they are neither read nor kept, and an error never repeats them.
"""

import dataclasses
import datetime as dt
import email.utils
import importlib
import threading
import time
import tomllib
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import requests
import shapely
from odc.geo.geobox import GeoBox

from obriy.errors import MissingExtraError, RemoteError, UsageError
from obriy.registry import did_you_mean
from obriy.tables import load_toml

try:
    from sentinelhub.download.handlers import fail_user_errors, retry_temporary_errors
    from sentinelhub.download.rate_limit import SentinelHubRateLimit
    from sentinelhub.exceptions import (
        BaseSentinelHubException,
        OutOfRequestsException,
        SHRateLimitWarning,
    )

    sdk: Any = importlib.import_module("sentinelhub")
    oauth: Any = importlib.import_module("oauthlib.oauth2")
except ImportError as error:
    raise MissingExtraError(
        "The Process API needs sentinelhub.", "pip install 'obriy[access]'"
    ) from error

T = TypeVar("T")
ENDPOINT: Final = "/api/v1/process"
_REFUSED: Final = (401, 403)

warnings.filterwarnings("ignore", category=SHRateLimitWarning)  # it waits, and that is its affair


def epsg_of(grid: GeoBox) -> str:
    """Return the EPSG code of a grid that has one: those of requests do."""
    assert grid.crs is not None
    return str(grid.crs.epsg)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is asked of the service, but for the place.

    Attributes:
        collection: Its id, e.g. ``sentinel-2-l2a``.
        start: First moment, ISO 8601 in UTC.
        end: Last moment.
        bands: The provider's names of bands, in the order of the answer.
        quality: Its name of the quality band; empty: there is none.
        resampling: ``nearest`` or ``bilinear``, of the bands: quality is always the nearest.
    """

    collection: str
    start: str
    end: str
    bands: tuple[str, ...]
    quality: str
    resampling: str = "nearest"

    @property
    def count(self) -> int:
        """Bands of the answer: those named, quality, dataMask."""
        return len(self.bands) + bool(self.quality) + 1

    @property
    def charged(self) -> int:
        """Bands that a request is charged for: dataMask is free."""
        return self.count - 1

    def evalscript(self) -> str:
        """Return the script that makes the answer: DN as they are, quality, dataMask, UINT16."""
        whole = [*self.bands, *([self.quality] if self.quality else []), "dataMask"]
        if self.resampling == "nearest":
            inputs, argument = [_input(whole)], "sample"
            values = [f"sample.{name}" for name in whole]
        else:  # classes and masks do not mix: they come from a source of their own
            own = whole[len(self.bands) :]
            inputs, argument = [_input(self.bands, "bands"), _input(own, "classes")], "samples"
            values = [f"samples.bands[0].{name}" for name in self.bands]
            values += [f"samples.classes[0].{name}" for name in own]
        return (
            "//VERSION=3\n"
            "function setup() {\n"
            f'  return {{input: [{", ".join(inputs)}], mosaicking: "SIMPLE",\n'
            f'    output: {{bands: {len(whole)}, sampleType: "UINT16"}}}};\n'
            "}\n"
            f"function evaluatePixel({argument}) {{\n"
            f"  return [{', '.join(values)}];\n"
            "}\n"
        )

    def data(self) -> list[dict[str, Any]]:
        """Return the part ``input.data`` of a request."""
        own = {
            "type": self.collection,
            "dataFilter": {"timeRange": {"from": self.start, "to": self.end}},
        }
        if self.resampling == "nearest":
            return [own | _processing("NEAREST")]
        return [
            {"id": "bands", **own, **_processing(self.resampling.upper())},
            {"id": "classes", **own, **_processing("NEAREST")},
        ]


def _input(names: list[str] | tuple[str, ...], source: str = "") -> str:
    """Return one input of an evalscript."""
    listed = ", ".join(f'"{name}"' for name in names)
    units = ", ".join('"DN"' for _ in names)
    where = f'datasource: "{source}", ' if source else ""
    return f"{{{where}bands: [{listed}], units: [{units}]}}"


def _processing(how: str) -> dict[str, Any]:
    return {"processing": {"upsampling": how, "downsampling": how, "harmonizeValues": True}}


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
        self._config = _config(name, self._facts)
        self._config.max_retries = self._config.max_retries or table["attempts_429"]
        self._limit = _RateLimit()
        self._room = threading.BoundedSemaphore(table["connections"])
        self._lock = threading.Lock()
        self._session: Any = None
        self._silent = _Silence()

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
        answer = self._asked(lambda client: client.download([request], decode_data=False)[0], where)
        return bytes(answer.content)

    def _asked(self, ask: Callable[[Any], T], what: str) -> T:
        """Ask, with the SDK's own retries; a token that was refused is renewed once."""
        with self._room:
            self._silent.check()
            for last in (False, True):
                try:
                    answer = ask(self._client(renew=last))
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
                self._session = _Session(config=config)
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


class _Session(sdk.SentinelHubSession):  # type: ignore[misc]
    """The SDK's; it does not wait for ever, and no redirect carries the secret to another place."""

    @retry_temporary_errors
    @fail_user_errors
    def _fetch_token(self, request: Any) -> Any:
        config = self.config
        client = oauth.BackendApplicationClient(client_id=config.sh_client_id)
        with importlib.import_module("requests_oauthlib").OAuth2Session(client=client) as session:
            session.max_redirects = 0
            session.register_compliance_hook("access_token_response", self._compliance_hook)
            return session.fetch_token(
                token_url=request.url,
                client_id=config.sh_client_id,
                client_secret=config.sh_client_secret,
                include_client_id=True,
                timeout=config.download_timeout_seconds,
            )


class _Silence:
    """How often in a row nothing answered: then it is not asked for a while.

    Each request waits for minutes; hundreds of them would take the night.
    """

    def __init__(self) -> None:
        table = load_toml("process_api")
        self._most, self._pause = table["silent_requests"], table["silent_pause_s"]
        self._count, self._until = 0, 0.0
        self._last: RemoteError | None = None

    def __bool__(self) -> bool:
        """Say whether the last request was not answered."""
        return self._count > 0

    def check(self) -> None:
        """Raise where it is no use to ask."""
        if self._last is not None and self._count >= self._most and time.monotonic() < self._until:
            raise self._last

    def met(self, error: RemoteError) -> None:
        """Note that nothing answered."""
        self._count += 1
        self._last, self._until = error, time.monotonic() + self._pause

    def broken(self) -> None:
        """Note that something answers."""
        self._count, self._last = 0, None


class _RateLimit(SentinelHubRateLimit):
    """The SDK's, for several threads; its waits are bounded, and grow where it is refused again."""

    def __init__(self) -> None:
        super().__init__()
        table = load_toml("process_api")
        self._first, self._longest = table["first_wait_s"], table["longest_wait_s"]
        self._refused = 0
        self._guard = threading.Lock()

    def register_next(self) -> float:
        with self._guard:
            return float(super().register_next())

    def update(self, headers: Any, *, default: float) -> None:
        """Wait as the service says, in milliseconds or by the clock; else as the SDK would."""
        with self._guard:
            said = _retry_after(headers.get(self.RETRY_HEADER, ""), default / 1000)
            least = self._first * 2 ** min(self._refused, 10)
            self._refused += 1
            wait = min(max(said, least), self._longest)
            self.next_download_time = max(time.monotonic() + wait, self.next_download_time)

    def accepted(self) -> None:
        """Note that the service answers again."""
        with self._guard:
            self._refused = 0


def _retry_after(text: str, otherwise: float) -> float:
    """Return how long to wait, s: ``text`` is in milliseconds, or a date."""
    try:
        return float(text) / 1000
    except ValueError:
        pass
    try:
        until = email.utils.parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return otherwise
    return max(0.0, (until - dt.datetime.now(dt.UTC)).total_seconds())


def _config(name: str, facts: Mapping[str, str]) -> Any:
    """Return the SDK's configuration: its profile of that name, with the deployment's addresses."""
    profiles = _profiles()
    known = load_toml("process_api")["deployments"]
    if name not in profiles and not facts:
        raise did_you_mean("deployment of the Process API", name, sorted({*known, *profiles}))
    own = profiles.get(name, {})
    addresses = {
        f"sh_{key}": own.get(f"sh_{key}", facts[key]) for key in ("base_url", "token_url") if facts
    }
    return sdk.SHConfig(name if own else None, **addresses)


def _profiles() -> dict[str, Any]:
    """Return the profiles of the SDK's file; none where it is not there."""
    path = Path(sdk.SHConfig.get_config_location())
    try:
        return tomllib.loads(path.read_text("utf-8")) if path.is_file() else {}
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read.", "Correct it: it is TOML.") from error


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
