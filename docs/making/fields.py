"""The fields of `result.json` as a page: kinds from its schema, meanings from the classes."""

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from typing import Any

from griffe import Docstring, DocstringSectionKind

import obriy.model
from obriy.runs.result_file import result_schema

_TOP = """# Fields of `result.json`

Made of the classes that write it. [What it means](../result.md), and the
[JSON schema](../result.schema.json). A field with a star may be missing.
"""


def fields_page() -> str:
    """Return the page, in Markdown."""
    schema, nouns = result_schema(), _nouns()
    objects = {nouns[one["description"]].__name__: one for one in _objects(schema)}
    jobs = [_name(one["$ref"]) for one in schema["anyOf"]]
    lines = [_TOP]
    for title, names in (
        ("What jobs write", jobs),
        ("What it is made of", sorted(set(objects) - set(jobs))),
    ):
        lines += [f"## {title}\n", *(_section(objects[name], nouns) for name in names)]
    return "\n".join(lines)


def _nouns() -> dict[str, type]:
    """Return the classes of `obriy.model` by what they say of themselves, as a schema has it."""
    found = {}
    for room in pkgutil.walk_packages(obriy.model.__path__, "obriy.model."):
        for one in vars(importlib.import_module(room.name)).values():
            if inspect.isclass(one) and one.__doc__ and one.__module__ == room.name:
                found[inspect.cleandoc(one.__doc__)] = one
    return found


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield each object with fields of its own, wherever in the schema it stands."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield schema
        schema = list(schema.values())
    if isinstance(schema, list):
        for one in schema:
            yield from _objects(one)


def _section(schema: dict[str, Any], nouns: dict[str, type]) -> str:
    noun = nouns[schema["description"]]
    meanings, needed = _meanings(noun), schema.get("required", [])
    rows = []
    for field, kind in schema["properties"].items():
        star = "" if field in needed else " \\*"
        meaning = " ".join(meanings.get(field, meanings.get(f"{field}_name", "")).split())
        rows.append(
            f"| `{field}`{star} | {_kind(kind, nouns)} | {meaning.replace('|', '&#124;')} |"
        )
    told = schema["description"].split("\n\n")[0]
    head = "| field | is | |\n|---|---|---|"
    return "\n".join([f"### {noun.__name__}\n", f"{told}\n", head, *rows, ""])


def _meanings(noun: type) -> dict[str, str]:
    """Return what the docstrings of a class and of those above it say of each field."""
    said: dict[str, str] = {}
    for one in reversed(noun.__mro__[:-1]):
        for part in Docstring(one.__doc__ or "").parse("google"):
            if part.kind is DocstringSectionKind.attributes:
                said |= {field.name: field.description for field in part.value}
    return said


def _kind(schema: dict[str, Any], nouns: dict[str, type]) -> str:
    """Return in words what a field may hold."""
    if "$ref" in schema or "properties" in schema:
        shown = schema.get("$ref") or nouns[schema["description"]].__name__
        return f"[{_name(shown)}](#{_name(shown).lower()})"
    if "prefixItems" in schema:
        return f"\\[{', '.join(_kind(one, nouns) for one in schema['prefixItems'])}\\]"
    if "anyOf" in schema:
        return " or ".join(_kind(one, nouns) for one in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"`{json.dumps(one)}`" for one in values)
    for key, words in (("items", "list of"), ("additionalProperties", "by name:")):
        if isinstance(schema.get(key), dict):
            return f"{words} {_kind(schema[key], nouns)}"
    return str(schema.get("type", "any"))


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]
