"""A clusterer as text: ``[SEGMENTER+][EMBEDDER+]CLUSTERER``, e.g. ``slic+kmeans``."""

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from obriy.errors import UsageError
from obriy.methods.clustering.density import fit_dbscan, fit_hdbscan
from obriy.methods.clustering.fitted import Fit
from obriy.methods.clustering.kmeans import fit_kmeans
from obriy.methods.clustering.look import Look, Segmenter
from obriy.methods.clustering.networks import SamSegments, UnetFeatures
from obriy.methods.clustering.segments import slic_segments, watershed_segments
from obriy.methods.clustering.spectral import fit_spectral
from obriy.nets.torch_library import load_library
from obriy.registry import Registry, did_you_mean

CLUSTERERS: Final[Registry[Fit]] = Registry("clusterer")
CLUSTERERS.register("kmeans", fit_kmeans)
CLUSTERERS.register("dbscan", fit_dbscan)
CLUSTERERS.register("hdbscan", fit_hdbscan)
CLUSTERERS.register("spectral", fit_spectral)

SEGMENTERS: Final[Registry[Callable[[str | None], Segmenter]]] = Registry("segmenter")
SEGMENTERS.register("slic", lambda weights: slic_segments)
SEGMENTERS.register("watershed", lambda weights: watershed_segments)
SEGMENTERS.register("sam", SamSegments)

EMBEDDERS: Final[Registry[Callable[..., Any]]] = Registry("embedder")
EMBEDDERS.register("autoencoder", "obriy.nets.autoencoder:train_autoencoder")
EMBEDDERS.register("unet", UnetFeatures)

TRAINED: Final = ("autoencoder",)
"""Embedders that learn from the sample; the others come with their weights."""
CLUSTERER_HELP: Final = {
    "kmeans": "what lies nearest to the same centre (the default)",
    "dbscan": "does not fit land cover, which has few gaps; dense places, the rest is noise",
    "hdbscan": "does not fit land cover either; the densest places, each by its own density",
    "spectral": "super-pixels by a graph of likeness (slic+spectral)",
    "slic+CLUSTERER": "super-pixels first, then clusters of them",
    "watershed+CLUSTERER": "segments between the edges of the image first, then clusters of them",
    "sam+CLUSTERER": "segments of Segment Anything first (extra deep)",
    "autoencoder+CLUSTERER": "features squeezed by a network trained on the scene (extra deep)",
    "unet+CLUSTERER": "features of a U-Net's encoder beside the others (extra deep)",
    "student:FILE": "a network that a named map has taught, in place of clusters (extra deep)",
}
"""What a spec may be, for help texts."""
OF_DENSITY: Final = ("dbscan",)
"""Clusterers that look for dense places, in the three longest axes of the features: in more there
are no dense places in a sample."""
OF_SEGMENTS: Final = ("spectral",)
"""Clusterers that compare all units with each other: of segments only, ``slic`` unless named."""
_EXAMPLE: Final = "Write [SEGMENTER+][EMBEDDER+]CLUSTERER, e.g. kmeans or slic+kmeans."


@dataclasses.dataclass(frozen=True)
class Spec:
    """A clusterer by the names of its parts.

    Attributes:
        clusterer: Name in `CLUSTERERS`.
        segmenter: Name in `SEGMENTERS`; empty: the units are pixels.
        embedder: Name in `EMBEDDERS`; empty: none.
        weights: File or name of the weights of a network; None: its default.
    """

    clusterer: str
    segmenter: str = ""
    embedder: str = ""
    weights: str | None = None

    @property
    def text(self) -> str:
        """The spec as text."""
        return "+".join(n for n in (self.segmenter, self.embedder, self.clusterer) if n)

    def look(self, groups: tuple[str, ...]) -> Look:
        """Return how units are made, with these groups of features.

        Raises:
            MissingExtraError: where a network is asked for and torch is not installed.
        """
        if self.embedder:
            load_library("torch")
        segmenter = SEGMENTERS.get(self.segmenter)(self.weights) if self.segmenter else None
        extractor = None
        if self.embedder and self.embedder not in TRAINED:
            extractor = EMBEDDERS.get(self.embedder)(self.weights)
        return Look(groups, segmenter, extractor)


def parse_spec(text: str, weights: str | None = None) -> Spec:
    """Return the parts of a clusterer.

    Raises:
        UnknownNameError: for a name that is not known.
        UsageError: for names in another order.
    """
    names = [name.strip().lower() for name in text.split("+")]
    for name in names:
        _check(name, text)
    *before, clusterer = names
    spec = Spec(clusterer, weights=weights)
    for kind, registry in (("segmenter", SEGMENTERS), ("embedder", EMBEDDERS)):
        if before and before[0] in registry:
            spec = dataclasses.replace(spec, **{kind: before.pop(0)})
    if before or clusterer not in CLUSTERERS:
        raise UsageError(f"'{text}' is not a clusterer.", _EXAMPLE)
    if clusterer in OF_SEGMENTS and not spec.segmenter:
        spec = dataclasses.replace(spec, segmenter="slic")
    return spec


def _check(name: str, text: str) -> None:
    known = [*SEGMENTERS, *EMBEDDERS, *CLUSTERERS]
    if not name:
        raise UsageError(f"'{text}' lacks a name beside its plus sign.", _EXAMPLE)
    if name not in known:
        raise did_you_mean("segmenter, embedder or clusterer", name, known)


def clusterer_names() -> list[str]:
    """Return what a spec may be, the simplest first."""
    alone = list(CLUSTERERS)
    pairs = [f"{before}+{name}" for before in (*SEGMENTERS, *EMBEDDERS) for name in alone]
    return [*alone, *pairs]
