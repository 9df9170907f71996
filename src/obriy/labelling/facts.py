"""What is measured of each cluster: the facts that every labeller starts from.

Medians, percentiles, texture and surroundings come from a sample of each cluster: the pixels whose
(seed, row, column) have the smallest hashes. Counts, interior and borders are exact. Neither
depends on the windows in which the scene is read.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from obriy.blocks.damage import read_around
from obriy.blocks.windows import windows
from obriy.errors import BandError, GridError
from obriy.indices.features import ground_bands
from obriy.labelling.tally import ClusterTally, halo_pixels
from obriy.model.classmap import ClassMap
from obriy.model.clusters import ClusterFacts, Spread
from obriy.model.grid import geobox_of, pixel_metres, same_grid
from obriy.model.legend import NO_DATA, UNNAMED
from obriy.model.scene import band_names, is_reflectance
from obriy.model.season import SEASONAL

FloatArray = npt.NDArray[np.float32]
LabelArray = npt.NDArray[np.uint8]

WINDOW: Final = 1024
"""Side of the windows in which a scene is read, pixels: some 150 MB of bands and layers."""


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
    pixel_m = pixel_side(geobox_of(scene))
    tally = ClusterTally(seed, pixel_m=pixel_m)
    for piece in _pieces(scene, clusters, halo_pixels(pixel_m)):
        tally.add(piece.bands, piece.labels, (piece.row, piece.column), piece.core)
    return facts_of(tally, scene)


def facts_of(
    tally: ClusterTally, scene: xr.Dataset, number_of: npt.NDArray[np.uint8] | None = None
) -> list[ClusterFacts]:
    """Return the facts of what was counted, in the order of the numbers.

    Args:
        tally: Of all blocks.
        scene: The Scene that was counted.
        number_of: As for `ClusterTally.samples`; None: each leaf has its own.
    """
    numbers = np.arange(256, dtype=np.uint8) if number_of is None else number_of
    pixels, inner, borders = tally.counts(numbers)
    samples = tally.samples(numbers)
    seen = max(1, int(pixels[1:].sum()))
    known = is_reflectance(scene)
    return [
        dataclasses.replace(
            describe_cluster(
                code,
                {other: sample.values for other, sample in samples.items()},
                shares={other: pixels[other] / seen for other in samples},
                pixels=int(pixels[code]),
                interior=float(inner[code] / pixels[code]),
                borders=borders[code],
                pixel_m=pixel_side(geobox_of(scene)),
            ),
            reflectance=known,
        )
        for code in samples
    ]


@dataclasses.dataclass(frozen=True)
class _Piece:
    """A window with its halo; pixels that do not count are 0 in labels and NaN in bands."""

    bands: Mapping[str, FloatArray]
    labels: LabelArray
    row: int
    column: int
    core: tuple[slice, slice]


def _pieces(scene: xr.Dataset, clusters: ClassMap, halo: int) -> Iterator[_Piece]:
    """Yield the windows in their order; the next one is read while one is measured."""
    cores = windows(clusters.labels.shape, WINDOW)
    with ThreadPoolExecutor(1, thread_name_prefix="obriy-facts") as reader:
        ahead = reader.submit(_read, scene, clusters, next(cores), halo)
        for core in (*cores, None):
            piece = ahead.result()
            if core is not None:
                ahead = reader.submit(_read, scene, clusters, core, halo)
            if piece is not None:
                yield piece


def _read(
    scene: xr.Dataset, clusters: ClassMap, core: tuple[slice, slice], halo: int
) -> _Piece | None:
    """Read a window with its halo; None where no pixel of it is in a cluster."""
    outer = tuple(
        slice(max(0, part.start - halo), min(size, part.stop + halo))
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
    missing = np.any([np.isnan(plane) for plane in bands.values()], axis=0)
    labels[missing] = NO_DATA
    hidden = labels == NO_DATA
    # Anew, not in place: of a scene in memory the planes are windows into its own arrays.
    bands = {name: np.where(hidden, np.float32("nan"), p) for name, p in bands.items()}
    return _Piece(bands, labels, outer[0].start, outer[1].start, (inner[0], inner[1]))


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
        samples: Values of `obriy.labelling.tally.measure_pixels` of every cluster of the scene,
            by its number.
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
        season={name: _spread(own[name]) for name in SEASONAL if name in own},
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


def _spread(values: FloatArray) -> Spread:
    low, median, high = np.percentile(values.astype("float64"), [10, 50, 90])
    return Spread(float(low), float(median), float(high))


def _medians(values: Mapping[str, FloatArray], prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix): float(np.median(found))
        for name, found in values.items()
        if name.startswith(prefix)
    }


def pixel_side(grid: GeoBox) -> float | None:
    """Return the height of a pixel in metres; None where the grid has no CRS."""
    return None if grid.crs is None else pixel_metres(grid)[0]
