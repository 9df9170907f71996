"""A file that is cut, emptied or written anew after it was opened is named, in any job."""

import os

import numpy as np
import pytest
import rasterio

import obriy
from conftest import utm_grid
from obriy.blocks.handles import let_go
from obriy.errors import SourceError

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
SIDE = 600


@pytest.fixture
def scene(tmp_path):
    """The path of an image, and the scene that was opened of it."""
    path, values = (
        tmp_path / "lake.tif",
        np.random.default_rng(0).integers(300, 3000, (6, SIDE, SIDE)),
    )
    with rasterio.open(
        path, "w", driver="GTiff", width=SIDE, height=SIDE, count=6, dtype="uint16", tiled=True,
        blockxsize=256, blockysize=256, interleave="band", compress="deflate", crs="EPSG:32636",
        transform=utm_grid((SIDE, SIDE), 10.0).affine,
    ) as file:  # fmt: skip
        file.write(values.astype("uint16"))
        file.descriptions = BANDS
    opened = obriy.open_scene(path, scale=1e-4)
    let_go()
    return path, opened


def shortened(path):
    os.truncate(path, 100)


def emptied(path):
    os.truncate(path, 0)


def replaced(path):
    path.write_text("<html>Please log in</html>")


@pytest.mark.parametrize("harm", [shortened, emptied, replaced])
@pytest.mark.parametrize(
    "work",
    [
        lambda scene: obriy.map_water(scene, clouds="none"),
        obriy.map_water,  # looks for clouds first
        lambda scene: obriy.map_landcover(scene, clusters=3, clouds="none"),
        lambda scene: scene["nir"].to_numpy(),
    ],
)
def test_a_file_that_is_no_raster_any_more_is_named(scene, harm, work):
    path, opened = scene
    harm(path)
    with pytest.raises(SourceError, match=r"lake\.tif") as caught:
        work(opened)
    assert "cut short or damaged" in str(caught.value)
