"""Labelled scenes of sea ice in a folder: what methods learn from, and are judged by.

    FOLDER/2021-02-18T0405_aqua.tif           the scene
    FOLDER/labels/2021-02-18T0405_aqua.tif    its labels; .gpkg, .geojson or .shp for polygons

Labels are codes of the legend ``ice`` (0 where nobody said, 1 water, 2 ice, 3 cloud, 4 land), or
masks of 0 and 1. A map of ours says itself what its codes are. Of other rasters the values of the
whole folder decide, for a scene without ice holds but 0 and 1 in either: with a value from 2 to 4
in any of them all are codes of the legend, else masks, in which 1 is ice and 0 sea without ice.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from odc.geo.geobox import GeoBox

from obriy.errors import BandError, GridError, InputError, SourceError
from obriy.model.grid import geobox_of, same_grid
from obriy.model.ice import IceExample
from obriy.model.legend import UNNAMED, load_legend
from obriy.model.provenance import SIMULATED_TAG
from obriy.model.scene import band_names, check_reflectance
from obriy.sources.beside import is_image
from obriy.sources.class_codes import only_band
from obriy.sources.dates import time_in
from obriy.sources.legends import legend_from_tag
from obriy.sources.reading import sample
from obriy.sources.reference import is_vector, open_reference
from obriy.sources.scene import open_scene

LABELS: Final = "labels"
"""Folder, beside the scenes, of their labels."""
_RASTERS: Final = (".tif", ".tiff")
_MASK: Final = frozenset({0, 1, UNNAMED})
_HOW: Final = "Put scenes into the folder, and their labels under the same names into labels/."


def read_examples(folder: Path) -> list[IceExample]:
    """Open the labelled scenes of a folder, lazily, in the order of their names.

    Scenes without labels are left out; `unlabelled` tells their names. Labels without any ice are
    as good as others.

    Args:
        folder: See the module.

    Raises:
        SourceError: no such folder, nothing in it, or a file that is broken.
        InputError: no labels, or labels whose values mean nothing here.
        GridError: labels on another grid than their scene.
        BandError: scenes whose bands differ.
    """
    pairs = [(image, label) for image, label in _pairs(folder) if label is not None]
    if not pairs:
        raise InputError(f"No scene in {folder} has labels in {folder / LABELS}.", _HOW)
    codes = _meaning([label for _, label in pairs if not is_vector(label)])
    examples = [_example(image, label, codes) for image, label in pairs]
    first = examples[0]
    for other in examples[1:]:
        _require_alike(first, other)
    return examples


def unlabelled(folder: Path) -> list[str]:
    """Return the names of the scenes of a folder that have no labels.

    Raises:
        SourceError: no such folder, or nothing in it.
    """
    return [image.stem for image, label in _pairs(folder) if label is None]


def _pairs(folder: Path) -> list[tuple[Path, Path | None]]:
    """Return each scene with its labels."""
    folder = folder.expanduser()
    if not folder.is_dir():
        raise SourceError(f"There is no folder {folder}.", "Check the path.")
    images = [p for p in _files(folder) if p.suffix.lower() in _RASTERS and is_image(p.name)]
    if not images:
        raise SourceError(f"There is no scene (.tif) in {folder}.", _HOW)
    labels = {p.stem: p for p in _files(folder / LABELS) if is_label(p)}
    return [(image, labels.get(image.stem)) for image in images]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))


def is_label(file: Path) -> bool:
    """Whether a file can hold labels: a raster or vectors, not what GIS programs put beside."""
    return file.suffix.lower() in _RASTERS or is_vector(file)


def _meaning(rasters: Sequence[Path]) -> str:
    """Return what the codes of rasters are that do not say so themselves.

    Raises:
        InputError: where a value is no code of the legend.
    """
    known = {0, *load_legend("ice").codes, UNNAMED}
    found: set[float] = set()
    for file in rasters:
        band = only_band(file)
        if legend_from_tag(band.tags.get("legend")) is None:
            values = {float(v) for v in np.unique(sample(band, ()))}
            strange = sorted(values - known)
            if strange:
                raise InputError(
                    f"{file} has the value {strange[0]:g}, which is no label of ice.",
                    "Labels are 0 and 1, or 0 nobody knows, 1 water, 2 ice, 3 cloud, 4 land.",
                )
            found |= values
    return "binary_ice" if found <= _MASK else "ice"


def _example(image: Path, label: Path, codes: str) -> IceExample:
    scene = open_scene(image)
    check_reflectance(scene)
    time = time_in(image.name) or scene.attrs.get("time")
    if time is None:
        raise InputError(
            f"Nothing tells the time of {image.name}.",
            "Name the file with its date and time, e.g. 2021-02-18T0225.tif.",
        )
    scene.attrs["time"] = time
    grid = geobox_of(scene)
    legend = "ice" if is_vector(label) else _own_codes(label, grid, codes)
    opened = open_reference(label, grid, legend=legend, target=load_legend("ice"))
    return IceExample(image.stem, time, scene, opened.labels, made_up=_is_made_up(label))


def _is_made_up(label: Path) -> bool:
    """Whether `obriy simulate` wrote the labels."""
    return not is_vector(label) and SIMULATED_TAG in only_band(label).tags


def _own_codes(label: Path, grid: GeoBox, codes: str) -> str | None:
    """Return what to read the codes of a raster as; None: as the file itself says.

    Raises:
        GridError: where it does not lie on the grid of its scene.
    """
    band = only_band(label)
    if not _lies_on(band.grid, grid):
        raise GridError(
            f"The labels {label} lie on another grid than their scene.",
            "Make them on the pixels of the scene, or give polygons.",
        )
    return codes if legend_from_tag(band.tags.get("legend")) is None else None


def _lies_on(own: GeoBox, grid: GeoBox) -> bool:
    """Whether both are one grid; where one of them has no CRS, its shape tells."""
    if own.crs is None or grid.crs is None:
        return bool(own.shape == grid.shape)
    return same_grid(own, grid)


def _require_alike(first: IceExample, other: IceExample) -> None:
    one, two = band_names(first.scene), band_names(other.scene)
    if one != two:
        raise BandError(
            f"{other.name} has the bands {', '.join(two)}; {first.name} has {', '.join(one)}.",
            "Learn from images with the same bands.",
        )
