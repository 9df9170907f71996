"""From results to the strings of a report: every number is written here, and only here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from obriy.model.areas import ALL, PARTIAL_ABOVE, WHOLE_IMAGE, Area, AreaSeries
from obriy.model.headline import Headline
from obriy.model.legend import Legend
from obriy.model.provenance import Provenance
from obriy.model.result.water import Estimate
from obriy.model.scores import ClassScore, Scores
from obriy.render.series import district_title
from obriy.render.text import Text

Node = dict[str, Any]
"""``{"name": ..., "text": ...}`` or ``{"name": ..., "items": [Node, ...]}``."""

_MADE = ("simulated", "sample")
"""Schemes of images that no file holds."""
_MEGABYTE = 1_000_000

_OVERALL = ("overall_accuracy", "kappa", "mean_iou")
_BY_CLASS = ("precision", "recall", "f1", "iou")


def answer(
    text: Text,
    result: Mapping[str, Any],
    areas: AreaSeries | None,
    scores: Scores | None,
    share_of_seen: float | None,
) -> dict[str, Any]:
    """Return the first screen: how much water, what was unseen, how far to trust it."""
    total = result.get("area_km2")
    head = Estimate(**{k: v for k, v in result.items() if k in Estimate.model_fields}).estimate()
    rows = () if areas is None else areas.areas
    one = rows[0] if len(rows) == 1 else None
    lines = []
    if result.get("expected_km2") is not None:
        lines.append(text.hectares(result["expected_km2"]))
    if share_of_seen is not None:
        lines.append(text("report.share_of_seen", share=text.percent(share_of_seen)))
    if result.get("mask_area_km2") is not None and result["mask_area_km2"] != total:
        lines.append(text("report.whole_pixels", area=text.area(result["mask_area_km2"])))
    return {
        "label": text("report.water"),
        **figures(text, head, "district" if one is None else place_of(one.district)),
        **({} if total is not None else {"values": [(text("report.area_unknown"), "")]}),
        "lines": lines,
        "seen": _seen(text, result, one),
        "trust": trust_sentence(text, scores),
        "facts": _facts(text, result),
    }


def _seen(text: Text, result: Mapping[str, Any], area: Area | None) -> str:
    """Say what could not be seen: where clouds are unknown, what else hid the ground."""
    share = float(result["unseen_share"])
    if share <= 0 and result.get("unseen") == "unknown":
        return ""
    return seen_sentence(text, share, area) + counts(text, result)


def place_of(district: str) -> str:
    """Return what kind of place a district is: ``image``, ``all``, or ``district``."""
    return district if district in (WHOLE_IMAGE, ALL) else "district"


def figures(text: Text, head: Headline, place: str) -> dict[str, Any]:
    """Return the first figures: the headline of a place with its interval, what was seen.

    Args:
        text: The language.
        head: What leads.
        place: What an estimate is of: ``image``, ``district``, ``all`` or ``sea``.

    Returns:
        ``values`` with their words, ``interval`` likewise or None, ``known``, what ``says`` how far
        the unseen may take the area, and no further ``lines``.
    """
    if head.km2 is None or head.seen_km2 is None:
        values = [(text("report.area_unseen"), "")]
        return {"values": values, "interval": None, "known": False, "says": [], "lines": []}
    whole, unknown = head.of == "whole", head.clouds == "unknown"
    values, says = [(text.area(head.km2), text(f"answer.{place}"))], []
    # Of a place that was seen as a whole both figures are the same.
    if whole and (head.unseen_share > 0 or head.km2 != head.seen_km2):
        values.append((text.area(head.seen_km2), text("answer.seen")))
    if not whole:
        values = [(text.area(head.km2), text(f"answer.{'only_unknown' if unknown else 'only'}"))]
        says.append(text("answer.unknown" if unknown else "answer.not_estimated"))
    if head.clouds == "compared":
        says.append(text("answer.compared"))
    if head.wide and head.bounds_km2 is not None:
        said = text("answer.whatever", bounds=interval_km2(text, head.bounds_km2))
        says.append(f"{said} {text('answer.supposes')}" if whole else said)
    span = head.interval_km2
    shown = None if span is None else (interval_km2(text, span), text("answer.interval"))
    return {"values": values, "interval": shown, "known": True, "says": says, "lines": []}


def _facts(text: Text, result: Mapping[str, Any]) -> list[tuple[str, str]]:
    dates = [d["date"] for d in result.get("dates") or [] if d.get("date")]
    return [
        (text("report.date"), ", ".join(dates) or text("report.date_unknown")),
        (text("report.method"), str(result["method"])),
        (text("report.clear"), seen_share(text, result)),
    ]


def seen_share(text: Text, row: Mapping[str, Any]) -> str:
    """Write the share that was seen; that it is unknown where clouds are."""
    if row.get("unseen") == "unknown":
        return text("report.share_unknown")
    return text.percent(1 - float(row["unseen_share"]))


def counts(text: Text, found: Mapping[str, Any]) -> str:
    """Say that the unseen counts to the estimate; nothing where all was seen, or none is made."""
    none = found["unseen_share"] <= 0 or found.get("expected_km2") is None
    return "" if none else f" {text('answer.counts')}"


def seen_sentence(text: Text, unseen_share: float, area: Area | None) -> str:
    """Say what could not be seen, by cause where it is known."""
    if unseen_share <= 0:
        return text("report.all_seen")
    causes = "" if area is None else causes_of(text, area)
    key = "report.unseen" if causes else "report.unseen_plain"
    return text(key, share=text.percent(unseen_share), causes=causes)


def causes_of(text: Text, area: Area) -> str:
    """List the reasons for which parts of a district were unseen, the largest first."""
    ordered = sorted(area.unseen.items(), key=lambda item: -item[1])
    parts = [
        f"{text.known('unseen', cause).lower()} {text.percent(share)}"
        for cause, share in ordered
        if share > 0
    ]
    return ", ".join(parts)


def trust_sentence(text: Text, scores: Scores | None) -> str:
    """Say how the map fared against a reference, or that nobody knows."""
    if scores is None:
        return text("report.trust_none")
    water = next((c for c in scores.classes if c.name == "water"), None)
    if water is None or water.f1 is None:
        return text("report.trust_undefined")
    key = "report.trust_accuracy" if scores.independent else "report.trust_agreement"
    interval = interval_of(text, scores, "f1", water)
    note = text("report.trust_interval", interval=interval) if interval else ""
    return text(key, f1=score_of(text, water.f1), interval=note)


def districts_table(text: Text, areas: AreaSeries) -> dict[str, Any]:
    """Return the table of areas; columns that hold nothing are left out."""
    names = ("district", "expected", "interval", "expected_ha", "seen_area", "mask_area", "bounds",
             "district_area", "unseen_share", "causes", "status")  # fmt: skip
    rows = [_district_row(text, area) for area in areas.areas]
    keep = [i for i in range(len(names)) if i < 2 or any(row[i] for row in rows)]
    return {
        "header": [text(f"report.{names[i]}") for i in keep],
        "numeric": [0 < i < 9 for i in keep],
        "rows": [[row[i] for i in keep] for row in rows],
    }


def _district_row(text: Text, area: Area) -> list[str]:
    status, unknown = text.known("status", area.status), area.clouds == "unknown"
    # What was unseen has columns of its own; a reason adds something where nothing was measured.
    reason = text.sentence(area.reason) if area.status in ("skipped", "failed") else ""
    return [
        district_title(text, area.district),
        "–" if area.expected_km2 is None else bare(text.area(area.expected_km2)),
        span_km2(text, area.interval_km2),
        "" if area.expected_km2 is None else bare(text.hectares(area.expected_km2)),
        "–" if area.area_km2 is None else bare(text.area(area.area_km2)),
        "" if area.mask_km2 in (None, area.area_km2) else bare(text.area(area.mask_km2)),
        span_km2(text, area.bounds_km2 if unknown or area.unseen_share > PARTIAL_ABOVE else None),
        bare(text.area(area.district_km2)),
        text("report.share_unknown") if unknown else text.percent(area.unseen_share),
        causes_of(text, area),
        f"{status}: {reason}" if reason else status,
    ]


def interval_km2(text: Text, bounds: Sequence[float]) -> str:
    """Write an interval of areas, with the unit once."""
    low, high = (text.area(v) for v in bounds)
    return text.span(bare(low), high)


def span_km2(text: Text, bounds: Sequence[float] | None) -> str:
    """Write an interval of areas without its unit; empty where there is none."""
    return "" if bounds is None else bare(interval_km2(text, bounds))


def bare(quantity: str) -> str:
    """Return the number of a quantity; its unit is in the header."""
    return quantity.rsplit("\u00a0", 1)[0]


def evaluation(text: Text, scores: Scores, legend: Legend) -> dict[str, Any]:
    """Return the tables of an evaluation: an agreement where the reference is not independent."""
    titles = {c.name: c.title.get(text.lang) or c.title["en"] for c in legend}
    inner = scores.without_edges
    notes = [
        *(
            [text("report.reference", source=text.sentence(scores.reference))]
            if scores.reference
            else []
        ),
        text("report.pixels_compared", pixels=text.number(scores.pixels, 0)),
    ]
    if scores.unseen_share > 0:
        notes.append(text("report.reference_unseen", share=text.percent(scores.unseen_share)))
    return {
        "title": text("report.accuracy" if scores.independent else "report.agreement"),
        "warning": "" if scores.independent else text("report.agreement_note"),
        "notes": " ".join(notes),
        "how": [text.sentence(note) for note in scores.notes],
        "edges_note": text("report.edges_note") if inner else "",
        "header": _scores_header(text, inner is not None, scores.intervals is not None),
        "rows": _scores_rows(text, scores, titles),
        "confusion": _confusion(text, scores, titles),
    }


def _scores_header(text: Text, inner: bool, intervals: bool) -> list[str]:
    keys = ["measure", "value"]
    keys += ["interval_score"] if intervals else []
    keys += ["without_edges"] if inner else []
    return [text(f"report.{key}") for key in keys]


def _scores_rows(text: Text, scores: Scores, titles: Mapping[str, str]) -> list[list[str]]:
    """Return a row per score: the whole map first, then water, then the other classes."""
    rows, inner = [], scores.without_edges
    targets: list[tuple[str, ClassScore | None]] = [(key, None) for key in _OVERALL]
    classes = sorted(scores.classes, key=lambda c: c.name != "water")
    targets += [(key, cls) for cls in classes for key in _BY_CLASS]
    for key, cls in targets:
        name = text(f"measures.{key}")
        if cls is not None:
            name = f"{titles.get(cls.name, cls.name)}: {name}"
        row = [name, score_of(text, getattr(cls or scores, key))]
        if scores.intervals is not None:
            row.append(interval_of(text, scores, key, cls))
        if inner is not None:
            row.append(score_of(text, _same(inner, cls, key)))
        rows.append(row)
    return rows


def _same(scores: Scores, cls: ClassScore | None, key: str) -> float | None:
    if cls is None:
        return getattr(scores, key)  # type: ignore[no-any-return]
    found = next((c for c in scores.classes if c.code == cls.code), None)
    return getattr(found, key) if found else None


def score_of(text: Text, value: float | None) -> str:
    """Write a score with three decimals."""
    return text("report.undefined") if value is None else text.number(value, 3)


def interval_of(text: Text, scores: Scores, key: str, cls: ClassScore | None) -> str:
    """Write the interval of a score; empty where there is none."""
    name = f"{cls.name}.{key}" if cls else key
    found = (scores.intervals or {}).get(name)
    return text.span(*(text.number(v, 3) for v in found)) if found else ""


def _confusion(text: Text, scores: Scores, titles: Mapping[str, str]) -> dict[str, Any]:
    names = [titles.get(c.name, c.name) for c in scores.classes]
    rows = [
        [name, *(text.number(n, 0) for n in (*counts, unnamed))]
        for name, counts, unnamed in zip(names, scores.confusion, scores.unnamed, strict=True)
    ]
    header = [text("report.confusion_rows"), *names, text("report.not_named")]
    return {"header": header, "rows": rows}


def decisions(text: Text, provenance: Provenance) -> list[Node]:
    """Return the steps of a record; a step that nobody foresaw is shown by its own names.

    ``by_date`` marks those that are told for each date or image apart: they are folded.
    """
    nodes = []
    for step in provenance.steps:
        details = {key: value for key, value in step.items() if key != "name"}
        nodes.append(
            {
                "name": _step_title(text, step["name"]),
                "items": tree(text, details),
                "by_date": step["name"].endswith(("_by_date", "_by_image")),
            }
        )
    return nodes


def _step_title(text: Text, name: str) -> str:
    """Return what a step is called; some have the date that they are of after their name."""
    kind, _, rest = name.partition(" ")
    return f"{text.known('steps', kind)}: {rest}" if rest else text.known("steps", kind)


def source_title(text: Text, source: str) -> str:
    """Return what people call an image: its file or folder name, or what is made, not read."""
    scheme = source.partition(":")[0]
    if scheme in _MADE and source.startswith(f"{scheme}:"):
        return text(f"report.{scheme}")
    return Path(source).name or source


def inputs_table(text: Text, provenance: Provenance) -> dict[str, Any] | None:
    """Return one table of what was read; columns that hold nothing are left out."""
    inputs = provenance.inputs
    if not inputs:
        return None
    bands = _bands_by_file(provenance)
    keys = dict.fromkeys(key for row in inputs for key in row if key != "href")
    rows = []
    for row in inputs:
        href = str(row.get("href") or "")
        cells = [_cell(text, key, row.get(key)) for key in keys]
        rows.append([source_title(text, href), *cells, ", ".join(bands.get(Path(href).name, ()))])
    names = [text.known("fields", key) for key in ("href", *keys)]
    header = [*(name[:1].upper() + name[1:] for name in names), text("report.input_bands")]
    keep = [i for i in range(len(header)) if i == 0 or any(row[i] for row in rows)]
    folders = {str(Path(row["href"]).parent) for row in inputs if Path(row.get("href", "")).root}
    return {
        "header": [header[i] for i in keep],
        "numeric": [0 < i <= len(keys) for i in keep],
        "rows": [[row[i] for i in keep] for row in rows],
        "folders": [text("report.input_folder", folder=folder) for folder in sorted(folders)],
    }


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
        return f"{text.significant(size, 3)}\u00a0{text('units.kb' if small else 'units.mb')}"
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
