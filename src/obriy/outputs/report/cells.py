"""How a report writes a number, and the one builder of its tables."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

from obriy.model.areas import MOST_OUTLINES, PARTIAL_ABOVE
from obriy.render.text import Text

UNKNOWN: Final = "–"
"""A number that nobody knows."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """What a cell may hold beside its text.

    Attributes:
        text: Its words.
        colour: ``#rrggbb`` of a swatch before them; empty: none.
        note: Small words beneath.
        hint: Why the words are underlined; empty: they are not.
        bar: Length of a bar in place of words, per cent of the widest.
    """

    text: str
    colour: str = ""
    note: str = ""
    hint: str = ""
    bar: float | None = None

    def __bool__(self) -> bool:
        """Say whether there is anything to show."""
        return bool(self.text or self.bar)

    def __str__(self) -> str:
        """Return the words."""
        return self.text


@dataclasses.dataclass(frozen=True)
class Table:
    """A table as it is shown: titles, which columns hold numbers, rows of cells."""

    kind: ClassVar[str] = "table"
    header: Sequence[str]
    numeric: Sequence[bool]
    rows: Sequence[Sequence[str | Cell]]
    look: str = ""


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table: its title, and the cell of a row; empty where there is nothing."""

    title: str
    cell: Callable[[Any], str | Cell]
    numeric: bool = True


def table(rows: Iterable[Any], columns: Sequence[Column], look: str = "") -> Table:
    """Return a table; the first column names its rows, another that holds nothing is left out.

    In the columns that are left a number that is missing is written as one nobody knows.
    """
    made = [[column.cell(row) for column in columns] for row in rows]
    keep = [i for i in range(len(columns)) if i == 0 or any(row[i] for row in made)]
    return Table(
        [columns[i].title for i in keep],
        [columns[i].numeric for i in keep],
        [[row[i] or (UNKNOWN if columns[i].numeric else "") for i in keep] for row in made],
        look,
    )


MOST_ROWS: Final = 500
"""Districts that a report lists; nobody reads more, and browsers choke on fifty thousand."""


def largest(areas: Sequence[Any]) -> list[Any]:
    """Return areas in their order; of more than `MOST_ROWS` those of most of the class."""
    if len(areas) <= MOST_ROWS:
        return list(areas)
    return sorted(areas, key=lambda a: -(a.area_km2 or 0.0))[:MOST_ROWS]


def left_out(text: Text, count: int, file: str) -> str:
    """Say how many districts a report lists, and where all are; empty where it has all."""
    if count <= MOST_ROWS:
        return ""
    shown, most = (text.number(n, 0) for n in (MOST_ROWS, MOST_OUTLINES))
    return text(
        "report.districts_more", shown=shown, count=text.number(count, 0), file=file, most=most
    )


Get = str | Callable[[Any], Any]
"""What a cell is made of: a field of the row, or what gives it."""


@dataclasses.dataclass(frozen=True)
class Columns:
    """Columns in the language of the reader; each is named by a word of a section of the texts.

    Attributes:
        text: The language.
        section: Where the titles are: ``series`` has ``series.date``.
    """

    text: Text
    section: str

    def _column(
        self, name: str, get: Get | None, write: Callable[[Any], str | Cell], *, numeric: bool
    ) -> Column:
        found = getter(get or name)
        title = self.text(name if "." in name else f"{self.section}.{name}")

        def cell(row: Any) -> str | Cell:
            value = found(row)
            return "" if value is None else write(value)

        return Column(title, cell, numeric)

    def words(self, name: str, get: Get | None = None) -> Column:
        """Return a column of words, as they are, or of cells that are made."""
        return self._column(
            name, get, lambda v: v if isinstance(v, Cell) else str(v), numeric=False
        )

    def written(self, name: str, get: Get | None = None) -> Column:
        """Return a column of numbers that are written already."""
        return self._column(name, get, str, numeric=True)

    def place(self, name: str = "report.district", get: Get = "district") -> Column:
        """Return a column of districts."""
        return self._column(name, get, self.text.place, numeric=False)

    def km2(self, name: str, get: Get | None = None) -> Column:
        """Return a column of areas, km²; the unit is in the title."""
        return self._column(name, get, lambda v: bare(self.text.area(v)), numeric=True)

    def hectares(self, name: str, get: Get) -> Column:
        """Return a column of areas given in km², in hectares."""
        return self._column(name, get, lambda v: bare(self.text.hectares(v)), numeric=True)

    def span(self, name: str, get: Get | None = None) -> Column:
        """Return a column of intervals of areas, km²."""
        return self._column(name, get, lambda v: span_km2(self.text, v), numeric=True)

    def share(self, name: str, get: Get | None = None, digits: int = 1) -> Column:
        """Return a column of shares, 0 to 1."""
        return self._column(name, get, lambda v: self.text.percent(v, digits), numeric=True)

    def number(self, name: str, get: Get | None = None, digits: int = 0) -> Column:
        """Return a column of numbers with so many decimals."""
        return self._column(name, get, lambda v: self.text.number(v, digits), numeric=True)

    def status(self, name: str = "report.status") -> Column:
        """Return a column that says of each row whether it is whole, and why it has no area."""
        return self._column(name, lambda row: status(self.text, row), str, numeric=False)


def getter(get: Get) -> Callable[[Any], Any]:
    """Return what takes a field of a row, of a mapping or of an object."""
    if callable(get):
        return get
    return lambda row: row.get(get) if isinstance(row, Mapping) else getattr(row, get)


def bare(quantity: str) -> str:
    """Return the number of a quantity; its unit is in the title of the column."""
    return quantity.rsplit("\u00a0", 1)[0]


def interval_km2(text: Text, bounds: Sequence[float]) -> str:
    """Write an interval of areas, with the unit once."""
    low, high = (text.area(v) for v in bounds)
    return text.span(bare(low), high)


def span_km2(text: Text, bounds: Sequence[float] | None) -> str:
    """Write an interval of areas, or of differences of areas, without its unit."""
    return span(text, bounds, lambda v: bare(signed(text, v, plus="")))


def span(text: Text, bounds: Sequence[float] | None, write: Callable[[float], str]) -> str:
    """Write an interval; a dash beside a minus would be misread, so there words stand between."""
    if bounds is None:
        return ""
    low, high = map(write, bounds)
    return text.span(low, high) if bounds[0] >= 0 else text("series.range", low=low, high=high)


def signed(text: Text, km2: float, plus: str = "+") -> str:
    """Write an area that is a difference, with its sign."""
    sign = plus if km2 > 0 else "−" if km2 < 0 else ""
    return f"{sign}{text.area(abs(km2))}"


def score(text: Text, value: float | None, digits: int = 3) -> str:
    """Write a score; one that is not defined says so."""
    return text("report.undefined") if value is None else text.number(value, digits)


def score_span(text: Text, bounds: Sequence[float] | None, digits: int = 3) -> str:
    """Write the interval of a score; empty where there is none."""
    return "" if not bounds else text.span(*(text.number(v, digits) for v in bounds))


def far(row: Any) -> Sequence[float] | None:
    """Return how far the unseen may take the area of a row, where so much of it is unseen."""
    field = getter("bounds_km2"), getter("unseen_share")
    bounds, unseen = (get(row) for get in field)
    return bounds if unseen > PARTIAL_ABOVE or clouds_unknown(row) else None


def clouds_unknown(row: Any) -> bool:
    """Say whether nobody knows what clouds hid of a row: an area, a date or a result."""
    return bool(getattr(row, "clouds", "known") == "unknown")


def seen(text: Text, row: Any) -> str:
    """Write the share that was seen; that it is unknown where clouds are."""
    return _unless_unknown(text, row, 1 - getter("unseen_share")(row))


def unseen(text: Text, row: Any) -> str:
    """Write the share that was not seen; that it is unknown where clouds are."""
    return _unless_unknown(text, row, getter("unseen_share")(row))


def _unless_unknown(text: Text, row: Any, share: float) -> str:
    return text("report.share_unknown") if clouds_unknown(row) else text.percent(share)


def causes(text: Text, row: Any) -> str:
    """List the reasons for which parts of a place were unseen, the largest first."""
    found: Mapping[str, float] = {} if row is None else row.unseen
    ordered = sorted(found.items(), key=lambda item: -item[1])
    return ", ".join(
        f"{text.known('unseen', cause).lower()} {text.percent(share)}"
        for cause, share in ordered
        if share > 0
    )


def status(text: Text, row: Any) -> str:
    """Say whether a row is whole; a reason adds something where nothing was measured."""
    name, reason = (getter(field)(row) for field in ("status", "reason"))
    said = text.sentence(str(reason)) if reason and name in ("skipped", "failed") else ""
    known = text.known("status", name)
    return f"{known}: {said}" if said else known


def note(text: Text, row: Any, area: Any) -> str:
    """Say why a row has no area, else what hid a part of it; ``area`` is what was measured."""
    name, reason = (getter(field)(row) for field in ("status", "reason"))
    if name in ("skipped", "failed"):
        return status(text, row) if reason else ""
    return causes(text, area)
