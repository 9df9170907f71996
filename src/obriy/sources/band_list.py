"""The list of bands that a user gives: what its names mean, and whether the files agree."""

from typing import Final

from obriy.errors import BandError
from obriy.model.bands import QUALITY, SKIP, SPECTRAL
from obriy.model.notices import notice
from obriy.registry import did_you_mean
from obriy.sources.band_names import all_names, is_numbered, look_up
from obriy.sources.reading import FileBand
from obriy.tables.sensor import Sensor

_ALIKE: Final = ({"nir", "nir08"},)
"""Bands that people take for each other, and the indices too."""
_WAY_OUT: Final = "To believe the list against the file, add --force-bands."


def names_in_list(
    found: list[FileBand], wanted: tuple[str, ...], sensor: Sensor | None
) -> list[str]:
    """Return the common name of each band of the files by a user's list; empty: not wanted.

    Args:
        found: All bands of all files, in file order.
        wanted: Common names, aliases, or names of the sensor (``B03``), in file order; shorter
            than ``found`` leaves the rest unread.
        sensor: Whose bands they are; None: not known.

    Raises:
        BandError: more names than bands, one twice, no spectral one, or one like ``B3`` of no
            known sensor.
        UnknownNameError: a name that nobody knows.
    """
    if len(wanted) > len(found):
        raise BandError(
            f"{len(wanted)} bands were named, and {file_names(found)} has {len(found)}.",
            f"Name at most {len(found)}; the file says: {described(found)}.",
        )
    product = ""
    if sensor is not None:
        names = all_names(found) | {name.upper() for name in wanted}
        product = sensor.product_of(found[0].file, names)
    meant = [_meant(name, sensor, product) for name in wanted]
    named = [n for n in meant if n]
    repeated = sorted({n for n in named if named.count(n) > 1})
    if repeated:
        raise BandError(
            f"The list of bands names {', '.join(repeated)} twice.",
            f"Write each once, and '{SKIP}' for a band that is not wanted.",
        )
    if not set(named) & set(SPECTRAL):
        raise BandError(
            "The list of bands names no spectral band.", f"Known: {', '.join(SPECTRAL)}."
        )
    return meant + [""] * (len(found) - len(meant))


def _meant(name: str, sensor: Sensor | None, product: str) -> str:
    if name in (SKIP, ""):
        return ""
    if name in (*SPECTRAL, *QUALITY):
        return name
    common = look_up(name, sensor, product)
    if common is not None:
        return common
    own = [band.id for band in sensor.bands] if sensor else []
    if (sensor is None or name.upper() in own) and is_numbered(name):
        raise BandError(
            f"The list of bands names '{name}', which is another band on another sensor.",
            "Say whose it is (--sensor sentinel2_l2a), or what it is (green).",
        )
    raise did_you_mean("band", name, [*SPECTRAL, *QUALITY, SKIP, *dict.fromkeys(own)])


def contradiction(
    found: list[FileBand], names: list[str], said: list[str | None]
) -> BandError | None:
    """Return the error where a list of bands and the files' own names differ; None: they do not.

    Args:
        found: All bands of all files.
        names: What the list calls them; empty: not wanted, which contradicts nothing.
        said: What the files call them, see `obriy.sources.band_names.name_of`.
    """
    unlike = [
        i
        for i, (name, own) in enumerate(zip(names, said, strict=True))
        if name and own is not None and name != own and {name, own} not in _ALIKE
    ]
    if not unlike:
        return None
    band, own = found[unlike[0]], said[unlike[0]]
    others = notice("more_bands_differ", count=len(unlike) - 1) if len(unlike) > 1 else ""
    title = f" ({band.names[0]})" if band.names and band.names[0].lower() != own else ""
    return BandError(
        notice(
            "band_list_differs",
            number=band.index,
            file=band.file,
            told=names[unlike[0]],
            own=f"{own}{title}" if own else notice("band_without_reflectance"),
            others=others,
        ),
        f"Leave --bands away, or write what the file says: "
        f"{','.join(name or SKIP for name in said)}. {_WAY_OUT}",
    )


def file_names(found: list[FileBand]) -> str:
    """Return the name of the file, or of the first and how many more there are."""
    files = list(dict.fromkeys(b.file for b in found))
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"


def described(found: list[FileBand]) -> str:
    """Return the number of each band and what the file calls it."""
    shown = [b.names[0] if b.names else "(no name)" for b in found[:16]]
    return ", ".join(f"{i} {name}" for i, name in enumerate(shown, 1))
