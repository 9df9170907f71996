"""What is measured of each cluster: the facts that every labeller starts from.

Medians, percentiles, texture and surroundings come from a sample of each cluster: the pixels whose
(seed, row, column) have the smallest hashes. Counts, interior and borders are exact. Neither
depends on the windows in which the scene is read.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.blocks.damage import read_around
from obriy.blocks.places import place_keys
from obriy.blocks.windows import windows
from obriy.errors import BandError, GridError
from obriy.indices.features import (
    NEIGHBOURHOOD_WINDOW,
    TEXTURE,
    TEXTURE_WINDOW,
    base_layers,
    ground_bands,
)
from obriy.labelling.patches import patch_deviations, patch_means
from obriy.model.classmap import ClassMap
from obriy.model.clusters import ClusterFacts, Spread
from obriy.model.grid import geobox_of, pixel_metres, same_grid
from obriy.model.legend import NO_DATA, UNNAMED
from obriy.model.scene import band_names, is_reflectance

FloatArray = npt.NDArray[np.float32]
LabelArray = npt.NDArray[np.uint8]

SAMPLE: Final = 1500
"""Pixels of a cluster that are measured: a median of so many is known to 3 % of the deviation."""
WINDOW: Final = 1024
"""Side of the windows in which a scene is read, pixels: some 150 MB of bands and layers."""
HALO: Final = NEIGHBOURHOOD_WINDOW // 2
CODES: Final = 256


def measure_clusters(scene: xr.Dataset, clusters: ClassMap, *, seed: int = 0) -> list[ClusterFacts]:
    """Measure every cluster of a map.

    Args:
        scene: A Scene; only bands that see the ground are measured.
        clusters: Numbers of clusters on the grid of the scene; 0 and 255 are no cluster.
        seed: Of the sample.

    Returns:
        The facts in the order of the numbers; a cluster with no pixel that has all bands is left
        out. A pixel counts where it has a cluster and every ground band; one that does not count
        is no neighbour: it neither ends a patch nor makes a border.

    Raises:
        GridError: where the map lies on another grid than the scene.
        BandError: where the scene has no band that sees the ground.
    """
    if not same_grid(geobox_of(scene), clusters.geobox):
        raise GridError(
            "The map of clusters lies on another grid than the scene.",
            "Measure the scene that was clustered.",
        )
    if not ground_bands(set(band_names(scene))):
        raise BandError(
            f"No band of the scene sees the ground, only: {', '.join(band_names(scene))}.",
            "Name the bands with --bands blue,green,red,nir (file order) or --sensor.",
        )
    tally = _Tally(seed)
    for piece in _pieces(scene, clusters):
        tally.add(piece)
    known = is_reflectance(scene)
    return [
        dataclasses.replace(facts, reflectance=known)
        for facts in tally.facts(_pixel_size(clusters))
    ]


@dataclasses.dataclass(frozen=True)
class _Piece:
    """A window with its halo; pixels that do not count are 0 in labels and NaN in layers."""

    layers: Mapping[str, FloatArray]
    labels: LabelArray
    row: int
    column: int
    core: tuple[slice, slice]


def _pieces(scene: xr.Dataset, clusters: ClassMap) -> Iterator[_Piece]:
    """Yield the windows in their order; the next one is read while one is measured."""
    cores = windows(clusters.labels.shape, WINDOW)
    with ThreadPoolExecutor(1, thread_name_prefix="obriy-facts") as reader:
        ahead = reader.submit(_read, scene, clusters, next(cores))
        for core in (*cores, None):
            piece = ahead.result()
            if core is not None:
                ahead = reader.submit(_read, scene, clusters, core)
            if piece is not None:
                yield piece


def _read(scene: xr.Dataset, clusters: ClassMap, core: tuple[slice, slice]) -> _Piece | None:
    """Read a window with its halo; None where no pixel of it is in a cluster."""
    outer = tuple(
        slice(max(0, part.start - HALO), min(size, part.stop + HALO))
        for part, size in zip(core, clusters.labels.shape, strict=True)
    )
    labels = np.array(clusters.labels.variable[outer].values, np.uint8)
    labels[labels == UNNAMED] = NO_DATA
    inner = tuple(
        slice(part.start - around.start, part.stop - around.start)
        for part, around in zip(core, outer, strict=True)
    )
    if not labels[inner].any():
        return None
    bands = {
        name: np.asarray(read_around(scene[name].variable, *outer)[0], np.float32)
        for name in ground_bands(set(band_names(scene)))
    }
    layers = base_layers(bands)
    missing = np.any([np.isnan(plane) for plane in layers.values()], axis=0)
    labels[missing] = NO_DATA
    hidden = labels == NO_DATA
    # Anew, not in place: of a scene in memory the planes are windows into its own arrays.
    layers = {name: np.where(hidden, np.float32("nan"), p) for name, p in layers.items()}
    return _Piece(layers, labels, outer[0].start, outer[1].start, (inner[0], inner[1]))


@dataclasses.dataclass(frozen=True)
class _Sample:
    """Measured pixels of one cluster: hashes in ascending order, and their values by name."""

    hashes: npt.NDArray[np.uint64]
    values: Mapping[str, FloatArray]

    @property
    def worst(self) -> np.uint64:
        """The hash that a pixel must be below to come in; the largest there is while not full."""
        full = self.hashes.size >= SAMPLE
        return self.hashes[-1] if full else np.uint64(np.iinfo(np.uint64).max)

    def merge(self, other: "_Sample") -> "_Sample":
        """Keep the smallest hashes of both."""
        hashes = np.concatenate([self.hashes, other.hashes])
        keep = np.argsort(hashes)[:SAMPLE]
        values = {
            name: np.concatenate([self.values[name], other.values[name]])[keep]
            for name in self.values
        }
        return _Sample(hashes[keep], values)


class _Tally:
    """Counts and samples of all clusters, window by window."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._pixels = np.zeros(CODES, np.int64)
        self._inner = np.zeros(CODES, np.int64)
        self._borders = np.zeros((CODES, CODES), np.int64)
        self._samples: dict[int, _Sample] = {}

    def add(self, piece: _Piece) -> None:
        """Take the core of a window."""
        core = piece.labels[piece.core]
        self._pixels += np.bincount(core.ravel(), minlength=CODES)
        self._add_borders(piece)
        rows, columns, hashes = self._candidates(piece, core)
        codes = piece.labels[rows, columns]
        values = measure_pixels(piece.layers, rows, columns)
        for code in np.unique(codes):
            chosen = np.flatnonzero(codes == code)
            chosen = chosen[np.argsort(hashes[chosen])]
            found = _Sample(hashes[chosen], {name: v[chosen] for name, v in values.items()})
            known = self._samples.get(int(code))
            self._samples[int(code)] = found if known is None else known.merge(found)

    def _candidates(self, piece: _Piece, core: LabelArray) -> tuple[Any, Any, Any]:
        """Return rows and columns in the piece, and hashes, of pixels that may enter a sample."""
        rows, columns = np.nonzero(core)
        codes = core[rows, columns]
        rows, columns = rows + piece.core[0].start, columns + piece.core[1].start
        hashes = place_keys(self._seed, rows + piece.row, columns + piece.column)
        keep = np.zeros(hashes.size, bool)
        for code in np.unique(codes):
            of_code = np.flatnonzero(codes == code)
            known = self._samples.get(int(code))
            if known is not None:
                of_code = of_code[hashes[of_code] < known.worst]
            if of_code.size > SAMPLE:
                of_code = of_code[np.argpartition(hashes[of_code], SAMPLE - 1)[:SAMPLE]]
            keep[of_code] = True
        return rows[keep], columns[keep], hashes[keep]

    def _add_borders(self, piece: _Piece) -> None:
        labels = np.pad(piece.labels, 1, constant_values=NO_DATA)
        rows, columns = (slice(part.start + 1, part.stop + 1) for part in piece.core)
        own = labels[rows, columns]
        inner = own != NO_DATA
        for down, right in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            beside = labels[_shifted(rows, down), _shifted(columns, right)]
            border = (own != NO_DATA) & (beside != NO_DATA) & (own != beside)
            inner &= ~border
            pairs = own[border].astype(np.int64) * CODES + beside[border]
            self._borders += np.bincount(pairs, minlength=CODES**2).reshape(CODES, CODES)
        self._inner += np.bincount(own[inner], minlength=CODES)

    def facts(self, pixel_m: float | None) -> list[ClusterFacts]:
        """Return what is known of every cluster."""
        seen = max(1, int(self._pixels[1:].sum()))
        scene = {code: self._pixels[code] / seen for code in self._samples}
        return [
            describe_cluster(
                code,
                {other: sample.values for other, sample in self._samples.items()},
                shares=scene,
                pixels=int(self._pixels[code]),
                interior=float(self._inner[code] / self._pixels[code]),
                borders=self._borders[code],
                pixel_m=pixel_m,
            )
            for code in sorted(self._samples)
        ]


def describe_cluster(
    code: int,
    samples: Mapping[int, Mapping[str, FloatArray]],
    *,
    shares: Mapping[int, float],
    pixels: int,
    interior: float,
    borders: npt.NDArray[np.int64],
    pixel_m: float | None,
) -> ClusterFacts:
    """Put the facts of one cluster together.

    Args:
        code: Its number.
        samples: Values of `measure_pixels` of every cluster of the scene, by its number.
        shares: Share of every cluster, 0 to 1; they sum to 1.
        pixels: Pixels in it.
        interior: As in `ClusterFacts`.
        borders: Edges of pixels that it shares with each code, (256,).
        pixel_m: Height of a pixel in metres.
    """
    own = samples[code]
    spreads = {name: _spread(own[name]) for name in own if "_" not in name}
    return ClusterFacts(
        id=code,
        pixels=pixels,
        share=float(shares[code]),
        spectrum={name: spreads[name] for name in ground_bands(set(spreads))},
        indices={name: spreads[name] for name in spreads if name.isupper()},
        texture=_medians(own, "texture_"),
        surroundings=_medians(own, "around_"),
        ranks={
            name: float(sum(shares[c] * np.mean(samples[c][name] < spread.median) for c in samples))
            for name, spread in spreads.items()
        },
        interior=interior,
        neighbours={
            int(other): float(borders[other] / borders.sum()) for other in np.flatnonzero(borders)
        },
        pixel_m=pixel_m,
    )


def measure_pixels(
    layers: Mapping[str, FloatArray], rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
) -> dict[str, FloatArray]:
    """Return what is known of some pixels, by name, each (n,).

    Args:
        layers: (rows, columns) float32 by name of band or index; NaN does not count.
        rows: Rows of the pixels, (n,).
        columns: Columns of the pixels, (n,).

    Returns:
        Every layer by its name; ``texture_NAME``, its deviation in 5 x 5 pixels; ``around_NAME``,
        its mean in 15 x 15.
    """
    values = {name: plane[rows, columns] for name, plane in layers.items()}
    for name in TEXTURE:
        if name in layers:
            found = patch_deviations(layers[name], rows, columns, TEXTURE_WINDOW)
            values[f"texture_{name}"] = found
    for name, plane in layers.items():
        values[f"around_{name}"] = patch_means(plane, rows, columns, NEIGHBOURHOOD_WINDOW)
    return values


def _spread(values: FloatArray) -> Spread:
    low, median, high = np.percentile(values.astype("float64"), [10, 50, 90])
    return Spread(float(low), float(median), float(high))


def _medians(values: Mapping[str, FloatArray], prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix): float(np.median(found))
        for name, found in values.items()
        if name.startswith(prefix)
    }


def _shifted(part: slice, step: int) -> slice:
    return slice(part.start + step, part.stop + step)


def _pixel_size(clusters: ClassMap) -> float | None:
    grid = clusters.geobox
    return None if grid.crs is None else pixel_metres(grid)[0]
