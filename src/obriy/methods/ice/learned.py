"""Classifiers of pixels for ice: what they see, and how they are taught."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import ByteArray, FloatArray
from obriy.errors import InputError
from obriy.model.card import Card
from obriy.nets.model_file import WAY_OUT, model_bytes

PAIRS: Final = (
    ("green", "swir16"), ("green", "nir"), ("nir", "swir12"), ("nir", "swir16"), ("red", "blue"),
)  # fmt: skip
"""Of whose normalised differences features are made: NDSI (Hall et al. 1995), NDSII (Keshri et al.
2009), the falls from 0.86 to 1.24 and 1.64 um by which snow differs from cloud (Riggs and Hall
2004, doi:10.1109/IGARSS.2004.1369928), and red against blue, by which turbid water does."""
CHUNK: Final = 32_768
"""Pixels that are classified at a time: memory stays bounded."""


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A kind of classifier of pixels: an entry with it is all that training and mapping need.

    Attributes:
        build: Makes the unfitted estimator of scikit-learn, of a seed.
        most: Pixels that it is fitted to at most: what keeps it quick.
    """

    build: Callable[[int], Any]
    most: int

    family = "classifier"

    def fit(
        self, features: FloatArray, classes: npt.NDArray[np.integer], card: Card
    ) -> "TrainedClassifier":
        """Fit it to pixels; of more than it can take, to a random part of the card's seed.

        Args:
            features: (n, features) float32 of `features_of` with the bands of the card; no NaN.
            classes: (n,) codes of the legend of the card.
            card: What is known beforehand; outputs and samples are filled in.

        Raises:
            InputError: where all pixels are of one class, or there are none.
        """
        if len(np.unique(classes)) < 2:
            raise InputError(
                f"The {len(classes)} pixels to learn from are all of one class.",
                "Give scenes with ice and with open water.",
            )
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        chosen = np.random.default_rng(card.seed).permutation(len(classes))[: self.most]
        model = make_pipeline(StandardScaler(), self.build(card.seed))
        model.fit(features[chosen], classes[chosen].astype(np.uint8))
        names = {one.code: one.name for one in card.legend}
        outputs = tuple(names[int(code)] for code in model.classes_)
        filled = dataclasses.replace(card, outputs=outputs, samples=len(chosen))
        return TrainedClassifier(self, model, filled)

    def restored(self, card: Card, learnt: Any) -> "TrainedClassifier":
        """Return what was trained, of its file.

        Raises:
            InputError: where model and card do not belong together, or a tree is not one.
        """
        try:
            found = TrainedClassifier(self, learnt, card)
            _check(found, learnt)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"The model of '{card.method}' is damaged: {error}.", WAY_OUT
            ) from error
        return found


def linear(seed: int) -> Any:
    """Return an unfitted logistic regression."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000, random_state=seed)


def svm(seed: int) -> Any:
    """Return an unfitted support vector machine."""
    from sklearn.svm import SVC

    return SVC(C=10.0, gamma="scale", random_state=seed)


def knn(seed: int) -> Any:
    """Return an unfitted classifier by the 15 nearest neighbours."""
    from sklearn.neighbors import KNeighborsClassifier

    # Not by a tree: its file could make the reader look beyond its arrays.
    return KNeighborsClassifier(15, algorithm="brute")


def forest(seed: int) -> Any:
    """Return an unfitted random forest."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(60, max_depth=14, min_samples_leaf=5, random_state=seed)


class TrainedClassifier:
    """A fitted classifier with its card; it may be asked from several threads.

    Args:
        kind: What it is.
        model: A fitted pipeline of scikit-learn.
        card: What belongs to it.
    """

    def __init__(self, kind: Classifier, model: Any, card: Card) -> None:
        self.kind = kind
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
        """Return the file that `obriy.nets.model_file.open_model` reads."""
        return model_bytes(self.card, self._model)


def feature_names(bands: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the features that bands allow, in the order of `features_of`."""
    return (*bands, *(f"{a}-{b}" for a, b in PAIRS if a in bands and b in bands))


def features_of(bands: Mapping[str, FloatArray]) -> FloatArray:
    """Return what a classifier sees of a block: bands, and the `PAIRS` among them.

    Args:
        bands: (rows, columns) float32 reflectance by common name, NaN missing; all are features.

    Returns:
        (features, rows, columns) float32; NaN where a band of the feature is missing. A
        normalised difference is 0, which says nothing, where the sum is not positive.
    """
    planes = list(bands.values())
    for a, b in PAIRS:
        if a in bands and b in bands:
            total = bands[a] + bands[b]
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.clip((bands[a] - bands[b]) / total, -1, 1)
            planes.append(np.where(total <= 0, np.float32(0), ratio))
    return np.stack(planes).astype(np.float32)


def _check(found: TrainedClassifier, model: Any) -> None:
    """Raise a ValueError where model and card do not belong together, or a tree is not one."""
    card = found.card
    if card.features != feature_names(card.bands):
        raise ValueError("its card is of another version")
    if model.n_features_in_ != len(card.features) or tuple(map(int, model.classes_)) != card.codes:
        raise ValueError("its card is of another model")
    for estimator in getattr(model[-1], "estimators_", []):
        _check_tree(estimator.tree_, len(card.features), len(card.outputs))
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
