"""What a person sees of water in the terminal."""

from rich.table import Table

from obriy.cli.show_area import failures, km2, score, unseen, whatever, whole
from obriy.model.areas import WHOLE_IMAGE
from obriy.model.result.base import Evaluation
from obriy.model.result.measured import MeasuredImageResult, MeasuredSeriesResult
from obriy.model.result.tables import SeasonComparison, SplitComparison, Sweep, WaterComparison
from obriy.model.result.water import AreaResult, SeriesPart, WaterImageResult, WaterSeriesResult

UNNAMED = ("image", "all")
"""Names of districts that no user gave."""


def image_lines(result: WaterImageResult) -> list[str]:
    """Return the answer of one image."""
    head = result.lead()
    about = f"Unseen: {unseen(head)}  Method: {result.method}"
    if head.km2 is None:
        said = "no area (the image has no CRS)" if head.why == "no_pixel_size" else "nothing seen"
        lines = [f"Water: {said}.", about]
    else:
        lines = [f"Water: {whole(head)}", f"Seen: {km2(head.seen_km2)} km²  {about}"]
        lines += whatever(head)
    return [*lines, _score_line(result.evaluation)] if result.evaluation else lines


def series_lines(result: WaterSeriesResult) -> list[str]:
    """Return the answer of a series."""
    return _series_lines(result, "Water", f"  Method: {result.method}")


def measured_image_lines(result: MeasuredImageResult) -> list[str]:
    """Return the answer of one map that somebody else made."""
    head, name = result.lead(), _title(result)
    about = f"{name}: {whole(head)}" if head.km2 is not None else f"{name}: nothing seen."
    rows = [f"{row.district}: {km2(row.headline.km2)} km²" for row in result.districts
            if row.headline is not None and len(result.districts) > 1]  # fmt: skip
    return [about, *rows, f"Unseen: {unseen(head)}", *whatever(head)]


def _title(result: MeasuredImageResult | MeasuredSeriesResult) -> str:
    return result.class_name.replace("_", " ").capitalize()


def measured_lines(result: MeasuredSeriesResult) -> list[str | Table]:
    """Return the answer of maps that somebody else made: what each shows, then all together."""
    table = Table("date", "district", f"{result.class_name}, km²", "unseen")
    for area in result.areas:
        place = "whole map" if area.district == WHOLE_IMAGE else area.district
        table.add_row(area.date, place, km2(area.area_km2), f"{area.unseen_share:.1%}")
    return [table, *_change_lines(result), *_series_lines(result, _title(result), "")]


def _change_lines(result: SeriesPart) -> list[str]:
    if result.change is None or result.change.total.net_km2 is None:
        return []
    total, (before, _), (_, after) = result.change.total, result.change.before, result.change.after
    return [
        f"Change from {before} to {after}: gained {km2(total.gained_km2)} km², lost "
        f"{km2(total.lost_km2)} km², lasting {km2(total.stable_km2)} km², net "
        f"{km2(total.net_km2)} km²; unseen on a side {total.unseen_km2:.4f} km²"
    ]


def _series_lines(
    result: WaterSeriesResult | MeasuredSeriesResult, name: str, method: str
) -> list[str]:
    head, dates = result.lead(), result.dates
    used = [d for d in dates if d.area_km2 is not None and d.weight != 0]
    span = f"{dates[0].date} to {dates[-1].date}"
    about = f"Unseen by weight: {unseen(head)}{method}"
    if head.km2 is None:
        lines = [f"{name}: nothing was seen, {span}", about]
    else:
        lines = [f"{name}, weighted, {span}: {whole(head)}"]
        lines.append(f"Seen: {km2(head.seen_km2)} km²  {about}")
    if head.filled_km2 is not None:
        lines.append(f"Seen, and filled from other dates: {km2(head.filled_km2)} km²")
    lines += whatever(head)
    lines.append(
        f"Dates: {len(used)} of {len(dates)}, weights: {result.weights}, "
        f"effective: {result.effective_dates:.1f}"
    )
    lines += failures([one.name for one in result.failed if one.kind == "date"])
    return [*lines, *_register_lines(result), *_evaporation_lines(result)]


def _register_lines(result: AreaResult) -> list[str]:
    lines = []
    for row in result.comparison.rows if result.comparison else ():
        percent = row.difference_percent
        share = "" if percent is None else f" ({percent:+.1f} %)"
        inside = {True: ", inside the interval", False: ", outside the interval", None: ""}
        place = "" if row.place in UNNAMED else f" of {row.place}"
        lines.append(
            f"Register{place}: {km2(row.register_km2)} km², measured {km2(row.measured_km2)}, "
            f"difference {row.difference_km2:+.4f} km²{share}{inside[row.inside_interval]}"
        )
    return lines


def _evaporation_lines(result: AreaResult) -> list[str]:
    lines = []
    for one in result.evaporation or ():
        if one.volume_1e6m3 is None:
            continue
        place = "" if one.district in UNNAMED else f" of {one.district}"
        lines.append(
            f"Additional evaporation{place}, {one.months[0].month} to {one.months[-1].month}: "
            f"{one.volume_1e6m3:.4g}·10⁶ m³ ({one.additional_mm:.0f} mm)"
        )
    return lines


def _score_line(evaluation: Evaluation) -> str:
    word = "Accuracy" if evaluation.independent else "Agreement"
    water = next(c for c in evaluation.classes if c["name"] == "water")
    parts = {"overall": evaluation.overall_accuracy, "kappa": evaluation.kappa}
    parts |= {"F1 of water": water["f1"], "IoU": water["iou"]}
    if not any(v is not None for v in parts.values()):  # a reference of one class
        recall = {c["name"]: c["recall"] for c in evaluation.classes}
        parts = {f"recall of {n} (no more is known)": v for n, v in recall.items()}
    shown = ", ".join(f"{k} {v:.3f}" for k, v in parts.items() if v is not None)
    return f"{word} against {evaluation.reference}: {shown}"


def methods_table(result: WaterComparison) -> list[str | Table]:
    """Return the areas of methods, and how they agree with the reference."""
    table = Table("method", "km²", "90 % interval", "seen", "kappa", "F1", "IoU")
    for row in result.rows:
        table.add_row(
            row.method,
            km2(row.expected_km2),
            "-" if row.low_km2 is None else f"{km2(row.low_km2)} to {km2(row.high_km2)}",
            km2(row.area_km2),
            *(score(value) for value in (row.kappa, row.f1, row.iou)),
        )
    return [table, *_thresholds(result.sweeps)]


def season_table(result: SeasonComparison) -> list[str | Table]:
    """Return the dates of a season: what was seen, and how they weigh."""
    table = Table("date", "ground seen, km²", "weight", "why not")
    for row in result.rows:
        table.add_row(row.date, km2(row.seen_km2), score(row.weight), row.reason)
    return [table, *_thresholds(result.sweeps)]


def splits_table(result: SplitComparison) -> list[str | Table]:
    """Return the area of one image in more and more requests."""
    table = Table("tiles", "pixel, m", "requests", "units", "km²", "90 % interval", "seen")
    for row in result.rows:
        known = row.pixel_m is not None
        table.add_row(
            row.split,
            f"{row.pixel_m:.4g}" if known else "-",
            str(row.requests) if known else "-",
            f"{row.processing_units:.1f}" if known else "-",
            km2(row.expected_km2),
            "-" if row.low_km2 is None else f"{km2(row.low_km2)} to {km2(row.high_km2)}",
            km2(row.area_km2),
        )
    return [table]


def _thresholds(sweeps: list[Sweep]) -> list[str]:
    lines = []
    for sweep in sweeps:
        marks = {"published": sweep.published, "otsu": sweep.otsu, "best": sweep.best}
        told = [f"{name} {value:.2f}" for name, value in marks.items() if value is not None]
        lines.append(f"{sweep.index}, thresholds: {', '.join(told)}")
    return lines
