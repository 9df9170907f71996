"""Cloud and shadow of a scene without a quality band, as ``flags`` like those of one that has it.

The mask is made on a grid of some 30 m, the resolution at which clouds are told best and at which a
whole tile fits, strip by strip, when it is first asked for; shadows are then looked for in the
whole. `docs/design/0017-clouds.md` has what each way of seeing finds and what it costs.
"""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, Literal, Protocol

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from obriy.blocks.computed import computed_variable
from obriy.blocks.decimate import means_of_bands
from obriy.blocks.memory import TAKES
from obriy.blocks.pool import keep_going
from obriy.blocks.raster import without_overviews
from obriy.model.bands import require_bands
from obriy.model.flags import BY_NOTHING, BY_USER, CLOUDS_STEP, FLAG_ATTRS, Flag
from obriy.model.grid import geobox_of
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import band_names, is_reflectance, provenance_of
from obriy.prepare.clouds import csmask, spectral

F32 = NDArray[np.float32]
Flags = NDArray[np.uint16]
Mask = NDArray[np.bool_]
Clouds = Literal["auto", "flags", "csmask", "spectral", "s2cloudless", "none"]
Seen = Callable[[str, int, int], None]
"""Called with the name of the pass, strips done, strips in all."""

GRID_M: Final = 30.0
"""Pixel size of the mask, m."""
LARGEST: Final = 4096
"""Pixels along a side of the mask of an image that does not say how large its pixels are."""
SOLID: Final = 3.0
"""Log-odds of cloud thick enough to throw a shadow: an albedo of some 0.25."""
RIM: Final = -1.5
"""Log-odds from which what touches a cloud belongs to it. Of clear ground 1 in 100 is so bright."""
RIM_M: Final = 150.0
"""How far from a cloud its rim may reach, m."""
_SPECTRAL_BYTES: Final = 45
"""Bytes of a pixel of the mask while clouds and their shadows are found by spectra."""
LEAST: Final = {"csmask": csmask.LEAST, "spectral": spectral.LEAST}
"""Bands without which they cannot tell."""
UNKNOWN: Final = notice("clouds_unknown")
NO_BAND: Final = notice("clouds_not_looked_for")


class _Detector(Protocol):
    """What finds clouds on the coarse grid."""

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands that it looks at."""
        ...

    @property
    def name(self) -> str:
        """What it is, for the record."""
        ...

    def takes(self, shape: tuple[int, int]) -> int:
        """Return the memory that it takes on a coarse grid of a shape, bytes."""
        ...

    def find(self, strips: "_Strips", pixel_m: float) -> Flags:
        """Return flags of the whole coarse grid."""
        ...


def see_clouds(
    scene: xr.Dataset,
    by: Clouds,
    pixel_m: float | None,
    *,
    threads: int = 1,
    seen: Seen | None = None,
) -> xr.Dataset:
    """Return the scene with what is known of clouds in its ``flags``, and in its record how.

    Args:
        scene: A checked Scene.
        by: ``auto``: the quality band; without one csmask, where it is installed and the image is
            large enough to be understood by a network, else spectra.
            ``flags``: the quality band alone. ``csmask``, ``spectral``: these, beside the quality
            band. ``s2cloudless``: as it is (that detector works block by block). ``none``: the sky
            was clear.
        pixel_m: Pixel size, m; None: not known.
        threads: To compute in.
        seen: Called as strips are done.

    Raises:
        MissingExtraError: csmask is asked for and not installed.
        BandError: what is asked for lacks a band.
    """
    if provenance_of(scene).step(CLOUDS_STEP) is not None:
        return scene
    if by == "none":
        return _noted(scene.drop_vars("flags", errors="ignore"), BY_USER)
    if by == "s2cloudless" or (by in ("auto", "flags") and "flags" in scene):
        return scene
    if by == "flags":
        return _unknown(scene, NO_BAND)
    step = _step(scene, pixel_m)
    detector = _choose(scene, by, step, threads)
    if detector is None:
        return _unknown(scene, UNKNOWN)
    # A mask must not depend on the overviews that somebody added to the files.
    whole = scene.assign({n: without_overviews(scene[n].variable) for n in band_names(scene)})
    strips = _Strips(whole, detector.bands, step, seen or _nobody)
    mask = _Mask(strips, detector, GRID_M if pixel_m is None else pixel_m * step)
    beside = _Beside(mask, scene["flags"].variable if "flags" in scene else None)
    flags = computed_variable(beside, geobox_of(scene), "uint16")
    flags.attrs = dict(FLAG_ATTRS)
    flags.encoding[TAKES] = detector.takes(strips.shape)
    facts = {"bands": list(detector.bands), "grid_m": mask.pixel_m}
    return _noted(scene.assign(flags=flags), detector.name, **facts)


def _step(scene: xr.Dataset, pixel_m: float | None) -> int:
    """Return how many pixels along a side make one of the mask."""
    shape = (scene.sizes["y"], scene.sizes["x"])
    wanted = max(shape) / LARGEST if pixel_m is None else GRID_M / pixel_m
    return min(max(1, round(wanted)), *shape)


def _choose(scene: xr.Dataset, by: Clouds, step: int, threads: int) -> _Detector | None:
    """Return the detector that was asked for, or the best there is; None where none can tell."""
    names = {("nir" if n == "nir08" else n) for n in band_names(scene)}
    if by in LEAST:
        require_bands(names, set(LEAST[by]), f"To tell clouds, {by}")
    if not is_reflectance(scene):
        return None
    bands = csmask.bands_for(names)
    large = min(scene.sizes["y"], scene.sizes["x"]) >= csmask.SMALLEST * step
    if bands and (by == "csmask" or (by == "auto" and large and csmask.is_installed())):
        return _ByNetwork(csmask.load(bands, _is_corrected(scene), threads))
    model = spectral.pick_model(names)
    return None if model is None else _BySpectra(model)


def _is_corrected(scene: xr.Dataset) -> bool:
    """Say whether the reflectance is that of the surface: not known to be that of the top."""
    scaling = provenance_of(scene).step("scaling") or {}
    return scaling.get("by") != "MTL" and not str(scene.attrs["sensor"]).endswith(("_l1c", "_l1"))


def _unknown(scene: xr.Dataset, why: str) -> xr.Dataset:
    record = provenance_of(scene).with_step(CLOUDS_STEP, by=BY_NOTHING).with_warning(why)
    return _with_record(scene, record)


def _noted(scene: xr.Dataset, by: str, **facts: Any) -> xr.Dataset:
    return _with_record(scene, provenance_of(scene).with_step(CLOUDS_STEP, by=by, **facts))


def _with_record(scene: xr.Dataset, record: Provenance) -> xr.Dataset:
    return scene.assign_attrs(provenance=record)


def _nobody(name: str, done: int, of: int) -> None:
    """Tell nobody how far the work is."""


@dataclasses.dataclass(frozen=True)
class _Beside:
    """What a mask says of a window, beside what a quality band says."""

    mask: "_Mask"
    own: xr.Variable | None

    def __call__(self, rows: slice, columns: slice) -> Flags:
        found = self.mask.window(rows, columns)
        return found if self.own is None else np.asarray(self.own[rows, columns].values | found)


class _Mask:
    """The mask of a scene, made when a window of it is first asked for, by one thread."""

    def __init__(
        self,
        strips: "_Strips",
        detector: _Detector | None,
        pixel_m: float,
        flags: Flags | None = None,
    ) -> None:
        self.pixel_m = pixel_m
        self._strips = strips
        self._detector = detector
        self._lock = threading.Lock()
        self._flags = flags

    def __reduce__(self) -> Any:  # to another machine goes how it is made, before it is made
        strips = dataclasses.replace(self._strips, seen=_nobody)
        return type(self), (strips, self._detector, self.pixel_m, self._flags)

    def window(self, rows: slice, columns: slice) -> Flags:
        """Return the flags of a window of the scene, each of the nearest coarse pixel."""
        with self._lock:
            if self._flags is None:
                assert self._detector is not None
                self._flags = self._detector.find(self._strips, self.pixel_m)
                self._detector = None  # a network is large, and has looked
        down, across = (
            np.minimum(np.arange(part.start, part.stop) // self._strips.step, count - 1)
            for part, count in zip((rows, columns), self._flags.shape, strict=True)
        )
        found: Flags = self._flags[down[:, None], across[None, :]]
        return found


@dataclasses.dataclass(frozen=True)
class _Strips:
    """The bands of a scene on the coarse grid, some rows at a time."""

    scene: xr.Dataset
    bands: tuple[str, ...]
    step: int
    seen: Seen

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the coarse grid; a rest that fills no pixel is left out."""
        return self.scene.sizes["y"] // self.step, self.scene.sizes["x"] // self.step

    def __call__(self, height: int, rim: int = 0) -> Iterator[tuple[slice, F32]]:
        """Yield rows of the grid, and the (bands, rows, columns) that lie there, NaN missing.

        Args:
            height: Rows of a strip.
            rim: Rows beyond it on either side, mirrored at the edges of the image; with a rim every
                strip has ``height`` rows and two rims.
        """
        rows = self.shape[0]
        for number, top in enumerate(range(0, rows, height), 1):
            keep_going()
            bottom = min(top + height, rows)
            if rim:
                yield slice(top, bottom), self._mirrored(top - rim, top + height + rim)
            else:
                yield slice(top, bottom), self._read(top, bottom)
            self.seen(CLOUDS_STEP, number, -(-rows // height))

    def _mirrored(self, top: int, bottom: int) -> F32:
        rows = self.shape[0]
        wanted = np.arange(top, bottom) % (2 * rows)
        wanted = np.where(wanted < rows, wanted, 2 * rows - 1 - wanted)
        first = int(wanted.min())
        return self._read(first, int(wanted.max()) + 1)[:, wanted - first]

    def _read(self, top: int, bottom: int) -> F32:
        rows = slice(top * self.step, bottom * self.step)
        names = [n if n in self.scene else "nir08" for n in self.bands]
        bands = [self.scene[name].variable[rows] for name in names]
        return means_of_bands(bands, (self.step, self.step))


@dataclasses.dataclass(frozen=True)
class _ByNetwork:
    """Cloud and shadow by a network of csmask."""

    network: csmask.CsMask

    @property
    def bands(self) -> tuple[str, ...]:
        return self.network.bands

    @property
    def name(self) -> str:
        return self.network.name

    def takes(self, shape: tuple[int, int]) -> int:
        return csmask.BYTES + 2 * shape[0] * shape[1]

    def find(self, strips: _Strips, pixel_m: float) -> Flags:
        found = np.zeros(strips.shape, np.uint16)
        for rows, stack in strips(csmask.STEP, csmask.RIM):
            inner = stack[:, csmask.RIM : csmask.RIM + csmask.STEP]
            known = np.logical_and.reduce(np.isfinite(inner))
            flags = np.where(known, self.network.flags(stack), np.uint16(0))
            found[rows] = flags[: rows.stop - rows.start]
        return found


@dataclasses.dataclass(frozen=True)
class _BySpectra:
    """Cloud by spectra, its shadows by where they fall."""

    model: spectral.CloudModel

    @property
    def bands(self) -> tuple[str, ...]:
        return self.model.bands

    @property
    def name(self) -> str:
        return "spectral"

    def takes(self, shape: tuple[int, int]) -> int:
        return _SPECTRAL_BYTES * shape[0] * shape[1]

    def find(self, strips: _Strips, pixel_m: float) -> Flags:
        odds = np.empty(strips.shape, np.float32)
        infrared = {
            name: np.empty(strips.shape, np.float32)
            for name in ("nir", "swir16")
            if name in self.bands
        }
        for rows, stack in strips(256):
            bands = dict(zip(self.bands, stack, strict=True))
            odds[rows] = self.model.log_odds(bands)
            for name, kept in infrared.items():
                kept[rows] = bands[name]
        cloud = _grown(odds > 0, odds > RIM, max(1, round(RIM_M / pixel_m)))
        from obriy.prepare.clouds.shadow import find_shadows

        shadows = find_shadows(cloud, cloud & (odds > SOLID), list(infrared.values()), pixel_m)
        found = np.where(cloud, np.uint16(Flag.CLOUD), np.uint16(0))
        found[shadows.mask] = np.uint16(Flag.CLOUD_SHADOW)
        return found


def _grown(sure: Mask, likely: Mask, reach: int) -> Mask:
    """Return clouds without specks (roofs, surf), and with the thin rims that touch them."""
    from scipy import ndimage

    clouds: Mask = ndimage.binary_opening(sure, np.ones((2, 2), bool))
    if not clouds.any():
        return clouds
    grown: Mask = ndimage.binary_dilation(clouds, iterations=reach, mask=likely | clouds)
    return grown
