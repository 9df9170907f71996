"""How `--help` of a command is laid out: what matters first, then the rest by what it is about."""

from typing import Any

from typer.core import TyperCommand

from obriy.workflows.config.groups import GROUPS, OUTPUT


class GroupedCommand(TyperCommand):
    """A command whose options are listed by group, in the order in which it has them."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options, group by group."""
        sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], **{g: [] for g in GROUPS}}
        for param in self.get_params(ctx):
            line = param.get_help_record(ctx)
            if line is not None:
                sections[getattr(param, "rich_help_panel", None) or OUTPUT].append(line)
        for title, lines in sections.items():
            if lines:
                with formatter.section(title):
                    formatter.write_dl(lines)
