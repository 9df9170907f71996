"""Fixtures that many tests share: small scenes built by hand, and where the real data lie."""

import os
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import settings
from odc.geo.geobox import GeoBox

from obriy.model.provenance import Provenance
from obriy.model.scene import make_scene

settings.register_profile("obriy", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("obriy")

UTM = "EPSG:32636"


def pytest_report_header(config):
    import pyproj
    import rasterio

    return (
        f"gdal {rasterio.__gdal_version__}, proj {pyproj.proj_version_str}, data {realdata_dir()}"
    )


def realdata_dir() -> Path:
    """Where the real data lie: OBRIY_REALDATA, else beside the project."""
    given = os.environ.get("OBRIY_REALDATA")
    return Path(given) if given else Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture
def realdata() -> Path:
    """The folder of real data; the test is skipped where it is missing."""
    folder = realdata_dir()
    if not folder.is_dir():
        pytest.skip(f"real data not found at {folder}: set OBRIY_REALDATA")
    return folder


@pytest.fixture
def case(realdata):
    """Find a case by its number; the test is skipped where the cases are missing."""

    def find(number: int) -> Path:
        folders = list((realdata.parent / "cases").glob(f"{number:02}-*"))
        if not folders:
            pytest.skip(f"case {number} not found beside {realdata}")
        return folders[0]

    return find


def utm_grid(shape, resolution=10.0, origin=(500_000.0, 5_200_000.0), crs=UTM) -> GeoBox:
    """A north-up grid in metres."""
    from affine import Affine

    return GeoBox(shape, Affine(resolution, 0, origin[0], 0, -resolution, origin[1]), crs)


@pytest.fixture
def scene_of():
    """Factory of scenes: ``scene_of(green=[[...]], nir=[[...]])``."""

    def build(*, geobox=None, flags=None, sensor="unknown", **bands) -> xr.Dataset:
        arrays = {k: np.atleast_2d(np.asarray(v, "float32")) for k, v in bands.items()}
        geobox = geobox or utm_grid(next(iter(arrays.values())).shape)
        variables = {k: xr.Variable(("y", "x"), v) for k, v in arrays.items()}
        quality = None if flags is None else xr.Variable(("y", "x"), np.asarray(flags, "uint16"))
        return make_scene(variables, geobox, sensor=sensor, provenance=Provenance(), flags=quality)

    return build
