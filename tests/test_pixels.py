"""Loops over pixels, and blocks that are kept: worked by hand, and nothing is lost."""

import numpy as np
import pytest

from obriy.blocks.pixels import count_codes
from obriy.blocks.planes import Numbers, Planes, packed
from obriy.indices.catalogue import get_index


def test_numbers_of_a_file_become_values():
    raw = np.array([[0, 1000, 2000], [65535, 11000, 5]], "uint16")
    hidden = np.array([[False, False, True], [False, False, False]])
    numbers = Numbers(raw, 1e-4, -0.1, (0, 65535.0, -9999, np.nan), hidden)
    values = numbers.values()
    assert values.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(values), [[True, False, True], [True, False, False]])
    assert values[0, 1] == np.float32(1000) * np.float32(1e-4) + np.float32(-0.1)
    assert values[1, 1] == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_array_equal(numbers.values(slice(1, 2)), values[1:2])


def test_floats_that_are_no_numbers_are_missing():
    raw = np.array([[np.nan, np.inf, -0.0], [-np.inf, -9999.0, 0.25]], "float32")
    values = Numbers(raw, missing=(-9999,)).values()
    np.testing.assert_array_equal(np.isnan(values), [[True, True, False], [True, True, False]])
    assert np.signbit(values[0, 2])
    assert values[1, 2] == 0.25


def test_missing_in_any_band_by_its_number_or_hidden():
    one = Numbers(np.array([[0, 1, 2, 3]], "uint16"), missing=(0,))
    other = np.array([[1, 1, np.nan, 1]], "float32")
    third = Numbers(np.full((1, 4), 9, "int16")).hiding([(slice(0, 1), slice(3, 4))])
    planes = Planes({"green": one, "nir": other, "red": third})
    np.testing.assert_array_equal(planes.missing(), [[True, False, True, True]])
    np.testing.assert_array_equal(
        planes.missing(), np.any([np.isnan(plane) for plane in planes.values()], axis=0)
    )
    assert planes.shape == (1, 4)
    assert planes.nbytes == 8 + 16 + 8 + 4
    assert set(planes.only(["nir"])) == {"nir"}


def test_an_index_of_numbers_is_that_of_their_values():
    rng = np.random.default_rng(4)
    numbers = {
        name: Numbers(rng.integers(0, 3000, (700, 300)).astype("uint16"), 1e-4, -0.1, (0,))
        for name in ("green", "swir16")
    }
    index = get_index("mndwi")
    lazy = index.evaluate(Planes(numbers))
    whole = index.evaluate({name: n.values() for name, n in numbers.items()})
    assert lazy.values.tobytes() == whole.values.tobytes()
    assert (lazy.undefined, lazy.clipped) == (whole.undefined, whole.clipped)
    assert lazy.undefined > 0
    assert lazy.clipped > 0


def test_codes_are_counted_one_by_one():
    codes = np.zeros((3, 130), "uint8")
    codes[1, :70] = 2
    codes[2, 129] = 255
    counts = count_codes(codes)
    assert {n: int(c) for n, c in enumerate(counts) if c} == {0: 3 * 130 - 71, 2: 70, 255: 1}
    np.testing.assert_array_equal(count_codes(codes[:, 3:99]), np.bincount(
        codes[:, 3:99].ravel(), minlength=256
    ))  # fmt: skip


@pytest.mark.parametrize(
    "linear", [(1e-4, -0.1, False), (1 / 255, 0.0, False), (2.75e-5, -0.2, True)]
)
def test_a_band_of_whole_numbers_is_kept_as_such_and_comes_back_to_the_bit(linear):
    scale, offset, signed = linear
    numbers = np.arange(65_535) - (32_767 if signed else 0)
    values = Numbers(numbers.reshape(5, -1).astype("int32"), scale, offset).values()
    values[1, 7] = np.nan
    kept = packed(values, linear)
    assert isinstance(kept, Numbers)
    assert kept.nbytes == values.nbytes / 2
    assert kept.values().tobytes() == values.tobytes()


@pytest.mark.parametrize("value", [0.12345, -0.2, 6.6])
def test_a_band_that_is_not_made_of_whole_numbers_stays_as_it_is(value):
    values = np.array([[0.1, value]], "float32")
    assert packed(values, (1e-4, 0.0, False)) is values
    assert packed(values, None) is values
