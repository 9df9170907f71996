"""The memory that a user allows is kept, measured as peak RSS of the whole command."""

import os
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window

SIZE = 6144
REFLECTANCE = {  # of land and of water, x 10000
    "B02": (600, 450), "B03": (900, 500), "B04": (1000, 300),
    "B08": (2800, 200), "B11": (2200, 120), "B12": (1400, 80),
}  # fmt: skip


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Six bands of 6144 x 6144 pixels, 900 MB as float32: it could not be held whole."""
    folder = tmp_path_factory.mktemp("large")
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:512, :512]
    lake = np.hypot(y - 200, x - 250) < 90
    for name, (land, water) in REFLECTANCE.items():
        tile = (np.where(lake, water, land) + rng.integers(-40, 40, (512, 512))).astype("uint16")
        with rasterio.open(
            folder / f"T36TXX_20240615_{name}.tif", "w", driver="GTiff", width=SIZE, height=SIZE,
            count=1, dtype="uint16", tiled=True, blockxsize=512, blockysize=512, nodata=0,
            compress="deflate", zlevel=1, crs="EPSG:32636",
            transform=Affine(10, 0, 6e5, 0, -10, 5.3e6),
        ) as file:  # fmt: skip
            for row in range(0, SIZE, 512):
                for column in range(0, SIZE, 512):
                    file.write(tile, 1, window=Window(column, row, 512, 512))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("method", ["auto", "mndwi:otsu"])
def test_peak_memory_stays_below_what_was_allowed(large, tmp_path, method):
    allowed = 1.0
    process = subprocess.Popen(
        [sys.executable, "-m", "obriy", "water", str(large), "--sensor", "sentinel2_l2a",
         "--method", method, "--max-ram", str(allowed), "--outputs", "mask,fraction",
         "--workers", "2", "--out", str(tmp_path / "run"), "-q"],
        stderr=subprocess.PIPE,
    )  # fmt: skip
    stderr = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0, stderr.decode()
    assert usage.ru_maxrss * 1024 < allowed * 1e9
    with rasterio.open(tmp_path / "run" / "mask.tif") as mask:
        share = (mask.read(1) == 2).mean()
    assert share == pytest.approx(np.pi * 90**2 / 512**2, rel=0.02)
