"""Where a threshold as good as the one taken would decide otherwise."""

import numpy as np
import pytest

from obriy.model.classmap import Doubt
from obriy.workflows.water.mapping import map_water


@pytest.fixture
def scene(scene_of):
    """Make a scene with the NDWI given: green + nir = 0.2."""

    def make(ndwi):
        values = np.atleast_2d(np.asarray(ndwi, "float32"))
        bands = {"green": 0.1 * (1 + values), "nir": 0.1 * (1 - values)}
        return scene_of(**bands)

    return make


def test_only_pixels_near_the_threshold_are_doubtful(scene):
    # 0.05 of NDWI to either side of 0.05: from 0 to 0.1.
    water = map_water(scene([-0.02, 0.01, 0.049, 0.051, 0.09, 0.12, np.nan]), "ndwi:0.05")
    sure, drop, take = Doubt.SURE, Doubt.STRICT_DROPS, Doubt.LAX_TAKES
    assert water.doubt.values.tolist() == [[sure, take, take, drop, drop, sure, sure]]


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("ndwi:0.05 & ndwi:0.20", [0, 0, 2, 1]),  # 0.05: sure no; 0.12: no; 0.18: laxer; 0.22
        ("ndwi:0.05 | ndwi:0.20", [1, 0, 0, 0]),
        ("!ndwi:0.05", [2, 0, 0, 0]),  # dry there, and with a stricter NDWI water by the "not"
    ],
)
def test_doubt_follows_the_logic_of_the_masks(scene, method, expected):
    water = map_water(scene([0.06, 0.12, 0.18, 0.22]), method)
    assert water.doubt.values.tolist() == [expected]


def test_auto_doubts_less_than_it_is_sure():
    import obriy

    chip = obriy.open_scene("sample:", resolution=10)
    water = obriy.map_water(chip)
    share = (water.doubt.values > 0).mean()
    assert 0 < share < 0.3
    assert (water.labels.values[water.doubt.values == Doubt.STRICT_DROPS] == 2).all()
    assert (water.labels.values[water.doubt.values == Doubt.LAX_TAKES] == 1).all()
