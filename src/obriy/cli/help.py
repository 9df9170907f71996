"""How `--help` of a command is laid out: what matters first, then the rest by what it is about."""

from typing import Any, Final

from typer.core import TyperCommand

FIRST: Final = "Options"
GROUPS: Final[dict[str, tuple[str, ...]]] = {
    FIRST: (
        "aoi", "datetime", "method", "methods", "sweep", "labellers", "clusters", "reference",
        "out",
    ),
    "What the images are": (
        "sensor", "bands", "force_bands", "scale", "offset", "nodata", "resolution", "clouds",
        "geolocation", "crs", "land", "resampling", "layer", "reference_legend",
        "reference_outside", "dem", "data",
    ),
    "How it is done": (),
    "What comes out": ("outputs", "lang", "json", "dry_run", "quiet", "verbose", "help"),
    "The machine": ("workers", "max_ram", "scheduler", "device"),
}  # fmt: skip
"""Options by group; those that stand in none say how it is done."""
_REST: Final = "How it is done"


class GroupedCommand(TyperCommand):
    """A command whose options are listed by group."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options, group by group."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], **{g: [] for g in GROUPS}}
        for param in sorted(self.get_params(ctx), key=_place):
            line = param.get_help_record(ctx)
            if line is not None:
                is_argument = param.param_type_name == "argument"
                sections["Arguments" if is_argument else _group(param.name)].append(line)
        for title, lines in sections.items():
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)


def _group(name: str | None) -> str:
    return next((title for title, names in GROUPS.items() if _plain(name) in names), _REST)


def _place(param: Any) -> int:
    """Return where an option stands in its group; the others keep their order behind."""
    names = GROUPS[_group(param.name)]
    return names.index(_plain(param.name)) if _plain(param.name) in names else len(names)


def _plain(name: str | None) -> str:
    """Return the name of a field as it stands in a configuration."""
    return (name or "").removesuffix("_").removeprefix("as_")
