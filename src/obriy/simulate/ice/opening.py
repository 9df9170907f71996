"""``simulated:ice``, a made-up scene of sea ice with known truth."""

import functools
from typing import Final, Literal
from urllib.parse import parse_qsl

import xarray as xr

from obriy.errors import UsageError
from obriy.registry import did_you_mean
from obriy.simulate.ice.scene import SimulatedIce, simulate_ice

SCHEME: Final = "simulated:ice"
MEANING: Final = "ice where half of the pixel or more is ice"
_SATELLITES: Final[dict[str, Literal["terra", "aqua"]]] = {"terra": "terra", "aqua": "aqua"}
DEFAULTS: Final = {"seed": "7", "time": "2021-02-18T04:05", "satellite": "aqua"}


def ice_options(address: str) -> dict[str, str]:
    """Return the options of ``simulated:ice?seed=7&time=2021-02-18T04:05&satellite=terra``.

    Raises:
        UnknownNameError: an option that there is not.
    """
    given = dict(parse_qsl(address.removeprefix(SCHEME).lstrip("?"), keep_blank_values=True))
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise did_you_mean("option of a simulated scene of ice", unknown[0], list(DEFAULTS))
    return {**DEFAULTS, **given}


def open_simulated_ice(address: str) -> xr.Dataset:
    """Open a simulated scene of ice on the grid of Peter the Great Bay.

    Raises:
        UsageError: options that cannot be meant.
    """
    return _made(address).scene


def ice_truth(address: str) -> xr.DataArray:
    """Return the truth of a simulated scene of ice, codes of the legend ``ice`` on its grid."""
    return _made(address).truth


def time_of(address: str) -> str:
    """Return the time of a simulated scene of ice, ISO 8601, without making it.

    Raises:
        UnknownNameError: an option that there is not.
    """
    return ice_options(address)["time"]


@functools.lru_cache(maxsize=2)
def _made(address: str) -> SimulatedIce:
    options = ice_options(address)
    satellite = _SATELLITES.get(options["satellite"].lower())
    if satellite is None or not options["seed"].isdigit():
        raise UsageError(
            f"'{address}' is no simulated scene.",
            "Write e.g. simulated:ice?seed=7&time=2021-02-18T04:05&satellite=aqua.",
        )
    return simulate_ice(int(options["seed"]), options["time"], satellite=satellite)
