"""Headline: the one figure that a result leads with, and the interval that belongs to it.

Every job, the screen, the report and ``result.json`` take it from here
(`docs/design/0020-result.md`).
"""

from collections.abc import Sequence
from typing import Final, Literal, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from obriy.model.areas import PARTIAL_ABOVE
from obriy.model.flags import CloudsKnown, ErrorsKnown
from obriy.model.notices import Sentence, notice

ENOUGH: Final = 0.5
"""Share of a place that was seen from which what was seen may stand for it."""

Why = Literal[
    "", "clouds_unknown", "errors_unknown", "too_little_seen", "nothing_seen", "no_pixel_size",
    "classes",
]  # fmt: skip
"""Why a headline is not the best estimate of the whole; empty where it is."""


class Values(BaseModel):
    """Values that are written to files: what is not in the model is a mistake of ours."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Estimated(Protocol):
    """What was measured of a place, by any job: of a district, a date, a period."""

    @property
    def expected_km2(self) -> float | None:
        """Best estimate of the whole."""

    @property
    def interval_km2(self) -> tuple[float, float] | None:
        """Its 90 % interval."""

    @property
    def bounds_km2(self) -> tuple[float, float] | None:
        """Between what the area lies whatever the unseen holds."""

    @property
    def unseen_share(self) -> float:
        """Share that was not seen."""


class Headline(Values):
    """The figure that a result leads with; beneath it what was seen, filled, and never seen.

    Attributes:
        what: The class: ``"water"``, ``"ice"``; of land cover the largest class.
        km2: The figure, km²: the best estimate of the whole where there is one, else what was
            seen; None: there is neither.
        interval_km2: 90 % interval of that figure; None where it is not an estimate of the whole.
        of: What the figure is of: the ``"whole"`` place, what was ``"seen"``, or ``"nothing"``.
        why: Why it is not of the whole: nothing tells where clouds are, or how a map that somebody
            else made errs, too little was seen, nothing was, nobody knows the size of a pixel, or
            areas of ``"classes"`` are never estimated; empty where it is.
        date: The day that it is of, ISO 8601; None: of a period, or of a day that is not known.
        seen_km2: What was seen, km²; None: nothing.
        filled_km2: That, and what other dates tell of where this one was blind, km²; None: unknown.
        bounds_km2: Between what it lies whatever the unseen holds: they suppose nothing of it.
        unseen_share: Share of the place that was not seen, 0 to 1.
        clouds: How it is known what clouds hid.
        caution: What a reader must know before the figure is believed: that most of the place was
            not seen; empty where nothing is.
    """

    what: str
    km2: float | None
    interval_km2: tuple[float, float] | None
    of: Literal["whole", "seen", "nothing"]
    why: Why = ""
    date: str | None = None
    seen_km2: float | None = None
    filled_km2: float | None = None
    bounds_km2: tuple[float, float] | None = None
    unseen_share: float = 0.0
    clouds: CloudsKnown = "known"
    caution: Sentence = ""

    @property
    def wide(self) -> bool:
        """Whether the unseen may take the area so far that the bounds are worth a word."""
        much = self.unseen_share > PARTIAL_ABOVE or self.clouds == "unknown"
        return much and self.bounds_km2 is not None

    @classmethod
    def of_estimate(
        cls,
        what: str,
        place: Estimated,
        seen_km2: float | None,
        *,
        clouds: CloudsKnown = "known",
        errors: ErrorsKnown = "known",
        filled_km2: float | None = None,
        date: str | None = None,
    ) -> Self:
        """Return the headline of one place: decided here, and nowhere else.

        The best estimate of the whole leads, with its interval. Where either is not known what was
        seen leads, without one: an interval of another figure would be taken for its own.
        """
        estimate = (place.expected_km2, place.interval_km2)
        known = None not in (seen_km2, *estimate) and clouds != "unknown"
        why: Why = "errors_unknown" if errors == "unknown" else "too_little_seen"
        why = "clouds_unknown" if clouds == "unknown" else why
        seen = 1 - place.unseen_share
        return cls(
            what=what,
            km2=place.expected_km2 if known else seen_km2,
            interval_km2=place.interval_km2 if known else None,
            of="whole" if known else "nothing" if seen_km2 is None else "seen",
            why="" if known else "nothing_seen" if seen_km2 is None else why,
            date=date,
            seen_km2=seen_km2,
            filled_km2=filled_km2,
            bounds_km2=place.bounds_km2,
            unseen_share=place.unseen_share,
            clouds=clouds,
            caution=notice("mostly_unseen", seen=seen) if known and seen < ENOUGH else "",
        )


class IceDay(Protocol):
    """What was measured of ice on one date."""

    @property
    def date(self) -> str:
        """ISO 8601 day."""

    @property
    def unseen_share(self) -> float:
        """Share of the sea that was not seen."""

    @property
    def headline(self) -> Headline:
        """Its own headline."""


class IceHeadline(Headline):
    """The date of the most ice, of those that saw enough of the sea to stand for it.

    Attributes:
        dates: Dates that there are.
        counted: Of those, dates that saw half of the sea or more.
        maximum: Whether the figure may be called the most ice of all dates.
        larger_date: A date that saw too little to lead, whose estimate is larger all the same:
            where there is one nobody knows whether this is the most.
        larger_km2: Its estimate, km².
    """

    dates: int = 1
    counted: int = 1
    maximum: bool = False
    larger_date: str | None = None
    larger_km2: float | None = None


Day = TypeVar("Day", bound=IceDay)


def leading(days: Sequence[Day]) -> Day | None:
    """Return the day of the most ice by the best estimate, of those that saw enough."""
    known = [day for day in days if day.headline.km2 is not None]
    return max([d for d in known if saw_enough(d)] or known, key=_best, default=None)


def ice_headline(days: Sequence[IceDay]) -> IceHeadline | None:
    """Return the headline of several days; None where nothing was seen on any of them."""
    head = leading(days)
    if head is None:
        return None
    known = [day for day in days if day.headline.km2 is not None]
    most = max(known, key=_best)
    larger = most if _best(most) > _best(head) else None
    return IceHeadline(
        **dict(head.headline),
        dates=len(days),
        counted=sum(map(saw_enough, days)),
        maximum=saw_enough(head) and larger is None,
        larger_date=None if larger is None else larger.date,
        larger_km2=None if larger is None else larger.headline.km2,
    )


def saw_enough(day: IceDay) -> bool:
    """Say whether a day saw enough of the sea to stand for it, as far as clouds are known."""
    head = day.headline
    known = head.seen_km2 is not None and head.clouds != "unknown"
    return known and 1 - day.unseen_share >= ENOUGH


def _best(day: IceDay) -> float:
    return day.headline.km2 or 0.0
