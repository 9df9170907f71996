"""What every threshold of an index would give on one image: areas, agreement, and a picture."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.figure import Figure

from obriy.indices.catalogue import Index
from obriy.measures.sweep import sweep_area
from obriy.methods.index_threshold import THRESHOLD_SPREAD
from obriy.model.grid import geobox_of
from obriy.model.layers import LAYERS
from obriy.model.reference import Reference
from obriy.model.scores import COMPARED
from obriy.outputs.tables import write_rows
from obriy.render.index_maps import index_figure
from obriy.render.water_comparison import sweep_figure
from obriy.runs.folder import RunFolder, StepRecord
from obriy.validation.comparison import compare
from obriy.validation.sweep import sweep_agreement
from obriy.workflows.compare.sweep import ladder_of, seen_by, steps_of
from obriy.workflows.config.water import WaterCompareConfig
from obriy.workflows.inputs import Inputs
from obriy.workflows.passes import open_layer

COLUMNS: Final = ("threshold", "area_km2", "low_km2", "high_km2", *COMPARED)
"""Of ``sweep_NAME.csv``: low and high are the areas of thresholds that are as good."""


@dataclasses.dataclass(frozen=True)
class IndexSweeps:
    """The sweeps of indices of which rasters, and what they saw, were written.

    Attributes:
        config: Of the comparison.
        inputs: What was mapped.
        reference: What the thresholds are held against; None: areas alone.
        folder: Of the run.
        mapped: The step that wrote the rasters.
    """

    config: WaterCompareConfig
    inputs: Inputs
    reference: Reference | None
    folder: RunFolder
    mapped: StepRecord

    def of(self, number: int, index: Index) -> dict[str, Any]:
        """Return what every threshold of an index gives."""
        ladder = ladder_of(index)
        steps = steps_of(self._values(index.name), ladder)
        placed = geobox_of(self.inputs.part).crs is not None
        size = None if placed else self.config.resolution
        table: dict[str, npt.NDArray[np.float64]] = {"threshold": ladder.thresholds}
        if placed or size is not None:
            table["area_km2"] = sweep_area(steps, ladder, self.inputs.districts, size)
            spread = THRESHOLD_SPREAD * (index.high - index.low)
            table["low_km2"], table["high_km2"] = ladder.around(table["area_km2"], spread)
        if self.reference is not None:
            table |= sweep_agreement(
                steps, ladder, compare(seen_by(steps), self.reference), self._clear(index)
            )
        told = self.mapped.found["indices"][number]["decision"]
        best = None
        if "iou" in table and np.isfinite(table["iou"]).any():
            best = float(ladder.thresholds[int(np.nanargmax(table["iou"]))])
        marks = {"published": told["published"], "otsu": told["otsu"], "best": best}
        return {
            "index": index.name, "formula": index.formula.text, **marks, "table": table,
            "at": {
                mark: {name: ladder.at(value, column) for name, column in table.items()}
                | {"threshold": value}
                for mark, value in marks.items() if value is not None
            },
        }  # fmt: skip

    def figures(self, sweeps: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
        """Draw each sweep, and its index."""
        drawn = {}
        for sweep in sweeps:
            drawn[f"sweep {sweep['index']}"] = sweep_figure(sweep, self.config.lang)
            drawn[f"index {sweep['index']}"] = self._picture(sweep)
        return drawn

    def write(self, sweeps: Sequence[Mapping[str, Any]]) -> dict[str, Path]:
        """Write the table of each sweep; return the paths by output."""
        names = [f"sweep_{sweep['index'].lower()}" for sweep in sweeps]
        return {
            name: write_rows(self.folder.file(f"{name}.csv"), COLUMNS, _rows(sweep["table"]))
            for name, sweep in zip(names, sweeps, strict=True)
        }

    def _clear(self, index: Index) -> xr.DataArray:
        """Open the map that shows no water at all: it hides all that is not surely seen."""
        file = self.mapped.outputs[f"{clear_place(index)}/mask"]
        return open_layer(self.folder.file(file), self.inputs.part, LAYERS["mask"])

    def _picture(self, sweep: Mapping[str, Any]) -> Figure:
        """Draw an index; its colours turn at the best threshold that is known."""
        known = (sweep[mark] for mark in ("best", "published", "otsu"))
        return index_figure(
            self._values(sweep["index"]),
            sweep["index"],
            threshold=next((value for value in known if value is not None), 0.0),
            districts=self.inputs.districts,
            lang=self.config.lang,
        )

    def _values(self, name: str) -> xr.DataArray:
        """Open the raster of an index."""
        file = self.mapped.outputs[f"indices/{LAYERS['index'].output(name)}"]
        return open_layer(self.folder.file(file), self.inputs.part, LAYERS["index"])


def clear_place(index: Index) -> str:
    """Return where the map lies that shows where an index was seen, within the run folder."""
    return f"indices/clear_{index.name.lower()}"


def _rows(table: Mapping[str, npt.NDArray[np.float64]]) -> list[list[float | None]]:
    count = len(table["threshold"])
    columns = [table.get(name, np.full(count, np.nan)) for name in COLUMNS]
    return [
        [None if np.isnan(value) else round(float(value), 6) for value in row]
        for row in zip(*columns, strict=True)
    ]
