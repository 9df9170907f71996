"""Scene to a map of sea ice, in memory or into files: the one path of Python and of the command."""

import dataclasses
import functools
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import xarray as xr

from obriy.blocks.base import Method
from obriy.blocks.engine import EngineOptions
from obriy.methods.ice.spec import parse_ice_method
from obriy.model.classmap import ClassMap
from obriy.model.flags import CLOUDS_STEP
from obriy.model.layers import Layer, layers_named
from obriy.model.legend import load_legend
from obriy.model.scene import check_reflectance, check_scene, provenance_of
from obriy.nets.model_file import model_path
from obriy.nets.torch_library import Device
from obriy.sources.quality import without_clouds
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.ice.sky import Sky
from obriy.workflows.passes import (
    array_sinks,
    given,
    layers_of,
    map_to_files,
    open_layers,
    run_pass,
)
from obriy.workflows.records import with_holes

ICE: Final[Mapping[str, Layer]] = layers_named("map", "unseen", "doubt", "share_of_ice")
"""The layers of a map of ice, by output."""


def map_ice(
    scene: xr.Dataset,
    method: str = "auto",
    *,
    model: Path | str | None = None,
    seed: int = 0,
    device: Device = "auto",
    clouds: Literal["auto", "none"] = "auto",
    weights: Path | str | None = None,
    options: EngineOptions | None = None,
) -> ClassMap:
    """Map sea ice in a scene, in memory.

    Args:
        scene: A Scene, as `open_scene` returns it: bands (y, x) float32 top-of-atmosphere
            reflectance divided by the cosine of the sun's zenith angle, NaN missing; ``flags``
            may say what is land and, by a cloud mask, cloud.
        method: ``"auto"`` needs no training; `obriy methods` lists the others.
        model: File of a trained method (`obriy train ice`), or the name of one that is shipped.
        seed: The same seed makes the same map.
        device: Where networks compute.
        clouds: Where the method knows none: ``"auto"`` (those of the scene's mask; without one
            those that the method ``auto`` finds), or ``"none"``: the sky was clear, whatever a
            mask says.
        weights: What ``model`` was called; understood for a release.
        options: Threads, memory, progress.

    Returns:
        Labels (y, x) uint8 on the scene's grid: 0 no data, 1 water, 2 ice, 3 cloud, 4 land, 255
        seen but not named; ``fraction``, the ice concentration of each pixel in half per cents,
        where the method gives one.

    Raises:
        BandError: where the method lacks a band.
        UsageError: where the method is not one, or needs a model.
        EmptyResultError: where nothing could be seen.
    """
    if weights is not None:
        warnings.warn("weights is called model now.", DeprecationWarning, stacklevel=2)
    check_scene(scene)
    check_reflectance(scene)
    scene = without_clouds(scene) if clouds == "none" else scene
    sky = Sky.over(scene, ice_method(method, weights if model is None else model, seed, device))
    sinks = array_sinks(scene, given(ICE, sky.method))
    result = run_pass(
        scene, sky.method, sinks, subject="ice", clouds="flags", options=options or EngineOptions()
    )
    return _class_map(scene, layers_of(scene, sinks), sky.found(result))


@dataclasses.dataclass(frozen=True)
class IceMapper:
    """How `obriy ice` maps an image; see `obriy.workflows.dated`.

    Attributes:
        config: Says what is wanted.
        in_parts: The image of a day is no larger than one machine maps.
    """

    config: IceConfig
    in_parts: bool = False

    @functools.cached_property
    def method(self) -> Method:
        """The method, built where the work is done."""
        return ice_method(self.config.method, self.config.model, self.config.seed)

    def to_files(
        self, scene: xr.Dataset, part: xr.Dataset | None, folder: Path, options: EngineOptions
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Map a scene, or a part of it, into a folder."""
        return map_ice_to_files(
            scene, self.method, folder, part=part, options=options, lang=self.config.lang
        )

    def open(
        self, folder: Path, files: Mapping[str, str], part: xr.Dataset, found: Mapping[str, Any]
    ) -> ClassMap:
        """Open those files again."""
        return open_ice_map(folder, files, part, found)

    def read(self) -> Sequence[str]:
        """Return the files beside the image that say where, what is land, and how to tell ice."""
        named = (self.config.aoi, self.config.land, self.config.model)
        return [place for place in named if place]


def map_ice_to_files(
    scene: xr.Dataset,
    method: Method,
    folder: Path,
    *,
    options: EngineOptions,
    lang: str,
    part: xr.Dataset | None = None,
) -> tuple[dict[str, str], dict[str, Any]]:
    """Map sea ice in a scene of any size into COGs.

    Args:
        scene: A Scene.
        method: Of `ice_method`.
        folder: Where the files go.
        options: Threads, memory, progress.
        lang: Language of the class names in the files.
        part: The part of the scene to map; None: all of it. What the method learns of the scene
            rests on all of it.

    Returns:
        The files by output name, and what was found (plain values, see `found_of`).

    Raises:
        EmptyResultError: where nothing could be seen; then nothing is written.
    """
    check_scene(scene)
    sky = Sky.over(scene, method)
    files, result = map_to_files(
        scene,
        sky.method,
        given(ICE, method),
        folder,
        subject="ice",
        clouds="flags",
        options=options,
        lang=lang,
        part=part,
    )
    return files, sky.found(result)


def open_ice_map(
    folder: Path, files: Mapping[str, str], scene: xr.Dataset, found: Mapping[str, Any]
) -> ClassMap:
    """Open what `map_ice_to_files` left, lazily; ``scene`` is what was mapped, or its part."""
    return _class_map(scene, open_layers(folder, files, scene, "ice"), found)


def ice_method(
    text: str, weights: Path | str | None = None, seed: int = 0, device: Device = "auto"
) -> Method:
    """Return a method for ice by its name; arguments and errors are those of `map_ice`."""
    path = None if weights is None else model_path(weights)
    return parse_ice_method(text, weights=path, seed=seed, device=device)


def _class_map(
    scene: xr.Dataset, layers: Mapping[str, xr.DataArray], found: Mapping[str, Any]
) -> ClassMap:
    record = provenance_of(scene)
    sky = found.get(CLOUDS_STEP, {})  # none, of runs of before
    if sky.get("by"):
        record = record.with_step(CLOUDS_STEP, by=sky["by"])
    if sky.get("said"):
        record = record.with_warning(sky["said"])
    record = record.with_step("ice", method=found["method"], decision=found["decision"])
    record = with_holes(record, found)
    for warning in found["decision"].get("warnings", ()):
        record = record.with_warning(warning)
    return ClassMap(
        **layers, legend=load_legend("ice"), provenance=record, time=scene.attrs.get("time")
    )
