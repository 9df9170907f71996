"""A reservoir between mountains under a low sun: a scene, its DEM and its water, made here.

The light is worked out apart from the package: every pixel looks along its own ray to the sun.
"""

import dataclasses
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from scipy import ndimage

BANDS = ("blue", "green", "red", "nir", "swir16", "swir22")
PIXEL_M = 20.0
CRS, CORNER = "EPSG:32635", (291_000.0, 5_395_000.0)  # 48.7 N, 24.2 E
DAY = "2024-12-21"
SUN = (17.0, 166.5)  # elevation and azimuth there at 11:08 of solar time, by hand
SKY = np.array([0.28, 0.20, 0.13, 0.07, 0.02, 0.01])
FOREST = np.array([0.025, 0.04, 0.03, 0.2, 0.1, 0.05])
MEADOW = np.array([0.05, 0.08, 0.09, 0.22, 0.25, 0.16])
WATER = np.array([0.03, 0.035, 0.025, 0.012, 0.005, 0.003])


@dataclasses.dataclass(frozen=True)
class Mountains:
    """Bands (6, y, x), heights (y, x) m, water (y, x), direct light as a share of flat ground."""

    bands: np.ndarray
    height: np.ndarray
    water: np.ndarray
    light: np.ndarray

    @property
    def shaded_slope(self) -> np.ndarray:
        down, across = np.gradient(self.height, PIXEL_M)
        steep = np.hypot(down, across) > np.tan(np.radians(15))
        return ~self.water & steep & (self.light < 0.2)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """Write the scene and the DEM; give both."""
        scene, dem = folder / f"{DAY}_valley.tif", folder / "dem.tif"
        own = Affine(PIXEL_M, 0, CORNER[0], 0, -PIXEL_M, CORNER[1])
        rows, columns = self.water.shape
        with rasterio.open(
            scene, "w", driver="GTiff", width=columns, height=rows, count=6, dtype="float32",
            crs=CRS, transform=own,
        ) as file:  # fmt: skip
            file.write(self.bands.astype("float32"))
            file.descriptions = BANDS
        with rasterio.open(
            dem, "w", driver="GTiff", width=columns, height=rows, count=1, dtype="float32",
            crs=CRS, transform=own, nodata=-9999,
        ) as file:  # fmt: skip
            file.write(self.height.astype("float32"), 1)
        return scene, dem


def direct_light(height: np.ndarray, elevation: float, azimuth: float) -> np.ndarray:
    """Return the sun on the ground, as a share of that on flat ground, 0 in cast shadow."""
    up, angle = np.radians(elevation), np.radians(azimuth)
    down, across = np.gradient(height, PIXEL_M)
    normal = np.stack([-across, down, np.ones_like(height)])  # east, north, up; rows go south
    normal /= np.linalg.norm(normal, axis=0)
    ray = np.cos(up) * np.sin(angle), np.cos(up) * np.cos(angle), np.sin(up)
    lit = np.clip(sum(n * r for n, r in zip(normal, ray, strict=True)), 0, None) / np.sin(up)
    y, x = np.mgrid[: height.shape[0], : height.shape[1]].astype(float)
    for k in range(1, int(1000 / (np.tan(up) * PIXEL_M))):
        place = [y - k * np.cos(angle), x + k * np.sin(angle)]
        there = ndimage.map_coordinates(height, place, order=1, cval=-1e4)
        lit[there > height + k * PIXEL_M * np.tan(up)] = 0
    return lit


def mountains(seed: int = 3, size: int = 160, elevation: float = SUN[0]) -> Mountains:
    """Make a winding reservoir in a valley that runs from west to east, slopes up to 30 degrees."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size].astype(float)
    axis = size * 0.5 + size * 0.1 * np.sin(x / size * 7)
    away = np.abs(y - axis) * PIXEL_M
    rough = ndimage.gaussian_filter(rng.normal(size=(size, size)), 8, mode="wrap")
    rough *= 60 / rough.std()
    height = 420 * (1 - np.exp(-((away / 700) ** 2))) + rough * np.clip(away / 400, 0, 1)
    water = height < 45
    height = np.maximum(height, 45.0)
    light = direct_light(height, elevation, SUN[1])
    cover = ndimage.gaussian_filter(rng.normal(size=(size, size)), 5) > 0
    ground = np.where(cover[..., None], FOREST, MEADOW)
    ground = ground * np.exp(rng.normal(0, 0.15, (size, size)))[..., None]
    ground[water] = WATER
    seen = ground * (light[..., None] + SKY) / (1 + SKY)
    seen[water] = WATER * np.where(light[water] > 0, 1.0, 0.5)[:, None]
    seen = ndimage.gaussian_filter(seen, (0.5, 0.5, 0)) + rng.normal(0, 0.0015, seen.shape)
    return Mountains(np.moveaxis(seen, 2, 0), height, water, light)
