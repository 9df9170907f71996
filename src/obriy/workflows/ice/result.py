"""``result.json`` of `obriy ice`, and what became of each image and day."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from obriy.blocks.windows import windows
from obriy.measures.totals import total_ice
from obriy.model.areas import District
from obriy.model.classmap import ClassMap
from obriy.model.ice import IceArea, IceSeason
from obriy.model.notices import joined, notice
from obriy.model.provenance import Provenance, shared_warnings
from obriy.model.reference import Reference
from obriy.model.result.ice import IceDate, IceEvaluation, IceResult, districts_of_ice
from obriy.runs.folder import RunFolder
from obriy.validation.ice_scores import IceCounts, count_ice, ice_scores
from obriy.workflows.config.ice import IceConfig
from obriy.workflows.dated import ImageMap
from obriy.workflows.ice.sky import teller_of
from obriy.workflows.records import (
    about_districts,
    districts_that_failed,
    failures_of,
)
from obriy.workflows.run import command_of, map_step


@dataclasses.dataclass(frozen=True)
class Day:
    """What became of one day, or of one image where each stands by itself.

    Attributes:
        key: Name of its folder.
        date: ISO 8601 day.
        images: What it was mapped from.
        map: Its map; None where there is none.
        concentration: (y, x) uint8 half per cents, 255 missing.
        areas: One per district.
        together: Their union, where they overlap; None: they add up.
        files: Layers by output name, relative to the run folder.
    """

    key: str
    date: str
    images: tuple[ImageMap, ...]
    map: ClassMap | None = None
    concentration: xr.DataArray | None = None
    areas: tuple[IceArea, ...] = ()
    together: IceArea | None = None
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def total(self) -> IceArea:
        """All districts as one; what lies in two of them counts once."""
        return self.together or total_ice(self.areas)


@dataclasses.dataclass(frozen=True)
class IceProducts:
    """What a run has to show.

    Attributes:
        days: What became of each day, in the order of time.
        districts: Outlines; empty: whole images.
        areas: Of all days and districts.
        seasons: Winters by district.
        evaluation: Scores against labels, as plain values; None where there are none.
    """

    days: Sequence[Day]
    districts: Sequence[District]
    areas: Sequence[IceArea]
    seasons: Sequence[IceSeason]
    evaluation: dict[str, Any] | None

    @property
    def mapped(self) -> list[Day]:
        """Days that have a map."""
        return [day for day in self.days if day.map is not None]


def day_step(day: Day) -> str:
    """Return the name of the step that made the map of a day: its own, or that of its image."""
    mapped = [image for image in day.images if image.map is not None]
    return f"day {day.key}" if len(mapped) > 1 else map_step(mapped[0].opened.name)


def ice_result(
    config: IceConfig, images: Sequence[ImageMap], products: IceProducts, folder: RunFolder
) -> IceResult:
    """Put ``result.json`` together; its names are a contract that other programs rely on."""
    dates = [_row(day, folder) for day in products.days]
    return IceResult(
        method=next(one.found["method"] for one in images if one.found),
        dates=dates,
        failed=[
            *failures_of(images, "image"),
            *districts_that_failed(products.districts, products.areas),
        ],
        districts=districts_of_ice(products.areas, dates),
        areas=list(products.areas),
        seasons=list(products.seasons),
        evaluation=None if products.evaluation is None else IceEvaluation(**products.evaluation),
        command=command_of(config),
        provenance=_record(images, products),
    )


def _row(day: Day, folder: RunFolder) -> IceDate:
    total = day.total
    names = [image.opened.name for image in day.images]
    off = [image for image in day.images if image.status in ("failed", "partial")]
    status = total.status
    if off and status == "ok":
        status = "partial"
    own = (
        "ice_km2", "expected_km2", "interval_km2", "bounds_km2", "extent_km2", "water_km2",
        "sea_km2", "ice_share", "water_share", "cloud_share", "unseen_share",
        "clouds",
    )  # fmt: skip
    told = (notice("of_one", name=i.opened.name, said=i.reason) for i in off)
    return IceDate(
        **{name: getattr(total, name) for name in own},
        date=day.date,
        granule=names[0] if len(names) == 1 else names,
        time=[image.opened.item.time for image in day.images],
        status=status,
        reason=joined((total.reason, *told)) if status != "ok" else "",
        holes=[
            {"granule": image.opened.name, **hole} for image in day.images for hole in image.holes
        ],
        outputs={name: str(folder.file(file)) for name, file in day.files.items()},
    )


def _record(images: Sequence[ImageMap], products: IceProducts) -> Provenance:
    """Put the records of all images together: the steps of the first, what each was warned of."""
    records = {i.opened.name: i.map.provenance for i in images if i.map is not None}
    first = next(iter(records.values()))
    inputs = [{"image": n, **entry} for n, record in records.items() for entry in record.inputs]
    made = Provenance(tuple(inputs), first.steps)
    decisions = {
        name: (record.step("ice") or {}).get("decision") for name, record in records.items()
    }
    if len(records) > 1:
        clouds = {name: teller_of(record) for name, record in records.items()}
        made = made.with_step("ice_by_image", **decisions).with_step("clouds_by_image", **clouds)
    for day in products.days:
        composite = None if day.map is None else day.map.provenance.step("composite")
        if composite is not None:
            made = made.with_step(
                f"composite {day.key}", **{k: v for k, v in composite.items() if k != "name"}
            )
    overlap = any(day.together is not None for day in products.days)
    about = about_districts(products.districts, products.areas, overlap=overlap)
    for sentence in (*about, *shared_warnings([*records.items()], "images")):
        made = made.with_warning(sentence)
    for lost in images:
        if lost.status == "failed":
            told = notice("failed", name=lost.opened.name, why=lost.reason)
            made = made.with_warning(told)
    return made


def score_maps(
    images: Sequence[ImageMap], references: Mapping[str, Reference], seed: int
) -> dict[str, Any] | None:
    """Score the maps of images against their labels; None where there are none."""
    counts = {
        image.opened.name: _counted(image.map, references[image.opened.name])
        for image in images
        if image.map is not None and image.opened.name in references
    }
    if not counts:
        return None
    sources = {references[name].source for name in counts}
    folders = {str(Path(source).parent) for source in sources}
    return {
        **ice_scores(list(counts.values()), seed=seed),
        "reference": ", ".join(sorted(sources if len(sources) == 1 else folders)),
        "images": {name: ice_scores([one], seed=seed) for name, one in counts.items()},
    }


def _counted(class_map: ClassMap, reference: Reference) -> IceCounts:
    """Count window by window: a map of a whole granule has 25 million pixels."""
    found = [
        dataclasses.asdict(
            count_ice(
                np.asarray(reference.labels[rows, columns].values),
                np.asarray(class_map.labels[rows, columns].values),
            )
        )
        for rows, columns in windows(class_map.labels.shape)
    ]
    return IceCounts(**{name: sum(one[name] for one in found) for name in found[0]})
