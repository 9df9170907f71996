"""A map of land cover by a student, in memory or into files: no clusters, and nobody is asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.methods.student import StudentMethod
from obriy.model.classmap import ClassMap
from obriy.model.layers import LAYERS, Layer, layers_named
from obriy.model.scene import provenance_of
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
    files, result = map_to_files(
        scene,
        method,
        _layers(method),
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
    layers = open_layers(folder, step.outputs, scene)
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
    sinks = array_sinks(scene, _layers(method))
    result = run_pass(scene, method, sinks, subject="cover", clouds=clouds, options=options)
    require_pixels(result)
    return _class_map(scene, method, layers_of(scene, sinks), found_of(method.name, result))


def _layers(method: StudentMethod) -> dict[str, Layer]:
    """Return the layers of a student's map, by output."""
    own = {"landcover": LAYERS["landcover"].of(method.legend)}
    return own | layers_named("confidence", "unseen")


def _class_map(
    scene: xr.Dataset,
    method: StudentMethod,
    layers: Mapping[str, xr.DataArray],
    found: Mapping[str, Any],
) -> ClassMap:
    record = with_pass(provenance_of(scene), "student", found)
    doubt = method.doubt_of_scale(pixel_m(scene))
    return ClassMap(
        **layers,
        legend=method.legend,
        provenance=record.with_warning(doubt) if doubt else record,
        time=scene.attrs.get("time"),
    )
