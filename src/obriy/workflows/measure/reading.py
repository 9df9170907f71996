"""Maps of others into the run folder, as our own lie there: one file each, in a legend of ours."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.blocks.windows import windows
from obriy.errors import EmptyResultError
from obriy.model.classmap import ClassMap
from obriy.model.grid import geobox_of
from obriy.model.layers import LAYERS, Layer
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.model.notices import notice
from obriy.model.scene import provenance_of
from obriy.workflows.measure.inputs import LABELS
from obriy.workflows.passes import map_writers, open_layers


@dataclasses.dataclass(frozen=True)
class MapReader:
    """How `obriy measure` comes by the map of a date; see `obriy.workflows.dated`.

    Attributes:
        lang: Language of the class names in the files.
        in_parts: What copies a map is no work of the engine.
    """

    lang: str
    in_parts: bool = False

    def to_files(
        self, scene: xr.Dataset, part: xr.Dataset | None, folder: Path, options: EngineOptions
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Copy a map, or a part of it, into a folder.

        Raises:
            EmptyResultError: no pixel of it has a class; then nothing is written.
        """
        shown = scene if part is None else part
        layers = _layers(shown)
        counts = np.zeros(UNNAMED + 1, np.int64)
        record = provenance_of(scene)
        squares = list(windows(shown[LABELS].shape))
        with map_writers(folder, geobox_of(shown), layers, record, self.lang) as sinks:
            for done, (rows, columns) in enumerate(squares, 1):
                for sink, layer in zip(sinks.values(), layers.values(), strict=True):
                    values = shown[layer.part].isel(y=rows, x=columns).to_numpy()
                    sink.write(rows, columns, values)
                    if layer.part == LABELS:
                        counts += np.bincount(values.ravel(), minlength=len(counts))
                if options.progress is not None:
                    options.progress("read", done, len(squares))
            if not counts[NO_DATA + 1 :].any():
                raise EmptyResultError(notice("map_without_classes"))
        pixels = {str(code): int(n) for code, n in enumerate(counts) if n}
        found = {"decision": {}, "failed": [], "histograms": [], "pixels": pixels}
        return {name: f"{name}.tif" for name in layers}, found

    def open(
        self, folder: Path, files: Mapping[str, str], part: xr.Dataset, found: Mapping[str, Any]
    ) -> ClassMap:
        """Open those files again."""
        legend: Legend = part.attrs["legend"]
        return ClassMap(
            **open_layers(folder, files, part, legend.name),
            legend=legend,
            provenance=provenance_of(part),
            time=part.attrs["time"],
        )

    def read(self) -> Sequence[str]:
        """Return the files beside the map whose change asks for another copy: none."""
        return ()


def _layers(scene: xr.Dataset) -> dict[str, Layer]:
    """Return the layers of a map, by output: that of its legend, and why it says nothing."""
    legend: Legend = scene.attrs["legend"]
    labels = [layer for layer in LAYERS.values() if layer.part == LABELS]
    own = [
        layer for layer in labels if layer.legend is not None and layer.legend.name == legend.name
    ]
    layer = own[0] if own else LAYERS["landcover"].of(legend)
    beside = {"unseen": LAYERS["unseen"]} if "unseen" in scene else {}
    return {layer.file: layer, **beside}
