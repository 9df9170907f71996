"""Classifiers of pixels for ice: what they see, how they are taught, the file that keeps them."""

import dataclasses
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import ByteArray, FloatArray
from obriy.errors import InputError, UsageError
from obriy.model.ice import BANDS
from obriy.model.provenance import versions

PAIRS: Final = (
    ("green", "swir16"), ("green", "nir"), ("nir", "swir12"), ("nir", "swir16"), ("red", "blue"),
)  # fmt: skip
"""Of whose normalised differences features are made: NDSI (Hall et al. 1995), NDSII (Keshri et al.
2009), the falls from 0.86 to 1.24 and 1.64 um by which snow differs from cloud (Riggs and Hall
2004, doi:10.1109/IGARSS.2004.1369928), and red against blue, by which turbid water does."""
CHUNK: Final = 32_768
"""Pixels that are classified at a time: memory stays bounded."""
FORMAT: Final = "obriy ice classifier 1"
TREE: Final = "sklearn.tree._tree.Tree"
"""The one type that skops does not trust by itself: its node numbers are checked here instead."""
_WAY_OUT: Final = "Give the weights.skops of a run of 'obriy train ice'."


@dataclasses.dataclass(frozen=True)
class ClassifierCard:
    """What has to be known of a classifier to use it and to judge it.

    Attributes:
        bands: Common names of the bands that it needs.
        sources: Images that it learnt from.
        split: How they were divided into training, validation and test, as plain values.
        scores: What it reached, as plain values.
        kind: Name in `CLASSIFIERS`; filled in by `fit_classifier`, like all that follow.
        features: Names of the features, in their order.
        codes: Codes of the legend ``ice`` that it can say.
        samples: Pixels that it was fitted to.
        seed: Of the choice of pixels, and of the fit.
        versions: Software that made it.
    """

    bands: tuple[str, ...] = BANDS
    sources: tuple[str, ...] = ()
    split: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scores: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    kind: str = ""
    features: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    samples: int = 0
    seed: int = 0
    versions: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """Return the card as JSON."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the card that `to_json` wrote."""
        values = json.loads(text)
        for name in ("bands", "sources", "features", "codes"):
            values[name] = tuple(values[name])
        return cls(**values)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of classifier.

    Attributes:
        most: Pixels that it is fitted to at most: what keeps it quick.
        build: Makes the unfitted model of a seed.
    """

    most: int
    build: Callable[[int], Any]


def _linear(seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000, random_state=seed)


def _svm(seed: int) -> Any:
    from sklearn.svm import SVC

    return SVC(C=10.0, gamma="scale", random_state=seed)


def _knn(seed: int) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    # Not by a tree: its file could make the reader look beyond its arrays.
    return KNeighborsClassifier(15, algorithm="brute")


def _forest(seed: int) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(60, max_depth=14, min_samples_leaf=5, random_state=seed)


CLASSIFIERS: Final[dict[str, Kind]] = {
    "linear": Kind(200_000, _linear),
    "svm": Kind(4_000, _svm),
    "knn": Kind(5_000, _knn),
    "forest": Kind(40_000, _forest),
}
"""Kinds of classifiers by name."""


class TrainedClassifier:
    """A fitted classifier with its card; it may be asked from several threads.

    Args:
        model: A fitted pipeline of scikit-learn.
        card: What belongs to it.
    """

    def __init__(self, model: Any, card: ClassifierCard) -> None:
        self._model = model
        self.card = card

    def predict(self, features: FloatArray) -> tuple[ByteArray, FloatArray]:
        """Classify pixels.

        Args:
            features: (n, features) float32; no NaN.

        Returns:
            (n,) uint8 codes of the legend ``ice``, and (n,) float32 share that the classifier
            gives to its class, 0 to 1; NaN where it gives none (``svm``). Nobody has calibrated it.
        """
        codes = np.zeros(len(features), np.uint8)
        shares = np.full(len(features), np.nan, np.float32)
        classes = np.asarray(self.card.codes, np.uint8)
        for part in _chunks(len(features)):
            if hasattr(self._model, "predict_proba"):
                found = self._model.predict_proba(features[part])
                codes[part], shares[part] = classes[found.argmax(1)], found.max(1)
            else:
                codes[part] = self._model.predict(features[part])
        return codes, shares

    def to_bytes(self) -> bytes:
        """Return the file that `load_classifier` reads: arrays and plain values, no code."""
        import skops.io

        content = {"format": FORMAT, "card": self.card.to_json(), "model": self._model}
        written: bytes = skops.io.dumps(content, compression=zipfile.ZIP_DEFLATED)
        return written


def feature_names(bands: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the features that bands allow, in the order of `features_of`."""
    return (*bands, *(f"{a}-{b}" for a, b in PAIRS if a in bands and b in bands))


def features_of(bands: Mapping[str, FloatArray], names: tuple[str, ...]) -> FloatArray:
    """Return what a classifier sees of a block.

    Args:
        bands: (rows, columns) float32 reflectance by common name, NaN missing.
        names: Bands that are features; with the normalised differences of `PAIRS` among them.

    Returns:
        (features, rows, columns) float32; NaN where a band of the feature is missing. A
        normalised difference is 0, which says nothing, where the sum is not positive.
    """
    planes = [bands[name] for name in names]
    for a, b in PAIRS:
        if a in names and b in names:
            total = bands[a] + bands[b]
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.clip((bands[a] - bands[b]) / total, -1, 1)
            planes.append(np.where(total <= 0, np.float32(0), ratio))
    return np.stack(planes).astype(np.float32)


def fit_classifier(
    kind: str,
    features: FloatArray,
    classes: npt.NDArray[np.integer],
    card: ClassifierCard,
    seed: int = 0,
) -> TrainedClassifier:
    """Fit a classifier to pixels; of more than it can take, a random part of the seed.

    Args:
        kind: Name in `CLASSIFIERS`.
        features: (n, features) float32 of `features_of` with the bands of the card; no NaN.
        classes: (n,) codes of the legend ``ice``.
        card: What is known beforehand; the rest is filled in.
        seed: The same seed gives the same classifier.

    Raises:
        UsageError: for a kind that is not known.
        InputError: where all pixels are of one class, or there are none.
    """
    if kind not in CLASSIFIERS:
        raise UsageError(f"'{kind}' is no classifier.", f"Known: {', '.join(CLASSIFIERS)}.")
    if len(np.unique(classes)) < 2:
        raise InputError(
            f"The {len(classes)} pixels to learn from are all of one class.",
            "Give scenes with ice and with open water.",
        )
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    chosen = np.random.default_rng(seed).permutation(len(classes))[: CLASSIFIERS[kind].most]
    model = make_pipeline(StandardScaler(), CLASSIFIERS[kind].build(seed))
    model.fit(features[chosen], classes[chosen].astype(np.uint8))
    filled = dataclasses.replace(
        card,
        kind=kind,
        features=feature_names(card.bands),
        codes=tuple(int(c) for c in model.classes_),
        samples=len(chosen),
        seed=seed,
        versions=versions(),
    )
    return TrainedClassifier(model, filled)


def load_classifier(path: Path | str) -> TrainedClassifier:
    """Load a classifier from its file; nothing in it is run.

    Args:
        path: Of what `TrainedClassifier.to_bytes` gave.

    Raises:
        InputError: where the file is missing, broken, or something else.
    """
    if not Path(path).is_file():
        raise InputError(f"The file {path} of a classifier is not there.", _WAY_OUT)
    content = _read(Path(path))
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputError(f"{path} is a file of skops, but no classifier of Obriy.", _WAY_OUT)
    try:
        found = TrainedClassifier(content["model"], ClassifierCard.from_json(content["card"]))
        _check(found, content["model"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path} is a damaged classifier: {error}.", _WAY_OUT) from error
    return found


def _read(path: Path) -> Any:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.load(path, trusted=[TREE])
    except UntrustedTypesFoundException as error:
        raise InputError(
            f"{path} holds more than a classifier of scikit-learn, and was not read.", _WAY_OUT
        ) from error
    except Exception as error:  # a foreign file fails in as many ways as there are formats
        raise InputError(f"{path} is broken, or no file of skops.", _WAY_OUT) from error


def _check(found: TrainedClassifier, model: Any) -> None:
    """Raise a ValueError where model and card do not belong together, or a tree is not one."""
    card = found.card
    if card.kind not in CLASSIFIERS or card.features != feature_names(card.bands):
        raise ValueError("its card is of another version")
    if model.n_features_in_ != len(card.features) or tuple(model.classes_) != card.codes:
        raise ValueError("its card is of another model")
    for estimator in getattr(model[-1], "estimators_", []):
        _check_tree(estimator.tree_, len(card.features), len(card.codes))
    # What cannot classify one pixel cannot classify an image.
    found.predict(np.zeros((1, len(card.features)), np.float32))


def _check_tree(tree: Any, features: int, classes: int) -> None:
    """Raise a ValueError where a tree of a file would make scikit-learn look beyond its arrays."""
    sizes = (tree.n_features, tree.n_outputs, tree.max_n_classes)
    if sizes != (features, 1, classes) or not 0 < tree.node_count <= tree.capacity:
        raise ValueError("a tree has another size than its arrays")
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    here = np.arange(tree.node_count)
    split = left != -1
    sound = (left > here) & (left < tree.node_count) & (right > here) & (right < tree.node_count)
    sound &= (feature >= 0) & (feature < features)
    if not sound[split].all() or (right[~split] != -1).any():
        raise ValueError("a tree has branches that lead nowhere")


def _chunks(count: int) -> Iterator[slice]:
    for start in range(0, count, CHUNK):
        yield slice(start, start + CHUNK)
