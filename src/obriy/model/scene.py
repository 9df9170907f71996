"""The Scene contract: a plain xarray.Dataset that every stage may rely on.

A Scene has dims ``(y, x)``, one variable per STAC common band name (float32 reflectance, unitless,
unclipped: dark water may lie below 0, cloud and snow above 1; NaN is missing), optionally
``flags`` (uint16, bits of `obriy.model.flags.Flag`), the layers of a season
(`obriy.model.season`), a grid, and the attributes ``sensor``
(an id of ``tables/sensors`` or ``"unknown"``) and ``provenance`` (a `Provenance`). The variables
may be lazily indexed: code asks for blocks, never for the whole.
"""

from typing import Final

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.errors import InputError
from obriy.model.bands import SPECTRAL
from obriy.model.grid import coords_of, geobox_of
from obriy.model.provenance import Provenance
from obriy.model.season import SEASONAL

MOST_REFLECTANCE: Final = 2.0
"""Snow in the sun reaches 1.2 at the top of the atmosphere; a whole image never has this median."""


def make_scene(
    bands: dict[str, xr.Variable],
    geobox: GeoBox,
    *,
    sensor: str,
    provenance: Provenance,
    flags: xr.Variable | None = None,
    time: str | None = None,
) -> xr.Dataset:
    """Put variables on a grid together to a Scene, and check it.

    Args:
        bands: Variables (y, x) by common name, float32 reflectance, NaN missing.
        geobox: The grid of all of them, in any CRS, or in none.
        sensor: Sensor id, or ``"unknown"``.
        provenance: Where the pixels came from and how they were scaled.
        flags: Quality bits (y, x) uint16.
        time: Date of the image, ISO 8601, where known.
    """
    variables = dict(bands) | ({} if flags is None else {"flags": flags})
    scene = xr.Dataset(variables, coords=coords_of(geobox))
    scene.attrs = {"sensor": sensor, "provenance": provenance, "time": time}
    return check_scene(scene)


def check_scene(scene: xr.Dataset) -> xr.Dataset:
    """Return the scene unchanged where it keeps the contract.

    Raises:
        InputError: naming the clause that is broken, and the cure.
    """
    if not isinstance(scene, xr.Dataset):
        raise InputError(
            f"A scene is an xarray Dataset, not {type(scene).__name__}.",
            "Open a file with obriy.open_scene(FILE).",
        )
    names = band_names(scene)
    if not names:
        raise InputError(
            f"The scene has no band of a known name, only: {', '.join(map(str, scene)) or 'none'}.",
            f"Rename its variables to STAC common names: {', '.join(SPECTRAL)}.",
        )
    for name in [*names, *(["flags"] if "flags" in scene else [])]:
        if scene[name].dims != ("y", "x"):
            raise InputError(
                f"'{name}' has the dims {scene[name].dims}, and a scene is (y, x).",
                "Take one date, e.g. scene.isel(time=0).",
            )
        kind = scene[name].dtype.kind
        if (kind != "f") != (name == "flags"):
            raise InputError(
                f"'{name}' is {scene[name].dtype}.",
                "Bands are floating-point reflectance (0.1, not 1000); flags are integers.",
            )
    if 0 in (scene.sizes["y"], scene.sizes["x"]):
        raise InputError("The scene has no pixels.", "Look at the slice that it was cut with.")
    geobox_of(scene)
    return scene


def check_reflectance(scene: xr.Dataset) -> None:
    """Refuse bands that hold digital numbers in place of reflectance.

    `open_scene` decides on the scale and records it; a scene that a user built is sampled.

    Raises:
        InputError: where the median of a sample is above any reflectance.
    """
    if provenance_of(scene).step("scaling") is not None:
        return
    rows, columns = (slice(None, None, max(1, scene.sizes[d] // 64)) for d in ("y", "x"))
    for name in band_names(scene):
        sample = scene[name].isel(y=rows, x=columns).to_numpy()
        known = sample[np.isfinite(sample)]
        if known.size and np.median(known) > MOST_REFLECTANCE:
            raise InputError(
                f"'{name}' has a median of {np.median(known):.0f}: these are digital numbers, "
                "not reflectance.",
                "Divide them by their scale (10000 for most products), or use obriy.open_scene.",
            )


def is_reflectance(scene: xr.Dataset) -> bool:
    """Whether the numbers of the bands are reflectance: those of an 8-bit picture are not."""
    scaling = provenance_of(scene).step("scaling") or {}
    return bool(scaling.get("reflectance", True))


def band_names(scene: xr.Dataset) -> list[str]:
    """Return the common names of the spectral bands that the scene has, by wavelength.

    Of the Scene of a season what else tells its pixels apart comes behind them.
    """
    return [name for name in (*SPECTRAL, *SEASONAL) if name in scene]


def provenance_of(scene: xr.Dataset) -> Provenance:
    """Return the record of the scene; an empty one where a user built the scene by hand."""
    found = scene.attrs.get("provenance")
    return found if isinstance(found, Provenance) else Provenance()
