"""A method run over a scene: what each job hides of it, and maps opened again from files."""

import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.base import Block, Histogram, Labelled, Method
from obriy.blocks.engine import (
    ArraySink,
    EngineOptions,
    EngineResult,
    Observer,
    Sink,
    run_methods,
    threads_of,
)
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.errors import EmptyResultError
from obriy.methods.index_threshold import NOT_WATER, WATER
from obriy.model.classmap import PARTS
from obriy.model.grid import coords_of, geobox_of, pixel_metres
from obriy.model.layers import Layer, layer_of
from obriy.model.legend import NO_DATA
from obriy.model.notices import notice
from obriy.model.provenance import SOURCES_TAG, Provenance, hrefs_of
from obriy.model.scene import provenance_of
from obriy.outputs.cog import MapWriter
from obriy.prepare.clouds.mask import GRID_M, Clouds, see_clouds
from obriy.prepare.s2cloudless import S2Cloudless
from obriy.prepare.sea import hide_no_data, settle_sea
from obriy.prepare.visibility import deny, edge_pixels, hide, hide_for_cover, settle, settle_cover

Subject = Literal["water", "cover", "ice"]
"""What is mapped: snow hides water, is a land cover, and lies on ice."""


def run_pass(
    scene: xr.Dataset,
    method: Method,
    sinks: Mapping[str, Sink],
    *,
    subject: Subject,
    clouds: Clouds,
    options: EngineOptions,
    part: xr.Dataset | None = None,
) -> EngineResult:
    """Run a method over a scene with the visibility rules of a subject; see `run_passes`."""
    work = [(method, sinks)]
    return run_passes(scene, work, subject=subject, clouds=clouds, options=options, part=part)[0]


def run_passes(
    scene: xr.Dataset,
    work: Sequence[tuple[Method, Mapping[str, Sink]]],
    *,
    subject: Subject,
    clouds: Clouds,
    options: EngineOptions,
    part: xr.Dataset | None = None,
    observers: Sequence[Observer | None] = (),
) -> list[EngineResult]:
    """Run methods over a scene, which is read once, with the visibility rules of a subject.

    Args:
        scene: A checked Scene.
        work: What to do, and where the layers go, see `run_methods`.
        subject: What is mapped.
        clouds: How clouds are known.
        options: Threads, memory, progress.
        part: The part of the scene to map; None: all of it. The decision rests on all of it.
        observers: Who looks at the maps while they are made, see `run_methods`.
    """
    if subject != "ice":  # methods for ice tell clouds themselves
        scene = with_clouds(scene, clouds, options)
    pixel = pixel_m(scene) or GRID_M
    detector = S2Cloudless(scene, pixel) if clouds == "s2cloudless" else None
    edge = edge_pixels(pixel)
    # Without flags nothing has surroundings, and windows end where the tiles of the files do.
    around = edge + 2 if "flags" in scene else 0
    hidden, settled = _rules(subject, edge)
    return run_methods(
        scene,
        work,
        prepare=hidden if detector is None else lambda block: hidden(detector(block)),
        settle=settled,
        options=options,
        part=part,
        also_bands=detector.bands if detector else (),
        also_halo=max(around, detector.halo if detector else 0),
        observers=observers,
    )


def given(layers: Mapping[str, Layer], method: Method) -> dict[str, Layer]:
    """Return those of the layers of a map that a method gives: not all tell shares of a pixel."""
    return {
        output: layer
        for output, layer in layers.items()
        if layer.part != "fraction" or method.gives_fraction
    }


def map_to_files(
    scene: xr.Dataset,
    method: Method,
    layers: Mapping[str, Layer],
    folder: Path,
    *,
    subject: Subject,
    clouds: Clouds,
    options: EngineOptions,
    lang: str,
    part: xr.Dataset | None = None,
) -> tuple[dict[str, str], EngineResult]:
    """Run a method over a scene of any size into COGs; see `map_each_to_files`."""
    work = [FileWork(method, layers, folder)]
    return map_each_to_files(
        scene, work, subject=subject, clouds=clouds, options=options, lang=lang, part=part
    )[0]


@dataclasses.dataclass(frozen=True)
class FileWork:
    """A method, and the files that its map becomes.

    Attributes:
        method: What to do.
        layers: What to write, by output: ``OUTPUT.tif``.
        folder: Where the files go.
        observer: Who looks at the map while it is made; None: nobody does.
    """

    method: Method
    layers: Mapping[str, Layer]
    folder: Path
    observer: Observer | None = None


def map_each_to_files(
    scene: xr.Dataset,
    work: Sequence[FileWork],
    *,
    subject: Subject,
    clouds: Clouds,
    options: EngineOptions,
    lang: str,
    part: xr.Dataset | None = None,
) -> list[tuple[dict[str, str], EngineResult]]:
    """Run methods over a scene of any size into COGs; the scene is read once for all of them.

    Args:
        scene: A checked Scene.
        work: What to do, and what to write.
        subject: As for `run_pass`, like ``clouds``, ``options`` and ``part``.
        clouds: See there.
        options: See there.
        lang: Language of the class names in the files.
        part: See there.

    Returns:
        The files by output name, and what the engine says, of each method.

    Raises:
        EmptyResultError: where nothing could be seen; then nothing is written.
    """
    mapped = scene if part is None else part
    geobox = geobox_of(mapped)
    files = [{name: f"{name}.tif" for name in one.layers} for one in work]
    with contextlib.ExitStack() as stack:
        sinks = [_opened(stack, one, geobox, provenance_of(scene), lang) for one in work]
        methods = [one.method for one in work]
        results = run_passes(
            scene, list(zip(methods, sinks, strict=True)),
            subject=subject, clouds=clouds, options=options, part=part,
            observers=[one.observer for one in work],
        )  # fmt: skip
        for result in results:
            require_pixels(result)
    return list(zip(files, results, strict=True))


def _opened(
    stack: contextlib.ExitStack, work: FileWork, geobox: GeoBox, provenance: Provenance, lang: str
) -> dict[str, Sink]:
    """Open the files of a map, until the stack is left; return them by part of the map."""
    writers = map_writers(work.folder, geobox, work.layers, provenance, lang)
    opened = stack.enter_context(writers)
    return {work.layers[name].part: writer for name, writer in opened.items()}


def open_layers(
    folder: Path, files: Mapping[str, str], scene: xr.Dataset, subject: str = ""
) -> dict[str, xr.DataArray]:
    """Open the files of `map_to_files` lazily, by part of the map.

    Args:
        folder: Where the files lie.
        files: By output name, relative to the folder; what is no part of a map is left out.
        scene: What was mapped, or the part of it.
        subject: As in `layer_of`.
    """
    layers = {name: layer_of(name, subject) for name in files}
    return {
        layer.part: open_layer(folder / files[name], scene, layer)
        for name, layer in layers.items()
        if layer is not None and layer.part in PARTS
    }


def require_pixels(result: EngineResult) -> None:
    """Raise where a map saw nothing.

    Raises:
        EmptyResultError: then nothing is written.
    """
    if set(result.labels) == {NO_DATA}:
        raise EmptyResultError(notice("nothing_seen"), notice("other_date_or_no_quality"))


def _rules(
    subject: Subject, edge: int
) -> tuple[Callable[[Block], Block], Callable[[Block, Labelled], Labelled]]:
    if subject == "ice":
        return hide_no_data, settle_sea
    if subject == "water":
        return hide, partial(_settle_water, edge)
    return partial(hide_for_cover, edge), settle_cover


def _settle_water(edge: int, block: Block, said: Labelled) -> Labelled:
    return settle(WATER, edge, block, deny(NOT_WATER, block, said))


def with_clouds(scene: xr.Dataset, clouds: Clouds, options: EngineOptions) -> xr.Dataset:
    """Return a scene that knows its clouds; one that does already stays as it is.

    Args:
        scene: A checked Scene.
        clouds: How clouds are known, see `see_clouds`.
        options: Threads and progress.
    """
    return see_clouds(
        scene,
        clouds,
        pixel_m(scene),
        threads=threads_of(options),
        seen=options.progress,
    )


def pixel_m(scene: xr.Dataset) -> float | None:
    """Return the height of a pixel, metres; None where the image does not say it."""
    geobox = geobox_of(scene)
    if geobox.crs:
        return pixel_metres(geobox)[0]
    return None if provenance_of(scene).step("grid") is None else abs(float(geobox.affine.e))


@contextlib.contextmanager
def map_writers(
    folder: Path,
    geobox: GeoBox,
    layers: Mapping[str, Layer],
    provenance: Provenance | None,
    lang: str = "en",
) -> Iterator[dict[str, MapWriter]]:
    """Open ``NAME.tif`` for each layer of a map, by name; where the block raises, none is left.

    Args:
        folder: Where they go.
        geobox: Grid of the map.
        layers: By the name of the file, without its ending.
        provenance: Of the scene: each file names the images that it was made from; None: it does
            not.
        lang: Language of the class names in the files.
    """
    tags = {} if provenance is None else {SOURCES_TAG: json.dumps(hrefs_of(provenance))}
    with contextlib.ExitStack() as stack:
        yield {
            name: stack.enter_context(
                MapWriter(folder / f"{name}.tif", geobox, layer, lang=lang, tags=tags)
            )
            for name, layer in layers.items()
        }


def array_sinks(scene: xr.Dataset, layers: Mapping[str, Layer]) -> dict[str, ArraySink]:
    """Return a sink in memory for each layer, by part of the map."""
    geobox = geobox_of(scene)
    shape = (int(geobox.shape.y), int(geobox.shape.x))
    return {layer.part: ArraySink(shape) for layer in layers.values()}


def layers_of(scene: xr.Dataset, sinks: Mapping[str, ArraySink]) -> dict[str, xr.DataArray]:
    """Return what sinks in memory hold, on the scene's grid."""
    coords = coords_of(geobox_of(scene))
    return {
        name: xr.DataArray(sink.array, dims=("y", "x"), coords=coords)
        for name, sink in sinks.items()
    }


def open_layer(file: Path, scene: xr.Dataset | xr.DataArray, layer: Layer) -> xr.DataArray:
    """Open a layer of a map lazily, on the grid of a scene, or of another layer."""
    geobox = geobox_of(scene)
    whole = layer.dtype != "float32" and layer.missing is not None
    fill = int(layer.missing or 0) if whole else 0
    band = RasterBand(str(file), resampling="nearest", dtype=layer.dtype, fill=fill)
    return xr.DataArray(lazy_variable(band, geobox), coords=coords_of(geobox))


def found_of(method: str, result: EngineResult) -> dict[str, Any]:
    """Return what a run of the engine found, as plain values that a ledger can hold."""
    return {
        "method": method,
        "decision": result.rule.describe(),
        "histograms": [dataclasses.asdict(h) for h in result.rule.histograms()],
        "pixels": {str(code): n for code, n in result.labels.items()},
        "unseen": {str(code): n for code, n in result.unseen.items()},
        "failed": [{**dataclasses.asdict(w), "reason": why} for w, why in result.failed],
        "blocks": len(result.plan.windows),
    }


def histograms_of(found: Mapping[str, Any]) -> list[Histogram]:
    """Return the histograms of what was found."""
    return [Histogram(**{**h, "counts": tuple(h["counts"])}) for h in found["histograms"]]
