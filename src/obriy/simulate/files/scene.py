"""Scenes as GeoTIFFs that `obriy.open_scene` reads back: named bands, scale and offset tags."""

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from rasterio.errors import RasterioError

from obriy.model.flags import Flag
from obriy.model.grid import geobox_of
from obriy.model.scene import band_names
from obriy.outputs.files import atomic_path, output_error
from obriy.outputs.tables import write_rows

SCALE, OFFSET = 0.0001, -0.1
"""reflectance = DN x scale + offset: the offset keeps dark water above 0, which is no data."""
LARGEST: Final = 65_535
TILE: Final = 512
TRUTH_COLUMNS: Final = ("date", "district", "true_km2", "level_m", "cloud_share")
_SCL: Final = (
    (Flag.DARK, 2), (Flag.WATER, 6), (Flag.SNOW, 11), (Flag.CLOUD_SHADOW, 3), (Flag.CIRRUS, 10),
    (Flag.CLOUD, 9), (Flag.SATURATED, 1), (Flag.NO_DATA, 0),
)  # fmt: skip
"""Classes of SCL by flag, the one that wins last."""
_SCL_CLEAR: Final = 5
_QA_PIXEL: Final = {
    Flag.CIRRUS: 2, Flag.CLOUD: 3, Flag.CLOUD_SHADOW: 4, Flag.SNOW: 5, Flag.WATER: 7,
}  # fmt: skip
"""Bits of QA_PIXEL by flag."""
_QA_CLEAR, _QA_FILL = 1 << 6, 1


def write_scene(
    scene: xr.Dataset, path: Path, *, quality: str = "scl", tags: dict[str, str] | None = None
) -> Path:
    """Write a scene to one GeoTIFF (uint16), whole or not at all.

    Args:
        scene: A Scene in memory; reflectance from -0.1 to 6.45 is kept to half of 0.0001.
        path: The file wanted.
        quality: Which quality band its flags become: ``"scl"`` (one class a pixel) or
            ``"qa_pixel"`` (bits; it has none for dark ground). Flags of land alone become none:
            land is the business of a land mask, and no quality band has a place for it.
        tags: More to say in the file's metadata.

    Raises:
        OutputError: where the file could not be written.
    """
    names = band_names(scene)
    layers = [_numbers(scene[name].to_numpy()) for name in names]
    scales, offsets = [SCALE] * len(names), [OFFSET] * len(names)
    if _has_quality(scene):
        encode = {"scl": _as_scl, "qa_pixel": _as_qa_pixel}[quality]
        layers.append(encode(scene["flags"].to_numpy()))
        names, scales, offsets = [*names, quality], [*scales, 1.0], [*offsets, 0.0]
    found = {"date": str(scene.attrs["time"])} if scene.attrs.get("time") else {}
    profile = {"dtype": "uint16", "nodata": 0, "predictor": 2}
    with (
        atomic_path(path) as temporary,
        _driver_errors(path),
        _open(temporary, scene, len(layers), profile) as dataset,
    ):
        dataset.update_tags(**(found | (tags or {})))
        dataset.scales, dataset.offsets = scales, offsets
        for k, (name, layer) in enumerate(zip(names, layers, strict=True), 1):
            dataset.write(layer, k)
            dataset.set_band_description(k, name)
    return path


def write_fraction(fraction: xr.DataArray, path: Path, *, tags: dict[str, str]) -> Path:
    """Write a share of water, float32, 0 to 1, NaN missing, to a GeoTIFF."""
    profile = {"dtype": "float32", "nodata": np.nan, "predictor": 3}
    with (
        atomic_path(path) as temporary,
        _driver_errors(path),
        _open(temporary, fraction, 1, profile) as dataset,
    ):
        dataset.update_tags(**tags)
        dataset.write(fraction.to_numpy(), 1)
        dataset.set_band_description(1, "true share of water")
    return path


def write_truth(
    rows: Iterable[Sequence[object]], path: Path, columns: Sequence[str] = TRUTH_COLUMNS
) -> Path:
    """Write the true areas of a simulated season as CSV.

    Args:
        rows: A row for each date and district, of what the columns say.
        path: The file wanted.
        columns: Their names: of water date, district, true area in km², level of the water in m,
            true share of cloud.
    """
    return write_rows(path, columns, rows)


def _has_quality(scene: xr.Dataset) -> bool:
    """Whether the flags say more than where land is."""
    return "flags" in scene and bool((scene["flags"].to_numpy() & ~np.uint16(Flag.LAND)).any())


def _numbers(reflectance: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    """Return DN; 0 where there is no reflectance."""
    known = np.isfinite(reflectance)
    counts = np.round((np.where(known, reflectance, 0.0) - OFFSET) / SCALE)
    return np.where(known, np.clip(counts, 1, LARGEST), 0).astype("uint16")


def _as_scl(flags: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    classes = np.full(flags.shape, _SCL_CLEAR, "uint16")
    for flag, code in _SCL:
        classes[flags & flag.value > 0] = code
    return classes


def _as_qa_pixel(flags: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
    bits = np.zeros(flags.shape, "uint16")
    for flag, bit in _QA_PIXEL.items():
        bits[flags & flag.value > 0] |= np.uint16(1 << bit)
    hidden = flags & (Flag.CLOUD | Flag.CIRRUS | Flag.CLOUD_SHADOW | Flag.SNOW)
    bits[hidden == 0] |= np.uint16(_QA_CLEAR)
    bits[flags & Flag.NO_DATA > 0] = _QA_FILL
    return bits


def _open(path: Path, data: Any, count: int, profile: dict[str, Any]) -> Any:
    geobox = geobox_of(data)
    rows, columns = geobox.shape
    tiled = (
        {"tiled": True, "blockxsize": TILE, "blockysize": TILE} if min(rows, columns) > 1 else {}
    )
    return rasterio.open(  # noqa: TID251 - to write
        path,
        "w",
        driver="GTiff",
        count=count,
        height=int(rows),
        width=int(columns),
        crs=geobox.crs.to_wkt() if geobox.crs else None,
        transform=geobox.affine,
        compress="DEFLATE",
        interleave="band",
        **tiled,
        **profile,
    )


@contextlib.contextmanager
def _driver_errors(path: Path) -> Iterator[None]:
    """Turn what the driver raises into an OutputError."""
    try:
        yield
    except (RasterioError, SystemError) as error:
        raise output_error(path, error) from error
