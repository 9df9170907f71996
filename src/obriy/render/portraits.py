"""Pictures of clusters for those who name them: in grey where the cluster is marked.

No picture knows the number of a cluster or a colour of a legend: a coloured mask would be named
by its colour.
"""

import dataclasses
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.image import imsave
from scipy import ndimage

from obriy.blocks.decimate import block_means, class_shares, steps_for
from obriy.model.clusters import ClusterFacts
from obriy.model.grid import geobox_of
from obriy.model.scene import band_names
from obriy.render.chips import FALSE_COLOUR, TRUE_COLOUR
from obriy.render.contrast import Array, limits_of_values, square_around, stretched
from obriy.render.figures import to_png
from obriy.render.geometry import ground_scale, pixel_aspect
from obriy.render.spectra import spectrum_figure

LONGEST: Final = 640
"""Longest side of a picture of the whole scene, pixels."""
PLACES: Final = 4
"""Typical places that are magnified."""
_PLACE: Final = (8, 36)
"""Side of a place, pixels of the scene: at least, at most."""
_TILE: Final = 184
"""Side of a magnified place in the picture, pixels, at most."""
_GAP: Final = 6
_GAMMA: Final = 0.57
"""Lifts the dark more than other pictures do: forests and waters must show their texture."""
_AT_ONCE: Final = 32
"""Clusters whose masks are read together: memory against passes over the map."""
_SQUARE: Final = 0.03
"""Pixels that are so nearly square are drawn square."""

Bands = tuple[str, str, str]
Mask = npt.NDArray[np.bool_]


@dataclasses.dataclass(frozen=True)
class SceneView:
    """How all portraits of a scene show it.

    Attributes:
        scene: The Scene.
        composites: Bands shown as red, green and blue, by name of the picture:
            ``"true_colour"``, ``"infrared"``, or ``"one_band"`` where it has neither.
        small: Means of each band shown in the elements of a small picture, NaN missing.
        limits: Reflectance of black and of white of the three bands, by composite.
        steps: Rows and columns of pixels that make one element of a small picture.
        size: Rows and columns of the pictures of the whole scene.
    """

    scene: xr.Dataset
    composites: Mapping[str, Bands]
    small: Mapping[str, npt.NDArray[np.float32]]
    limits: Mapping[Bands, tuple[tuple[float, float], ...]]
    steps: tuple[int, int]
    size: tuple[int, int]

    @property
    def first(self) -> Bands:
        """The bands that are nearest to what an eye would see."""
        return next(iter(self.composites.values()))


def place_side(scene: xr.Dataset) -> int:
    """Return the side of a magnified place, pixels of the scene."""
    return int(np.clip(min(scene.sizes["y"], scene.sizes["x"]) // 4, *_PLACE))


def view_of(scene: xr.Dataset) -> SceneView:
    """Return how to show a scene: which bands, how bright, how large.

    Args:
        scene: A Scene of any size, lazy or in memory; read at a low resolution.
    """
    composites = composites_of(scene)
    shape = scene.sizes["y"], scene.sizes["x"]
    steps = steps_for(shape, LONGEST)
    bands = dict.fromkeys(name for names in composites.values() for name in names)
    small = {name: block_means(scene[name].variable, steps) for name in bands}
    grid = geobox_of(scene)
    aspect = pixel_aspect(grid, ground_scale(grid))
    rows, columns = shape[0] // steps[0], shape[1] // steps[1]
    return SceneView(
        scene=scene,
        composites=composites,
        small=small,
        limits={names: _limits(small, names) for names in composites.values()},
        steps=steps,
        size=_size(rows, columns, aspect * steps[0] / steps[1]),
    )


def composites_of(scene: xr.Dataset) -> dict[str, Bands]:
    """Return the bands shown as red, green and blue, by name of the picture."""
    available = set(band_names(scene))
    found: dict[str, Bands] = {}
    if available.issuperset(TRUE_COLOUR):
        found["true_colour"] = TRUE_COLOUR
    infrared = next((names for names in FALSE_COLOUR if available.issuperset(names)), None)
    if infrared is not None:
        found["infrared"] = infrared
    if not found:
        only = band_names(scene)[-1]
        found["one_band"] = (only, only, only)
    return found


def _limits(
    small: Mapping[str, npt.NDArray[np.float32]], bands: Bands
) -> tuple[tuple[float, float], ...]:
    """Return black and white of each band; in true colour they are the same for all bands.

    So the ground keeps its colour: with a range for each band, whatever the scene has most of
    would look neutral.
    """
    found = [limits_of_values(small[name]) for name in bands]
    if bands == TRUE_COLOUR:
        found = [(min(low for low, _ in found), max(high for _, high in found))] * 3
    return tuple(found)


def _size(rows: int, columns: int, aspect: float) -> tuple[int, int]:
    """Return the size of a picture: enlarged by a whole factor where its elements are square."""
    tall, wide = rows * aspect, float(columns)
    factor = LONGEST / max(tall, wide)
    if abs(aspect - 1) < _SQUARE:
        whole = max(1, int(factor))
        return rows * whole, columns * whole
    return max(1, round(tall * factor)), max(1, round(wide * factor))


def shared_pictures(view: SceneView) -> dict[str, bytes]:
    """Return the pictures of the whole scene, PNG, by name: the same for every cluster."""
    pictures = {}
    for name, bands in view.composites.items():
        picture, known = _composite(view, bands)
        pictures[name] = _encoded(_finished(picture, known, view.size))
    return pictures


def cluster_pictures(
    view: SceneView, labels: xr.DataArray, clusters: Sequence[ClusterFacts]
) -> Iterator[dict[str, bytes]]:
    """Yield what marks one cluster after another: ``mask``, ``places`` and ``spectrum``, PNG.

    Args:
        view: Of the scene.
        labels: (y, x) uint8 numbers of clusters, 0 missing; lazy or in memory.
        clusters: Which ones, in this order.
    """
    backdrop, known = _composite(view, view.first)
    brightness = backdrop.mean(axis=2)
    sensor = str(view.scene.attrs.get("sensor", ""))
    for start in range(0, len(clusters), _AT_ONCE):
        part = clusters[start : start + _AT_ONCE]
        shares = class_shares(labels.variable, view.steps, [facts.id for facts in part])
        for facts, share in zip(part, shares, strict=True):
            centres = typical_places(share, view.steps, labels.shape, place_side(view.scene))
            yield {
                "mask": _mask(brightness, known, share, view.size),
                "places": _places(view, labels, facts.id, centres),
                "spectrum": to_png(spectrum_figure(facts, sensor), dpi=130),
            }


def typical_places(
    share: npt.NDArray[np.float32],
    steps: tuple[int, int],
    shape: tuple[int, ...],
    side: int,
) -> list[tuple[int, int]]:
    """Return pixels around which a cluster is densest, apart from each other, the best first.

    Places lie inside the map as far as it is large enough, overlap by a quarter of their side at
    most, and those near one that is already taken count for less:
    four looks at one patch tell less than looks at four patches.

    Args:
        share: Share of the cluster in the elements of a small picture, 0 to 1.
        steps: Rows and columns of pixels in an element.
        shape: Rows and columns of the map.
        side: Of a place, pixels.

    Returns:
        (row, column) of the middles, `PLACES` at most.
    """
    window = [max(1, round(side / step)) for step in steps]
    dense = ndimage.uniform_filter(share.astype("float64"), window, mode="constant")
    dense[share <= 0] *= 0.5  # the middle of a place should belong to the cluster
    rows, columns = np.indices(share.shape)
    apart = max(max(shape) / 4, 1.5 * side)
    weight = np.ones(share.shape)
    places: list[tuple[int, int]] = []
    for _ in range(PLACES):
        score = np.round(dense * weight, 9)
        best = int(score.argmax())
        if score.flat[best] <= 0:
            break
        row, column = divmod(best, share.shape[1])
        distance = np.hypot((rows - row) * steps[0], (columns - column) * steps[1])
        weight = np.minimum(weight, np.where(distance < 0.75 * side, 0, distance / apart))
        middles = row * steps[0] + steps[0] // 2, column * steps[1] + steps[1] // 2
        places.append((_inside(middles[0], shape[0], side), _inside(middles[1], shape[1], side)))
    return places


def _inside(middle: int, length: int, side: int) -> int:
    """Return the middle of a stretch of that side moved into an image of that length."""
    return max(side // 2, min(middle, length - (side - side // 2)))


def _composite(view: SceneView, bands: Bands) -> tuple[Array, Mask]:
    """Return brightness (rows, columns, 3), 0 to 1, and where the scene is known."""
    known = np.all([np.isfinite(view.small[name]) for name in bands], axis=0)
    return _stacked(view, view.small, bands), known


def _stacked(view: SceneView, planes: Mapping[str, npt.NDArray[Any]], bands: Bands) -> Array:
    limits = zip(bands, view.limits[bands], strict=True)
    return np.dstack([stretched(planes[name], *ends, gamma=_GAMMA) for name, ends in limits])


def _mask(
    brightness: Array, known: Mask, share: npt.NDArray[np.float32], size: tuple[int, int]
) -> bytes:
    """Return the cluster in light grey on the scene in dark grey.

    The square root of the share lets specks and lines be seen when many pixels make an element.
    """
    inside = np.sqrt(np.clip(share, 0, 1))
    grey = 0.9 * inside + (0.04 + 0.36 * brightness) * (1 - inside)
    return _encoded(_finished(np.dstack([grey] * 3), known, size))


def _places(
    view: SceneView, labels: xr.DataArray, cluster: int, centres: Sequence[tuple[int, int]]
) -> bytes:
    """Return rows of magnified places: each composite, and the first one with the cluster marked.

    Args:
        view: Of the scene.
        labels: The map of clusters.
        cluster: Which one.
        centres: Middles of the places; missing ones stay dark.
    """
    side = place_side(view.scene)
    factor = _TILE // side
    tile = side * factor
    sheet = np.zeros(
        ((len(view.composites) + 1) * (tile + _GAP) - _GAP, PLACES * (tile + _GAP) - _GAP, 3)
    )
    for number, (row, column) in enumerate(centres):
        bands = dict.fromkeys(name for names in view.composites.values() for name in names)
        planes = {name: square_around(view.scene[name], row, column, side) for name in bands}
        inside = square_around(labels, row, column, side) == cluster
        shown = [_magnified(view, planes, names, factor) for names in view.composites.values()]
        shown.append(_outlined(shown[0], _enlarged(inside, (tile, tile))))
        left = number * (tile + _GAP)
        for index, picture in enumerate(shown):
            top = index * (tile + _GAP)
            sheet[top : top + tile, left : left + tile] = picture
    return _encoded(sheet)


def _magnified(view: SceneView, planes: Mapping[str, Array], bands: Bands, factor: int) -> Array:
    known = np.all([np.isfinite(planes[name]) for name in bands], axis=0)
    size = known.shape[0] * factor, known.shape[1] * factor
    return _finished(_stacked(view, planes, bands), known, size)


def _outlined(picture: Array, inside: Mask) -> Array:
    """Dim what is not of the cluster and draw its edge: white inside, black outside."""
    grey = 0.45 * picture.mean(axis=2, keepdims=True)
    marked = np.where(inside[..., None], picture, grey)
    # The border of the picture is no edge of the cluster.
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
    imsave(buffer, levels, format="png", metadata=nothing)
    return buffer.getvalue()
