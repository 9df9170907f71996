"""The files that a person or another program takes from a run: maps are already there."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from obriy.indices.catalogue import get_index
from obriy.model.areas import AreaSeries, District
from obriy.model.classmap import ClassMap
from obriy.model.layers import LAYERS
from obriy.model.result.measured import ImageResult
from obriy.model.scores import Scores
from obriy.outputs.tables import write_areas, write_scores
from obriy.runs.folder import RunFolder
from obriy.workflows.config.series import SeriesConfig
from obriy.workflows.passes import histograms_of, open_layer
from obriy.workflows.products import RunFiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from obriy.render.pictures import Small


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
    config: SeriesConfig, folder: RunFolder, products: Products, result: ImageResult
) -> dict[str, Path]:
    """Write polygons, tables, report and STAC item; return their paths by name.

    Args:
        config: Says which outputs are wanted, and in which language.
        folder: The run folder; polygons are not made twice.
        products: What to show.
        result: ``result.json`` so far; its ``outputs`` name the maps.
    """
    maps = {name: Path(path) for name, path in result.outputs.items()}
    name = config.measured
    run = RunFiles(config, folder, products.districts, maps, config.called(products.water.legend))
    run.files |= run.polygons(
        f"{name}.gpkg",
        lambda path: _write_polygons(config, products, path),
        after=["map"],
    )
    if products.areas is not None:
        run.files["areas"] = write_areas(products.areas, folder.file("areas.csv"))
    if products.scores is not None:
        run.files["scores"] = write_scores(products.scores, folder.file("scores.csv"))
    if run.wants("report"):
        from obriy.outputs.report import water  # loads what draws, as does the next
        from obriy.render.pictures import Small
        from obriy.workflows.viewing import view_of

        share = _share_of_seen(products, name)
        small = Small.of(products.scene, products.water)
        run.report(
            result,
            _figures(run, products, small),
            {"map": "picture"},
            lambda report: water.page(report, areas=products.areas, share_of_seen=share),
            view=view_of(
                run,
                small,
                products.water,
                run.files,
                measured=name,
                bodies=(folder.file(f"{name}.gpkg"), name),
            ),
        )
    run.files["stac"] = run.item(products.water, run.files, folder.path)
    return run.files


def _write_polygons(config: SeriesConfig, products: Products, path: Path) -> None:
    from obriy.outputs.polygons import write_polygons  # loads what writes vectors

    write_polygons(
        products.water,
        path,
        class_name=config.measured,
        districts=products.districts,
        lang=config.lang,
    )


def _figures(run: RunFiles, products: Products, small: "Small") -> dict[str, "Figure"]:
    """Draw the map, what the threshold rests on, and the indices that were kept."""
    from obriy.render.index_maps import index_figure
    from obriy.render.maps import map_figure
    from obriy.render.multiples import class_figure
    from obriy.render.plots import histogram_figure

    own = run.drawn_on(products.water)
    drawn = {
        "map": class_figure(products.water, **own, small=small)  # a map of others has no image
        if small.image is None
        else map_figure(products.scene, products.water, **own, small=small)
    }
    for number, histogram in enumerate(histograms_of(products.found)):
        drawn[f"histogram{number}"] = histogram_figure(histogram, lang=run.lang)
    layer = LAYERS["index"]
    for output, file in run.files.items():
        name = layer.thing(output)
        if name is not None:
            drawn[output] = index_figure(
                open_layer(file, products.scene, layer),
                get_index(name).name,
                threshold=get_index(name).threshold or 0.0,
                districts=products.districts,
                lang=run.lang,
            )
    return drawn


def _share_of_seen(products: Products, class_name: str) -> float | None:
    pixels = products.found["pixels"]
    seen = sum(n for code, n in pixels.items() if code != "0")
    water = products.water.legend.by_name(class_name).code
    return pixels.get(str(water), 0) / seen if seen else None
