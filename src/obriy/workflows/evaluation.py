"""`obriy evaluate`: a map against a reference, from files or from Python."""

import dataclasses
import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.errors import UsageError
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.legend import Legend, load_legend
from obriy.model.provenance import Provenance, hrefs_of
from obriy.model.reference import Reference
from obriy.model.scene import provenance_of
from obriy.model.scores import Scores
from obriy.sources.class_map import open_class_map, sources_of
from obriy.sources.reference import (
    legend_of_reference,
    open_reference,
    reference_from_band,
)
from obriy.validation import evaluate as validation
from obriy.workflows.config.base import GSW
from obriy.workflows.config.landcover import LandcoverConfig

BAND: Final = "band:"
"""Stands before the name of a band of the image itself that is the reference."""


def evaluate(
    class_map: ClassMap,
    reference: Reference | ClassMap | xr.DataArray | npt.NDArray[Any] | str | Path,
    *,
    legend: str | None = None,
    outside: str | None = None,
    layer: str | None = None,
    seed: int = 0,
) -> Scores:
    """Compare a map with a reference.

    Args:
        class_map: The map.
        reference: A `Reference`, another map, an array (y, x) of codes of the map's legend
            (0: no reference) or of bool, the path of a raster or of polygons, or ``band:NAME`` of
            the image that the map names. One that was made from the very image of the map is not
            independent. Of another legend than the map's, both are compared in the finest one that
            is fair to both.
        legend: What the codes of a file are, e.g. ``"gsw"``, ``"binary"``, ``"worldcover"``,
            ``"1=water,0=land"``; None: by its class names or values.
        outside: Class of what lies outside polygons, or where a raster says nothing, e.g.
            ``"land"``; None: not known.
        layer: Which layer of a vector file; None: found out.
        seed: Of the block bootstrap.

    Returns:
        Scores; pixels that the map could not see are counted and not scored, clear pixels that it
        would not name count as wrong.

    Raises:
        InputError: of the kind that fits, where the two cannot be compared.
    """
    if isinstance(reference, str | Path):
        reference = reference_from_file(reference, class_map, legend, outside=outside, layer=layer)
    if isinstance(reference, np.ndarray):
        reference = xr.DataArray(reference, dims=("y", "x")[: reference.ndim])
    scores = validation.evaluate(class_map, reference, seed=seed)
    if isinstance(reference, ClassMap) and _share_an_image(class_map, reference.provenance):
        scores = _agreement(scores)
    return scores


def reference_from_file(
    path: Path | str,
    class_map: ClassMap | xr.Dataset,
    legend: str | None = None,
    *,
    mapped: Legend | None = None,
    outside: str | None = None,
    layer: str | None = None,
) -> Reference:
    """Open a reference on the grid of a map or of a scene, and say whether it is independent.

    Args:
        path: A raster, polygons or points; ``band:NAME``, a band of the image itself, by name or
            number.
        class_map: The map to be scored, or the scene that it will be made of.
        legend: What the codes are; None: by class names or values in the file.
        mapped: Legend of the map that will be made of a scene; None: ``water``.
        outside: Class of what lies outside; see `obriy.sources.reference.open_reference`.
        layer: Which layer of a vector file; None: found out.
    """
    if isinstance(class_map, ClassMap):
        geobox, provenance, mapped = class_map.geobox, class_map.provenance, class_map.legend
    else:
        geobox, provenance = geobox_of(class_map), provenance_of(class_map)
    mapped = mapped or load_legend("water")
    hrefs = hrefs_of(provenance)
    if str(path).startswith(BAND):
        target = mapped if mapped.name == "water" else None
        name = str(path).removeprefix(BAND)
        return reference_from_band(
            hrefs, name, geobox, legend=legend, target=target, outside=outside
        )
    target = legend_of_reference(path, mapped, legend)
    reference = open_reference(
        path, geobox, legend=legend, target=target, outside=outside, layer=layer
    )
    if set(sources_of(path)) & set(hrefs):
        return dataclasses.replace(reference, independent=False)
    return reference


def named_reference(text: str, scene: xr.Dataset) -> tuple[str, str | None]:
    """Return the file of a reference, and what its codes are where its name tells.

    Args:
        text: A file, ``band:NAME``; or a name of ``[references]`` in ``tables/catalogues.toml``
            (``worldcover``, ``gsw``, ``gsw?p=75``), of which what lies around the scene is read
            in the network; ``gsw`` becomes ``gsw:FILE``.
        scene: The scene, or the part of it that is mapped.
    """
    name, mark, query = text.partition("?p=")
    if Path(text).expanduser().exists() or not re.fullmatch(r"\w+", name):
        return text, None
    from obriy.sources.stac.references import legend_of, reference_file  # few runs need it

    codes = legend_of(name)
    if codes is None:
        return text, None
    file = str(reference_file(name, geobox_of(scene)))
    return (f"{GSW}{file}{mark}{query}", None) if f"{name}:" == GSW else (file, codes)


def cover_reference(config: LandcoverConfig, scene: xr.Dataset, legend: Legend) -> Reference:
    """Open what a land-cover map is scored against, on the grid of the scene.

    Args:
        config: Its ``reference`` is a raster, polygons, or ``band:NAME`` of the image itself;
            ``reference_legend`` says what its codes are.
        scene: The scene, or the part of it that is mapped.
        legend: The legend of the map.

    Raises:
        UsageError: no reference is named.
    """
    if config.reference is None:
        raise UsageError("No reference is named.", "Give --reference FILE, or band:NAME.")
    path, codes = named_reference(config.reference, scene)
    return reference_from_file(
        path,
        scene,
        config.reference_legend or codes,
        mapped=legend,
        outside=config.reference_outside,
    )


def _share_an_image(class_map: ClassMap, provenance: Provenance) -> bool:
    return bool(set(hrefs_of(class_map.provenance)) & set(hrefs_of(provenance)))


def _agreement(scores: Scores) -> Scores:
    inner, merged = (
        None if part is None else _agreement(part) for part in (scores.without_edges, scores.merged)
    )
    return dataclasses.replace(scores, independent=False, without_edges=inner, merged=merged)


def evaluate_files(
    map_file: Path | str,
    reference: str,
    legend: str | None = None,
    *,
    codes: str | None = None,
    outside: str | None = None,
    layer: str | None = None,
) -> Scores:
    """Compare files; see `evaluate`.

    Args:
        map_file: The map.
        reference: What it is compared with.
        legend: What the codes of the reference are.
        codes: What the codes of the map are.
        outside: Class of what lies outside the reference.
        layer: Which layer of the reference.

    Raises:
        UsageError: for ``gsw:``, which needs the scene.
    """
    if reference.startswith(GSW):
        raise UsageError(
            "A reference from GSW occurrence is intersected with the scene, which a map does not "
            "hold.",
            "Run: obriy water SCENE --reference gsw:FILE.",
        )
    class_map = open_class_map(map_file, codes)
    return evaluate(class_map, reference, legend=legend, outside=outside, layer=layer)
