"""`obriy water`: from a scene to a scored, measured map, in a run folder."""

import dataclasses
import hashlib
import json
import re
import shlex
from pathlib import Path
from typing import Any

import xarray as xr

from obriy.blocks.engine import EngineOptions
from obriy.errors import EmptyResultError
from obriy.measures.areas import measure_areas
from obriy.measures.totals import total_area
from obriy.model.areas import AreaSeries, District
from obriy.model.classmap import ClassMap
from obriy.model.grid import describe, geobox_of
from obriy.model.reference import Reference
from obriy.model.scene import band_names, provenance_of
from obriy.model.scores import Scores
from obriy.prepare.crop import crop
from obriy.runs.folder import RunFolder, StepRecord
from obriy.sources.districts import read_districts
from obriy.sources.reference import open_reference
from obriy.sources.scene import open_scene
from obriy.sources.simulated import simulated_reference
from obriy.workflows.config import WaterConfig
from obriy.workflows.evaluation import GSW, evaluate, gsw_reference
from obriy.workflows.mapping import map_water_to_files, open_map
from obriy.workflows.presenting import Products, write_products


@dataclasses.dataclass(frozen=True)
class WaterRun:
    """What a run left.

    Attributes:
        folder: The run folder.
        result: ``result.json`` as plain values.
        complete: False where a part or a district is missing (exit code 3).
    """

    folder: Path
    result: dict[str, Any]
    complete: bool


def plan_water(config: WaterConfig) -> dict[str, Any]:
    """Say what a run would do, without doing it: grid, bands, districts, outputs."""
    scene, districts = _inputs(config)
    return {
        "source": config.source,
        "method": config.method,
        "grid": describe(geobox_of(scene)),
        "bands": band_names(scene),
        "flags": "flags" in scene,
        "districts": [d.name for d in districts],
        "outputs": config.outputs,
        "folder": str(run_path(config)),
        "provenance": provenance_of(scene).to_dict(),
    }


def run_water(config: WaterConfig, options: EngineOptions | None = None) -> WaterRun:
    """Map, measure, score and report; a run that was cut off goes on where it stopped.

    Args:
        config: What to do.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits; nothing half-written is left.
    """
    scene, districts = _inputs(config)
    options = dataclasses.replace(
        options or EngineOptions(), workers=config.workers, max_ram_gb=config.max_ram
    )
    # Before the work: what is wrong with the reference is said while nothing is lost.
    reference = _reference(scene, config, options)
    folder = RunFolder(run_path(config), config.identity())

    def map_step() -> StepRecord:
        files, found = map_water_to_files(
            scene,
            config.method,
            folder.path,
            clouds=config.clouds,
            options=options,
            lang=config.lang,
        )
        return StepRecord(files, found)

    mapped = folder.step("map", map_step)
    _check_seen(mapped, config)
    water = open_map(folder.path, mapped.outputs, scene, mapped.found)
    areas = _measure(water, districts, config)
    scores = None if reference is None else evaluate(water, reference)
    result = _result(config, water, areas, scores, mapped)
    wanted = {n: f for n, f in mapped.outputs.items() if n == "unseen" or n in config.outputs}
    result["outputs"] = {name: str(folder.file(file)) for name, file in wanted.items()}
    products = Products(scene, water, districts, areas, scores, mapped.found)
    files = write_products(config, folder, products, result)
    result["outputs"] = {name: str(path) for name, path in files.items()}
    folder.write_result(result)
    return WaterRun(folder.path, result, _is_complete(mapped, areas))


def run_path(config: WaterConfig) -> Path:
    """Return the run folder: as given, else named after the source and the configuration."""
    if config.out is not None:
        return config.out
    stem = re.sub(r"[^\w.-]+", "-", Path(config.source).name or config.source).strip("-.")
    text = json.dumps(config.identity(), sort_keys=True)
    return Path("obriy-runs") / f"{stem}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def command_of(config: WaterConfig) -> str:
    """Return the command line that makes the run again."""
    words = ["obriy", "water", config.source]
    defaults = WaterConfig().model_dump()
    for name, value in config.model_dump(exclude={"job", "source"}).items():
        if value is not None and value != defaults[name]:
            text = ",".join(value) if isinstance(value, list) else str(value)
            words += [f"--{name.replace('_', '-')}", text]
    return shlex.join(words)


def _inputs(config: WaterConfig) -> tuple[xr.Dataset, list[District]]:
    scene = open_scene(
        config.source,
        sensor=config.sensor,
        bands=config.bands,
        scale=config.scale,
        offset=config.offset,
        nodata=config.nodata,
        resolution=config.resolution,
    )
    districts = read_districts(config.aoi) if config.aoi else []
    return (crop(scene, districts) if districts else scene), districts


def _check_seen(mapped: StepRecord, config: WaterConfig) -> None:
    if set(mapped.found["pixels"]) == {"0"}:
        raise EmptyResultError(
            f"Nothing of {config.source} could be seen: all of it is cloud, snow or no data.",
            "Take another date; or map without the quality band (--clouds none).",
        )


def _measure(water: ClassMap, districts: list[District], config: WaterConfig) -> AreaSeries | None:
    """Measure; None where the image has neither a CRS nor a stated pixel size."""
    if water.geobox.crs is None and config.resolution is None:
        return None
    size = config.resolution if water.geobox.crs is None else None
    return measure_areas(water, "water", districts, pixel_size_m=size)


def _reference(scene: xr.Dataset, config: WaterConfig, options: EngineOptions) -> Reference | None:
    if config.reference is None:
        return simulated_reference(config.source, geobox_of(scene))
    if config.reference.startswith(GSW):
        return gsw_reference(config.reference, scene, options)
    return open_reference(config.reference, geobox_of(scene))


def _result(
    config: WaterConfig,
    water: ClassMap,
    areas: AreaSeries | None,
    scores: Scores | None,
    mapped: StepRecord,
) -> dict[str, Any]:
    """Put ``result.json`` together; its names are a contract that other programs rely on."""
    rows = [] if areas is None else list(areas.areas)
    total = total_area(rows)
    decision = mapped.found["decision"]
    unseen = total.unseen_share if total else _unseen_share(mapped)
    warnings = list(water.provenance.warnings)
    if areas is None:
        warnings.append("The image has no CRS: shares only, no area (say --resolution METRES).")
    date = {
        "date": water.time,
        "area_km2": total.area_km2 if total else None,
        "clear_share": 1 - unseen,
        "unseen_share": unseen,
        "weight": 1.0,
        "threshold": decision.get("threshold"),
        "status": "partial" if mapped.found["failed"] else (total.status if total else "ok"),
        "reason": mapped.found["failed"][0]["reason"] if mapped.found["failed"] else "",
    }
    return {
        "job": config.job,
        "method": config.method,
        "area_km2": date["area_km2"],
        "interval_km2": None,
        "mask_area_km2": total.mask_km2 if total else None,
        "unseen_share": unseen,
        "dates": [date],
        "districts": [row.to_dict() for row in rows],
        "decision": decision,
        "evaluation": None if scores is None else scores.to_dict(),
        "comparison": None,
        "evaporation": None,
        "outputs": {},
        "command": command_of(config),
        "provenance": water.provenance.to_dict() | {"warnings": warnings},
    }


def _unseen_share(mapped: StepRecord) -> float:
    pixels: dict[str, int] = mapped.found["pixels"]
    return pixels.get("0", 0) / sum(pixels.values())


def _is_complete(mapped: StepRecord, areas: AreaSeries | None) -> bool:
    rows = [] if areas is None else areas.areas
    return not mapped.found["failed"] and all(r.status in ("ok", "partial") for r in rows)
