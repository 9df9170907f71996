"""Command-line options made from the fields of a configuration: one source for both."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from pydantic import BeforeValidator
from pydantic.fields import FieldInfo

from obriy.workflows.config.base import ARGUMENT, JobConfig

_PLAIN = (bool, int, float, Path)


def with_config_options(
    kind: type[JobConfig],
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command ``f(values, **own)`` an option for each field of a configuration.

    The command gets the fields that the user set as one mapping, ``values``.
    """
    fields = [(f.alias or n, f) for n, f in kind.model_fields.items() if n != "job"]
    fields.sort(key=lambda item: not _is_argument(item[1]))

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        given_own = inspect.signature(function).parameters.items()
        own = [p.replace(kind=p.KEYWORD_ONLY) for name, p in given_own if name != "values"]

        def command(**given: Any) -> None:
            values = {name: given.pop(name) for name, _ in fields}
            for old, new in kind.FORMERLY.items():
                values[new] = _by_its_old_name(old, given.pop(old), new, values[new])
            function({name: v for name, v in values.items() if v is not None}, **given)

        old_names = [_hidden(name) for name in kind.FORMERLY]
        parameters = [*(_parameter(name, field) for name, field in fields), *old_names, *own]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        command.__doc__ = function.__doc__
        command.__name__ = function.__name__
        return command

    return decorate


def _is_argument(field: FieldInfo) -> bool:
    return field.json_schema_extra == ARGUMENT


def _is_variadic(field: FieldInfo) -> bool:
    """Say whether several may stand without an option, e.g. folders."""
    return _is_argument(field) and get_origin(field.annotation) is list


def _hidden(name: str) -> inspect.Parameter:
    """Return the parameter of an option that is understood still, and listed no more."""
    kind = Annotated[str | None, typer.Option(_flag(name), hidden=True)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)


def _by_its_old_name(old: str, value: str | None, new: str, given: Any) -> Any:
    if value is None:
        return given
    typer.echo(f"note: {_flag(old)} is called {_flag(new)} now.", err=True)
    return value if given is None else given


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    """Return the typer parameter of a field; None stands for "not given"."""
    if _is_argument(field):
        shown: Any = typer.Argument(help=_help(field), show_default=False)
    else:
        shown = typer.Option(_flag(name), help=_help(field), show_default=False)
    # What a validator reads first may be a word where a number stands otherwise: "auto".
    reads_text = any(isinstance(part, BeforeValidator) for part in field.metadata)
    kind = str if reads_text else _plain_type(field.annotation)
    if _is_variadic(field):
        kind = field.annotation
    return inspect.Parameter(
        name,
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
