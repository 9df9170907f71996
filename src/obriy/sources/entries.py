"""What a folder holds, or a pattern matches: files, sub-folders and archives that may be images."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from obriy.errors import SourceError
from obriy.sources.archives import still_packed
from obriy.sources.base import FILES, source_of
from obriy.sources.beside import is_image
from obriy.sources.dates import date_in, readings, time_in
from obriy.sources.listing import SUFFIXES, holds_images, what_holds

NOT_IMAGES: Final = ("truth", "labels")
"""Sub-folders of what is known of the images beside them."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file, or a sub-folder with the files of one date.

    Attributes:
        path: It.
        files: Its files.
        also: More names that may date it. Of a sub-folder with no image beside it those of its
            files: beside an image, a folder holds a reference, or what else goes with it. Of a
            file that a pattern found in one of several folders, the name of that folder.
    """

    path: Path
    files: tuple[Path, ...]
    also: tuple[str, ...] = ()

    @property
    def is_file(self) -> bool:
        """Whether it is a file."""
        return self.files == (self.path,)

    @property
    def names(self) -> list[str]:
        """Names that may tell its date, the best first."""
        return [self.path.name, *self.also]

    def time(self, day_first: bool | None) -> str | None:
        """Return the time in its name, or the one on which the other names agree."""
        own, *others = (_time_in(name, day_first) for name in self.names)
        told = set(others) - {None}
        return own or (told.pop() if len(told) == 1 else None)


def entries_of(text: str, inside: Sequence[Path]) -> list[Entry]:
    """Return what may be an image among the paths in a folder, or of a pattern.

    Args:
        text: The folder or the pattern.
        inside: The paths, see `obriy.sources.listing.paths_in`.

    Raises:
        SourceError: there is none.
    """
    several = len({path.parent for path in inside}) > 1
    entries = [
        Entry(path, (path,), (path.parent.name,) if several else ())
        for path in inside
        if is_image_file(path)
    ]
    alone = not entries
    for sub in inside:
        if sub.is_dir() and sub.name not in NOT_IMAGES and _is_left(sub):
            files = tuple(path for path in sorted(sub.iterdir()) if is_image_file(path))
            names = tuple(file.name for file in files if alone)
            entries += [Entry(sub, files, names)] if files else []
    images = [path for path in inside if path.is_dir() or is_image_file(path)]
    for path in filter(_is_left, still_packed(inside, images)):
        # Beside images one without a date, or with something else in it, goes with them.
        if alone or (any(readings(path.name)) and holds_images(path)):
            entries.append(Entry(path, (path,)))
    if not entries:
        shown = ", ".join(path.name for path in inside[:5])
        raise SourceError(
            f"{what_holds(text)} no image ({', '.join(SUFFIXES)}), but {shown}."
            if shown
            else f"The folder {text} is empty.",
            "Name the folder in which the dated images lie.",
        )
    return entries


def is_image_file(path: Path) -> bool:
    """Say whether a file is an image that no other source claims, nor belongs to one."""
    named = path.name.lower().endswith(SUFFIXES) and is_image(path.name)
    return named and path.is_file() and _is_left(path)


def _is_left(path: Path) -> bool:
    """Say whether no other source claims a path; a hidden one is nobody's."""
    return not path.name.startswith(".") and source_of(str(path)) == FILES


def _time_in(name: str, day_first: bool | None) -> str | None:
    """Return the time in a name; its day alone, where the name has one that may be two days."""
    return time_in(name) or date_in(name, day_first=day_first)
