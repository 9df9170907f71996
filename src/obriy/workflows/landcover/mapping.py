"""Named clusters to a map of land cover, in memory or into files."""

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from obriy.blocks.computed import WindowMaker, computed_labels
from obriy.blocks.pixels import recode
from obriy.blocks.windows import windows
from obriy.labelling.facts import measure_clusters
from obriy.labelling.panel import Minutes
from obriy.labelling.portraits import make_portraits
from obriy.labelling.year import count_curves, with_curves
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, ClassMap
from obriy.model.clusters import NOISE, Naming, Portrait, cluster_legend
from obriy.model.layers import LAYERS, is_listed, layers_named
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.landcover.naming import Named
from obriy.workflows.passes import map_writers, open_layer
from obriy.workflows.records import with_holes

Tables = dict[str, np.ndarray[Any, np.dtype[np.uint8]]]


@dataclasses.dataclass(frozen=True)
class CoverMap:
    """A map of land cover with all that it was made of.

    Attributes:
        map: Classes of the legend, with confidence.
        found: What the run of the engine found: decision, pixels, parts that failed.
        clusters: The clusters behind the classes, after merging; None: a student's map has none.
        asked: The clusters that the panel was asked about, before merging: what the ceilings of a
            score rest on.
        namings: The name of each cluster, or none.
        portraits: What a labeller is shown of each.
        minutes: What the panel said; None: nobody was asked.
        problems: What went wrong in the panel, the worst first.
        log: What was split and merged, in order.
        files: Files by output name, relative to the run folder; empty in memory.
    """

    map: ClassMap
    found: dict[str, Any]
    clusters: ClassMap | None = None
    asked: ClassMap | None = None
    namings: tuple[Naming, ...] = ()
    portraits: tuple[Portrait, ...] = ()
    minutes: Minutes | None = None
    problems: tuple[str, ...] = ()
    log: tuple[dict[str, Any], ...] = ()
    files: dict[str, str] = dataclasses.field(default_factory=dict)


def cover_in_memory(scene: xr.Dataset, named: Named, legend: Legend, *, merge: bool) -> CoverMap:
    """Return the map of land cover of clusters that lie in memory."""
    numbers = same_names(named.namings) if merge else {}
    tables = lookups(named.namings, numbers)
    source = named.clustered.map
    layers = {
        name: source.labels.copy(data=table[source.labels.to_numpy()])
        for name, table in tables.items()
    }
    assert source.unseen is not None
    return _cover(scene, named, legend, numbers, {**layers, "unseen": source.unseen})


def write_cover_map(
    scene: xr.Dataset,
    named: Named,
    legend: Legend,
    folder: RunFolder,
    *,
    merge: bool,
    lang: str,
    outputs: Sequence[str],
) -> CoverMap:
    """Write the map of land cover, window by window, and open it.

    Its confidence is always written beside it: who learns from the map, or judges it, asks for it.

    Args:
        scene: The part of the scene that was clustered.
        named: Its clusters, in files of the run folder.
        legend: The classes.
        folder: The run folder.
        merge: Whether clusters that are named alike become one.
        lang: Language of the class names in the files.
        outputs: What was asked for: clusters and agreement that nobody asked for are not written.
    """
    numbers = same_names(named.namings) if merge else {}
    tables = lookups(named.namings, numbers)
    ids = sorted({int(n) for n in tables["clusters"] if n})
    written = {
        "landcover": LAYERS["landcover"].of(legend),
        "clusters": LAYERS["clusters"].of(cluster_legend(ids)),
        **layers_named("confidence", "agreement", "unseen"),
    }
    written = {
        name: layer
        for name, layer in written.items()
        if name == "confidence" or is_listed(name, outputs)
    }
    source, leaves = named.clustered.map, named.clustered.leaves.labels
    numbers_of = named.clustered.leaves.numbers_of(named.clustered.rule)
    assert numbers_of is not None
    cluster_of = numbers_of

    def work() -> StepRecord:
        with map_writers(folder.path, source.geobox, written, source.provenance, lang) as writers:
            for rows, columns in windows(source.labels.shape):
                labels = leaves[rows, columns].to_numpy()
                for name in tables.keys() & written.keys():
                    made = recode(labels, tables[name][cluster_of])
                    writers[name].write(rows, columns, made)
                assert source.unseen is not None
                writers["unseen"].write(rows, columns, source.unseen[rows, columns].to_numpy())
        return StepRecord({name: f"{name}.tif" for name in written})

    # A legend may be a file of the user's, whose names and colours change with its name the same.
    told = {"tables": _digest(tables.values()), "legend": _print_of(legend), "lang": lang}
    told["layers"] = ",".join(written)
    step = folder.step("landcover", work, told, after=[named.clustered.step])
    layers = {
        name: open_layer(folder.file(step.outputs[name]), scene, layer)
        for name, layer in written.items()
    }
    for name in tables.keys() - written.keys():
        layers[name] = computed_labels(_looked_up(source.labels, tables[name]), source.geobox)
    cover = _cover(scene, named, legend, numbers, layers)
    return dataclasses.replace(cover, files=step.outputs)


def _looked_up(labels: xr.DataArray, table: np.ndarray[Any, np.dtype[np.uint8]]) -> WindowMaker:
    return lambda rows, columns: recode(labels[rows, columns].to_numpy(), table)


def _cover(
    scene: xr.Dataset,
    named: Named,
    legend: Legend,
    numbers: Mapping[int, int],
    layers: Mapping[str, xr.DataArray],
) -> CoverMap:
    source, found = named.clustered.map, named.clustered.found
    clusters = ClassMap(
        labels=layers["clusters"],
        legend=cluster_legend(sorted({numbers.get(n, n) for n in named.clustered.rule.ids})),
        provenance=source.provenance,
        unseen=layers["unseen"],
        time=source.time,
    )
    namings, portraits, log = named.namings, named.portraits, named.log
    if any(new != old for old, new in numbers.items()):
        log = (*log, *_merges(named.namings, numbers, legend))
        namings = _merged(scene, clusters, named.namings, numbers)
        drawn = any(portrait.pictures for portrait in portraits)
        facts = [naming.facts for naming in namings]
        portraits = tuple(make_portraits(scene, clusters, facts, pictures=drawn))
    made = ClassMap(
        labels=layers["landcover"],
        legend=legend,
        provenance=_record(source.provenance, named, namings, legend, log),
        unseen=layers["unseen"],
        time=source.time,
        confidence=layers["confidence"],
        agreement=layers["agreement"],
    )
    return CoverMap(
        made, found, clusters, source, namings, portraits, named.minutes, named.problems, log
    )


def _record(
    provenance: Provenance,
    named: Named,
    namings: Sequence[Naming],
    legend: Legend,
    log: Sequence[dict[str, Any]],
) -> Provenance:
    """Add to the record of the scene how clusters were found and named."""
    names = {c.code: c.name for c in legend} | {UNNAMED: "unknown"}
    made = with_pass(provenance, "clusters", named.clustered.found).with_step(
        "naming",
        labellers=list(named.rules.labellers),
        legend=legend.name,
        rule=named.rules.rule,
        weights=dict(named.rules.reliability),
        least_agreement=named.rules.least_agreement,
        names={str(n.facts.id): names[n.code] for n in namings},
        rounds=list(log),
    )
    for problem in named.problems:
        made = made.with_warning(problem)
    return made


def with_pass(provenance: Provenance, step: str, found: Mapping[str, Any]) -> Provenance:
    """Add to a record what a run of the engine decided, and what it could not read."""
    decision = dict(found["decision"])
    warnings = decision.pop("warnings", ())
    made = provenance.with_step(step, **decision)
    for warning in warnings:
        made = made.with_warning(warning)
    return with_holes(made, found)


def lookups(namings: Sequence[Naming], numbers: Mapping[int, int]) -> Tables:
    """Return the tables (256,) that turn the number of a cluster into each layer of the map.

    Args:
        namings: A name, or none, for each cluster.
        numbers: New numbers of clusters; one that is not in it keeps its own.
    """
    tables = {
        "landcover": np.full(256, NO_DATA, "uint8"),
        "clusters": np.zeros(256, "uint8"),
        "confidence": np.full(256, FRACTION_MISSING, "uint8"),
        "agreement": np.full(256, FRACTION_MISSING, "uint8"),
    }
    for naming in namings:
        number = naming.facts.id
        tables["landcover"][number] = naming.code
        tables["clusters"][number] = numbers.get(number, number)
        if naming.code != UNNAMED:
            tables["confidence"][number] = round(naming.confidence * FRACTION_SCALE)
            tables["agreement"][number] = round(naming.agreement * FRACTION_SCALE)
    return tables


def same_names(namings: Sequence[Naming]) -> dict[int, int]:
    """Return new numbers that make one cluster of those that are named alike.

    The largest of them gives its number; what has no name, and noise, stays apart.
    """
    numbers: dict[int, int] = {}
    first: dict[int, int] = {}
    for naming in sorted(namings, key=lambda n: -n.facts.pixels):
        number = naming.facts.id
        alone = naming.code == UNNAMED or number == NOISE
        numbers[number] = number if alone else first.setdefault(naming.code, number)
    return numbers


def _merges(
    namings: Sequence[Naming], numbers: Mapping[int, int], legend: Legend
) -> list[dict[str, Any]]:
    names = {c.code: c.name for c in legend}
    return [
        {"action": "merge", "cluster": n.facts.id, "into": [numbers[n.facts.id]]}
        | {"why": notice("both_named", name=names[n.code])}
        for n in namings
        if numbers[n.facts.id] != n.facts.id
    ]


def _merged(
    scene: xr.Dataset, clusters: ClassMap, namings: Sequence[Naming], numbers: Mapping[int, int]
) -> tuple[Naming, ...]:
    """Return the names of merged clusters; how sure they are weighs by pixels."""
    made = []
    curves = count_curves(scene, clusters.labels)
    for facts in with_curves(measure_clusters(scene, clusters), curves):
        parts = [n for n in namings if numbers[n.facts.id] == facts.id]
        pixels = [n.facts.pixels for n in parts]
        made.append(
            Naming(
                facts=facts,
                code=parts[0].code,
                confidence=float(np.average([n.confidence for n in parts], weights=pixels)),
                agreement=float(np.average([n.agreement for n in parts], weights=pixels)),
                answers=tuple(answer for n in parts for answer in n.answers),
                rule=parts[0].rule if len(parts) == 1 else f"merged of {len(parts)} clusters",
            )
        )
    return tuple(made)


def _print_of(legend: Legend) -> str:
    """Return what tells the classes of a legend from others, of their names and colours too."""
    text = json.dumps(dataclasses.asdict(legend), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(arrays: Iterable[np.ndarray[Any, Any]]) -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
