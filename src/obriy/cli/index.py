"""`obriy index`: a folder of many images becomes one file that is searched by area and time."""

from pathlib import Path
from typing import Annotated

import typer

PARTIAL = 3


def index(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="images, and folders of them")],
    out: Annotated[
        Path | None, typer.Option(help="the index; default: archive.parquet in the folder")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress")] = False,
) -> None:
    """Index an archive on disk: other commands search it by area and time."""
    from obriy.cli.show import Screen
    from obriy.sources.presence import require_there
    from obriy.workflows.indexing import index_folder

    require_there(str(folder))
    with Screen(quiet).progress() as options:
        show = options.progress
        progress = None if show is None else lambda done, of: show("Indexing", done, of)
        done = index_folder(folder, out or folder / "archive.parquet", progress)
    for file, why in done.left_out.items():
        typer.echo(f"left out: {file}: {why}", err=True)
    typer.echo(f"{done.path}: {done.count} images")
    if done.left_out:
        raise typer.Exit(PARTIAL)
