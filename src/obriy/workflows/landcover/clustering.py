"""Scene to numbered clusters, in memory or into files."""

import dataclasses
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr

from obriy.blocks.base import Method
from obriy.blocks.engine import EngineOptions
from obriy.methods.clustering.rule import ClusterRule, rule_from_arrays
from obriy.model.classmap import ClassMap
from obriy.model.clusters import cluster_legend
from obriy.model.grid import geobox_of
from obriy.model.layers import LAYERS, layers_named
from obriy.model.scene import provenance_of
from obriy.outputs.files import atomic_path
from obriy.prepare.clouds.mask import Clouds
from obriy.runs.folder import StepRecord
from obriy.workflows.passes import (
    array_sinks,
    found_of,
    layers_of,
    map_writers,
    open_layer,
    require_pixels,
    run_pass,
)

CLUSTERS: Final = "clusters.tif"
UNSEEN: Final = "unseen.tif"
RULE: Final = "rule.npz"


@dataclasses.dataclass(frozen=True)
class Clustered:
    """Clusters of a scene.

    Attributes:
        map: Their numbers.
        rule: What tells them apart: it can be split, and applied again.
        found: What the run of the engine found, as plain values.
        step: Name of the step of the run folder that made it; empty in memory.
    """

    map: ClassMap
    rule: ClusterRule
    found: dict[str, Any]
    step: str = ""


def cluster_in_memory(
    scene: xr.Dataset, method: Method, *, clouds: Clouds, options: EngineOptions
) -> Clustered:
    """Cluster a scene in memory.

    Raises:
        EmptyResultError: where nothing could be seen.
    """
    sinks = array_sinks(scene, layers_named("clusters", "unseen"))
    result = run_pass(scene, method, sinks, subject="cover", clouds=clouds, options=options)
    require_pixels(result)
    made = _class_map(scene, layers_of(scene, sinks), result.rule)
    return Clustered(made, result.rule, found_of(method.name, result))  # type: ignore[arg-type]


def cluster_to_files(
    scene: xr.Dataset,
    method: Method,
    folder: Path,
    under: str,
    *,
    part: xr.Dataset | None,
    clouds: Clouds,
    options: EngineOptions,
    lang: str,
) -> StepRecord:
    """Cluster a scene of any size into COGs, and keep the rule.

    Args:
        scene: A Scene.
        method: A clusterer.
        folder: The run folder.
        under: Folder within it for ``clusters.tif``, ``unseen.tif`` and ``rule.npz``.
        part: The part of the scene to map; None: all of it. The rule rests on all of it.
        clouds: How clouds are known.
        options: Threads, memory, progress.
        lang: Language of the names in the files.

    Raises:
        EmptyResultError: where nothing could be seen; then nothing is written.
    """
    geobox = geobox_of(scene if part is None else part)
    place = folder / under
    place.mkdir(parents=True, exist_ok=True)
    # Which numbers there are is known only afterwards; colours are those of any number.
    clusters = LAYERS["clusters"].of(cluster_legend(list(range(1, 255))))
    layers = {"clusters": clusters, "unseen": LAYERS["unseen"]}
    with map_writers(place, geobox, layers, provenance_of(scene), lang) as writers:
        sinks = {"labels": writers["clusters"], "unseen": writers["unseen"]}
        result = run_pass(
            scene, method, sinks, subject="cover", clouds=clouds, options=options, part=part
        )
        require_pixels(result)
        found = cluster_legend(result.rule.ids)  # type: ignore[attr-defined]
        writers["clusters"].layer = clusters.of(found)
    with atomic_path(place / RULE) as draft, draft.open("wb") as file:
        np.savez_compressed(file, **result.rule.to_arrays())  # type: ignore[attr-defined]
    files = {name: f"{under}/{name}" for name in (CLUSTERS, UNSEEN, RULE)}
    return StepRecord(files, found_of(method.name, result))


def open_clustered(folder: Path, name: str, step: StepRecord, scene: xr.Dataset) -> Clustered:
    """Open what `cluster_to_files` left.

    Args:
        folder: The run folder.
        name: Name of the step.
        step: What it returned.
        scene: The part of the scene that was mapped.
    """
    with np.load(folder / step.outputs[RULE], allow_pickle=False) as arrays:
        rule = rule_from_arrays({name: arrays[name] for name in arrays.files})
    layers = {
        "labels": open_layer(folder / step.outputs[CLUSTERS], scene, LAYERS["clusters"]),
        "unseen": open_layer(folder / step.outputs[UNSEEN], scene, LAYERS["unseen"]),
    }
    return Clustered(_class_map(scene, layers, rule), rule, step.found, name)


def _class_map(scene: xr.Dataset, layers: dict[str, xr.DataArray], rule: Any) -> ClassMap:
    return ClassMap(
        **layers,
        legend=cluster_legend(rule.ids),
        provenance=provenance_of(scene),
        time=scene.attrs.get("time"),
    )
