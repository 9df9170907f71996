"""``simulated:``, a made-up scene with known truth: the door to `obriy.simulate.water`."""

import functools
from urllib.parse import parse_qsl

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.errors import GridError, UsageError
from obriy.model.grid import coords_of, geobox_of, same_grid
from obriy.model.legend import load_legend
from obriy.model.reference import Reference
from obriy.registry import did_you_mean
from obriy.simulate.water import SETTING, SimulatedScene, simulate_water_scene
from obriy.sources.base import Request
from obriy.sources.simulated_ice import SCHEME as ICE
from obriy.sources.simulated_ice import open_simulated_ice

SCHEME = "simulated:"
DEFAULTS = {"seed": "7", "size": "512", "setting": SETTING}


def open_simulated_scene(request: Request) -> xr.Dataset:
    """Open ``simulated:``, ``simulated:?seed=7&size=512`` or ``...size=300x400`` (rows, columns).

    ``setting=easy_clear`` and the like choose the world and the sky; ``simulated:ice`` is a bay in
    winter, see `obriy.sources.simulated_ice`.

    Args:
        request: The address, and the pixel size wanted; nothing else may be given.

    Returns:
        The scene alone; `open_simulated` gives the truth too.

    Raises:
        UsageError: options that a simulated scene does not have.
    """
    asked = (request.sensor, request.bands, request.scale, request.offset, request.nodata)
    if any(a is not None for a in asked):
        raise UsageError(
            "A simulated scene has its bands and its reflectance.", f"Write '{SCHEME}' alone."
        )
    if request.paths[0].startswith(ICE):
        return open_simulated_ice(request.paths[0])
    return _made(request.paths[0], request.resolution or 10.0).scene


def open_simulated(address: str) -> tuple[xr.Dataset, Reference]:
    """Return a simulated scene and its truth.

    Args:
        address: As for `open_simulated_scene`.
    """
    scene = _made(address, 10.0).scene
    return scene, _reference(address, geobox_of(scene))


def simulated_reference(source: str, geobox: GeoBox) -> Reference | None:
    """Return the truth of a simulated scene on the grid of a map of it, or of a part of it.

    Args:
        source: What was mapped; None is returned where it is no ``simulated:`` scene of water.
        geobox: The grid of the map: the scene's, or whole pixels cut out of it.

    Raises:
        GridError: a grid that is no part of the scene's.
    """
    made = source.startswith(SCHEME) and not source.startswith(ICE)
    return _reference(source, geobox) if made else None


def _reference(address: str, geobox: GeoBox) -> Reference:
    resolution = abs(float(geobox.affine.a))
    truth = _made(address, resolution).truth
    whole = geobox_of(truth)
    column, row = (round(v) for v in ~whole.affine @ (geobox.affine @ (0, 0)))
    rows, columns = int(geobox.shape.y), int(geobox.shape.x)
    part = truth[row : row + rows, column : column + columns]
    if row < 0 or column < 0 or not same_grid(geobox_of(part), geobox):
        raise GridError("The map is no part of the simulated scene.", "Map it on its own grid.")
    return Reference(
        xr.DataArray(part.to_numpy(), coords_of(geobox), ("y", "x")),
        load_legend("water"),
        "the truth of the simulated scene",
        notes=("water where its true share of the pixel is 0.5 or more",),
    )


@functools.lru_cache(maxsize=2)
def _made(address: str, resolution: float) -> SimulatedScene:
    text = address.removeprefix(SCHEME).lstrip("?")
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
