"""Windows that are made when they are asked for, whatever is picked of them."""

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.blocks.computed import computed_labels


@pytest.mark.parametrize(
    "key",
    [
        (slice(2, 5), slice(1, 6)),
        (slice(None), slice(None)),
        (slice(4, 1, -1), slice(6, 0, -1)),
        (slice(0, 6, 2), slice(1, 7, 3)),
        (3, slice(2, 4)),
        (slice(4, 5), 2),
        (slice(2, 2), slice(0, 3)),
    ],
)
def test_a_window_is_that_of_the_whole(key):
    whole = np.arange(42, dtype=np.uint8).reshape(6, 7)
    grid = GeoBox(whole.shape, Affine(10, 0, 0, 0, -10, 0), "EPSG:32636")
    labels = computed_labels(lambda rows, columns: whole[rows, columns].copy(), grid)
    np.testing.assert_array_equal(labels[key].to_numpy(), whole[key])
