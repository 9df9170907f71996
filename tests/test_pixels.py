"""Loops over pixels, and blocks that are kept: worked by hand, and nothing is lost."""

import numpy as np
import pytest

from obriy.blocks.base import Block
from obriy.blocks.keeping import Kept, Packed, packed
from obriy.blocks.pixels import any_missing, as_floats, count_codes

CORE = (slice(0, 2), slice(0, 3))


def test_numbers_of_a_file_become_values():
    raw = np.array([[0, 1000, 2000], [65535, 11000, 5]], "uint16")
    hidden = np.array([[False, False, True], [False, False, False]])
    values = as_floats(raw, 1e-4, -0.1, (0, 65535.0, -9999, np.nan), hidden)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(values), [[True, False, True], [True, False, False]])
    assert values[0, 1] == np.float32(1000) * np.float32(1e-4) + np.float32(-0.1)
    assert values[1, 1] == pytest.approx(1.0, abs=1e-6)


def test_floats_that_are_no_numbers_are_missing():
    raw = np.array([[np.nan, np.inf, -0.0], [-np.inf, -9999.0, 0.25]], "float32")
    values = as_floats(raw, 1.0, 0.0, (-9999,), None)
    np.testing.assert_array_equal(np.isnan(values), [[True, True, False], [True, True, False]])
    assert np.signbit(values[0, 2])
    assert values[1, 2] == 0.25


def test_missing_in_any_band():
    one = np.array([[np.nan, 1, 2]], "float32")
    other = np.array([[1, 1, np.nan]], "float32")
    np.testing.assert_array_equal(any_missing([one, other], (1, 3)), [[True, False, True]])


def test_codes_are_counted_one_by_one():
    codes = np.zeros((3, 130), "uint8")
    codes[1, :70] = 2
    codes[2, 129] = 255
    counts = count_codes(codes)
    assert {n: int(c) for n, c in enumerate(counts) if c} == {0: 3 * 130 - 71, 2: 70, 255: 1}
    np.testing.assert_array_equal(count_codes(codes[:, 3:99]), np.bincount(
        codes[:, 3:99].ravel(), minlength=256
    ))  # fmt: skip


@pytest.mark.parametrize("linear", [(1e-4, -0.1, 0), (1 / 255, 0.0, 0), (2.75e-5, -0.2, -32768)])
def test_a_band_of_whole_numbers_is_kept_as_such_and_comes_back_to_the_bit(linear):
    scale, offset, least = linear
    numbers = np.arange(least, least + 65_535)
    values = as_floats(numbers.reshape(5, -1).astype("int32"), scale, offset, (), None)
    values[1, 7] = np.nan
    kept = packed(values, linear)
    assert isinstance(kept, Packed)
    assert kept.codes.nbytes == values.nbytes / 2
    assert kept.values.tobytes() == values.tobytes()


@pytest.mark.parametrize("value", [0.12345, -0.2, 6.6])
def test_a_band_that_is_not_made_of_whole_numbers_stays_as_it_is(value):
    values = np.array([[0.1, value]], "float32")
    assert packed(values, (1e-4, 0.0, 0)) is values
    assert packed(values, None) is values


def test_a_kept_block_is_the_block():
    raw = np.array([[100, 0, 300], [7, 8, 9]], "uint16")
    bands = {"green": as_floats(raw, 1e-4, 0.0, (0,), None), "nir": np.full((2, 3), 0.3, "float32")}
    block = Block(bands, None, 4, 5, CORE, unseen=np.ones((2, 3), "uint8"))
    kept = Kept.of(block, {"green": (1e-4, 0.0, 0), "nir": None})
    again = kept.unpacked()
    assert kept.nbytes == 12 + 24 + 6
    assert (again.row, again.column, again.core, again.flags) == (4, 5, CORE, None)
    for name, plane in bands.items():
        assert again.bands[name].tobytes() == plane.tobytes()
    np.testing.assert_array_equal(again.unseen, block.unseen)
