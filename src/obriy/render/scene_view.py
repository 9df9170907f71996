"""How the portraits of a scene show it: which bands, how bright, how large, and a legend."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.patches import Rectangle

from obriy.blocks.decimate import block_means, steps_for
from obriy.model.grid import geobox_of
from obriy.model.scene import is_reflectance
from obriy.render.composites import LONGEST, TRUE_COLOUR, Bands, composites_of
from obriy.render.contrast import Array, colour_limits, limits_of_values, stretched
from obriy.render.figures import new_figure, to_png
from obriy.render.geometry import ground_scale, pixel_aspect
from obriy.render.spectra import reference_spectra
from obriy.render.text import text_of

_PLACE: Final = (8, 36)
"""Side of a place, pixels of the scene: at least, at most."""
_GAMMA: Final = {TRUE_COLOUR: 0.6}
"""Lifts the dark: forests and waters must show their texture."""
_GAMMA_ELSE: Final = 0.7
_WHITE: Final = {"swir16": 0.5, "swir22": 0.4, "nir": 0.5, "nir08": 0.5}
"""Reflectance shown at full brightness outside of true colour: the same in every scene."""
_WHITE_ELSE: Final = 0.3
_SQUARE: Final = 0.03
"""Pixels that are so nearly square are drawn square."""

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
        limits={
            names: _limits(small, names, reflectance=is_reflectance(scene))
            for names in composites.values()
        },
        steps=steps,
        size=_size(rows, columns, aspect * steps[0] / steps[1]),
    )


def _limits(
    small: Mapping[str, npt.NDArray[np.float32]], bands: Bands, *, reflectance: bool
) -> tuple[tuple[float, float], ...]:
    """Return black and white of each band.

    In true colour they are those of `colour_limits`. Other composites have fixed limits: so
    the same ground looks the same in every scene. Only where the numbers are no reflectance do the
    limits follow the scene.
    """
    if not reflectance:
        found = [limits_of_values(small[name]) for name in bands]
        both = min(low for low, _ in found), max(high for _, high in found)
        return tuple([both] * 3 if bands == TRUE_COLOUR else found)
    if bands == TRUE_COLOUR:
        return (colour_limits(small[name] for name in bands),) * 3
    return tuple((0.0, _WHITE.get(name, _WHITE_ELSE)) for name in bands)


def _size(rows: int, columns: int, aspect: float) -> tuple[int, int]:
    """Return the size of a picture: enlarged by a whole factor where its elements are square."""
    tall, wide = rows * aspect, float(columns)
    factor = LONGEST / max(tall, wide)
    if abs(aspect - 1) < _SQUARE:
        whole = max(1, int(factor))
        return rows * whole, columns * whole
    return max(1, round(tall * factor)), max(1, round(wide * factor))


def composite(view: SceneView, bands: Bands) -> tuple[Array, Mask]:
    """Return brightness (rows, columns, 3), 0 to 1, and where the scene is known."""
    known = np.all([np.isfinite(view.small[name]) for name in bands], axis=0)
    return stack(view, view.small, bands), known


def stack(view: SceneView, planes: Mapping[str, npt.NDArray[Any]], bands: Bands) -> Array:
    """Return planes of reflectance as brightness (rows, columns, 3), 0 to 1.

    Args:
        view: Of the scene.
        planes: Reflectance by band, NaN missing.
        bands: Shown as red, green and blue.
    """
    limits = zip(bands, view.limits[bands], strict=True)
    gamma = _GAMMA.get(bands, _GAMMA_ELSE)
    return np.dstack([stretched(planes[name], *ends, gamma=gamma) for name, ends in limits])


def legend_pictures(view: SceneView) -> dict[str, bytes]:
    """Return how known materials look in the pictures of this scene; nothing in one band."""
    shown = {name: bands for name, bands in view.composites.items() if len(set(bands)) > 1}
    names = dict.fromkeys(name for bands in shown.values() for name in bands)
    spectra = reference_spectra(names)
    text = text_of("en")
    if not shown:
        return {}
    figure = new_figure(LONGEST / 100, 0.5 + 0.32 * len(shown))
    axes = figure.add_axes((0.01, 0.02, 0.98, 0.96))
    axes.set_axis_off()
    axes.set_xlim(0, len(spectra))
    axes.set_ylim(len(shown), -1.4)
    for column, (line, levels) in enumerate(spectra.items()):
        words = text(f"spectra.{line}").replace(" ", "\n", 1)
        axes.text(column + 0.5, -0.15, words, ha="center", va="bottom", fontsize=6.5)
        for row, bands in enumerate(shown.values()):
            pixel = stack(view, {b: np.full((1, 1), levels[b]) for b in bands}, bands)
            axes.add_patch(
                Rectangle((column + 0.06, row), 0.88, 0.9, fc=pixel[0, 0], ec="0.6", lw=0.5)
            )
    return {"legend": to_png(figure, dpi=100)}
