"""What a run would do, before it does: in sentences, as a table of images, and all of it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyproj
from nicegui import ui

from obriy.model.layers import layer_of
from obriy.outputs.report.cells import Table
from obriy.outputs.report.record import tree
from obriy.render.text import Text, text_of
from obriy.web.pages.frame import Reader, card, heading, listing, table
from obriy.web.words import Words

_MEGABYTE: Final = 1e6
_LINE_MB_S: Final = 5.0
"""A usual line, 40 Mbit/s: what a time of reading is told for."""
_UNITS: Final = {"metre": "\u00a0m", "degree": "°"}
_MOST_ROWS: Final = 200
_COLUMNS: Final = ("date", "image", "cloud", "megabytes", "becomes")


def build(plan: Mapping[str, Any], job: str, reader: Reader) -> None:
    """Show a plan of a job, as `plan_job` returns it, or why there is none."""
    words, text = reader.words, text_of(reader.lang)
    with card(words("plan")):
        if "error" in plan:
            ui.label(str(plan["error"])).classes("ob-bad").props('role="alert"')
            return
        listing(_sentences(plan, job, words, text))
        rows = _rows(plan, words, text)
        if rows:
            heading(words("plan_images"), 3)
            header = [words(f"plan_{name}") for name in _COLUMNS]
            used = [n for n in range(len(header)) if any(row[n] for row in rows)]
            shown = [[row[n] for n in used] for row in rows[:_MOST_ROWS]]
            numeric = [_COLUMNS[n] in ("cloud", "megabytes") for n in used]
            table(Table([header[n] for n in used], numeric, shown), words("plan_images"))
        panel = plan.get("panel") or {}
        if any(cost["calls"] for cost in panel.values()):
            heading(words("plan_panel"), 3)
            _panel(panel, words, text)
        with ui.expansion(words("plan_all"), icon="list").classes("w-full"):
            nodes(tree(text, plan))


def _sentences(plan: Mapping[str, Any], job: str, words: Words, text: Text) -> list[str]:
    """Return what will be read, where, how, what it takes, and what comes out."""
    said = [_of_images(plan, words, text), _of_grid(plan, words, text)]
    districts = plan.get("districts") or []
    if districts:
        names = ", ".join(text.place(str(name)) for name in districts[:5])
        more = " …" if len(districts) > 5 else ""
        said.append(words("plan_districts", count=len(districts), names=names + more))
    else:
        said.append(words("plan_whole"))
    said += [_of_reading(plan, words, text)]
    method = str(plan.get("method") or "")
    if method:
        said.append(words("plan_method", method=method))
    bands = plan.get("bands_read") or []
    if bands:
        said.append(words("plan_bands", bands=", ".join(map(str, bands))))
    if plan.get("reference"):
        said.append(words("plan_reference", reference=text.sentence(str(plan["reference"]))))
    panel = plan.get("panel") or {}
    if panel and not any(cost["calls"] for cost in panel.values()):
        said.append(words("plan_free", names=", ".join(panel)))
    outputs = ", ".join(_output(str(name), job, words, text) for name in plan.get("outputs") or [])
    if outputs:
        said.append(words("plan_outputs", outputs=outputs))
    said += [text.sentence(str(note)) for note in plan.get("notes") or []]
    return [one for one in said if one]


def _output(name: str, job: str, words: Words, text: Text) -> str:
    """Return what people call something that a run of a job can write."""
    layer = layer_of(name, job)
    if name == "report":
        return words("report")
    return layer.called(text.lang) if layer else text.known("outputs", name, job)


def _of_images(plan: Mapping[str, Any], words: Words, text: Text) -> str:
    dates = sorted(str(one)[:10] for one in plan.get("dates") or plan.get("maps") or [])
    count = len(plan.get("images") or dates) or 1
    when = " – ".join(dict.fromkeys([dates[0], dates[-1]])) if dates else ""
    left = len(plan.get("skipped") or ())
    failed = len(plan.get("failed") or ())
    said = words("plan_count", count=text.number(count, 0))
    said += f", {when}" if when else ""
    said += f"; {words('plan_left', count=left)}" if left else ""
    return said + (f"; {words('plan_failed', count=failed)}" if failed else "") + "."


def _of_grid(plan: Mapping[str, Any], words: Words, text: Text) -> str:
    grid = plan.get("grid")
    if not grid:
        return ""
    rows, columns = grid["shape"]
    size = f"{text.number(rows, 0)} × {text.number(columns, 0)}"
    pixel = text.significant(abs(float(grid["affine"][0])), 3)
    crs = grid["crs"]
    if crs is None:
        return words("plan_grid", size=size, pixel=pixel, crs=words("plan_no_crs"))
    unit = pyproj.CRS(crs).axis_info[0].unit_name
    return words("plan_grid", size=size, pixel=f"{pixel}{_UNITS.get(unit, f' {unit}')}", crs=crs)


def _of_reading(plan: Mapping[str, Any], words: Words, text: Text) -> str:
    """Return what reading of the network takes; of what lies here, that it takes none."""
    if "bytes" not in plan:
        return words("plan_here")
    megabytes = float(plan["bytes"] or 0) / _MEGABYTE
    said = words(
        "plan_far",
        megabytes=text.significant(megabytes, 2),
        requests=text.number(float(plan.get("requests") or 0), 0),
        time=words.time(megabytes / _LINE_MB_S),
    )
    units = plan.get("processing_units")
    return said + (f" {words('plan_units', units=text.significant(units, 3))}" if units else "")


def _rows(plan: Mapping[str, Any], words: Words, text: Text) -> list[list[str]]:
    """Return a row for each image: date, name, clouds, bytes, what becomes of it."""
    read = [_row(one, words("plan_read"), text) for one in plan.get("images") or []]
    left = [_row(one, text.sentence(str(one["why"])), text) for one in plan.get("skipped") or []]
    if read or left:
        return [*read, *left]
    failed = plan.get("failed") or {}
    clouds = plan.get("cloud_percent")
    known = clouds if isinstance(clouds, Mapping) else {}
    return [
        [str(date), "", _cloud(known.get(date), text), "",
         text.sentence(str(failed[date])) if date in failed else words("plan_read")]
        for date in dict.fromkeys([*(plan.get("dates") or []), *failed])
    ]  # fmt: skip


def _row(one: Mapping[str, Any], becomes: str, text: Text) -> list[str]:
    size = one.get("bytes")
    why = str(one.get("fails") or one.get("reason") or "")
    return [
        str(one.get("date") or one.get("time") or "")[:16],
        str(one.get("id") or one.get("name") or ""),
        _cloud(one.get("cloud_percent"), text),
        "" if size is None else text.significant(float(size) / _MEGABYTE, 3),
        text.sentence(why) if why else becomes,
    ]


def _cloud(value: float | None, text: Text) -> str:
    return "" if value is None else text.percent(value / 100, 0)


def _panel(panel: Mapping[str, Any], words: Words, text: Text) -> None:
    rows = [
        [
            name,
            text.number(cost["calls"], 0),
            text.number(cost["tokens"], 0),
            words("plan_no_price") if cost["usd"] is None else text.number(cost["usd"], 2),
        ]
        for name, cost in panel.items()
    ]
    header = [words(f"plan_{name}") for name in ("labeller", "calls", "tokens", "usd")]
    table(Table(header, [False, True, True, True], rows), words("plan_panel"))
    ui.label(words("plan_panel_says")).classes("ob-soft")


def nodes(found: Sequence[Mapping[str, Any]]) -> None:
    """Show named values, one in the other."""
    with ui.element("ul").classes("ob-tree"):
        for node in found:
            with ui.element("li"):
                if "items" in node:
                    ui.label(node["name"]).style("font-weight:600")
                    nodes(node["items"])
                else:
                    ui.label(f"{node['name']}: {node['text']}")
