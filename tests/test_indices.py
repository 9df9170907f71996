"""Every index is pinned to a value worked by hand from its paper's equation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from obriy.blocks.planes import Numbers, Planes
from obriy.errors import BandError, TableError, UnknownNameError, UsageError
from obriy.indices.catalogue import add_index, all_indices, get_index
from obriy.indices.formula import parse
from obriy.methods.expression import parse_method

# A city roof, from which the sign error of AWEInsh in other catalogues makes water.
CITY = {"blue": 0.12, "green": 0.14, "nir": 0.20, "swir16": 0.24, "swir22": 0.22}


def arrays(values):
    return {k: np.full((1, 1), v, "float32") for k, v in values.items()}


@pytest.mark.parametrize("name", sorted(all_indices()))
def test_worked_value(name):
    index = all_indices()[name]
    given_bands = {k: v for k, v in index.check.items() if k != "value"}
    assert set(given_bands) == set(index.formula.bands)
    found = index.evaluate(arrays(given_bands)).values
    assert found[0, 0] == pytest.approx(
        index.check["value"], abs=2e-5 * max(1, index.check["value"])
    )


def test_aweinsh_of_a_city_is_land():
    # 4 (0.14 - 0.24) - (0.25 * 0.20 + 2.75 * 0.22) = -0.4 - 0.655 = -1.055
    assert get_index("AWEInsh").evaluate(arrays(CITY)).values[0, 0] == pytest.approx(-1.055)


def test_aweish_of_a_city():
    # 0.12 + 0.35 - 1.5 * 0.44 - 0.055 = -0.245
    assert get_index("aweish").evaluate(arrays(CITY)).values[0, 0] == pytest.approx(-0.245)


def test_normalized_difference_where_the_sum_is_not_positive_is_missing_and_counted():
    bands = {
        "green": np.array([[0.0, -0.02, 0.05, np.nan, 0.03]], "float32"),
        "nir": np.array([[0.0, 0.01, -0.01, 0.1, 0.01]], "float32"),
    }
    found = get_index("NDWI").evaluate(bands)
    # 0/0 missing; -0.03/-0.01 missing; 0.06/0.04 = 1.5 clipped to 1; NaN stays; 0.02/0.04 = 0.5
    np.testing.assert_allclose(found.values, [[np.nan, np.nan, 1.0, np.nan, 0.5]], rtol=1e-6)
    assert (found.undefined, found.clipped) == (2, 1)


def test_whole_numbers_of_files_are_worked_with_as_their_values_would_be():
    # Green and nir, DN / 10 000 - 0.1, 0 missing: 0.03, missing, 0.05, -0.02, 0.03, 0.08
    #                                              0.01, 0.01, -0.01, 0.01, missing, 0.02
    numbers = {
        "green": Numbers(np.array([[1300, 0, 1500, 800, 1300, 1800]], "u2"), 1e-4, -0.1, (0.0,)),
        "nir": Numbers(np.array([[1100, 1100, 900, 1100, 0, 1200]], "u2"), 1e-4, -0.1, (0.0,)),
    }
    wanted = [[0.5, np.nan, 1.0, np.nan, np.nan, 0.6]]
    for core, counts in ((None, (1, 1)), ((slice(0, 1), slice(3, 6)), (1, 0))):
        found = get_index("NDWI").evaluate(Planes(numbers), core)
        np.testing.assert_allclose(found.values, wanted, rtol=1e-4)
        assert (found.undefined, found.clipped) == counts


def test_nir08_serves_where_there_is_no_nir():
    found = get_index("NDWI").evaluate(arrays({"green": 0.08, "nir08": 0.04}))
    assert found.values[0, 0] == pytest.approx(1 / 3)


def test_missing_bands_are_named_with_what_remains():
    with pytest.raises(BandError, match=r"MNDWI needs the band\(s\) swir16.*NDWI"):
        get_index("MNDWI").bands_to_read({"green", "nir"})


def test_unknown_index_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match="Did you mean 'MNDWI'"):
        get_index("mdnwi")


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "green.real", "green if 1 else 2", "[green]", "green and nir", "f(green)",
     "lambda: 1", "green > nir", "'a'", "True", "grren - nir", "green -", "green // nir"],
)  # fmt: skip
def test_formulas_are_arithmetic_and_nothing_else(text):
    with pytest.raises(TableError):
        parse(text)


@given(st.floats(-0.2, 1.5), st.floats(-0.2, 1.5))
def test_normalized_difference_is_bounded_and_antisymmetric(a, b):
    a, b = np.float32(a), np.float32(b)
    forward = parse("(green - nir) / (green + nir)")(arrays({"green": a, "nir": b})).values
    backward = parse("(nir - green) / (nir + green)")(arrays({"green": a, "nir": b})).values
    np.testing.assert_array_equal(forward, -backward)
    assert np.isnan(forward).all() == bool(a + b <= 0)
    assert not (np.abs(forward) > 1).any()


def test_input_is_not_changed():
    bands = {"green": np.array([[0.1]], "float32"), "nir": np.array([[-0.2]], "float32")}
    before = {k: v.copy() for k, v in bands.items()}
    get_index("NDWI").evaluate(bands)
    for name, array in bands.items():
        np.testing.assert_array_equal(array, before[name])


OWN = {
    "title": "An index of one's own",
    "formula": "green - 0.5 * nir",
    "range": [-1.0, 1.0],
    "water": "above",
    "threshold": 0.0,
    "reference": "the tests",
    "check": {"green": 0.3, "nir": 0.1, "value": 0.25},
}


@pytest.fixture
def indices():
    """The catalogue, which is again as it was when the test is over."""
    before = dict(all_indices())
    yield all_indices()
    all_indices().clear()
    all_indices().update(before)


def test_an_index_of_ones_own_is_one_of_all(indices):
    assert add_index("Own", OWN) is get_index("own")
    assert parse_method("OWN:zero & ndwi:zero").bands({"green", "nir"}) == {"green", "nir"}
    with pytest.raises(UsageError, match="already"):
        add_index("OWN", OWN)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"formula": "green - 0.25 * nir"}, "gives 0.275 at its check, not the value 0.25"),
        ({"formula": "green - niir"}, "niir"),
        ({"check": {"green": 0.3, "value": 0.25}}, "gives nan"),
        ({"check": {"green": 0.3, "nir": 0.1}}, "value"),
        ({"reference": None}, "lacks reference"),
    ],
)
def test_an_index_that_is_none_is_refused(indices, changed, said):
    row = {name: value for name, value in {**OWN, **changed}.items() if value is not None}
    with pytest.raises(TableError, match=said):
        add_index("Own", row)
    assert "Own" not in indices
