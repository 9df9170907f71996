"""The outlines of a run: its districts and its bodies of water, and what is known of each."""

import dataclasses
import functools
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Literal

import geopandas as gpd

from obriy.errors import ObriyError
from obriy.model.areas import WHOLE_IMAGE
from obriy.model.bodies import default_rule
from obriy.outputs.report import cells
from obriy.render.text import Text
from obriy.sources.csv_tables import rows_of
from obriy.sources.vector_files import read_vector
from obriy.web.rasters import images_of
from obriy.web.shelf import ShelfRun
from obriy.workflows.inputs import districts_of

Kind = Literal["district", "body"]
MOST: Final = 2000
"""Bodies that a page shows: the largest."""
_LONLAT: Final = 4326
_PLANE: Final = 3857
"""Where a plane without a place is shown; see `obriy.web.rasters`."""
_OUTPUTS: Final = ("bodies", "polygons")
_FACTS: Final = {
    "series.body_extent": "area_m2", "series.body_max": "area_max_m2",
    "series.body_first": "first_water", "series.body_last": "last_water",
    "series.body_wet": "half_wet",
}  # fmt: skip
"""Words of reports, and the columns of a file of bodies that they are of."""


@dataclasses.dataclass(frozen=True)
class Known:
    """What is known of a district or a body.

    Attributes:
        title: What it is called.
        facts: Names and values.
        dates: Its series, as `obriy.web.pages.charts.series_chart` takes it; empty: none.
        note: What the series rests on; empty: nothing to say.
        hectares: Whether it is small: told in hectares.
    """

    title: str
    facts: Sequence[tuple[str, str]]
    dates: Sequence[Any] = ()
    note: str = ""
    hectares: bool = False


def outlines(run: ShelfRun) -> dict[str, Any]:
    """Return the outlines as GeoJSON; ``kind`` and ``name`` of each tell it from the others."""
    features: list[dict[str, Any]] = []
    for kind, frame in (("district", _districts(run)), ("body", _bodies(run))):
        if frame is None or frame.empty:
            continue
        placed = (frame.set_crs(_PLANE) if frame.crs is None else frame).to_crs(_LONLAT)
        shapes = json.loads(gpd.GeoSeries(placed.geometry).to_json())["features"]
        features += [
            {"type": "Feature", "geometry": shape["geometry"],
             "properties": {"kind": kind, "name": str(name)}}
            for shape, name in zip(shapes, placed["name"], strict=True)
        ]  # fmt: skip
    return {"type": "FeatureCollection", "features": features}


def kinds(run: ShelfRun) -> dict[Kind, str]:
    """Return what is outlined in a run, each kind with its word among the texts of ``moving``."""
    job, found = getattr(run.result(), "job", ""), dict[Kind, str]()
    if any(row.district != WHOLE_IMAGE for row in getattr(run.result(), "districts", [])):
        found["district"] = "district"
    if any(_file(run, name) is not None for name in _OUTPUTS):
        found["body"] = {"ice": "ice", "landcover": "parcel"}.get(job, "body")
    return found


def known(run: ShelfRun, kind: Kind, name: str, text: Text) -> Known | None:
    """Return what is known of one of them; None: there is none of that name."""
    return _district(run, name, text) if kind == "district" else _body(run, name, text)


def _district(run: ShelfRun, name: str, text: Text) -> Known | None:
    result = run.result()
    row = next((r for r in getattr(result, "districts", []) if r.district == name), None)
    if row is None:
        return None
    facts = []
    if row.headline is not None and row.headline.km2 is not None:
        facts.append((text("report.expected"), cells.bare(text.area(row.headline.km2))))
    if row.district_km2 is not None:
        facts.append((text("report.district_area"), cells.bare(text.area(row.district_km2))))
    dates = [area for area in getattr(result, "areas", []) if area.district == name]
    return Known(text.place(name), facts, dates)


def _body(run: ShelfRun, name: str, text: Text) -> Known | None:
    frame = _bodies(run)
    rows = None if frame is None else frame[frame["name"] == name]
    if rows is None or rows.empty:
        return None
    row = rows.iloc[0]
    facts = [
        (text(word), _written(column, row[column], text))
        for word, column in _FACTS.items()
        if column in rows and row[column] == row[column] and row[column] not in (None, "")
    ]
    least = _seen_percent(run)
    dates = _series(run, name, least)
    note = "" if all(d.counts for d in dates) else text("series.body_counts", seen=f"{least:g}")
    number = f"№{row['number']}, " if "number" in rows else ""
    return Known(f"{text('series.body')} {number}{name}", facts, dates, note, hectares=True)


def _seen_percent(run: ShelfRun) -> float:
    """Return the share of a body that must be seen for a date to count, as the run has it."""
    found = getattr(run.result(), "bodies", None)
    rule = {} if found is None else found.rule
    return float(rule.get("seen_percent", default_rule().seen_percent))


def _written(column: str, value: Any, text: Text) -> str:
    if column.endswith("_m2"):
        return cells.bare(text.hectares(float(value) / 1e6))
    return text.percent(float(value), 0) if column == "half_wet" else str(value)


def _series(run: ShelfRun, name: str, least: float) -> list[Any]:
    """Return the series of a body, as that of an area of which nothing is estimated.

    Dates that saw less than ``least`` per cent of it do not count: neither for its first and last
    water nor for its largest area, and the chart must not join them to those that do.
    """
    file = _file(run, "body_series")
    if file is None:
        return []
    header, rows = rows_of(file)
    found = [dict(zip(header, row, strict=False)) for row in rows]
    return [
        SimpleNamespace(
            date=row["date"],
            expected_km2=None,
            interval_km2=None,
            area_km2=float(row["area_wet_m2"]) / 1e6 if row["area_wet_m2"] else None,
            unseen_share=float(row["pc_invalid"]) / 100,
            counts=100 - float(row["pc_invalid"]) >= least,
        )
        for row in found
        if row.get("uid") == name
    ]


def _bodies(run: ShelfRun) -> gpd.GeoDataFrame | None:
    file = next((f for f in (_file(run, name) for name in _OUTPUTS) if f is not None), None)
    return None if file is None else _read(file, file.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _read(file: Path, changed: int) -> gpd.GeoDataFrame | None:
    try:
        frame = read_vector(file, 0)
    except ObriyError:
        return None
    if "area_m2" in frame and frame["area_m2"].notna().any():
        frame = frame.nlargest(MOST, "area_m2")
    column = "uid" if "uid" in frame else "id" if "id" in frame else None
    names = frame[column] if column else range(len(frame))
    return frame.head(MOST).assign(name=[str(name) for name in names][:MOST])


def _districts(run: ShelfRun) -> gpd.GeoDataFrame | None:
    config, result = images_of(run), run.result()
    if config is None or not getattr(result, "districts", []):
        return None
    try:
        found = districts_of(config)
    except ObriyError:  # the file is not there any more
        return None
    if not found:
        return None
    names, shapes = [one.name for one in found], [one.geometry for one in found]
    return gpd.GeoDataFrame({"name": names}, geometry=shapes, crs=found[0].crs)


def _file(run: ShelfRun, output: str) -> Path | None:
    result = run.result()
    place = run.place_of(result.outputs[output]) if result and output in result.outputs else None
    return None if place is None else run.folder / place
