"""Pictures of a scene and of its map, made small."""

import dataclasses
from collections.abc import Sequence
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import xarray as xr
from numba import njit

from obriy.blocks.decimate import block_means, class_shares, share_below, steps_for
from obriy.model.classmap import FRACTION_SCALE, ClassMap
from obriy.model.flags import Unseen
from obriy.model.legend import UNNAMED, Legend
from obriy.model.scene import band_names, is_reflectance
from obriy.render.composites import LARGEST, TRUE_COLOUR, bands_shown
from obriy.render.contrast import GAMMA, colour_limits, limits_of_values
from obriy.render.marks import FEWEST, Mark, class_marks
from obriy.render.palette import UNNAMED_COLOUR, UNSEEN_COLOURS, UNSURE_COLOUR, rgb
from obriy.render.text import text_of

RGBA = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

MAX_SIZE: Final = 900
"""Longest side of a picture in a figure, pixels."""
_NOTHING: Final = UNSEEN_COLOURS[Unseen.NO_DATA]
_STRIPED: Final = (Unseen.CLOUD, Unseen.FAILED)


@dataclasses.dataclass(frozen=True)
class Picture:
    """A scene or a map made small.

    Attributes:
        rgba: (rows, columns, 4) uint8; alpha 0 where there is nothing.
        extent: Rows and columns of the full grid that it covers, from the first pixel.
        bands: What is shown as red, green and blue; empty for a map.
        legend: ``(title, colour)`` of what occurs; empty for a scene.
        marks: Numbers of classes where they are purest; empty for a map of few classes.
        shares: Of the picture, 0 to 1, for each entry of the legend.
    """

    rgba: RGBA
    extent: tuple[int, int]
    bands: tuple[str, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()
    marks: tuple[Mark, ...] = ()
    shares: tuple[float, ...] = ()

    @property
    def true_colour(self) -> bool:
        """Whether it shows what an eye would see."""
        return self.bands == TRUE_COLOUR

    def smaller(self, max_size: int) -> "Picture":
        """Return the picture of a scene with no side longer than so many elements."""
        shape = self.rgba.shape[:2]
        factor = steps_for(shape, max_size)
        alpha = self.rgba[..., 3].astype("float32")
        colours = [_averaged(self.rgba[..., channel] * alpha, factor) for channel in range(3)]
        weight = _averaged(alpha, factor)
        rgba = np.dstack([*(colour / np.maximum(weight, 1) for colour in colours), weight])
        down, along = (
            side // size * (size // step * step)
            for side, size, step in zip(self.extent, shape, factor, strict=True)
        )
        return dataclasses.replace(self, rgba=rgba.astype("uint8"), extent=(down, along))


@dataclasses.dataclass(frozen=True)
class Shares:
    """A map made small: what the elements of its pictures are made of.

    Attributes:
        legend: Of the map.
        classes: (classes + 1, rows, columns), 0 to 1: of each class of the legend, and of what was
            seen and not named.
        causes: (rows, columns) of each reason for which there is no class.
        unsure: (rows, columns) of what the map is less than half sure of; None: it does not say.
        steps: Rows and columns of the map that an element covers.
    """

    legend: Legend
    classes: Floats
    causes: dict[Unseen, Floats]
    unsure: Floats | None
    steps: tuple[int, int]

    @classmethod
    def of(cls, class_map: ClassMap, max_size: int = LARGEST) -> Self:
        """Count the classes of a map, lazy or in memory; it is read block by block.

        Args:
            class_map: The map.
            max_size: Longest side of the pictures.
        """
        steps = steps_for(class_map.labels.shape, max_size)
        codes = [*(c.code for c in class_map.legend), UNNAMED]
        classes = class_shares(class_map.labels.variable, steps, codes)
        hidden = np.clip(1 - classes.sum(axis=0), 0, 1)
        sure, unsure = class_map.confidence, None
        if sure is not None:
            unsure = share_below(sure.variable, steps, FRACTION_SCALE // 2)
        return cls(class_map.legend, classes, _causes(class_map, steps, hidden), unsure, steps)

    @property
    def codes(self) -> tuple[int, ...]:
        """Codes of the classes, the unnamed one last."""
        return *(c.code for c in self.legend), UNNAMED

    def smaller(self, max_size: int) -> "Shares":
        """Return the same for pictures with no side longer than so many elements."""
        factor = steps_for(self.classes.shape[1:], max_size)
        steps = self.steps[0] * factor[0], self.steps[1] * factor[1]
        causes = {cause: _averaged(share, factor) for cause, share in self.causes.items()}
        unsure = None if self.unsure is None else _averaged(self.unsure, factor)
        return Shares(self.legend, _averaged(self.classes, factor), causes, unsure, steps)

    def picture(self, lang: str = "en", *, numbered: bool = False) -> Picture:
        """Return the picture, in which the colours of classes are mixed by their shares.

        Where the map is less than half sure of its classes they are striped with white.

        Args:
            lang: Language of the legend.
            numbered: Whether a map of many classes gets their numbers, on it and in the legend.
        """
        text, classes = text_of(lang), self.classes[:-1]
        numbered = numbered and sum(bool(share.any()) for share in classes) >= FEWEST
        marks = class_marks(classes, self.codes[:-1]) if numbered else []
        number = " ({})" if numbered else ""
        named = [(c.called(lang) + number.format(c.code), c.colour) for c in self.legend]
        named.append((text("map.unnamed"), UNNAMED_COLOUR))
        entries = [(*entry, share) for entry, share in zip(named, self.classes, strict=True)]
        entries += [
            (text(f"unseen.{cause.name.lower()}"), UNSEEN_COLOURS[cause], share)
            for cause, share in self.causes.items()
        ]
        entries = [entry for entry in entries if entry[2].any()]
        rgba = self._rgba(entries)
        if self.unsure is not None and self.unsure.any():
            entries.append((text("map.unsure"), UNSURE_COLOUR, self.unsure))
        rows, columns = self.classes.shape[1:]
        return Picture(
            rgba,
            (rows * self.steps[0], columns * self.steps[1]),
            legend=tuple((title, colour) for title, colour, _ in entries),
            marks=tuple(marks),
            shares=tuple(float(share.mean()) for _, _, share in entries),
        )

    def _rgba(self, entries: Sequence[tuple[str, str, Floats]]) -> RGBA:
        """Mix colours; clouds, broken parts and what is unsure are striped; no data is clear."""
        shape = self.classes.shape[1:]
        shown = [(colour, share) for _, colour, share in entries if colour != _NOTHING]
        shares = np.array([share for _, share in shown], "float32").reshape(-1, *shape)
        rgba = mixed(shares, [colour for colour, _ in shown])
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        stripes = (rows + columns) // max(1, round(max(shape) / 300)) % 4
        for cause in _STRIPED:
            if cause in self.causes:
                dark = (stripes == 0) & (self.causes[cause] > 0.5)
                rgba[dark, :3] = (rgba[dark, :3] * 0.9).astype("uint8")
        if self.unsure is not None:
            pale = (stripes < 2) & (self.unsure > 0.5)
            rgba[pale, :3] = 255 - (255 - rgba[pale, :3]) // 3
        return rgba


@dataclasses.dataclass(frozen=True)
class Small:
    """An image and its map, read once for all pictures of them.

    Attributes:
        image: Of at most `LARGEST` elements a side; None: there is no image to show.
        map: Likewise.
    """

    image: Picture | None
    map: Shares

    @classmethod
    def of(cls, scene: xr.Dataset | None, class_map: ClassMap) -> Self:
        """Read a scene, if it has bands, and its map."""
        image = None if scene is None or not band_names(scene) else preview(scene, LARGEST)
        return cls(image, Shares.of(class_map))


def preview(scene: xr.Dataset, max_size: int = MAX_SIZE, *, infrared: bool = False) -> Picture:
    """Make a picture of a scene: true colour, else the nearest to it that the bands allow.

    In true colour the ground keeps its colour, see `colour_limits`; other bands, and numbers that
    are no reflectance, are stretched each by itself. Missing pixels are transparent.

    Args:
        scene: A Scene; read at a low resolution.
        max_size: Longest side of the picture, pixels.
        infrared: True colour comes last.
    """
    bands = bands_shown(scene, infrared=infrared)
    shape = (scene.sizes["y"], scene.sizes["x"])
    steps = steps_for(shape, max_size)
    planes = {name: block_means(scene[name].variable, steps) for name in dict.fromkeys(bands)}
    seen = np.all([np.isfinite(plane) for plane in planes.values()], axis=0)
    shown = {name: plane[seen] for name, plane in planes.items()}
    if bands == TRUE_COLOUR and is_reflectance(scene):
        limits = dict.fromkeys(bands, colour_limits(shown.values()))
    else:
        limits = {name: limits_of_values(values) for name, values in shown.items()}
    stretched = {n: _stretched(plane, seen, *limits[n]) for n, plane in planes.items()}
    alpha = np.where(seen, 255, 0).astype("uint8")
    rgba = np.dstack([*(stretched[name] for name in bands), alpha])
    rows, columns = rgba.shape[:2]
    return Picture(rgba, (rows * steps[0], columns * steps[1]), bands=bands)


def map_picture(
    class_map: ClassMap, *, lang: str = "en", max_size: int = MAX_SIZE, numbered: bool = False
) -> Picture:
    """Make a picture of a map; arguments as of `Shares.of` and `Shares.picture`."""
    return Shares.of(class_map, max_size).picture(lang, numbered=numbered)


def mixed(shares: Floats, colours: Sequence[str]) -> RGBA:
    """Mix colours by their shares; an element is as opaque as they cover.

    Args:
        shares: (colours, rows, columns), 0 to 1.
        colours: ``#rrggbb`` of each.
    """
    table = np.array([rgb(colour) for colour in colours], "float32").reshape(-1, 3)
    return _mixed(shares, table)


@njit(nogil=True, cache=True)
def _mixed(shares: Floats, table: Floats) -> RGBA:
    rgba = np.zeros((*shares.shape[1:], 4), np.uint8)
    for i in range(rgba.shape[0]):
        for j in range(rgba.shape[1]):
            total, red, green, blue = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for k in range(table.shape[0]):
                share = shares[k, i, j]
                total += share
                red += share * table[k, 0]
                green += share * table[k, 1]
                blue += share * table[k, 2]
            if total > 0:
                rgba[i, j, 0] = red / total + 0.5
                rgba[i, j, 1] = green / total + 0.5
                rgba[i, j, 2] = blue / total + 0.5
                rgba[i, j, 3] = total * 255 + 0.5
    return rgba


def _averaged(array: Floats, factor: tuple[int, int]) -> Floats:
    """Return the means of blocks of rows and columns, the last two dimensions."""
    if factor == (1, 1):
        return array
    rows, columns = (n // step * step for n, step in zip(array.shape[-2:], factor, strict=True))
    down, across = factor
    parts = [array[..., i:rows:down, j:columns:across] for i in range(down) for j in range(across)]
    means: Floats = sum(parts[1:], parts[0]) / np.float32(len(parts))
    return means


def _stretched(
    plane: Floats, seen: npt.NDArray[np.bool_], low: float, high: float
) -> npt.NDArray[np.uint8]:
    """Return 0 to 255 between the ends."""
    unit = (np.where(seen, plane, np.float32(low)) - np.float32(low)) / np.float32(high - low)
    bright: npt.NDArray[np.uint8] = (np.clip(unit, 0, 1) ** np.float32(GAMMA) * 255).astype("uint8")
    return bright


def _causes(class_map: ClassMap, steps: tuple[int, int], hidden: Floats) -> dict[Unseen, Floats]:
    """Return the share of each reason for which pixels have no class, of those that occur."""
    if class_map.unseen is None:
        return {Unseen.NO_DATA: hidden}
    causes = [u for u in Unseen if u not in (Unseen.SEEN, Unseen.NO_DATA)]
    shares = class_shares(class_map.unseen.variable, steps, [int(u) for u in causes])
    # A map may have filled what was unseen: a reason counts only where there is no class.
    shares = np.minimum(shares, hidden)
    rest = np.clip(hidden - shares.sum(axis=0), 0, 1)
    rest[rest < 1e-6] = 0
    occur = {u: share.copy() for u, share in zip(causes, shares, strict=True) if share.any()}
    return {Unseen.NO_DATA: rest} | occur
