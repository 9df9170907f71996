"""``result.json`` of a series."""

from collections.abc import Mapping, Sequence
from typing import Any

from obriy.measures.totals import total_on, total_period
from obriy.model.areas import AreaSeries, PeriodArea
from obriy.model.classmap import ClassMap
from obriy.model.notices import notice
from obriy.model.provenance import Provenance, shared_warnings
from obriy.model.result.water import WaterDate, WaterSeriesResult, district_of_series
from obriy.model.scene import provenance_of
from obriy.runs.folder import RunFolder
from obriy.workflows.config.series import SeriesConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.dated import ImageMap
from obriy.workflows.records import (
    about_districts,
    districts_that_failed,
    failures_of,
)
from obriy.workflows.run import command_of
from obriy.workflows.water.series_products import SeriesProducts


def cloudiness(images: Sequence[ImageMap]) -> dict[str, float]:
    """Return per cent of cloud of the scene by date, where its metadata tell it."""
    told = {one.opened.name: one.opened.item.cloud_cover for one in images}
    return {date: cloud for date, cloud in told.items() if cloud is not None}


def result_of(
    config: WaterConfig, images: Sequence[ImageMap], products: SeriesProducts, folder: RunFolder
) -> WaterSeriesResult:
    """Put ``result.json`` together; its names are a contract that other programs rely on."""
    return WaterSeriesResult(
        **series_values(config, images, products, folder), method=config.method
    )


def series_values(
    config: SeriesConfig, images: Sequence[ImageMap], products: SeriesProducts, folder: RunFolder
) -> dict[str, Any]:
    """Return what the result of every series has, whoever made its maps."""
    series, balance = products.series, products.balance
    total = total_period(series)
    own = (
        "area_km2", "filled_km2", "expected_km2", "interval_km2", "bounds_km2", "unseen_share",
        "effective_dates", "change_sd_km2", "leave_one_out_km2", "status", "reason", "errors",
    )  # fmt: skip
    sizes = {area.district: area.district_km2 for area in series.areas}
    return {
        **{name: getattr(total, name) for name in own},
        "uncertainty_km2": total.uncertainty,
        "unseen": total.clouds,
        "weights": config.weights or "clear",
        "dates": [_date_row(one, series, total, folder) for one in images],
        "failed": [
            *failures_of(images, "date"),
            *districts_that_failed(products.districts, series.areas, series.periods),
        ],
        "districts": [
            district_of_series(p, sizes.get(p.district), config.measured) for p in series.periods
        ],
        "areas": list(series.areas),
        "comparison": balance.comparison,
        "evaporation": list(balance.evaporation) or None,
        "command": command_of(config),
        "provenance": _provenance(config, images, products),
    }


def _date_row(
    image: ImageMap, series: AreaSeries, total: PeriodArea, folder: RunFolder
) -> WaterDate:
    date = image.opened.name
    area = total_on(series, date)
    shown: dict[str, Any] = {} if area is None else area.to_dict()
    own = ("area_km2", "filled_km2", "expected_km2", "interval_km2", "bounds_km2")
    errors = "known" if area is None else area.errors
    unseen = shown.get("unseen_share", 1.0)
    return WaterDate(
        **{name: shown.get(name) for name in own},
        date=date,
        clear_share=1 - unseen,
        unseen=shown.get("clouds", "known"),
        errors=errors,
        unseen_share=unseen,
        doubted=image.found.get("doubted"),
        cloud_percent=image.opened.item.cloud_cover,
        weight=total.weights.get(date),
        threshold=image.found["decision"].get("threshold") if image.found else None,
        status=image.status if image.status != "ok" else shown.get("status", "ok"),
        reason=image.reason or shown.get("reason", ""),
        holes=list(image.holes),
        outputs={name: str(folder.file(file)) for name, file in image.files.items()},
    )


def _provenance(
    config: SeriesConfig, images: Sequence[ImageMap], products: SeriesProducts
) -> Provenance:
    """Put the records of all dates together: what they share once, the rest by date."""
    first = next(iter(products.maps.values())).provenance
    inputs = [
        {"date": one.opened.name, **entry}
        for one in images
        if one.opened.part is not None
        for entry in provenance_of(one.opened.part).inputs
    ]
    made = Provenance(tuple(inputs))
    for name in dict.fromkeys(step["name"] for step in first.steps if step["name"] != "water"):
        made = made.with_step(name, **_by_date(name, products.maps))
    steps = {date: m.provenance.step("water") for date, m in products.maps.items()}
    decided = {date: step["decision"] for date, step in steps.items() if step is not None}
    if decided:
        made = made.with_step("water_by_date", **decided)
    records = [(date, class_map.provenance) for date, class_map in products.maps.items()]
    for sentence in shared_warnings(records, "dates"):
        made = made.with_warning(sentence)
    if config.fill and len(products.maps) == 1:
        made = made.with_warning(notice("one_date"))
    series = products.series
    overlap = bool(series.together)
    for sentence in about_districts(products.districts, series.areas, overlap=overlap):
        made = made.with_warning(sentence)
    for lost in images:
        if lost.status == "failed":
            told = notice("failed", name=lost.opened.name, why=lost.reason)
            made = made.with_warning(told)
    return made


def _by_date(name: str, maps: Mapping[str, ClassMap]) -> dict[str, Any]:
    """Return what a step decided: what all dates agree on once, the rest by date."""
    steps = {date: m.provenance.step(name) or {} for date, m in maps.items()}
    keys = dict.fromkeys(key for step in steps.values() for key in step if key != "name")
    decided: dict[str, Any] = {}
    for key in keys:
        values = {date: step.get(key) for date, step in steps.items()}
        first = next(iter(values.values()))
        decided[key] = first if all(v == first for v in values.values()) else values
    return decided
