"""Reference maps: rasters, polygons and points, brought to the grid of a map."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox

from obriy.blocks.computed import computed_labels
from obriy.coverage import rasterize
from obriy.errors import BandError, GridError, InputError
from obriy.model.classmap import ClassMap
from obriy.model.grid import same_grid
from obriy.model.legend import NO_DATA, UNNAMED, Legend, load_legend
from obriy.model.notices import joined, notice
from obriy.model.reference import Reference
from obriy.sources.class_codes import (
    FINER,
    MISSING,
    grid_of,
    lazy_codes,
    only_band,
    pixels_along,
    resampling_note,
)
from obriy.sources.crosswalk import SAYS, Crosswalk, class_named, crosswalk, detect, from_tag
from obriy.sources.legends import own_legend
from obriy.sources.products import stated_accuracy
from obriy.sources.reading import FileBand, probe, sample
from obriy.sources.reference_features import VECTOR_SUFFIXES, open_features
from obriy.vectors import place

_FREQUENT: Final = 50.0
_NEVER_SEEN: Final = 255

ByteArray = npt.NDArray[np.uint8]


def open_reference(
    path: Path | str,
    grid: GeoBox,
    *,
    legend: str | None = None,
    target: Legend | None = None,
    outside: str | None = None,
    layer: str | None = None,
) -> Reference:
    """Open a reference map on the grid of the map that is to be compared.

    Of a raster in another grid or CRS, a pixel gets the nearest pixel of a water reference and of
    a coarser one, and of a finer land-cover reference the class that most of its pixels have; one
    without georeference that has the shape of the map is taken to lie on it. Of polygons, a pixel
    gets the class of the one that holds its centre; where two classes overlap, the later class of
    the legend (water) wins. Where the reference says nothing, its label is 0. Pixels are read
    window by window.

    Args:
        path: Raster with one band of class codes, or polygons with a class column.
        grid: Grid of the map, in any CRS or none.
        legend: What the codes of the file are (a name of ``tables/crosswalks.toml``, e.g.
            ``"gsw"``, ``"binary"``, ``"worldcover"``; or ``"1=water,0=land"``), which then
            overrules its no-data value; None: by class names or values in the file.
        target: Legend wanted; None: ``water``. See `legend_of_reference` for the file's own.
        outside: Class of what lies outside the polygons, or where a raster, as far as it reaches,
            says nothing; None: not known.
        layer: Which layer of a vector file; None: found out.

    Raises:
        SourceError: no such file, or no raster or vector file.
        GridError: no CRS where one is needed.
        InputError: what the codes mean is not clear.
        UnknownNameError: no codes of the name ``legend``.
    """
    file, target = Path(path).expanduser(), target or load_legend("water")
    rest = NO_DATA if outside is None else class_named(outside, target)
    if is_vector(file):
        opened = open_features(file, grid, legend, target, layer=layer, outside=rest)
        return _with_rest(opened, rest, None)
    band = only_band(file)
    opened = open_band(band, str(file), grid, legend, target)
    return _with_rest(opened, rest, grid_of(band, grid)[0])


def legend_of_reference(path: Path | str, mapped: Legend, legend: str | None = None) -> Legend:
    """Return the legend in which a reference is best opened for a map.

    For a map of water that is ``water``, as ever. A raster for any other map stays in its own
    legend: in which one both can be compared fairly is decided with the scores
    (`obriy.model.crosswalk.meeting_legend`). Polygons are read in the words of the map's legend.

    Args:
        path: Raster or polygons.
        mapped: Legend of the map.
        legend: What the codes are, as in `open_reference`.

    Raises:
        SourceError: no such file, or no raster.
        InputError: more than one band.
        UnknownNameError: no codes of the name ``legend``.
    """
    file = Path(path).expanduser()
    if mapped.name == "water" or is_vector(file):
        return mapped
    return own_legend(only_band(file), legend)


def reference_from_band(
    paths: Sequence[str],
    name: str,
    grid: GeoBox,
    *,
    legend: str | None = None,
    target: Legend | None = None,
    outside: str | None = None,
) -> Reference:
    """Take a band of the image's own files as the reference.

    Args:
        paths: Files of the image, as its record names them.
        name: The band, by what the file calls it (in any case), or by its number from 1 where the
            image is one file.
        grid: Grid of the map that is to be compared.
        legend: What its codes are; None: by class names or values.
        target: Legend wanted; None: the band's own, but ``water`` where the values do not say.
        outside: Class where the band says nothing; None: not known.

    Raises:
        BandError: no band of that name.
        InputError: what the codes mean is not clear.
        UnknownNameError: no codes of the name ``legend``.
    """
    bands = [band for path in paths for band in probe(path)]
    band = _named_band(bands, name)
    target = own_legend(band, legend) if target is None else target
    source = f"{band.file}, band {band.names[0] if band.names else band.index}"
    opened = open_band(band, source, grid, legend, target, same_file=True)
    rest = NO_DATA if outside is None else class_named(outside, target)
    return _with_rest(opened, rest, grid_of(band, grid, same_file=True)[0])


def is_vector(file: Path) -> bool:
    """Say whether a file holds polygons, by its ending."""
    return file.suffix.lower() in VECTOR_SUFFIXES


def open_band(
    band: FileBand,
    source: str,
    grid: GeoBox,
    legend: str | None,
    target: Legend,
    *,
    same_file: bool = False,
    keep_unnamed: bool = False,
) -> Reference:
    """Open a band of class codes on a grid.

    Args:
        band: The band.
        source: What to call it.
        grid: Grid of the map.
        legend: What its codes are; None: by class names or values.
        target: Legend wanted.
        same_file: It lies in the map's own file: without a CRS both lie in one plane.
        keep_unnamed: 255 stays what it is, "seen but not named", which is no reference but
            belongs to a map.

    Raises:
        GridError: no CRS where one is needed.
        InputError: what the codes mean is not clear.
    """
    walk = _crosswalk_of(band, legend, target)
    own, notes = grid_of(band, grid, same_file=same_file)
    finer = not same_grid(own, grid) and pixels_along(own, grid) > FINER
    most = finer and target.name != "water"
    if not same_grid(own, grid):
        notes = (*notes, resampling_note(most, own, grid))
    values = lazy_codes(
        band,
        own,
        grid,
        declared_missing=legend is None or _is_missing(band.nodata, legend, walk),
        resampling="mode" if most else "nearest",
    )

    def read(rows: slice, columns: slice) -> ByteArray:
        codes = values[rows, columns].to_numpy()
        labels = walk.translate(codes, MISSING, source)
        if keep_unnamed:
            labels[codes == UNNAMED] = UNNAMED
        return labels

    opened = Reference(
        computed_labels(read, grid),
        target,
        source,
        notes=(walk.note, *notes),
        accuracy=stated_accuracy(walk.name, band),
    )
    return _with_rest(opened, walk.missing, own, said=True)


def _is_missing(nodata: float | None, legend: str, walk: Crosswalk) -> bool:
    """Say whether a no-data value holds beside codes that the user says: they do not name it."""
    return SAYS in legend and nodata is not None and not walk.explains(nodata)


def _with_rest(
    reference: Reference, rest: int, own: GeoBox | None, *, said: bool = False
) -> Reference:
    """Return a reference that has a class where it said nothing.

    Args:
        reference: As it was opened, on the grid of the map.
        rest: Code of the class; 0: it stays as it is.
        own: The grid of its file: beyond it, nothing is said; None: it has no end.
        said: Whether the notes say so already.
    """
    if rest == NO_DATA:
        return reference
    grid, labels = reference.geobox, reference.labels
    whole = own is None or same_grid(own, grid)
    crs = None if own is None or own.crs is None else str(own.crs)
    reach = [] if own is None or whole else [(place(own.extent.geom, crs, grid), 1)]

    def read(rows: slice, columns: slice) -> ByteArray:
        codes: ByteArray = labels.isel(y=rows, x=columns).to_numpy().copy()
        silent = codes == NO_DATA
        if not whole:
            silent &= rasterize(reach, rows, columns) == 1
        codes[silent] = rest
        return codes

    name = next(c.name for c in reference.legend if c.code == rest)
    note = notice("outside_reference", name=name)
    notes = reference.notes if said else (*reference.notes, note)
    return dataclasses.replace(reference, labels=computed_labels(read, grid), notes=notes)


def _named_band(bands: list[FileBand], name: str) -> FileBand:
    for band in bands:
        if name.lower() in [n.lower() for n in band.names]:
            return band
    one_file = len({band.file for band in bands}) == 1
    if one_file and name.isdecimal() and 0 < int(name) <= len(bands):
        return bands[int(name) - 1]
    known = ", ".join(band.names[0] if band.names else str(band.index) for band in bands)
    raise BandError(
        f"The image has no band '{name}' for the reference.", f"Its bands are: {known or 'none'}."
    )


def occurrence_reference(
    path: Path | str, scene_water: ClassMap, grid: GeoBox, *, p: float = _FREQUENT
) -> Reference:
    """Make a reference from long-term water occurrence and the water of the scene.

    Water is where water stood in at least ``p`` per cent of the observations *and* the scene shows
    water; elsewhere is not water: the intersection that Kavats et al. (2025) compare
    with over its whole window. Leaving out the pixels where both disagree would make any map that
    ``scene_water`` was made from right by construction. Where occurrence is unknown, or the scene
    unseen, there is no reference.

    Occurrence of JRC Global Surface Water v1.4 (Pekel et al. 2016) ends in 2021, so newer water
    counts as not water here. Being made from the mapped scene, such a reference is not
    independent: a score against it is an agreement.

    Args:
        path: Raster of occurrence, 0 to 100 %; 255 is no data; above 100 counts as 100 (some
            copies were resampled).
        scene_water: Water in the scene, on ``grid``, by another method than the one to be scored.
        grid: Grid of the map.
        p: Least occurrence of water, per cent, above 0 and at most 100.

    Raises:
        InputError: ``p`` out of range, or not a raster of one band.
        GridError: the scene's water lies on another grid, or the occurrence cannot be laid on it.
    """
    if not 0 < p <= 100:
        raise InputError(f"An occurrence of {p} % is no threshold.", "Give one from 1 to 100.")
    if not same_grid(scene_water.geobox, grid):
        raise GridError(
            "The water of the scene lies on another grid than the map.",
            "Map both from the same scene.",
        )
    legend = scene_water.legend
    water, land = legend.by_name("water").code, legend.by_name("not_water").code
    band = only_band(Path(path).expanduser())
    own, notes = grid_of(band, grid)
    if not same_grid(own, grid):
        notes = (*notes, resampling_note(False, own, grid))
    occurrence = lazy_codes(band, own, grid, declared_missing=True)

    def read(rows: slice, columns: slice) -> ByteArray:
        often = occurrence[rows, columns].to_numpy()
        seen = scene_water.labels.isel(y=rows, x=columns).to_numpy()
        labels = np.full(often.shape, land, "uint8")
        labels[(often >= p) & (seen == water)] = water
        unknown = (often == MISSING) | (often == _NEVER_SEEN)
        labels[unknown | (seen == NO_DATA) | (seen == UNNAMED)] = NO_DATA
        return labels

    rule = notice("occurrence_rule", percent=p)
    return Reference(
        computed_labels(read, grid), legend, str(path), independent=False, notes=(rule, *notes)
    )


def _crosswalk_of(band: FileBand, name: str | None, target: Legend) -> Crosswalk:
    """Return what the codes mean: as the user says, by names in the file, or by its values."""
    if name is not None:
        walk = crosswalk(name, target)
        as_said = "" if SAYS in name else notice("codes_as_said")
        return dataclasses.replace(walk, note=joined((walk.note, as_said)))
    written = from_tag(band.tags.get("legend"), target)
    if written is not None:
        return written
    missing = () if band.nodata is None else (band.nodata,)
    return detect(np.unique(sample(band, missing)), target, band.file)
