"""Quality bands (SCL, Fmask, BQA, QA_PIXEL) to the ``flags`` of a Scene, block by block."""

import dataclasses
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox
from xarray.backends import BackendArray
from xarray.core import indexing

from obriy.blocks.computed import computed_variable
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.model.flags import FLAG_ATTRS, Flag
from obriy.model.grid import geobox_of
from obriy.sources.reading import FileBand, masks_in_file, sample
from obriy.tables import load_toml

BITS = 16
_BEFORE: Final = {"bqa": ("bqa_c1", 1 << 13), "qa_pixel": ("pixel_qa", 1 << 11)}
"""By quality band, the table that it follows too, and the limit below which its numbers then lie.
BQA of Collection 1 uses bits 0 to 12; before, bits 12 to 15 held the confidence of cloud and
cirrus, of which at least one is set in every pixel that is no fill. ``pixel_qa`` of Collection 1
uses bits 0 to 10; where Collection 2 is called so, it holds the confidence of snow in bits 12 and
13, of which at least one is set likewise."""


def flags_variable(band: FileBand, kind: str, geobox: GeoBox) -> xr.Variable:
    """Return a quality band as flags, lazily.

    Args:
        band: The quality band.
        kind: A table of ``tables/quality.toml``, e.g. ``"scl"``.
        geobox: The grid wanted; classes are resampled to the nearest.

    Returns:
        (y, x) uint16, bits of `obriy.model.flags.Flag`; NO_DATA where the band does not reach.
    """
    table = load_toml("quality")[kind]
    places = sorted({rule.get("band", band.index) for rule in table["rules"]})
    layers = [_layer(dataclasses.replace(band, index=i), kind, geobox) for i in places]
    if len(layers) == 1:
        return layers[0]

    def joined(rows: slice, columns: slice) -> npt.NDArray[np.uint16]:
        read = [layer[rows, columns].to_numpy() for layer in layers]
        return np.asarray(np.bitwise_or.reduce(read), "uint16")

    flags = computed_variable(joined, geobox, "uint16")
    flags.attrs, flags.encoding = dict(FLAG_ATTRS), layers[0].encoding
    return flags


def _layer(band: FileBand, kind: str, geobox: GeoBox) -> xr.Variable:
    """Return the flags that one band of a file tells."""
    fill = int(load_toml("quality")[kind]["fill"])
    raster = RasterBand(
        band.path,
        band.index,
        resampling="nearest",
        dtype="uint16",
        fill=fill,
        grid=band.grid,
        masks=masks_in_file(band),
    )
    numbers = lazy_variable(raster, geobox)
    array = indexing.LazilyIndexedArray(_FlagArray(numbers, lookup_table(kind, band.index)))
    return xr.Variable(("y", "x"), array, FLAG_ATTRS, numbers.encoding)


def without_clouds(scene: xr.Dataset) -> xr.Dataset:
    """Return a scene whose flags say nothing of clouds, lazily; land and no data stay."""
    if "flags" not in scene:
        return scene
    own = scene["flags"].variable
    kept = ~np.uint16(Flag.CLOUD | Flag.CIRRUS | Flag.CLOUD_SHADOW)

    def read(rows: slice, columns: slice) -> npt.NDArray[np.uint16]:
        return np.asarray(own[rows, columns].values & kept, "uint16")

    flags = computed_variable(read, geobox_of(scene), "uint16")
    flags.attrs = dict(FLAG_ATTRS)
    return scene.assign(flags=flags)


def kind_of(band: FileBand, name: str) -> str:
    """Return which table a quality band follows: Landsat changed its bits with its collections.

    Args:
        band: The quality band.
        name: ``scl``, ``fmask``, ``bqa`` or ``qa_pixel``.
    """
    if name not in _BEFORE or (name == "qa_pixel" and not _is_called_pixel_qa(band)):
        return name
    before, limit = _BEFORE[name]
    values = sample(band, (0.0, 1.0))
    return before if len(values) and values.max() < limit else name


def _is_called_pixel_qa(band: FileBand) -> bool:
    """Say whether a file calls its band as Collection 1 did: in Collection 2 it is QA_PIXEL."""
    called = " ".join((*band.names, band.file)).lower()
    return "pixel_qa" in called or "pixelqa" in called


def lookup_table(kind: str, index: int = 1) -> npt.NDArray[np.uint16]:
    """Return the flags of every possible number of a quality band, (65536,) uint16.

    Args:
        kind: A table of ``tables/quality.toml``.
        index: Which band of its file, where several tell of different things.
    """
    numbers = np.arange(1 << BITS, dtype="uint32")
    flags = np.zeros(1 << BITS, "uint16")
    for rule in load_toml("quality")[kind]["rules"]:
        if rule.get("band", index) != index:
            continue
        mask = (1 << (rule["last"] - rule["first"] + 1)) - 1
        field = (numbers >> rule["first"]) & mask
        flags[np.isin(field, rule["values"])] |= np.uint16(Flag[rule["flag"]].value)
    fill = load_toml("quality")[kind]["fill"]
    flags[fill] = Flag.NO_DATA.value
    return flags


def warnings_of(kind: str) -> tuple[str, ...]:
    """Return what a quality band of that kind cannot tell, for the reader of a map."""
    if any(rule["flag"] == Flag.CLOUD_SHADOW.name for rule in load_toml("quality")[kind]["rules"]):
        return ()
    return (
        f"The quality band ({kind}) has no shadow information: shadows of clouds may be mapped "
        "as water.",
    )


def describe(kind: str, band: FileBand) -> dict[str, Any]:
    """Return what was made of a quality band, for the record."""
    table = load_toml("quality")[kind]
    return {
        "band": band.file,
        "table": kind,
        "source": table["source"],
        "flags": sorted({rule["flag"].lower() for rule in table["rules"]}),
    }


@dataclasses.dataclass(eq=False)
class _FlagArray(BackendArray):  # type: ignore[misc]
    """Numbers of a quality band, looked up in a table when they are read."""

    numbers: xr.Variable
    table: npt.NDArray[np.uint16]

    def __post_init__(self) -> None:
        self.shape = self.numbers.shape
        self.dtype = np.dtype("uint16")

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return found

    def _read(self, key: tuple[int | slice, ...]) -> npt.NDArray[Any]:
        numbers = self.numbers[key].to_numpy()
        return np.asarray(self.table.take(numbers), "uint16")
