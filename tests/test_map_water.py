"""The Python door: what it takes, what it refuses."""

import numpy as np
import pytest
import xarray as xr

import obriy
from obriy.errors import InputError
from obriy.model.provenance import Provenance

BANDS = {"green": [[0.1, 0.1]], "nir": [[0.02, 0.3]], "swir16": [[0.01, 0.2]]}


def test_a_dataset_without_coordinates():
    scene = xr.Dataset({k: (("y", "x"), np.array(v)) for k, v in BANDS.items()})
    water = obriy.map_water(scene, "mndwi:zero")
    assert water.labels.values.tolist() == [[2, 1]]
    assert water.labels.dtype == np.uint8
    assert water.fraction is None


def test_a_slice_of_a_scene_keeps_its_place(scene_of):
    scene = scene_of(**{k: np.tile(v, (6, 4)) for k, v in BANDS.items()})
    part = obriy.map_water(scene.isel(y=slice(2, 5), x=slice(1, 6)), "ndwi:zero")
    whole = obriy.map_water(scene, "ndwi:zero")
    xr.testing.assert_equal(part.labels, whole.labels.isel(y=slice(2, 5), x=slice(1, 6)))


@pytest.mark.parametrize(
    ("scene", "says"),
    [
        ("scene.tif", "open_scene"),
        (None, "open_scene"),
        (xr.DataArray(np.zeros((2, 2))), "open_scene"),
        (xr.Dataset({"green": (("y", "x"), np.zeros((0, 3)))}), "no pixels"),
        (xr.Dataset({"b1": (("y", "x"), np.zeros((2, 3)))}), "no band of a known name"),
        (xr.Dataset({"green": (("y", "x"), np.full((2, 3), 900.0)),
                     "nir": (("y", "x"), np.full((2, 3), 300.0))}), "digital numbers"),
        (xr.Dataset({"green": (("y", "x"), np.ones((2, 3), "uint16"))}), "floating-point"),
        (xr.Dataset({"green": (("time", "y", "x"), np.ones((1, 2, 3)))}), "one date"),
    ],
)  # fmt: skip
def test_what_is_no_scene(scene, says):
    with pytest.raises(InputError, match=says):
        obriy.map_water(scene)


def test_all_missing_is_a_map_of_nothing():
    scene = xr.Dataset({k: (("y", "x"), np.full((3, 4), np.nan)) for k in BANDS})
    water = obriy.map_water(scene)
    assert (water.labels.values == 0).all()


def test_evaluate_takes_arrays_and_knows_its_own(scene_of):
    scene = scene_of(**{k: np.tile(v, (3, 2)) for k, v in BANDS.items()})
    water = obriy.map_water(scene, "ndwi:zero")
    truth = water.labels.values == 2
    assert obriy.evaluate(water, truth).overall_accuracy == 1
    assert obriy.evaluate(water, truth.astype("uint8") + 1).overall_accuracy == 1
    with pytest.raises(InputError):
        obriy.evaluate(water, np.ones(5))


def test_two_maps_of_one_image_agree_and_nothing_more():
    scene = obriy.open_scene("simulated:?size=64")
    scores = obriy.evaluate(obriy.map_water(scene), obriy.map_water(scene, "ndwi:zero"))
    assert scores.independent is False


def test_a_map_that_python_wrote_is_no_independent_reference(scene_of, tmp_path):
    scene = scene_of(**{k: np.tile(v, (3, 2)) for k, v in BANDS.items()})
    scene.attrs["provenance"] = Provenance(({"href": "scene.tif"},))
    water = obriy.map_water(scene, "ndwi:0", clouds="none")
    paths = obriy.write_class_map(water, tmp_path)
    assert not obriy.evaluate(water, paths["mask"]).independent
