"""What catalogues answered is kept: a run is repeated with the network off, on the same images."""

import datetime as dt
import json
from typing import Any, Final

from obriy.errors import SourceError
from obriy.model.notices import notice
from obriy.net import cache
from obriy.sources.stac.catalogues import Catalogue
from obriy.sources.stac.search import Raw, Wanted, ask

_SETTLED_DAYS: Final = 30
"""Days after a period when a catalogue has listed what there is of it: it is not asked again."""
_KIND: Final = "answers"


def answer_of(catalogue: Catalogue, wanted: Wanted) -> tuple[list[Raw], list[str]]:
    """Return what a catalogue lists, asked once for a period that is long past.

    Returns:
        Its items, and what is said of the answer: an old one stands where it is silent.

    Raises:
        SourceError: a catalogue that does not answer, and never did.
    """
    if "://" not in catalogue.href:
        return ask(catalogue, wanted)
    key = json.dumps([catalogue.href, catalogue.collections, wanted.interval, wanted.boxes()])
    kept = _kept(key)
    if kept is not None and kept["at"][:10] >= wanted.widened(_SETTLED_DAYS).last:
        return kept["items"], []
    try:
        items, odd = ask(catalogue, wanted)
    except SourceError:
        if kept is None:
            raise
        said = notice("catalogue_kept", name=catalogue.title, day=kept["at"][:10])
        return kept["items"], [said]
    if items:
        now = dt.datetime.now(dt.UTC).isoformat()
        cache.save(_KIND, key, json.dumps({"at": now, "items": items}).encode())
    return items, odd


def _kept(key: str) -> dict[str, Any] | None:
    """Return the answer that is kept; None where there is none, or it is to be asked anew."""
    content = cache.load(_KIND, key)
    if content is None:
        return None
    try:
        kept: dict[str, Any] = json.loads(content)
        made = dt.datetime.fromisoformat(kept["at"]).timestamp()
    except (ValueError, KeyError, TypeError):
        return None
    return None if cache.is_outdated(made) else kept
