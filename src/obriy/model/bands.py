"""Band names: the STAC common names that every Scene uses."""

from typing import Final

from obriy.errors import BandError

SPECTRAL: Final = (
    "coastal", "blue", "green", "yellow", "red", "rededge071", "rededge075", "rededge078",
    "nir", "nir08", "nir09", "cirrus", "swir12", "swir16", "swir22", "lwir11", "lwir12",
    "pan",
)  # fmt: skip
"""STAC ``eo:bands`` common names (reflectance, unitless), by wavelength."""

CLASSES: Final = ("scl", "msk_classi", "fmask", "bqa", "qa_pixel", "udm2")
"""Names of quality bands that say of every pixel whether clouds hide it; the first there is."""

BESIDE: Final = ("qa_radsat", "radsat_qa")
"""Names of quality bands that add to one of those, see ``beside`` in ``tables/quality.toml``."""

QUALITY: Final = (*CLASSES, *BESIDE)
"""Names of quality bands that become ``flags``; each has its bits in ``tables/quality.toml``."""

DATA_MASK: Final = "data_mask"
"""Name of a band that is 0 where the image says nothing: opacity, ``dataMask``."""

SKIP: Final = "-"
"""Stands in a band list for a band of the file that is not wanted."""


def resolve_nir(available: set[str]) -> str | None:
    """Return the variable that serves as near infrared: ``nir``, else ``nir08``, else None."""
    return next((name for name in ("nir", "nir08") if name in available), None)


def require_bands(available: set[str], wanted: set[str], what: str, alternatives: str = "") -> None:
    """Raise a BandError that names what is missing, unless every band is there.

    Args:
        available: Common names that the scene has.
        wanted: Common names that are needed; ``nir`` is also met by ``nir08``.
        what: Who needs them, e.g. ``"MNDWI"``.
        alternatives: What remains possible with the bands there are.
    """
    have = available | ({"nir"} if resolve_nir(available) else set())
    missing = sorted(wanted - have)
    if missing:
        raise BandError(
            f"{what} needs the band(s) {', '.join(missing)}; the image has "
            f"{', '.join(sorted(available)) or 'none that is known'}.",
            alternatives
            or "Name the bands with --bands blue,green,-,nir (file order) or --sensor.",
        )
