"""Dated maps to areas through time: `obriy.measure_area` and the series of the command line."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import xarray as xr

from obriy.blocks.engine import ArraySink, EngineOptions
from obriy.errors import InputError, UsageError
from obriy.measures.areas import measure_areas
from obriy.measures.filling import learn_filling
from obriy.measures.occurrence import measure_occurrence, require_one_grid
from obriy.measures.period import period_area
from obriy.measures.uncertainty import period_estimate
from obriy.measures.weights import clear_weights, cloud_weights, given_weights
from obriy.model.areas import Area, AreaSeries, District, PeriodArea, told_apart
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.sources.districts import read_districts
from obriy.sources.scene import open_scene
from obriy.sources.weights import read_weights
from obriy.workflows.water.mapping import map_water

Weigh = Callable[[Sequence[Area]], dict[str, float]]
"""From the areas of one district by date to the weight of each date."""


def measure_area(
    images: Sequence[str | Path | xr.Dataset | ClassMap],
    aoi: str | Sequence[District] | None = None,
    *,
    method: str = "auto",
    weights: Literal["clear"] | Mapping[str, float] = "clear",
    fill: bool = False,
    options: EngineOptions | None = None,
) -> AreaSeries:
    """Measure the area of water through time, inside districts, with its uncertainty.

    Args:
        images: One per date, on one grid: files, Scenes of `open_scene`, or maps of `map_water`.
        aoi: A vector file, a box ``W,S,E,N`` in degrees, a name, or districts; None: the image.
        method: How to map water in images that are not maps yet.
        weights: ``"clear"``: by the share of the district that was seen; or ωᵢ by date, their
            sum 1.
        fill: Fill what a date did not see from the others, in ``filled_km2`` beside ``area_km2``.
        options: Threads, memory.

    Returns:
        Areas in km², by date and district, each with what was unseen and a 90 % interval for the
        whole district (none where nothing tells where clouds are); ``periods``: S = Σ Sᵢωᵢ by
        district; and ``together``, where they overlap.

    Raises:
        InputError: of the kind that fits: no date, a date twice, grids that differ.
        UsageError: weights that miss a date.
    """
    if isinstance(images, str | Path):
        raise UsageError(
            f"measure_area takes a list of images, one per date, not '{images}'.",
            "Give sorted(Path(folder).glob('*.tif')).",
        )
    if isinstance(weights, str) and weights != "clear":
        raise UsageError(
            f"There are no weights '{weights}' here.",
            "Give 'clear', or a mapping of date to weight.",
        )
    maps = dated([_as_map(image, method, options) for image in images])
    districts = read_districts(aoi) if isinstance(aoi, str) else told_apart(aoi or ())
    occurrence = _occurrence(maps) if len(maps) > 1 else None
    dates = [
        one
        for class_map in maps
        for one in measure_date(class_map, [districts], occurrence, maps=maps, fill=fill)
    ]
    series = AreaSeries(
        "water",
        areas=tuple(area for one in dates for area in one.areas),
        together=tuple(area for one in dates for area in one.together),
    )
    return with_periods(series, clear if weights == "clear" else by_hand(dict(weights)))


def measure_date(
    class_map: ClassMap,
    groups: Sequence[Sequence[District]],
    occurrence: tuple[xr.DataArray, xr.DataArray] | None,
    *,
    maps: Sequence[ClassMap],
    fill: bool,
    class_name: str = "water",
    pixel_size_m: float | None = None,
) -> list[AreaSeries]:
    """Measure one date of a series.

    Args:
        class_map: Its map.
        groups: Where, each group with a total of its own; one without districts: the whole image.
        occurrence: Occurrence and number of observations of the series; None: no other date.
        maps: The series.
        fill: Whether filled areas are wanted; the interval rests on them in any case.
        class_name: Class of its legend.
        pixel_size_m: Side of a pixel in metres, for a map with no CRS.

    Returns:
        One for each group.
    """
    others = None
    # What is filled is for the interval, too; a map of others has none.
    if occurrence is not None and (fill or class_map.errors != "unknown"):
        others = learn_filling(class_map, *occurrence, maps=maps, class_name=class_name)
    found = [
        measure_areas(class_map, class_name, districts, pixel_size_m=pixel_size_m, others=others)
        for districts in groups
    ]
    return found if fill else [_without_filled(one) for one in found]


def _without_filled(series: AreaSeries) -> AreaSeries:
    areas, together = (
        tuple(dataclasses.replace(a, filled_km2=None, filled_share=0.0) for a in rows)
        for rows in (series.areas, series.together)
    )
    return dataclasses.replace(series, areas=areas, together=together)


def with_periods(series: AreaSeries, weigh: Weigh, whole: AreaSeries | None = None) -> AreaSeries:
    """Weigh the dates of each district, S = Σ Sᵢωᵢ, with the interval of S.

    Args:
        series: Areas by date and district.
        weigh: How.
        whole: Of districts that are parts of others of the same names, those: dates have the same
            weights in both, so that parts add up.
    """
    own = whole or series
    return dataclasses.replace(
        series,
        periods=_periods(series.areas, own.areas, weigh),
        periods_together=_periods(series.together, own.together, weigh),
    )


def _periods(areas: Sequence[Area], whole: Sequence[Area], weigh: Weigh) -> tuple[PeriodArea, ...]:
    weighed = {name: weigh(rows) for name, rows in by_district(whole).items()}
    return tuple(_period(rows, weighed[name]) for name, rows in by_district(areas).items())


def by_district(areas: Sequence[Area]) -> dict[str, list[Area]]:
    """Return the areas of each district, by its name."""
    found: dict[str, list[Area]] = {}
    for area in areas:
        found.setdefault(area.district, []).append(area)
    return found


def _period(areas: Sequence[Area], weights: Mapping[str, float]) -> PeriodArea:
    seen = [str(a.date) for a in areas if a.area_km2 is not None]
    return with_estimate(period_area(areas, dict.fromkeys(seen, 0.0) | dict(weights)), areas)


def with_estimate(period: PeriodArea, areas: Sequence[Area]) -> PeriodArea:
    """Return a period of some of the areas with its best estimate and interval."""
    expected, interval, causes = period_estimate(areas, period.weights)
    return dataclasses.replace(
        period, expected_km2=expected, interval_km2=interval, uncertainty=causes
    )


def clear(areas: Sequence[Area]) -> dict[str, float]:
    """Weigh by the share of the district that was seen."""
    return clear_weights({str(a.date): 1 - a.unseen_share for a in areas if a.area_km2 is not None})


def by_cloud(cloudiness_percent: Mapping[str, float]) -> Weigh:
    """Weigh by the cloudiness of the whole scene, per cent by date."""

    def weigh(areas: Sequence[Area]) -> dict[str, float]:
        seen = [str(a.date) for a in areas if a.area_km2 is not None]
        return cloud_weights({date: cloudiness_percent[date] for date in seen})

    return weigh


def by_hand(weights: Mapping[str, float]) -> Weigh:
    """Weigh by given weights."""

    def weigh(areas: Sequence[Area]) -> dict[str, float]:
        seen = [str(a.date) for a in areas if a.area_km2 is not None]
        blind = [str(a.date) for a in areas if a.area_km2 is None]
        return given_weights(weights, seen, failed=blind)

    return weigh


def weigh_as(spec: str | None, cloudiness_percent: Mapping[str, float]) -> Weigh:
    """Return how to weigh: ``clear`` (None), ``cloud``, or by the CSV of that name."""
    if spec in (None, "clear"):
        return clear
    if spec == "cloud":
        return by_cloud(cloudiness_percent)
    path = Path(str(spec))
    if not path.exists() and not path.suffix:
        raise UsageError(
            f"--weights: '{spec}' is no way to weigh.", "Write clear, cloud, or a CSV file."
        )
    return by_hand(read_weights(path))


def dated(maps: Sequence[ClassMap]) -> list[ClassMap]:
    """Return maps in order of time.

    Raises:
        InputError: no map, one without a date, or two of one date.
        GridError: grids that differ.
    """
    require_one_grid(maps)
    days = [m.time for m in maps]
    if None in days:
        raise InputError(
            f"Image {days.index(None) + 1} of {len(days)} has no date.",
            "Name the file with its date, or set scene.attrs['time'].",
        )
    twice = sorted({str(d) for d in days if days.count(d) > 1})
    if twice:
        raise InputError(f"There are two images of {', '.join(twice)}.", "Keep one for each date.")
    return sorted(maps, key=lambda m: str(m.time))


def _as_map(image: Any, method: str, options: EngineOptions | None) -> ClassMap:
    if isinstance(image, ClassMap):
        return image
    scene = image if isinstance(image, xr.Dataset) else open_scene(image)
    return map_water(scene, method, options=options)


def _occurrence(maps: Sequence[ClassMap]) -> tuple[xr.DataArray, xr.DataArray]:
    sinks = [ArraySink(maps[0].labels.shape) for _ in range(2)]  # type: ignore[arg-type]
    measure_occurrence(maps, *sinks)
    coords = coords_of(maps[0].geobox)
    first, second = (xr.DataArray(s.array, coords, ("y", "x")) for s in sinks)
    return first, second
