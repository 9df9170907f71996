"""Quality bands (SCL, Fmask, BQA, QA_PIXEL) to the ``flags`` of a Scene, block by block."""

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox
from xarray.backends import BackendArray
from xarray.core import indexing

from obriy.blocks.computed import computed_variable
from obriy.blocks.decoding import DECODING
from obriy.blocks.raster import RasterBand, lazy_variable
from obriy.model.bands import CLASSES
from obriy.model.flags import BY_USER, CLOUDS_STEP, FLAG_ATTRS, Flag
from obriy.model.grid import geobox_of
from obriy.model.notices import notice
from obriy.model.scene import provenance_of
from obriy.sources.reading import FileBand, masks_in_file, sample
from obriy.tables import load_toml

BITS = 16
_BEFORE: Final = {"bqa": ("bqa_c1", 1 << 13), "qa_pixel": ("pixel_qa", 1 << 11)}
"""By quality band, the table that it follows too, and the limit below which its numbers then lie.
BQA of Collection 1 uses bits 0 to 12; before, bits 12 to 15 held the confidence of cloud and
cirrus, of which at least one is set in every pixel that is no fill. ``pixel_qa`` of Collection 1
uses bits 0 to 10; where Collection 2 is called so, it holds the confidence of snow in bits 12 and
13, of which at least one is set likewise."""


def chosen(quality: Mapping[str, FileBand]) -> dict[str, FileBand]:
    """Return the quality bands that are read, by the table that each follows.

    The first that tells of clouds, then those that add to it; none where none tells of clouds.

    Args:
        quality: Quality bands by name.
    """
    first = next((name for name in quality if name in CLASSES), None)
    if first is None:
        return {}
    kind = kind_of(quality[first], first)
    beside = load_toml("quality")[kind].get("beside", ())
    return {kind: quality[first], **{name: quality[name] for name in beside if name in quality}}


def flags_variable(bands: Mapping[str, FileBand], geobox: GeoBox) -> xr.Variable:
    """Return quality bands as flags, lazily.

    Args:
        bands: Quality bands by their table of ``tables/quality.toml``, e.g. ``"scl"``.
        geobox: The grid wanted; classes are resampled to the nearest.

    Returns:
        (y, x) uint16, bits of `obriy.model.flags.Flag`; NO_DATA where the first does not reach.
    """
    layers = [
        (dataclasses.replace(band, index=index), kind)
        for kind, band in bands.items()
        for index in _places(kind, band)
    ]
    numbers = [_numbers(band, kind, geobox) for band, kind in layers]
    tables = tuple(lookup_table(kind, band.index) for band, kind in layers)
    array = indexing.LazilyIndexedArray(_FlagArray(tuple(numbers), tables))
    path, _ = numbers[0].encoding[DECODING]
    together = sum(variable.encoding[DECODING][1] for variable in numbers)
    encoding = {**numbers[0].encoding, DECODING: (path, together)}
    return xr.Variable(("y", "x"), array, FLAG_ATTRS, encoding)


def _places(kind: str, band: FileBand) -> list[int]:
    """Return the bands of its file that tell something, by a table."""
    return sorted({rule.get("band", band.index) for rule in load_toml("quality")[kind]["rules"]})


def _numbers(band: FileBand, kind: str, geobox: GeoBox) -> xr.Variable:
    raster = RasterBand(
        band.path,
        band.index,
        resampling="nearest",
        dtype="uint16",
        fill=int(load_toml("quality")[kind].get("fill", 0)),
        grid=band.grid,
        network=band.network,
        masks=masks_in_file(band),
    )
    return lazy_variable(raster, geobox)


def without_clouds(scene: xr.Dataset) -> xr.Dataset:
    """Return a scene whose flags say nothing of clouds, lazily; land and no data stay.

    Its record says that the user takes the sky for clear.
    """
    record = provenance_of(scene).with_step(CLOUDS_STEP, by=BY_USER)
    scene = scene.assign_attrs(provenance=record)
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
    fill = load_toml("quality")[kind].get("fill")
    if fill is not None:
        flags[fill] = Flag.NO_DATA.value
    return flags


def warnings_of(kinds: Iterable[str]) -> tuple[str, ...]:
    """Return what quality bands of those kinds cannot tell, for the reader of a map."""
    kinds = list(kinds)
    rules = [rule for kind in kinds for rule in load_toml("quality")[kind]["rules"]]
    if any(rule["flag"] == Flag.CLOUD_SHADOW.name for rule in rules):
        return ()
    return (notice("no_shadow_information", kind=kinds[0]),)


def describe(bands: Mapping[str, FileBand]) -> dict[str, Any]:
    """Return what was made of quality bands, for the record; the first leads."""
    (kind, band), *others = bands.items()
    tables = [load_toml("quality")[kind] for kind in bands]
    beside = {"beside": {name: other.file for name, other in others}} if others else {}
    return {
        "band": band.file,
        "table": kind,
        "source": tables[0]["source"],
        "flags": sorted({rule["flag"].lower() for table in tables for rule in table["rules"]}),
        **beside,
    }


@dataclasses.dataclass(eq=False)
class _FlagArray(BackendArray):  # type: ignore[misc]
    """Numbers of quality bands, each looked up in its table when they are read; what any says."""

    numbers: tuple[xr.Variable, ...]
    tables: tuple[npt.NDArray[np.uint16], ...]

    def __post_init__(self) -> None:
        self.shape = self.numbers[0].shape
        self.dtype = np.dtype("uint16")

    def __getitem__(self, key: indexing.ExplicitIndexer) -> npt.NDArray[Any]:
        found: npt.NDArray[Any] = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return found

    def _read(self, key: tuple[int | slice, ...]) -> npt.NDArray[Any]:
        said = (
            table.take(numbers[key].to_numpy())
            for numbers, table in zip(self.numbers, self.tables, strict=True)
        )
        return np.asarray(functools.reduce(np.bitwise_or, said), "uint16")
