"""What a run of `obriy landcover` leaves: areas, scores, tables, pictures, report, STAC item."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from obriy.labelling.portraits import contact_sheet
from obriy.measures.classes import ClassArea, measure_classes
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.clusters import Naming
from obriy.model.legend import UNNAMED, Legend
from obriy.model.reference import Reference
from obriy.outputs.files import write_bytes, write_text
from obriy.outputs.landcover_report import LandcoverReport, write_landcover_report
from obriy.outputs.polygons import write_parcels
from obriy.outputs.report_view import source_title
from obriy.outputs.stac_item import write_stac_item
from obriy.outputs.styles import write_style
from obriy.outputs.tables import write_rows, write_scores
from obriy.render.figures import to_png, to_svg
from obriy.render.maps import map_figure
from obriy.render.text import text_of
from obriy.runs.folder import RunFolder, StepRecord, fingerprint
from obriy.validation.ceiling import NamingScores, evaluate_naming
from obriy.workflows.config import LandcoverConfig
from obriy.workflows.cover_map import CoverMap
from obriy.workflows.run import command_of, places_of


@dataclasses.dataclass(frozen=True)
class CoverInputs:
    """What a run reads.

    Attributes:
        scene: The whole image: the clusters rest on it.
        part: The part that is mapped: around the districts, or all of it.
        districts: Where areas are asked for; empty: the whole image.
        legend: The classes that clusters are named with.
        reference: What the map is scored against, on the grid of the part.
    """

    scene: xr.Dataset
    part: xr.Dataset
    districts: list[District]
    legend: Legend
    reference: Reference | None


def write_cover_products(
    config: LandcoverConfig, folder: RunFolder, inputs: CoverInputs, cover: CoverMap
) -> dict[str, Any]:
    """Measure, score and write what is wanted; return ``result.json`` as plain values.

    Args:
        config: Says which outputs are wanted, and in which language.
        folder: The run folder; it holds the maps already.
        inputs: What was read.
        cover: The map.
    """
    geobox = cover.map.geobox
    pixel_size = config.resolution if geobox.crs is None else None
    classes = measure_classes(cover.map, inputs.districts, pixel_size_m=pixel_size)
    scores = None
    if inputs.reference is not None:
        scores = evaluate_naming(cover.map, cover.clusters, inputs.reference)
    result = _result(config, cover, classes, scores)
    files = {name: folder.file(file) for name, file in cover.files.items()}
    wanted = {n: f for n, f in files.items() if n == "unseen" or n in config.outputs}
    wanted |= _tables(config, folder, inputs, cover, classes, scores)
    result["outputs"] = {name: str(path) for name, path in wanted.items()}
    wanted |= _pictures(config, folder, inputs, cover, result)
    wanted["stac"] = write_stac_item(
        cover.map, wanted, folder.file("item.json"), item_id=folder.path.name, title=_title(config)
    )
    result["outputs"] = {name: str(path) for name, path in wanted.items()}
    return result


def _tables(
    config: LandcoverConfig,
    folder: RunFolder,
    inputs: CoverInputs,
    cover: CoverMap,
    classes: Sequence[ClassArea],
    scores: NamingScores | None,
) -> dict[str, Path]:
    """Write what programs read."""
    files = {
        "panel": write_text(
            folder.file("panel.json"),
            json.dumps(cover.named.minutes.to_dict(), ensure_ascii=False, indent=2) + "\n",
        ),
        "areas": write_rows(
            folder.file("areas.csv"),
            ("district", "code", "class", "area_km2", "share"),
            ((c.district, c.code, c.name, c.area_km2, c.share) for c in classes),
        ),
    }
    if "landcover" in config.outputs:
        write_style(folder.file("landcover.qml"), cover.map.legend, config.lang)
    if "clusters" in config.outputs:
        write_style(folder.file("clusters.qml"), cover.clusters.legend, config.lang)
    if scores is not None:
        files["scores"] = write_scores(scores.scores, folder.file("scores.csv"))
    if "polygons" in config.outputs:
        files["polygons"] = _parcels(config, folder, inputs, cover)
    return files


def _parcels(
    config: LandcoverConfig, folder: RunFolder, inputs: CoverInputs, cover: CoverMap
) -> Path:
    def work() -> StepRecord:
        write_parcels(cover.map, folder.file("landcover.gpkg"), districts=inputs.districts)
        return StepRecord({"polygons": "landcover.gpkg"})

    step = folder.step("polygons", work, fingerprint(places_of(config)), after=["landcover"])
    return folder.file(step.outputs["polygons"])


def _pictures(
    config: LandcoverConfig,
    folder: RunFolder,
    inputs: CoverInputs,
    cover: CoverMap,
    result: dict[str, Any],
) -> dict[str, Path]:
    """Write what people look at."""
    files: dict[str, Path] = {}
    sheet = b""
    if {"sheet", "report"} & set(config.outputs):
        sheet = contact_sheet(
            inputs.part, cover.portraits, cover.namings, inputs.legend, config.lang
        )
    if "sheet" in config.outputs:
        files["sheet"] = write_bytes(folder.file("sheet.png"), sheet)
    if "report" not in config.outputs:
        return files
    size = config.resolution if cover.map.geobox.crs is None else None
    figure = map_figure(
        inputs.part, cover.map, districts=inputs.districts, lang=config.lang, pixel_size_m=size
    )
    report = LandcoverReport(
        title=_title(config),
        lang=config.lang,
        result=result,
        legend=inputs.legend,
        provenance=cover.map.provenance,
        map_svg=to_svg(figure, "map"),
        sheet=sheet,
    )
    files["picture"] = write_bytes(folder.file("map.png"), to_png(figure))
    files["report"] = write_landcover_report(report, folder.file("report.html"))
    return files


def _result(
    config: LandcoverConfig,
    cover: CoverMap,
    classes: Sequence[ClassArea],
    scores: NamingScores | None,
) -> dict[str, Any]:
    """Put ``result.json`` together; its names are a contract that other programs rely on."""
    warnings = list(cover.map.provenance.warnings)
    if cover.map.geobox.crs is None and config.resolution is None:
        warnings.append("The image has no CRS: shares only, no area (say --resolution METRES).")
    pixels = cover.named.clustered.found["pixels"]
    everything = sum(pixels.values())
    return {
        "job": config.job,
        "method": config.method,
        "legend": cover.map.legend.name,
        "unseen_share": pixels.get("0", 0) / everything,
        "clusters": [naming.to_dict(cover.map.legend) for naming in cover.namings],
        "classes": _classes(classes, cover.namings),
        "rounds": list(cover.log),
        "evaluation": None if scores is None else scores.to_dict(),
        "cost": cover.named.minutes.cost.to_dict(),
        "problems": list(cover.named.minutes.problems),
        "failed": cover.named.clustered.found["failed"],
        "decision": cover.named.clustered.found["decision"],
        "outputs": {},
        "command": command_of(config),
        "provenance": cover.map.provenance.to_dict() | {"warnings": warnings},
    }


def _classes(classes: Sequence[ClassArea], namings: Sequence[Naming]) -> list[dict[str, Any]]:
    """Return the classes that occur, with the mean confidence of their names by pixels."""
    rows = []
    for row in classes:
        mine = [n for n in namings if n.code == row.code and row.code != UNNAMED]
        pixels = sum(n.facts.pixels for n in mine)
        sure = sum(n.confidence * n.facts.pixels for n in mine) / pixels if pixels else None
        rows.append({**dataclasses.asdict(row), "confidence": sure})
    return rows


def _title(config: LandcoverConfig) -> str:
    return source_title(text_of(config.lang), config.source)
