"""A map of land cover by a student, into files: no clusters, and nobody is asked."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.methods.student import StudentMethod
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.provenance import SOURCES_TAG, hrefs_of
from obriy.model.scene import provenance_of
from obriy.outputs.cog import Content, MapWriter
from obriy.runs.folder import StepRecord
from obriy.workflows.cover_map import CoverMap, with_pass
from obriy.workflows.mapping import found_of
from obriy.workflows.passes import Clouds, open_layer, pixel_m, require_pixels, run_pass

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
    tags = {SOURCES_TAG: json.dumps(hrefs_of(provenance_of(scene)))}
    geobox = geobox_of(scene if part is None else part)
    contents: Mapping[str, Content] = {
        "landcover": method.legend, "confidence": "confidence", "unseen": "unseen",
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        sinks = {
            _LAYERS[name]: stack.enter_context(
                MapWriter(folder / f"{name}.tif", geobox, content, lang=lang, tags=tags)
            )
            for name, content in contents.items()
        }
        result = run_pass(
            scene, method, sinks, subject="cover", clouds=clouds, options=options, part=part
        )
        require_pixels(result)
    return StepRecord({name: f"{name}.tif" for name in contents}, found_of(method.name, result))


def open_student_map(
    folder: Path, step: StepRecord, scene: xr.Dataset, method: StudentMethod
) -> CoverMap:
    """Open what `student_to_files` left, lazily; ``scene`` is the part that was mapped."""
    record = with_pass(provenance_of(scene), "student", step.found)
    doubt = method.doubt_of_scale(pixel_m(scene) if geobox_of(scene).crs else None)
    layers: dict[str, Any] = {
        layer: open_layer(folder / step.outputs[name], scene) for name, layer in _LAYERS.items()
    }
    made = ClassMap(
        **layers,
        legend=method.legend,
        provenance=record.with_warning(doubt) if doubt else record,
        time=scene.attrs.get("time"),
    )
    return CoverMap(made, step.found, files=step.outputs)
