"""Which files a client may name: those in the folders that the server was given, and no others.

A client names a file as ``folder:NAME/relative/path``; what else it writes must lead to no file.
"""

import dataclasses
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from obriy.errors import UsageError
from obriy.runs.fingerprint import local_places
from obriy.sources.base import addresses
from obriy.workflows.config.base import JobConfig, make_config
from obriy.workflows.config.words import is_text

FOLDER: Final = "folder:"
UPLOADS: Final = "uploads"
RUNS: Final = "runs"
MOST_LISTED: Final = 500
"""Files of a folder that a page offers to choose from."""
_HEADS: Final = ("gsw:", "replay:", "student:")
"""Words that stand before the name of a file."""
SCHEDULERS: Final = ("tcp:", "tls:")
"""What the addresses of Dask's schedulers begin with."""
_OFFLINE: Final = ("sample:", "simulated:")
"""Addresses of sources that call nobody."""
_CALLING: Final = {"labellers": ("spectral", "replay:"), "model": (), "scheduler": ()}
"""Fields whose words may name a service, and the words that name none."""
_OURS: Final = ("out", "workers", "max_ram", "device")
"""Options of the machine: they are the server's, and no client's."""


@dataclasses.dataclass(frozen=True)
class Places:
    """What a client may name.

    Attributes:
        folders: By name; absolute.
        allowed: Beginnings of addresses and services that may be called for a client.
    """

    folders: Mapping[str, Path]
    allowed: tuple[str, ...] = ()

    def file(self, text: str) -> Path:
        """Return the file or folder that ``folder:NAME/path`` means.

        Raises:
            UsageError: where it leads out of the folders, or to nothing.
        """
        name, _, rest = text.removeprefix(FOLDER).partition("/")
        parts = PurePosixPath(rest).parts
        hidden = any(part.startswith((".", "/")) or "\\" in part for part in parts)
        if name not in self.folders or hidden or not is_text(text):
            raise _nothing(text)
        path = self.folders[name].joinpath(*parts)
        if not path.exists() or not self.holds(path):
            raise _nothing(text)
        return path

    def holds(self, path: Path) -> bool:
        """Say whether a path lies in one of the folders, wherever links lead."""
        real = path.resolve()
        return any(real.is_relative_to(folder.resolve()) for folder in self.folders.values())

    def name_of(self, path: Path) -> str:
        """Return how a client names a file; its bare name where it lies in none of the folders."""
        for name, folder in self.folders.items():
            if path.is_relative_to(folder):
                return f"{FOLDER}{name}/{path.relative_to(folder).as_posix()}"
        return path.name

    def without_paths(self, text: str) -> str:
        """Return a message with the folders of this machine by their names."""
        for name, folder in sorted(self.folders.items(), key=lambda item: -len(str(item[1]))):
            text = text.replace(f"{folder}/", f"{name}/").replace(str(folder), name)
        return text.replace(f"{Path.home()}/", "~/").replace(f"{Path.cwd()}/", "")

    def listed(self, endings: tuple[str, ...]) -> list[str]:
        """Return names of files and folders that may be chosen, those of runs left out."""
        found = []
        for name, folder in self.folders.items():
            if name != RUNS:
                found += [self.name_of(path) for path in _below(folder, endings)]
        return sorted(found)[:MOST_LISTED]

    def seasons(self, endings: tuple[str, ...]) -> list[str]:
        """Return names of the folders that were given, and hold such files themselves."""
        given = {n: f for n, f in self.folders.items() if n not in (RUNS, UPLOADS)}
        held = {n: any(_ends(path, endings) for path in f.glob("*")) for n, f in given.items()}
        return [f"{FOLDER}{name}" for name in sorted(held) if held[name]]

    def config(self, job: type[JobConfig], values: Mapping[str, Any]) -> JobConfig:
        """Return the configuration that a client asks for.

        Raises:
            UsageError: naming the option that is off, or that a client may not set.
        """
        given = {name: value for name, value in values.items() if value not in (None, "", [])}
        for name in _OURS:
            if name in given:
                raise UsageError(f"--{name.replace('_', '-')}: the server decides.", "Leave it.")
        named = {name: self._resolved(value) for name, value in given.items()}
        config = make_config(job, named)
        for name in type(config).model_fields:
            for text in _texts(getattr(config, name)):
                self._check(name, text)
        return config

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._resolved(one) for one in value]
        if not isinstance(value, str):
            return value
        head = next((h for h in _HEADS if value.startswith(h + FOLDER)), "")
        rest = value.removeprefix(head)
        return f"{head}{self.file(rest)}" if rest.startswith(FOLDER) else value

    def _check(self, field: str, text: str) -> None:
        """Raise where a word of a configuration leads to what a client may not reach."""
        places = local_places(text)
        known = text.startswith(self.allowed) if self.allowed else False
        if not known and self._may_call(field, text):
            raise UsageError(
                f"'{text}' may call a service, which this page does for nobody.",
                f"Start it with 'obriy serve --allow {_beginning(text)}'.",
            )
        strange = not places and not known and _is_path(text)
        if strange or any(not self.holds(place) for place in places):
            raise UsageError(
                f"--{field}: '{Path(text).name}' is in no folder of this page.",
                "Upload it, or start 'obriy serve' with --data and its folder.",
            )

    def _may_call(self, field: str, text: str) -> bool:
        """Say whether a word may lead to a server."""
        if field in _CALLING and not text.startswith(_CALLING[field]) and not self._is_ours(text):
            return True
        address = text.startswith(tuple(addresses())) and not text.startswith(_OFFLINE)
        return address or "://" in text or "/vsi" in text.lower()

    def _is_ours(self, text: str) -> bool:
        places = local_places(text)
        return bool(places) and all(self.holds(place) for place in places)


def _beginning(text: str) -> str:
    """Return what permits a word: all to its first colon, as a shell takes it."""
    head, colon, _ = text.partition(":")
    return shlex.quote(head + colon)


def _is_path(text: str) -> bool:
    """Say whether text is written as a path, and not as a period, a formula or a box."""
    return text.startswith(("/", "~", "./", "../", "\\")) or "../" in text or "\\" in text


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str | Path) and str(value) != ".":
        yield str(value)


def _below(folder: Path, endings: tuple[str, ...]) -> Iterator[Path]:
    """Return files with such endings, and the folders that hold them, two levels deep."""
    for path in sorted(folder.glob("*"))[:MOST_LISTED]:
        if path.name.startswith("."):
            continue
        if path.is_dir():
            inside = [p for p in sorted(path.glob("*"))[:MOST_LISTED] if _ends(p, endings)]
            yield from [path, *inside] if inside else []
        elif _ends(path, endings):
            yield path


def _ends(path: Path, endings: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(endings) and not path.name.startswith(".")


def _nothing(text: str) -> UsageError:
    return UsageError(f"'{text}' is in no folder of this page.", "Choose one that is listed.")
