"""A pixel as a mixture of open water, snow on ice, and cloud: how much of each.

Water and snow are both dark beyond 1.5 um, and cloud is not: what a thin cloud adds there tells
what it adds in the visible, and it can be taken off. Clouds of droplets and of crystals differ in
how they fall from 0.86 to 2.1 um, so they are two of the mixture, as far as there are bands to tell
them apart. Shares are found by least squares, are linear in reflectance, and may lie outside 0 to
1. Spectra and limits are in ``tables/ice_methods.toml``, each with its source.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import ByteArray, FloatArray
from obriy.errors import BandError
from obriy.methods.ice.sea import ice_table
from obriy.model.bands import resolve_nir
from obriy.model.ice import BANDS, CLOUD, ICE, WATER

Bands = Mapping[str, FloatArray]


def chosen_bands(available: set[str], what: str) -> tuple[str, ...]:
    """Return the bands by which ice is told, in the order of `obriy.model.ice.BANDS`.

    Args:
        available: Common names of the image.
        what: Who needs them, for the message.

    Raises:
        BandError: where there is no green or red, or no near infrared.
    """
    nir = resolve_nir(available)
    if nir is None or not available & {"green", "red"}:
        raise BandError(
            f"'{what}' needs the band(s) nir and green or red; the image has "
            f"{', '.join(sorted(available)) or 'none that is known'}.",
            "Take a threshold of a band that there is, e.g. --method green:0.2.",
        )
    names = (nir if name == "nir" else name for name in BANDS)
    return tuple(name for name in names if name in available)


def tells_cloud(available: set[str]) -> bool:
    """Say whether bands tell cloud from ice: beside those of `chosen_bands` one from 1.2 um on."""
    infrared = any(name.startswith("swir") for name in set(BANDS) & available)
    return infrared and resolve_nir(available) is not None and bool(available & {"green", "red"})


@dataclasses.dataclass(frozen=True)
class Mixing:
    """Turns spectra into shares.

    Attributes:
        bands: Common names, in the order of what follows.
        water: (bands,) reflectance of open water.
        clouds: Names of the clouds in the table; none where no band tells cloud from ice.
        matrix: (1 + clouds, bands): shares of ice and of each cloud per reflectance above water.
    """

    bands: tuple[str, ...]
    water: npt.NDArray[np.float32]
    clouds: tuple[str, ...]
    matrix: npt.NDArray[np.float32]

    def shares(self, bands: Bands) -> tuple[FloatArray, FloatArray]:
        """Return the shares of ice and of cloud.

        Each pixel is summed by itself, band by band: a matrix product rounds differently in
        another block.

        Args:
            bands: Float32 reflectance by common name, all of one shape, NaN missing.

        Returns:
            Two arrays of that shape, float32, NaN where a band is missing. Without a shortwave
            infrared band cloud is 0 everywhere.
        """
        shape = bands[self.bands[0]].shape
        found = np.zeros((len(self.matrix), *shape), np.float32)
        for k, name in enumerate(self.bands):
            above = bands[name] - self.water[k]
            for i, factor in enumerate(self.matrix[:, k]):
                found[i] += factor * above
        # One after the other, as above; nothing to add where no band tells cloud.
        cloud = np.add.reduce(found[1:], axis=0, dtype=np.float32)
        return found[0], cloud


def mixing_of(bands: tuple[str, ...], water: Mapping[str, float] | None = None) -> Mixing:
    """Return the mixing of the bands that there are.

    Args:
        bands: Of `chosen_bands`.
        water: Reflectance of this scene's open water by band; None: that of the table.
    """
    infrared = [name for name in bands if name.startswith("swir")]
    clouds = ("water_cloud", "ice_cloud") if infrared else ()
    base = np.array([water[n] for n in bands]) if water else _spectrum("water", bands)
    apart = [_spectrum("ice", bands), *(_spectrum(name, bands) for name in clouds)]
    if len(infrared) == 1:
        # One band says that there is cloud, and not of which kind.
        apart = [apart[0], (apart[1] + apart[2]) / 2]
    matrix = np.linalg.pinv(np.stack([spectrum - base for spectrum in apart], axis=1))
    return Mixing(bands, base.astype(np.float32), clouds, matrix.astype(np.float32))


def sure_classes(bands: Bands) -> ByteArray:
    """Return the codes of pixels that can hardly be anything else, 0 elsewhere.

    Args:
        bands: Float32 reflectance by common name, all of one shape, NaN missing.
    """
    ice, cloud = _default_shares(bands)
    limits = ice_table()["limits"]
    water, snow, thick = (limits[f"sure_{name}"] for name in ("water", "ice", "cloud"))
    codes = np.zeros(ice.shape, np.uint8)
    codes[(ice < water["ice"]) & (cloud < water["cloud"])] = WATER
    codes[(ice > snow["ice"]) & (cloud < snow["cloud"])] = ICE
    codes[(cloud > thick["cloud"]) & (ice < thick["ice"])] = CLOUD
    return codes


def likely_classes(bands: Bands) -> ByteArray:
    """Return the likeliest code of each spectrum.

    Args:
        bands: Float32 reflectance by common name, all of one shape; no NaN.
    """
    ice, cloud = _default_shares(bands)
    limits = ice_table()["limits"]
    codes = np.where(ice >= limits["ice"], np.uint8(ICE), np.uint8(WATER))
    codes[cloud >= limits["cloud"]] = CLOUD
    return codes


def limits_used() -> dict[str, Any]:
    """Return the limits of the shares, as plain values."""
    return dict(ice_table()["limits"])


def _default_shares(bands: Bands) -> tuple[FloatArray, FloatArray]:
    return mixing_of(chosen_bands(set(bands), "the spectrum")).shares(bands)


def _spectrum(name: str, bands: tuple[str, ...]) -> npt.NDArray[np.float64]:
    values = ice_table()["mixing"][name]["spectrum"]
    return np.array([values["nir" if band == "nir08" else band] for band in bands])
