"""Scene to water map, in memory or into files: the one path of Python and of the command line."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.engine import EngineOptions
from obriy.indices.catalogue import get_index
from obriy.measures.areas import Measuring
from obriy.methods.expression import parse_method
from obriy.methods.index_values import IndexValues, indices_behind
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.layers import LAYERS, Layer, layers_named
from obriy.model.legend import load_legend
from obriy.model.provenance import Provenance
from obriy.model.scene import band_names, check_reflectance, check_scene, provenance_of
from obriy.prepare.clouds.mask import Clouds
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.passes import (
    FileWork,
    array_sinks,
    found_of,
    given,
    layers_of,
    map_each_to_files,
    open_layers,
    run_passes,
    with_clouds,
)
from obriy.workflows.records import with_holes
from obriy.workflows.run import places_of

WATER: Final[Mapping[str, Layer]] = layers_named("mask", "unseen", "doubt", "fraction")
"""The layers of a map of water, by output."""
DOUBT: Final = "doubt"
Measure = Callable[[GeoBox, Iterable[str]], Measuring | None]
"""What measures a map on a grid, of some layers, while it is made; None: it has no areas."""


def map_water(
    scene: xr.Dataset,
    method: str = "auto",
    *,
    clouds: Clouds = "auto",
    options: EngineOptions | None = None,
) -> ClassMap:
    """Map water in a scene, in memory.

    Args:
        scene: A Scene, as `open_scene` returns it: bands (y, x) float32 reflectance, NaN missing.
        method: ``"auto"``, ``"INDEX:THRESHOLD"`` or an expression of those.
        clouds: ``"auto"`` (the scene's quality band; without one ``"csmask"``, extra ``clouds``,
            where it is installed, else ``"spectral"``), ``"flags"`` (the quality band alone),
            ``"s2cloudless"`` beside it (Sentinel-2 L1C), or ``"none"``: the sky was clear.
        options: Threads, memory, progress.

    Returns:
        Labels (y, x) uint8 on the scene's grid in the codes of GSW's monthly history: 0 no data,
        1 not water, 2 water (255 seen but not named); ``fraction`` where the method gives one.

    Raises:
        BandError: where the method lacks a band.
        UsageError: where the method is not one.
    """
    return map_waters(scene, [method], clouds=clouds, options=options)[0]


def map_waters(
    scene: xr.Dataset,
    methods: Sequence[str],
    *,
    clouds: Clouds = "auto",
    options: EngineOptions | None = None,
) -> list[ClassMap]:
    """Map water in a scene by several methods, in memory, in one reading.

    Arguments and errors are those of `map_water`, as is the map of each method.
    """
    check_scene(scene)
    check_reflectance(scene)
    options = options or EngineOptions()
    scene = with_clouds(scene, clouds, options)
    work = []
    for method in map(parse_method, methods):
        work.append((method, array_sinks(scene, given(WATER, method))))
    results = run_passes(scene, work, subject="water", clouds=clouds, options=options)
    return [
        ClassMap(
            **layers_of(scene, sinks),
            legend=load_legend("water"),
            provenance=record(provenance_of(scene), found_of(text, result)),
            time=scene.attrs.get("time"),
        )
        for text, (_, sinks), result in zip(methods, work, results, strict=True)
    ]


@dataclasses.dataclass(frozen=True)
class WaterMapper:
    """How `obriy water` maps an image; see `obriy.workflows.dated`.

    Attributes:
        config: Says what is wanted.
        measure: What measures a map while it is made, see `Measuring`; None: nothing.
        in_parts: The engine maps.
    """

    config: WaterConfig
    measure: Measure | None = None
    in_parts: bool = True

    def to_files(
        self, scene: xr.Dataset, part: xr.Dataset | None, folder: Path, options: EngineOptions
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Map a scene, or a part of it, into a folder."""
        config = self.config
        return map_water_to_files(
            scene,
            config.method,
            folder,
            part=part,
            clouds=config.clouds,
            options=options,
            lang=config.lang,
            with_indices="index" in config.outputs,
            with_doubt=self.measure is None or "report" in config.outputs,
            measure=self.measure,
        )

    def open(
        self, folder: Path, files: Mapping[str, str], part: xr.Dataset, found: Mapping[str, Any]
    ) -> ClassMap:
        """Open those files again."""
        return open_map(folder, files, part, found)

    def read(self) -> Sequence[str]:
        """Return the files beside the image that say where and what is shaded."""
        return places_of(self.config)


def map_water_to_files(
    scene: xr.Dataset,
    method: str,
    folder: Path,
    *,
    part: xr.Dataset | None = None,
    clouds: Clouds,
    options: EngineOptions,
    lang: str,
    with_indices: bool = False,
    with_doubt: bool = True,
    measure: Measure | None = None,
) -> tuple[dict[str, str], dict[str, Any]]:
    """Map water in a scene of any size into COGs.

    Args:
        scene: A Scene.
        method: As for `map_water`.
        folder: Where ``mask.tif``, ``unseen.tif``, ``doubt.tif`` and, where the method gives one,
            ``fraction.tif`` go, and ``index_NAME.tif``, where they are wanted.
        part: The part of the scene to map; None: all of it. The decision rests on all of it.
        clouds: As for `map_water`.
        options: Threads, memory, progress.
        lang: Language of the class names in the files.
        with_indices: Whether the indices that the method cuts are wanted too.
        with_doubt: Whether ``doubt.tif`` is, which only an interval rests on.
        measure: As for `WaterMapper`.

    Returns:
        The files by output name, and what was found (plain values, see `found_of`), with the
        ``areas`` where they were measured.

    Raises:
        EmptyResultError: where nothing could be seen; then nothing is written.
    """
    behind = indices_behind(parse_method(method), set(band_names(scene))) if with_indices else []
    mapped, *indices = map_waters_to_files(
        scene, [(method, folder)], {index.name: folder for index in behind},
        part=part, clouds=clouds, options=options, lang=lang, with_doubt=with_doubt,
        measure=measure,
    )  # fmt: skip
    files, found = mapped
    for index, _ in indices:
        files = files | index
    return files, found


def map_waters_to_files(
    scene: xr.Dataset,
    methods: Sequence[tuple[str, Path]],
    indices: Mapping[str, Path],
    *,
    part: xr.Dataset | None = None,
    clouds: Clouds,
    options: EngineOptions,
    lang: str,
    with_doubt: bool = True,
    measure: Measure | None = None,
) -> list[tuple[dict[str, str], dict[str, Any]]]:
    """Map water by several methods, and keep indices, in one reading of the scene.

    Args:
        scene: A Scene.
        methods: What to do, and the folder of its map.
        indices: Folder of each index of the catalogue, ``index_NAME.tif``.
        part: As for `map_water_to_files`, like the others.
        clouds: See there.
        options: See there.
        lang: See there.
        with_doubt: See there.
        measure: See there.

    Returns:
        As `map_water_to_files`, for each method, and then for each index.
    """
    check_scene(scene)
    mapped = scene if part is None else part
    work = []
    observers = []
    for text, folder in methods:
        method = parse_method(text)
        layers = given(WATER, method)
        parts = [layer.part for layer in layers.values()]
        observer = None if measure is None else measure(geobox_of(mapped), parts)
        observers.append(observer)
        if not with_doubt:
            del layers[DOUBT]
        work.append(FileWork(method, layers, folder, observer))
    layer = LAYERS["index"]
    for name, folder in indices.items():
        values = IndexValues(get_index(name))
        work.append(FileWork(values, {layer.output(values.name): layer}, folder))
    made = map_each_to_files(
        scene, work, subject="water", clouds=clouds, options=options, lang=lang, part=part
    )
    told = [*(text for text, _ in methods), *indices]
    found = [(files, found_of(text, done)) for text, (files, done) in zip(told, made, strict=True)]
    if measure is not None:
        for (_, folder), (files, own), observer in zip(methods, found, observers, strict=False):
            water = open_map(folder, files, mapped, own)
            areas = None if observer is None else observer.areas(water)
            own["areas"] = None if areas is None else areas.to_dict()
    return found


def open_map(
    folder: Path, files: Mapping[str, str], scene: xr.Dataset, found: Mapping[str, Any]
) -> ClassMap:
    """Open the COGs of a water map lazily, on the scene's grid."""
    return ClassMap(
        **open_layers(folder, files, scene),
        legend=load_legend("water"),
        provenance=record(provenance_of(scene), found),
        time=scene.attrs.get("time"),
    )


def record(provenance: Provenance, found: Mapping[str, Any]) -> Provenance:
    """Add the decision to the record of the scene."""
    made = provenance.with_step("water", method=found["method"], decision=found["decision"])
    return with_holes(made, found)
