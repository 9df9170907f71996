"""A map against references of every kind."""

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from conftest import UTM, utm_grid
from obriy.errors import EmptyResultError, GridError, InputError
from obriy.model.classmap import ClassMap
from obriy.model.grid import coords_of
from obriy.model.legend import Legend, LegendClass, load_legend
from obriy.model.reference import Reference
from obriy.validation.evaluate import evaluate

WATER = load_legend("water")


def lay(values, geobox, dtype="uint8"):
    return xr.DataArray(np.asarray(values, dtype), coords_of(geobox), ("y", "x"))


def map_of(labels, geobox=None, unseen=None, legend=WATER):
    labels = np.asarray(labels, "uint8")
    geobox = geobox or utm_grid(labels.shape)
    return ClassMap(
        lay(labels, geobox), legend, unseen=None if unseen is None else lay(unseen, geobox)
    )


def test_unseen_is_counted_and_not_scored_and_unnamed_is_wrong():
    class_map = map_of([[2, 2, 1, 0], [1, 255, 0, 0]], unseen=[[0, 0, 0, 2], [0, 0, 3, 0]])
    truth = lay([[2, 1, 1, 1], [1, 2, 2, 2]], class_map.geobox)
    scores = evaluate(class_map, truth)
    # Unseen: cloud and shadow. The last 0 was seen, so it is "not named", as is 255.
    assert (scores.confusion, scores.unnamed) == (((2, 1), (0, 1)), (0, 2))
    assert scores.pixels == 6
    assert scores.unseen_share == pytest.approx(2 / 8)
    assert scores.overall_accuracy == pytest.approx(3 / 6)
    assert scores.independent
    assert scores.intervals is None


def test_without_causes_every_zero_is_unseen():
    class_map = map_of([[2, 0, 1]])
    scores = evaluate(class_map, lay([[2, 2, 1]], class_map.geobox))
    assert (scores.pixels, scores.unseen_share) == (2, pytest.approx(1 / 3))


def test_bool_is_water_and_needs_no_coordinates():
    class_map = map_of([[2, 1], [1, 1]])
    scores = evaluate(class_map, xr.DataArray([[True, True], [False, False]], dims=("y", "x")))
    assert (scores.confusion, scores.unnamed) == (((2, 0), (1, 1)), (0, 0))


def test_plain_codes_of_any_integer_or_float_type():
    class_map = map_of([[2, 1], [1, 1]])
    floats = lay([[2, np.nan], [1, 1]], class_map.geobox, "float32")
    assert evaluate(class_map, floats).pixels == 3
    wide = lay([[2, 1], [1, 300]], class_map.geobox, "int32")
    with pytest.raises(InputError, match="no class codes"):
        evaluate(class_map, wide)


def test_a_part_of_the_map_is_compared_where_it_lies():
    labels = np.ones((6, 8), "uint8")
    labels[2:5, 3:7] = 2
    class_map = map_of(labels)
    part = lay(labels[1:4, 2:6], class_map.geobox[1:4, 2:6])
    scores = evaluate(class_map, part)
    assert (scores.pixels, scores.overall_accuracy) == (12, 1)
    as_bool = part == 2
    assert evaluate(class_map, as_bool).pixels == 12


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:3857", "EPSG:32637", "EPSG:3413"])
def test_the_nearest_pixel_of_another_crs(crs):
    grid = utm_grid((60, 60), 100.0, (500_000, 5_200_000))
    labels = np.ones((60, 60), "uint8")
    labels[:, 30:] = 2
    class_map = map_of(labels, grid)
    fine = grid.to_crs(crs).zoom_out(0.25)
    x, y = np.meshgrid(*(fine.coords[k].values for k in fine.dims[::-1]))
    import pyproj

    east, _ = pyproj.Transformer.from_crs(crs, UTM, always_xy=True).transform(x, y)
    truth = Reference(lay(np.where(east >= 503_000, 2, 1), fine), WATER, "a fine map")
    scores = evaluate(class_map, truth)
    assert scores.pixels == 3600
    assert scores.overall_accuracy > 0.995
    assert scores.without_edges.overall_accuracy == 1


def test_windows_do_not_show():
    random = np.random.default_rng(1)
    grid = utm_grid((2100, 2080))
    labels = random.choice(np.array([0, 1, 2, 255], "uint8"), grid.shape)
    truth = random.choice(np.array([0, 1, 1, 1, 2], "uint8"), grid.shape)
    scores = evaluate(map_of(labels, grid), lay(truth, grid))
    for i, code in enumerate((1, 2)):
        row = [((truth == code) & (labels == k)).sum() for k in (1, 2, 255)]
        assert [*scores.confusion[i], scores.unnamed[i]] == row
    assert set(scores.intervals) >= {"kappa", "overall_accuracy", "mean_iou", "water.f1"}
    low, high = scores.intervals["overall_accuracy"]
    assert low < scores.overall_accuracy < high


def test_the_ring_is_seen_across_windows():
    grid = utm_grid((8, 2100))
    truth = np.ones((8, 2100), "uint8")
    truth[:, 2048:] = 2  # the edge runs along a seam
    scores = evaluate(map_of(truth, grid), lay(truth, grid))
    assert scores.pixels - scores.without_edges.pixels == 16
    assert scores.without_edges.without_edges is None


def test_legends_meet_by_name():
    other = Legend(
        "other",
        (
            LegendClass(7, "water", {}, "#0000ff"),
            LegendClass(9, "not_water", {}, "#00ff00"),
            LegendClass(11, "ice", {}, "#ffffff"),
        ),
    )
    class_map = map_of([[2, 1, 1]])
    truth = Reference(lay([[7, 9, 11]], class_map.geobox), other, "theirs", False, ("a note",))
    scores = evaluate(class_map, truth)
    assert scores.confusion == ((1, 0), (0, 1))
    assert scores.notes == ("a note", "Not compared: ice.")
    assert (scores.independent, scores.reference) == (False, "theirs")
    assert scores.without_edges is None  # nothing but edges: ice is no reference, so no edge to it
    with pytest.raises(InputError, match="share no class"):
        evaluate(map_of([[10]], legend=load_legend("worldcover")),
                 Reference(lay([[1]], utm_grid((1, 1))), legend_without_water(), "x"))  # fmt: skip


def legend_without_water():
    return Legend("odd", (LegendClass(1, "lava", {}, "#ff0000"),))


def test_a_map_against_a_map():
    a, b = map_of([[2, 1], [1, 1]]), map_of([[2, 255], [0, 1]])
    scores = evaluate(a, b)
    assert (scores.pixels, scores.overall_accuracy) == (2, 1)


def test_nothing_in_common():
    class_map = map_of(np.ones((4, 4)))
    far = lay(np.ones((4, 4)), utm_grid((4, 4), origin=(600_000, 5_300_000)))
    with pytest.raises(GridError, match="says nothing where the map lies"):
        evaluate(class_map, far)
    with pytest.raises(GridError, match="no coordinates"):
        evaluate(class_map, xr.DataArray(np.ones((3, 4), "uint8"), dims=("y", "x")))
    clouds = map_of(np.zeros((4, 4)), unseen=np.full((4, 4), 2))
    with pytest.raises(EmptyResultError, match="saw none of the 16 pixels"):
        evaluate(clouds, lay(np.ones((4, 4)), clouds.geobox))


def test_plain_values_have_the_agreed_shape():
    class_map = map_of([[2, 1], [1, 1]])
    plain = evaluate(class_map, lay([[2, 1], [2, 1]], class_map.geobox)).to_dict()
    assert set(plain) >= {
        "overall_accuracy", "kappa", "mean_iou", "pixels", "independent", "classes", "confusion",
    }  # fmt: skip
    assert set(plain["classes"][0]) == {"name", "code", "precision", "recall", "f1", "iou"}
    import json

    assert json.loads(json.dumps(plain))["confusion"] == [[2, 0], [1, 1]]


def test_no_crs_on_either_side():
    grid = GeoBox((3, 4), Affine.identity(), None)
    labels = np.array([[1, 2, 2, 1]] * 3, "uint8")
    scores = evaluate(map_of(labels, grid), lay(labels, grid))
    assert (scores.pixels, scores.kappa) == (12, 1)
