"""Command-line options made from the fields of a configuration: one source for both."""

import contextlib
import inspect
import keyword
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from obriy.errors import UsageError
from obriy.workflows.config.base import ARGUMENT, JobConfig
from obriy.workflows.config.groups import group_of, in_order

_PLAIN = (bool, int, float, Path)


def job_command(kind: type[JobConfig], function: Callable[..., None]) -> Callable[..., None]:
    """Return a command that has an option for each field of a configuration.

    Old names of options are understood, and listed no more; what stands without an option may
    have its name before it, as it has in ``config.yaml``.

    Args:
        kind: The configuration; what is said of it is the help of the command.
        function: ``f(values, **own)``: takes what the user set as one mapping, and has options of
            its own.
    """
    fields = {field.alias or name: field for name, field in kind.model_fields.items()}
    argument, named = kind.argument(), f"{kind.argument()}_by_name"
    options = in_order([n for n in fields if n not in ("job", argument)], kind.FIRST)

    def command(**given: Any) -> None:
        read = {
            name: given.pop(_of_python(name))
            for name in (argument, *options, *kind.FORMERLY, named)
        }
        values = {name: value for name, value in read.items() if value is not None}
        if named in values:
            if argument in values:
                raise UsageError(f"--{argument} is said twice: {values[argument]} and "
                                 f"{values[named]}.", "Name one.")  # fmt: skip
            values[argument] = values.pop(named)
        function(values, **given)

    own = list(inspect.signature(function).parameters.values())[1:]
    parameters = [
        *(_parameter(name, fields[name], kind.FIRST) for name in (argument, *options)),
        *(_hidden(name, name) for name in kind.FORMERLY),
        _hidden(named, argument),
        *(parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in own),
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    command.__doc__ = kind.__doc__
    return command


@contextlib.contextmanager
def noting_old_names() -> Iterator[None]:
    """Say on standard error which old names were used where configurations are made."""
    with warnings.catch_warnings(record=True, action="always", category=DeprecationWarning) as old:
        yield
    for one in old:
        typer.echo(f"note: {one.message}", err=True)


def _is_argument(field: FieldInfo) -> bool:
    return field.json_schema_extra == ARGUMENT


def _is_variadic(field: FieldInfo) -> bool:
    """Say whether several may stand without an option, e.g. folders."""
    return _is_argument(field) and get_origin(field.annotation) is list


def _hidden(name: str, option: str) -> inspect.Parameter:
    """Return the parameter of an option that is understood, and not listed."""
    kind = Annotated[str | None, typer.Option(_flag(option), hidden=True)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _of_python(name: str) -> str:
    """Return the name of an option as that of a parameter: ``class`` can be none."""
    return f"{name}_" if keyword.iskeyword(name) else name


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _parameter(name: str, field: FieldInfo, first: Sequence[str]) -> inspect.Parameter:
    """Return the typer parameter of a field; None stands for "not given"."""
    if _is_argument(field):
        shown: Any = typer.Argument(
            help=_help(field), show_default=False, rich_help_panel="Arguments"
        )
    else:
        group = group_of(name, first)
        shown = typer.Option(
            _flag(name), help=_help(field), show_default=False, rich_help_panel=group
        )
    # What a validator reads first may be a word where a number stands otherwise: "auto".
    reads_text = any(isinstance(part, BeforeValidator) for part in field.metadata)
    kind = str if reads_text else _plain_type(field.annotation)
    if _is_variadic(field):
        kind = field.annotation
    return inspect.Parameter(
        _of_python(name),
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, shown],
    )


def _help(field: FieldInfo) -> str:
    """Return the description with the default, where there is one and it does not say it."""
    told = field.description or ""
    usual = field.default
    nothing = usual is None or usual is False or usual == []
    silent = nothing or "default" in told or field.default_factory
    return told if silent else f"{told}; default: {_text(usual)}"


def _plain_type(annotation: Any) -> Any:
    """Return the type that the command line parses; all else is text."""
    options = [a for a in get_args(annotation) if a is not type(None)] or [annotation]
    kind = options[0]
    if hasattr(kind, "__metadata__"):  # a validator reads what the plain type parsed
        kind = get_args(kind)[0]
    if get_origin(annotation) is Literal or get_origin(kind) is Literal:
        return str
    return kind if kind in _PLAIN or get_origin(kind) is tuple else str


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
