"""Dates of a series compared with each other: what contradicts the others is made unseen."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

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
from obriy.model.layers import LAYERS
from obriy.model.legend import NO_DATA
from obriy.model.notices import notice
from obriy.model.provenance import Provenance
from obriy.model.scene import is_reflectance, provenance_of
from obriy.prepare.clouds.mask import NO_BAND, UNKNOWN
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.dated import ImageMap, map_of, part_of
from obriy.workflows.passes import map_writers, pixel_m
from obriy.workflows.run import COMPARING, map_step
from obriy.workflows.water.mapping import open_map
from obriy.workflows.water.mapping import record as recorded

BANDS: Final = ("blue", "green", "red")
"""Bands in which clouds are looked for, the best first: fields change least in blue."""
COMPARED: Final = notice("only_other_dates_tell")


def compare_dates(
    images: Sequence[ImageMap],
    folder: RunFolder,
    *,
    pixel_size_m: float | None = None,
    lang: str = "en",
) -> list[ImageMap]:
    """Compare the maps of a series, and make unseen what contradicts the others.

    Beside the maps of a date that contradicts stand ``mask_compared.tif`` and
    ``unseen_compared.tif``; what is measured are those.

    Args:
        images: Of the series.
        folder: The run folder.
        pixel_size_m: Side of a pixel in metres, for maps with no CRS.
        lang: Language of the class names in the files.

    Returns:
        The images, with map, files and record as they are now; what contradicts stands in ``found``
        as ``doubted``.
    """
    used = [one for one in images if one.map is not None]
    band = _band_of(used)

    def work() -> StepRecord:
        if band is None:
            return StepRecord({}, {"band": None, "dates": {}})
        return _compared(used, band, folder.path, pixel_size_m=pixel_size_m, lang=lang)

    done = folder.step(COMPARING, work, after=[map_step(one.opened.name) for one in used])
    if done.found["band"] is None:
        return list(images)
    return [one if one.map is None else _told(one, done, folder) for one in images]


def _band_of(used: Sequence[ImageMap]) -> str | None:
    """Return the band to look at; None where dates cannot be compared."""
    scenes = [part_of(one) for one in used]
    if len(scenes) < LEAST_DATES or not all(is_reflectance(scene) for scene in scenes):
        return None
    return next((name for name in BANDS if all(name in scene for scene in scenes)), None)


def _compared(
    used: Sequence[ImageMap],
    band: str,
    folder: Path,
    *,
    pixel_size_m: float | None,
    lang: str,
) -> StepRecord:
    """Find what contradicts, and write the maps of those dates again."""
    scenes = [part_of(one) for one in used]

    def brightness(number: int, rows: slice, columns: slice) -> npt.NDArray[np.float32]:
        return np.asarray(read_around(scenes[number][band].variable, rows, columns)[0], np.float32)

    cell = cell_pixels(pixel_m(scenes[0]) or pixel_size_m)
    found = find_contradictions([map_of(one) for one in used], brightness, cell)
    files, facts = {}, {}
    for one, cells in zip(used, found, strict=True):
        if cells.any():
            date, place = one.opened.name, Path(one.files["mask"]).parent
            change = _Change(map_of(one), cells, cell, pixel_size_m)
            facts[date] = change.write(folder / place, lang)
            for name in ("mask", "unseen"):
                files[f"{name} {date}"] = str(place / f"{name}_compared.tif")
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
        layers = {f"{name}_compared": LAYERS[name] for name in ("mask", "unseen")}
        with map_writers(place, geobox, layers, self.map.provenance, lang) as writers:
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


def _told(image: ImageMap, done: StepRecord, folder: RunFolder) -> ImageMap:
    """Return an image with the files, map and record that it has after the comparison."""
    part, date = part_of(image), image.opened.name
    record = provenance_of(part)
    doubted = done.found["dates"].get(date)
    if clouds_known(record.step(CLOUDS_STEP)) == "unknown":
        record = _without(record, (UNKNOWN, NO_BAND)).with_step(CLOUDS_STEP, by=BY_OTHERS)
        record = record.with_warning(COMPARED)
    files = dict(image.files)
    if doubted:
        files |= {name: done.outputs[f"{name} {date}"] for name in ("mask", "unseen")}
        record = record.with_warning(notice("land_contradicted", area=doubted["km2"]))
    found = {**image.found, "doubted": doubted or {"pixels": 0, "km2": 0.0}}
    seen = open_map(folder.path, files, part, found) if doubted else map_of(image)
    told = dataclasses.replace(seen, provenance=recorded(record, found))
    return dataclasses.replace(image, map=told, files=files, found=found)


def _without(record: Provenance, warnings: Sequence[str]) -> Provenance:
    left = tuple(w for w in record.warnings if w not in warnings)
    return dataclasses.replace(record, warnings=left)
