"""The command that makes images up."""

from pathlib import Path
from typing import Annotated, Final

import typer

from obriy.cli.running import Quiet, Verbose
from obriy.cli.streams import note_loss
from obriy.errors import UsageError

SUMMER: Final = ("2023-04-01", "2023-10-31")
WINTER: Final = ("2020-12-01", "2021-04-15")
"""First and last date where nobody says: of water, of ice."""


def simulate(
    out: Annotated[Path, typer.Argument(help="new folder for images and their truth")],
    *,
    seed: Annotated[int, typer.Option(help="the same seed makes the same place")] = 7,
    size: Annotated[
        str | None, typer.Option(help="pixels: N, or ROWSxCOLUMNS; default: 512")
    ] = None,
    setting: Annotated[
        str, typer.Option(help="easy or hard, _clear or _cloudy; or ice, a bay in winter")
    ] = "hard_cloudy",
    granules: Annotated[
        bool, typer.Option(help="of ice: MOD02HKM, MOD03 and MOD35 files in place of images")
    ] = False,
    sensor: Annotated[
        str | None,
        typer.Option(help="sentinel2_l2a (default), landsat_c2l2 or modis_hkm"),
    ] = None,
    dates: Annotated[str, typer.Option(help="how many, or a list: 2023-05-01,2023-06-01")] = "6",
    start: Annotated[
        str | None, typer.Option(help=f"first date; default: {SUMMER[0]}, of ice {WINTER[0]}")
    ] = None,
    end: Annotated[
        str | None, typer.Option(help=f"last date; default: {SUMMER[1]}, of ice {WINTER[1]}")
    ] = None,
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
    given = {"--size": size, "--sensor": sensor, "--resolution": resolution}
    lost = [name for name, value in given.items() if value is not None]
    if setting == "ice" and lost:
        raise UsageError(
            f"{lost[0]} is not for ice: a bay has its size, and MODIS its pixels.", "Leave it away."
        )
    screen = Screen(quiet)
    first, last = WINTER if setting == "ice" else SUMMER
    spread = dates.isdigit()
    days = dates_between(int(dates), start or first, end or last) if spread else dates.split(",")
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
                size=parse_size(size or "512"),
                seed=seed,
                setting=setting,
                sensor=sensor or "sentinel2_l2a",
                resolution=resolution,
                progress=progress,
            )
    if not quiet:
        for name in ("truth", "districts", "readme"):
            if name in paths:
                typer.echo(f"{name}: {paths[name]}")
    note_loss(out)
