"""What methods for ice learn from, and how they are judged: labelled scenes, split in time."""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.blocks.base import Block, FloatArray, Method
from obriy.blocks.damage import read_around
from obriy.blocks.engine import ArraySink, EngineOptions
from obriy.errors import BandError, InputError, UsageError
from obriy.methods.ice.learned import features_of
from obriy.model.card import Card
from obriy.model.flags import FLAG_ATTRS, Flag
from obriy.model.grid import geobox_of
from obriy.model.ice import BANDS, CLOUD, ICE, LAND, WATER, IceExample
from obriy.model.notices import notice
from obriy.model.scene import band_names
from obriy.nets.learning import Examples
from obriy.nets.ssegm import SIZE
from obriy.prepare.sea import hide_no_data
from obriy.sources.dates import parse_range
from obriy.sources.ice_examples import LABELS, read_examples, unlabelled
from obriy.validation.ice_scores import IceCounts, count_ice
from obriy.validation.split import Split, describe_scenes, split_by_time
from obriy.vectors import is_southern
from obriy.workflows.config.ice import LearningConfig
from obriy.workflows.learn.training import drawn
from obriy.workflows.passes import run_pass

MOST_BYTES: Final = 3 * 1024**3
"""Memory for the windows to learn from (some 1500 of the study's size); of more, so many are drawn
at random."""
PIXELS: Final = 2000
"""Pixels of one scene and class that classifiers are shown at most: neighbours say the same."""
Progress = Callable[[str, int, int], None]


@dataclasses.dataclass(frozen=True)
class Lessons:
    """Labelled scenes by what they are for.

    Attributes:
        examples: All of them.
        split: Which are for what.
        warnings: What the reader of a figure should know.
    """

    examples: Sequence[IceExample]
    split: Split[int]
    warnings: tuple[str, ...]

    @property
    def train(self) -> list[IceExample]:
        """To learn from."""
        return [self.examples[i] for i in self.split.train]

    @property
    def validation(self) -> list[IceExample]:
        """To choose by."""
        return [self.examples[i] for i in self.split.validation]

    @property
    def test(self) -> list[IceExample]:
        """To report on."""
        return [self.examples[i] for i in self.split.test]

    def describe(self) -> dict[str, Any]:
        """Return the split as plain values."""
        names, times = ([getattr(e, field) for e in self.examples] for field in ("name", "time"))
        return describe_scenes(self.split, names, times)


def read_lessons(config: LearningConfig) -> Lessons:
    """Open the labelled scenes of a configuration, and set them apart.

    Raises:
        ObriyError: of the kind that fits; see `read_examples` and `split_by_time`.
    """
    examples = _within(read_examples(config.data), config.datetime)
    split = split_by_time(
        [one.time for one in examples],
        validation_share=config.validation_share,
        test_share=config.test_share,
        seed=config.seed,
        by=config.split,
        southern=is_southern(geobox_of(examples[0].scene)),
    )
    left = unlabelled(config.data)
    shown = [*left[:3], *(["..."] if len(left) > 3 else [])]
    lost = notice("scenes_without_labels", count=len(left), names=shown)
    warnings: list[str] = [lost] if left else []
    if config.split == "random":
        warnings.append(split.rule)
    return Lessons(examples, split, tuple(warnings))


def _within(examples: list[IceExample], datetime: str | None) -> list[IceExample]:
    """Return the scenes of some dates.

    Raises:
        UsageError: there is none.
    """
    if datetime is None:
        return examples
    first, last = parse_range(datetime)
    inside = [one for one in examples if first <= one.time[:10] <= last]
    if not inside:
        times = sorted(one.time[:10] for one in examples)
        raise UsageError(
            f"No scene lies in {datetime}: they are of {times[0]} to {times[-1]}.",
            "Give another --datetime A/B.",
        )
    return inside


def files_of(folder: Path) -> list[str]:
    """Return the files that a folder of labelled scenes is made of."""
    places = (folder.expanduser(), folder.expanduser() / LABELS)
    # Of folders among them a run in one would change the time.
    return [
        str(path)
        for place in places
        if place.is_dir()
        for path in sorted(place.iterdir())
        if path.is_file()
    ]


def read_windows(
    examples: Sequence[IceExample],
    bands: Sequence[str],
    *,
    seed: int,
    progress: Progress | None = None,
) -> Examples:
    """Read scenes as windows of the study's size, in memory.

    A smaller scene is padded with missing pixels; a larger one gives several windows, the last of
    them moved back so that it ends with the scene. Of more than memory allows, some are drawn.

    Args:
        examples: At least one.
        bands: Common names, in the order of the planes.
        seed: Of the draw.
        progress: Called with ``"read"``, windows done, windows in all.
    """
    places = [(e, row, column) for e in examples for row, column in _corners(e.labels.shape)]
    most = MOST_BYTES // (SIZE[0] * SIZE[1] * (2 * len(bands) + 1))
    places = drawn(places, most, seed)
    inputs = np.full((len(places), len(bands), *SIZE), np.nan, "float16")
    labels = np.zeros((len(places), *SIZE), "uint8")
    for number, (example, row, column) in enumerate(places):
        window = slice(row, row + SIZE[0]), slice(column, column + SIZE[1])
        planes = _planes(example, bands, window)
        rows, columns = planes.shape[1:]
        inputs[number, :, :rows, :columns] = planes
        labels[number, :rows, :columns] = example.labels[window].to_numpy()
        if progress is not None:
            progress("read", number + 1, len(places))
    return Examples(inputs, labels)


def read_pixels(
    examples: Sequence[IceExample], bands: Sequence[str], *, seed: int
) -> tuple[FloatArray, npt.NDArray[np.uint8]]:
    """Read pixels of known sea, as many of each class and scene as there are, up to `PIXELS`.

    Returns:
        (n, features) float32 of `features_of`, and (n,) codes of the legend ``ice``.

    Raises:
        InputError: where no pixel has a label.
    """
    random = np.random.default_rng(seed)
    features, classes = [], []
    for example in examples:
        planes = _planes(example, bands, (slice(None), slice(None)))
        stack = features_of(dict(zip(bands, planes, strict=True)))
        labels = example.labels.to_numpy()
        seen = np.isfinite(stack).all(axis=0)
        for code in (WATER, ICE, CLOUD):
            there = np.argwhere(seen & (labels == code))
            rows, columns = random.permutation(there)[:PIXELS].T
            features.append(stack[:, rows, columns].T)
            classes.append(labels[rows, columns])
    found = np.concatenate(classes)
    if not found.size:
        raise InputError(
            f"None of {len(examples)} scenes has a label of water, ice or cloud.", "Label some."
        )
    return np.concatenate(features), found


def scaling(windows: Examples) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each band, of every fourth pixel each way.

    Not median and quartiles: of scenes that are mostly open water these would call all ice, and
    all cloud, equally far out.
    """
    count, total, squares = 0, 0.0, 0.0
    for window in windows.inputs:
        pixels = window[:, ::4, ::4].reshape(len(window), -1).astype("float64")
        pixels = pixels[:, np.isfinite(pixels).all(axis=0)]
        count += pixels.shape[1]
        total, squares = total + pixels.sum(1), squares + (pixels**2).sum(1)
    if not count:
        raise InputError("Nothing can be seen in the scenes to learn from.", "Give other scenes.")
    middle = np.asarray(total) / count
    spread = np.sqrt(np.maximum(np.asarray(squares) / count - middle**2, 0))
    return tuple(map(float, middle)), tuple(float(s) if s > 1e-6 else 1.0 for s in spread)


def learnt_bands(
    examples: Sequence[IceExample], needed: Sequence[str], name: str
) -> tuple[str, ...]:
    """Return the bands to learn from: of the seven of MODIS those that there are.

    Args:
        examples: At least one.
        needed: Bands that must be there.
        name: Who needs them, for the message.

    Raises:
        BandError: where one of them is not, or none at all is there.
    """
    have = set(band_names(examples[0].scene))
    bands = tuple(name for name in BANDS if name in have)
    missing = [band for band in (needed or BANDS) if band not in have]
    if not bands or (needed and missing):
        raise BandError(
            f"The scenes lack {', '.join(missing)}; they have {', '.join(sorted(have))}.",
            f"'{name}' learns from all of them; take --method forest or unet for fewer.",
        )
    return bands


def refuse_known(card: Card, test: Sequence[IceExample], name: str) -> None:
    """Refuse a model that knows a scene that is to judge it.

    Raises:
        InputError: where it learnt from one, or was chosen by one.
    """
    known = {example.name for example in test} & set(card.sources)
    if known:
        raise InputError(
            f"The weights of '{name}' learnt from {len(known)} of the test scenes, e.g. "
            f"{min(known)}.",
            "Train with the same --split, --seed and shares, or leave --model or --pretrained out.",
        )


def with_labelled_land(example: IceExample) -> tuple[xr.Dataset, npt.NDArray[np.uint8]]:
    """Return a scene whose flags hold the land of its labels, and the labels.

    Every method is told the same of the land, and none of clouds.
    """
    truth: npt.NDArray[np.uint8] = example.labels.to_numpy()
    flags = np.where(truth == LAND, np.uint16(Flag.LAND), np.uint16(0))
    scene = example.scene.assign(flags=(("y", "x"), flags, dict(FLAG_ATTRS)))
    scene.attrs = dict(example.scene.attrs)
    return scene, truth


def judged(
    method: Method, examples: Sequence[IceExample], options: EngineOptions
) -> Iterator[tuple[IceExample, npt.NDArray[np.uint8], IceCounts, float]]:
    """Map scenes by a method, as a user would, and compare each with its labels.

    Args:
        method: Trained or not.
        examples: Scenes with labels.
        options: Threads and memory; progress is for the caller to tell.

    Yields:
        The example, the codes of its map (rows, columns), its counts, and seconds it took.
    """
    quiet = dataclasses.replace(options, progress=None)
    for example in examples:
        scene, truth = with_labelled_land(example)
        sink = ArraySink(truth.shape)
        start = time.perf_counter()
        run_pass(scene, method, {"labels": sink}, subject="ice", clouds="flags", options=quiet)
        took = time.perf_counter() - start
        yield example, sink.array, count_ice(truth, sink.array), took


def _corners(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    rows, columns = (_starts(n, side) for n, side in zip(shape, SIZE, strict=True))
    return ((row, column) for row in rows for column in columns)


def _starts(length: int, side: int) -> list[int]:
    if length <= side:
        return [0]
    return [*range(0, length - side, side), length - side]


def _planes(example: IceExample, bands: Sequence[str], window: tuple[slice, slice]) -> FloatArray:
    """Return (bands, rows, columns) float32 as a method sees them: one missing, all missing."""
    scene = example.scene
    planes = {n: np.asarray(read_around(scene[n].variable, *window)[0], "float32") for n in bands}
    flags = read_around(scene["flags"].variable, *window)[0] if "flags" in scene else None
    shape = next(iter(planes.values())).shape
    seen = hide_no_data(Block(planes, flags, 0, 0, (slice(0, shape[0]), slice(0, shape[1]))))
    return np.stack([seen.bands[name] for name in bands])
