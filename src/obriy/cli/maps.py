"""The commands for maps that are there: score them, draw a sample of them."""

from pathlib import Path
from typing import Annotated

import typer

from obriy.cli.running import Json, Lang, Quiet, Verbose
from obriy.cli.streams import note_loss, print_json
from obriy.errors import UsageError
from obriy.sources.presence import look_first
from obriy.workflows.config.base import usual_language

Codes = Annotated[
    str | None,
    typer.Option(help="codes of the map: 1=water,0=land, 1=water,nodata=land, or a name"),
]


def evaluate(
    map_file: Annotated[
        Path | None, typer.Argument(metavar="MAP", help="class map, a raster")
    ] = None,
    reference: Annotated[
        str | None, typer.Argument(metavar="REFERENCE", help="raster, polygons or points")
    ] = None,
    *,
    legend: Annotated[
        str | None,
        typer.Option(help="codes of the reference: gsw, binary, worldcover, ..., 1=water,0=land"),
    ] = None,
    codes: Codes = None,
    outside: Annotated[
        str | None,
        typer.Option(help="class where the reference says nothing, e.g. land; default: unknown"),
    ] = None,
    layer: Annotated[str | None, typer.Option(help="layer of the reference's file")] = None,
    sample_file: Annotated[
        Path | None,
        typer.Option("--sample", metavar="SHEET", help="labelled sheet of 'obriy sample'"),
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Score a map against a reference, or estimate areas from a labelled sample (--sample)."""
    if sample_file is not None:
        others = (map_file, legend, codes, outside, layer)
        _evaluate_sample(sample_file, as_json, alone=not any(others))
        return
    if map_file is None or reference is None:
        raise UsageError(
            "What to compare with what is not said.",
            "Give MAP and REFERENCE, or a labelled sample with --sample SHEET.",
        )
    look_first(str(map_file))
    from obriy.cli.show import print_scores
    from obriy.workflows.evaluation import evaluate_files

    scores = evaluate_files(map_file, reference, legend, codes=codes, outside=outside, layer=layer)
    if as_json:
        print_json(scores.to_dict())
    else:
        print_scores(scores)


def _evaluate_sample(sheet: Path, as_json: bool, *, alone: bool) -> None:
    if not alone:
        raise UsageError(
            "--sample stands alone: the design of the sample names its map.",
            "Leave MAP, REFERENCE and --legend away.",
        )
    from obriy.cli.show_sample import print_estimate
    from obriy.workflows.sampling import evaluate_sample

    estimate = evaluate_sample(sheet)
    if as_json:
        print_json(estimate.to_dict())
    else:
        print_estimate(estimate)


def sample(
    map_file: Annotated[Path, typer.Argument(metavar="MAP", help="class map, a raster")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="folder; default: named after the map, with -sample")
    ] = None,
    size: Annotated[int | None, typer.Option(help="units to label, in all")] = None,
    target_se: Annotated[
        float | None,
        typer.Option(help="standard error wanted of the overall accuracy; default: 0.02"),
    ] = None,
    edge: Annotated[
        int, typer.Option(help="pixels so near another class are a stratum; 0: none")
    ] = 0,
    minimum: Annotated[int, typer.Option(help="units per stratum, at least")] = 50,
    seed: Annotated[int, typer.Option(help="the same seed draws the same sample")] = 0,
    aoi: Annotated[
        str | None, typer.Option(help="district: a name, W,S,E,N in degrees, or a file")
    ] = None,
    image: Annotated[
        str | None, typer.Option(help="image to show; default: the one that the map names")
    ] = None,
    bands: Annotated[
        str | None, typer.Option(help="bands of the image in file order, where it names none")
    ] = None,
    codes: Codes = None,
    layer: Annotated[str | None, typer.Option(help="layer of the file of districts")] = None,
    lang: Lang = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Draw a random sample of a map to label, for areas with standard errors."""
    look_first(str(map_file))
    from obriy.cli.show_sample import print_drawn
    from obriy.workflows.sampling import draw_sample

    folder = Path(f"{map_file.stem}-sample") if out is None else out
    drawn = draw_sample(
        map_file,
        folder,
        size=size,
        target_se=target_se,
        edge=edge,
        least=minimum,
        seed=seed,
        aoi=aoi,
        image=image,
        bands=bands,
        codes=codes,
        layer=layer,
        lang=usual_language(lang),
    )
    if as_json:
        print_json(drawn.to_dict())
    elif not quiet:
        print_drawn(drawn)
    note_loss(folder)
