"""Scene to numbered clusters, in memory or into files."""

import dataclasses
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import xarray as xr

from obriy.blocks.base import ByteArray, Method
from obriy.blocks.computed import computed_labels
from obriy.blocks.engine import EngineOptions
from obriy.blocks.pixels import recode
from obriy.labelling.facts import facts_of, pixel_side
from obriy.labelling.tally import ClusterTally
from obriy.labelling.year import Counts, count_curves, with_curves
from obriy.methods.clustering.rule import ClusterRule, rule_from_arrays
from obriy.model.classmap import ClassMap
from obriy.model.clusters import ClusterFacts, cluster_legend
from obriy.model.grid import geobox_of
from obriy.model.layers import LAYERS, layers_named
from obriy.model.scene import provenance_of
from obriy.outputs.files import atomic_path
from obriy.prepare.clouds.mask import Clouds
from obriy.runs.folder import StepRecord
from obriy.workflows.landcover.observed import Observed, ObservedRule
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
TALLY: Final = "tally.npz"


@dataclasses.dataclass(frozen=True)
class Leaves:
    """Clusters cut in two: what a map can be split to without looking at the scene again.

    Attributes:
        labels: Their numbers (y, x).
        rule: What tells them apart: that of the clusters, and a split of each.
        tally: What was counted of them.
        curves: The medians of the months of a season, counted; empty of one image.
    """

    labels: xr.DataArray
    rule: ClusterRule
    tally: ClusterTally
    curves: Counts = dataclasses.field(default_factory=dict)

    def numbers_of(self, rule: ClusterRule) -> ByteArray | None:
        """Return (256,) the number that each leaf has by a rule; None where leaves do not tell.

        Args:
            rule: That of the clusters, some of them split.
        """
        cut = {split.parent: split.parts for split in self.rule.splits}
        numbers = self.tally.cluster_of.copy()
        for split in rule.splits:
            parts = cut.get(split.parent)
            if parts is None or len(parts.numbers) != len(split.parts.numbers):
                return None
            numbers[parts.numbers] = split.parts.numbers
        return numbers


@dataclasses.dataclass(frozen=True)
class Clustered:
    """Clusters of a scene, and each of them cut in two in case that somebody wants it split.

    Attributes:
        map: Their numbers.
        rule: What tells them apart: it can be split, and applied again.
        facts: What was measured of each.
        found: What the run of the engine found, as plain values.
        leaves: What they were cut to.
        step: Name of the step of the run folder that made it; empty in memory.
    """

    map: ClassMap
    rule: ClusterRule
    facts: tuple[ClusterFacts, ...]
    found: dict[str, Any]
    leaves: Leaves
    step: str = ""


def cluster_in_memory(
    scene: xr.Dataset, method: Method, *, clouds: Clouds, options: EngineOptions
) -> Clustered:
    """Cluster a scene in memory.

    Raises:
        EmptyResultError: where nothing could be seen.
    """
    sinks = array_sinks(scene, layers_named("clusters", "unseen"))
    observed = Observed(method, whole=True, pixel_m=pixel_side(geobox_of(scene)))
    result = run_pass(scene, observed, sinks, subject="cover", clouds=clouds, options=options)
    require_pixels(result)
    rule = cast(ObservedRule, result.rule)
    layers = layers_of(scene, sinks)
    curves = count_curves(scene, layers["labels"])
    leaves = Leaves(layers["labels"], rule.leaves, rule.tally, curves)
    found = found_of(method.name, result)
    return _clustered(scene, leaves, rule.rule, found, unseen=layers["unseen"])


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
    """Cluster a scene of any size into COGs, and keep the rule and what was counted.

    Args:
        scene: A Scene.
        method: A clusterer.
        folder: The run folder.
        under: Folder within it for ``clusters.tif`` (the leaves), ``unseen.tif``, ``rule.npz`` and
            ``tally.npz``.
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
    layers = {
        name: dataclasses.replace(layer, overviews="none")  # nobody looks at these from afar
        for name, layer in (("clusters", clusters), ("unseen", LAYERS["unseen"]))
    }
    observed = Observed(method, whole=part is None, pixel_m=pixel_side(geobox_of(scene)))
    with map_writers(place, geobox, layers, provenance_of(scene), lang) as writers:
        sinks = {"labels": writers["clusters"], "unseen": writers["unseen"]}
        result = run_pass(
            scene, observed, sinks, subject="cover", clouds=clouds, options=options, part=part
        )
        require_pixels(result)
        rule = cast(ObservedRule, result.rule)
        writers["clusters"].layer = layers["clusters"].of(cluster_legend(rule.leaves.ids))
    before = np.array(len(rule.rule.splits))
    _save(place / RULE, {**rule.leaves.to_arrays(), "splits_before": before})
    _save(place / TALLY, rule.tally.to_arrays())
    files = {name: f"{under}/{name}" for name in (CLUSTERS, UNSEEN, RULE, TALLY)}
    return StepRecord(files, found_of(method.name, result))


def open_clustered(folder: Path, name: str, step: StepRecord, scene: xr.Dataset) -> Clustered:
    """Open what `cluster_to_files` left.

    Args:
        folder: The run folder.
        name: Name of the step.
        step: What it returned.
        scene: The part of the scene that was mapped.
    """
    arrays = _load(folder / step.outputs[RULE])
    cut = rule_from_arrays(arrays)
    rule = dataclasses.replace(cut, splits=cut.splits[: int(arrays["splits_before"])])
    labels = open_layer(folder / step.outputs[CLUSTERS], scene, LAYERS["clusters"])
    unseen = open_layer(folder / step.outputs[UNSEEN], scene, LAYERS["unseen"])
    tally = ClusterTally.from_arrays(_load(folder / step.outputs[TALLY]))
    leaves = Leaves(labels, cut, tally, count_curves(scene, labels))
    return _clustered(scene, leaves, rule, step.found, unseen=unseen, step=name)


def split_further(scene: xr.Dataset, first: Clustered, rule: ClusterRule) -> Clustered | None:
    """Return clusters some of which were split; None where the scene must be looked at again.

    Args:
        scene: The part of the scene that was mapped.
        first: The clusters.
        rule: Their rule, some of them split.
    """
    if first.leaves.numbers_of(rule) is None:
        return None
    assert first.map.unseen is not None
    found = {**first.found, "decision": rule.describe()}
    unseen = first.map.unseen
    return _clustered(scene, first.leaves, rule, found, unseen=unseen, step=first.step)


def _clustered(
    scene: xr.Dataset,
    leaves: Leaves,
    rule: ClusterRule,
    found: dict[str, Any],
    *,
    unseen: xr.DataArray,
    step: str = "",
) -> Clustered:
    """Return the clusters that leaves make up by a rule that they can tell."""
    numbers = leaves.numbers_of(rule)
    assert numbers is not None

    def window(rows: slice, columns: slice) -> ByteArray:
        labels: ByteArray = recode(leaves.labels[rows, columns].to_numpy(), numbers)
        return labels

    made = ClassMap(
        labels=computed_labels(window, geobox_of(scene)),
        unseen=unseen,
        legend=cluster_legend(rule.ids),
        provenance=provenance_of(scene),
        time=scene.attrs.get("time"),
    )
    facts = tuple(with_curves(facts_of(leaves.tally, scene, numbers), leaves.curves, numbers))
    return Clustered(made, rule, facts, found, leaves, step)


def _save(path: Path, arrays: dict[str, Any]) -> None:
    with atomic_path(path) as draft, draft.open("wb") as file:
        np.savez(file, **arrays)


def _load(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}
