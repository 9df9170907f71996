"""`obriy landcover`: an image, or a season, to a named and scored map, in a run folder."""

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import xarray as xr

from obriy.blocks.base import Method
from obriy.blocks.engine import EngineOptions, decoded_tiles, memory_budget
from obriy.indices.features import check_groups
from obriy.labelling.budget import parse_budget
from obriy.labelling.panel import PanelSettings, check_labellers, note_names, usual_cost
from obriy.methods.clustering.number import CANDIDATES
from obriy.methods.clustering.parse import parse_clusterer
from obriy.methods.clustering.rule import FixedClusters
from obriy.methods.student import PREFIX, StudentMethod, open_student, student_method
from obriy.model.classmap import ClassMap
from obriy.model.features import DEFAULT_GROUPS
from obriy.model.legend import Legend
from obriy.model.provenance import hrefs_of
from obriy.model.scene import band_names, check_reflectance, check_scene, provenance_of
from obriy.prepare.clouds.mask import Clouds
from obriy.prepare.crop import crop
from obriy.render.composites import portraits_beside, preview_beside
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.settings import settings
from obriy.sources.legends import open_legend
from obriy.workflows.cluster import cluster
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.evaluation import cover_reference
from obriy.workflows.inputs import lies_far
from obriy.workflows.landcover.clustering import (
    Clustered,
    cluster_in_memory,
    cluster_to_files,
    open_clustered,
)
from obriy.workflows.landcover.mapping import CoverMap, cover_in_memory, write_cover_map
from obriy.workflows.landcover.naming import (
    PanelRules,
    name_clusters,
    panel_of,
    recorded_in,
    reliability_of,
)
from obriy.workflows.landcover.products import CoverInputs, write_cover_products
from obriy.workflows.landcover.reading import plan_of_season, read_cover, with_season
from obriy.workflows.landcover.student_map import (
    open_student_map,
    student_in_memory,
    student_to_files,
)
from obriy.workflows.listing import plan_of_search
from obriy.workflows.opening import plan_of
from obriy.workflows.passes import with_clouds
from obriy.workflows.run import (
    Run,
    finish,
    limited,
    places_of,
    run_folder,
)
from obriy.workflows.team import with_team


def plan_landcover(config: LandcoverConfig) -> dict[str, Any]:
    """Say what a run would do, without doing it: grid, bands, clusterer, labellers, outputs."""
    config = config.anchored()
    if lies_far(config.source):
        return plan_of_search(config, _asked(config)) | _panel_told(config)
    inputs = _inputs(config)
    by_student = config.method.startswith(PREFIX)
    method = _method(config, inputs.scene)
    if not by_student:
        _rules(config, inputs.legend)
    return {
        "source": config.source,
        **({} if inputs.dates is None else plan_of_season(inputs.dates)),
        "method": config.method,
        "clusters": None if by_student else config.clusters or "auto",
        **plan_of(config, method, inputs.part, inputs.districts),
        **_panel_told(config),
        "legend": [c.name for c in inputs.legend],
        "reference": None if inputs.reference is None else inputs.reference.source,
        "provenance": provenance_of(inputs.scene).to_dict(),
    }


def _panel_told(config: LandcoverConfig) -> dict[str, Any]:
    """Return who would be asked, and what that is thought to cost; a student asks nobody."""
    if config.method.startswith(PREFIX):
        return {"labellers": []}
    clusters = config.clusters or max(CANDIDATES)
    costs = usual_cost(config.panel(), clusters)
    return {
        "labellers": config.panel(),
        "panel": {
            name: {"tokens": u.tokens, "calls": u.calls, "usd": u.usd} for name, u in costs.items()
        },
    }


def run_landcover(config: LandcoverConfig, options: EngineOptions | None = None) -> Run:
    """Cluster, name, map, measure, score and report; what was cut off goes on where it stopped.

    Args:
        config: What to do.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits; nothing half-written is left.
    """
    config = config.anchored()
    inputs = _inputs(config)
    options = limited(config, options)
    make = _by_student if config.method.startswith(PREFIX) else _by_clusters
    make(config, inputs, options)  # what is wrong with it is said before the work
    with run_folder(config) as folder, cluster(config.scheduler) as workers:
        options = with_team(options, workers, folder)
        inputs = with_season(config, inputs, folder, options)
        cover = make(config, inputs, options)(folder)
        result = write_cover_products(config, folder, inputs, cover)
        return finish(config, folder, result)


def _by_clusters(
    config: LandcoverConfig, inputs: CoverInputs, options: EngineOptions
) -> Callable[[RunFolder], CoverMap]:
    """Return what makes the map from clusters, checked before any work."""
    method, rules = _method(config, inputs.scene), _rules(config, inputs.legend)
    budget = parse_budget(config.budget)

    def make(folder: RunFolder) -> CoverMap:
        _small_beside(config, inputs.part, pictures=rules.pictures)
        steps = _Steps(config, inputs, folder, options)
        panel = PanelSettings(
            budget=budget,
            cache=_kept_answers(),
            sheet=folder.file("names.csv"),
            recorded=recorded_in(folder.path),
        )
        with decoded_tiles(memory_budget(options)):
            named = name_clusters(
                inputs.part,
                steps.clusters(method, 0),
                rules,
                panel_of(rules, panel, options.progress),
                lambda rule, number: steps.clusters(FixedClusters(rule), number),
            )
        names = {entry.code: entry.called(config.lang) for entry in inputs.legend}
        note_names(rules.labellers, panel, named.namings, names)
        return write_cover_map(
            inputs.part,
            named,
            inputs.legend,
            folder,
            merge=config.merge,
            lang=config.lang,
            outputs=config.outputs,
        )

    return make


def _small_beside(config: LandcoverConfig, scene: xr.Dataset, *, pictures: bool) -> None:
    """Have what is drawn afterwards made small while the scene is clustered."""
    if pictures:
        portraits_beside(scene)
    if "report" in config.outputs:
        preview_beside(scene)


def _by_student(
    config: LandcoverConfig, inputs: CoverInputs, options: EngineOptions
) -> Callable[[RunFolder], CoverMap]:
    """Return what makes the map by a student, checked before any work."""
    method = cast(StudentMethod, _method(config, inputs.scene))

    def make(folder: RunFolder) -> CoverMap:
        def work() -> StepRecord:
            return student_to_files(
                inputs.scene,
                method,
                folder.path,
                part=inputs.part if inputs.districts else None,
                clouds=inputs.clouds(config),
                options=options,
                lang=config.lang,
            )

        read = [*hrefs_of(provenance_of(inputs.scene)), config.method.removeprefix(PREFIX)]
        told = fingerprint([*read, *places_of(config)]) | {"lang": config.lang}
        step = folder.step("landcover", work, told, after=inputs.steps)
        return open_student_map(folder.path, step, inputs.part, method)

    return make


def map_landcover(
    scene: xr.Dataset,
    method: str = "kmeans",
    *,
    clusters: int | Literal["auto"] = "auto",
    features: Sequence[str] = DEFAULT_GROUPS,
    labellers: Sequence[str] = ("spectral",),
    legend: str | Legend = "worldcover",
    rounds: int = 1,
    merge: bool = False,
    budget: str | None = None,
    clouds: Clouds = "auto",
    seed: int = 0,
    options: EngineOptions | None = None,
) -> ClassMap:
    """Map land cover in a scene, in memory.

    Args:
        scene: A Scene, as `open_scene` returns it: bands (y, x) float32 reflectance, NaN missing.
        method: ``[SEGMENTER+][EMBEDDER+]CLUSTERER``, e.g. ``"kmeans"`` or ``"slic+kmeans"``; or
            ``"student:FILE"``, which needs neither clusters nor labellers, and has its own legend.
        clusters: How many, or ``"auto"``: chosen by a criterion.
        features: What tells pixels apart: ``"bands"``, ``"indices"``, ``"texture"``,
            ``"neighbourhood"``.
        labellers: Who names the clusters, by majority: ``"spectral"`` needs neither key nor
            network.
        legend: A name, a file, or a `Legend`.
        rounds: Times that clusters called mixed are split and asked about again.
        merge: Count clusters that are named alike as one.
        budget: Cap of the panel, e.g. ``"calls=200,tokens=2e6,usd=1"``; answers that were paid for
            are kept, and not asked for again.
        clouds: As for `map_water`.
        seed: The same seed makes the same map.
        options: Threads, memory, progress.

    Returns:
        Labels (y, x) uint8 in the codes of the legend (0 no data, 255 not named), with
        ``confidence`` and ``agreement`` in half per cents, and why a pixel was unseen.

    Raises:
        BandError: where no band sees the ground.
        UsageError: a method, a labeller or a group of features that is none.
        EmptyResultError: where nothing could be seen.
    """
    check_scene(scene)
    check_reflectance(scene)
    options = options or EngineOptions()
    scene = with_clouds(scene, clouds, options)
    if method.startswith(PREFIX):
        return student_in_memory(scene, student_method(method), clouds=clouds, options=options)
    words = open_legend(legend) if isinstance(legend, str) else legend
    check_labellers(labellers, words)
    rules = PanelRules(tuple(labellers), words, rounds=rounds)
    panel = PanelSettings(budget=parse_budget(budget), cache=_kept_answers())
    number = None if clusters == "auto" else clusters
    chosen = parse_clusterer(method, clusters=number, features=tuple(features), seed=seed)

    def cluster(method: Method) -> Clustered:
        return cluster_in_memory(scene, method, clouds=clouds, options=options)

    named = name_clusters(
        scene,
        cluster(chosen),
        rules,
        panel_of(rules, panel, options.progress),
        lambda rule, number: cluster(FixedClusters(rule)),
    )
    return cover_in_memory(scene, named, words, merge=merge).map


def _kept_answers() -> Path:
    """Return the folder of answers that were paid for, of all runs of this user."""
    return settings().cache / "panel"


def _rules(config: LandcoverConfig, legend: Legend) -> PanelRules:
    """Return who names clusters and how they decide.

    Raises:
        UsageError: for a labeller or a weight that cannot be meant.
    """
    labellers = tuple(config.panel())
    check_labellers(labellers, legend)
    return PanelRules(
        labellers=labellers,
        legend=legend,
        rule=config.vote,
        reliability=reliability_of(config.reliability, labellers, legend),
        least_agreement=config.agreement,
        rounds=config.rounds,
        pictures=bool({"sheet", "report"} & set(config.outputs)),
    )


def _method(config: LandcoverConfig, scene: xr.Dataset) -> Method:
    """Return the clusterer, or the student, checked against the bands of the scene."""
    method = _asked(config)
    method.bands(set(band_names(scene)))
    return method


def _asked(config: LandcoverConfig) -> Method:
    """Return the clusterer, or the student."""
    if config.method.startswith(PREFIX):
        return student_method(config.method)
    return parse_clusterer(
        config.method,
        clusters=config.clusters,
        features=check_groups(config.features),
        seed=config.seed,
        weights=config.model,
    )


def _inputs(config: LandcoverConfig) -> CoverInputs:
    read, dates = read_cover(config, _asked(config).bands)
    legend = _legend(config)
    reference = None if config.reference is None else cover_reference(config, read.part, legend)
    if dates is None:
        return CoverInputs(read.scene, read.part, read.districts, legend, reference)
    scene = dates.scene
    part = crop(scene, read.districts) if read.districts else scene
    return CoverInputs(scene, part, read.districts, legend, reference, dates)


def _legend(config: LandcoverConfig) -> Legend:
    """Return the classes of the map; a student brings its own."""
    if not config.method.startswith(PREFIX):
        return open_legend(config.legend)
    return open_student(Path(config.method.removeprefix(PREFIX)).expanduser())[0].legend


@dataclasses.dataclass(frozen=True)
class _Steps:
    """The steps of one run that are kept in its ledger."""

    config: LandcoverConfig
    inputs: CoverInputs
    folder: RunFolder
    options: EngineOptions

    def clusters(self, method: Method, number: int) -> Clustered:
        """Return the clusters of a round."""
        name = f"clusters {number}"

        def work() -> StepRecord:
            return cluster_to_files(
                self.inputs.scene,
                method,
                self.folder.path,
                f"rounds/{number}",
                part=self.inputs.part if self.inputs.districts else None,
                clouds=self.inputs.clouds(self.config),
                options=self.options,
                lang=self.config.lang,
            )

        read = hrefs_of(provenance_of(self.inputs.scene))
        weights = [self.config.model] if self.config.model else []
        told = fingerprint([*read, *places_of(self.config), *weights])
        if isinstance(method, FixedClusters):
            told["splits"] = method.rule.describe()["splits"]
        after = [f"clusters {number - 1}"] if number else self.inputs.steps
        step = self.folder.step(name, work, told, after=after)
        return open_clustered(self.folder.path, name, step, self.inputs.part)
