"""Dates of a series compared with each other: what contradicts the others is made unseen."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.blocks.damage import read_around
from obriy.blocks.windows import windows
from obriy.measures.contradiction import (
    LEAST_DATES,
    cell_pixels,
    doubted_pixels,
    find_contradictions,
)
from obriy.measures.occurrence import read_window
from obriy.measures.pixel_area import pixel_area
from obriy.methods.index_threshold import WATER
from obriy.model.classmap import ClassMap
from obriy.model.flags import BY_OTHERS, CLOUDS_STEP, Unseen, clouds_known
from obriy.model.legend import NO_DATA
from obriy.model.provenance import Provenance
from obriy.model.scene import is_reflectance, provenance_of
from obriy.prepare.clouds.mask import NO_BAND, UNKNOWN
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.passes import map_writers, pixel_m
from obriy.workflows.run import COMPARING, map_step
from obriy.workflows.water.series_result import DateMap

BANDS: Final = ("blue", "green", "red")
"""Bands in which clouds are looked for, the best first: fields change least in blue."""
COMPARED: Final = (
    "Where clouds are only the other dates tell: what contradicts them under a bright sky is "
    "unseen. Clouds over what is seldom water are not found so."
)


def compare_dates(
    dates: Sequence[DateMap],
    maps: Mapping[str, ClassMap],
    folder: RunFolder,
    *,
    pixel_size_m: float | None = None,
    lang: str = "en",
) -> list[DateMap]:
    """Compare the maps of a series, and make unseen what contradicts the others.

    Beside the maps of a date that contradicts stand ``mask_compared.tif`` and
    ``unseen_compared.tif``; what is measured are those.

    Args:
        dates: Of the series.
        maps: Those that have a map.
        folder: The run folder.
        pixel_size_m: Side of a pixel in metres, for maps with no CRS.
        lang: Language of the class names in the files.

    Returns:
        The dates, with files and record as they are now.
    """
    used = [d for d in dates if d.date in maps]
    band = _band_of(used)

    def work() -> StepRecord:
        if band is None:
            return StepRecord({}, {"band": None, "dates": {}})
        return _compared(used, maps, band, folder.path, pixel_size_m=pixel_size_m, lang=lang)

    done = folder.step(COMPARING, work, after=[map_step(d.date) for d in used])
    if done.found["band"] is None:
        return list(dates)
    return [_told(d, done) if d.date in maps else d for d in dates]


def _band_of(used: Sequence[DateMap]) -> str | None:
    """Return the band to look at; None where dates cannot be compared."""
    scenes = [d.scene for d in used if d.scene is not None]
    if len(scenes) < LEAST_DATES or not all(is_reflectance(scene) for scene in scenes):
        return None
    return next((name for name in BANDS if all(name in scene for scene in scenes)), None)


def _compared(
    used: Sequence[DateMap],
    maps: Mapping[str, ClassMap],
    band: str,
    folder: Path,
    *,
    pixel_size_m: float | None,
    lang: str,
) -> StepRecord:
    """Find what contradicts, and write the maps of those dates again."""
    scenes = [d.scene for d in used if d.scene is not None]

    def brightness(number: int, rows: slice, columns: slice) -> npt.NDArray[np.float32]:
        return np.asarray(read_around(scenes[number][band].variable, rows, columns)[0], np.float32)

    cell = cell_pixels(pixel_m(scenes[0]) or pixel_size_m)
    found = find_contradictions([maps[d.date] for d in used], brightness, cell)
    files, facts = {}, {}
    for date, cells in zip(used, found, strict=True):
        if cells.any():
            place = Path(date.files["mask"]).parent
            change = _Change(maps[date.date], cells, cell, pixel_size_m)
            facts[date.date] = change.write(folder / place, lang)
            for name in ("mask", "unseen"):
                files[f"{name} {date.date}"] = str(place / f"{name}_compared.tif")
    return StepRecord(files, {"band": band, "cell_pixels": cell, "dates": facts})


@dataclasses.dataclass(frozen=True)
class _Change:
    """A map, and the cells in which it is doubted."""

    map: ClassMap
    cells: npt.NDArray[np.bool_]
    cell: int
    pixel_size_m: float | None

    def write(self, place: Path, lang: str) -> dict[str, Any]:
        """Write mask and reasons again; return how much was doubted, pixels and km²."""
        pixels, metres = 0, 0.0
        geobox, unseen = self.map.geobox, self.map.unseen
        assert unseen is not None
        contents: dict[str, Any] = {
            "mask_compared": self.map.legend,
            "unseen_compared": "unseen",
        }
        with map_writers(place, geobox, contents, self.map.provenance, lang) as writers:
            for rows, columns in windows(self.map.labels.shape):
                labels = read_window(self.map.labels, rows, columns)
                reasons = read_window(unseen, rows, columns)
                doubted = doubted_pixels(self.cells, self.cell, labels, (rows, columns), WATER)
                area = pixel_area(geobox[rows, columns], pixel_size_m=self.pixel_size_m)
                pixels += int(doubted.sum())
                metres += float(area[doubted].sum())
                labels = np.where(doubted, np.uint8(NO_DATA), labels)
                reasons = np.where(doubted, np.uint8(Unseen.CLOUD), reasons)
                writers["mask_compared"].write(rows, columns, labels)
                writers["unseen_compared"].write(rows, columns, reasons)
        return {"pixels": pixels, "km2": metres / 1e6}


def _told(date: DateMap, done: StepRecord) -> DateMap:
    """Return a date with the files and the record that it has after the comparison."""
    assert date.scene is not None
    record = provenance_of(date.scene)
    doubted = done.found["dates"].get(date.date)
    if clouds_known(record.step(CLOUDS_STEP)) == "unknown":
        record = _without(record, (UNKNOWN, NO_BAND)).with_step(CLOUDS_STEP, by=BY_OTHERS)
        record = record.with_warning(COMPARED)
    files = dict(date.files)
    if doubted:
        files |= {name: done.outputs[f"{name} {date.date}"] for name in ("mask", "unseen")}
        record = record.with_warning(
            f"What it calls land is unseen on {doubted['km2']:.4g} km²: other dates have water "
            "there, and the sky was bright."
        )
    scene: xr.Dataset = date.scene.assign_attrs(provenance=record)
    doubt = doubted or {"pixels": 0, "km2": 0.0}
    return dataclasses.replace(date, scene=scene, files=files, doubted=doubt)


def _without(record: Provenance, warnings: Sequence[str]) -> Provenance:
    left = tuple(w for w in record.warnings if w not in warnings)
    return dataclasses.replace(record, warnings=left)
