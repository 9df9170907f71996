"""What an image of a run measured at one place: its bands and its indices."""

import dataclasses

import numpy as np
import pyproj
import xarray as xr

from obriy.indices.catalogue import all_indices
from obriy.model.grid import geobox_of
from obriy.model.scene import band_names, is_reflectance
from obriy.tables.sensor import band_wavelengths


@dataclasses.dataclass(frozen=True)
class Spectrum:
    """One pixel of an image.

    Attributes:
        bands: STAC common name, wavelength (micrometres) and value of each band, by wavelength:
            reflectance, unitless, as it was measured.
        indices: Name and value of each index that the bands allow, where it is defined.
        reflectance: False: the image is an 8-bit picture, and its numbers are no reflectance.
    """

    bands: tuple[tuple[str, float, float], ...]
    indices: tuple[tuple[str, float], ...]
    reflectance: bool


def spectrum_at(scene: xr.Dataset, place: tuple[float, float], crs: str) -> Spectrum | None:
    """Return what an image measured at a place.

    Args:
        scene: A Scene; one pixel of it is read.
        place: x and y, in ``crs``.
        crs: Of the place; an image without a CRS takes it as metres of its own plane.

    Returns:
        None beyond the image, and where it measured nothing.
    """
    grid = geobox_of(scene)
    x, y = place
    if grid.crs is not None:
        x, y = pyproj.Transformer.from_crs(crs, str(grid.crs), always_xy=True).transform(x, y)
    column, row = (int(np.floor(one)) for one in ~grid.affine @ (x, y))
    if not (0 <= row < grid.shape.y and 0 <= column < grid.shape.x):
        return None
    pixel = scene[band_names(scene)].isel(y=slice(row, row + 1), x=slice(column, column + 1))
    bands = {str(name): values.to_numpy() for name, values in pixel.data_vars.items()}
    waves = band_wavelengths(str(scene.attrs.get("sensor", "")), bands)
    found = [(name, wave, float(bands[name][0, 0])) for name, wave in waves.items()]
    seen = tuple(one for one in found if np.isfinite(one[2]))
    if not seen:
        return None
    reflectance = is_reflectance(scene)
    return Spectrum(seen, _indices(bands) if reflectance else (), reflectance)


def _indices(bands: dict[str, np.ndarray]) -> tuple[tuple[str, float], ...]:  # type: ignore[type-arg]
    """Return the indices that the bands allow, where they are defined."""
    found = {
        name: float(index.evaluate(bands).values[0, 0])
        for name, index in all_indices().items()
        if index.is_possible(set(bands))
    }
    return tuple((name, value) for name, value in found.items() if np.isfinite(value))
