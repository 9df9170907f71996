"""``simulated:``, a made-up scene with known truth: the door to `obriy.simulate.water`."""

import functools
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.errors import GridError, UsageError
from obriy.model.grid import coords_of, geobox_of, same_grid
from obriy.model.item import Item, item_id
from obriy.model.legend import load_legend
from obriy.model.reference import Reference
from obriy.registry import did_you_mean
from obriy.simulate.ice.opening import MEANING as ICE_MEANING
from obriy.simulate.ice.opening import SCHEME as ICE
from obriy.simulate.ice.opening import ice_truth, open_simulated_ice, time_of
from obriy.simulate.water import SETTING, SimulatedScene, simulate_water_scene
from obriy.sources.base import Query, Request, Source

MADE_UP: Final = "simulated:"
MEANING = "water where its true share of the pixel is 0.5 or more"
DEFAULTS = {"seed": "7", "size": "512", "setting": SETTING}


def open_simulated_scene(request: Request) -> xr.Dataset:
    """Open ``simulated:``, ``simulated:?seed=7&size=512`` or ``...size=300x400`` (rows, columns).

    ``setting=easy_clear`` and the like choose the world and the sky; ``simulated:ice`` is a bay in
    winter, see `obriy.simulate.ice.opening`.

    Args:
        request: The address, and the pixel size wanted; nothing else may be given.

    Returns:
        The scene alone; `truth_of` gives the truth.

    Raises:
        UsageError: options that a simulated scene does not have.
    """
    asked = (request.sensor, request.bands, request.scale, request.offset, request.nodata)
    if any(a is not None for a in asked):
        raise UsageError(
            "A simulated scene has its bands and its reflectance.", f"Write '{MADE_UP}' alone."
        )
    if request.paths[0].startswith(ICE):
        return open_simulated_ice(request.paths[0])
    return _made(request.paths[0], request.resolution or 10.0).scene


def truth_of(address: str, grid: GeoBox) -> Reference:
    """Return the truth of a simulated scene on the grid of a map of it, or of a part of it.

    Args:
        address: Of a scene of water or of ice.
        grid: The grid of the map: the scene's, or whole pixels cut out of it.

    Raises:
        GridError: a grid that is no part of the scene's.
    """
    if address.startswith(ICE):
        truth, legend, meaning = ice_truth(address), "ice", ICE_MEANING
    else:
        made = _made(address, abs(float(grid.affine.a)))
        truth, legend, meaning = made.truth, "water", MEANING
    return Reference(
        _part(truth, grid),
        load_legend(legend),
        "the truth of the simulated scene",
        notes=(meaning,),
    )


def _part(truth: xr.DataArray, grid: GeoBox) -> xr.DataArray:
    whole = geobox_of(truth)
    column, row = (round(v) for v in ~whole.affine @ (grid.affine @ (0, 0)))
    rows, columns = int(grid.shape.y), int(grid.shape.x)
    part = truth[row : row + rows, column : column + columns]
    if row < 0 or column < 0 or not same_grid(geobox_of(part), grid):
        raise GridError("The map is no part of the simulated scene.", "Map it on its own grid.")
    return xr.DataArray(part.to_numpy(), coords_of(grid), ("y", "x"))


@functools.lru_cache(maxsize=2)
def _made(address: str, resolution: float) -> SimulatedScene:
    text = address.removeprefix(MADE_UP).lstrip("?")
    given = parse_qsl(text, keep_blank_values=True)
    options = {**DEFAULTS, **dict(given)}
    unknown = sorted(set(options) - set(DEFAULTS))
    if unknown:
        raise did_you_mean("option of a simulated scene", unknown[0], list(DEFAULTS))
    sides = options["size"].lower().split("x")
    try:
        seed, numbers = int(options["seed"]), [int(s) for s in sides]
        rows, columns = numbers * 2 if len(numbers) == 1 else numbers
    except ValueError as error:
        raise UsageError(
            f"'{address}' is no simulated scene.", "Write e.g. simulated:?seed=7&size=300x400."
        ) from error
    return simulate_water_scene((rows, columns), seed, resolution, setting=options["setting"])


def find_simulated(texts: Sequence[str], query: Query) -> list[Item]:
    """Return the scene of each address; one of ice has the time that its address says."""
    return [
        Item(item_id(text), MADE_UP, (text,), time_of(text) if text.startswith(ICE) else "")
        for text in texts
    ]


SIMULATED: Final = Source(find_simulated, open_simulated_scene, truth=truth_of)
