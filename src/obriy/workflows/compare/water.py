"""`obriy compare water`: methods side by side on one scene, and what every threshold would give."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from obriy.blocks.computed import computed_labels
from obriy.blocks.engine import EngineOptions
from obriy.errors import UsageError
from obriy.indices.catalogue import Index, water_indices
from obriy.measures.areas import measure_areas
from obriy.measures.totals import total_on
from obriy.methods.expression import parse_method
from obriy.methods.index_threshold import NOT_WATER, WATER
from obriy.model.areas import AreaSeries, District
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.legend import NO_DATA, UNNAMED
from obriy.model.provenance import hrefs_of
from obriy.model.reference import Reference
from obriy.model.result.tables import Sweep, WaterComparison, WaterRow
from obriy.model.scene import band_names, provenance_of
from obriy.model.scores import COMPARED, OF_MAP, Scores
from obriy.outputs.report import comparison
from obriy.prepare.clouds.mask import Clouds
from obriy.render.text import text_of
from obriy.render.water_comparison import area_figure, masks_figure, scores_figure
from obriy.runs.fingerprint import fingerprint
from obriy.runs.folder import RunFolder, StepRecord
from obriy.validation.comparison import compare
from obriy.validation.overlap import require_two_classes
from obriy.workflows.compare.index_sweep import IndexSweeps, clear_place
from obriy.workflows.compare.rows import lost_of, rows_of, write_comparison
from obriy.workflows.compare.season_sweep import run_season_sweep
from obriy.workflows.compare.splits import run_splits
from obriy.workflows.compare.sweep import checked_indices, no_water
from obriy.workflows.config.water import WaterCompareConfig
from obriy.workflows.evaluation import evaluate
from obriy.workflows.inputs import Inputs, find_images, lies_far, read_image
from obriy.workflows.products import RunFiles
from obriy.workflows.run import (
    Run,
    command_of,
    finish,
    limited,
    places_of,
    run_folder,
)
from obriy.workflows.water.image import measure_image, reference_of
from obriy.workflows.water.mapping import map_waters, map_waters_to_files, open_map

USUAL: Final = ("NDWI", "MNDWI", "AWEIsh", "AWEInsh")
"""Indices whose Otsu masks are compared where nobody names methods: those of document C."""
COLUMNS: Final = (
    "method", "area_km2", "expected_km2", "low_km2", "high_km2", "threshold",
    *(f"{score}{end}" for score in COMPARED for end in ("", "_low", "_high")), "status", "reason",
)  # fmt: skip
"""Columns of ``comparison.csv``: areas, and scores (of water: the last four) with intervals."""


@dataclasses.dataclass(frozen=True)
class Compared:
    """What one of several methods says.

    Attributes:
        method: As written.
        water: Its map.
        areas: Areas by district; None where the image has no CRS.
        scores: Against the reference, where there is one.
    """

    method: str
    water: ClassMap
    areas: AreaSeries | None
    scores: Scores | None


def compare_water(
    scene: xr.Dataset,
    methods: Sequence[str] = (),
    *,
    reference: Reference | ClassMap | xr.DataArray | str | Path | None = None,
    districts: Sequence[District] = (),
    clouds: Clouds = "auto",
    seed: int = 0,
    options: EngineOptions | None = None,
) -> tuple[Compared, ...]:
    """Map water by several methods in one reading of a scene, measure and score each map.

    Args:
        scene: A Scene, as `open_scene` returns it.
        methods: As for `map_water`; none: ``auto``, and Otsu's threshold of `USUAL`, as far as the
            bands go.
        reference: As for `evaluate`.
        districts: Where areas are measured; none: the whole image.
        clouds: As for `map_water`.
        seed: Of the intervals of scores.
        options: Threads, memory, progress.

    Returns:
        What each method says, in their order; maps are in memory, each the one that `map_water`
        makes.

    Raises:
        ObriyError: of the kind that fits: no method, one method twice, a band that is missing, a
            reference that cannot be compared.
    """
    chosen, _ = _checked(methods, (), set(band_names(scene)))
    placed = geobox_of(scene).crs is not None
    return tuple(
        Compared(
            method,
            water,
            measure_areas(water, "water", districts) if placed else None,
            None if reference is None else evaluate(water, reference, seed=seed),
        )
        for method, water in zip(
            chosen, map_waters(scene, chosen, clouds=clouds, options=options), strict=True
        )
    )


def run_water_comparison(config: WaterCompareConfig, options: EngineOptions | None = None) -> Run:
    """Map one scene by several methods in one reading, measure and score every map.

    Args:
        config: What to compare, and against what; without a reference areas alone are compared.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        UsageError: methods that are none, or are named twice; an index to sweep that is none.
        BandError: where the scene lacks what a method named needs.
        InputError: of the kind that fits, for a reference of another place or of one class.
    """
    config = config.anchored()
    options = limited(config, options)
    if config.tiles:
        return run_splits(config, options)
    items = find_images(config, config.datetime, 1 if lies_far(config.source) else None)
    if len(items) > 1 and not lies_far(config.source):
        return run_season_sweep(config, items, options)
    inputs = read_image(config, items, options)
    methods, swept = _checked(config.methods, config.sweep, set(band_names(inputs.scene)))
    reference = reference_of(inputs, config, options)
    if reference is not None and config.reference is not None:
        require_two_classes(reference, geobox_of(inputs.part))
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
        return _Bench(config, inputs, reference, folder, mapped, options).carried_out(
            methods, swept
        )


def _checked(
    named: Sequence[str], sweep: Sequence[str], bands: set[str]
) -> tuple[list[str], list[Index]]:
    """Return the methods to compare and the indices to sweep, all of them checked."""
    possible = {index.name for index in water_indices() if index.is_possible(bands)}
    usual = ["auto", *(f"{i.lower()}:otsu" for i in USUAL if i in possible)]
    methods = list(named) or usual
    for number, text in enumerate(methods):
        method = parse_method(text)
        method.bands(bands)
        if method.name in [parse_method(other).name for other in methods[:number]]:
            raise UsageError(f"--methods names '{text}' twice.", "Name each method once.")
    return methods, checked_indices(sweep, bands)


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
        places = [f"maps/{number:02d}" for number, _ in enumerate(self.methods, 1)]
        clear = [clear_place(index) for index in self.swept]
        for place in (*places, *clear, "indices"):
            folder.file(place).mkdir(parents=True, exist_ok=True)
        made = map_waters_to_files(
            self.inputs.scene,
            [
                *((text, folder.file(p)) for text, p in zip(self.methods, places, strict=True)),
                *((no_water(i), folder.file(p)) for i, p in zip(self.swept, clear, strict=True)),
            ],
            {index.name: folder.file("indices") for index in self.swept},
            part=self.inputs.part if self.inputs.districts else None,
            clouds=self.config.clouds,
            options=self.options,
            lang=self.config.lang,
        )
        where = [*places, *clear, *("indices" for _ in self.swept)]
        files = {
            f"{place}/{name}": f"{place}/{file}"
            for place, (written, _) in zip(where, made, strict=True)
            for name, file in written.items()
        }
        found = [told for _, told in made]
        first, last = len(self.methods), len(found) - len(self.swept)
        return StepRecord(files, {"maps": found[:first], "indices": found[last:]})


@dataclasses.dataclass(frozen=True)
class _Bench:
    """The maps of all methods, and what they are held against."""

    config: WaterCompareConfig
    inputs: Inputs
    reference: Reference | None
    folder: RunFolder
    mapped: StepRecord
    options: EngineOptions

    def carried_out(self, methods: Sequence[str], swept: Sequence[Index]) -> Run:
        """Measure, score, draw and report."""
        maps = [self._open(number) for number in range(len(methods))]
        numbered = list(enumerate(methods))
        rows = rows_of(
            numbered,
            lambda one: self._row(one[1], *self._found(one[0], maps[one[0]])),
            self.options,
        )
        sweeping = IndexSweeps(self.config, self.inputs, self.reference, self.folder, self.mapped)
        sweeps = [sweeping.of(number, index) for number, index in enumerate(swept)]
        warnings = tuple(maps[0].provenance.warnings)
        result = WaterComparison(
            rows=[WaterRow(**row) for row in rows],
            failed=lost_of(rows, "method"),
            reference=None if self.reference is None else self.reference.source,
            sweeps=[Sweep(**{k: v for k, v in one.items() if k != "table"}) for one in sweeps],
            command=command_of(self.config),
            provenance=dataclasses.replace(provenance_of(self.inputs.scene), warnings=warnings),
        )
        tables = sweeping.write(sweeps)
        figures = self._figures(maps, rows) | sweeping.figures(sweeps)
        result = result.with_outputs(self._write(maps, rows, tables, figures, result))
        return finish(self.config, self.folder, result)

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
            "clouds": total and total.clouds,
            "threshold": found["decision"].get("threshold"),
            **_scores_of(scores),
            "status": "partial" if failed else "ok",
            "reason": failed[0]["reason"] if failed else "",
        }

    def _truth(self, water: ClassMap) -> xr.DataArray | None:
        """Return the reference on the grid of the maps and in their codes; None without one."""
        if self.reference is None:
            return None
        comparison = compare(water, self.reference)
        code = comparison.legend.by_name("water").code
        table = np.full(256, NOT_WATER, "uint8")
        table[[code, NO_DATA, UNNAMED]] = WATER, NO_DATA, NO_DATA
        known = table[comparison.meeting.reference]
        return computed_labels(
            lambda rows, columns: known[comparison.read(rows, columns)], water.geobox
        )

    def _write(
        self,
        maps: Sequence[ClassMap],
        rows: Sequence[Mapping[str, Any]],
        tables: Mapping[str, Path],
        figures: Mapping[str, Figure],
        result: WaterComparison,
    ) -> dict[str, Path]:
        """Write table, figures and report; return the paths of all by name."""
        run = RunFiles(self.config, self.folder, self.inputs.districts)
        table = write_comparison(self.folder, COLUMNS, rows)
        run.files |= {name: Path(path) for name, path in table.items()}
        run.files |= tables
        independent = self.reference is None or self.reference.independent
        run.report(
            result,
            figures,
            {name: f"{name.replace(' ', '_').lower()}_picture" for name in figures},
            lambda report: comparison.page(report, independent=independent),
            maps[0].provenance,
        )
        return run.files

    def _figures(
        self, maps: Sequence[ClassMap], rows: Sequence[Mapping[str, Any]]
    ) -> dict[str, Figure]:
        """Draw masks, areas and scores."""
        lang = self.config.lang
        figures = {
            "masks": masks_figure(
                self.inputs.part, dict(zip(_titles(rows, lang), maps, strict=True)),
                self._truth(maps[0]),
                districts=self.inputs.districts, lang=lang,
                pixel_size_m=self.config.resolution,
            )
        }  # fmt: skip
        if any(row["area_km2"] is not None for row in rows):
            figures["areas"] = area_figure(rows, lang)
        if self.reference is not None:
            figures["scores"] = scores_figure(rows, lang)
        return figures


def _titles(rows: Sequence[Mapping[str, Any]], lang: str) -> list[str]:
    """Return what stands over the mask of each method: its name, and the area that it shows."""
    text = text_of(lang)

    def title(row: Mapping[str, Any]) -> str:
        if row["area_km2"] is None:
            return str(row["method"])
        return f"{row['method']}: {text('series.seen_share', share=text.area(row['area_km2']))}"

    return [title(row) for row in rows]


def _scores_of(scores: Scores | None) -> dict[str, Any]:
    """Return the six scores with their intervals, in columns."""
    if scores is None:
        return {}
    water = next(one for one in scores.classes if one.name == "water")
    found: dict[str, Any] = {}
    for name in COMPARED:
        of_map = name in OF_MAP
        value = getattr(scores if of_map else water, name)
        ends = (scores.intervals or {}).get(name if of_map else f"water.{name}")
        low, high = ends or (None, None)
        found |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return found
