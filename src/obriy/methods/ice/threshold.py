"""Ice by tests of bands and indices: one threshold (``green:0.2``, ``nir:otsu``), or several."""

import dataclasses
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from obriy.blocks.base import Block, FloatArray, Histogram, Labelled
from obriy.errors import UsageError
from obriy.indices.catalogue import Index
from obriy.methods.histograms import Candidates, Cells, Counts
from obriy.methods.ice.sea import bands_of, clear_sea_of, ice_table, missing_in, quantity_of
from obriy.methods.index_threshold import THRESHOLD_SPREAD, get_threshold
from obriy.methods.thresholds import Cut, Fixed, Threshold, View
from obriy.model.classmap import Doubt
from obriy.model.ice import ICE, WATER
from obriy.model.legend import NO_DATA, UNNAMED

Bools = npt.NDArray[np.bool_]
Side = Literal["above", "below"]
ICE_SIDE: Final[dict[str | None, Side]] = {"above": "below", "below": "above", None: "above"}
"""Where ice lies in an index, by where water does; ice is bright, and so are the snow indices."""


@dataclasses.dataclass(frozen=True)
class Test:
    """A limit of one quantity.

    Attributes:
        quantity: A band or an index.
        side: On which side of the limit ice lies; the limit itself belongs to ice.
        value: The limit, in units of the quantity.
    """

    quantity: Index
    side: Side
    value: float

    def passed(self, values: FloatArray, lean: float = 0.0) -> Bools:
        """Return where values pass, with the limit moved by ``lean`` spreads to take more."""
        spread = THRESHOLD_SPREAD * (self.quantity.high - self.quantity.low)
        if self.side == "above":
            return values >= np.float32(self.value - lean * spread)
        return values <= np.float32(self.value + lean * spread)

    def describe(self) -> dict[str, Any]:
        """Return plain values."""
        return {"of": self.quantity.name, "side": self.side, "value": self.value}


@dataclasses.dataclass(frozen=True)
class TestRule:
    """Ice is where every test is passed.

    Attributes:
        tests: At least one.
        about: How the limits came about, as plain values (JSON).
        counts: Distribution of the first quantity over the sea; None where nothing was counted.
    """

    tests: tuple[Test, ...]
    about: dict[str, Any]
    counts: Counts | None = None

    def apply(self, block: Block) -> Labelled:
        """Label ice and water; 255 where an index has no value and no other test says water."""
        values = [t.quantity.evaluate(block.bands).values for t in self.tests]
        strict, here, lax = (self._vote(values, lean) for lean in (-1.0, 0.0, 1.0))
        unknown = np.any([np.isnan(v) for v in values], axis=0)
        failed = np.any(
            [~t.passed(v) & ~np.isnan(v) for t, v in zip(self.tests, values, strict=True)], axis=0
        )
        labels = np.where(here, np.uint8(ICE), np.uint8(WATER))
        labels[unknown & ~failed] = UNNAMED
        labels[missing_in(block.bands)] = NO_DATA
        doubt = np.zeros(labels.shape, np.uint8)
        doubt[(labels == ICE) & ~strict] = Doubt.STRICT_DROPS
        doubt[(labels == WATER) & lax] = Doubt.LAX_TAKES
        return Labelled(labels, doubt=doubt)

    def _vote(self, values: list[FloatArray], lean: float) -> Bools:
        passed = [t.passed(v, lean) for t, v in zip(self.tests, values, strict=True)]
        every: Bools = np.all(passed, axis=0)
        return every

    def describe(self) -> dict[str, Any]:
        """Return the tests and where their limits come from."""
        return {"tests": [t.describe() for t in self.tests], **self.about}

    def histograms(self) -> list[Histogram]:
        """Return the distribution that was cut, where one was counted."""
        if self.counts is None:
            return []
        first = self.tests[0]
        return [self.counts.shown(first.quantity.name, first.value)]


@dataclasses.dataclass(frozen=True)
class FixedTests:
    """Published tests with fixed limits; nothing is asked of the scene.

    Attributes:
        name: Name in ``tables/ice_methods.toml``.
    """

    name: str
    halo: int = 0
    gives_fraction: bool = False

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands of the tests.

        Raises:
            BandError: naming what is missing.
        """
        return bands_of([t.quantity for t in self._tests()], available, self.name)

    def collect(self, block: Block) -> None:
        """Return nothing: the limits are known."""

    def known(self) -> TestRule:
        """Return the tests."""
        return self.decide(None)

    def decide(self, statistics: None) -> TestRule:
        """Return the tests."""
        entry = ice_table()["tests"][self.name]
        return TestRule(self._tests(), {"title": entry["title"], "source": entry["source"]})

    def _tests(self) -> tuple[Test, ...]:
        entries = ice_table()["tests"][self.name]["all"]
        return tuple(Test(quantity_of(e["of"]), e["side"], e["value"]) for e in entries)


@dataclasses.dataclass(frozen=True)
class IceThreshold:
    """Ice by one band or index and one threshold, e.g. ``green:0.2`` or ``nir:otsu``.

    Attributes:
        quantity: What is cut.
        threshold: How to find the cut.
        name: As written by the user.
    """

    quantity: Index
    threshold: Threshold
    name: str
    gives_fraction: bool = False

    @property
    def halo(self) -> int:
        """Pixels around a block that the threshold looks at."""
        return self.threshold.halo

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands of the quantity.

        Raises:
            BandError: naming what is missing.
        """
        return bands_of([self.quantity], available, self.name)

    def collect(self, block: Block) -> Any:
        """Count the quantity over the sea."""
        values = self.quantity.evaluate(clear_sea_of(block).bands).values
        span = (self.quantity.low, self.quantity.high)
        view = View(values, block.core, block.row, block.column, span, _fallback(self.quantity))
        return self.threshold.collect(view)

    def decide(self, statistics: Any) -> TestRule:
        """Find the threshold; where there is one population only, take the one of the table."""
        cut = self.threshold.decide(statistics, _fallback(self.quantity))
        counts = statistics.whole if isinstance(statistics, Cells | Candidates) else statistics
        test = Test(self.quantity, ICE_SIDE[self.quantity.water], cut.value)
        return TestRule((test,), _about(self.quantity, cut), counts)


def ice_threshold(text: str) -> IceThreshold:
    """Build ``BAND:THRESHOLD`` or ``INDEX:THRESHOLD``.

    Raises:
        UnknownNameError: for a band, index or threshold that is not known.
        UsageError: for a number beyond the range of the quantity.
    """
    name, _, written = (part.strip() for part in text.partition(":"))
    quantity, threshold = quantity_of(name), get_threshold(written)
    if isinstance(threshold, Fixed) and not quantity.low <= threshold.value <= quantity.high:
        raise UsageError(
            f"{quantity.name} lies between {quantity.low:g} and {quantity.high:g}: a threshold of "
            f"{written} says nothing.",
            "Write e.g. green:0.2 or NDSI:0.4 (reflectance and indices have no units).",
        )
    return IceThreshold(quantity, threshold, f"{quantity.name}:{written}")


def _fallback(quantity: Index) -> float:
    table = ice_table()["fallback"]
    kind = "index" if quantity.reference else "band"
    return float(table.get(quantity.name, table[kind]))


def _about(quantity: Index, cut: Cut) -> dict[str, Any]:
    found = {k: v for k, v in cut.describe().items() if k != "value"}
    return {"quantity": quantity.title, "reference": quantity.reference, **found}
