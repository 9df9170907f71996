"""What hides a pixel, and what must not."""

from functools import partial

import numpy as np
import pytest

from obriy.blocks.base import Block, Labelled
from obriy.model.flags import Flag, Unseen
from obriy.prepare.visibility import deny, hide, settle

LAND, WATER = 1, 2
BRIGHT = {"blue": 0.4, "green": 0.4, "nir": 0.5, "swir16": 0.3}
TURBID = {"green": 0.12, "red": 0.14, "nir": 0.15, "swir16": 0.08}
CLEAR_LAKE = {"blue": 0.05, "green": 0.04, "nir": 0.02, "swir16": 0.01}


def one_pixel(bands, flag):
    arrays = {k: np.full((1, 1), v, "float32") for k, v in bands.items()}
    flags = None if flag is None else np.full((1, 1), int(flag), "uint16")
    return hide(Block(arrays, flags, 0, 0, (slice(0, 1), slice(0, 1))))


def outcome(bands, flag, label):
    block = one_pixel(bands, flag)
    said = Labelled(np.full((1, 1), label, "uint8"), np.full((1, 1), 200, "uint8"))
    after = settle(WATER, 1, block, said)
    return int(after.labels[0, 0]), Unseen(int(after.unseen[0, 0])), int(after.fraction[0, 0])


@pytest.mark.parametrize(
    ("bands", "flag", "label", "expected"),
    [
        (BRIGHT, None, LAND, (LAND, Unseen.SEEN)),
        (BRIGHT, Flag(0), WATER, (WATER, Unseen.SEEN)),
        (BRIGHT, Flag.CLOUD, LAND, (0, Unseen.CLOUD)),
        (BRIGHT, Flag.CIRRUS, WATER, (0, Unseen.CLOUD)),
        # A cloud mask that calls a clear lake cloud is not believed.
        (CLEAR_LAKE, Flag.CLOUD, WATER, (WATER, Unseen.SEEN)),
        # ... but where the method does not see water there, the mask stands.
        (CLEAR_LAKE, Flag.CLOUD, LAND, (0, Unseen.CLOUD)),
        # Snow and ice are unseen, never "not water".
        (BRIGHT, Flag.SNOW, LAND, (0, Unseen.FROZEN)),
        # ... and a snow mask that calls turbid water snow is not believed either.
        (TURBID, Flag.SNOW, WATER, (WATER, Unseen.SEEN)),
        (TURBID, Flag.SNOW, LAND, (0, Unseen.FROZEN)),
        # SCL 2 and 3 alone never veto water.
        (CLEAR_LAKE, Flag.DARK, WATER, (WATER, Unseen.SEEN)),
        (CLEAR_LAKE, Flag.CLOUD_SHADOW, WATER, (WATER, Unseen.SEEN)),
        (CLEAR_LAKE, Flag.DARK, LAND, (LAND, Unseen.SEEN)),
        (CLEAR_LAKE, Flag.CLOUD_SHADOW, LAND, (0, Unseen.SHADOW)),
        (BRIGHT, Flag.NO_DATA, LAND, (0, Unseen.NO_DATA)),
        (BRIGHT | {"nir": np.nan}, Flag.CLOUD, LAND, (0, Unseen.NO_DATA)),
        (BRIGHT | {"nir": np.nan}, None, LAND, (0, Unseen.NO_DATA)),
    ],
)
def test_outcome(bands, flag, label, expected):
    *found, fraction = outcome(bands, flag, label)
    assert tuple(found) == expected
    assert fraction == (255 if expected[0] == 0 else 200)


def test_hidden_bands_are_missing_and_the_input_is_kept():
    block = one_pixel(BRIGHT, Flag.CLOUD)
    assert all(np.isnan(a).all() for a in block.bands.values())
    assert not one_pixel(BRIGHT, Flag(0)).shadow.any()


def test_shadow_is_a_hint():
    assert one_pixel(CLEAR_LAKE, Flag.DARK).shadow.all()
    assert one_pixel(CLEAR_LAKE, Flag.CLOUD).shadow.all()
    assert one_pixel(CLEAR_LAKE, None).shadow is None


def test_a_method_that_abstains_keeps_its_own_reason():
    block = one_pixel(BRIGHT, Flag(0))
    said = Labelled(np.zeros((1, 1), "uint8"), None, np.full((1, 1), int(Unseen.FROZEN), "uint8"))
    after = partial(settle, WATER, 1)(block, said)
    assert after.unseen[0, 0] == Unseen.FROZEN


def test_around_a_cloud_only_what_looks_like_water_is_kept():
    # A cloud of 3 x 3 pixels is suspected two pixels around, less the corners of that square; a
    # single flagged pixel is a roof.
    flags = np.zeros((9, 16), "uint16")
    flags[3:6, 3:6] = Flag.CLOUD
    flags[4, 13] = Flag.CLOUD
    bands = {"green": np.full((9, 16), 0.3, "float32")}
    block = Block(bands, flags, 0, 0, (slice(0, 9), slice(0, 16)))
    labels = np.full((9, 16), 1, "uint8")
    labels[4, 7] = WATER
    after = settle(WATER, 2, block, Labelled(labels))
    cloud = np.zeros((9, 16), bool)
    cloud[1:8, 1:8] = True
    cloud[[1, 1, 7, 7], [1, 7, 1, 7]] = False
    cloud[4, 7] = False
    cloud[4, 13] = True
    assert ((after.unseen == Unseen.CLOUD) == cloud).all()
    assert after.labels[4, 7] == WATER


def test_where_no_water_can_be_there_is_none():
    for flag, expected in ((Flag.LAND | Flag.DARK, (LAND, 0)), (Flag.DARK, (WATER, 200))):
        block = one_pixel(CLEAR_LAKE, flag)
        said = Labelled(np.full((1, 1), WATER, "uint8"), np.full((1, 1), 200, "uint8"))
        after = deny(LAND, block, said)
        assert (int(after.labels[0, 0]), int(after.fraction[0, 0])) == expected
    # ... and what the method could not see stays unseen.
    nothing = Labelled(np.zeros((1, 1), "uint8"), np.full((1, 1), 255, "uint8"))
    assert deny(LAND, one_pixel(CLEAR_LAKE, Flag.LAND), nothing).labels[0, 0] == 0
