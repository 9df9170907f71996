"""Several maps of ice of one day made one.

At the edge of a swath a pixel is some 2 x 5 km instead of 0.5 x 0.5, and more of the sky lies
before it. So of two granules the one that looked down more steeply is believed (``best``), or most
of them (``majority``), where a single one may have taken a cloud for ice.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.blocks.engine import ArraySink, Sink
from obriy.blocks.windows import windows
from obriy.errors import GridError, UsageError
from obriy.measures.occurrence import is_named, read_window, require_one_grid
from obriy.model.classmap import ClassMap
from obriy.model.flags import BY_NOTHING, CLOUDS_STEP, Unseen
from obriy.model.grid import coords_of, geobox_of, same_grid
from obriy.model.ice import CLOUD
from obriy.model.legend import NO_DATA, UNNAMED
from obriy.model.provenance import Provenance

Rule = Literal["best", "majority"]
Angles = Sequence[xr.DataArray | None]

_BLOCK: Final = 1024
"""Side of a window, pixels: of each map a few bytes and a float of it are in memory."""
_NEVER: Final = 500.0
"""Ranks an unknown angle behind every known one, degrees."""
_STEP: Final = 1000.0
"""More than any angle: what a pixel says comes before how steeply it was seen."""

ByteArray = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]


def composite(
    maps: Sequence[ClassMap], *, by: Rule = "best", view_zenith: Angles | None = None
) -> ClassMap:
    """Make one map of the maps of a day.

    Each pixel is taken whole, with its layers, from one of the maps that saw it (water, ice or
    land). ``best``: from the one with the smallest view zenith angle. ``majority``: from the best
    view of those that give the most frequent class; of classes as frequent, of all that give one
    of them. A granule without angles ranks behind those that have them; among equals the first
    counts. A pixel that none saw is not named (255) where one looked and would not name it, a
    cloud where all that looked saw cloud, and without data where none looked.

    Args:
        maps: On one grid, legend ``ice``; lazy or in memory, read window by window.
        by: The rule.
        view_zenith: (y, x) float degrees for each map, NaN where unknown, None for a map without;
            None: for none.

    Returns:
        The map, in memory: a byte per pixel and layer; of the layers those that all maps have, and
        ``unseen``. One map alone comes back as it is.

    Raises:
        InputError: no map.
        GridError: the maps, or the angles, do not share a grid.
        UsageError: a rule of another name, or not an entry of angles for each map.
    """
    first = require_one_grid(maps)
    angles = _checked(maps, by, view_zenith)
    if len(maps) == 1:
        return first
    shape = (first.labels.sizes["y"], first.labels.sizes["x"])
    kept = [name for name in _TAKEN if all(getattr(m, name) is not None for m in maps)]
    sinks = {name: ArraySink(shape) for name in ("labels", "unseen", *kept)}
    shares = compose(maps, sinks, by=by, view_zenith=angles)
    layers: dict[str, Any] = {
        name: xr.DataArray(sink.array, dims=("y", "x"), coords=coords_of(first.geobox))
        for name, sink in sinks.items()
    }
    return ClassMap(
        legend=first.legend,
        provenance=composite_record(maps, by, shares),
        time=min((m.time for m in maps if m.time is not None), default=None),
        **layers,
    )


_TAKEN: Final = ("fraction", "doubt", "confidence")


def compose(
    maps: Sequence[ClassMap],
    sinks: Mapping[str, Sink],
    *,
    by: Rule = "best",
    view_zenith: Angles | None = None,
) -> list[float]:
    """Write a composite layer by layer, one window in memory at a time.

    Args:
        maps: As in `composite`.
        sinks: Take the layers of their names: ``labels``, ``unseen``, and any that all maps have.
        by: As in `composite`, as are errors.
        view_zenith: Likewise.

    Returns:
        Share of the pixels that each map gave, of those that any saw; 0 to 1.
    """
    shape = require_one_grid(maps).labels.shape
    angles = _checked(maps, by, view_zenith)
    given = np.zeros(len(maps), np.int64)
    for rows, columns in windows(shape, _BLOCK):
        labels = np.stack([read_window(m.labels, rows, columns) for m in maps])
        unseen = np.stack([_unseen(m, rows, columns) for m in maps])
        rank = _rank(labels, unseen, votes=by == "majority")
        for number, angle in enumerate(angles):
            rank[number] -= _degrees(angle, rows, columns)
        source = rank.argmax(axis=0)[None]
        layers = {"labels": labels, "unseen": unseen}
        for name, sink in sinks.items():
            stack = layers.get(name)
            if stack is None:
                stack = np.stack([read_window(getattr(m, name), rows, columns) for m in maps])
            sink.write(rows, columns, np.take_along_axis(stack, source, axis=0)[0])
        seen = _is_seen(np.take_along_axis(labels, source, axis=0))
        given += np.bincount(source[seen], minlength=len(maps))
    return [float(n) for n in given / max(1, int(given.sum()))]


def _checked(maps: Sequence[ClassMap], by: str, view_zenith: Angles | None) -> Angles:
    """Return an entry of angles for each map.

    Raises:
        UsageError: a rule of another name, or not an entry for each.
        GridError: angles of another grid.
    """
    if by not in get_args(Rule):
        raise UsageError(f"There is no rule '{by}' to join maps by.", "Say best or majority.")
    if view_zenith is None:
        return [None] * len(maps)
    if len(view_zenith) != len(maps):
        raise UsageError(
            f"There are {len(maps)} maps and {len(view_zenith)} view zenith angles.",
            "Give one for each map, None where there is none.",
        )
    for class_map, angle in zip(maps, view_zenith, strict=True):
        if angle is not None and not same_grid(class_map.geobox, geobox_of(angle)):
            raise GridError(
                f"The view zenith angles of {class_map.time or 'a map'} lie on another grid.",
                "Bring them to the grid of the map.",
            )
    return view_zenith


def _unseen(class_map: ClassMap, rows: slice, columns: slice) -> ByteArray:
    """Return why pixels have no class; without such a layer a pixel without a class has no data."""
    if class_map.unseen is not None:
        return read_window(class_map.unseen, rows, columns)
    blind = read_window(class_map.labels, rows, columns) == NO_DATA
    return np.where(blind, np.uint8(Unseen.NO_DATA), np.uint8(Unseen.SEEN))


def _is_seen(labels: ByteArray) -> npt.NDArray[np.bool_]:
    seen: npt.NDArray[np.bool_] = is_named(labels) & (labels != CLOUD)
    return seen


def _rank(labels: ByteArray, unseen: ByteArray, *, votes: bool) -> FloatArray:
    """Return how much a map has to say of a pixel, (maps, y, x): steps far above any angle."""
    looked = (unseen != Unseen.SEEN) & (unseen != Unseen.NO_DATA)
    seen = _is_seen(labels)
    tier = np.select([seen, labels == UNNAMED, labels == CLOUD, looked], [4, 3, 2, 1], 0)
    rank = _STEP * (len(labels) + 1) * tier.astype("float64")
    if votes:
        for number, own in enumerate(labels):
            rank[number] += np.where(seen[number], _STEP * (labels == own).sum(axis=0), 0)
    return rank


def _degrees(angle: xr.DataArray | None, rows: slice, columns: slice) -> FloatArray:
    if angle is None:
        return np.full((1, 1), _NEVER)
    values = angle.isel(y=rows, x=columns).to_numpy().astype("float64")
    return np.where(np.isfinite(values), values, _NEVER)


def composite_record(maps: Sequence[ClassMap], by: str, shares: Sequence[float]) -> Provenance:
    """Return what a composite was made from: inputs and steps of all, each once.

    Args:
        maps: As in `composite`.
        by: The rule.
        shares: Of `compose`.
    """
    inputs: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    record = Provenance()
    for class_map in maps:
        own = class_map.provenance
        inputs += [one for one in own.inputs if one not in inputs]
        steps += [one for one in own.steps if one not in steps]
        for sentence in own.warnings:
            record = record.with_warning(sentence)
    taken = [
        {"time": m.time or "", "share": round(share, 4)}
        for m, share in zip(maps, shares, strict=True)
    ]
    joined = Provenance(tuple(inputs), tuple(steps), record.warnings)
    if any(m.clouds == "unknown" for m in maps):  # what one of them saw may be cloud
        joined = joined.with_step(CLOUDS_STEP, by=BY_NOTHING)
    return joined.with_step("composite", rule=by, maps=taken)
