"""What a run of `obriy landcover` leaves: areas, scores, tables, pictures, report, STAC item."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import xarray as xr

from obriy.labelling.panel import minutes_text
from obriy.measures.classes import ClassArea, Cover, DistrictCover, measure_cover
from obriy.model.areas import WHOLE_IMAGE, District
from obriy.model.clusters import Naming
from obriy.model.layers import is_listed
from obriy.model.legend import UNNAMED, Legend
from obriy.model.reference import Reference
from obriy.model.result.base import DateRow, DistrictRow, Failure, parts_that_failed
from obriy.model.result.landcover import (
    ClassRow,
    ClusterRow,
    Cost,
    CoverEvaluation,
    CoverTotal,
    LandcoverResult,
    cover_headline,
)
from obriy.model.scene import band_names
from obriy.model.scores import Scores
from obriy.outputs.files import write_bytes, write_text
from obriy.outputs.landcover_report import LandcoverReport, write_landcover_report
from obriy.outputs.polygons import write_parcels
from obriy.outputs.report_view import source_title
from obriy.outputs.stac_item import write_stac_item
from obriy.outputs.tables import write_rows, write_scores
from obriy.render.contact_sheet import contact_sheet
from obriy.render.figures import to_png, to_svg
from obriy.render.maps import map_figure
from obriy.render.text import text_of
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.validation.ceiling import NamingScores, evaluate_naming
from obriy.validation.evaluate import evaluate
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.landcover.mapping import CoverMap
from obriy.workflows.records import about_districts, districts_that_failed
from obriy.workflows.run import command_of, places_of

_AREAS: Final = ("district", "code", "class", "area_km2", "share")
"""Columns of ``areas.csv``."""


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
) -> LandcoverResult:
    """Measure, score and write what is wanted; return the result.

    Args:
        config: Says which outputs are wanted, and in which language.
        folder: The run folder; it holds the maps already.
        inputs: What was read.
        cover: The map.
    """
    size = config.resolution if cover.map.geobox.crs is None else None
    products = _Products(
        config,
        folder,
        inputs,
        cover,
        measure_cover(cover.map, inputs.districts, pixel_size_m=size),
        None if inputs.reference is None else _evaluate(cover, inputs.reference),
    )
    result = _result(products)
    maps = {name: folder.file(file) for name, file in cover.files.items()}
    files = {name: file for name, file in maps.items() if is_listed(name, config.outputs)}
    files |= _tables(products)
    files |= _pictures(products, result.with_outputs(files), size)
    files["stac"] = write_stac_item(
        cover.map,
        files,
        folder.file("item.json"),
        item_id=folder.path.name,
        title=_title(config),
        clusters=None if cover.clusters is None else cover.clusters.legend,
    )
    return result.with_outputs(files)


@dataclasses.dataclass(frozen=True)
class _Products:
    """What a run has to show."""

    config: LandcoverConfig
    folder: RunFolder
    inputs: CoverInputs
    cover: CoverMap
    areas: Cover
    scores: NamingScores | Scores | None

    @property
    def classes(self) -> list[ClassArea]:
        """A row per district and class."""
        return [row for district in self.areas.districts for row in district.classes]


def _evaluate(cover: CoverMap, reference: Reference) -> NamingScores | Scores:
    """Score a map; where there are clusters, say how good their names could be."""
    if cover.asked is None:
        return evaluate(cover.map, reference)
    return evaluate_naming(cover.map, cover.asked, reference, opinions=_opinions(cover))


def _opinions(cover: CoverMap) -> dict[str, dict[int, int]]:
    """Return the class that each labeller gave each cluster."""
    said: dict[str, dict[int, int]] = {}
    for naming in cover.namings:
        for answer in naming.answers:
            said.setdefault(answer.labeller, {})[answer.cluster] = answer.code
    return said


def _tables(products: _Products) -> dict[str, Path]:
    """Write what programs read."""
    config, folder, cover = products.config, products.folder, products.cover
    rows = ((c.district, c.code, c.name, c.area_km2, c.share) for c in products.classes)
    files = {"areas": write_rows(folder.file("areas.csv"), _AREAS, rows)}
    if cover.minutes is not None:
        files["panel"] = write_text(folder.file("panel.json"), minutes_text(cover.minutes))
    if "human" in config.panel():
        files["names"] = folder.file("names.csv")
    if products.scores is not None:
        scores = products.scores
        plain = scores.scores if isinstance(scores, NamingScores) else scores
        files["scores"] = write_scores(plain, folder.file("scores.csv"))
    if "polygons" in config.outputs:
        files["polygons"] = _parcels(products)
    return files


def _parcels(products: _Products) -> Path:
    folder, cover = products.folder, products.cover

    def work() -> StepRecord:
        path = folder.file("landcover.gpkg")
        write_parcels(
            cover.map,
            path,
            clusters=cover.clusters,
            districts=products.inputs.districts,
            lang=products.config.lang,
        )
        return StepRecord({"polygons": path.name})

    told = fingerprint(places_of(products.config))
    return folder.file(folder.step("polygons", work, told, after=["landcover"]).outputs["polygons"])


def _pictures(
    products: _Products, result: LandcoverResult, pixel_size_m: float | None
) -> dict[str, Path]:
    """Write what people look at."""
    config, folder, cover = products.config, products.folder, products.cover
    scene, legend = products.inputs.part, cover.map.legend
    files: dict[str, Path] = {}
    sheet = b""
    if cover.namings and {"sheet", "report"} & set(config.outputs):
        sheet = contact_sheet(scene, cover.portraits, cover.namings, legend, config.lang)
    if sheet and "sheet" in config.outputs:
        files["sheet"] = write_bytes(folder.file("sheet.png"), sheet)
    if "report" not in config.outputs:
        return files
    figure = map_figure(
        scene,
        cover.map,
        districts=products.inputs.districts,
        lang=config.lang,
        pixel_size_m=pixel_size_m,
    )
    report = LandcoverReport(
        title=_title(config),
        lang=config.lang,
        result=result.to_dict(),
        legend=legend,
        provenance=cover.map.provenance,
        map_svg=to_svg(figure, "map"),
        sheet=sheet,
    )
    files["picture"] = write_bytes(folder.file("map.png"), to_png(figure))
    files["report"] = write_landcover_report(report, folder.file("report.html"))
    return files


def _result(products: _Products) -> LandcoverResult:
    """Put ``result.json`` together; its names are a contract that other programs rely on."""
    config, cover, scores = products.config, products.cover, products.scores
    covered, total = products.areas.districts, products.areas.total
    overlap = products.areas.together is not None
    warnings = [
        *cover.map.provenance.warnings,
        *about_districts(products.inputs.districts, covered, overlap=overlap),
        *_of_size(products),
        *_of_names(products),
    ]
    holes = cover.found["failed"]
    return LandcoverResult(
        method=config.method,
        legend=cover.map.legend.name,
        dates=[_date_row(products)],
        unseen_share=_unseen_share(products),
        clusters=[ClusterRow(**one.to_dict(cover.map.legend)) for one in cover.namings],
        classes=_classes(products.classes, cover.namings),
        total=CoverTotal(**_seen_of(total), classes=_classes(total.classes, cover.namings)),
        districts=[_district_row(one, products) for one in covered if products.inputs.districts],
        rounds=list(cover.log),
        evaluation=None if scores is None else CoverEvaluation(**scores.to_dict()),
        cost=None if cover.minutes is None else Cost(**cover.minutes.cost.to_dict()),
        problems=list(cover.problems),
        failed=[
            *parts_that_failed(cover.map.time or WHOLE_IMAGE, holes),
            *(Failure(kind="cluster", name="", reason=why) for why in cover.problems),
            *_districts_that_failed(products),
        ],
        decision=cover.found["decision"],
        command=command_of(config),
        provenance=dataclasses.replace(cover.map.provenance, warnings=tuple(warnings)),
    )


def _districts_that_failed(products: _Products) -> list[Failure]:
    asked, found = products.inputs.districts, products.areas.districts
    return districts_that_failed(asked, found, found) if asked else []


def _date_row(products: _Products) -> DateRow:
    cover, total = products.cover, products.areas.total
    holes = cover.found["failed"]
    return DateRow(
        date=cover.map.time,
        status="partial" if holes else total.status,
        reason=str(holes[0]["reason"]) if holes else total.reason,
        holes=holes,
        outputs={name: str(products.folder.file(file)) for name, file in cover.files.items()},
    )


def _district_row(district: DistrictCover, products: _Products) -> DistrictRow:
    classes = _classes(district.classes, ())
    head = cover_headline(classes, district.unseen_share, products.cover.map.time)
    return DistrictRow(**_seen_of(district), headline=head)


def _unseen_share(products: _Products) -> float:
    """Return the share that was unseen: of the districts, or of the pixels of the whole image."""
    if not products.inputs.districts:
        pixels: dict[str, int] = products.cover.found["pixels"]
        return pixels.get("0", 0) / sum(pixels.values())
    return products.areas.total.unseen_share


def _of_size(products: _Products) -> list[str]:
    if products.cover.map.geobox.crs is not None or products.config.resolution is not None:
        return []
    return ["The image has no CRS: shares only, no area (say --resolution METRES)."]


def _seen_of(district: DistrictCover) -> dict[str, Any]:
    """Return what was seen of a district; its classes stand in a list of their own."""
    return {name: value for name, value in district.to_dict().items() if name != "classes"}


def _of_names(products: _Products) -> list[str]:
    """Return what makes names doubtful, whatever the panel says of its sureness."""
    scene, clouds = products.inputs.scene, products.config.clouds
    said = []
    if clouds in ("none", "flags") and "flags" not in scene:
        said.append(
            "Nothing says where clouds and their shadows are: what there is of them got the name "
            "of some land cover."
        )
    bands = set(band_names(scene))
    if not ("red" in bands and bands & {"nir", "nir08"}):
        said.append(
            "Without red and near infrared few land covers can be told apart: the names are "
            "guesses, however sure."
        )
    return said


def _classes(classes: Sequence[ClassArea], namings: Sequence[Naming]) -> list[ClassRow]:
    """Return the classes that occur, with the mean confidence of their names by pixels."""
    rows = []
    for row in classes:
        mine = [n for n in namings if n.code == row.code and row.code != UNNAMED]
        pixels = sum(n.facts.pixels for n in mine)
        sure = sum(n.confidence * n.facts.pixels for n in mine) / pixels if pixels else None
        rows.append(ClassRow(**dataclasses.asdict(row), confidence=sure))
    return rows


def _title(config: LandcoverConfig) -> str:
    return source_title(text_of(config.lang), config.source)
