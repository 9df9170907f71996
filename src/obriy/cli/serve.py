"""`obriy serve`: parses; the page itself is `obriy.web`, loaded on use."""

import importlib
import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from obriy.cli.running import Verbose
from obriy.errors import MissingExtraError
from obriy.installation import install_hint

_NEEDS = ("nicegui", "rio_tiler", "multipart")


def serve(  # noqa: PLR0917 - options of a command
    folder: Annotated[Path, typer.Argument(help="folder of runs; made where it is not there")] = (
        Path("obriy-runs")
    ),
    data: Annotated[
        list[Path] | None, typer.Option(help="folder with images to choose from; may be repeated")
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free")] = 8080,
    host: Annotated[
        str, typer.Option(help="where to listen; beyond this machine a token is asked for")
    ] = "127.0.0.1",
    allow: Annotated[
        list[str] | None,
        typer.Option(help="beginning of addresses and labellers that may be called for a reader"),
    ] = None,
    basemap: Annotated[
        str, typer.Option(help="address of tiles under the maps, with {z}, {x}, {y}")
    ] = "",
    *,
    verbose: Verbose = False,
) -> None:
    """Open a page on this machine: start runs, see maps, read figures. It calls nobody."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDS):
        raise MissingExtraError("The page is not installed.", install_hint("web"))
    page = importlib.import_module("obriy.web.serve")
    page.serve(folder, data=data or [], host=host, port=port, allow=allow or [], basemap=basemap)
