"""A form made of the fields of a configuration: the same names, defaults and help as elsewhere."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from nicegui import events, run, ui
from pydantic.fields import FieldInfo

from obriy.errors import ObriyError
from obriy.labelling.labellers.spec import PROVIDERS
from obriy.sources.base import addresses
from obriy.tables import load_toml
from obriy.web.pages.frame import Reader, icon_button
from obriy.web.places import FOLDER, SCHEDULERS, UPLOADS
from obriy.web.shelf import Shelf
from obriy.web.uploads import IMAGES, KNOWN, TABLES, VECTORS, keep
from obriy.workflows.config.base import ARGUMENT, JobConfig
from obriy.workflows.config.groups import FIRST, GROUPS, group_of, in_order

_HIDDEN: Final = ("job", "out", "workers", "max_ram", "device")
"""What the server decides."""
_MADE_UP: Final = ("simulated:", "sample:", "simulated:ice")
_AREA: Final = "aoi"
_SOURCES: Final = ("source", "sources")
_SHAPES: Final = (*VECTORS, ".shp")


class Form:
    """The options of a job.

    Args:
        shelf: The runs, and what may be named.
        reader: Who looks.
        kind: The configuration.
        upload: Opens the upload for a field.
        draw: Opens the drawing of a district.
    """

    def __init__(
        self,
        shelf: Shelf,
        reader: Reader,
        kind: type[JobConfig],
        upload: Callable[["Form", str], None],
        draw: Callable[["Form", str], Any],
    ) -> None:
        self.shelf, self.reader, self.kind = shelf, reader, kind
        self.upload, self.draw = upload, draw
        self.fields = {f.alias or name: f for name, f in kind.model_fields.items()}
        self.inputs: dict[str, Any] = {}
        places = kind.PLACES
        aliases = {name: f.alias or name for name, f in kind.model_fields.items()}
        self.places = {aliases[name] for name in places if name in aliases}

    def build(self) -> None:
        """Show the fields: those that matter first, the others folded away by group."""
        argument = self.kind.argument()
        hidden = [*_HIDDEN, *([] if self._allowed(*SCHEDULERS) else ["scheduler"])]
        names = [n for n in self.fields if n not in (*hidden, argument)]
        ordered = in_order(names, self.kind.FIRST)
        grouped: dict[str, list[str]] = {title: [] for title in GROUPS}
        for name in ordered:
            grouped[group_of(name, self.kind.FIRST)].append(name)
        with ui.element("div").classes("ob-form"):
            for name in [argument, *grouped.pop(FIRST)]:
                self._field(name)
        words = self.reader.words
        with ui.expansion(words("other"), icon="tune").classes("w-full"):
            for title, inside in grouped.items():
                if inside:
                    ui.label(words.of("groups", title)).classes("ob-soft")
                    with ui.element("div").classes("ob-form"):
                        for name in inside:
                            self._field(name)

    def values(self) -> dict[str, Any]:
        """Return what was filled in; what was left as it is not."""
        found: dict[str, Any] = {}
        for name, made in self.inputs.items():
            value = made.value
            if value in (None, "", [], False):
                continue
            found[name] = value.split() if self._is_pair(name) else value
        return found

    def set(self, name: str, value: str) -> None:
        """Fill a field in, e.g. with a file that was just uploaded."""
        made = self.inputs[name]
        if isinstance(made, ui.select) and value not in made.options:
            made.set_options([*made.options, value], value=value)
        else:
            made.set_value(value)

    def _is_pair(self, name: str) -> bool:
        options = [a for a in get_args(self.fields[name].annotation) if a is not type(None)]
        return any(get_origin(option) is tuple for option in options)

    def _field(self, name: str) -> None:
        field, words = self.fields[name], self.reader.words
        label, hint = words.of("options", name), words.help(self.kind.title(), name, field)
        if name in _SOURCES:
            far = ", ".join(self._allowed(*addresses()))
            hint += ". " + (words("source_far", names=far) if far else words("source_near"))
        usual = _usual(field)
        choices = _choices(field)
        with ui.element("div").classes("ob-field"):
            if name == "labellers":
                made: Any = self._labellers(label, field)
            elif name == "scheduler":
                made = self._scheduler(label)
            elif name in self.places:
                made = self._place(name, label, usual)
            elif choices:
                made = ui.select(choices, label=label, value=field.default)
            elif field.annotation is bool or bool in get_args(field.annotation):
                made = ui.checkbox(label)
            else:
                made = ui.input(label, placeholder=words("usual", value=usual) if usual else "")
            says = ui.label(hint).classes("ob-hint")
            made.props(f'outlined dense stack-label aria-describedby="{says.html_id}"')
        self.inputs[name] = made

    def _allowed(self, *beginnings: str) -> list[str]:
        """Return the words that the server allows, of those that begin so."""
        return [word for word in self.shelf.places.allowed if word.startswith(beginnings)]

    def _labellers(self, label: str, field: FieldInfo) -> Any:
        """Return the field of who names clusters: the usual ones, and whom the server allows."""
        allowed = self._allowed(*(f"{provider}:" for provider in PROVIDERS))
        usual: list[str] = field.get_default()
        return ui.select(
            [*dict.fromkeys([*usual, *allowed])], label=label, value=usual, multiple=True,
            with_input=True, new_value_mode="add-unique",
        ).props("use-chips")  # fmt: skip

    def _scheduler(self, label: str) -> Any:
        """Return the field of a cluster's address: one that the server allows, or written."""
        known = self._allowed(*SCHEDULERS)
        return ui.select(
            known, label=label, with_input=True, new_value_mode="add-unique", clearable=True
        )

    def _place(self, name: str, label: str, usual: str) -> Any:
        """Return the field of a file: chosen, uploaded, or written."""
        argument = self.fields[name].json_schema_extra == ARGUMENT
        shapes = name in (_AREA, "river")
        endings = _SHAPES if shapes else TABLES if name in ("weights", "evaporation") else KNOWN
        options = self.shelf.places.listed((*endings, *IMAGES) if argument else endings)
        if argument and name in _SOURCES:
            made_up = _MADE_UP[-1:] if name == "sources" else _MADE_UP[:2]
            places = self.shelf.places
            options = [*places.seasons(IMAGES), *places.listed(IMAGES)]
            options = [*made_up, *self._allowed(*addresses()), *options]
        if name in {"runs", "replay"}:
            options = [f"{FOLDER}runs/{run.name}" for run in self.shelf.runs()]
        if name == _AREA:
            options = [*load_toml("areas"), *options]
        if usual:
            options = [usual, *(option for option in options if option != usual)]
        made = ui.select(
            [o for o in options if len(o) < 200],
            label=label,
            value=usual or None,
            with_input=True,
            new_value_mode="add-unique",
            clearable=True,
        )
        with made.add_slot("after"):
            words = self.reader.words
            says = f"{words('upload')}: {_quoted(label)}"
            icon_button("upload", says, functools.partial(self.upload, self, name))
            if name == _AREA:
                icon_button("draw", words("draw"), functools.partial(self.draw, self, name))
        return made


async def kept(shelf: Shelf, reader: Reader, event: events.UploadEventArguments) -> str | None:
    """Keep a file that was uploaded to a page; return its name for options, None where it is not.

    What it was sent as is looked into apart from the page, which stays quick.
    """
    with tempfile.TemporaryDirectory(dir=shelf.desk) as place:
        sent = Path(place, "sent")
        await event.file.save(sent)
        try:
            name: str | None = await run.io_bound(_looked_into, shelf, sent, event.file.name)
        except ObriyError as error:
            why = shelf.places.without_paths(str(error))
            said = reader.words("refused", why=why)
            ui.notify(said, type="negative", multi_line=True, timeout=8000)
            return None
    if name is not None:
        ui.notify(reader.words("uploaded", name=name.rpartition("/")[2]), type="positive")
    return name


def _looked_into(shelf: Shelf, sent: Path, name: str) -> str:
    with sent.open("rb") as stream:
        found = keep(shelf.uploads, name, stream)
    return f"{FOLDER}{UPLOADS}/{found.relative_to(shelf.uploads).as_posix()}"


def _usual(field: FieldInfo) -> str:
    """Return the default in words; empty where there is none."""
    usual = field.default
    if usual is None or usual is False or usual == [] or field.default_factory:
        return ""
    return ",".join(map(str, usual)) if isinstance(usual, list | tuple) else str(usual)


def _choices(field: FieldInfo) -> list[Any]:
    """Return what may be chosen, where that is a list."""
    kinds = (field.annotation, *get_args(field.annotation))
    return next((list(get_args(kind)) for kind in kinds if get_origin(kind) is Literal), [])


def _quoted(text: str) -> str:
    return text.replace('"', "”").replace("\\", "/")
