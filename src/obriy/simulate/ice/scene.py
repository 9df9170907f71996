"""Scenes of a made-up bay on a grid, each with what is really there."""

import dataclasses
import math

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from scipy import ndimage

from obriy.errors import UsageError
from obriy.model.flags import FLAG_ATTRS, Flag
from obriy.model.grid import coords_of, describe, require_crs
from obriy.model.ice import BANDS, LAND
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.simulate.fields import Float32, stream
from obriy.simulate.ice.frame import CELLS, area_grid, facts, frame_of
from obriy.simulate.ice.geometry import EARTH_KM, FloatArray, moment, sun_angles, view_angles
from obriy.simulate.ice.surface import Codes, Places, lay_out, seen_from_space
from obriy.simulate.orbit import Angles, Satellite
from obriy.tables import load_toml

MIN_SIZE = 16
DARK = 84.0
"""Zenith angle of the sun beyond which there is no image, degrees."""
LACKS = (
    "scattering more than once in the air, the directional reflectance of ice, ridges and melt "
    "ponds, tides, ships' tracks, striping, clouds in many heights"
)


@dataclasses.dataclass(frozen=True)
class SimulatedIce:
    """A scene of sea ice and what is really there.

    Attributes:
        scene: A checked Scene: the seven bands (reflectance at the top of the atmosphere over
            the cosine of the sun's zenith angle), ``flags`` (LAND alone), ``view_zenith`` and
            ``sun_zenith``, degrees.
        truth: (y, x) uint8 codes of the legend ``ice``: 1 water, 2 ice (concentration of a half
            or more), 3 cloud (opacity of 0.3 or more), 4 land.
        concentration: (y, x) float32 true concentration of ice, 0 to 1, also under cloud; NaN on
            land.
    """

    scene: xr.Dataset
    truth: xr.DataArray
    concentration: xr.DataArray


def simulate_ice(
    seed: int, time: str, *, satellite: Satellite = "aqua", geobox: GeoBox | None = None
) -> SimulatedIce:
    """Make the scene of a moment; it does not depend on which others are asked for.

    Args:
        seed: The place and its winters; several dates of a seed are one bay.
        time: ISO 8601, UTC, to the minute, by day.
        satellite: ``terra`` or ``aqua``.
        geobox: The grid, with a CRS; None: that of Peter the Great Bay. The bay fills it.

    Raises:
        UsageError: a time at which it is night, or a grid that is too small.
        GridError: a grid without a CRS.
    """
    grid = geobox or area_grid()
    require_crs(grid, "a bay with a sun over it")
    if min(grid.shape) < MIN_SIZE:
        raise UsageError(f"{grid.shape} pixels are too few.", f"Make it {MIN_SIZE} or more.")
    stamp = moment(time).isoformat(timespec="minutes")
    angles = _angles(seed, stamp, satellite, grid)
    sun = float(angles.sun_zenith.mean()), float(angles.sun_azimuth.mean())
    if float(angles.sun_zenith.max()) > DARK:
        raise UsageError(
            f"At {stamp} UTC the sun stands {90 - sun[0]:.0f} degrees high at the place.",
            "Name an hour of its day: Terra passes Peter the Great Bay at 02 UTC, Aqua at 04 UTC.",
        )
    cells = lay_out(seed, stamp, satellite, frame_of(grid), sun)
    tilt = float(angles.view_zenith.mean())
    pixels = _pixels(cells, tilt, stream(seed, "optics", stamp, satellite))
    seen, codes, share = seen_from_space(pixels, angles, (seed, stamp))
    scene = _scene(seen, codes, angles, grid, (seed, stamp, satellite))
    coords = coords_of(grid)
    return SimulatedIce(
        scene,
        xr.DataArray(codes, coords, ("y", "x"), "truth"),
        xr.DataArray(share, coords, ("y", "x"), "concentration"),
    )


def _scene(
    seen: Float32, codes: Codes, angles: Angles, grid: GeoBox, made: tuple[int, str, Satellite]
) -> xr.Dataset:
    """Return the Scene with its record."""
    seed, stamp, satellite = made
    flags = np.where(codes == LAND, Flag.LAND, 0).astype("uint16")
    record = Provenance(
        inputs=({"href": f"simulated:ice?seed={seed}&time={stamp}&satellite={satellite}"},),
        steps=(
            {"name": "scaling", "reflectance": True, "decided_by": "simulated"},
            {
                "name": "simulate",
                "setting": "ice",
                "seed": seed,
                "version": load_toml("ice_simulation")["version"],
                "grid": describe(grid),
                "lacks": LACKS,
            },
        ),
        warnings=(notice("scene_simulated"),),
    )
    scene = make_scene(
        {n: xr.Variable(("y", "x"), v) for n, v in zip(BANDS, seen, strict=True)},
        grid,
        sensor="modis_hkm",
        provenance=record,
        flags=xr.Variable(("y", "x"), flags, FLAG_ATTRS),
        time=stamp,
    )
    scene["view_zenith"] = ("y", "x"), angles.view_zenith
    scene["sun_zenith"] = ("y", "x"), angles.sun_zenith
    return scene


def _angles(seed: int, stamp: str, satellite: Satellite, grid: GeoBox) -> Angles:
    """Return where sun and satellite stand over each pixel."""
    lon, lat = _places(grid)
    return Angles(*view_angles(seed, stamp, satellite, lon, lat), *sun_angles(stamp, lon, lat))


def _places(grid: GeoBox) -> tuple[FloatArray, FloatArray]:
    """Return longitude and latitude of pixel centres, (rows, columns)."""
    rows, columns = grid.shape
    x, y = np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5)
    if str(grid.crs) != "EPSG:4326":
        turn = Transformer.from_crs(str(grid.crs), "EPSG:4326", always_xy=True)
        lon, lat = turn.transform(*(grid.affine @ (x, y)))
        return np.asarray(lon), np.asarray(lat)
    lon, lat = grid.affine @ (x, y)
    return np.asarray(lon), np.asarray(lat)


def _pixels(cells: Places, tilt: float, rng: np.random.Generator) -> Places:
    """Return pixels: ground cells seen through the optics, a little off the grid.

    Args:
        cells: The ground cells.
        tilt: Zenith angle of the satellite, degrees: footprints grow with it, along scan most.
        rng: Where the shifts come from.
    """
    table = facts("sensor")
    view = math.radians(tilt)
    high = float(table["altitude_km"])
    # Distance to the ground by the law of sines, over that at nadir.
    reach = EARTH_KM * math.cos(view)
    range_km = math.sqrt(reach**2 + high**2 + 2 * EARTH_KM * high) - reach
    grown = range_km / high, range_km / high / math.cos(view)
    blur = [float(table["blur"]) * g for g in grown]
    off = rng.normal(0, float(table["shift"]), 2)

    def observe(plane: Float32, shift: FloatArray) -> Float32:
        moved = ndimage.shift(_averaged(plane), shift, order=1, mode="nearest")
        blurred = ndimage.gaussian_filter(moved, blur, mode="nearest", truncate=2.5)
        return np.asarray(blurred, "float32")

    # What is there lies as the grid says; what is seen lies as the sensor has it.
    apart = rng.normal(0, float(table["band_shift"]), (len(cells.light), 2))
    light = np.stack([observe(p, off + a) for p, a in zip(cells.light, apart, strict=True)])
    return Places(
        light=light,
        opacity=_averaged(cells.opacity),
        ice=_averaged(cells.ice),
        sea=_averaged(cells.sea),
        mirror=observe(cells.mirror, off),
        uneven=_averaged(cells.uneven),
    )


def _averaged(plane: Float32) -> Float32:
    """Return the means of the ground cells of each pixel."""
    rows, columns = (n // CELLS for n in plane.shape)
    return np.asarray(plane.reshape(rows, CELLS, columns, CELLS).mean((1, 3)), "float32")
