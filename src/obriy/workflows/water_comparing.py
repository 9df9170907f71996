"""`obriy compare water`: methods side by side on one scene, and what every threshold would give."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr

from obriy.blocks.computed import computed_labels
from obriy.blocks.engine import EngineOptions
from obriy.errors import UsageError
from obriy.indices.catalogue import Index, get_index, water_indices
from obriy.measures.sweep import sweep_area
from obriy.measures.totals import total_on
from obriy.methods.expression import parse_method
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.ladder import Ladder
from obriy.model.provenance import hrefs_of
from obriy.model.reference import Reference
from obriy.model.scene import band_names, provenance_of
from obriy.model.scores import Scores
from obriy.outputs.comparison_report import ComparisonReport, write_comparison_report
from obriy.outputs.files import write_bytes
from obriy.outputs.layers import INDEX_FILE
from obriy.outputs.report_view import source_title
from obriy.outputs.tables import write_rows
from obriy.render.figures import to_png, to_svg
from obriy.render.text import text_of
from obriy.render.water_comparison import area_figure, masks_figure, scores_figure, sweep_figure
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.validation.comparison import compare
from obriy.validation.sweep import SCORES, sweep_agreement
from obriy.workflows.config import WaterCompareConfig
from obriy.workflows.evaluation import evaluate
from obriy.workflows.image import Inputs, inputs_of, measure_image, reference_of
from obriy.workflows.mapping import map_waters_to_files, open_map
from obriy.workflows.passes import open_layer
from obriy.workflows.run import Run, command_of, finish, places_of, run_folder

USUAL: Final = ("NDWI", "MNDWI", "AWEIsh", "AWEInsh")
"""Indices whose Otsu masks are compared where nobody names methods: those of document C."""
COLUMNS: Final = (
    "method", "area_km2", "expected_km2", "low_km2", "high_km2", "threshold",
    *(f"{score}{end}" for score in SCORES for end in ("", "_low", "_high")), "status", "reason",
)  # fmt: skip
"""Columns of ``comparison.csv``: areas, and scores (of water: the last four) with intervals."""
SWEEP_COLUMNS: Final = ("threshold", "area_km2", *SCORES)
_OF_MAP: Final = ("overall_accuracy", "kappa")


def run_water_comparison(config: WaterCompareConfig, options: EngineOptions | None = None) -> Run:
    """Map one scene by several methods in one reading, measure and score every map.

    Args:
        config: What to compare, and against what; without a reference areas alone are compared.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        UsageError: methods that are none, or are named twice; an index to sweep that is none.
        BandError: where the scene lacks what a method named needs.
    """
    config = config.anchored()
    inputs = inputs_of(config, options)
    options = dataclasses.replace(
        options or EngineOptions(), workers=config.workers, max_ram_gb=config.max_ram
    )
    methods, swept = _asked(config, set(band_names(inputs.scene)))
    reference = reference_of(inputs, config, options)
    placed = geobox_of(inputs.part).crs is not None or config.resolution is not None
    if swept and reference is None and not placed:
        raise UsageError(
            "There is nothing to sweep a threshold for: the image has no CRS, hence no area, and "
            "there is no reference.",
            "Give --resolution METRES, or --reference FILE.",
        )
    work = _Work(config, inputs, methods, swept, options)
    with run_folder(config) as folder:
        mapped = folder.step("maps", lambda: work.carried_out(folder), work.read())
        return _Bench(config, inputs, reference, folder, mapped).carried_out(methods, swept)


def _asked(config: WaterCompareConfig, bands: set[str]) -> tuple[list[str], list[Index]]:
    """Return the methods to compare and the indices to sweep, all of them checked."""
    possible = {index.name for index in water_indices() if index.is_possible(bands)}
    methods = config.methods or ["auto", *(f"{i.lower()}:otsu" for i in USUAL if i in possible)]
    for number, text in enumerate(methods):
        parse_method(text).bands(bands)
        if text in methods[:number]:
            raise UsageError(f"--methods names '{text}' twice.", "Name each method once.")
    swept = [get_index(name) for name in config.sweep]
    for index in swept:
        if index.water is None:
            raise UsageError(
                f"{index.name} ({index.title}) does not tell water from land by a threshold.",
                "Run `obriy indices` to see which do.",
            )
        index.bands_to_read(bands)
    return list(methods), swept


@dataclasses.dataclass(frozen=True)
class _Work:
    """What is to be made of one reading of the scene."""

    config: WaterCompareConfig
    inputs: Inputs
    methods: Sequence[str]
    swept: Sequence[Index]
    options: EngineOptions

    def read(self) -> Any:
        """Return what tells whether the maps must be made again."""
        return fingerprint([*hrefs_of(provenance_of(self.inputs.scene)), *places_of(self.config)])

    def carried_out(self, folder: RunFolder) -> StepRecord:
        """Write the map of every method, and every index."""
        places = {text: f"maps/{number:02d}" for number, text in enumerate(self.methods, 1)}
        for place in (*places.values(), "indices"):
            folder.file(place).mkdir(parents=True, exist_ok=True)
        made = map_waters_to_files(
            self.inputs.scene,
            {text: folder.file(place) for text, place in places.items()},
            {index.name: folder.file("indices") for index in self.swept},
            part=self.inputs.part if self.inputs.districts else None,
            clouds=self.config.clouds,
            options=self.options,
            lang=self.config.lang,
        )
        where = [*places.values(), *("indices" for _ in self.swept)]
        files = {
            f"{place}/{name}": f"{place}/{file}"
            for place, (written, _) in zip(where, made, strict=True)
            for name, file in written.items()
        }
        found = [told for _, told in made]
        first = len(self.methods)
        return StepRecord(files, {"maps": found[:first], "indices": found[first:]})


@dataclasses.dataclass(frozen=True)
class _Bench:
    """The maps of all methods, and what they are held against."""

    config: WaterCompareConfig
    inputs: Inputs
    reference: Reference | None
    folder: RunFolder
    mapped: StepRecord

    def carried_out(self, methods: Sequence[str], swept: Sequence[Index]) -> Run:
        """Measure, score, draw and report."""
        maps = [self._open(number) for number in range(len(methods))]
        rows = [self._row(text, *self._found(n, maps[n])) for n, text in enumerate(methods)]
        sweeps = [self._sweep(number, index, maps[0]) for number, index in enumerate(swept)]
        record = maps[0].provenance
        result = {
            "job": self.config.job,
            "reference": None if self.reference is None else self.reference.source,
            "rows": rows,
            "sweeps": [{k: v for k, v in sweep.items() if k != "table"} for sweep in sweeps],
            "outputs": {},
            "command": command_of(self.config),
            "provenance": provenance_of(self.inputs.scene).to_dict()
            | {"warnings": list(record.warnings)},
        }
        result["outputs"] = self._write(methods, maps, rows, sweeps, result)
        complete = not any(found["failed"] for found in self.mapped.found["maps"])
        return finish(self.config, self.folder, result, complete=complete)

    def _open(self, number: int) -> ClassMap:
        place = f"maps/{number + 1:02d}/"
        files = {
            name.removeprefix(place): file
            for name, file in self.mapped.outputs.items()
            if name.startswith(place)
        }
        found = self.mapped.found["maps"][number]
        return open_map(self.folder.path, files, self.inputs.part, found)

    def _found(self, number: int, water: ClassMap) -> tuple[Any, Scores | None, dict[str, Any]]:
        areas = measure_image(water, self.inputs.districts, self.config)
        total = None if areas is None else total_on(areas, water.time)
        scores = None if self.reference is None else evaluate(water, self.reference)
        return total, scores, self.mapped.found["maps"][number]

    def _row(
        self, text: str, total: Any, scores: Scores | None, found: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return a row of the table."""
        low, high = (total and total.interval_km2) or (None, None)
        failed = found["failed"]
        return dict.fromkeys(COLUMNS) | {
            "method": text,
            "area_km2": total and total.area_km2,
            "expected_km2": total and total.expected_km2,
            "low_km2": low,
            "high_km2": high,
            "unseen_share": total and total.unseen_share,
            "threshold": found["decision"].get("threshold"),
            **_scores_of(scores),
            "status": "partial" if failed else "ok",
            "reason": failed[0]["reason"] if failed else "",
        }

    def _sweep(self, number: int, index: Index, water: ClassMap) -> dict[str, Any]:
        """Return what every threshold of an index gives; the map says where it is compared."""
        name = index.name.lower()
        file = self.folder.file(self.mapped.outputs[f"indices/{INDEX_FILE}{name}"])
        ladder = Ladder(max(index.low, -1.0), min(index.high, 1.0), above=index.water == "above")
        if index.high - index.low > 2:  # no normalized difference
            ladder = dataclasses.replace(ladder, low=index.low, high=index.high)
        steps = _steps(open_layer(file, self.inputs.part, "float32"), ladder)
        size = self.config.resolution if water.geobox.crs is None else None
        known = water.geobox.crs is not None or size is not None
        table: dict[str, npt.NDArray[np.float64]] = {"threshold": ladder.thresholds}
        if known:
            table["area_km2"] = sweep_area(steps, ladder, self.inputs.districts, size)
        if self.reference is not None:
            table |= sweep_agreement(steps, ladder, compare(water, self.reference))
        told = self.mapped.found["indices"][number]["decision"]
        best = None
        if "iou" in table and np.isfinite(table["iou"]).any():
            best = float(ladder.thresholds[int(np.nanargmax(table["iou"]))])
        return {
            "index": index.name, "formula": index.formula.text, "published": told["published"],
            "otsu": told["otsu"], "best": best, "table": table,
        }  # fmt: skip

    def _write(
        self,
        methods: Sequence[str],
        maps: Sequence[ClassMap],
        rows: Sequence[Mapping[str, Any]],
        sweeps: Sequence[Mapping[str, Any]],
        result: Mapping[str, Any],
    ) -> dict[str, str]:
        """Write tables, figures and report; return their paths by name."""
        folder, lang = self.folder, self.config.lang
        table = ([row[c] for c in COLUMNS] for row in rows)
        outputs = {"table": str(write_rows(folder.file("comparison.csv"), COLUMNS, table))}
        for sweep in sweeps:
            path = folder.file(f"sweep_{sweep['index'].lower()}.csv")
            outputs[f"sweep_{sweep['index'].lower()}"] = str(
                write_rows(path, SWEEP_COLUMNS, _sweep_rows(sweep["table"]))
            )
        figures = {
            "masks": masks_figure(
                self.inputs.part, dict(zip(methods, maps, strict=True)), self.reference,
                districts=self.inputs.districts, lang=lang,
            )
        }  # fmt: skip
        if any(row["area_km2"] is not None for row in rows):
            figures["areas"] = area_figure(rows, lang)
        if self.reference is not None:
            figures["scores"] = scores_figure(rows, lang)
        for sweep in sweeps:
            figures[f"sweep {sweep['index']}"] = sweep_figure(sweep, lang)
        for name, figure in figures.items():
            path = folder.file(f"{name.replace(' ', '_').lower()}.png")
            outputs[f"{path.stem}_picture"] = str(write_bytes(path, to_png(figure)))
        report = ComparisonReport(
            title=source_title(text_of(lang), self.config.source),
            lang=lang,
            result={**result, "outputs": outputs},
            provenance=maps[0].provenance,
            figures={
                name: to_svg(figure, name.replace(" ", "")) for name, figure in figures.items()
            },
            independent=self.reference is None or self.reference.independent,
        )
        outputs["report"] = str(write_comparison_report(report, folder.file("report.html")))
        return outputs


def _steps(values: xr.DataArray, ladder: Ladder) -> xr.DataArray:
    def make(rows: slice, columns: slice) -> npt.NDArray[np.uint8]:
        return ladder.steps(values[rows, columns].to_numpy())

    return computed_labels(make, geobox_of(values))


def _scores_of(scores: Scores | None) -> dict[str, Any]:
    """Return the six scores with their intervals, in columns."""
    if scores is None:
        return {}
    water = next(one for one in scores.classes if one.name == "water")
    found: dict[str, Any] = {}
    for name in SCORES:
        of_map = name in _OF_MAP
        value = getattr(scores if of_map else water, name)
        ends = (scores.intervals or {}).get(name if of_map else f"water.{name}")
        low, high = ends or (None, None)
        found |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return found


def _sweep_rows(table: Mapping[str, npt.NDArray[np.float64]]) -> list[list[float | None]]:
    count = len(table["threshold"])
    columns = [table.get(name, np.full(count, np.nan)) for name in SWEEP_COLUMNS]
    return [
        [None if np.isnan(value) else round(float(value), 6) for value in row]
        for row in zip(*columns, strict=True)
    ]
