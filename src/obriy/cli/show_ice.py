"""What a person sees of sea ice in the terminal."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from obriy.cli.show_area import failures, km2, score, whatever, whole
from obriy.model.headline import Headline, IceHeadline
from obriy.model.ice import IceSeason
from obriy.model.result.ice import IceDate, IceEvaluation, IceResult
from obriy.model.result.tables import IceComparison, IceTraining

_SCORES = ("overall_accuracy", "iou", "precision", "recall", "f1", "kappa")


def ice_lines(result: IceResult) -> list[str]:
    """Return the answer of `obriy ice` in a few lines, led by the date that leads the report."""
    rows, head, most = result.dates, result.headline, result.leading_date
    if head is None or most is None:
        lines = [f"Nothing could be measured on {row.date}: {row.reason}" for row in rows]
    elif len(rows) == 1:
        lines = [f"Ice, {most.date}: {_area(head)}", *_shares(most)]
    else:
        measured = [row for row in rows if row.ice_km2 is not None]
        lines = [
            f"Dates with a view of the sea: {len(measured)} of {len(rows)}, "
            f"{rows[0].date} to {rows[-1].date}",
            *_most(head),
            *(_season_line(season, result.seasons) for season in result.seasons),
        ]
    lines.append(f"Method: {result.method}")
    lines += failures([one.name for one in result.failed if one.kind == "image"])
    if result.evaluation:
        lines.append(_score_line(result.evaluation))
    return lines


def _most(head: IceHeadline) -> list[str]:
    """Return the headline of several dates, and of how many it is the most."""
    lines = [f"{'Most ice' if head.maximum else 'Ice'}, {head.date}: {_area(head)}"]
    if head.larger_date is not None:
        lines.append(
            f"Whether this is the most is not known: the estimate of {head.larger_date} is larger, "
            f"{km2(head.larger_km2, 1)} km², but less than half of the sea was seen then"
        )
    if head.counted < head.dates:
        lines.append(
            f"{head.counted} of {head.dates} dates count (half of the sea or more was seen)"
        )
    return lines


def _area(head: Headline) -> str:
    seen = f"; {km2(head.seen_km2, 1)} km² seen" if head.of == "whole" else ""
    return whole(head, 1) + seen


def _shares(row: IceDate) -> list[str]:
    shares = (
        f"Of the sea: ice {row.ice_share:.1%}, open water {row.water_share:.1%}, unseen "
        f"{row.unseen_share:.1%} (cloud {row.cloud_share:.1%}); extent (15 % and more) "
        f"{km2(row.extent_km2, 1)} km²"
    )
    return [shares, *whatever(row.headline, 1)]


def _season_line(season: IceSeason, seasons: list[IceSeason]) -> str:
    several = len({one.district for one in seasons}) > 1
    place = f"{season.district}, " if several else ""
    if season.first_ice is None:
        dates = "1 date that counts" if season.dates == 1 else f"{season.dates} dates that count"
        return f"Winter {place}{season.season}: no ice was seen on {dates}"
    after, before = season.first_ice_after, season.last_ice_before
    first = f"(none on {after})" if after else "or before"
    last = f"(none on {before})" if before else "or after"
    return (
        f"Winter {place}{season.season}: first ice {season.first_ice} {first}, "
        f"last ice {season.last_ice} {last}"
    )


def _score_line(scores: IceEvaluation) -> str:
    cloud = scores.cloud_as_ice
    told = "" if cloud is None else f", cloud taken for ice {cloud:.1%}"
    return f"Ice against {scores.reference}: {_scores(scores)}{told}"


def _scores(scores: IceEvaluation) -> str:
    told = (f"{name.replace('_', ' ')} {score(getattr(scores, name))}" for name in _SCORES)
    return ", ".join(told)


def ice_training_lines(result: IceTraining) -> list[str]:
    """Return the answer of `obriy train ice` in a few lines."""
    size = "" if result.parameters is None else f", {result.parameters} parameters"
    return [
        f"Trained: {result.method}{size}",
        f"On the validation scenes: {_scores(result.validation)}",
        f"On the test scenes: {_scores(result.test)}",
    ]


def ice_table(result: IceComparison) -> list[str | Table]:
    """Return the table of `obriy compare ice`, on the test scenes."""
    # Narrow heads, so that a terminal of 80 characters cuts no name.
    table = Table("method", "IoU", "90 %", "preci-\nsion", "recall", "F1", "accu-\nracy",
                  "cloud\nas ice", "s/scene", "param-\neters", box=SIMPLE_HEAD, show_edge=False,
                  padding=0)  # fmt: skip
    for row in result.rows:
        if row.status != "ok":
            table.add_row(row.method, row.reason)
            continue
        low, high = row.iou_interval or (None, None)
        table.add_row(
            row.method,
            score(row.iou),
            "-" if low is None else f"{low:.2f} to {high:.2f}",
            *map(score, (row.precision, row.recall, row.f1, row.overall_accuracy)),
            "-" if row.cloud_as_ice is None else f"{row.cloud_as_ice:.1%}",
            f"{row.seconds_per_scene:.2f}",
            "-" if row.parameters is None else str(row.parameters),
        )
    return [table, *([result.best_two.sentence] if result.best_two else [])]
