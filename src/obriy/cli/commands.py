"""The commands: those of the jobs are made of their table; how they end is said in `cli.app`."""

import copy
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.models import CommandInfo

from obriy import __version__
from obriy.cli.cache import cache
from obriy.cli.help import GroupedCommand
from obriy.cli.index import index
from obriy.cli.maps import evaluate, sample
from obriy.cli.options import job_command, noting_old_names
from obriy.cli.running import DryRun, Json, Lang, Quiet, Refresh, Verbose, do, run_and_show
from obriy.cli.serve import serve
from obriy.cli.simulate import simulate
from obriy.workflows.config.base import make_config, usual_language, with_scheduler
from obriy.workflows.jobs import JOBS, Job, read_config

ERROR = 1

app = typer.Typer(
    name="obriy",
    help="Satellite images to maps of water, ice and land cover, and the maps to numbers a person "
    "can defend.",
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_FAMILIES = {
    "compare": "Compare methods on the same images.",
    "train": "Train what maps other images.",
}
"""The first words of commands that have two, and what those have in common."""


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


def add_jobs(jobs: Iterable[Job], top: typer.Typer) -> None:
    """Give every job its command.

    Args:
        jobs: In the order in which help lists them.
        top: Where commands of one word go; those of two have a family there.
    """
    families: dict[str, typer.Typer] = {}
    for job in jobs:
        *above, word = job.config.words()
        place = top
        for first in above:
            if first not in families:
                families[first] = typer.Typer(help=_FAMILIES[first], no_args_is_help=True)
                top.add_typer(families[first], name=first)
            place = families[first]
        place.command(word, cls=GroupedCommand)(job_command(job.config, _job(job)))


def app_for(words: Sequence[str]) -> typer.Typer:
    """Return the app with the command that words begin with, and with all where they name none.

    Typer makes every command before it does one: a twentieth of a second.
    """
    named = copy.copy(app)
    named.registered_commands = [c for c in app.registered_commands if _word(c) in words[:1]]
    named.registered_groups = [g for g in app.registered_groups if g.name in words[:1]]
    return named if named.registered_commands or named.registered_groups else app


def _word(command: CommandInfo) -> str | None:
    return command.name or getattr(command.callback, "__name__", None)


def _job(job: Job) -> Callable[..., None]:
    """Return what the command of a job does, with the options that every job has."""

    def command(
        values: dict[str, Any],
        *,
        as_json: Json = False,
        dry_run: DryRun = False,
        refresh: Refresh = False,
        quiet: Quiet = False,
        verbose: Verbose = False,
    ) -> None:
        with noting_old_names():
            config = make_config(job.config, values)
        do(config, as_json=as_json, quiet=quiet, dry_run=dry_run, refresh=refresh)

    if job.plan is None:  # it is said, not shown, that there is none
        command.__annotations__["dry_run"] = Annotated[bool, typer.Option("--dry-run", hidden=True)]
    return command


def demo(
    out: Annotated[Path, typer.Option(help="folder of the demo")] = Path("obriy-demo"),
    lang: Lang = None,
    quiet: Quiet = False,
) -> None:
    """Map water, land cover and ice: simulated scenes and seasons, a real chip."""
    from obriy.cli.demo import demo_jobs
    from obriy.cli.show import Screen

    screen, language = Screen(quiet), usual_language(lang)
    done = [run_and_show(config, screen) for config in demo_jobs(out, language)]
    screen.reports(done, language)


def run(
    config_file: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="config.yaml of a run, or its folder")
    ],
    out: Annotated[Path | None, typer.Option(help="folder; default: that of the file")] = None,
    *,
    scheduler: Annotated[
        str | None, typer.Option(help="address of a Dask scheduler: config.yaml names none")
    ] = None,
    as_json: Json = False,
    dry_run: DryRun = False,
    refresh: Refresh = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Make a run again from its config.yaml; one that was cut off goes on where it stopped."""
    with noting_old_names():
        config = read_config(config_file)
    folder = config_file if config_file.is_dir() else config_file.parent
    if config.out is None or out is not None:
        config = config.model_copy(update={"out": out or folder})
    if scheduler is not None:
        config = with_scheduler(config, scheduler)
    do(config, as_json=as_json, quiet=quiet, dry_run=dry_run, refresh=refresh)


def methods() -> None:
    """List what --method understands."""
    from obriy.cli.show import print_methods

    print_methods()


def indices() -> None:
    """List the spectral indices with their formulas and papers."""
    from obriy.cli.show import print_indices

    print_indices()


def doctor() -> None:
    """Check the installation: versions, drivers, extras, memory."""
    from obriy.cli.doctor import examine

    if not examine():
        raise typer.Exit(ERROR)


app.command()(demo)
add_jobs(JOBS.values(), app)
for _one in (evaluate, sample, run, serve, simulate, methods, indices, index, cache, doctor):
    app.command()(_one)
