"""`obriy compare water FOLDER --sweep INDEX`: the area of a season against the threshold.

Document D chose 0.05 for a season by its eye; here every threshold gives its S = Σ Sᵢωᵢ, dates
weighed by the share of the district that was seen.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.errors import EmptyResultError, InputError, UsageError
from obriy.indices.catalogue import Index, get_index
from obriy.measures.areas import measure_areas
from obriy.measures.sweep import sweep_area
from obriy.measures.totals import total_on
from obriy.methods.index_threshold import THRESHOLD_SPREAD
from obriy.model.grid import geobox_of
from obriy.model.item import Item
from obriy.model.layers import LAYERS
from obriy.model.notices import notice, reason_of
from obriy.model.provenance import hrefs_of
from obriy.model.result.tables import SeasonComparison, SeasonRow, Sweep
from obriy.model.scene import band_names, provenance_of
from obriy.outputs.report import comparison
from obriy.outputs.tables import write_rows
from obriy.render.water_comparison import season_sweep_figure
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.workflows.compare.rows import lost_of, rows_of
from obriy.workflows.compare.sweep import checked_indices, ladder_of, steps_of
from obriy.workflows.config.base import make_config
from obriy.workflows.config.water import WaterCompareConfig, WaterConfig
from obriy.workflows.inputs import OpenedItem
from obriy.workflows.passes import open_layer
from obriy.workflows.products import RunFiles
from obriy.workflows.run import Run, command_of, finish, places_of, run_folder
from obriy.workflows.water.inputs import SeriesInputs, read_inputs
from obriy.workflows.water.mapping import map_waters_to_files, open_map

_OWN: Final = {"job", "methods", "sweep"}

FloatArray = npt.NDArray[np.float64]


def run_season_sweep(
    config: WaterCompareConfig, items: Sequence[Item], options: EngineOptions
) -> Run:
    """Measure the area of a season at every threshold of one or several indices.

    Args:
        config: Anchored.
        items: The images, in the order of time.
        options: Progress, threads, memory.

    Raises:
        UsageError: methods to compare, a reference, or no index to sweep.
    """
    if config.methods or config.reference or not config.sweep:
        raise UsageError(
            f"{config.source} holds images of several dates: of a season thresholds are compared.",
            "Give --sweep ndwi alone; or compare methods on one of the images.",
        )
    given = {k: v for k, v in config.model_dump(exclude=_OWN).items() if v is not None}
    given["method"] = _usual(get_index(config.sweep[0]))  # its bands are all that must be there
    inputs = read_inputs(make_config(WaterConfig, given), items)
    swept = checked_indices(config.sweep, set(band_names(inputs.part)))
    with run_folder(config) as folder:
        return _Season(config, inputs, swept, folder, options).carried_out()


def _usual(index: Index) -> str:
    """Return the method whose map says what was seen: the published threshold, else zero."""
    return f"{index.name.lower()}:{index.threshold or 0.0:g}"


@dataclasses.dataclass(frozen=True)
class _Season:
    """The dates, and the folder in which their indices are kept."""

    config: WaterCompareConfig
    inputs: SeriesInputs
    swept: Sequence[Index]
    folder: RunFolder
    options: EngineOptions

    def carried_out(self) -> Run:
        """Keep the indices of every date, measure at every threshold, weigh, draw and report."""
        rows = rows_of(self.inputs.opened, self._row, self.options)
        good = [row for row in rows if row["curves"]]
        if not good:
            raise EmptyResultError(
                f"Nothing could be measured on any date: {rows[0]['reason']}",
                "Take other dates; or map without the quality band (--clouds none).",
            )
        seen = np.array([row["seen_km2"] for row in good])
        weights = seen / seen.sum()
        for row, weight in zip(good, weights, strict=True):
            row["weight"] = float(weight)
        sweeps = [self._sweep(index, good, weights) for index in self.swept]
        result = SeasonComparison(
            rows=[SeasonRow(**{k: v for k, v in row.items() if k != "curves"}) for row in rows],
            failed=lost_of(rows, "date"),
            reference=None,
            sweeps=[Sweep(**{k: v for k, v in one.items() if k != "table"}) for one in sweeps],
            command=command_of(self.config),
            provenance=provenance_of(self.inputs.part),
        )
        result = result.with_outputs(self._write(sweeps, result))
        return finish(self.config, self.folder, result)

    def _row(self, opened: OpenedItem) -> dict[str, Any]:
        """Return what one date gives; one that fails, or shows nothing, is listed."""
        row: dict[str, Any] = {
            "date": opened.name, "seen_km2": None, "weight": None, "status": "failed",
            "reason": opened.reason, "curves": {},
        }  # fmt: skip
        if opened.scene is None or opened.part is None:
            return row
        read = [*hrefs_of(provenance_of(opened.scene)), *places_of(self.config)]
        try:
            done = self.folder.step(
                f"indices {opened.name}", lambda: self._map(opened), fingerprint(read)
            )
        except EmptyResultError as error:
            return row | {"status": "skipped", "reason": reason_of(error)}
        except InputError as error:
            return row | {"reason": reason_of(error)}
        size = self.config.resolution if geobox_of(opened.part).crs is None else None
        curves = {}
        for index in self.swept:
            ladder = ladder_of(index)
            file = self.folder.file(done.outputs[LAYERS["index"].output(index.name)])
            steps = steps_of(open_layer(file, opened.part, LAYERS["index"]), ladder)
            curves[index.name] = sweep_area(steps, ladder, self.inputs.districts, size)
        seen = self._seen(opened.part, done, size)
        if not seen:
            return row | {"status": "skipped", "reason": notice("districts_unseen")}
        broken = done.found["failed"]
        told = {"status": "partial", "reason": broken[0]["reason"]} if broken else {"status": "ok"}
        return row | {"seen_km2": seen, "reason": "", "curves": curves} | told

    def _seen(self, part: xr.Dataset, done: StepRecord, size: float | None) -> float:
        """Return what a map at the usual threshold saw of the districts together, km²."""
        water = open_map(self.folder.path, done.outputs, part, done.found)
        areas = measure_areas(water, "water", self.inputs.districts, pixel_size_m=size)
        total = total_on(areas, water.time)
        return 0.0 if total is None else total.district_km2 * (1 - total.unseen_share)

    def _map(self, opened: OpenedItem) -> StepRecord:
        place = f"maps/{opened.name}"
        self.folder.file(place).mkdir(parents=True, exist_ok=True)
        assert opened.scene is not None
        made = map_waters_to_files(
            opened.scene,
            [(_usual(self.swept[0]), self.folder.file(place))],
            {index.name: self.folder.file(place) for index in self.swept},
            part=opened.part if self.inputs.districts else None,
            clouds=self.config.clouds,
            options=dataclasses.replace(self.options, progress=None),
            lang=self.config.lang,
        )
        files = {name: f"{place}/{file}" for written, _ in made for name, file in written.items()}
        return StepRecord(files, made[0][1])

    def _sweep(
        self, index: Index, rows: Sequence[Mapping[str, Any]], weights: FloatArray
    ) -> dict[str, Any]:
        """Return S at every threshold of an index, and the curve of each date."""
        ladder = ladder_of(index)
        dates = {row["date"]: row["curves"][index.name] for row in rows}
        season = np.tensordot(weights, np.array(list(dates.values())), axes=1)
        # As of one image: the areas of thresholds that are as good.
        low, high = ladder.around(season, THRESHOLD_SPREAD * (index.high - index.low))
        table = {"threshold": ladder.thresholds, "area_km2": season}
        table |= {"low_km2": low, "high_km2": high}
        known = index.threshold
        marks = {} if known is None else {"published": known}
        return {
            "index": index.name, "formula": index.formula.text, "published": known,
            "table": table | dates,
            "at": {
                mark: {name: ladder.at(value, column) for name, column in table.items()}
                | {"threshold": value}
                for mark, value in marks.items()
            },
        }  # fmt: skip

    def _write(
        self, sweeps: Sequence[Mapping[str, Any]], result: SeasonComparison
    ) -> dict[str, Path]:
        """Write tables, figures and report; return their paths by name."""
        run, figures = RunFiles(self.config, self.folder, self.inputs.districts), {}
        for sweep in sweeps:
            name, table = f"sweep_{sweep['index'].lower()}", sweep["table"]
            rows = ([round(float(v), 6) for v in row] for row in zip(*table.values(), strict=True))
            run.files[name] = write_rows(self.folder.file(f"{name}.csv"), list(table), rows)
            figures[f"sweep {sweep['index']}"] = season_sweep_figure(sweep, self.config.lang)
        pictures = {name: f"{name.replace(' ', '_').lower()}_picture" for name in figures}
        run.report(result, figures, pictures, comparison.season)
        return run.files
