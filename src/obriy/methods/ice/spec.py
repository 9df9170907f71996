"""Methods for ice as text: ``auto``, ``mod29``, ``green:0.2``, ``kmeans``, ``forest``, ``m211``."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from obriy.blocks.base import Method
from obriy.errors import InputError, UsageError
from obriy.registry import Registry
from obriy.tables import load_toml

if TYPE_CHECKING:
    from obriy.nets.torch_library import Device


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a method may want to know when it is made.

    Attributes:
        name: As written by the user.
        weights: File of what was learnt; None: none was given.
        seed: Of everything random.
        device: Where networks compute.
    """

    name: str
    weights: Path | None
    seed: int
    device: "Device"


@dataclasses.dataclass(frozen=True)
class IceMethod:
    """A method for ice, for help texts and to make it.

    Attributes:
        name: What the user writes.
        title: What it does, in a few words.
        build: Makes it.
        needs_weights: Whether it must be trained first (``--model``).
        surroundings: Rule by which it looks beyond the pixel; empty: it does not.
        gives_cloud: Whether it tells cloud from ice and water by itself.
    """

    name: str
    title: str
    build: Callable[[Asked], Method]
    needs_weights: bool = False
    surroundings: str = ""
    gives_cloud: bool = False


def _auto(asked: Asked) -> Method:
    from obriy.methods.ice.auto import AutoIce

    return AutoIce()


def _tests(asked: Asked) -> Method:
    from obriy.methods.ice.threshold import FixedTests

    return FixedTests(asked.name)


def _regions(asked: Asked) -> Method:
    from obriy.methods.ice.regions import RegionIce, flood, grow

    return RegionIce(asked.name, {"watershed": flood, "growing": grow}[asked.name])


def _clusters(asked: Asked) -> Method:
    from obriy.methods.clustering.parse import parse_clusterer
    from obriy.methods.ice.clusters import CLUSTERS, NamedClusters

    number = None if asked.name == "dbscan" else CLUSTERS
    return NamedClusters(parse_clusterer(asked.name, number, seed=asked.seed), asked.name)


def _classifier(asked: Asked) -> Method:
    from obriy.methods.ice.classifier import LearnedIce
    from obriy.methods.ice.learned import load_classifier

    classifier = load_classifier(_weights_of(asked))
    _require_kind(asked, classifier.card.kind)
    return LearnedIce(classifier, asked.name)


def _network(asked: Asked) -> Method:
    from obriy.methods.ice.network import NetworkIce
    from obriy.nets.segmenter import load_segmenter

    segmenter = load_segmenter(_weights_of(asked), asked.device)
    _require_kind(asked, segmenter.card.architecture)
    return NetworkIce(segmenter, asked.name)


_WINDOWS: Final = "windows of 512 x 512 pixels, spread evenly, that overlap by 128 or more"
_NET_WINDOWS: Final = "windows of the size it learnt from, spread evenly, overlap of 64 or more"

_ENTRIES: Final = (
    IceMethod("auto", "all bands, fitted to the scene, no training (the default)", _auto,
              surroundings="a few pixels around", gives_cloud=True),
    *(IceMethod(name, entry["title"], _tests)
      for name, entry in load_toml("ice_methods")["tests"].items()),
    IceMethod("watershed", "edges flooded from what is surely ice, water or cloud", _regions,
              surroundings=_WINDOWS, gives_cloud=True),
    IceMethod("growing", "regions grown from what is surely ice, water or cloud", _regions,
              surroundings=_WINDOWS, gives_cloud=True),
    IceMethod("kmeans", "K-Means, clusters named by their spectra", _clusters, gives_cloud=True),
    IceMethod("spectral", "spectral clustering of super-pixels, named by their spectra", _clusters,
              surroundings="super-pixels within tiles of 256 x 256 pixels", gives_cloud=True),
    IceMethod("dbscan", "DBSCAN, named by their spectra; noise is not named", _clusters,
              gives_cloud=True),
    IceMethod("linear", "logistic regression of pixels", _classifier, True, gives_cloud=True),
    IceMethod("svm", "support vector machine of pixels", _classifier, True, gives_cloud=True),
    IceMethod("knn", "the 15 nearest neighbours", _classifier, True, gives_cloud=True),
    IceMethod("forest", "random forest of pixels, 60 trees", _classifier, True, gives_cloud=True),
    IceMethod("m201", "M20.1, a network of 115 980 parameters; ice or not", _network, True,
              _NET_WINDOWS),
    IceMethod("m211", "M21.1, a network of 301 132 parameters; ice or not", _network, True,
              _NET_WINDOWS),
    IceMethod("unet", "U-Net", _network, True, _NET_WINDOWS, gives_cloud=True),
    IceMethod("deeplab", "DeepLabV3 on a ResNet-50", _network, True, _NET_WINDOWS,
              gives_cloud=True),
)  # fmt: skip
ICE_METHODS: Final[Registry[IceMethod]] = Registry("method for ice")
for _entry in _ENTRIES:
    ICE_METHODS.register(_entry.name, _entry)

THRESHOLD_HELP: Final = {
    "BAND:NUMBER": "a fixed threshold of one band, e.g. green:0.2",
    "BAND:otsu": "Otsu's, where a test finds two populations; else the number of the table",
    "INDEX:NUMBER, INDEX:otsu": "the same of an index, e.g. NDWI:0.3; ice is where water is not",
}
"""What a threshold may be, for help texts; the other rules of water indices work too."""


def ice_methods() -> list[IceMethod]:
    """Return all methods that have a name: the simplest first, what must be trained last."""
    return list(_ENTRIES)


def parse_ice_method(
    text: str, *, weights: Path | None = None, seed: int = 0, device: "Device" = "auto"
) -> Method:
    """Return the method that a text describes.

    Args:
        text: A name of `ICE_METHODS`, or ``BAND:THRESHOLD``, ``INDEX:THRESHOLD``.
        weights: File of what was learnt, for methods that are trained.
        seed: The same seed gives the same map.
        device: Where networks compute.

    Raises:
        UnknownNameError: for a name that is not known.
        UsageError: where a trained method gets no weights, or another one gets some.
        InputError: where the file of weights will not do.
        MissingExtraError: for a network where the extra ``deep`` is not installed.
    """
    name = text.strip()
    if ":" in name:
        from obriy.methods.ice.threshold import ice_threshold

        _refuse_weights(name, weights)
        return ice_threshold(name)
    entry = ICE_METHODS.get(name)
    if not entry.needs_weights:
        _refuse_weights(name, weights)
    return entry.build(Asked(entry.name, weights, seed, device))


def _refuse_weights(name: str, weights: Path | None) -> None:
    if weights is not None:
        raise UsageError(
            f"'{name}' learns from no training, and weights were given: {weights}.",
            "Leave --model out, or name the method that they belong to.",
        )


def _weights_of(asked: Asked) -> Path:
    if asked.weights is None:
        raise UsageError(
            f"'{asked.name}' must have been trained, and no weights were given.",
            f"Run: obriy train ice --data FOLDER --method {asked.name}; then give --model FILE. "
            "Or take --method auto, which needs none.",
        )
    return asked.weights


def _require_kind(asked: Asked, found: str) -> None:
    if found != asked.name:
        raise InputError(
            f"{asked.weights} holds '{found}', not '{asked.name}'.", f"Give --method {found}."
        )
