"""What a person sees of sea ice in the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from obriy.cli.show_area import km2, whatever, whole
from obriy.outputs.ice_headline import best_km2, headline, is_maximum, saw_enough, shows_more

_SCORES = ("overall_accuracy", "iou", "precision", "recall", "f1", "kappa")


def ice_lines(result: dict[str, Any]) -> list[str]:
    """Return the answer of `obriy ice` in a few lines, led by the date that leads the report."""
    rows = result["dates"]
    measured = [row for row in rows if row["ice_km2"] is not None]
    most = headline(measured)
    if most is None:
        lines = [f"Nothing could be measured on {row['date']}: {row['reason']}" for row in rows]
    elif len(rows) == 1:
        lines = [f"Ice, {most['date']}: {_area(most)}", *_shares(most)]
    else:
        lines = [
            f"Dates with a view of the sea: {len(measured)} of {len(rows)}, "
            f"{rows[0]['date']} to {rows[-1]['date']}",
            *_most(rows, most),
            *(_season_line(season, result["seasons"]) for season in result["seasons"]),
        ]
    lines.append(f"Method: {result['method']}")
    if result["failed"]:
        lines.append(f"Failed: {', '.join(row['granule'] for row in result['failed'])}")
    if result["evaluation"]:
        lines.append(_score_line(result["evaluation"]))
    return lines


def _most(rows: Sequence[Mapping[str, Any]], most: Mapping[str, Any]) -> list[str]:
    """Return the headline of several dates, and of how many it is the most."""
    lines = [f"{'Most ice' if is_maximum(rows) else 'Ice'}, {most['date']}: {_area(most)}"]
    more, counted = shows_more(rows), sum(map(saw_enough, rows))
    if more is not None:
        lines.append(
            f"Whether this is the most is not known: the estimate of {more['date']} is larger, "
            f"{km2(best_km2(more), 1)} km², but less than half of the sea was seen then"
        )
    if counted < len(rows):
        lines.append(f"{counted} of {len(rows)} dates count (half of the sea or more was seen)")
    return lines


def _area(row: Mapping[str, Any]) -> str:
    seen = "" if row["expected_km2"] is None else f"; {km2(row['ice_km2'], 1)} km² seen"
    return whole(row, row["ice_km2"], 1) + seen


def _shares(row: Mapping[str, Any]) -> list[str]:
    shares = (
        f"Of the sea: ice {row['ice_share']:.1%}, open water {row['water_share']:.1%}, unseen "
        f"{row['unseen_share']:.1%} (cloud {row['cloud_share']:.1%}); extent (15 % and more) "
        f"{km2(row['extent_km2'], 1)} km²"
    )
    return [shares, *whatever(row, "ice", 1)]


def _season_line(season: dict[str, Any], seasons: list[dict[str, Any]]) -> str:
    several = len({one["district"] for one in seasons}) > 1
    place = f"{season['district']}, " if several else ""
    if season["first_ice"] is None:
        dates = (
            "1 date that counts" if season["dates"] == 1 else f"{season['dates']} dates that count"
        )
        return f"Winter {place}{season['season']}: no ice was seen on {dates}"
    after, before = season["first_ice_after"], season["last_ice_before"]
    first = f"(none on {after})" if after else "or before"
    last = f"(none on {before})" if before else "or after"
    return (
        f"Winter {place}{season['season']}: first ice {season['first_ice']} {first}, "
        f"last ice {season['last_ice']} {last}"
    )


def _score_line(scores: dict[str, Any]) -> str:
    shown = _scores(scores)
    cloud = scores["cloud_as_ice"]
    shown += [] if cloud is None else [f"cloud taken for ice {cloud:.1%}"]
    return f"Ice against {scores['reference']}: {', '.join(shown)}"


def _scores(scores: dict[str, Any]) -> list[str]:
    return [
        f"{name.replace('_', ' ')} {_number(scores[name])}" for name in _SCORES if name in scores
    ]


def ice_training_lines(result: dict[str, Any]) -> list[str]:
    """Return the answer of `obriy train ice` in a few lines."""
    parameters = result["parameters"]
    size = "" if parameters is None else f", {parameters} parameters"
    lines = [f"Trained: {result['method']}{size}"]
    for name in ("validation", "test"):
        scores = result[name]
        lines.append(f"On the {name} scenes: {', '.join(_scores(scores))}")
    return lines


def print_ice_comparison(result: dict[str, Any]) -> None:
    """Print the table of `obriy compare ice`, on the test scenes."""
    console = Console(highlight=False, markup=False)
    # Narrow heads, so that a terminal of 80 characters cuts no name.
    table = Table("method", "IoU", "90 %", "preci-\nsion", "recall", "F1", "accu-\nracy",
                  "cloud\nas ice", "s/scene", "param-\neters", box=SIMPLE_HEAD, show_edge=False,
                  padding=0)  # fmt: skip
    for row in result["rows"]:
        if row["status"] != "ok":
            table.add_row(row["method"], row["reason"])
            continue
        low, high = row["iou_interval"] or (None, None)
        table.add_row(
            row["method"],
            _number(row["iou"]),
            "-" if low is None else f"{low:.2f} to {high:.2f}",
            *(_number(row[name]) for name in ("precision", "recall", "f1", "overall_accuracy")),
            "-" if row["cloud_as_ice"] is None else f"{row['cloud_as_ice']:.1%}",
            f"{row['seconds_per_scene']:.2f}",
            "-" if row["parameters"] is None else str(row["parameters"]),
        )
    console.print(table)
    if result["best_two"]:
        console.print(result["best_two"]["sentence"])
    for name, path in result["outputs"].items():
        console.print(f"{name}: {path}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
