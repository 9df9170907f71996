"""`obriy cache`: what is kept of the network, and how it is let go of."""

from collections import defaultdict
from typing import Annotated

import typer


def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="let go of all but what a run reads by parts right now")
    ] = False,
) -> None:
    """Show what is kept of the network, or clear it."""
    from obriy.net import cache as kept
    from obriy.settings import settings

    typer.echo(f"{kept.root()} (OBRIY_CACHE), at most {settings().cache_gb:g} GB (OBRIY_CACHE_GB)")
    if clear:
        freed, stayed = kept.clear()
        busy = f"; {stayed} in use stay" if stayed else ""
        typer.echo(f"{_size(freed)} freed{busy}")
        return
    sizes = defaultdict[str, list[int]](list)
    for entry in kept.entries():
        sizes[entry.folder.parents[1].name].append(entry.size)
    for kind, own in sorted(sizes.items()):
        typer.echo(f"{kind:10} {len(own):6} {_size(sum(own)):>10}")
    if not sizes:
        typer.echo("nothing is kept")


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
