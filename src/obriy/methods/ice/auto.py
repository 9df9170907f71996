"""`auto` for ice: what a pixel is mixed of, on the scene's own water, beside the ice around it.

It needs no training, no key and no thermal band. It works in four steps. (1) `mixing` tells how
much of a pixel is ice and how much cloud. (2) The water that it is mixed with is that of the scene:
the darker quarter of what is surely water. (3) Ice is bright or grey, so a pixel of half the
brightness of the ice around it is half ice, not dark ice. (4) Grey is ice only where something
near is surely ice: veils, glitter and mud have no floes. How it was made and where it fails:
``docs/design/0015-ice-methods.md``.
"""

import dataclasses
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from obriy.blocks.base import Block, ByteArray, FloatArray, Histogram, Labelled
from obriy.methods.histograms import Counts
from obriy.methods.ice.mixing import Mixing, chosen_bands, limits_used, mixing_of
from obriy.methods.ice.sea import BAND_SPAN, clear_sea_of, ice_table, sea_of
from obriy.model.classmap import FRACTION_MISSING, FRACTION_SCALE, Doubt, half_per_cents
from obriy.model.ice import CLOUD, ICE, LAND, WATER
from obriy.model.legend import NO_DATA

SHARES: Final = (-0.5, 1.5)
"""Shares of ice that the histogram covers."""
HALF: Final = 0.5
DARK: Final = np.float32(0.02)
"""Reflectance above water below which ratios of bands say nothing."""
DARKER: Final = 0.25
"""Quantile of the scene's sure water that is its open water: haze, glitter and thin ice brighten
the rest."""


@dataclasses.dataclass(frozen=True)
class SeenSea:
    """What `auto` learns of a scene.

    Attributes:
        water: Reflectance of what is surely water, by band.
        ice: Share of ice of all that is seen of the sea.
    """

    water: dict[str, Counts]
    ice: Counts

    def merge(self, other: "SeenSea") -> "SeenSea":
        """Return both parts together."""
        water = {name: counts.merge(other.water[name]) for name, counts in self.water.items()}
        return SeenSea(water, self.ice.merge(other.ice))


@dataclasses.dataclass(frozen=True)
class AutoIce:
    """The default method for ice; see the module."""

    name: str = "auto"
    gives_fraction: bool = True

    @property
    def halo(self) -> int:
        """Pixels around a block in which ice is compared with ice."""
        settings = ice_table()["auto"]
        return int(settings["reach"] + settings["near"])

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands of those there are by which ice is told.

        Raises:
            BandError: where there is no green or red, or no near infrared.
        """
        return set(chosen_bands(available, self.name))

    def collect(self, block: Block) -> SeenSea:
        """Count what is surely water in the core of a block."""
        bands = clear_sea_of(block.crop()).bands
        names = chosen_bands(set(bands), self.name)
        ice, cloud = mixing_of(names).shares(bands)
        sure = ice_table()["auto"]["water"]
        with np.errstate(invalid="ignore"):
            water = (np.abs(ice) < sure["ice"]) & (np.abs(cloud) < sure["cloud"])
        return SeenSea(
            {name: Counts.of(bands[name][water], *BAND_SPAN) for name in names},
            Counts.of(ice, *SHARES),
        )

    def decide(self, statistics: SeenSea) -> "AutoRule":
        """Take the scene's water, the more of it the more."""
        default = mixing_of(tuple(statistics.water))
        prior = ice_table()["auto"]["prior_pixels"]
        water = {}
        for name, usual in zip(default.bands, default.water, strict=True):
            counts = statistics.water[name]
            weight = counts.pixels / (counts.pixels + prior)
            own = _quantile(counts, DARKER) if counts.pixels else 0.0
            water[name] = float(weight * own + (1 - weight) * usual)
        pixels = next(iter(statistics.water.values())).pixels
        return AutoRule(mixing_of(default.bands, water), pixels, statistics.ice)


@dataclasses.dataclass(frozen=True)
class AutoRule:
    """The rule for one scene.

    Attributes:
        mixing: With the water of the scene.
        water_pixels: Pixels of sure water that it rests on.
        ice: Share of ice over the sea, for the report.
    """

    mixing: Mixing
    water_pixels: int
    ice: Counts

    def apply(self, block: Block) -> Labelled:
        """Map a block: ice is where its concentration is at least a half.

        Land, cloud and missing pixels have no fraction.
        """
        limits, settings = limits_used(), ice_table()["auto"]
        ice, cloud = self.mixing.shares(sea_of(block).bands)
        missing = np.isnan(ice)
        ice[missing], cloud[missing] = 0, 0
        ice[self._turbid(block)] = 0
        hidden = self._hidden(block, ice, cloud)
        far = _far_from_sure(ice, cloud, settings["near"])
        grey = far & (ice >= limits["ice"]) & ~hidden
        ice[far] = 0
        icy = (ice >= limits["ice"]) & ~hidden
        around = _mean_around(ice, icy, settings["reach"])
        share = np.where(ice < settings["noise"], np.float32(0), ice)
        steps = half_per_cents(_concentration(share, around, limits["ice"]))
        # Where none around is ice there is none: what brightens open water a little is haze and
        # glitter, and over a whole sea it would add up to ice on a day in summer.
        steps[around == 0] = 0
        labels = np.where(steps >= FRACTION_SCALE // 2, np.uint8(ICE), np.uint8(WATER))
        doubt = self._doubt(share, around, labels, limits)
        doubt[grey] = Doubt.LAX_TAKES  # it may be young ice after all
        land = self._vegetation(block)
        labels[hidden], labels[land], labels[missing] = CLOUD, LAND, NO_DATA
        none = hidden | land | missing
        steps[none], doubt[none] = FRACTION_MISSING, Doubt.SURE
        return Labelled(labels, steps, doubt=doubt)

    def _turbid(self, block: Block) -> npt.NDArray[np.bool_]:
        """Return where the sea is bright in red and not in the near infrared: mud, not ice."""
        water = dict(zip(self.mixing.bands, self.mixing.water, strict=True))
        if "red" not in water:
            return np.zeros(block.shape, np.bool_)
        (nir,) = (name for name in water if name.startswith("nir"))
        red_above, nir_above = (block.bands[n] - water[n] for n in ("red", nir))
        turbid: npt.NDArray[np.bool_] = nir_above < ice_table()["auto"]["turbid"] * red_above
        return turbid

    def _vegetation(self, block: Block) -> npt.NDArray[np.bool_]:
        """Return where plants grow: land that no mask hides, and that would pass for cloud."""
        if "red" not in self.mixing.bands:
            return np.zeros(block.shape, np.bool_)
        (name,) = (name for name in self.mixing.bands if name.startswith("nir"))
        nir, red = block.bands[name], block.bands["red"]
        limits = ice_table()["auto"]["vegetation"]
        green: npt.NDArray[np.bool_] = (nir >= limits["nir"]) & (
            nir - red >= limits["ndvi"] * (nir + red)
        )
        return green

    def _hidden(self, block: Block, ice: FloatArray, cloud: FloatArray) -> npt.NDArray[np.bool_]:
        """Return where cloud hides the sea; what may be ice must also fall little to 1.24 um."""
        hidden: npt.NDArray[np.bool_] = cloud >= limits_used()["cloud"]
        water = dict(zip(self.mixing.bands, self.mixing.water, strict=True))
        if "swir12" not in water:
            return hidden
        over_ice = ice_table()["auto"]["cloud_over_ice"]
        (nir,) = (name for name in water if name.startswith("nir"))
        infrared, nearer = (block.bands[name] - water[name] for name in ("swir12", nir))
        score = cloud + over_ice["weight"] * infrared / np.maximum(nearer, DARK)
        limit = np.where(ice < over_ice["from"], over_ice["dark"], over_ice["bright"])
        return np.where(ice >= limits_used()["ice"], score >= limit, hidden)

    def _doubt(
        self, share: FloatArray, around: FloatArray, labels: ByteArray, limits: dict[str, Any]
    ) -> ByteArray:
        """Say where a limit as good as the one taken would decide otherwise."""
        strict = _concentration(share, around, limits["ice"] + limits["spread"])
        lax = _concentration(share, around, limits["ice"] - limits["spread"])
        doubt = np.zeros(labels.shape, np.uint8)
        doubt[(labels == ICE) & (strict < HALF)] = Doubt.STRICT_DROPS
        doubt[(labels == WATER) & (lax >= HALF)] = Doubt.LAX_TAKES
        return doubt

    def describe(self) -> dict[str, Any]:
        """Return what was found of the scene, and by what it is told."""
        water = zip(self.mixing.bands, self.mixing.water, strict=True)
        return {
            "bands": list(self.mixing.bands),
            "clouds": list(self.mixing.clouds),
            "water": {name: round(float(value), 4) for name, value in water},
            "sure_water_pixels": self.water_pixels,
            "limits": limits_used() | {"cloud_over_ice": ice_table()["auto"]["cloud_over_ice"]},
            "reason": "" if self.mixing.clouds else "no band tells cloud from ice",
        }

    def histograms(self) -> list[Histogram]:
        """Return the share of ice over the sea, with the limit of dark ice."""
        return [self.ice.shown("share of ice", limits_used()["ice"])]


def _concentration(share: FloatArray, around: FloatArray, limit: float) -> FloatArray:
    """Return the concentration: the share against the ice around, at least twice the limit."""
    level = np.maximum(around, np.float32(2 * limit))
    return np.clip(share / level, 0, 1).astype(np.float32)


def _far_from_sure(ice: FloatArray, cloud: FloatArray, near: int) -> npt.NDArray[np.bool_]:
    """Return where no pixel within a square is surely ice: veils, glitter and mud have no floes."""
    limits = limits_used()["sure_ice"]
    sure = (ice > limits["ice"]) & (cloud < limits["cloud"])
    return np.asarray(ndimage.maximum_filter(sure, 2 * near + 1, mode="constant") == 0)


def _mean_around(values: FloatArray, chosen: npt.NDArray[np.bool_], reach: int) -> FloatArray:
    """Return the mean of the chosen values in a square around each pixel; 0 where there is none."""
    count = _sum_around(chosen.astype(np.float32), reach)
    total = _sum_around(np.where(chosen, values, np.float32(0)), reach)
    return (total / np.maximum(count, np.float32(1))).astype(np.float32)


def _sum_around(plane: FloatArray, reach: int) -> FloatArray:
    """Return the sum over a square, added in one order: the same in any block."""
    rows, columns = plane.shape
    padded = np.pad(plane, reach)
    across = np.zeros((rows + 2 * reach, columns), np.float32)
    total = np.zeros((rows, columns), np.float32)
    for k in range(2 * reach + 1):
        across += padded[:, k : k + columns]
    for k in range(2 * reach + 1):
        total += across[k : k + rows]
    return total


def _quantile(counts: Counts, share: float) -> float:
    """Return a quantile of what was counted, to the width of a bin."""
    place = np.searchsorted(np.cumsum(counts.counts), share * counts.pixels)
    return float(counts.centres[place])
