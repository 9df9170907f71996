"""What a run read, decided and wrote, as the end of every report tells it."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from obriy.indices.catalogue import get_index
from obriy.model.layers import layer_of
from obriy.model.provenance import Provenance
from obriy.outputs.report.cells import Column, Table, table
from obriy.render.text import NBSP, Text

Node = dict[str, Any]
"""``{"name": ..., "text": ...}`` or ``{"name": ..., "items": [Node, ...]}``."""

_MADE: Final = ("simulated", "sample")
"""Schemes of images that no file holds."""
_MEGABYTE: Final = 1_000_000
_OF_INDEX: Final = re.compile("(index|sweep)_([a-z0-9]+)(_picture)?")


def source_title(text: Text, source: str) -> str:
    """Return what people call an image: its file or folder name, or what is made, not read."""
    scheme = source.partition(":")[0]
    if scheme in _MADE and source.startswith(f"{scheme}:"):
        return text(f"report.{scheme}")
    return Path(source).name or source


def files(
    text: Text, outputs: Mapping[str, Any], labels: Mapping[str, str], job: str
) -> list[tuple[str, str]]:
    """Return the files of a run, each with what people call it.

    Args:
        text: The language.
        outputs: Paths by output name.
        labels: Other names of outputs under which the table of words has them.
        job: Of the run.
    """
    return [
        (_file_name(text, name, labels.get(name, name), job), Path(str(path)).name)
        for name, path in outputs.items()
    ]


def _file_name(text: Text, output: str, label: str, job: str) -> str:
    """Return what people call a file of a run; some are of an index, as raster, table, picture."""
    layer, own = layer_of(output, job), text.of_class(f"outputs.{output}")
    if layer is not None:
        thing = layer.thing(output)
        name = get_index(thing).name if thing else ""
        return text("outputs.raster", title=own or layer.called(text.lang).format(name=name))
    of_index = _OF_INDEX.fullmatch(output)
    if of_index:
        kind, name, picture = of_index.groups(default="")
        return text(f"outputs.{kind}{picture}", name=get_index(name).name)
    return text.known("outputs", label, job)


def decisions(text: Text, provenance: Provenance) -> list[Node]:
    """Return the steps of a record; a step that nobody foresaw is shown by its own names.

    ``by_date`` marks those that are told for each date or image apart: they are folded.
    """
    return [
        {
            "name": _step_title(text, step["name"]),
            "items": tree(text, {key: value for key, value in step.items() if key != "name"}),
            "by_date": step["name"].endswith(("_by_date", "_by_image")),
        }
        for step in provenance.steps
    ]


def _step_title(text: Text, name: str) -> str:
    """Return what a step is called; some have the date that they are of after their name."""
    kind, _, rest = name.partition(" ")
    return f"{text.known('steps', kind)}: {rest}" if rest else text.known("steps", kind)


def inputs(text: Text, provenance: Provenance) -> tuple[Table, list[str]] | None:
    """Return one table of what was read, and the folders where it lies."""
    read = provenance.inputs
    if not read:
        return None
    bands = _bands_by_file(provenance)
    keys = dict.fromkeys(key for row in read for key in row if key != "href")

    def column(key: str) -> Column:
        return Column(_field(text, key), lambda row: _cell(text, key, row.get(key)))

    def bands_of(row: Mapping[str, Any]) -> str:
        return ", ".join(bands.get(Path(_href(row)).name, ()))

    first = Column(_field(text, "href"), lambda row: source_title(text, _href(row)), numeric=False)
    last = Column(text("report.input_bands"), bands_of, numeric=False)
    folders = {str(Path(_href(row)).parent) for row in read if Path(_href(row)).root}
    where = [text("report.input_folder", folder=folder) for folder in sorted(folders)]
    return table(read, [first, *map(column, keys), last]), where


def _href(row: Mapping[str, Any]) -> str:
    return str(row.get("href") or "")


def _field(text: Text, key: str) -> str:
    name = text.known("fields", key)
    return name[:1].upper() + name[1:]


def _bands_by_file(provenance: Provenance) -> dict[str, list[str]]:
    """Return the names of the bands that each file gave, by file name."""
    read = (provenance.step("bands") or {}).get("read") or {}
    bands: dict[str, list[str]] = {}
    if not isinstance(read, Mapping):
        return bands
    dates = list(read.values()) if all(isinstance(r, Mapping) for r in read.values()) else [read]
    for one in dates:
        for name, where in one.items():
            bands.setdefault(str(where).rpartition(" band ")[0], []).append(str(name))
    return bands


def _cell(text: Text, key: str, value: Any) -> str:
    if value is None:
        return ""
    if key == "bytes":
        small = value < _MEGABYTE
        size = value / (_MEGABYTE / 1000 if small else _MEGABYTE)
        return f"{text.significant(size, 3)}{NBSP}{text('units.kb' if small else 'units.mb')}"
    if key == "seed":
        return str(value)
    return plain(text, value)


def tree(text: Text, values: Mapping[str, Any]) -> list[Node]:
    """Return plain values as named nodes; None and empty ones are left out."""
    nodes: list[Node] = []
    for key, value in values.items():
        if value is None or value == "" or (isinstance(value, Sequence | Mapping) and not value):
            continue
        name = text.known("fields", str(key))
        if isinstance(value, Mapping):
            nodes.append({"name": name, "items": tree(text, value)})
        elif _holds_mappings(value):
            items = [{"name": str(i), "items": tree(text, v)} for i, v in enumerate(value, 1)]
            nodes.append({"name": name, "items": items})
        else:
            nodes.append({"name": name, "text": plain(text, value)})
    return nodes


def _holds_mappings(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(v, Mapping) for v in value)


def plain(text: Text, value: Any) -> str:
    """Write a scalar or a list of them."""
    if isinstance(value, bool):
        return text("report.yes" if value else "report.no")
    if isinstance(value, int):
        return text.number(value, 0)
    if isinstance(value, float):
        return text.significant(value)
    if isinstance(value, list | tuple):
        return ", ".join(plain(text, v) for v in value)
    return text.sentence(str(value))
