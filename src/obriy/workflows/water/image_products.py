"""The files that a person or another program takes from a run: maps are already there."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from obriy.indices.catalogue import get_index
from obriy.model.areas import AreaSeries, District
from obriy.model.classmap import ClassMap
from obriy.model.layers import LAYERS
from obriy.model.result.water import WaterImageResult
from obriy.model.scores import Scores
from obriy.outputs.files import write_bytes
from obriy.outputs.polygons import write_polygons
from obriy.outputs.report import ReportData, write_report
from obriy.outputs.report_view import source_title
from obriy.outputs.stac_item import write_stac_item
from obriy.outputs.tables import write_areas, write_scores
from obriy.render.figures import to_png, to_svg
from obriy.render.index_maps import index_figure
from obriy.render.maps import map_figure
from obriy.render.plots import histogram_figure
from obriy.render.text import text_of
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.passes import histograms_of, open_layer
from obriy.workflows.run import places_of


@dataclasses.dataclass(frozen=True)
class Products:
    """What a run has to show.

    Attributes:
        scene: The Scene that was mapped.
        water: Its map.
        districts: Outlines for the map; empty: the whole image.
        areas: Areas; None where the image has neither CRS nor pixel size.
        scores: The comparison with a reference, where there was one.
        found: What the mapping step found.
    """

    scene: xr.Dataset
    water: ClassMap
    districts: Sequence[District]
    areas: AreaSeries | None
    scores: Scores | None
    found: Mapping[str, Any]


def write_products(
    config: WaterConfig, folder: RunFolder, products: Products, result: WaterImageResult
) -> dict[str, Path]:
    """Write polygons, tables, report and STAC item; return their paths by name.

    Args:
        config: Says which outputs are wanted, and in which language.
        folder: The run folder; polygons are not made twice.
        products: What to show.
        result: ``result.json`` so far; its ``outputs`` name the maps.
    """
    files = {name: Path(path) for name, path in result.outputs.items()}
    if "polygons" in config.outputs:
        files["polygons"] = _polygons(config, folder, products)
    if products.areas is not None:
        files["areas"] = write_areas(products.areas, folder.file("areas.csv"))
    if products.scores is not None:
        files["scores"] = write_scores(products.scores, folder.file("scores.csv"))
    if "report" in config.outputs:
        files |= _report(config, folder, products, result.with_outputs(files))
    title = _title(config)
    files["stac"] = write_stac_item(
        products.water, files, folder.file("item.json"), item_id=folder.path.name, title=title
    )
    return files


def _polygons(config: WaterConfig, folder: RunFolder, products: Products) -> Path:
    def work() -> StepRecord:
        path = folder.file("water.gpkg")
        write_polygons(products.water, path, districts=products.districts, lang=config.lang)
        return StepRecord({"polygons": "water.gpkg"})

    return folder.file(
        folder.step("polygons", work, fingerprint(places_of(config)), after=["map"]).outputs[
            "polygons"
        ]
    )


def _report(
    config: WaterConfig, folder: RunFolder, products: Products, result: WaterImageResult
) -> dict[str, Path]:
    size = config.resolution if products.water.geobox.crs is None else None
    figure = map_figure(
        products.scene,
        products.water,
        districts=products.districts,
        lang=config.lang,
        pixel_size_m=size,
    )
    histograms = [
        to_svg(histogram_figure(h, lang=config.lang), f"histogram{i}")
        for i, h in enumerate(histograms_of(products.found))
    ]
    report = ReportData(
        title=_title(config),
        lang=config.lang,
        result=result.to_dict(),
        legend=products.water.legend,
        provenance=products.water.provenance,
        map_svg=to_svg(figure, "map"),
        histogram_svgs=histograms,
        index_svgs=_indices(config, products, result),
        areas=products.areas,
        scores=products.scores,
        share_of_seen=_share_of_seen(products),
    )
    return {
        "report": write_report(report, folder.file("report.html")),
        "picture": write_bytes(folder.file("map.png"), to_png(figure)),
    }


def _indices(config: WaterConfig, products: Products, result: WaterImageResult) -> list[str]:
    """Return pictures of the indices that were kept; their colours turn at the published zero."""
    drawn, layer = [], LAYERS["index"]
    for output, file in result.outputs.items():
        name = layer.thing(output)
        if name is None:
            continue
        figure = index_figure(
            open_layer(Path(file), products.scene, layer),
            get_index(name).name,
            threshold=get_index(name).threshold or 0.0,
            districts=products.districts,
            lang=config.lang,
        )
        drawn.append(to_svg(figure, output))
    return drawn


def _share_of_seen(products: Products) -> float | None:
    pixels = products.found["pixels"]
    seen = sum(n for code, n in pixels.items() if code != "0")
    water = products.water.legend.by_name("water").code
    return pixels.get(str(water), 0) / seen if seen else None


def _title(config: WaterConfig) -> str:
    return source_title(text_of(config.lang), config.source)
