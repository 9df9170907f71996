"""Land by a mask, in the flags of a scene."""

from pathlib import Path

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

from obriy.errors import GridError, SourceError
from obriy.model.flags import Flag
from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene
from obriy.sources.land_mask import with_land

GRID = GeoBox((4, 6), Affine(500, 0, 400_000, 0, -500, 4_800_000), "EPSG:32652")


def _scene(flags: np.ndarray | None = None) -> xr.Dataset:
    bands = {"red": xr.Variable(("y", "x"), np.full((4, 6), 0.1, "float32"))}
    own = None if flags is None else xr.Variable(("y", "x"), flags)
    return make_scene(bands, GRID, sensor="unknown", provenance=Provenance(), flags=own)


def test_polygons_of_land_go_into_the_flags(tmp_path: Path) -> None:
    # The two columns on the left: x from 400 000 to 401 000.
    land = shapely.box(399_000, 4_790_000, 401_000, 4_810_000)
    path = tmp_path / "land.gpkg"
    geopandas.GeoDataFrame(geometry=[land], crs="EPSG:32652").to_crs(4326).to_file(path)
    flags = with_land(_scene(), path)["flags"].to_numpy()
    assert (flags[:, :2] == Flag.LAND).all()
    assert not flags[:, 2:].any()


def test_a_raster_on_another_grid_keeps_the_flags_of_the_scene(tmp_path: Path) -> None:
    path = tmp_path / "land.tif"
    values = np.zeros((4, 3), "uint8")  # pixels of 1 km: the right one is land, the last row none
    values[:2, 2] = 1
    values[2:] = 255
    with rasterio.open(
        path, "w", driver="GTiff", count=1, height=4, width=3, dtype="uint8", nodata=255,
        crs="EPSG:32652", transform=Affine(1000, 0, 400_000, 0, -1000, 4_800_000),
    ) as dataset:  # fmt: skip
        dataset.write(values, 1)
    own = np.zeros((4, 6), "uint16")
    own[0, 5] = Flag.CLOUD
    flags = with_land(_scene(own), path)["flags"].to_numpy()
    assert flags[0, 5] == Flag.LAND | Flag.CLOUD
    assert (flags[:, 4:] & Flag.LAND > 0).all()
    assert not flags[:, :4].any()


def test_what_is_wrong_with_a_land_mask_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no land mask"):
        with_land(_scene(), tmp_path / "land.tif")
    (tmp_path / "land.tif").write_text("<!DOCTYPE html>")
    with pytest.raises(SourceError, match="neither a raster nor"):
        with_land(_scene(), tmp_path / "land.tif")
    with rasterio.open(
        tmp_path / "bare.tif", "w", driver="GTiff", count=1, height=4, width=6, dtype="uint8",
        transform=Affine(500, 0, 400_000, 0, -500, 4_800_000),
    ) as dataset:  # fmt: skip
        dataset.write(np.ones((4, 6), "uint8"), 1)
    with pytest.raises(GridError, match="CRS"):
        with_land(_scene(), tmp_path / "bare.tif")
