"""s2cloudless on a made-up L1C scene: the real model, the real package."""

import numpy as np
import pytest

from obriy.errors import BandError
from obriy.model.flags import Unseen
from obriy.prepare.s2cloudless import BANDS
from obriy.workflows.water.mapping import map_water

# Top-of-atmosphere reflectance of a forest (the medians of a real chip) and of an opaque cloud.
FOREST = dict(zip(BANDS, (0.115, 0.083, 0.041, 0.066, 0.265, 0.318, 0.059, 0.001, 0.134, 0.05),
                  strict=True))  # fmt: skip
CLOUD = dict(zip(BANDS, (0.60, 0.62, 0.64, 0.65, 0.68, 0.69, 0.40, 0.03, 0.45, 0.35), strict=True))


@pytest.fixture
def cloudy(scene_of):
    shape, cloud = (120, 110), np.zeros((120, 110), bool)
    cloud[40:80, 30:70] = True
    bands = {n: np.where(cloud, CLOUD[n], FOREST[n]) for n in BANDS}
    return scene_of(**bands, green=np.where(cloud, 0.61, 0.065)), cloud, shape


def test_cloud_is_unseen_and_forest_is_seen(cloudy):
    scene, cloud, _ = cloudy
    found = map_water(scene, "ndwi:zero", clouds="s2cloudless")
    unseen = found.unseen.values
    assert (unseen[45:75, 35:65] == Unseen.CLOUD).all()
    assert (unseen[:5] == Unseen.SEEN).all()
    assert (found.labels.values[cloud] == 0).all()


def test_without_it_the_cloud_is_not_hidden(cloudy):
    scene, _, _ = cloudy
    found = map_water(scene, "ndwi:zero", clouds="none")
    assert (found.unseen.values == Unseen.SEEN).all()


def test_the_cut_into_blocks_does_not_matter(cloudy, monkeypatch):
    scene, _, _ = cloudy
    whole = map_water(scene, "ndwi:zero", clouds="s2cloudless").unseen.values
    monkeypatch.setattr("obriy.blocks.plan.TARGET_PIXELS", 110 * 110)
    np.testing.assert_array_equal(
        map_water(scene, "ndwi:zero", clouds="s2cloudless").unseen.values, whole
    )


def test_level_2_lacks_a_band(scene_of):
    scene = scene_of(**{n: [[0.1]] for n in BANDS if n != "cirrus"}, green=[[0.1]])
    with pytest.raises(BandError, match=r"cirrus.*L1C"):
        map_water(scene, "ndwi:zero", clouds="s2cloudless")
