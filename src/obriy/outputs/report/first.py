"""The first screen of a report: one best estimate, what belongs to it, how far to trust it."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Final

from obriy.model.areas import ALL, WHOLE_IMAGE
from obriy.model.headline import Headline
from obriy.outputs.report.cells import Table, bare, causes, getter, interval_km2
from obriy.render.text import Text

Named = tuple[str, str]
"""A figure that is written, and what it is."""


_WHY: Final = {"clouds_unknown": "unknown", "errors_unknown": "errors_unknown"}
"""Text that says why a figure is not of the whole, where too little seen is not why."""


@dataclasses.dataclass(frozen=True)
class First:
    """The first screen.

    Attributes:
        label: What is told of.
        value: The headline, and what it is; words alone where there is no figure.
        interval: Its 90 % interval, likewise; None: there is none.
        beneath: Other figures, smaller: what was seen, what was filled.
        known: Whether the headline is a figure.
        plain: The answer in sentences, for whoever reads no further.
        lines: The same in other units.
        says: Sentences on it.
        table: Parts of the whole, where it has such.
        facts: Names and values.
        seen: What could not be seen.
        trust: How far to trust it.
    """

    label: str
    value: Named
    interval: Named | None = None
    beneath: Sequence[Named] = ()
    known: bool = True
    plain: Sequence[str] = ()
    lines: Sequence[str] = ()
    says: Sequence[str] = ()
    table: Table | None = None
    facts: Sequence[Named] = ()
    seen: str = ""
    trust: str = ""


def figures(text: Text, label: str, head: Headline, place: str) -> First:
    """Return the first figures: the headline of a place with its interval, what was seen.

    Args:
        text: The language.
        label: What is told of.
        head: What leads.
        place: What an estimate is of: ``image``, ``district``, ``all`` or ``sea``.
    """
    if head.km2 is None or head.seen_km2 is None:
        return First(label, (text("report.area_unseen"), ""), known=False)
    whole, span = head.of == "whole", head.interval_km2
    unknown = head.clouds == "unknown"
    says = [] if whole else [text(f"answer.{_WHY.get(head.why, 'not_estimated')}")]
    ice = "_ice" if head.what == "ice" else ""
    what = place if whole else f"only_unknown{ice}" if unknown else "only"
    # Of a place that was seen as a whole both figures are the same.
    apart = whole and (head.unseen_share > 0 or head.km2 != head.seen_km2)
    return First(
        label,
        (text.area(head.km2), text(f"answer.{what}")),
        None if span is None else (interval_km2(text, span), text("answer.interval")),
        [(text.area(head.seen_km2), text("answer.seen"))] if apart else [],
        says=[*says, *_reach(text, head)],
    )


def _reach(text: Text, head: Headline) -> list[str]:
    """Say how far the unseen may take the area."""
    said = [text.sentence(head.caution)] if head.caution else []
    said += [text("answer.compared")] if head.clouds == "compared" else []
    if head.wide and head.bounds_km2 is not None:
        key = "whatever" if head.of == "whole" else "whatever_seen"
        whatever = text(f"answer.{key}", bounds=interval_km2(text, head.bounds_km2))
        said.append(f"{whatever} {text('answer.supposes')}" if head.of == "whole" else whatever)
    return said


_MUCH: Final = 100.0
"""km² from which nobody counts in hectares."""


def in_words(text: Text, head: Headline, when: str, place: str, *made: str) -> list[str]:
    """Say what the figure is, its range, and what it was made from, as one would say it aloud.

    Args:
        text: The language.
        head: What leads.
        when: The day or the days, in words; empty: not known.
        place: What it is of, as in `figures`.
        made: Sentences on the images.
    """
    if head.km2 is None:
        return list(made)
    area = text.area(head.km2)
    if head.km2 < _MUCH:
        area = f"{area} ({text.hectares(head.km2)})"
    values = {
        "area": area,
        "what": text(f"plain.{'ice' if head.what == 'ice' else 'water'}"),
        "place": text(f"plain.{place}"),
        "when": when or text("plain.once"),
    }
    said = [text(f"plain.{_kind(head)}", **values)]
    if head.interval_km2 is not None:
        low, high = (text.area(value) for value in head.interval_km2)
        said.append(text("plain.range", low=bare(low), high=high))
    return [*said, *made]


def _kind(head: Headline) -> str:
    """Return how the figure is told: estimated, of a map that shows all, or of what was seen."""
    if head.of == "whole":
        return "whole"
    return "mapped" if head.why == "errors_unknown" and head.unseen_share <= 0 else "seen"


def districts_seen(text: Text, areas: Sequence[Any]) -> list[Named]:
    """Say of how many districts something was seen, where that is not all of them."""
    names = {area.district for area in areas}
    seen = {area.district for area in areas if area.area_km2 is not None}
    if len(seen) == len(names):
        return []
    counts = {"seen": text.number(len(seen), 0), "all": text.number(len(names), 0)}
    return [(text("report.districts_seen"), text("report.districts_of", **counts))]


def place_of(district: str) -> str:
    """Return what kind of place a district is: ``image``, ``all``, or ``district``."""
    return district if district in (WHOLE_IMAGE, ALL) else "district"


def could_not_be_seen(text: Text, found: Any, area: Any | None, section: str = "report") -> str:
    """Say what could not be seen, by cause where it is known, and whether it counts.

    Args:
        text: The language.
        found: Has ``unseen_share`` and ``expected_km2``.
        area: What was measured, where one place and one image make it.
        section: Of the words.
    """
    share = float(getter("unseen_share")(found))
    if share <= 0:
        return text(f"{section}.all_seen")
    why = causes(text, area)
    key = f"{section}.unseen" if why else f"{section}.unseen_plain"
    said = text(key, share=text.percent(share), causes=why)
    return said if getter("expected_km2")(found) is None else f"{said} {text('answer.counts')}"
