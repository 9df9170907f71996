"""Patches and their outlines: GDAL's own tracer agrees, however the raster is cut into strips."""

import numpy as np
import rasterio.features
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from obriy.outputs.tracing import Patches

TILTED = Affine(3, 1, 500, 1, -3, 900)
RASTERS = arrays(
    "uint8", st.tuples(st.integers(1, 9), st.integers(1, 9)), elements=st.integers(0, 2)
)


def _plain(polygons):
    return {shapely.normalize(shapely.make_valid(p)).wkb for p in polygons}


@given(RASTERS, st.integers(1, 4))
def test_outlines_are_those_of_gdal(raster, strips):
    patches = Patches.of(np.array_split(raster, strips) if strips <= len(raster) else [raster])
    found = patches.polygons(TILTED)
    shapes = rasterio.features.shapes(raster, mask=raster > 0, connectivity=4, transform=TILTED)
    expected = [(shapely.geometry.shape(shape), value) for shape, value in shapes]
    assert shapely.is_valid(found).all()
    assert len(found) == len(expected) == len(patches)
    for number in (1, 2):
        of_number = [shape for shape, value in expected if value == number]
        assert _plain(found[patches.values == number]) == _plain(of_number)


@given(RASTERS)
def test_groups_are_what_touches_at_corners(raster):
    patches = Patches.of([raster])
    groups = patches.touching()
    for number in (1, 2):
        count = ndimage.label(raster == number, np.ones((3, 3)))[1]
        assert len(set(groups[patches.values == number])) == count


def test_a_bay_that_a_corner_closes_is_a_hole():
    (ring,) = Patches.of([np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], "uint8")]).polygons(
        Affine.identity()
    )
    assert ring.area == 7
    assert [hole.bounds for hole in ring.interiors] == [(1, 1, 2, 2)]


def test_the_mean_of_a_patch_leaves_out_what_is_missing():
    raster = np.array([[1, 1, 0], [0, 1, 2], [3, 0, 2]], "uint16")
    sure = np.array([[10, 20, 99], [99, 255, 40], [255, 99, 60]], "uint8")
    patches = Patches.of([raster[:1], raster[1:]])
    assert list(patches.values) == [1, 2, 3]
    means = patches.means_of([sure[:2], sure[2:]], 255)
    np.testing.assert_array_equal(means, [15, 50, np.nan])


def test_nothing_has_no_outline():
    patches = Patches.of([np.zeros((2, 3), "uint8")])
    assert len(patches) == len(patches.polygons(TILTED)) == len(patches.touching()) == 0
