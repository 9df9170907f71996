"""One image to a scored, measured map in a run folder, for `obriy water` and `obriy measure`."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from odc.geo.geobox import GeoBox

from obriy.blocks.engine import EngineOptions
from obriy.measures.areas import Measuring, measure_areas
from obriy.measures.totals import total_on
from obriy.methods.expression import parse_method
from obriy.model.areas import WHOLE_IMAGE, AreaSeries, District
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.item import Item
from obriy.model.layers import is_listed, layer_of
from obriy.model.legend import load_legend
from obriy.model.notices import notice
from obriy.model.reference import Reference
from obriy.model.result.base import Evaluation, parts_that_failed
from obriy.model.result.measured import ImageResult
from obriy.model.result.water import (
    Estimate,
    WaterDate,
    WaterImageResult,
    district_of_image,
)
from obriy.model.scene import band_names, provenance_of
from obriy.render.composites import preview_beside
from obriy.runs.folder import RunFolder
from obriy.sources.base import truth_of
from obriy.workflows.config.base import GSW
from obriy.workflows.config.reading import ImageConfig, PlaceConfig
from obriy.workflows.config.series import SeriesConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.dated import ImageMap, Mapper, map_images, map_of
from obriy.workflows.inputs import Inputs, read_image
from obriy.workflows.opening import plan_of
from obriy.workflows.records import about_districts, districts_that_failed
from obriy.workflows.run import (
    Run,
    command_of,
    finish,
    limited,
    run_folder,
)
from obriy.workflows.water.image_products import Products, write_products
from obriy.workflows.water.mapping import WaterMapper


def plan_image(config: WaterConfig, items: Sequence[Item]) -> dict[str, Any]:
    """Say what a run would do, without doing it: grid, bands, districts, outputs."""
    inputs = read_image(config, items, needs=parse_method(config.method).bands)
    scene = inputs.part
    reference = reference_of(inputs, config, EngineOptions())
    return {
        "source": config.source,
        "method": config.method,
        **plan_of(config, parse_method(config.method), scene, inputs.districts),
        "reference": None if reference is None else reference.source,
        "provenance": provenance_of(scene).to_dict(),
    }


def run_image(
    config: WaterConfig, items: Sequence[Item], options: EngineOptions | None = None
) -> Run:
    """Map, measure, score and report; a run that was cut off goes on where it stopped.

    Args:
        config: What to do, anchored.
        items: The image, or its tiles.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits; nothing half-written is left.
    """
    method = parse_method(config.method)
    inputs = read_image(config, items, options, method.bands)
    options = limited(config, options)
    # Before the work: what is wrong with method and reference is said while nothing is lost.
    method.bands(set(band_names(inputs.scene)))
    reference = reference_of(inputs, config, options)
    measure = partial(measuring, districts=inputs.districts, config=config)
    job = OneMap(inputs, WaterMapper(config, measure), _result, reference, config.scheduler)
    with run_folder(config) as folder:
        return measure_one(job, config, folder, options)


Answer = Callable[[Any, Products, ImageMap, dict[str, str]], ImageResult]
"""What puts ``result.json`` together, of a configuration and what was measured."""


@dataclasses.dataclass(frozen=True)
class OneMap:
    """What becomes one map.

    Attributes:
        inputs: What is read, opened.
        mapper: Where the map comes from: a method for water, or a file of others.
        answer: Puts the result together.
        reference: What the map is scored against; None: nothing.
        scheduler: Address of a Dask scheduler that maps it; None: here.
    """

    inputs: Inputs
    mapper: Mapper
    answer: Answer
    reference: Reference | None = None
    scheduler: str | None = None


def measure_one(
    job: OneMap, config: SeriesConfig, folder: RunFolder, options: EngineOptions
) -> Run:
    """Take the map of one image, measure, score and report, in its folder."""
    inputs = job.inputs
    cropped = bool(inputs.districts)
    if "report" in config.outputs:
        preview_beside(inputs.part)
    mapped = map_images(
        inputs.opened, job.mapper, folder, options,
        cropped=cropped, alone=True, scheduler=job.scheduler,
    )  # fmt: skip
    made = map_of(mapped[0])
    found = mapped[0].found
    if "areas" in found:
        areas = None if found["areas"] is None else AreaSeries.from_dict(found["areas"])
    else:
        areas = measure_image(made, inputs.districts, config, config.measured)
    scores = None
    if job.reference is not None:
        from obriy.workflows.evaluation import evaluate  # few runs have one

        scores = evaluate(made, job.reference)
    wanted = {n: f for n, f in mapped[0].files.items() if _is_listed(n, config)}
    maps = {name: str(folder.file(file)) for name, file in wanted.items()}
    products = Products(inputs.part, made, inputs.districts, areas, scores, mapped[0].found)
    result = job.answer(config, products, mapped[0], maps)
    result = result.with_outputs(write_products(config, folder, products, result))
    return finish(config, folder, result)


def _is_listed(output: str, config: SeriesConfig) -> bool:
    """Whether a run names a raster: it is asked for, or nobody can choose it."""
    layer = layer_of(output)
    chosen = layer is not None and layer.file in config.OUTPUTS
    return is_listed(output, config.outputs) if chosen else True


def measure_image(
    water: ClassMap, districts: list[District], config: PlaceConfig, class_name: str = "water"
) -> AreaSeries | None:
    """Measure; None where the image has neither a CRS nor a stated pixel size."""
    if water.geobox.crs is None and config.resolution is None:
        return None
    size = config.resolution if water.geobox.crs is None else None
    return measure_areas(water, class_name, districts, pixel_size_m=size)


def measuring(
    grid: GeoBox, layers: Iterable[str], *, districts: list[District], config: PlaceConfig
) -> Measuring | None:
    """Return what measures water on a grid while it is mapped; None as for `measure_image`."""
    if grid.crs is None and config.resolution is None:
        return None
    size = config.resolution if grid.crs is None else None
    legend = load_legend("water")
    return Measuring(grid, legend, "water", districts, layers=layers, pixel_size_m=size)


def reference_of(inputs: Inputs, config: ImageConfig, options: EngineOptions) -> Reference | None:
    """Return what the image is to be scored against: as named, else the truth of a made-up one."""
    if config.reference is None:
        return truth_of(config.source, geobox_of(inputs.part))
    from obriy.workflows.evaluation import named_reference, reference_from_file
    from obriy.workflows.water.gsw import gsw_reference

    reference, codes = named_reference(config.reference, inputs.part)
    if reference.startswith(GSW):
        return gsw_reference(reference, inputs.part, options)
    return reference_from_file(
        reference,
        inputs.part,
        config.reference_legend or codes,
        outside=config.reference_outside,
    )


def _result(
    config: WaterConfig, products: Products, mapped: ImageMap, maps: dict[str, str]
) -> WaterImageResult:
    """Put ``result.json`` together; its names are a contract that other programs rely on."""
    total = None if products.areas is None else total_on(products.areas, products.water.time)
    return WaterImageResult(
        **image_values(config, products, mapped, maps),
        method=config.method,
        mask_area_km2=total.mask_km2 if total else None,
        decision=products.found["decision"],
    )


def image_values(
    config: SeriesConfig, products: Products, mapped: ImageMap, maps: dict[str, str]
) -> dict[str, Any]:
    """Return what the result of every single map has, whoever made it."""
    water, areas, found = products.water, products.areas, products.found
    rows = [] if areas is None else list(areas.areas)
    total = None if areas is None else total_on(areas, water.time)
    unseen = total.unseen_share if total else _unseen_share(found)
    warnings = list(water.provenance.warnings)
    overlap = areas is not None and bool(areas.together)
    warnings += about_districts(products.districts, rows, overlap=overlap)
    if areas is None:
        warnings.append(notice("no_crs_no_area"))
    estimate = Estimate(
        area_km2=total.area_km2 if total else None,
        expected_km2=total.expected_km2 if total else None,
        interval_km2=total.interval_km2 if total else None,
        bounds_km2=total.bounds_km2 if total else None,
        unseen_share=unseen,
        unseen=water.clouds,
        errors=water.errors,
    )
    date = WaterDate(
        **dict(estimate),
        date=water.time,
        clear_share=1 - unseen,
        weight=1.0,
        threshold=found["decision"].get("threshold"),
        status=mapped.status if mapped.status != "ok" or total is None else total.status,
        reason=mapped.reason or (total.reason if total else ""),
        holes=list(mapped.holes),
        outputs=maps,
    )
    return {
        **dict(estimate),
        "uncertainty_km2": total.uncertainty if total else {},
        "dates": [date],
        "districts": [district_of_image(row, config.measured) for row in rows],
        "evaluation": None if products.scores is None else Evaluation(**products.scores.to_dict()),
        "failed": [
            *parts_that_failed(water.time or WHOLE_IMAGE, mapped.holes),
            *districts_that_failed(products.districts, rows, rows),
        ],
        "outputs": maps,
        "command": command_of(config),
        "provenance": dataclasses.replace(water.provenance, warnings=tuple(warnings)),
    }


def _unseen_share(found: Mapping[str, Any]) -> float:
    pixels: dict[str, int] = found["pixels"]
    return pixels.get("0", 0) / sum(pixels.values())
