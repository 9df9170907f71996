"""The commands as a page, from what `--help` is made of."""

from typing import Any

import typer
import typer.main

from obriy.cli.commands import app
from obriy.workflows.config.groups import OUTPUT

_TOP = """# Commands

Made of the commands themselves: `obriy COMMAND --help` says the same. Results go to standard
output, messages to standard error; exit codes: 0 complete, 1 error, 2 usage, 3 a part failed.
"""
_MARKS = "|*_[]<>&`\\"


def commands_page() -> str:
    """Return the page, in Markdown."""
    return "\n".join([_TOP, *_sections(typer.main.get_command(app), ["obriy"])])


def _sections(command: Any, words: list[str]) -> list[str]:
    """Return what is said of a command and of those under it, one section each."""
    if hasattr(command, "commands"):
        parts = [_sections(one, [*words, name]) for name, one in command.commands.items()]
        return [line for part in parts for line in part]
    context = typer.Context(command, info_name=" ".join(words))
    usage = " ".join([*words, *command.collect_usage_pieces(context)])
    title = " ".join(words[1:])
    return [f"## {title}\n", f"{command.help or ''}\n", f"```\n{usage}\n```\n",
            *_tables(command, context)]  # fmt: skip


def _tables(command: Any, context: typer.Context) -> list[str]:
    """Return the options, a table for each group in the order that help has."""
    groups: dict[str, list[str]] = {}
    for param in command.get_params(context):
        record = param.get_help_record(context)
        if record is not None:
            group = getattr(param, "rich_help_panel", None) or OUTPUT
            groups.setdefault(group, []).append(f"| `{record[0]}` | {_cell(record[1])} |")
    return [
        f"| {title} | |\n|---|---|\n" + "\n".join(rows) + "\n" for title, rows in groups.items()
    ]


def _cell(text: str) -> str:
    """Return words as they are, whatever Markdown would make of them."""
    return "".join(f"&#{ord(sign)};" if sign in _MARKS else sign for sign in text)
