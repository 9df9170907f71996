"""What a person sees of sea ice in the terminal."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from obriy.cli.show_area import (
    ENGLISH,
    failures,
    heads,
    km2,
    number,
    score,
    share,
    unseen,
    whatever,
    whole,
)
from obriy.model.headline import Headline, IceHeadline
from obriy.model.ice import IceSeason
from obriy.model.result.ice import IceDate, IceEvaluation, IceResult
from obriy.model.result.tables import IceComparison, IceTraining
from obriy.render.text import Text

_SCORES = ("overall_accuracy", "iou", "precision", "recall", "f1", "kappa")


def ice_lines(result: IceResult, text: Text = ENGLISH) -> list[str]:
    """Return the answer of `obriy ice` in a few lines, led by the date that leads the report."""
    rows, head, most = result.dates, result.headline, result.leading_date
    if head is None or most is None:
        lines = [
            text("terminal.ice_unmeasured", date=row.date, reason=text.sentence(row.reason))
            for row in rows
        ]
    elif len(rows) == 1:
        lines = [text("terminal.ice", date=most.date, area=_area(head, text)), *_shares(most, text)]
    else:
        measured = [row for row in rows if row.ice_km2 is not None]
        counts = {"used": len(measured), "all": len(rows)}
        lines = [
            text("terminal.ice_dates", start=rows[0].date, end=rows[-1].date, **counts),
            *_most(head, text),
            *(_season_line(season, result.seasons, text) for season in result.seasons),
        ]
    lines.append(text("terminal.method", method=result.method))
    lines += failures([one.name for one in result.failed if one.kind == "image"], text)
    if result.evaluation:
        lines.append(_score_line(result.evaluation, text))
    return lines


def _most(head: IceHeadline, text: Text) -> list[str]:
    """Return the headline of several dates, and of how many it is the most."""
    key = "most_ice" if head.maximum else "ice"
    lines = [text(f"terminal.{key}", date=head.date, area=_area(head, text))]
    if head.larger_date is not None:
        area = km2(head.larger_km2, text)
        lines.append(text("terminal.ice_larger", date=head.larger_date, area=area))
    if head.counted < head.dates and head.clouds != "unknown":  # which says why none does
        lines.append(text("terminal.ice_counted", used=head.counted, all=head.dates))
    return lines


def _area(head: Headline, text: Text) -> str:
    seen = text("terminal.also_seen", area=km2(head.seen_km2, text))
    return whole(head, text) + (seen if head.of == "whole" else "")


def _shares(row: IceDate, text: Text) -> list[str]:
    shares = {
        name: share(text, getattr(row, f"{name}_share") or 0.0)
        for name in ("ice", "water", "cloud")
    } | {"unseen": unseen(row.headline, text)}
    extent = km2(row.extent_km2, text)
    told = text("terminal.ice_shares", extent=extent, **shares)
    return [told, *whatever(row.headline, text)]


def _season_line(season: IceSeason, seasons: list[IceSeason], text: Text) -> str:
    several = len({one.district for one in seasons}) > 1
    winter = f"{season.district}, {season.season}" if several else season.season
    if season.first_ice is None:
        key = "no_ice_once" if season.dates == 1 else "no_ice"
        return text(f"terminal.{key}", winter=winter, count=season.dates)
    after, before = season.first_ice_after, season.last_ice_before
    return text(
        "terminal.winter",
        winter=winter,
        first=season.first_ice,
        since=text("terminal.none_on", date=after) if after else text("terminal.or_before"),
        last=season.last_ice,
        until=text("terminal.none_on", date=before) if before else text("terminal.or_after"),
    )


def _score_line(scores: IceEvaluation, text: Text) -> str:
    cloud = scores.cloud_as_ice
    told = "" if cloud is None else text("terminal.cloud_as_ice", share=share(text, cloud))
    source = text.sentence(scores.reference)
    return text("terminal.ice_scores", reference=source, scores=_scores(scores, text), cloud=told)


def _scores(scores: IceEvaluation, text: Text) -> str:
    names = dict(zip(_SCORES, heads(text, "scores"), strict=True))
    told = (f"{said} {score(getattr(scores, name), text)}" for name, said in names.items())
    return ", ".join(told)


def ice_training_lines(result: IceTraining, text: Text = ENGLISH) -> list[str]:
    """Return the answer of `obriy train ice` in a few lines."""
    size = (
        ""
        if result.parameters is None
        else text("terminal.parameters", count=text.number(result.parameters, 0))
    )
    return [
        text("terminal.trained", method=result.method, size=size),
        text("terminal.on_validation", scores=_scores(result.validation, text)),
        text("terminal.on_test", scores=_scores(result.test, text)),
    ]


def ice_table(result: IceComparison, text: Text = ENGLISH) -> list[str | Table]:
    """Return the table of `obriy compare ice`, on the test scenes."""
    # Narrow heads, so that a terminal of 80 characters cuts no name.
    table = Table(*heads(text, "ice"), box=SIMPLE_HEAD, show_edge=False, padding=0)
    for row in result.rows:
        if row.status != "ok":
            table.add_row(row.method, text.sentence(row.reason))
            continue
        low, high = row.iou_interval or (None, None)
        ends = (number(text, value, 2) for value in (low or 0.0, high or 0.0))
        cloud = row.cloud_as_ice
        table.add_row(
            row.method,
            score(row.iou, text),
            "-" if low is None else text("series.range", low=next(ends), high=next(ends)),
            *(score(v, text) for v in (row.precision, row.recall, row.f1, row.overall_accuracy)),
            "-" if cloud is None else share(text, cloud),
            number(text, row.seconds_per_scene or 0.0, 2),
            "-" if row.parameters is None else text.number(row.parameters, 0),
        )
    return [table, *([text.sentence(result.best_two.sentence)] if result.best_two else [])]
