"""`obriy measure`: areas, and what changed, from class maps that somebody else made."""

import dataclasses
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from obriy.errors import InputError, OutputError, UsageError
from obriy.measures.areas import measure_areas
from obriy.measures.change import measure_change
from obriy.measures.occurrence import require_one_grid
from obriy.model.areas import Area, AreaSeries, District
from obriy.model.change import WaterChange
from obriy.model.classmap import ClassMap
from obriy.model.provenance import Provenance
from obriy.model.result.measured import MeasuredMap as MapRow
from obriy.model.result.measured import MeasureResult
from obriy.outputs.files import output_errors, write_text
from obriy.outputs.tables import write_areas
from obriy.registry import did_you_mean
from obriy.runs.folder import CONFIG
from obriy.sources.class_map import open_class_map
from obriy.sources.dates import date_of
from obriy.sources.districts import read_districts

AREAS: Final = "areas.csv"
RESULT: Final = "result.json"
_NO_INTERVAL: Final = (
    "The maps do not say how sure they are, so the areas have no interval; a labelled sample gives "
    "one (obriy sample)."
)


@dataclasses.dataclass(frozen=True)
class MeasuredMap:
    """The areas of one map.

    Attributes:
        file: The map.
        name: What it is called: the name of its file, with folders where another is called alike.
        series: Areas by district, whole pixels; without an interval.
        notes: How its codes were read.
    """

    file: Path
    name: str
    series: AreaSeries
    notes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class MeasuredMaps:
    """Areas of maps, and what changed between the first and the last.

    Attributes:
        class_name: The class.
        maps: In the order of time; as they were given where one has no date.
        change: From the first to the last; None: not asked for.
        notes: What the user should know.
    """

    class_name: str
    maps: tuple[MeasuredMap, ...]
    change: WaterChange | None
    notes: tuple[str, ...]

    def series(self) -> AreaSeries:
        """Return all areas as one series."""
        return AreaSeries(
            self.class_name,
            areas=tuple(area for one in self.maps for area in one.series.areas),
            together=tuple(area for one in self.maps for area in one.series.together),
        )

    def result(self) -> MeasureResult:
        """Return what stands in ``result.json``."""
        return MeasureResult(
            class_name=self.class_name,
            maps=[
                MapRow(
                    file=str(one.file),
                    map=one.name,
                    date=one.series.areas[0].date,
                    areas=list(one.series.areas),
                    together=list(one.series.together),
                    notes=list(one.notes),
                )
                for one in self.maps
            ],
            change=self.change,
            notes=list(self.notes),
            provenance=Provenance(tuple({"href": str(one.file)} for one in self.maps)),
        )


def measure_maps(
    files: Sequence[Path | str],
    *,
    aoi: str | None = None,
    layer: str | None = None,
    codes: str | None = None,
    class_name: str = "water",
    change: bool = False,
    pixel_size_m: float | None = None,
) -> MeasuredMaps:
    """Measure a class in finished maps, on the ellipsoid, inside districts.

    Args:
        files: Rasters of class codes, of any grid each; on one grid where change is asked for.
        aoi: Districts, as for `obriy.sources.districts.read_districts`; None: the whole maps.
        layer: Which layer of the file of districts; None: found out.
        codes: What the codes are, as in `obriy.sources.class_map.open_class_map`; None: by the
            legend or values in each file.
        class_name: The class.
        change: Whether to compare the first map with the last.
        pixel_size_m: Side of a pixel in metres, for maps with no CRS.

    Raises:
        UsageError: a map twice, or a change of one map.
        InputError: what the codes mean is not clear, or two maps of one date.
        UnknownNameError: a class that a map does not have.
        GridError: maps of several grids whose change is asked for; no CRS where one is needed.
        GeometryError: no district meets a map.
    """
    paths = [Path(file).expanduser() for file in files]
    if len({path.resolve() for path in paths}) < len(paths):
        raise UsageError("A map is named twice.", "Name each once.")
    if change and len(paths) < 2:
        raise UsageError("--change compares two maps, and one is named.", "Name both.")
    districts = read_districts(aoi, layer) if aoi else []
    maps = _in_time([(path, _opened(path, codes, class_name)) for path in paths])
    first, last = maps[0][1], maps[-1][1]
    if change:  # before the work
        require_one_grid([first, last])
    names = _names([path for path, _ in maps])
    measured = tuple(
        MeasuredMap(path, name, _measured(m, class_name, districts, pixel_size_m), _notes(m))
        for name, (path, m) in zip(names, maps, strict=True)
    )
    compared = None
    if change:
        compared = measure_change([first], [last], class_name, districts, pixel_size_m=pixel_size_m)
    notes = (*(note for district in districts for note in district.notes), _NO_INTERVAL)
    return MeasuredMaps(class_name, measured, compared, notes)


def write_measured(measured: MeasuredMaps, folder: Path) -> dict[str, Path]:
    """Write ``areas.csv`` and ``result.json`` into a folder; return them by name.

    Raises:
        OutputError: the folder is that of a run, or cannot be written.
    """
    if (folder / CONFIG).exists():
        raise OutputError(f"{folder} is the folder of a run.", "Name another one with --out.")
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    maps = [one.name for one in measured.maps for _ in one.series.areas]
    plain = json.dumps(measured.result().to_dict(), ensure_ascii=False, indent=2)
    return {
        "areas": write_areas(measured.series(), folder / AREAS, maps),
        "result": write_text(folder / RESULT, f"{plain}\n"),
    }


def _opened(path: Path, codes: str | None, class_name: str) -> ClassMap:
    opened = open_class_map(path, codes)
    known = [c.name for c in opened.legend]
    if class_name not in known:
        raise did_you_mean(f"class in {path.name}", class_name, known)
    return dataclasses.replace(opened, time=date_of([str(path)], {}))


def _in_time(maps: list[tuple[Path, ClassMap]]) -> list[tuple[Path, ClassMap]]:
    """Return maps in the order of time; as they are where one has no date."""
    days = [m.time for _, m in maps]
    if None in days:
        return maps
    twice = sorted({str(day) for day in days if days.count(day) > 1})
    if twice:
        raise InputError(
            f"There are two maps of {', '.join(twice)}.",
            "Measure tiles of one day apart, or put them together first (gdalbuildvrt).",
        )
    return sorted(maps, key=lambda item: str(item[1].time))


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the end of each path that no other has: the name of the file where that is enough."""

    def ends(path: Path) -> list[str]:
        return [Path(*path.parts[-n:]).as_posix() for n in range(1, len(path.parts) + 1)]

    met = Counter(end for path in paths for end in ends(path))
    return [next((e for e in ends(path) if met[e] == 1), str(path)) for path in paths]


def _measured(
    class_map: ClassMap,
    class_name: str,
    districts: Sequence[District],
    pixel_size_m: float | None,
) -> AreaSeries:
    found = measure_areas(class_map, class_name, districts, pixel_size_m=pixel_size_m)
    return dataclasses.replace(
        found,
        areas=tuple(map(_without_interval, found.areas)),
        together=tuple(map(_without_interval, found.together)),
    )


def _notes(class_map: ClassMap) -> tuple[str, ...]:
    steps = class_map.provenance.steps
    return tuple(str(note) for step in steps for note in step.get("notes", ()))


def _without_interval(area: Area) -> Area:
    """Return an area as the map has it: what it may miss was learnt on maps of our own methods."""
    return dataclasses.replace(area, interval_km2=None, uncertainty={})
