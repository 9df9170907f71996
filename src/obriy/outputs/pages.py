"""What all reports have in common: the frame of the page, and how it is rendered."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from obriy.indices.catalogue import get_index
from obriy.model.layers import layer_of
from obriy.model.provenance import Provenance, versions
from obriy.outputs import report_view
from obriy.render.text import Text

_OF_INDEX: Final = re.compile("(index|sweep)_([a-z0-9]+)(_picture)?")


def render_page(template: str, values: Mapping[str, Any]) -> str:
    """Return a page as HTML.

    Args:
        template: A file of ``outputs/templates``.
        values: What it shows; a name that it misses is an error.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("obriy.outputs"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)


def frame(
    text: Text,
    title: str,
    result: Mapping[str, Any],
    provenance: Provenance,
    *,
    labels: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return what every report shows around its own sections, in the language of ``text``.

    Args:
        text: The language.
        title: What was mapped.
        result: ``result.json`` as plain values: warnings, outputs and command are taken.
        provenance: What was read and decided.
        labels: Other names of outputs under which the table of words has them.
    """
    warnings = result.get("provenance", {}).get("warnings") or provenance.warnings
    software = versions()
    known = labels or {}
    return {
        "t": text,
        "lang": text.lang,
        "title": title,
        "warnings": [text.sentence(warning) for warning in warnings],
        "warnings_below": text("report.warnings_below", count=len(warnings)),
        "decisions": report_view.decisions(text, provenance),
        "inputs": report_view.inputs_table(text, provenance),
        "command": result.get("command") or "",
        "files": [
            (_file_name(text, name, known, result.get("job", "")), Path(str(path)).name)
            for name, path in (result.get("outputs") or {}).items()
        ],
        "software": list(software.items()),
        "made_by": text("report.made_by", version=software["obriy"]),
    }


def _file_name(text: Text, output: str, labels: Mapping[str, str], job: str) -> str:
    """Return what people call a file of a run; some are of an index, as raster, table, picture."""
    layer = layer_of(output, job)
    if layer is not None:
        thing = layer.thing(output)
        return text(
            "outputs.raster",
            title=layer.title[text.lang].format(name=get_index(thing).name if thing else ""),
        )
    of_index = _OF_INDEX.fullmatch(output)
    if of_index:
        kind, name, picture = of_index.groups(default="")
        return text(f"outputs.{kind}{picture}", name=get_index(name).name)
    return text.known("outputs", labels.get(output, output))
