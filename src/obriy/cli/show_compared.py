"""The table of `obriy compare water`."""

from typing import Any

from rich.console import Console
from rich.table import Table

from obriy.cli.show_area import km2


def print_water_comparison(result: dict[str, Any]) -> None:
    """Print the areas of the methods, and how they agree with the reference."""
    console = Console(highlight=False, markup=False)
    console.print(_season(result) if _is_season(result) else _methods(result))
    for sweep in result["sweeps"]:
        told = [f"{name} {sweep[name]:.2f}" for name in ("published", "otsu", "best")
                if sweep.get(name) is not None]  # fmt: skip
        console.print(f"{sweep['index']}, thresholds: {', '.join(told)}")
    for warning in result["provenance"]["warnings"]:
        console.print(f"Note: {warning}")
    for name, path in result["outputs"].items():
        console.print(f"{name}: {path}")


def _is_season(result: dict[str, Any]) -> bool:
    return all("date" in row for row in result["rows"])


def _season(result: dict[str, Any]) -> Table:
    """Return the dates of a season: what was seen, and how they weigh."""
    table = Table("date", "ground seen, km²", "weight", "why not")
    for row in result["rows"]:
        weight = "-" if row["weight"] is None else f"{row['weight']:.3f}"
        table.add_row(row["date"], _area(row["seen_km2"]), weight, row["reason"])
    return table


def _methods(result: dict[str, Any]) -> Table:
    table = Table("method", "km²", "90 % interval", "seen", "kappa", "F1", "IoU")
    for row in result["rows"]:
        low, high = row["low_km2"], row["high_km2"]
        table.add_row(
            row["method"],
            _area(row["expected_km2"]),
            "-" if low is None else f"{km2(low)} to {km2(high)}",
            _area(row["area_km2"]),
            *(_score(row[name]) for name in ("kappa", "f1", "iou")),
        )
    return table


def _area(value: float | None) -> str:
    return "-" if value is None else km2(value)


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
