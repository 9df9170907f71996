"""The share of each pixel inside a polygon: against the area of what GEOS cuts out of each."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from obriy.coverage import pixel_coverage


def cut_out(shape, rows, columns):
    """Cut every pixel out of a polygon."""
    x, y = np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop))
    return shapely.area(shapely.intersection(shape, shapely.box(x, y, x + 1, y + 1)))


def star(seed, whole):
    """A polygon with a hole, and a second one apart; on whole pixels or between them."""
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 30)))
    reach = rng.uniform(3, 25, len(angles))
    corners = np.stack([np.cos(angles) * reach, np.sin(angles) * reach], 1) + rng.uniform(0, 30, 2)
    shape = shapely.make_valid(shapely.Polygon(np.rint(corners) if whole else corners))
    hole = shapely.Point(rng.uniform(0, 30, 2)).buffer(2.5, 3)
    pieces = shapely.union(shapely.difference(shape, hole), shapely.box(33, 2, 36.5, 9.25))
    parts = [p for p in shapely.get_parts(pieces) if p.geom_type == "Polygon"]
    return shapely.MultiPolygon(parts)


@given(seed=st.integers(0, 9999), whole=st.booleans())
def test_any_polygon_and_window(seed, whole):
    window = slice(-2, 31), slice(4, 38)  # parts of it lie beyond each side
    found = pixel_coverage(star(seed, whole), *window)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, cut_out(star(seed, whole), *window), atol=1e-6)


def test_by_hand():
    # A triangle with corners at (0, 0), (2, 0), (0, 2): half of the pixels on its long side.
    triangle = shapely.Polygon([(0, 0), (2, 0), (0, 2)])
    found = pixel_coverage(triangle, slice(0, 2), slice(0, 3))
    np.testing.assert_array_equal(found, [[1, 0.5, 0], [0.5, 0, 0]])


@pytest.mark.parametrize("outline", [shapely.box(-5, -5, 9, 9), shapely.box(20, 20, 30, 30)])
def test_all_or_nothing_is_exact(outline):
    found = pixel_coverage(outline, slice(0, 4), slice(0, 4))
    assert set(np.unique(found)) == {float(outline.intersects(shapely.box(0, 0, 4, 4)))}


def test_the_way_round_does_not_matter():
    ring = [(0.5, 0.25), (3.5, 0.5), (2.0, 3.75)]
    window = slice(0, 4), slice(0, 4)
    one, other = (pixel_coverage(shapely.Polygon(r), *window) for r in (ring, ring[::-1]))
    np.testing.assert_array_equal(one, other)
