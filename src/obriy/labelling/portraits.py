"""Portraits: what a labeller is shown of each cluster."""

from collections.abc import Sequence

import xarray as xr

from obriy.errors import GridError
from obriy.labelling.circumstances import about_scene, pixel_size
from obriy.labelling.wording import describe_cluster
from obriy.model.classmap import ClassMap
from obriy.model.clusters import ClusterFacts, Portrait
from obriy.model.grid import geobox_of, same_grid
from obriy.model.scene import band_names
from obriy.render.portraits import cluster_pictures, shared_pictures
from obriy.render.scene_view import place_side, view_of
from obriy.tables.sensor import band_wavelengths


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
        (``one_band`` where they allow neither) and their ``legend``, the same for all clusters;
        ``mask``, ``outline``, ``around`` where the scene is large, ``places``, ``spectrum``.

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
    about, size = about_scene(scene, place_side(scene)), pixel_size(scene)
    words = [describe_cluster(one, everyone, waves, about, size) for one in facts]
    if not pictures:
        return [Portrait(one, {}, text) for one, text in zip(facts, words, strict=True)]
    view = view_of(scene)
    shared = shared_pictures(view)
    marked = cluster_pictures(view, clusters.labels, facts)
    return [
        Portrait(one, shared | own, text)
        for one, own, text in zip(facts, marked, words, strict=True)
    ]
