"""Methods as text: what is understood, what is refused, and the three-valued logic."""

import dataclasses

import numpy as np
import pytest

from obriy.blocks.base import Block, Labelled
from obriy.errors import UnknownNameError, UsageError
from obriy.methods.combine import CombinedRule
from obriy.methods.expression import METHOD_HELP, parse_method
from obriy.workflows.water.mapping import map_water

# Four pixels: NDWI says water in 1 and 2, MNDWI in 1 and 3.
BANDS = {
    "green": [[0.10, 0.10, 0.10, 0.10]],
    "nir": [[0.05, 0.05, 0.20, 0.20]],
    "swir16": [[0.05, 0.20, 0.05, 0.20]],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ndwi:zero", [2, 2, 1, 1]),
        ("NDWI:0.05", [2, 2, 1, 1]),
        ("ndwi:-0.5", [2, 2, 2, 2]),
        ("ndwi : zero & mndwi:zero", [2, 1, 1, 1]),
        ("ndwi:zero | mndwi:zero", [2, 2, 2, 1]),
        ("!ndwi:zero", [1, 1, 2, 2]),
        ("!(ndwi:zero | mndwi:zero)", [1, 1, 1, 2]),
        ("ndwi:zero & !mndwi:zero | !ndwi:zero & mndwi:zero", [1, 2, 2, 1]),
        ("majority(ndwi:zero, mndwi:zero, ndwi:-1)", [2, 2, 2, 1]),
        ("weights(2*ndwi:zero, 1*mndwi:zero)", [2, 2, 1, 1]),
        ("weights(1*ndwi:zero, 1*mndwi:zero)", [2, 2, 2, 1]),
    ],
)
def test_meaning(scene_of, text, expected):
    assert map_water(scene_of(**BANDS), text).labels.values.tolist() == [expected]


@pytest.mark.parametrize(
    ("text", "at"),
    [("mndwi:otsu &", 13), ("(mndwi:zero", 12), ("mndwi", 1), ("ndwi:zero ndwi:zero", 11),
     ("ndwi:zero $", 10), ("", 1), ("weights(ndwi:zero)", 9), ("& ndwi:zero", 1)],
)  # fmt: skip
def test_errors_point_at_the_place(text, at):
    with pytest.raises(UsageError, match=f"at character {at} "):
        parse_method(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ndwi:zero & " * 3000 + "ndwi:zero", "has 36009 characters; at most 3000"),
        ("|".join(["auto"] * 101), "has 101 terms; at most 100"),
        ("(" * 41 + "ndwi:zero" + ")" * 41, "at character 41 .* nested more than 40 deep"),
        ("!" * 1000 + "ndwi:zero", "at character 41 .* nested more than 40 deep"),
        ("majority(" * 200 + "auto" + ")" * 200, "nested more than 40 deep"),
        ("x" * 100_000, "has 100000 characters"),
        ("x" * 2999, "is not a method"),
        ("ndwi:" + "x" * 2990, "no threshold named"),
        (f"weights({'9' * 400}*ndwi:zero)", "a positive weight was expected"),
    ],
)
def test_more_than_anybody_means_is_refused_with_the_number(text, words):
    with pytest.raises(UsageError, match=words) as caught:
        parse_method(text)
    assert len(str(caught.value)) < 500


def test_as_much_as_is_allowed_is_parsed():
    assert len(parse_method("&".join(["ndwi:zero"] * 100)).parts) == 100
    assert parse_method("(" * 39 + "ndwi:zero" + ")" * 39) == parse_method("ndwi:zero")


def test_unknown_names():
    with pytest.raises(UnknownNameError, match="Did you mean 'otsu'"):
        parse_method("ndwi:osu")
    with pytest.raises(UsageError, match="does not tell water"):
        parse_method("ndsi:zero")


def test_every_threshold_is_explained():
    from obriy.methods.index_threshold import THRESHOLDS

    assert {f"INDEX:{name}" for name in THRESHOLDS} <= set(METHOD_HELP)


@dataclasses.dataclass(frozen=True)
class Says:
    """A rule that says the same everywhere."""

    label: int

    def apply(self, block):
        return Labelled(np.full(block.shape, self.label, "uint8"))


@pytest.mark.parametrize(
    ("a", "b", "both", "either"),
    [  # Kleene: 255 is unknown
        (2, 2, 2, 2), (2, 1, 1, 2), (1, 2, 1, 2), (1, 1, 1, 1), (2, 255, 255, 2), (255, 2, 255, 2),
        (1, 255, 1, 255), (255, 1, 1, 255), (255, 255, 255, 255), (0, 0, 0, 0), (0, 255, 0, 0),
    ],
)  # fmt: skip
def test_three_valued_logic(a, b, both, either):
    block = Block({"green": np.zeros((1, 1), "float32")}, None, 0, 0, (slice(0, 1), slice(0, 1)))
    for quorum, expected in ((2.0, both), (1.0, either)):
        rule = CombinedRule((Says(a), Says(b)), (1.0, 1.0), quorum, "test")
        assert rule.apply(block).labels.item() == expected


def test_one_unknown_part(scene_of):
    # NDWI undefined (green + nir <= 0), MBWI defined: 2*0 + ... = 0.02 - 0.01 > 0 is water.
    scene = scene_of(green=[[0.0]], nir=[[-0.05]], red=[[0.0]], swir16=[[0.0]], swir22=[[0.01]])
    assert map_water(scene, "mbwi:zero").labels.item() == 2
    assert map_water(scene, "ndwi:zero").labels.item() == 255
    assert map_water(scene, "ndwi:zero | mbwi:zero").labels.item() == 2
    assert map_water(scene, "ndwi:zero & mbwi:zero").labels.item() == 255
    assert map_water(scene, "ndwi:zero & !mbwi:zero").labels.item() == 1


def test_input_is_not_changed(scene_of):
    scene = scene_of(**BANDS)
    before = scene.copy(deep=True)
    map_water(scene, "ndwi:otsu & mndwi:edge")
    for name in BANDS:
        np.testing.assert_array_equal(scene[name], before[name])
