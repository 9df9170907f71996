"""What there is to map: the images that sources find in what a user named."""

from collections.abc import Sequence
from pathlib import Path

from obriy.errors import SourceError, UsageError
from obriy.model.item import Item
from obriy.sources.archives import is_archive
from obriy.sources.base import FILES, SOURCES, Query, source_of
from obriy.sources.dates import parse_range
from obriy.sources.entries import is_image_file
from obriy.sources.listing import paths_in
from obriy.sources.presence import check_address, look_first


def find_items(texts: Sequence[str], query: Query | None = None) -> list[Item]:
    """Find the images that a user named and that are read; as `list_items`."""
    return [item for item in list_items(texts, query) if not item.skipped]


def list_items(texts: Sequence[str], query: Query | None = None) -> list[Item]:
    """Find the images that a user named, in the order of time, with those that are not read.

    Args:
        texts: Files, folders, patterns and addresses; what lies in a folder is found by whichever
            source claims it.
        query: Which of them are wanted.

    Raises:
        SourceError: nothing there, what may not be read, or what a source says of what it claimed.
        UsageError: none within ``datetime``.
    """
    try:
        return _found(texts, query or Query())
    except OSError as error:
        raise SourceError(
            f"{error.filename or ', '.join(texts)} cannot be read: {error.strerror or error}.",
            "Check its name, and ask for read permission.",
        ) from error


def _found(texts: Sequence[str], query: Query) -> list[Item]:
    claimed: dict[str, list[str]] = {}
    for text in texts:
        check_address(text)
        look_first(text)
        for name, inside in _claimed(text):
            claimed.setdefault(name, []).append(inside)
    items = [item for name, ones in claimed.items() for item in SOURCES.get(name).find(ones, query)]
    if not items:
        raise _nothing(texts, [one for ones in claimed.values() for one in ones])
    return _within(sorted(items, key=lambda item: (item.time, item.id)), query.datetime)


def _claimed(text: str) -> list[tuple[str, str]]:
    """Return what is to be looked through for a text, each with the name of its source."""
    own = source_of(text)
    if own.endswith(":") or (own != FILES and Path(text).expanduser().exists()):
        return [(own, text)]
    paths = paths_in(text)
    if paths is None:
        return [(own, text)]
    if len(paths) == 1 and not Path(text).expanduser().is_dir():
        return _claimed(str(paths[0]))  # what a pattern alone matches is what is meant
    inside = [str(path) for path in paths if not path.name.startswith(".")]
    named = [(source_of(path), path) for path in inside]
    others = [(name, path) for name, path in named if name != FILES]
    # What is left may be images of their own beside them, or only what belongs to them.
    left = [p for name, p in named if name == FILES and (is_image_file(Path(p)) or is_archive(p))]
    return [*others, (FILES, text)] if left or not others else others


def _nothing(texts: Sequence[str], seen: Sequence[str]) -> SourceError:
    hint = "Name images, granules (MOD02HKM, MYD02HKM, VNP02MOD), or a folder of them."
    if set(seen) == set(texts):
        names = ", ".join(Path(one).name for one in seen[:3])
        return SourceError(
            f"{names} belongs to an image, and is none (positions, clouds, a second picture).", hint
        )
    held = f"only {', '.join(Path(one).name for one in seen[:5])}" if seen else "nothing"
    return SourceError(
        f"There is no image in {', '.join(texts[:3])}: {held}.",
        hint,
    )


def _within(items: list[Item], datetime: str | None) -> list[Item]:
    if datetime is None:
        return items
    first, last = parse_range(datetime)
    inside = [item for item in items if first <= item.date <= last]
    if not inside:
        dates = [item.date for item in items if item.date]
        span = f"they are of {dates[0]} to {dates[-1]}" if dates else "nothing tells their dates"
        raise UsageError(f"No image lies in {datetime}: {span}.", "Give another --datetime A/B.")
    return inside
