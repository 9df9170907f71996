"""What comparing means for every job: rows one after another, one table, one figure, one end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from matplotlib.figure import Figure

from obriy.blocks.engine import EngineOptions
from obriy.errors import CancelledError, ObriyError, UsageError
from obriy.model.notices import reason_of
from obriy.model.result.base import Failure, FailureKind
from obriy.outputs.files import write_bytes
from obriy.outputs.tables import write_rows
from obriy.render.figures import to_png
from obriy.runs.folder import RunFolder

Row = dict[str, Any]
Item = TypeVar("Item")


def rows_of(
    items: Sequence[Item], row: Callable[[Item], Row], options: EngineOptions | None
) -> list[Row]:
    """Return the row of each item, and tell how far it is."""
    rows: list[Row] = []
    tell = (options.progress if options else None) or (lambda name, done, total: None)
    tell("comparing", 0, len(items))
    for number, item in enumerate(items, 1):
        rows.append(row(item))
        tell("comparing", number, len(items))
    return rows


def tried(row: Row, work: Callable[[], Row]) -> Row:
    """Return a row with what a work found; one that fails is listed, and the others go on.

    Raises:
        CancelledError: as the work does, like UsageError: those are no failure of a method.
    """
    try:
        return row | {"reason": ""} | work() | {"status": "ok"}
    except (CancelledError, UsageError):
        raise
    except ObriyError as error:
        return row | {"status": "failed", "reason": reason_of(error)}


def succeeded(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows that have something to show."""
    return [row for row in rows if row["status"] == "ok"]


def write_comparison(
    folder: RunFolder,
    columns: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    figure: Callable[[], Figure] | None = None,
) -> dict[str, str]:
    """Write ``comparison.csv`` and, where a row has something to show, ``comparison.png``.

    Args:
        folder: Of the run.
        columns: Of the table.
        rows: With a value for each column.
        figure: Draws them; None: the job has figures of its own.

    Returns:
        Their paths by output name.
    """
    cells = ([row[column] for column in columns] for row in rows)
    outputs = {"table": str(write_rows(folder.file("comparison.csv"), columns, cells))}
    if figure is not None and succeeded(rows):
        png = to_png(figure())
        outputs["figure"] = str(write_bytes(folder.file("comparison.png"), png))
    return outputs


def lost_of(rows: Sequence[Mapping[str, Any]], kind: FailureKind) -> list[Failure]:
    """Return the rows that lack something, each named by its column of the kind.

    What clouds hide is no failure: those are ``skipped``.
    """
    return [
        Failure(kind=kind, name=str(row[kind]), reason=row["reason"])
        for row in rows
        if row["status"] != "skipped" and row["reason"]
    ]
