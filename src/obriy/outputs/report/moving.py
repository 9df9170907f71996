"""The map of a report that can be moved, zoomed and asked: what it carries, for every job.

Pictures of layers, outlines and figures travel in the page as JSON; ``templates/moving.js`` shows
them. Without a script, and in print, the drawing that every report has stands in its place.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from odc.geo.geobox import GeoBox

from obriy.model.areas import PARTIAL_ABOVE
from obriy.outputs.report.cells import getter, interval_km2, unseen
from obriy.outputs.report.parts import Drawing, Moving
from obriy.render.composites import LARGEST
from obriy.render.geometry import ground_scale, pixel_aspect
from obriy.render.palette import OUTLINE
from obriy.render.sheets import MapView
from obriy.render.text import Text
from obriy.vectors import LONLAT

Named = tuple[str, str]
Facts = Sequence[Named]

MOST_POINTS: Final = 40_000
"""Corners of all outlines together; of more the smallest bodies are left out."""
_NODES: Final = 33
"""Points along a side at which longitude and latitude are told: between them they are straight
to a metre or two within a tile of 110 km."""
_BODY: Final = "#0b57d0"


Body = Callable[[Text, Mapping[str, Any]], tuple[str, Facts]]
"""What tells of a water body its name and its figures, from what its file says."""


def moving_map(
    text: Text,
    view: MapView | None,
    still: Drawing | None,
    *,
    districts: Mapping[str, Facts] | None = None,
    classes: Mapping[int, Facts] | None = None,
    body: Body | None = None,
    kind: str = "body",
) -> Moving | Drawing | None:
    """Return the map of a report; the drawing alone where there is nothing to move.

    Args:
        text: The language.
        view: Pictures and outlines.
        still: The same as a drawing.
        districts: Figures of each, by its name.
        classes: Figures of each class, by its code.
        body: Tells of a body.
        kind: Word for what is outlined beside districts: ``body``, ``patch``, ``ice`` or
            ``parcel``.
    """
    if view is None:
        return still
    scale = ground_scale(view.geobox, view.pixel_size_m)
    shapes = _shapes(text, view, districts or {}, body)
    for shape in shapes:
        # Parcels tile a map: all outlines would hide it. One that is asked for is drawn.
        shape["quiet"] = shape["kind"] == "body" and kind == "parcel"
    data = {
        "extent": list(view.extent),
        "aspect": pixel_aspect(view.geobox, scale),
        "metres": None if scale is None else scale.along,
        "north": bool(scale is not None and scale.north_up),
        "affine": None if view.geobox.crs is None else list(view.geobox.affine)[:6],
        "projected": view.geobox.crs is not None and not view.geobox.crs.geographic,
        "lonlat": _lonlat(view),
        "sheets": [{"name": s.name, "source": s.source} for s in view.sheets],
        "codes": view.codes,
        "classes": {
            str(code): {"name": title, "facts": (classes or {}).get(code, ())}
            for code, (title, _) in view.classes.items()
        },
        "shapes": shapes,
        "words": {key: text(f"moving.{key}") for key in _SCRIPT} | {"body": text(f"moving.{kind}")},
    }
    outlined = _outlined(text, shapes, kind)
    drawn = {
        "outlines": outlined,
        "names": [shape for shape in shapes if not shape["quiet"]],
        "graticule": data["lonlat"],
    }
    return Moving(
        still,
        view.sheets,
        _places(text, shapes, kind),
        outlined,
        [over for over, there in drawn.items() if there],
        crs_name(text, view.geobox),
        {key: text(f"moving.{key}") for key in _TEMPLATE},
        json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c"),
    )


_SCRIPT: Final = (
    "district", "class", "unseen", "km", "m", "outside", "row", "column", "north", "south",
    "east", "west", "up", "nothing",
)  # fmt: skip
_TEMPLATE: Final = (
    "label", "help", "larger", "smaller", "whole", "layers", "opacity", "outlines", "names",
    "graticule", "go", "choose", "told", "first", "crs",
)  # fmt: skip


def figures_of(text: Text, row: Any) -> list[Named]:
    """Return the figures of a place: best estimate, interval, what was seen, what was not."""
    seen = row.ice_km2 if hasattr(row, "ice_km2") else row.area_km2
    known = row.expected_km2 is not None and row.interval_km2 is not None
    facts = []
    if known:
        facts.append((text("moving.best"), text.area(row.expected_km2)))
        facts.append((text("moving.interval"), interval_km2(text, row.interval_km2)))
    if seen is not None and not (known and row.unseen_share <= PARTIAL_ABOVE):
        facts.append((text("moving.seen"), text.area(seen)))
    return [*facts, (text("moving.unseen_share"), unseen(text, row))]


def by_district(text: Text, rows: Iterable[Any]) -> dict[str, Facts]:
    """Return the figures of districts by their names, of rows that have a district each."""
    return {row.district: figures_of(text, row) for row in rows}


def patch(text: Text, row: Mapping[str, Any]) -> tuple[str, Facts]:
    """Tell of a patch of one class in one image: its number in the file, and its area."""
    get = getter("area_m2")(row)
    facts = [] if get is None else [(text("moving.area"), _with_hectares(text, get / 1e6))]
    if row.get("district"):
        facts.append((text("moving.district"), text.place(str(row["district"]))))
    return f"№{row['id']}", facts


def followed(text: Text, row: Mapping[str, Any]) -> tuple[str, Facts]:
    """Tell of a water body that was followed through a season."""
    largest, wet = row.get("area_max_m2"), row.get("half_wet")
    number, uid = row.get("number"), str(row["uid"])
    facts = [] if number is None else [(text("moving.id"), uid)]
    if largest is not None:
        facts.append((text("moving.largest"), _with_hectares(text, largest / 1e6)))
    facts.append((text("moving.extent"), _with_hectares(text, row["area_m2"] / 1e6)))
    for key in ("first_water", "last_water"):
        if row.get(key):
            facts.append((text(f"moving.{key}"), str(row[key])))
    if wet is not None:
        facts.append((text("moving.half_wet"), text.percent(wet, 0)))
    facts.append((text("moving.dates_seen"), str(row["dates_seen"])))
    return uid if number is None else f"№{int(number)}", facts


def of_class(text: Text, row: Any) -> list[Named]:
    """Return the figures of a class of land cover: its area, its share, how sure its name is."""
    facts = [] if row.area_km2 is None else [(text("moving.area"), text.area(row.area_km2))]
    facts.append((text("moving.share"), text.percent(row.share)))
    if row.confidence is not None:
        facts.append((text("moving.sure"), text.sure(row.confidence)))
    return facts


def parcel(titles: Mapping[int, str], text: Text, row: Mapping[str, Any]) -> tuple[str, Facts]:
    """Tell of a parcel of land cover: its class, its area, how sure its name is."""
    hectares, sure = row.get("area_ha"), row.get("confidence")
    facts = [] if hectares is None else [(text("moving.area"), text.hectares(hectares / 100))]
    if sure is not None:
        facts.append((text("moving.sure"), text.sure(sure)))
    return titles.get(int(row["code"]), str(row["class"])), facts


def _with_hectares(text: Text, km2: float) -> str:
    return f"{text.area(km2)} ({text.hectares(km2)})"


def crs_name(text: Text, geobox: GeoBox) -> str:
    """Return what people call the coordinate system of a grid, with its number."""
    if geobox.crs is None:
        return text("moving.no_crs")
    crs = pyproj.CRS(geobox.crs.to_wkt())
    code = crs.to_authority(min_confidence=70)
    return f"{crs.name} ({':'.join(code)})" if code else crs.name


def _lonlat(view: MapView) -> list[list[float]] | None:
    """Return longitude and latitude, WGS 84, at the nodes of the map, row by row.

    Longitudes go on beyond 180 rather than jump; None where nobody knows.
    """
    if view.geobox.crs is None:
        return None
    rows, columns = view.extent
    x, y = np.meshgrid(np.linspace(0, columns, _NODES), np.linspace(0, rows, _NODES))
    a = view.geobox.affine
    to_lonlat = pyproj.Transformer.from_crs(view.geobox.crs.to_wkt(), LONLAT, always_xy=True)
    lon, lat = to_lonlat.transform(a.a * x + a.b * y + a.c, a.d * x + a.e * y + a.f)
    if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
        return None
    for axis in (0, 1):
        lon = np.unwrap(lon, period=360.0, axis=axis)
    return [_rounded(values.ravel(), 6) for values in (lon, lat)]


def _shapes(
    text: Text, view: MapView, districts: Mapping[str, Facts], body: Body | None
) -> list[dict[str, Any]]:
    """Return outlines with names and figures: districts first, then bodies, the largest first."""
    rows, columns = view.extent
    frame = _Frame(shapely.box(0, 0, columns, rows), max(rows, columns) / (2 * LARGEST))
    shapes, points = [], 0
    for name, outline in view.outlines.items():
        told = {"kind": "district", "name": text.place(name), "facts": districts.get(name, ())}
        shapes.append(told | {"colour": OUTLINE} | frame.drawn(outline))
    for geometry, row in view.bodies if body is not None else ():
        name, facts = body(text, row)  # type: ignore[misc]
        told = {"kind": "body", "name": name, "facts": facts, "colour": _BODY}
        shapes.append(told | frame.drawn(geometry))
    kept = []
    for shape in shapes:
        points += sum(len(ring) // 2 for ring in shape["rings"])
        if shape["rings"] and (points <= MOST_POINTS or shape["kind"] == "district"):
            kept.append(shape)
    return kept


@dataclasses.dataclass(frozen=True)
class _Frame:
    """What is seen of outlines: within a map, as fine as its pictures."""

    within: shapely.Geometry
    fine: float

    def drawn(self, outline: Any) -> dict[str, Any]:
        """Return the rings of an outline, and a point inside it for its name, in pixels."""
        inside = shapely.make_valid(outline)
        if not self.within.contains(shapely.box(*inside.bounds)):
            inside = shapely.intersection(inside, self.within)
        simple = inside if self.fine < 1 else self._simple(inside)
        rings = [shapely.get_coordinates(ring) for ring in _rings(simple)]
        at = shapely.get_coordinates(shapely.point_on_surface(inside)) if rings else [np.zeros(2)]
        return {"at": _rounded(at[0], 1), "rings": [_rounded(r.ravel(), 1) for r in rings]}

    def _simple(self, outline: Any) -> Any:
        """Leave out what no picture shows; a body that is all of that keeps its shape."""
        quick = shapely.simplify(outline, self.fine, preserve_topology=False)
        return shapely.simplify(outline, self.fine) if quick.is_empty else quick


def _rings(geometry: shapely.Geometry) -> Iterable[Any]:
    parts = [p for p in shapely.get_parts(geometry) if p.geom_type in ("Polygon", "MultiPolygon")]
    return shapely.get_rings(shapely.get_parts(np.asarray(parts, object))) if parts else ()


def _rounded(values: npt.NDArray[np.float64], digits: int) -> list[float]:
    return [round(float(v), digits) for v in values]


def _outlined(text: Text, shapes: Sequence[Mapping[str, Any]], body: str) -> list[Named]:
    """Return what is outlined before anybody asks, each kind with its colour."""
    words = {"district": "district", "body": body}
    colours = {shape["kind"]: shape["colour"] for shape in shapes if not shape["quiet"]}
    return [(text(f"moving.{words[kind]}"), colour) for kind, colour in colours.items()]


def _places(
    text: Text, shapes: Sequence[Mapping[str, Any]], body: str
) -> list[tuple[str, list[tuple[int, str]]]]:
    """Return what there is to go to, by kind."""
    groups = []
    for kind, word in (("district", "district"), ("body", body)):
        found = [(k, shape["name"]) for k, shape in enumerate(shapes) if shape["kind"] == kind]
        if found:
            groups.append((text(f"moving.{word}_many"), found))
    return groups
