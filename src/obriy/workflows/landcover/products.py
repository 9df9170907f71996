"""What a run of `obriy landcover` leaves: areas, scores, tables, pictures, report, STAC item."""

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import xarray as xr

from obriy.labelling.minutes import RECORD
from obriy.labelling.panel import minutes_text
from obriy.labelling.question import VERSION
from obriy.labelling.spectral_ground import is_fitted_size
from obriy.labelling.spectral_sky import haze_in_blue
from obriy.measures.classes import ClassArea, Cover, DistrictCover, measure_cover
from obriy.model.areas import WHOLE_IMAGE, District
from obriy.model.clusters import Naming
from obriy.model.layers import is_listed
from obriy.model.legend import UNNAMED, Legend
from obriy.model.notices import notice
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
from obriy.model.season import OPPOSITE, STEP, SeasonSeen
from obriy.outputs.files import write_bytes, write_text
from obriy.outputs.polygons import write_parcels
from obriy.outputs.report import landcover
from obriy.outputs.tables import write_rows, write_scores
from obriy.prepare.clouds.mask import Clouds
from obriy.render.contact_sheet import contact_sheet
from obriy.render.maps import map_figure
from obriy.render.palette import UNNAMED_COLOUR
from obriy.render.pictures import Small
from obriy.render.text import text_of
from obriy.render.year import years_sheet
from obriy.runs.folder import RunFolder
from obriy.validation.ceiling import NamingScores, evaluate_naming
from obriy.validation.evaluate import evaluate
from obriy.workflows.config.landcover import LandcoverConfig
from obriy.workflows.landcover.mapping import CoverMap
from obriy.workflows.landcover.season import (
    Dates,
    about_season,
    dates_that_failed,
    season_row,
)
from obriy.workflows.landcover.season_making import OBSERVATIONS
from obriy.workflows.products import RunFiles
from obriy.workflows.records import about_districts, districts_that_failed
from obriy.workflows.run import command_of
from obriy.workflows.viewing import view_of

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
        dates: What a season is made of; None: it is one image.
        seen: What was seen through the season; None: it is one image, or not made yet.
    """

    scene: xr.Dataset
    part: xr.Dataset
    districts: list[District]
    legend: Legend
    reference: Reference | None
    dates: Dates | None = None
    seen: SeasonSeen | None = None

    @property
    def steps(self) -> list[str]:
        """Steps of the run that the scene is made by."""
        return [] if self.dates is None else [STEP]

    def clouds(self, config: LandcoverConfig) -> Clouds:
        """Return how the clouds of the scene are known: of a season each date knew its own."""
        return config.clouds if self.dates is None else "auto"


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
    run = RunFiles(config, folder, inputs.districts)
    products = _Products(
        config,
        folder,
        inputs,
        cover,
        measure_cover(cover.map, inputs.districts, pixel_size_m=run.size_of(cover.map)),
        None if inputs.reference is None else _evaluate(cover, inputs.reference),
    )
    result = _result(products)
    maps = run.paths(cover.files)
    run.files |= {name: file for name, file in maps.items() if is_listed(name, config.outputs)}
    if inputs.dates is not None:
        run.files[OBSERVATIONS] = folder.file(f"{OBSERVATIONS}.tif")
    _write_tables(run, products)
    _draw(run, products, result)
    clusters = None if cover.clusters is None else cover.clusters.legend
    run.files["stac"] = run.item(cover.map, run.files, folder.path, clusters=clusters)
    return result.with_outputs(run.files)


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


def _write_tables(run: RunFiles, products: _Products) -> None:
    """Write what programs read."""
    folder, cover, scores = run.folder, products.cover, products.scores
    rows = ((c.district, c.code, c.name, c.area_km2, c.share) for c in products.classes)
    run.files["areas"] = write_rows(folder.file("areas.csv"), _AREAS, rows)
    if cover.minutes is not None:
        run.files["panel"] = write_text(folder.file(RECORD), minutes_text(cover.minutes))
    if "human" in products.config.panel():
        run.files["names"] = folder.file("names.csv")
    if scores is not None:
        plain = scores.scores if isinstance(scores, NamingScores) else scores
        run.files["scores"] = write_scores(plain, folder.file("scores.csv"))
    run.files |= run.polygons(
        "landcover.gpkg",
        lambda path: write_parcels(
            cover.map, path, clusters=cover.clusters, districts=run.districts, lang=run.lang
        ),
        after=["landcover"],
    )


def _draw(run: RunFiles, products: _Products, result: LandcoverResult) -> None:
    """Write what people look at."""
    scene, cover, sheet = products.inputs.part, products.cover, b""
    legend = cover.map.legend
    if cover.namings and (run.wants("sheet") or run.wants("report")):
        sheet = contact_sheet(scene, cover.portraits, cover.namings, legend, run.lang)
    if sheet and run.wants("sheet"):
        run.files["sheet"] = write_bytes(run.folder.file("sheet.png"), sheet)
    years = _years(products, run.lang) if run.wants("sheet") or run.wants("report") else b""
    if years and run.wants("sheet"):
        run.files["years"] = write_bytes(run.folder.file("years.png"), years)
    if run.wants("report"):
        small = Small.of(scene, cover.map)
        run.report(
            result,
            {"map": map_figure(scene, cover.map, **run.drawn_on(cover.map), small=small)},
            {"map": "picture"},
            lambda report: landcover.page(report, legend=legend, sheet=sheet, years=years),
            view=view_of(
                run,
                small,
                cover.map,
                run.files,
                bodies=(run.folder.file("landcover.gpkg"), legend.name),
            ),
        )


def _years(products: _Products, lang: str) -> bytes:
    """Draw the years of the clusters of a season, those of one name together; else nothing."""
    cover, legend = products.cover, products.cover.map.legend
    if products.inputs.seen is None or not cover.namings:
        return b""
    names = {c.code: c.called(lang) for c in legend} | {UNNAMED: text_of(lang)("contacts.unnamed")}
    named = {one.facts.id: one for one in cover.namings}
    ordered = sorted(
        (one for one in cover.portraits if one.facts.id in named),
        key=lambda one: (named[one.facts.id].code, -one.facts.share),
    )
    titles = {
        number: f"{number}. {names[one.code]}, {text_of(lang).percent(one.facts.share)}"
        for number, one in named.items()
    }
    months = products.inputs.scene.attrs.get(OPPOSITE, ())
    shown = {c.code: c.colour for c in legend} | {UNNAMED: UNNAMED_COLOUR}
    colours = {number: shown[one.code] for number, one in named.items()}
    return years_sheet(ordered, titles, colours, months, lang=lang)


def _result(products: _Products) -> LandcoverResult:
    """Put ``result.json`` together; its names are a contract that other programs rely on."""
    config, cover, scores = products.config, products.cover, products.scores
    seen = products.inputs.seen
    covered, total = products.areas.districts, products.areas.total
    overlap = products.areas.together is not None
    warnings = [
        *cover.map.provenance.warnings,
        *about_districts(products.inputs.districts, covered, overlap=overlap),
        *_of_size(products),
        *_of_names(products),
        *([] if seen is None else about_season(seen)),
    ]
    holes = cover.found["failed"]
    return LandcoverResult(
        method=config.method,
        legend=cover.map.legend.name,
        dates=[_date_row(products)],
        season=None if seen is None else season_row(seen),
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
            *([] if seen is None else dates_that_failed(seen)),
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
    return [notice("no_crs_no_area")]


def _seen_of(district: DistrictCover) -> dict[str, Any]:
    """Return what was seen of a district; its classes stand in a list of their own."""
    return {name: value for name, value in district.to_dict().items() if name != "classes"}


def _of_names(products: _Products) -> list[str]:
    """Return what makes names doubtful, whatever the panel says of its sureness."""
    scene, clouds = products.inputs.scene, products.inputs.clouds(products.config)
    said: list[str] = []
    if clouds in ("none", "flags") and "flags" not in scene:
        said.append(notice("clouds_named_land"))
    said = [*said, *_of_other_questions(products)]
    bands = set(band_names(scene))
    if not ("red" in bands and bands & {"nir", "nir08"}):
        said.append(notice("names_are_guesses"))
    return [*said, *_of_expert(products)]


def _of_expert(products: _Products) -> list[str]:
    """Return what makes the names of the expert on spectra less sure than others."""
    namings = products.cover.namings
    if not any(a.labeller == "spectral" for naming in namings for a in naming.answers):
        return []
    facts = [naming.facts for naming in namings]
    said = list[str]()
    if not is_fitted_size(facts):
        said.append(notice("pixels_not_fitted", size=facts[0].pixel_m))
    if haze := haze_in_blue(facts):
        said.append(notice("atmosphere_left_in", percent=100 * haze))
    return said


def _of_other_questions(products: _Products) -> list[str]:
    """Return that answers of a record were given to other words and pictures than today's."""
    answers = products.cover.minutes.answers if products.cover.minutes else ()
    old = Counter(a.question for a in answers if a.question not in (0, VERSION))
    return [
        notice("other_question", count=count, version=version, now=VERSION)
        for version, count in sorted(old.items())
    ]


def _classes(classes: Sequence[ClassArea], namings: Sequence[Naming]) -> list[ClassRow]:
    """Return the classes that occur, with the mean confidence of their names by pixels."""
    rows = []
    for row in classes:
        mine = [n for n in namings if n.code == row.code and row.code != UNNAMED]
        pixels = sum(n.facts.pixels for n in mine)
        sure = sum(n.confidence * n.facts.pixels for n in mine) / pixels if pixels else None
        rows.append(ClassRow(**dataclasses.asdict(row), confidence=sure))
    return rows
