"""What the interface for programs says and takes: each a model, so that it is described."""

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from obriy.web.shelf import Shelf, ShelfRun, State
from obriy.workflows.jobs import JOBS


def one_of(*names: str) -> Callable[[str], str]:
    """Return what refuses all names but some; a `Literal` cannot be made of a table."""

    def known(name: str) -> str:
        if name not in names:
            raise ValueError(f"known: {', '.join(names)}")
        return name

    return known


class Refusal(BaseModel):
    """Why something is not done.

    Attributes:
        detail: In a sentence, with the way out.
    """

    detail: str


class JobView(BaseModel):
    """A job that can be started.

    Attributes:
        job: Its name.
        says: What it does.
        planned: Whether `plan` tells what it would do.
        options: JSON schema of what can be asked of it.
    """

    job: str
    says: str
    planned: bool
    options: dict[str, Any]


class Asked(BaseModel):
    """What is asked of a job.

    Attributes:
        job: Its name.
        options: Values by name, as in ``config.yaml``; files as ``folder:NAME/path``.
        name: Of the run; empty: after the source.
    """

    model_config = ConfigDict(extra="forbid")
    job: Annotated[str, AfterValidator(one_of(*JOBS))] = Field(json_schema_extra={"enum": [*JOBS]})
    options: dict[str, Any] = Field(default_factory=dict)
    name: str = Field("", max_length=80)


class Stage(BaseModel):
    """How far a part of the work is.

    Attributes:
        name: Of the stage.
        done: Parts that are done.
        total: Parts in all.
    """

    name: str
    done: int
    total: int


class RunView(BaseModel):
    """A run, as it lies in its folder.

    Attributes:
        name: Of its folder.
        job: What it does; empty: its configuration cannot be read.
        state: How far it is.
        changed: When it last changed, ISO 8601, UTC.
        stages: What is being done.
        steps: Steps that are done.
        error: Why it failed.
        headline: Its figure; null: there is none.
    """

    name: str
    job: str
    state: State
    changed: str
    stages: list[Stage] = Field(default_factory=list)
    steps: list[str] = Field(default_factory=list)
    error: str = ""
    headline: dict[str, Any] | None = None


class Entry(BaseModel):
    """A line of a legend.

    Attributes:
        word: What it means.
        colour: ``#rrggbb``.
    """

    word: str
    colour: str


class MapView(BaseModel):
    """A map of a run.

    Attributes:
        map: Its file, which the tiles are asked by.
        output: Its name among the outputs.
        date: Of which date; empty: of all, or unknown.
        title: What it is called.
        bounds: West, south, east, north, degrees.
        legend: Words and colours.
    """

    map: str
    output: str
    date: str
    title: str
    bounds: list[float] = Field(min_length=4, max_length=4)
    legend: list[Entry]


class SaidView(BaseModel):
    """What a map says of a place.

    Attributes:
        title: What the map is called.
        value: In words.
        number: As it stands in the file; null: nothing does.
    """

    title: str
    value: str
    number: float | None


class Name(BaseModel):
    """A name.

    Attributes:
        name: The name.
    """

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=80)


class BandView(BaseModel):
    """What a band measured at a place.

    Attributes:
        band: STAC common name.
        wavelength: Micrometres.
        value: Reflectance, unitless; of a picture the number in the file.
    """

    band: str
    wavelength: float
    value: float


class SpectrumView(BaseModel):
    """What an image measured at a place.

    Attributes:
        reflectance: False: the image is an 8-bit picture.
        bands: By wavelength; empty: nothing was measured there.
        indices: Values by name, of those that the bands allow.
    """

    reflectance: bool = True
    bands: list[BandView] = Field(default_factory=list)
    indices: dict[str, float] = Field(default_factory=dict)


class ClusterName(BaseModel):
    """What a person calls a cluster.

    Attributes:
        cluster: Its number.
        name: Class of the legend.
    """

    model_config = ConfigDict(extra="forbid")
    cluster: int = Field(ge=1, le=255)
    name: str = Field(max_length=80)


class Names(BaseModel):
    """What a person calls clusters.

    Attributes:
        names: Of each that the person names, once; the panel names all others.
    """

    model_config = ConfigDict(extra="forbid")
    names: list[ClusterName] = Field(max_length=255)


def view(run: ShelfRun, shelf: Shelf) -> RunView:
    """Return what is told of a run."""
    result, state = run.result(), run.state()
    head = result.headline if result else None
    changed = dt.datetime.fromtimestamp(run.changed(), dt.UTC)
    return RunView(
        name=run.name,
        job=str(run.config().get("job", "")),
        state=state,
        changed=changed.isoformat(timespec="seconds"),
        stages=[
            Stage(name=name, done=done, total=total)
            for name, done, total in (run.work.stages() if state == "running" else [])
        ],
        steps=run.steps(),
        error=shelf.places.without_paths(run.work.error()) if state == "failed" else "",
        headline=head.model_dump() if head else None,
    )
