"""What the catalogue of Earthdata (CMR) lists of a product, over a place and a period."""

import dataclasses
import json
import warnings
from collections.abc import Mapping
from typing import Any, Final

import requests

from obriy.errors import RemoteError
from obriy.net import cache
from obriy.settings import settings
from obriy.sources.earthdata.login import earthaccess, patient, system
from obriy.sources.earthdata.remote import Remote

KIND: Final = "answers"
_MOST: Final = 20_000
"""Granules of one search."""


@dataclasses.dataclass(frozen=True)
class Listed:
    """A granule that the catalogue lists.

    Attributes:
        remote: Its file.
        day: Whether any of it was taken by day.
    """

    remote: Remote
    day: bool


def listed(
    product: str, box: tuple[float, float, float, float], period: tuple[str, str]
) -> list[Listed]:
    """Return the granules of a product; where nobody answers, those that were listed last.

    Args:
        product: Its short name.
        box: West, south, east, north, degrees; west is more than east across the date line.
        period: First and last day, ISO 8601.

    Raises:
        MissingExtraError: where the client is not installed.
        RemoteError: where the catalogue does not answer, and never did this question.
    """
    key = json.dumps([system().cmr_base_url, product, box, period])
    try:
        found = [one for one in map(_listed, _asked(product, box, period)) if one is not None]
    except RemoteError:
        kept = cache.load(KIND, key)
        if kept is None:
            raise
        return [Listed(Remote(*remote), day) for remote, day in json.loads(kept)]
    plain = [(dataclasses.astuple(one.remote), one.day) for one in found]
    cache.save(KIND, key, json.dumps(plain).encode())
    return found


def _asked(
    product: str, box: tuple[float, float, float, float], period: tuple[str, str]
) -> list[Mapping[str, Any]]:
    earthaccess()
    from earthaccess.search import DataGranules

    query = DataGranules().mode(system().cmr_base_url).short_name(product)
    patient(query.session, settings().net_tries)
    try:
        with warnings.catch_warnings():  # the client's own, about its next version
            warnings.simplefilter("ignore", FutureWarning)
            return list(query.bounding_box(*box).temporal(*period).get(_MOST))
    except (RuntimeError, ValueError, KeyError) as error:
        raise RemoteError(
            f"NASA's catalogue (CMR) did not answer what it has of {product}.", "Try again later."
        ) from error
    except requests.RequestException as error:
        raise RemoteError(
            "NASA's catalogue (CMR) could not be reached.", "Is the network on? Try again later."
        ) from error


def _listed(granule: Mapping[str, Any]) -> Listed | None:
    """Return what a record in UMM-G says; None where it has no file."""
    record = granule["umm"]
    links = [one for one in record.get("RelatedUrls", ()) if one.get("Type") == "GET DATA"]
    href = next((one["URL"] for one in links if one["URL"].startswith("https://")), None)
    if href is None:
        return None
    about = record.get("DataGranule", {})
    files = about.get("ArchiveAndDistributionInformation", ())
    name = Remote(href).name
    own = next((one for one in files if one.get("Name") == name), files[0] if files else {})
    told = own.get("Checksum", {})
    checksum = f"{_plain(told['Algorithm'])}:{told['Value'].lower()}" if told else ""
    return Listed(Remote(href, _size(own), checksum), about.get("DayNightFlag") != "Night")


def _size(file: Mapping[str, Any]) -> int:
    """Return the bytes of a file where they are told to the byte; 0 else."""
    if "SizeInBytes" in file:
        return int(file["SizeInBytes"])
    exact = file.get("SizeUnit") == "B"
    return int(file["Size"]) if exact and "Size" in file else 0


def _plain(algorithm: str) -> str:
    """Return the name of an algorithm as `hashlib` has it: SHA-256 as sha256."""
    return algorithm.lower().replace("-", "")
