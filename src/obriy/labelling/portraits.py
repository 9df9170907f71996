"""Portraits: what a labeller is shown of each cluster."""

from collections.abc import Sequence

import xarray as xr

from obriy.errors import GridError
from obriy.labelling.wording import describe_cluster
from obriy.model.classmap import ClassMap
from obriy.model.clusters import ClusterFacts, Portrait
from obriy.model.grid import geobox_of, pixel_metres, same_grid
from obriy.model.scene import band_names
from obriy.render.portraits import cluster_pictures, place_side, shared_pictures, view_of
from obriy.tables.sensor import band_wavelengths
from obriy.vectors import lonlat_bounds


def make_portraits(
    scene: xr.Dataset,
    clusters: ClassMap,
    facts: Sequence[ClusterFacts],
    *,
    pictures: bool = True,
) -> list[Portrait]:
    """Make a portrait of each cluster, in the order of their facts.

    The same scene, pixels and facts give the same bytes and words, whatever the numbers and the
    colours of the clusters.

    Args:
        scene: The Scene that was clustered; read at a low resolution and around places.
        clusters: Numbers of clusters on its grid, 0 missing.
        facts: What was measured of the clusters, of `obriy.labelling.facts.measure_clusters`.
        pictures: Whether to draw: not for labellers that read the facts alone.

    Returns:
        Portraits with pictures by name: ``true_colour`` and ``infrared`` as far as the bands go
        (``one_band`` where they allow neither), the same for all clusters; ``mask``, ``places``,
        ``spectrum``.

    Raises:
        GridError: the map lies on another grid than the scene.
    """
    if not same_grid(clusters.geobox, geobox_of(scene)):
        raise GridError(
            "The map of clusters lies on another grid than the scene.",
            "Draw the scene that was clustered.",
        )
    waves = band_wavelengths(str(scene.attrs.get("sensor", "")), band_names(scene))
    everyone = {one.id: one for one in facts}
    about = about_scene(scene)
    words = [describe_cluster(one, everyone, waves, about) for one in facts]
    if not pictures:
        return [Portrait(one, {}, text) for one, text in zip(facts, words, strict=True)]
    view = view_of(scene)
    shared = shared_pictures(view)
    marked = cluster_pictures(view, clusters.labels, facts)
    return [
        Portrait(one, shared | own, text)
        for one, own, text in zip(facts, marked, words, strict=True)
    ]


def about_scene(scene: xr.Dataset) -> str:
    """Return what an image is in English: date, place and size, and how large a place is shown."""
    grid = geobox_of(scene)
    side = place_side(scene)
    wide_place = f"Each magnified place is {side} pixels wide"
    day = scene.attrs.get("time")
    parts = [f"Image of {str(day)[:10]}" if day else "Image"]
    if grid.crs is not None:
        west, south, east, north = lonlat_bounds(grid)
        parts.append(f"around {_degrees((south + north) / 2, 'N', 'S')} "
                     f"{_degrees((west + east) / 2, 'E', 'W')}")  # fmt: skip
        tall, wide = pixel_metres(grid)
        rows, columns = int(grid.shape.y), int(grid.shape.x)
        parts.append(f"{wide * columns / 1000:.3g} by {tall * rows / 1000:.3g} km")
        wide_place += f", {wide * side:.3g} m"
    known = f"{', '.join(parts)}. " if len(parts) > 1 or day else ""
    return f"{known}{wide_place}."


def _degrees(value: float, positive: str, negative: str) -> str:
    turned = (value + 180) % 360 - 180 if positive == "E" else value
    return f"{abs(turned):.1f}° {positive if turned >= 0 else negative}"
