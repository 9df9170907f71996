"""The memory that a user allows is kept, measured as peak RSS of the whole command."""

import re
import shutil

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window
from tests.terminal import spawn_and_weigh

SIZE = 3072
REFLECTANCE = {  # of land and of water, x 10000
    "B02": (600, 450), "B03": (900, 500), "B04": (1000, 300),
    "B08": (2800, 200), "B11": (2200, 120), "B12": (1400, 80),
}  # fmt: skip


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Six bands of 3072 x 3072 pixels: nine blocks at once would break each limit below."""
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


def run(job, image, folder, allowed, *options):
    """Run the command; return its exit code, what it said, and its peak RSS in bytes.

    What the first run after an installation compiles takes memory of its own, and which tests ran
    before is chance: one that took more than was allowed is run again, and compiles nothing.
    """
    words = ["--sensor", "sentinel2_l2a", "--max-ram", allowed, "--out", folder, "-q", *options]
    done, peak = spawn_and_weigh(job, image, *words)
    if done.returncode == 0 and peak >= float(allowed) * 1e9:
        shutil.rmtree(folder)
        done, peak = spawn_and_weigh(job, image, *words)
    return done.returncode, done.stderr, peak


def check_map(folder):
    with rasterio.open(folder / "mask.tif") as mask:
        share = (mask.read(1) == 2).mean()
    assert share == pytest.approx(np.pi * 90**2 / 512**2, rel=0.02)


@pytest.mark.slow
def test_the_least_memory_that_is_named_is_enough_for_all_outputs(large, tmp_path):
    code, said, _ = run("water", large, tmp_path / "no", 0.5, "--workers", "2")
    assert code == 1
    least = float(re.search(r"--max-ram ([\d.]+)", said).group(1))
    code, said, peak = run("water", large, tmp_path / "run", least, "--workers", "2")
    assert code == 0, said
    assert peak < least * 1e9
    check_map(tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "allowed", "workers"), [("mndwi:otsu", 1.0, "2"), ("auto", 1.5, "8")]
)
def test_peak_memory_stays_below_what_was_allowed(large, tmp_path, method, allowed, workers):
    options = ["--method", method, "--workers", workers, "--outputs", "mask"]
    code, said, peak = run("water", large, tmp_path / "run", allowed, *options)
    assert code == 0, said
    assert peak < allowed * 1e9
    check_map(tmp_path / "run")


@pytest.mark.slow
def test_land_cover_stays_below_what_was_allowed(large, tmp_path):
    options = ["--clusters", "6", "--rounds", "1", "--outputs", "landcover,report"]
    code, said, peak = run("landcover", large, tmp_path / "run", 1.4, *options)
    assert code == 0, said
    assert peak < 1.4e9
    with rasterio.open(tmp_path / "run" / "landcover.tif") as file:
        assert (file.read(1) == 80).mean() == pytest.approx(np.pi * 90**2 / 512**2, rel=0.02)


@pytest.mark.slow
def test_a_file_of_one_strip_is_refused_or_kept_within(tmp_path):
    """All bands of 3000 x 3000 pixels in one compressed strip: 108 MB to read any pixel."""
    y, x = np.mgrid[:3000, :3000]
    lake = np.hypot(y - 1200, x - 1500) < 600
    path = tmp_path / "strip.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=3000, height=3000, count=6, dtype="uint16",
        blockysize=3000, interleave="pixel", compress="deflate", zlevel=1, crs="EPSG:32636",
        transform=Affine(10, 0, 6e5, 0, -10, 5.3e6),
    ) as file:  # fmt: skip
        for band, (name, (land, water)) in enumerate(REFLECTANCE.items(), 1):
            file.write(np.where(lake, water, land + y % 50).astype("uint16"), band)
            file.set_band_description(band, name)
    code, said, _ = run("water", path, tmp_path / "no", 0.85, "--clouds", "none")
    assert code == 1
    assert "rio convert" in said
    least = float(re.search(r"--max-ram ([\d.]+)", said).group(1))
    code, said, peak = run("water", path, tmp_path / "run", least, "--clouds", "none")
    assert code == 0, said
    assert peak < least * 1e9
    with rasterio.open(tmp_path / "run" / "mask.tif") as mask:
        assert (mask.read(1) == 2).mean() == pytest.approx(lake.mean(), rel=0.01)


@pytest.mark.slow
def test_maps_alone_need_little_memory(large, tmp_path):
    """Nothing is drawn, and the tiles of the files are decoded by as many threads as have room."""
    options = ["--method", "mndwi:otsu", "--outputs", "mask", "--clouds", "none"]
    code, said, peak = run("water", large, tmp_path / "run", 0.6, *options)
    assert code == 0, said
    assert peak < 0.6e9
    check_map(tmp_path / "run")
