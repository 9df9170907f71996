"""A map of land cover by a student, into files: no clusters, and nobody is asked."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.errors import EmptyResultError
from obriy.methods.student import StudentMethod
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.legend import NO_DATA
from obriy.model.provenance import SOURCES_TAG, hrefs_of
from obriy.model.scene import provenance_of
from obriy.outputs.cog import Content, MapWriter
from obriy.runs.folder import StepRecord
from obriy.workflows.cover_map import CoverMap, with_pass
from obriy.workflows.mapping import found_of
from obriy.workflows.passes import Clouds, open_layer, run_pass

_LAYERS: Final = {"landcover": "labels", "confidence": "confidence", "unseen": "unseen"}
"""Output name to layer."""


def student_to_files(
    scene: xr.Dataset, method: StudentMethod, folder: Path, *, clouds: Clouds,
    options: EngineOptions, lang: str,
) -> StepRecord:  # fmt: skip
    """Map land cover by a student into COGs.

    Raises:
        EmptyResultError: where nothing could be seen; then nothing is written.
    """
    tags = {SOURCES_TAG: json.dumps(hrefs_of(provenance_of(scene)))}
    contents: Mapping[str, Content] = {
        "landcover": method.legend, "confidence": "confidence", "unseen": "unseen",
    }  # fmt: skip
    with contextlib.ExitStack() as stack:
        sinks = {
            _LAYERS[name]: stack.enter_context(
                MapWriter(folder / f"{name}.tif", geobox_of(scene), content, lang=lang, tags=tags)
            )
            for name, content in contents.items()
        }
        result = run_pass(scene, method, sinks, subject="cover", clouds=clouds, options=options)
        if set(result.labels) == {NO_DATA}:
            raise EmptyResultError(
                "Nothing could be seen: all of it is cloud, shadow or no data.",
                "Take another date; or map without the quality band (--clouds none).",
            )
    return StepRecord({name: f"{name}.tif" for name in contents}, found_of(method.name, result))


def open_student_map(
    folder: Path, step: StepRecord, scene: xr.Dataset, method: StudentMethod
) -> CoverMap:
    """Open what `student_to_files` left, lazily."""
    layers: dict[str, Any] = {
        layer: open_layer(folder / step.outputs[name], scene) for name, layer in _LAYERS.items()
    }
    made = ClassMap(
        **layers,
        legend=method.legend,
        provenance=with_pass(provenance_of(scene), "student", step.found),
        time=scene.attrs.get("time"),
    )
    return CoverMap(made, step.found, files=step.outputs)
