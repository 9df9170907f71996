"""What the commands have in common: their plain options, and how a job is run and shown."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from obriy.cli.streams import note_loss, print_json
from obriy.tables import languages
from obriy.workflows.config.base import JobConfig, known_language

if TYPE_CHECKING:
    from obriy.model.result.base import RunResult  # on use: help is quick

PARTIAL = 3

Json = Annotated[bool, typer.Option("--json", help="print result.json to standard output")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no summary")]
Refresh = Annotated[
    bool,
    typer.Option("--refresh", help="fetch again what was kept of the network; make the run anew"),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="say what would be done")]
Lang = Annotated[
    str | None,
    typer.Option(
        help=f"language, of {', '.join(languages())}; default: OBRIY_LANG, else en",
        callback=lambda lang: lang and known_language(lang),
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="show tracebacks of errors")]


def do(
    config: JobConfig, *, as_json: bool, quiet: bool, dry_run: bool = False, refresh: bool = False
) -> None:
    """Run a job and show what came of it, or say what it would do."""
    from obriy.cli.show import Screen
    from obriy.net import cache
    from obriy.settings import settings
    from obriy.workflows.jobs import plan_job

    settings()  # what is off in the environment is said before the work
    cache.read_anew(refresh)
    if dry_run:
        print_json(plan_job(config))
        return
    run_and_show(config, Screen(quiet or as_json), as_json)


def run_and_show(config: JobConfig, screen: Any, as_json: bool = False) -> "RunResult":
    """Run a job and show what came of it; return its result.

    Raises:
        typer.Exit: where a part is missing.
    """
    from obriy.workflows.jobs import run_job

    with screen.progress() as options:
        done = run_job(config, options)
    if as_json:
        print_json(done.result.to_dict())
    else:
        screen.summary(done.result, config.lang, before=done.before)
    note_loss(done.folder)
    if not done.complete:
        screen.failures(done.result, config.lang)
        raise typer.Exit(PARTIAL)
    return done.result
