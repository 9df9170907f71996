"""One image asked for in more and more requests: document D's table 1.

A service gives so many pixels a request; more requests are finer pixels, and cost more. How fine is
fine enough for the area is what the rows show.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

from obriy.blocks.engine import EngineOptions
from obriy.errors import EmptyResultError, UsageError
from obriy.measures.totals import total_on
from obriy.methods.expression import parse_method
from obriy.model.provenance import Provenance, hrefs_of
from obriy.model.result.tables import SplitComparison, SplitRow
from obriy.model.scene import band_names, provenance_of
from obriy.outputs.report import comparison
from obriy.render.water_comparison import splits_figure
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import FAR, RunFolder, StepRecord
from obriy.tables.sensor import load_sensor
from obriy.workflows.compare.rows import lost_of, rows_of, tried, write_comparison
from obriy.workflows.config.water import WaterCompareConfig
from obriy.workflows.inputs import Inputs, find_images, read_image
from obriy.workflows.products import RunFiles
from obriy.workflows.run import Run, command_of, finish, places_of, run_folder
from obriy.workflows.water.image import measure_image
from obriy.workflows.water.mapping import map_water_to_files, open_map

COLUMNS: Final = tuple(SplitRow.model_fields)
"""Of ``comparison.csv``."""


def run_splits(config: WaterCompareConfig, options: EngineOptions) -> Run:
    """Map one image by one method, in each way that it is to be cut into requests.

    Args:
        config: Anchored.
        options: Progress, threads, memory.

    Raises:
        UsageError: several methods, or what only a comparison of methods has.
        ObriyError: of the kind that fits, where nothing could be mapped.
    """
    if len(config.methods) > 1 or config.sweep or config.reference:
        raise UsageError(
            "--tiles compares sizes of pixels, of one method and without a reference.",
            "Name one of --methods, and leave --sweep and --reference away.",
        )
    with run_folder(config) as folder:
        return _Bench(config, folder, options).carried_out()


@dataclasses.dataclass
class _Bench:
    """The ways to cut, and the images that come of them.

    ``records`` are those of the images that could be opened, ``dates`` theirs.
    """

    config: WaterCompareConfig
    folder: RunFolder
    options: EngineOptions
    records: list[Provenance] = dataclasses.field(default_factory=list)
    dates: list[str | None] = dataclasses.field(default_factory=list)
    sensors: list[str] = dataclasses.field(default_factory=list)

    @property
    def method(self) -> str:
        """How water is told."""
        return (self.config.methods or ["auto"])[0]

    def carried_out(self) -> Run:
        """Map, measure, draw and report."""
        rows = rows_of(self.config.tiles, self._row, self.options)
        if all(row["area_km2"] is None for row in rows):
            raise EmptyResultError(
                f"Nothing could be measured: {rows[0]['reason']}", "Take another day."
            )
        warnings = tuple(dict.fromkeys(w for record in self.records for w in record.warnings))
        result = SplitComparison(
            method=self.method,
            date=self.dates[0],
            sensor_m=load_sensor(self.sensors[0]).resolution,
            rows=[SplitRow(**row) for row in rows],
            failed=lost_of(rows, "split"),
            command=command_of(self.config),
            provenance=dataclasses.replace(self.records[0], warnings=warnings),
        )
        return finish(self.config, self.folder, result.with_outputs(self._write(rows, result)))

    def _row(self, split: str) -> dict[str, Any]:
        row = dict.fromkeys(COLUMNS) | {"split": split}
        found = tried(row, lambda: self._measured(split))
        return found | ({"status": "partial"} if found["reason"] else {})

    def _measured(self, split: str) -> dict[str, Any]:
        """Return what an image says that is cut in one way."""
        config = self.config.model_copy(update={"tiles": [split]})
        inputs = read_image(config, find_images(config, config.datetime, 1), self.options)
        record = provenance_of(inputs.scene)
        parse_method(self.method).bands(set(band_names(inputs.scene)))
        read = fingerprint([*hrefs_of(record), *places_of(config)])
        done = self.folder.step(
            f"map {split}", lambda: self._mapped(split, inputs), read | {FAR: True}
        )
        water = open_map(self.folder.path, done.outputs, inputs.part, done.found)
        areas = measure_image(water, inputs.districts, config)
        total = None if areas is None else total_on(areas, water.time)
        self.records.append(record)
        self.dates.append(water.time)
        self.sensors.append(str(inputs.scene.attrs["sensor"]))
        asked = record.step("requests") or {}
        low, high = (total and total.interval_km2) or (None, None)
        return {
            **{name: asked.get(name) for name in ("pixel_m", "requests", "processing_units")},
            "area_km2": total and total.area_km2,
            "expected_km2": total and total.expected_km2,
            "low_km2": low,
            "high_km2": high,
            "unseen_share": total and total.unseen_share,
            "reason": done.found["failed"][0]["reason"] if done.found["failed"] else "",
        }

    def _mapped(self, split: str, inputs: Inputs) -> StepRecord:
        place = f"maps/{split}"
        self.folder.file(place).mkdir(parents=True, exist_ok=True)
        files, found = map_water_to_files(
            inputs.scene,
            self.method,
            self.folder.file(place),
            part=inputs.part if inputs.districts else None,
            clouds=self.config.clouds,
            options=dataclasses.replace(self.options, progress=None),
            lang=self.config.lang,
        )
        return StepRecord({name: f"{place}/{file}" for name, file in files.items()}, found)

    def _write(self, rows: Sequence[Mapping[str, Any]], result: SplitComparison) -> dict[str, Any]:
        """Write table, figure and report; return their paths by name."""
        run = RunFiles(self.config, self.folder)
        run.files |= write_comparison(self.folder, COLUMNS, rows)  # type: ignore[arg-type]
        figures = {"splits": splits_figure(rows, result.sensor_m, self.config.lang)}
        run.report(result, figures, {"splits": "figure"}, comparison.splits)
        return run.files
