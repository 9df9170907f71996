"""Methods for ice as text: ``auto``, ``mod29``, ``green:0.2``, ``kmeans``, ``forest``, ``m211``."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from obriy.blocks.base import Method
from obriy.errors import InputError, UsageError
from obriy.methods.ice.learned import Classifier, forest, knn, linear, svm
from obriy.nets.architectures import DEEPLAB, M201, M211, SEGFORMER, UNET
from obriy.nets.model_file import open_model, shipped_model
from obriy.nets.networks import Network
from obriy.registry import Registry, did_you_mean
from obriy.tables import load_toml

if TYPE_CHECKING:
    from obriy.nets.torch_library import Device

AUTO: Final = "auto"


@dataclasses.dataclass(frozen=True)
class Asked:
    """What a method may want to know when it is made.

    Attributes:
        name: As written by the user.
        seed: Of everything random.
    """

    name: str
    seed: int


@dataclasses.dataclass(frozen=True)
class IceMethod:
    """A method for ice: an entry with it is all that help, mapping and training need.

    Attributes:
        name: What the user writes.
        title: What it does, in a few words.
        build: Makes it; None: it must be trained first (`obriy train ice`, then ``--model``).
        model: What is trained; None: nothing.
        surroundings: Rule by which it looks beyond the pixel; empty: it does not.
        gives_cloud: Whether it tells cloud from ice and water by itself; where it does not, clouds
            are those of another, see `with_clouds`.
    """

    name: str
    title: str
    build: Callable[[Asked], Method] | None = None
    model: Network | Classifier | None = None
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


_WINDOWS: Final = "windows of 512 x 512 pixels, spread evenly, that overlap by 128 or more"
_NET_WINDOWS: Final = "windows of the size it learnt from, spread evenly, overlap of 64 or more"


def trained_method(name: str, title: str, model: Network | Classifier) -> IceMethod:
    """Return the entry of a method that is trained.

    Args:
        name: What the user writes.
        title: What it does, in a few words.
        model: What is trained.
    """
    windows = _NET_WINDOWS if isinstance(model, Network) else ""
    cloud = not isinstance(model, Network) or "cloud" in model.outputs
    return IceMethod(name, title, model=model, surroundings=windows, gives_cloud=cloud)


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
    trained_method("linear", "logistic regression of pixels", Classifier(linear, 200_000)),
    trained_method("svm", "support vector machine of pixels", Classifier(svm, 4_000)),
    trained_method("knn", "the 15 nearest neighbours", Classifier(knn, 5_000)),
    trained_method("forest", "random forest of pixels, 60 trees", Classifier(forest, 40_000)),
    trained_method("m201", "M20.1, a network of 115,980 parameters; ice or not", M201),
    trained_method("m211", "M21.1, a network of 301,132 parameters; ice or not", M211),
    trained_method("segformer", "SegFormer, a transformer; bands 5 and 6 may lack", SEGFORMER),
    trained_method("unet", "U-Net", UNET),
    trained_method("deeplab", "DeepLabV3 on a ResNet-50", DEEPLAB),
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
    return [ICE_METHODS.get(name) for name in ICE_METHODS.names]


def trainable(name: str) -> IceMethod:
    """Return a method for ice that can be trained.

    Raises:
        UnknownNameError: where there is none of that name.
    """
    known = [one.name for one in ice_methods() if one.model is not None]
    if name not in known:
        raise did_you_mean("method for ice that is trained", name, known)
    return ICE_METHODS.get(name)


def parse_ice_method(
    text: str, *, weights: Path | None = None, seed: int = 0, device: "Device" = "auto"
) -> Method:
    """Return the method that a text describes.

    Args:
        text: A name of `ICE_METHODS`, or ``BAND:THRESHOLD``, ``INDEX:THRESHOLD``; with a file of
            what was trained ``"auto"`` is what the file holds.
        weights: File of what was learnt, for methods that are trained; None: what is shipped.
        seed: The same seed gives the same map.
        device: Where networks compute.

    Raises:
        UnknownNameError: for a name that is not known.
        UsageError: where a trained method gets no model, or another one gets some.
        InputError: where the file of the model will not do.
        MissingExtraError: for a network where the extra ``deep`` is not installed.
    """
    name = text.strip()
    entry = None if ":" in name else ICE_METHODS.get(name)
    if weights is None and entry is not None and entry.model is not None:
        weights = shipped_model(entry.name)
    if weights is not None:
        return _trained(name, entry, weights, device)
    if entry is None:
        from obriy.methods.ice.threshold import ice_threshold

        return ice_threshold(name)
    if entry.build is None:
        raise UsageError(
            f"'{name}' must have been trained, and no model was given.",
            f"Run: obriy train ice FOLDER --method {name}; then give --model FILE. "
            "Or take --method auto, which needs none.",
        )
    return entry.build(Asked(entry.name, seed))


def with_clouds(method: Method, available: set[str]) -> Method | None:
    """Return a method that tells the clouds of an image by its bands.

    What knows none gets those of `auto` beside. Where both speak the cloud hides what a test calls
    ice, and not what something taught does: it was told that cloud is no ice.

    Args:
        method: Of `parse_ice_method`.
        available: Common names of the bands of the image.

    Returns:
        The method itself where it tells clouds; None where neither can, for want of a band.
    """
    from obriy.methods.ice.auto import AutoIce
    from obriy.methods.ice.clouds import CloudsBeside
    from obriy.methods.ice.mixing import tells_cloud

    entry = ICE_METHODS.get(method.name) if method.name in ICE_METHODS else None
    taught = entry is not None and entry.model is not None
    knows = entry is not None and entry.gives_cloud
    if knows and taught:  # by whatever bands it learnt from
        return method
    if not tells_cloud(available):
        return None
    return method if knows else CloudsBeside(method, AutoIce(), keeps_ice=taught)


def _trained(name: str, asked: IceMethod | None, path: Path, device: "Device") -> Method:
    """Return the method that a file holds, where that is the one that was asked for."""
    if name != AUTO and (asked is None or asked.model is None):
        raise UsageError(
            f"'{name}' learns from no training, and a model was given: {path}.",
            "Leave --model out, or name the method that it belongs to.",
        )
    card, learnt = open_model(path)
    entry = ICE_METHODS.get(card.method) if card.method in ICE_METHODS else None
    if entry is None or entry.model is None:
        raise InputError(
            f"{path} holds '{card.method}', which maps no ice.",
            "Give the model of a run of 'obriy train ice'.",
        )
    if asked is not None and name != AUTO and entry is not asked:
        raise InputError(
            f"{path} holds '{entry.name}', not '{name}'.", f"Give --method {entry.name}."
        )
    if isinstance(entry.model, Network):
        from obriy.methods.ice.network import NetworkIce

        return NetworkIce(entry.model.restored(card, learnt, device), entry.name)
    from obriy.methods.ice.classifier import ClassifierIce

    return ClassifierIce(entry.model.restored(card, learnt), entry.name)
