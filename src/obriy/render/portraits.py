"""Pictures of clusters for those who name them: in grey where the cluster is marked.

No picture knows the number of a cluster or a colour of a legend: a coloured mask would be named
by its colour.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.image import imsave
from scipy import ndimage

from obriy.blocks.decimate import class_shares
from obriy.model.clusters import ClusterFacts
from obriy.model.scene import is_reflectance
from obriy.render.composites import Bands
from obriy.render.contrast import Array, square_around
from obriy.render.figures import PACKED, to_png
from obriy.render.places import PLACES, Place, figure_of, mark, paste, typical_places
from obriy.render.scene_view import (
    Mask,
    SceneView,
    composite,
    legend_pictures,
    place_side,
    stack,
)
from obriy.render.spectra import spectrum_figure
from obriy.render.year import OppositeMonths, year_pictures

_TILE: Final = 184
"""Side of a magnified place in the picture, pixels, at most."""
_WIDER: Final = 8
"""A scene this many places long has a scale between: there its pixels are too small to see."""
_AROUND: Final = 318
"""Side of the surroundings of a place in the picture, pixels, at most."""
_GAP: Final = 6
_MOST: Final = 0.5
_AT_ONCE: Final = 32
"""Clusters whose masks are read together: memory against passes over the map."""


def shared_pictures(view: SceneView) -> dict[str, bytes]:
    """Return the pictures of the whole scene, PNG, by name: the same for every cluster."""
    pictures = {}
    for name, bands in view.composites.items():
        picture, known = composite(view, bands)
        pictures[name] = _encoded(_finished(picture, known, view.size))
    if is_reflectance(view.scene):
        pictures |= legend_pictures(view)
    return pictures


def cluster_pictures(
    view: SceneView, labels: xr.DataArray, clusters: Sequence[ClusterFacts]
) -> Iterator[dict[str, bytes]]:
    """Yield what shows one cluster after another, PNG.

    ``mask`` and ``outline`` (the whole scene, places numbered), ``around`` where the scene is
    large, ``places``, ``spectrum``.

    Of a season ``year`` and ``seasons``, too, see `obriy.render.year`.

    Args:
        view: Of the scene.
        labels: (y, x) uint8 numbers of clusters, 0 missing; lazy or in memory.
        clusters: Which ones, in this order.
    """
    backdrop = composite(view, view.first)
    sensor = str(view.scene.attrs.get("sensor", ""))
    side = place_side(view.scene)
    opposite = OppositeMonths.of(view.scene)
    for start in range(0, len(clusters), _AT_ONCE):
        part = clusters[start : start + _AT_ONCE]
        shares = class_shares(labels.variable, view.steps, [facts.id for facts in part])
        for facts, share in zip(part, shares, strict=True):
            places = typical_places(labels, facts.id, share, view.steps, side)
            middles = [place.middle(side) for place in places]
            yield {
                "mask": _mask(view, backdrop, share, places),
                "outline": _outline(view, backdrop, share, places),
                **_around(view, labels, facts.id, places),
                "places": _places(view, labels, facts.id, places),
                "spectrum": to_png(spectrum_figure(facts, sensor), dpi=100),
                **year_pictures(facts, opposite, middles, side),
            }


def _mask(
    view: SceneView,
    backdrop: tuple[Array, Mask],
    share: npt.NDArray[np.float32],
    places: Sequence[Place],
) -> bytes:
    """Return the cluster in light grey on the scene in dark grey.

    The square root of the share lets specks and lines be seen when many pixels make an element.
    """
    picture, known = backdrop
    inside = np.sqrt(np.clip(share, 0, 1))
    grey = 0.9 * inside + (0.04 + 0.36 * picture.mean(axis=2)) * (1 - inside)
    return _encoded(_marked(view, _finished(np.dstack([grey] * 3), known, view.size), places))


def _outline(
    view: SceneView,
    backdrop: tuple[Array, Mask],
    share: npt.NDArray[np.float32],
    places: Sequence[Place],
) -> bytes:
    """Return the scene with the edge of the cluster drawn on it, where it has most of an element.

    A cluster of lines and specks has most of none: there its densest elements count.
    """
    picture, known = backdrop
    inside = _enlarged(_whole(share >= max(_MOST * float(share.max()), 1e-6)), view.size)
    return _encoded(_marked(view, _edged(_finished(picture, known, view.size), inside), places))


def _whole(inside: Mask) -> Mask:
    """Return a mask without its specks and pinholes, unless it is made of them."""
    smooth: Mask = ndimage.median_filter(inside, 3)
    return smooth if smooth.sum() > _MOST * inside.sum() else inside


def _marked(view: SceneView, picture: Array, places: Sequence[Place]) -> Array:
    """Draw the frames of places, numbered, into a picture of the whole scene."""
    side = place_side(view.scene)
    down, across = (
        size / (elements * step)
        for size, elements, step in zip(
            view.size, next(iter(view.small.values())).shape, view.steps, strict=True
        )
    )
    for number, place in enumerate(places, 1):
        top, left = place.top * down, place.left * across
        mark(picture, number, (top, left, top + side * down - 1, left + side * across - 1))
    return picture


def _around(
    view: SceneView, labels: xr.DataArray, cluster: int, places: Sequence[Place]
) -> dict[str, bytes]:
    """Return the surroundings of each place, the cluster outlined, between scene and place.

    Their side is the geometric mean of those of the scene and of a place; nothing where the scene
    itself is not much larger.
    """
    shape, side = labels.shape, place_side(view.scene)
    if max(shape) < _WIDER * side or not places:
        return {}
    wide = min(round((max(shape) * side) ** 0.5), *shape)
    step = max(1, -(-wide // _AROUND))
    wide -= wide % step
    tile = wide // step * max(1, _AROUND * step // wide)
    sheet = np.zeros((2 * tile + _GAP, 2 * tile + _GAP, 3))
    for number, place in enumerate(places, 1):
        corner = [
            max(0, min(middle - wide // 2, length - wide))
            for middle, length in zip(place.middle(side), shape, strict=True)
        ]
        at = corner[0] + wide // 2, corner[1] + wide // 2
        planes = {b: _coarser(square_around(view.scene[b], *at, wide), step) for b in view.first}
        share = _coarser((square_around(labels, *at, wide) == cluster).astype("float64"), step)
        inside = _whole(share >= _MOST)
        picture = _edged(
            _magnified(view, planes, view.first, tile), _enlarged(inside, (tile, tile))
        )
        zoom = tile / wide
        top, left = (place.top - corner[0]) * zoom, (place.left - corner[1]) * zoom
        mark(picture, number, (top, left, top + side * zoom - 1, left + side * zoom - 1))
        down, across = ((number - 1) // 2 * (tile + _GAP), (number - 1) % 2 * (tile + _GAP))
        sheet[down : down + tile, across : across + tile] = picture
    return {"around": _encoded(sheet)}


def _coarser(values: Array, step: int) -> Array:
    """Return the means of blocks of a square whose side they divide; NaN where one has a NaN."""
    count = values.shape[0] // step
    means: Array = values.reshape(count, step, count, step).mean(axis=(1, 3))
    return means


def _places(view: SceneView, labels: xr.DataArray, cluster: int, places: Sequence[Place]) -> bytes:
    """Return magnified places, one in each column: each composite, the first one marked.

    Args:
        view: Of the scene.
        labels: The map of clusters.
        cluster: Which one.
        places: Where; missing ones stay dark.
    """
    side = place_side(view.scene)
    tile = side * (_TILE // side)
    sheet = np.zeros(
        ((len(view.composites) + 1) * (tile + _GAP) - _GAP, PLACES * (tile + _GAP) - _GAP, 3)
    )
    for number, place in enumerate(places, 1):
        at = place.middle(side)
        bands = dict.fromkeys(name for names in view.composites.values() for name in names)
        planes = {name: square_around(view.scene[name], *at, side) for name in bands}
        inside = _enlarged(square_around(labels, *at, side) == cluster, (tile, tile))
        shown = [_magnified(view, planes, names, tile) for names in view.composites.values()]
        dimmed = np.where(inside[..., None], shown[0], 0.45 * shown[0].mean(axis=2, keepdims=True))
        shown.append(_edged(dimmed, inside))
        left = (number - 1) * (tile + _GAP)
        for index, picture in enumerate(shown):
            top = index * (tile + _GAP)
            sheet[top : top + tile, left : left + tile] = picture
        paste(sheet, figure_of(number), 0, left)
    return _encoded(sheet)


def _magnified(view: SceneView, planes: Mapping[str, Array], bands: Bands, tile: int) -> Array:
    known = np.all([np.isfinite(planes[name]) for name in bands], axis=0)
    return _finished(stack(view, planes, bands), known, (tile, tile))


def _edged(picture: Array, inside: Mask) -> Array:
    """Draw the edge of a cluster: white inside, black outside.

    The border of the picture is no edge of the cluster.
    """
    marked = picture.copy()
    marked[ndimage.binary_dilation(inside) & ~inside] = 0.0
    marked[inside & ~ndimage.binary_erosion(inside, border_value=1)] = 1.0
    return marked


def _finished(picture: Array, known: Mask, size: tuple[int, int]) -> Array:
    """Enlarge a picture and hatch what is missing in it."""
    large = _enlarged(picture, size)
    missing = ~_enlarged(known, size)
    rows, columns = np.indices(size)
    large[missing] = np.where((rows + columns) % 8 < 4, 0.42, 0.58)[missing][:, None]
    return large


def _enlarged(picture: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[Any]:
    """Return a picture of another size, of its nearest elements."""
    rows, columns = (
        (np.arange(wanted) * have) // wanted
        for wanted, have in zip(size, picture.shape[:2], strict=True)
    )
    enlarged: npt.NDArray[Any] = picture[rows[:, None], columns]
    return enlarged


def _encoded(picture: Array) -> bytes:
    """Return a picture as PNG; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    levels = (np.clip(picture, 0, 1) * 255).round().astype("uint8")
    nothing: Any = {"Software": None}
    imsave(buffer, levels, format="png", metadata=nothing, pil_kwargs=PACKED)
    return buffer.getvalue()
