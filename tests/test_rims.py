"""Blocks with their halo are made of blocks that were read without, whatever of them was kept."""

import numpy as np
import pytest

from obriy.blocks.plan import Plan, Window
from obriy.blocks.planes import Numbers, Planes
from obriy.blocks.rims import Rims

SHAPE, SIDE, HALO = (50, 37), 16, 5
WINDOWS = tuple(
    Window(row, column, min(SIDE, SHAPE[0] - row), min(SIDE, SHAPE[1] - column))
    for row in range(0, SHAPE[0], SIDE)
    for column in range(0, SHAPE[1], SIDE)
)
PLAN = Plan(SHAPE, WINDOWS, HALO, 0)
DN = np.arange(SHAPE[0] * SHAPE[1], dtype="uint16").reshape(SHAPE)
HIDDEN = DN % 7 == 0
MEANS = DN.astype("float32") / 2


def _read(window):
    part = window.slices
    numbers = Numbers(DN[part], 0.5, 0.0, (0.0,), HIDDEN[part] if window.row else None)
    return Planes({"red": numbers, "nir08": MEANS[part]})


def _kept(room):
    rims = Rims(PLAN, room)
    for number, window in enumerate(WINDOWS):
        rims.keep(number, _read(window))
    return rims


@pytest.mark.parametrize("room", [0, 3000, 8000, 11_500, 10**6])
def test_a_block_is_what_the_scene_holds_around_it(room):
    rims = _kept(room)
    whole = made = 0
    for number, window in enumerate(WINDOWS):
        core = rims.core(number)
        whole += core is not None
        found = rims.around(number, core or _read(window))
        if found is None:
            continue
        made += 1
        outer = window.padded(HALO, SHAPE).slices
        expected = np.where(DN[outer] == 0, np.nan, DN[outer] * np.float32(0.5))
        expected[HIDDEN[outer] & (np.indices(SHAPE)[0][outer] >= SIDE)] = np.nan
        np.testing.assert_array_equal(found["red"], expected)
        np.testing.assert_array_equal(found["nir08"], MEANS[outer])
    count = len(WINDOWS)
    expected = {0: (0, 0), 10**6: (count, count)}.get(room)
    assert expected in (None, (whole, made))
    assert (0 < whole < count and made == count) == (room == 11_500)


def test_what_is_smaller_than_the_halo_is_read_anew():
    rims = Rims(Plan(SHAPE, WINDOWS, SIDE + 1, 0), 10**6)
    for number, window in enumerate(WINDOWS):
        rims.keep(number, _read(window))
    assert rims.around(4, rims.core(4)) is None
