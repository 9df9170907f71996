"""RunResult and its parts: what the result of every job has."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Protocol, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from obriy.model.headline import Headline, Values
from obriy.model.notices import Sentence, notices_in
from obriy.model.provenance import Provenance, versions
from obriy.model.shown import Shown, Tabled

VERSION: Final = "2"
"""Of the shape of ``result.json``. Additions keep it; a changed meaning or shape raises it."""
Plain = dict[str, Any]
"""A part that is told as plain values."""
FailureKind = Literal["image", "date", "part", "district", "cluster", "method", "split"]


class AsNoun:
    """Marks a noun of `obriy.model` as a field: written by its own ``to_dict``."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Write a noun by its own ``to_dict``; read it from what that wrote."""
        schema = handler(source)
        write = core_schema.plain_serializer_function_ser_schema(lambda noun: noun.to_dict())
        return core_schema.no_info_after_validator_function(
            lambda noun: noun, schema, serialization=write
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the schema of the noun; what it derives from its fields is further fields."""
        return handler(schema["schema"])


Record = Annotated[Provenance, AsNoun]


class Open(BaseModel):
    """Values of which those that others read are named; there are more."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)


class Failure(Values):
    """What of a run failed: one shape for all that can.

    Attributes:
        kind: What it is: an ``image``, a ``date``, a ``part`` of an image, a ``district``, a
            ``cluster`` that got no name, a ``method`` that is compared.
        name: Which one: name of the image, date, district, method; of a part, that of its image.
        reason: Why, in a sentence.
        where: Of a part, its first row and column and its size, pixels; None of the others.
    """

    kind: FailureKind
    name: str
    reason: Sentence
    where: Plain | None = None


class DateRow(Values):
    """What became of one date.

    Attributes:
        date: ISO 8601; None: not known.
        status: ``ok``, ``partial``, ``skipped`` (nothing seen) or ``failed``.
        reason: Why it is not ``ok``.
        holes: Parts that could not be read.
        outputs: Files of its maps by output name, as ``outputs`` of the run has them.
    """

    date: str | None
    status: str = "ok"
    reason: Sentence = ""
    holes: list[Plain] = Field(default_factory=list)
    outputs: dict[str, str] = Field(default_factory=dict)


class Place(Protocol):
    """What was measured of a district, by any job."""

    @property
    def district(self) -> str:
        """Its name."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""


class DistrictRow(Open):
    """One district: what all jobs say of it; each adds the fields of its own measurement.

    Attributes:
        district: Its name; ``image``: the whole image.
        headline: The figure that leads; None: there is none.
        district_km2: Its area, inside the image and outside, km²; of ice that of its sea. None: not
            known.
        unseen_share: Share of it that was not seen, 0 to 1.
        never_imaged_share: Share of it of which there is no picture.
        status: ``ok``, ``partial``, ``skipped`` or ``failed``.
        reason: Why it is not ``ok``.
    """

    district: str
    headline: Headline | None = None
    district_km2: float | None = None
    unseen_share: float = 0.0
    never_imaged_share: float = 0.0
    status: str = "ok"
    reason: Sentence = ""

    @classmethod
    def of(cls, place: Place, headline: Headline | None, **more: Any) -> Self:
        """Return the row of a place that was measured."""
        return cls(**{**place.to_dict(), "headline": headline, **more})


class Evaluation(Open):
    """How a map fared against a reference; more scores stand beside these.

    Attributes:
        reference: What it was held against.
        independent: False: the reference was made from the mapped scene; this is an agreement.
        overall_accuracy: Share of the compared pixels that agree; None where not known.
        kappa: Cohen's kappa; None where undefined.
        classes: Scores by class.
        merged: The same on the main classes; None where there are none.
    """

    reference: str = ""
    independent: bool = True
    overall_accuracy: float | None = None
    kappa: float | None = None
    classes: list[Plain] = Field(default_factory=list)
    merged: Plain | None = None


class KeptNotice(Values):
    """How a sentence of the result is said in other languages, see `obriy.model.notices`.

    Attributes:
        sentence: In English, as it stands elsewhere in the result.
        key: What it says.
        values: What of: words, numbers, other sentences of this list.
    """

    sentence: str
    key: str
    values: Plain


class RunResult(Shown, Tabled, Values):
    """What the result of every job has.

    Attributes:
        schema_version: Of the shape of the file; files without one are of version 1.
        job: Name of the job.
        headline: The one figure that leads, with its interval; None where no area is the answer.
        failed: All that failed; a run is complete where that is nothing.
        outputs: Files of the run by output name.
        command: The command line that makes the run again.
        provenance: What was read and decided, versions, warnings.
        notices: Of what is decided, warned of or failed, what says it in another language.
    """

    schema_version: str = VERSION
    job: str
    headline: Headline | None = None
    failed: list[Failure] = Field(default_factory=list)
    outputs: dict[str, str] = Field(default_factory=dict)
    command: str = ""
    provenance: Record
    notices: list[KeptNotice] = Field(default_factory=list)

    @model_validator(mode="after")
    def _decide(self) -> Self:
        """Set the headline, whatever a file says it is, and by which versions it was made."""
        object.__setattr__(self, "headline", self.lead())
        if self.provenance.software is None:
            made = dataclasses.replace(self.provenance, software=versions())
            object.__setattr__(self, "provenance", made)
        return self

    def lead(self) -> Headline | None:
        """Return the headline that follows from the other fields."""
        return None

    @property
    def warnings(self) -> Sequence[str]:
        """Sentences that the reader of a figure should know."""
        return self.provenance.warnings

    def with_outputs(self, outputs: Mapping[str, Any], **changes: Any) -> Self:
        """Return the result with other files, named as given, and other changes."""
        files = {name: str(path) for name, path in outputs.items()}
        return self.model_validate({**dict(self), "outputs": files, **changes})

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as ``result.json`` has them."""
        values = self.model_dump(by_alias=True)
        return values | {"notices": notices_in(values)}


def parts_that_failed(name: str, holes: Sequence[Mapping[str, Any]]) -> list[Failure]:
    """Return the parts of an image that could not be read.

    Args:
        name: Of the image, or its date.
        holes: As the engine tells them: a window and a reason.
    """
    return [
        Failure(
            kind="part",
            name=name,
            reason=str(hole["reason"]),
            where={k: v for k, v in hole.items() if k not in ("reason", "granule")},
        )
        for hole in holes
    ]
