"""The Scene contract: a plain xarray.Dataset that every stage may rely on.

A Scene has dims ``(y, x)``, one variable per STAC common band name (float32 reflectance, unitless,
unclipped: dark water may lie below 0, cloud and snow above 1; NaN is missing), optionally
``flags`` (uint16, bits of `obriy.model.flags.Flag`), a grid, and the attributes ``sensor``
(an id of ``tables/sensors`` or ``"unknown"``) and ``provenance`` (a `Provenance`). The variables
may be lazily indexed: code asks for blocks, never for the whole.
"""

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.errors import InputError
from obriy.model.bands import SPECTRAL
from obriy.model.grid import coords_of, geobox_of
from obriy.model.provenance import Provenance


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
    geobox_of(scene)
    return scene


def band_names(scene: xr.Dataset) -> list[str]:
    """Return the common names of the spectral bands that the scene has, by wavelength."""
    return [name for name in SPECTRAL if name in scene]


def provenance_of(scene: xr.Dataset) -> Provenance:
    """Return the record of the scene; an empty one where a user built the scene by hand."""
    found = scene.attrs.get("provenance")
    return found if isinstance(found, Provenance) else Provenance()
