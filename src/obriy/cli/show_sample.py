"""What a person sees of a sample: how it was drawn, and what follows from its labels."""

from rich.console import Console
from rich.table import Table

from obriy.cli.show_area import km2
from obriy.model.interval import LEVEL
from obriy.model.sample import AreaEstimate, Estimate
from obriy.render.text import text_of
from obriy.workflows.sampling import DrawnSample


def print_drawn(drawn: DrawnSample) -> None:
    """Print strata, files, and what to do next."""
    console, text = Console(highlight=False, markup=False, soft_wrap=True), text_of("en")
    design = drawn.design
    console.print(f"{len(design.units)} units, seed {design.seed}")
    table = Table("stratum", "pixels", "area", "units")
    for s in design.strata:
        table.add_row(s.name, text.number(s.pixels, 0), text.area(s.area_m2 / 1e6), str(s.size))
    console.print(table)
    for note in design.notes:
        console.print(note)
    for warning in drawn.warnings:
        console.print(f"Note: {warning}")
    for name, path in drawn.files.items():
        console.print(f"{name}: {path}")
    where = "on the page" if "page" in drawn.files else "in the sheet"
    console.print(f"Label {where}, then: obriy evaluate --sample {drawn.files['sheet']}")


def print_estimate(estimate: AreaEstimate) -> None:
    """Print areas with their intervals, accuracies, and notes."""
    console, text = Console(highlight=False, markup=False, soft_wrap=True), text_of("en")
    drawn = sum(row[3] for row in estimate.labelled)
    labelled = sum(row[4] for row in estimate.labelled)
    console.print(
        f"{labelled} of {drawn} units labelled; population "
        f"{text.area(estimate.population_m2 / 1e6)}, {estimate.unseen_share:.1%} of the area "
        "has no class"
    )
    areas = Table("class", "mapped, km²", "area, km²", "90% interval", "SE", "area, ha", "bias")
    for c in estimate.classes:
        interval = c.area.interval(LEVEL)
        areas.add_row(
            c.name,
            _km2(c.mapped_m2),
            _km2(c.area.value),
            "-" if interval is None else f"{_km2(interval[0])} to {_km2(interval[1])}",
            _km2(c.area.standard_error),
            "-" if c.area.value is None else text.hectares(c.area.value / 1e6),
            "-" if c.bias_m2 is None else f"{c.bias_m2 / 1e6:+.4f}",
        )
    console.print(areas)
    table = Table("class", "user's accuracy", "SE", "producer's accuracy", "SE")
    for c in estimate.classes:
        accuracies = (c.users_accuracy, c.producers_accuracy)
        table.add_row(c.name, *(word for a in accuracies for word in _words(a)))
    console.print(table)
    value, error = _words(estimate.overall_accuracy)
    console.print(f"overall accuracy {value} (standard error {error})")
    console.print("Areas are those of the labels; bias is mapped minus estimated area, km².")
    for reason in _reasons(estimate):
        console.print(f"Where a dash stands: {reason}")
    for note in estimate.notes:
        console.print(f"Note: {note}")


def _reasons(estimate: AreaEstimate) -> list[str]:
    figures = [estimate.overall_accuracy]
    for c in estimate.classes:
        figures += [c.area, c.users_accuracy, c.producers_accuracy]
    return list(dict.fromkeys(figure.reason for figure in figures if figure.reason))


def _words(estimate: Estimate) -> tuple[str, str]:
    return _share(estimate.value), _share(estimate.standard_error)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _km2(area_m2: float | None) -> str:
    return km2(None if area_m2 is None else area_m2 / 1e6)
