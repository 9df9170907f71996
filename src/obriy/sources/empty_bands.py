"""Bands that hold nothing, where others of their image do."""

import dataclasses

from obriy.errors import EmptyResultError, SourceError
from obriy.model.notices import notice
from obriy.sources.bands import Naming
from obriy.sources.reading import WHOLE_PIXELS, FileBand, has_valid_pixel
from obriy.sources.scaling import Samples
from obriy.sources.validity import Missing


def without_empty(
    naming: Naming, samples: Samples, missing: Missing, *, everywhere: bool
) -> tuple[Naming, dict[str, str]]:
    """Leave out bands that hold nothing, or 0 everywhere, where others do not.

    A band of which only the parts that were looked at are empty is searched as a whole.

    Args:
        naming: Which band is which.
        samples: Valid numbers of each, (n,) DN.
        missing: Numbers that mean missing, by band.
        everywhere: Whether what lies beyond the parts that were looked at counts.

    Returns:
        What is left, and what is said of the bands that are not, by name.

    Raises:
        EmptyResultError: where no band has a valid pixel.
        SourceError: where those there are lie where nobody looked.
    """
    silent = [n for n, s in samples.items() if not s.any()]
    nothing = [
        n for n in silent if not (everywhere and _holds_more(naming.bands[n], (0.0, *missing[n])))
    ]
    if len(silent) < len(samples):
        said: dict[str, str] = {
            name: notice("band_empty", band=name, file=naming.bands[name].file) for name in nothing
        }
        kept = {n: b for n, b in naming.bands.items() if n not in said}
        return dataclasses.replace(naming, bands=kept), said
    if len(nothing) < len(silent):
        raise SourceError(
            "All the sampled parts of the image are no data, so that nothing tells how its numbers "
            "become reflectance.",
            "Cut the image to where it has data.",
        )
    first = next(iter(naming.bands.values()))
    raise EmptyResultError(
        notice("no_valid_pixel", name=str(first.file)), notice("other_date_or_nodata")
    )


def _holds_more(band: FileBand, numbers: tuple[float, ...]) -> bool:
    """Say whether a band that was looked at in parts holds another number elsewhere."""
    return band.grid.shape.y * band.grid.shape.x > WHOLE_PIXELS and has_valid_pixel(band, numbers)
