"""Legends and how one becomes another."""

import re

import pytest

from obriy.errors import InputError
from obriy.model.crosswalk import (
    main_classes,
    meeting_legend,
    to_main,
    translate_codes,
    translation,
)
from obriy.model.legend import Legend, LegendClass, load_legend
from obriy.tables import load_toml, table_names

LAND_COVER = ["worldcover", "dynamic_world", "simple", "igbp"]
COLOURS = (
    "white|black|gr[ae]y|red|green|blue|yellow|brown|orange|purple|violet|pink|cyan|magenta|"
    "turquoise|teal|beige|tan|golden?|silver|olives?|maroon|navy|dark|bright|pale|lightest"
)


def named(source: str, target: str) -> dict[str, str]:
    """Class names by class names."""
    one, two = load_legend(source), load_legend(target)
    names = {c.code: c.name for c in two} | {0: "nothing"}
    codes = translate_codes(one, two)
    return {c.name: names[codes[c.code]] for c in one}


@pytest.mark.parametrize("name", table_names("legends"))
def test_every_legend_is_whole(name):
    legend = load_legend(name)
    assert legend.name == name
    assert legend.source
    assert len({c.name for c in legend}) == len(legend.codes)
    for entry in legend:
        assert set(entry.title) == {"en", "uk"}
        assert re.fullmatch("#[0-9a-f]{6}", entry.colour)
        assert re.fullmatch("[a-z_]+", entry.name)


@pytest.mark.parametrize("name", [*LAND_COVER, "main", "water"])
def test_definitions_are_there_and_name_no_colour(name):
    for entry in load_legend(name):
        assert entry.definition.endswith(".")
        assert not re.search(rf"\b({COLOURS})\b", entry.definition, re.IGNORECASE)


def test_codes_are_those_of_the_products():
    assert load_legend("worldcover").codes == [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100]
    assert load_legend("igbp").codes == list(range(1, 18))
    # Dynamic World: water 0, trees 1, grass 2, flooded vegetation 3, crops 4, shrub and scrub 5,
    # built 6, bare 7, snow and ice 8; stored one higher.
    assert [c.name for c in load_legend("dynamic_world")] == [
        "water", "trees", "grass", "flooded_vegetation", "crops", "shrub_and_scrub", "built",
        "bare", "snow_and_ice",
    ]  # fmt: skip
    assert load_legend("dynamic_world").codes == list(range(1, 10))
    assert load_legend("simple").codes == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("target", [*LAND_COVER, "main", "water"])
@pytest.mark.parametrize("source", LAND_COVER)
def test_every_class_arrives(source, target):
    found = translation(load_legend(source), load_legend(target))
    assert set(found.codes) == set(load_legend(source).codes)
    assert set(found.codes.values()) <= {0, *load_legend(target).codes}
    assert set(found.lost) <= {"snow_and_ice", "permanent_snow_and_ice"}
    assert not found.lost or target == "water"
    if source == target:
        assert found.sound
        assert all(code == to for code, to in found.codes.items())


def test_every_table_names_each_code_once():
    for name, table in load_toml("crosswalks").items():
        if name == "words":
            continue
        for legend, rules in table["to"].items():
            codes = [code for listed in rules.values() for code in listed]
            assert len(codes) == len(set(codes)), (name, legend)
            assert set(rules) - {"no_reference"} <= {c.name for c in load_legend(legend)}


def test_worldcover_merged_to_main_classes():
    assert [c.name for c in main_classes()] == [
        "tree", "low_vegetation", "built_up", "bare", "water_or_wetland",
    ]  # fmt: skip
    assert named("worldcover", "main") == {
        "tree_cover": "tree", "shrubland": "low_vegetation", "grassland": "low_vegetation",
        "cropland": "low_vegetation", "built_up": "built_up", "bare": "bare",
        "snow_and_ice": "bare", "water": "water_or_wetland", "wetland": "water_or_wetland",
        "mangroves": "tree", "moss_and_lichen": "low_vegetation",
    }  # fmt: skip


def test_what_is_lost_and_what_is_guessed_is_known():
    finer = translation(load_legend("worldcover"), load_legend("igbp"))
    assert finer.nearest == {10, 20, 100}
    assert not finer.sound
    coarser = translation(load_legend("igbp"), load_legend("dynamic_world"))
    assert coarser.sound
    assert "croplands, cropland_mosaics → crops" in coarser.merged
    water = translation(load_legend("worldcover"), load_legend("water"))
    assert (water.lost, water.silent, water.sound) == (["snow_and_ice"], {70}, True)
    back = translation(load_legend("water"), load_legend("simple"))
    assert (back.codes, back.lost, back.sound) == ({1: 0, 2: 1}, ["not_water"], False)


@pytest.mark.parametrize(
    ("mapped", "reference", "meet"),
    [
        ("worldcover", "worldcover", "worldcover"),
        ("simple", "worldcover", "simple"),
        ("dynamic_world", "worldcover", "dynamic_world"),
        ("worldcover", "dynamic_world", "dynamic_world"),  # which has no mangroves to say
        ("worldcover", "igbp", "dynamic_world"),  # IGBP has forests to say, mangroves not
        ("igbp", "simple", "simple"),
        ("water", "igbp", "water"),
        ("worldcover", "water", "water"),
    ],
)
def test_where_two_legends_meet(mapped, reference, meet):
    assert meeting_legend(load_legend(mapped), load_legend(reference)).name == meet


def legend_of(name, **codes):
    return Legend(name, tuple(LegendClass(c, n, {}, "#000000") for n, c in codes.items()))


def test_a_legend_of_the_user_goes_by_names():
    mine = legend_of("mine", tree_cover=1, quarry=2, water=3)
    assert translate_codes(mine, load_legend("worldcover")) == {1: 10, 2: 0, 3: 80}
    assert translation(mine, load_legend("worldcover")).lost == ["quarry"]
    assert meeting_legend(mine, load_legend("worldcover")) == mine
    assert to_main(mine) is None
    with pytest.raises(InputError, match="'mine' and 'dynamic_world' share no class") as caught:
        translate_codes(legend_of("mine", lava=1), load_legend("dynamic_world"))
    assert "flooded_vegetation" in caught.value.hint


def test_a_borrowed_name_does_not_borrow_the_table():
    other = legend_of("worldcover", water=10, bare=20)  # not ESA's codes
    assert translate_codes(other, load_legend("simple")) == {10: 1, 20: 5}
    part = Legend("worldcover", load_legend("worldcover").classes[:2])
    assert translate_codes(part, load_legend("dynamic_world")) == {10: 2, 20: 6}


def test_main_classes_of_legends():
    assert to_main(load_legend("water")) is None  # "not water" is of no main class
    assert all(to_main(load_legend(name)).lost == [] for name in LAND_COVER)
