"""A map of land cover by a student, in memory or into files: no clusters, and nobody is asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.methods.student import StudentMethod
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.scene import provenance_of
from obriy.outputs.layers import Content
from obriy.prepare.clouds.mask import Clouds
from obriy.runs.folder import StepRecord
from obriy.workflows.landcover.mapping import CoverMap, with_pass
from obriy.workflows.passes import (
    array_sinks,
    found_of,
    layers_of,
    map_to_files,
    open_layers,
    pixel_m,
    require_pixels,
    run_pass,
)

_LAYERS: Final = {"landcover": "labels", "confidence": "confidence", "unseen": "unseen"}
"""Output name to layer."""


def student_to_files(
    scene: xr.Dataset,
    method: StudentMethod,
    folder: Path,
    *,
    part: xr.Dataset | None,
    clouds: Clouds,
    options: EngineOptions,
    lang: str,
) -> StepRecord:
    """Map land cover by a student into COGs.

    Args:
        scene: A Scene.
        method: The student.
        folder: The run folder.
        part: The part of the scene to map; None: all of it. The student looks beyond its edge.
        clouds: How clouds are known.
        options: Threads, memory, progress.
        lang: Language of the class names in the files.

    Raises:
        EmptyResultError: where nothing could be seen; then nothing is written.
    """
    contents: Mapping[str, Content] = {
        "landcover": method.legend, "confidence": "confidence", "unseen": "unseen",
    }  # fmt: skip
    files, result = map_to_files(
        scene,
        method,
        {name: (_LAYERS[name], content) for name, content in contents.items()},
        folder,
        subject="cover",
        clouds=clouds,
        options=options,
        lang=lang,
        part=part,
    )
    return StepRecord(files, found_of(method.name, result))


def open_student_map(
    folder: Path, step: StepRecord, scene: xr.Dataset, method: StudentMethod
) -> CoverMap:
    """Open what `student_to_files` left, lazily; ``scene`` is the part that was mapped."""
    layers = open_layers(folder, step.outputs, _LAYERS, scene)
    made = _class_map(scene, method, layers, step.found)
    return CoverMap(made, step.found, files=step.outputs)


def student_in_memory(
    scene: xr.Dataset, method: StudentMethod, *, clouds: Clouds, options: EngineOptions
) -> ClassMap:
    """Map land cover by a student, in memory.

    Returns:
        Labels (y, x) uint8 in the codes of the student's legend (0 no data), ``confidence`` in
        half per cents, ``unseen``.

    Raises:
        BandError: where the scene lacks a band that the student learnt from.
        EmptyResultError: where nothing could be seen.
    """
    sinks = array_sinks(scene, list(_LAYERS.values()))
    result = run_pass(scene, method, sinks, subject="cover", clouds=clouds, options=options)
    require_pixels(result)
    return _class_map(scene, method, layers_of(scene, sinks), found_of(method.name, result))


def _class_map(
    scene: xr.Dataset,
    method: StudentMethod,
    layers: Mapping[str, xr.DataArray],
    found: Mapping[str, Any],
) -> ClassMap:
    record = with_pass(provenance_of(scene), "student", found)
    doubt = method.doubt_of_scale(pixel_m(scene) if geobox_of(scene).crs else None)
    return ClassMap(
        **layers,
        legend=method.legend,
        provenance=record.with_warning(doubt) if doubt else record,
        time=scene.attrs.get("time"),
    )
