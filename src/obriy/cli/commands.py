"""The commands: parse, call a workflow, show; how they end is said in `obriy.cli.app`."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from obriy import __version__
from obriy.cli.help import GroupedCommand
from obriy.cli.options import with_config_options
from obriy.cli.streams import note_loss, print_json
from obriy.errors import UsageError
from obriy.sources.presence import look_first
from obriy.workflows.config.base import JobConfig, make_config, usual_language
from obriy.workflows.config.ice import IceCompareConfig, IceConfig, IceTrainConfig
from obriy.workflows.config.landcover import (
    LandcoverCompareConfig,
    LandcoverConfig,
    LandcoverTrainConfig,
)
from obriy.workflows.config.water import WaterCompareConfig, WaterConfig
from obriy.workflows.jobs import read_config

ERROR, PARTIAL = 1, 3

app = typer.Typer(
    name="obriy",
    help="Satellite images to maps of water, ice and land cover, and the maps to numbers a person "
    "can defend.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

compare = typer.Typer(help="Compare methods on the same images.", no_args_is_help=True)
app.add_typer(compare, name="compare")
train = typer.Typer(help="Train what maps other images.", no_args_is_help=True)
app.add_typer(train, name="train")

Json = Annotated[bool, typer.Option("--json", help="print result.json to standard output")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no summary")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be done")]
Lang = Annotated[str | None, typer.Option(help="language, en or uk; default: OBRIY_LANG, else en")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="show tracebacks of errors")]
Codes = Annotated[
    str | None,
    typer.Option(help="codes of the map: 1=water,0=land, 1=water,nodata=land, or a name"),
]
Scenes = Annotated[Path | None, typer.Option("--data", help="the folder, with an option's name")]


def _language(asked: str | None) -> Literal["en", "uk"]:
    if asked is None:
        return usual_language()
    if asked in ("en", "uk"):
        return asked  # type: ignore[return-value]
    raise UsageError(f"--lang: there is no '{asked}'.", "Choose en or uk.")


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"obriy {__version__}")
        raise typer.Exit


@app.callback()
def before_all(
    version: Annotated[
        bool,
        typer.Option("--version", help="show the version", callback=_print_version, is_eager=True),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="folder of the demo")] = Path("obriy-demo"),
    lang: Lang = None,
    quiet: Quiet = False,
) -> None:
    """Map water, land cover and ice: simulated scenes and seasons, a real chip."""
    from obriy.cli.demo import demo_jobs
    from obriy.cli.show import Screen

    screen, language = Screen(quiet), _language(lang)
    done = [_run(config, screen, False) for config in demo_jobs(out, language)]
    screen.reports(done, language)


@app.command(cls=GroupedCommand)
@with_config_options(WaterConfig)
def water(
    values: dict[str, Any],
    as_json: Json = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Map water in an image or through a season, measure it, score it or compare it."""
    _do(make_config(WaterConfig, values), as_json=as_json, quiet=quiet, dry_run=dry_run)


@app.command(cls=GroupedCommand)
@with_config_options(LandcoverConfig)
def landcover(
    values: dict[str, Any],
    as_json: Json = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Map land cover without labels: clusters that a panel of labellers names."""
    _do(make_config(LandcoverConfig, values), as_json=as_json, quiet=quiet, dry_run=dry_run)


@app.command(cls=GroupedCommand)
@with_config_options(IceConfig)
def ice(
    values: dict[str, Any],
    as_json: Json = False,
    dry_run: DryRun = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Map sea ice in granules of MODIS or other images, and measure it through the winter."""
    _do(make_config(IceConfig, values), as_json=as_json, quiet=quiet, dry_run=dry_run)


@compare.command("landcover", cls=GroupedCommand)
@with_config_options(LandcoverCompareConfig)
def compare_landcover(
    values: dict[str, Any], as_json: Json = False, quiet: Quiet = False, verbose: Verbose = False
) -> None:
    """Compare clusterers and numbers of clusters on one scene, against a reference."""
    _do(make_config(LandcoverCompareConfig, values), as_json=as_json, quiet=quiet)


@compare.command("water", cls=GroupedCommand)
@with_config_options(WaterCompareConfig)
def compare_water(
    values: dict[str, Any], as_json: Json = False, quiet: Quiet = False, verbose: Verbose = False
) -> None:
    """Compare methods for water on one scene: areas, scores, masks, every threshold."""
    _do(make_config(WaterCompareConfig, values), as_json=as_json, quiet=quiet)


@compare.command("ice", cls=GroupedCommand)
@with_config_options(IceCompareConfig)
def compare_ice(
    values: dict[str, Any],
    scenes: Scenes = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compare methods for sea ice on the same labelled scenes, split by winters."""
    _do(make_config(IceCompareConfig, _with_scenes(values, scenes)), as_json=as_json, quiet=quiet)


@train.command("ice", cls=GroupedCommand)
@with_config_options(IceTrainConfig)
def train_ice(
    values: dict[str, Any],
    scenes: Scenes = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Train a method for sea ice on labelled scenes, and judge it on winters it never saw."""
    _do(make_config(IceTrainConfig, _with_scenes(values, scenes)), as_json=as_json, quiet=quiet)


@train.command("landcover", cls=GroupedCommand)
@with_config_options(LandcoverTrainConfig)
def train_landcover(
    values: dict[str, Any], as_json: Json = False, quiet: Quiet = False, verbose: Verbose = False
) -> None:
    """Train a student on the named maps of runs, and judge it beside its teacher."""
    _do(make_config(LandcoverTrainConfig, values), as_json=as_json, quiet=quiet)


@app.command()
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


@app.command()
def measure(
    maps: Annotated[list[Path], typer.Argument(metavar="MAP...", help="class maps, rasters")],
    *,
    aoi: Annotated[
        str | None, typer.Option(help="district: a name, W,S,E,N in degrees, or a file")
    ] = None,
    codes: Codes = None,
    class_name: Annotated[str, typer.Option("--class", help="the class to measure")] = "water",
    change: Annotated[
        bool, typer.Option("--change", help="compare the first map with the last")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="folder for areas.csv and result.json; default: none")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="layer of the file of districts")] = None,
    resolution: Annotated[
        float | None, typer.Option(help="pixel size, m, of maps without CRS", min=0)
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Measure class maps that somebody else made: areas by date and district, and change."""
    for file in maps:
        look_first(str(file))
    from obriy.cli.show_measured import print_measured
    from obriy.workflows.measuring_maps import measure_maps, write_measured

    measured = measure_maps(
        maps,
        aoi=aoi,
        layer=layer,
        codes=codes,
        class_name=class_name,
        change=change,
        pixel_size_m=resolution,
    )
    files = {} if out is None else write_measured(measured, out)
    if as_json:
        print_json(measured.to_dict())
    elif not quiet:
        print_measured(measured)
        for name, path in files.items():
            typer.echo(f"{name}: {path}")
    if out is not None:
        note_loss(out)


@app.command()
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
    language = _language(lang)
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
        lang=language,
    )
    if as_json:
        print_json(drawn.to_dict())
    elif not quiet:
        print_drawn(drawn)
    note_loss(folder)


@app.command()
def run(
    config_file: Annotated[Path, typer.Argument(metavar="CONFIG", help="config.yaml of a run")],
    out: Annotated[Path | None, typer.Option(help="folder; default: that of the file")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Make a run again from its config.yaml; one that was cut off goes on where it stopped."""
    from obriy.cli.show import Screen

    config = read_config(config_file)
    if config.out is None or out is not None:
        config = config.model_copy(update={"out": out or config_file.parent})
    _run(config, Screen(quiet or as_json), as_json)


@app.command()
def simulate(
    out: Annotated[Path, typer.Argument(help="new folder for images and their truth")],
    *,
    seed: Annotated[int, typer.Option(help="the same seed makes the same place")] = 7,
    size: Annotated[str, typer.Option(help="pixels: N, or ROWSxCOLUMNS")] = "512",
    setting: Annotated[
        str, typer.Option(help="easy or hard, _clear or _cloudy; or ice, a bay in winter")
    ] = "hard_cloudy",
    granules: Annotated[
        bool, typer.Option(help="of ice: MOD02HKM, MOD03 and MOD35 files in place of images")
    ] = False,
    sensor: Annotated[
        str, typer.Option(help="sentinel2_l2a, landsat_c2l2 or modis_hkm")
    ] = "sentinel2_l2a",
    dates: Annotated[str, typer.Option(help="how many, or a list: 2023-05-01,2023-06-01")] = "6",
    start: Annotated[str, typer.Option(help="first date")] = "2023-04-01",
    end: Annotated[str, typer.Option(help="last date")] = "2023-10-31",
    resolution: Annotated[float | None, typer.Option(help="pixel size, m")] = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Make images of a made-up place whose water, or ice, is known exactly."""
    from obriy.cli.show import Screen
    from obriy.simulate.folder import dates_between, parse_size, simulate_to_folder
    from obriy.simulate.ice.folder import simulate_ice_folder

    if granules and setting != "ice":
        raise UsageError("--granules makes granules of ice.", "Give --setting ice with it.")
    screen = Screen(quiet)
    days = dates_between(int(dates), start, end) if dates.isdigit() else dates.split(",")
    with screen.progress() as options:
        show = options.progress
        progress = None if show is None else lambda done, of: show("Simulating", done, of)
        if setting == "ice":
            paths = simulate_ice_folder(
                out, dates=days, seed=seed, granules=granules, progress=progress
            )
        else:
            paths = simulate_to_folder(
                out,
                dates=days,
                size=parse_size(size),
                seed=seed,
                setting=setting,
                sensor=sensor,
                resolution=resolution,
                progress=progress,
            )
    if not quiet:
        for name in ("truth", "districts", "readme"):
            if name in paths:
                typer.echo(f"{name}: {paths[name]}")
    note_loss(out)


@app.command()
def methods() -> None:
    """List what --method understands."""
    from obriy.cli.show import print_methods

    print_methods()


@app.command()
def indices() -> None:
    """List the spectral indices with their formulas and papers."""
    from obriy.cli.show import print_indices

    print_indices()


@app.command()
def doctor() -> None:
    """Check the installation: versions, drivers, extras, memory."""
    from obriy.cli.doctor import examine

    if not examine():
        raise typer.Exit(ERROR)


def _with_scenes(values: dict[str, Any], scenes: Path | None) -> dict[str, Any]:
    """Put the folder of --data where the argument would be; only one of them may be given."""
    if scenes is None:
        return values
    if "data" in values:
        raise UsageError(f"Two folders were given: {values['data']} and {scenes}.", "Name one.")
    return {**values, "data": scenes}


def _do(config: JobConfig, *, as_json: bool, quiet: bool, dry_run: bool = False) -> None:
    """Run a job, or say what it would do."""
    from obriy.cli.show import Screen
    from obriy.settings import settings
    from obriy.workflows.jobs import plan_job

    settings()  # what is off in the environment is said before the work
    if dry_run:
        print_json(plan_job(config))
        return
    _run(config, Screen(quiet or as_json), as_json)


def _run(config: JobConfig, screen: Any, as_json: bool) -> dict[str, Any]:
    from obriy.workflows.jobs import run_job

    with screen.progress() as options:
        done = run_job(config, options)
    if as_json:
        print_json(done.result)
    else:
        screen.summary(done.result, config.lang)
    note_loss(done.folder)
    if not done.complete:
        raise typer.Exit(PARTIAL)
    return done.result


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
