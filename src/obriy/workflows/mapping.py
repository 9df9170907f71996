"""Scene to water map, in memory or into files: the one path of Python and of the command line."""

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import xarray as xr

from obriy.blocks.base import Histogram
from obriy.blocks.engine import ArraySink, EngineOptions, EngineResult, Sink, run_method
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.errors import EmptyResultError
from obriy.methods.expression import parse_method
from obriy.methods.index_threshold import WATER
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of, geobox_of, pixel_metres
from obriy.model.legend import NO_DATA, load_legend
from obriy.model.provenance import SOURCES_TAG, Provenance, hrefs_of
from obriy.model.scene import check_reflectance, check_scene, provenance_of
from obriy.outputs.cog import MapWriter
from obriy.prepare.s2cloudless import S2Cloudless
from obriy.prepare.visibility import edge_pixels, hide, settle

Clouds = Literal["flags", "s2cloudless", "none"]
LAYERS: Final = {
    "mask": "labels",
    "fraction": "fraction",
    "unseen": "unseen",
    "doubt": "doubt",
}
"""Output name to layer of the map."""


def map_water(
    scene: xr.Dataset,
    method: str = "auto",
    *,
    clouds: Clouds = "flags",
    options: EngineOptions | None = None,
) -> ClassMap:
    """Map water in a scene, in memory.

    Args:
        scene: A Scene, as `open_scene` returns it: bands (y, x) float32 reflectance, NaN missing.
        method: ``"auto"``, ``"INDEX:THRESHOLD"`` or an expression of those.
        clouds: ``"flags"`` (the scene's quality band), ``"s2cloudless"`` beside it (Sentinel-2
            L1C, extra ``clouds``), or ``"none"``.
        options: Threads, memory, progress.

    Returns:
        Labels (y, x) uint8 on the scene's grid in the codes of GSW's monthly history: 0 no data,
        1 not water, 2 water (255 seen but not named); ``fraction`` where the method gives one.

    Raises:
        BandError: where the method lacks a band.
        UsageError: where the method is not one.
    """
    check_scene(scene)
    check_reflectance(scene)
    geobox = geobox_of(scene)
    shape = (int(geobox.shape.y), int(geobox.shape.x))
    sinks = {name: ArraySink(shape) for name in LAYERS.values()}
    chosen = parse_method(method)
    if not chosen.gives_fraction:
        del sinks["fraction"]
    result = _run(scene, method, sinks, options=options or EngineOptions(), clouds=clouds)
    layers = {
        name: xr.DataArray(sink.array, dims=("y", "x"), coords=coords_of(geobox))
        for name, sink in sinks.items()
    }
    return ClassMap(
        **layers,
        legend=load_legend("water"),
        provenance=record(provenance_of(scene), found_of(method, result)),
        time=scene.attrs.get("time"),
    )


def map_water_to_files(
    scene: xr.Dataset,
    method: str,
    folder: Path,
    *,
    part: xr.Dataset | None = None,
    clouds: Clouds,
    options: EngineOptions,
    lang: str,
) -> tuple[dict[str, str], dict[str, Any]]:
    """Map water in a scene of any size into COGs.

    Args:
        scene: A Scene.
        method: As for `map_water`.
        folder: Where ``mask.tif``, ``unseen.tif``, ``doubt.tif`` and, where the method gives one,
            ``fraction.tif`` go.
        part: The part of the scene to map; None: all of it. The decision rests on all of it.
        clouds: As for `map_water`.
        options: Threads, memory, progress.
        lang: Language of the class names in the files.

    Returns:
        The files by output name, and what was found (plain values, see `found_of`).

    Raises:
        EmptyResultError: where nothing could be seen; then nothing is written.
    """
    check_scene(scene)
    geobox = geobox_of(scene if part is None else part)
    contents: dict[str, Any] = {
        "mask": load_legend("water"),
        "unseen": "unseen",
        "doubt": "doubt",
    }
    if parse_method(method).gives_fraction:
        contents["fraction"] = "fraction"
    tags = {SOURCES_TAG: json.dumps(hrefs_of(provenance_of(scene)))}
    with contextlib.ExitStack() as stack:
        sinks = {
            LAYERS[name]: stack.enter_context(
                MapWriter(folder / f"{name}.tif", geobox, content, lang=lang, tags=tags)
            )
            for name, content in contents.items()
        }
        result = _run(scene, method, sinks, options=options, clouds=clouds, part=part)
        if set(result.labels) == {NO_DATA}:
            raise EmptyResultError(
                "Nothing could be seen: all of it is cloud, snow or no data.",
                "Take another date; or map without the quality band (--clouds none).",
            )
    return {name: f"{name}.tif" for name in contents}, found_of(method, result)


def open_map(
    folder: Path, files: Mapping[str, str], scene: xr.Dataset, found: Mapping[str, Any]
) -> ClassMap:
    """Open the COGs of a water map lazily, on the scene's grid."""
    geobox = geobox_of(scene)
    layers = {
        LAYERS[name]: xr.DataArray(
            lazy_variable(
                RasterBand(str(folder / file), resampling="nearest", dtype="uint8"), geobox
            ),
            coords=coords_of(geobox),
        )
        for name, file in files.items()
        if name in LAYERS
    }
    return ClassMap(
        **layers,
        legend=load_legend("water"),
        provenance=record(provenance_of(scene), found),
        time=scene.attrs.get("time"),
    )


def found_of(method: str, result: EngineResult) -> dict[str, Any]:
    """Return what a run of the engine found, as plain values that a ledger can hold."""
    return {
        "method": method,
        "decision": result.rule.describe(),
        "histograms": [dataclasses.asdict(h) for h in result.rule.histograms()],
        "pixels": {str(code): n for code, n in result.labels.items()},
        "unseen": {str(code): n for code, n in result.unseen.items()},
        "failed": [{**dataclasses.asdict(w), "reason": why} for w, why in result.failed],
        "blocks": len(result.plan.windows),
    }


def histograms_of(found: Mapping[str, Any]) -> list[Histogram]:
    """Return the histograms of what was found."""
    return [Histogram(**{**h, "counts": tuple(h["counts"])}) for h in found["histograms"]]


def record(provenance: Provenance, found: Mapping[str, Any]) -> Provenance:
    """Add the decision to the record of the scene."""
    made = provenance.with_step("water", method=found["method"], decision=found["decision"])
    for failure in found["failed"]:
        made = made.with_warning(f"A part of the image could not be read: {failure['reason']}")
    return made


def _pixel_m(scene: xr.Dataset) -> float:
    """Return the height of a pixel, metres; of a grid without a CRS its own units."""
    geobox = geobox_of(scene)
    return pixel_metres(geobox)[0] if geobox.crs else abs(float(geobox.affine.e))


def _run(
    scene: xr.Dataset,
    method: str,
    sinks: Mapping[str, Sink],
    *,
    options: EngineOptions,
    clouds: Clouds,
    part: xr.Dataset | None = None,
) -> EngineResult:
    if clouds == "none":
        scene = scene.drop_vars("flags", errors="ignore")
        part = None if part is None else part.drop_vars("flags", errors="ignore")
    pixel_m = _pixel_m(scene)
    detector = S2Cloudless(scene, pixel_m) if clouds == "s2cloudless" else None
    edge = edge_pixels(pixel_m)
    return run_method(
        scene,
        parse_method(method),
        sinks,
        prepare=hide if detector is None else lambda block: hide(detector(block)),
        settle=partial(settle, WATER, edge),
        options=options,
        part=part,
        also_bands=detector.bands if detector else (),
        also_halo=max(edge + 2, detector.halo if detector else 0),
    )
