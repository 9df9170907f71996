"""``result.json``: written by every job, read again as what it was, of this version or before."""

import functools
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from pydantic.json_schema import GenerateJsonSchema

from obriy.errors import InputError
from obriy.model.notices import with_notices
from obriy.model.result.base import VERSION, RunResult
from obriy.model.result.ice import IceResult
from obriy.model.result.landcover import LandcoverResult
from obriy.model.result.measured import (
    MeasuredImageResult,
    MeasuredSeriesResult,
    MeasureResult,
)
from obriy.model.result.tables import (
    CoverComparison,
    IceComparison,
    IceTraining,
    SeasonComparison,
    SplitComparison,
    StudentTraining,
    WaterComparison,
)
from obriy.model.result.water import WaterImageResult, WaterSeriesResult

_KINDS: Final[Mapping[tuple[str, str], type[RunResult]]] = {
    ("water", "image"): WaterImageResult,
    ("water", "series"): WaterSeriesResult,
    ("ice", ""): IceResult,
    ("landcover", ""): LandcoverResult,
    ("compare-landcover", ""): CoverComparison,
    ("compare-water", "methods"): WaterComparison,
    ("compare-water", "season"): SeasonComparison,
    ("compare-water", "splits"): SplitComparison,
    ("compare-ice", ""): IceComparison,
    ("train-landcover", ""): StudentTraining,
    ("train-ice", ""): IceTraining,
    ("measure", ""): MeasureResult,
    ("measure", "image"): MeasuredImageResult,
    ("measure", "series"): MeasuredSeriesResult,
}
"""The result of each job, and of each kind of it."""
_ONCE: Final = {"compare": "compare-landcover", "train": "train-landcover"}
"""Names that jobs had before, and have now."""
_MEASURED: Final = {"job": "measure", "provenance": {"software": {}}}
"""What a result of `obriy measure` of version 1 did not say."""


def read_result(source: Path | str | Mapping[str, Any]) -> RunResult:
    """Read a result, whatever version of the software wrote it.

    Fields that a later version has added are passed over.

    Args:
        source: ``result.json``, the folder of a run, or the plain values of the file.

    Raises:
        InputError: where it is no result of a run.
    """
    if isinstance(source, Mapping):
        return _read(source, "these values")
    path = Path(source)
    path = path / "result.json" if path.is_dir() else path
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a result: {error}.") from error
    return _read(values, str(path))


def result_schema() -> dict[str, Any]:
    """Return the JSON schema of ``result.json``, as `docs/result.schema.json` publishes it."""
    for model in _KINDS.values():  # which of them were used before would show in the schema
        model.model_rebuild()
    every = functools.reduce(lambda one, other: one | other, _KINDS.values())  # type: ignore[arg-type,return-value]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"result.json of Obriy, version {VERSION}",
        **TypeAdapter(every).json_schema(schema_generator=_Untitled),
    }


class _Untitled(GenerateJsonSchema):
    """The schema without a title for each field: it would be its name once more."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return False."""
        return False


def _read(values: Any, name: str) -> RunResult:
    if isinstance(values, Mapping) and {"class", "maps"} <= set(values):
        values = {**_MEASURED, **values}
    if not isinstance(values, Mapping) or "job" not in values:
        raise InputError(f"{name} is no result of a run: it does not say of which job.")
    values = {**values, "job": _ONCE.get(str(values["job"]), values["job"])}
    try:
        values = with_notices(values, values.get("notices", ()))
        values = values if "schema_version" in values else _of_version_1(values)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{name} is no whole result: {error!r}.") from error
    model = _KINDS.get((values["job"], values.get("kind", "")))
    if model is None:
        raise InputError(f"{name} is the result of a job that is not known: '{values['job']}'.")
    try:
        return _validated(model, values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{name} is no whole result: {where}: {first['msg']}.") from error


def _validated(model: type[RunResult], values: dict[str, Any]) -> RunResult:
    """Return the result; fields that are not known are left out."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        later = [e["loc"] for e in error.errors() if e["type"] == "extra_forbidden"]
        if len(later) < error.error_count():
            raise
    known = json.loads(json.dumps(values))
    for *place, name in later:
        del functools.reduce(lambda part, key: part[key], place, known)[name]
    return model.model_validate(known)


def _of_version_1(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a file without a version in the shape of this one."""
    job = values["job"]
    if job == "water":
        values["kind"] = "series" if "effective_dates" in values else "image"
    if job == "compare-water":
        seasons = all("date" in row for row in values["rows"])
        values["kind"] = "season" if seasons else "methods"
    return values | {"schema_version": VERSION, "failed": [*_failures_of_version_1(values)]}


def _failures_of_version_1(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what failed in one shape: three jobs had one each."""
    if values["job"] == "landcover":
        return [_part("image", hole) for hole in values["failed"]]
    rows = values.get("rows", [])
    if values["job"] not in ("water", "ice"):
        kind = "method" if rows and "method" in rows[0] else "date"
        lost = [row for row in rows if row["status"] == "failed"]
        return [{"kind": kind, "name": r[kind], "reason": r["reason"]} for r in lost]
    found = [
        {"kind": "image", "name": row["granule"], "reason": row["reason"]}
        if "granule" in row
        else {"kind": "date", "name": row["date"], "reason": row["reason"]}
        for row in values.get("failed", [])
    ]
    return found + [
        _part(str(hole.get("granule") or row["date"] or "image"), hole)
        for row in values["dates"]
        for hole in row["holes"]
    ]


def _part(name: str, hole: Mapping[str, Any]) -> dict[str, Any]:
    where = {key: value for key, value in hole.items() if key not in ("reason", "granule")}
    return {"kind": "part", "name": name, "reason": hole["reason"], "where": where}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(result_schema(), indent=1, ensure_ascii=False) + "\n")
