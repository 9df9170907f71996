"""Words become classes by stated steps, in three languages, and what is not clear stays unnamed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obriy.labelling.vocabulary import LEAST_LIKENESS, normalise
from obriy.model.legend import Legend, LegendClass, load_legend
from obriy.tables import load_toml

LEGENDS = ("worldcover", "dynamic_world", "simple", "igbp", "water", "main")
WORLDCOVER = load_legend("worldcover")


def named(words, legend="worldcover"):
    legend = load_legend(legend) if isinstance(legend, str) else legend
    code, how = normalise(words, legend)
    return {c.code: c.name for c in legend}.get(code), how


@pytest.mark.parametrize("name", LEGENDS)
def test_names_and_titles_of_a_legend_are_exact_in_any_dress(name):
    legend = load_legend(name)
    for entry in legend:
        for words in (entry.name, *entry.title.values()):
            for dressed in (words, words.upper(), f" {words}.", words.replace("_", "-")):
                assert normalise(dressed, legend) == (entry.code, "exact"), dressed


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("deciduous woodland", "tree_cover"),
        ("лісосмуга", "tree_cover"),
        ("лісосмугами", "tree_cover"),
        ("хвойного лісу", "tree_cover"),
        ("лесов", "tree_cover"),
        ("TreeCanopy", "tree_cover"),
        ("rice paddies", "cropland"),
        ("рисові чеки", "cropland"),
        ("agricultural fields", "cropland"),
        ("полів", "cropland"),
        ("пашня", "cropland"),
        ("агроугіддя", "cropland"),
        ("Агроугіддями", "cropland"),
        ("зернові культури", "cropland"),
        ("сахарная свёкла", "cropland"),
        ("vineyards", "shrubland"),  # woody crops are no cropland to WorldCover
        ("виноградників", "shrubland"),
        ("apple orchards", "tree_cover"),
        ("mudflats", "bare"),
        ("tidal mud flats", "bare"),
        ("мулиста мілина", "bare"),
        ("кормові угіддя", "grassland"),
        ("wet meadows", "wetland"),
        ("рогозу", "wetland"),
        ("drainage canals", "water"),
        ("Cropland (40)", "cropland"),
        ("паркінг", "built_up"),
        ("parking lots", "built_up"),
        ("residential buildings and roads", "built_up"),
        ("жилая застройка", "built_up"),
        ("lakes and rivers", "water"),
        ("озёра", "water"),
        ("водосховищем", "water"),
        ("bare soil / rock", "bare"),
        ("оголеного ґрунту", "bare"),
        ("non-vegetated", "bare"),
        ("snow/ice", "snow_and_ice"),
        ("льоду", "snow_and_ice"),
        ("marshes", "wetland"),
        ("плавні", "wetland"),
        ("mangrove forest", "mangroves"),
        ("лишайники", "moss_and_lichen"),
        ("meadow", "grassland"),
        ("степу", "grassland"),
        ("кущі", "shrubland"),
        ("likely a dense deciduous forest", "tree_cover"),
    ],
)
def test_terms_are_found_by_table(words, wanted):
    assert named(words) == (wanted, "table")


@pytest.mark.parametrize(
    ("words", "legend", "wanted"),
    [
        ("лісосмуга", "dynamic_world", "trees"),
        ("rice paddy", "dynamic_world", "crops"),
        ("marsh", "dynamic_world", "flooded_vegetation"),
        ("wheat field", "simple", "low_vegetation"),
        ("oak forest", "water", "not_water"),
        ("river", "water", "water"),
        ("pine plantation", "igbp", "evergreen_needleleaf_forests"),
        ("широколистяний ліс", "igbp", "deciduous_broadleaf_forests"),
        ("lake", "main", "water_or_wetland"),
    ],
)
def test_terms_reach_every_legend(words, legend, wanted):
    assert named(words, legend) == (wanted, "table")


def test_a_class_that_the_legend_divides_further_must_be_said_more_closely():
    assert named("forest", "igbp")[0] is None
    assert named("mixed forest", "igbp")[0] == "mixed_forests"


@pytest.mark.parametrize("words", ["forrest", "decidous woodland", "grasland", "чагарникк"])
def test_a_misspelling_is_said_to_be_one(words):
    name, how = named(words)
    assert name in {"tree_cover", "grassland", "shrubland"}
    likeness = float(re.fullmatch(r"fuzzy \((0\.\d\d)\)", how)[1])
    assert LEAST_LIKENESS <= likeness < 1


@pytest.mark.parametrize(
    "words",
    [
        "not water", "no trees", "non-forest", "without trees", "water-free", "former lake",
        "не вода", "без дерев", "не рілля", "нет леса",
        "water or shadow", "trees and grass", "cropland/grassland", "ліс або чагарник",
        "grass with scattered trees", "urban park",
        "deforested", "unforested", "treeless", "безлісий", "waterlogged", "waste", "золото",
        "vegetation", "shadow", "clouds", "wet soil", "sparse trees", "40", "", "  ", "???",
    ],
)  # fmt: skip
def test_what_is_not_one_class_stays_without_a_name(words):
    code, how = normalise(words, WORLDCOVER)
    assert code == 255
    assert how.startswith("not in the legend")


@pytest.mark.parametrize("words", ["unknown", "N/A", "I don't know", "невідомо", "не знаю"])
def test_who_does_not_know_abstains(words):
    assert normalise(words, WORLDCOVER) == (255, "unknown")


def test_a_legend_with_a_negation_for_a_class_has_that_class():
    assert named("NOT WATER", "water") == ("not_water", "exact")


def own_legend(*names):
    classes = (
        LegendClass(i, name, {"en": name.capitalize()}, "#000000")
        for i, name in enumerate(names, 1)
    )
    return Legend("mine", tuple(classes))


def test_a_legend_of_ones_own_goes_by_its_names_then_by_concepts():
    legend = own_legend("forest", "vegetation", "settlement", "open_water", "zone_1", "zone_2")
    assert named("Forest", legend) == ("forest", "exact")
    assert named("лісосмуга", legend) == ("forest", "table")
    assert named("meadow", legend) == ("vegetation", "table")
    assert named("паркінг", legend) == ("settlement", "table")
    assert named("reservoir", legend) == ("open_water", "table")
    assert named("zone 2", legend) == ("zone_2", "exact")
    assert named("zone 3", legend)[0] is None
    assert named("glacier", legend)[0] is None


def test_two_classes_of_one_concept_are_not_guessed_between():
    legend = own_legend("river", "lake", "land")
    assert named("lake", legend) == ("lake", "exact")
    assert named("reservoir", legend)[0] is None


def test_no_term_stands_for_two_concepts():
    seen = {}
    for name, concept in load_toml("vocabulary")["concept"].items():
        for term in concept["terms"]:
            assert seen.setdefault(term, name) == name, term


@given(st.text(max_size=400))
def test_any_text_gives_a_code_and_a_reason(words):
    code, how = normalise(words, WORLDCOVER)
    assert code in {*WORLDCOVER.codes, 255}
    assert how
