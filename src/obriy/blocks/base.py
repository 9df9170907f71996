"""What methods see: a block of arrays, and the three verbs collect, decide, apply.

A method is ``collect(block) -> statistics that merge``, ``decide(statistics) -> rule`` and
``rule.apply(block) -> labels``. The engine (`obriy.blocks.engine`) reads files, cuts blocks with
the halo that the rule needs, and crops what comes back; the result must not depend on the cut.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, Self, TypeVar, cast, runtime_checkable

import numpy as np
import numpy.typing as npt

from obriy.blocks.pixels import FloatArray as FloatArray  # noqa: PLC0414 - a part of a block
from obriy.blocks.planes import planes_of

ByteArray = npt.NDArray[np.uint8]
FlagArray = npt.NDArray[np.uint16]
T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Block:
    """A window of a scene in memory, halo included.

    Attributes:
        bands: (rows, columns) float32 reflectance by common name; NaN missing.
        flags: (rows, columns) uint16 bits of `obriy.model.flags.Flag`, or None.
        row: Row of the first pixel (halo included) in the scene.
        column: Column of the first pixel (halo included) in the scene.
        core: The part without the halo, as slices (rows, columns) into the arrays.
        unseen: (rows, columns) uint8 `obriy.model.flags.Unseen`; where it is not 0 the bands are
            NaN. None before anything was hidden.
        shadow: (rows, columns) bool, True where a quality band suspects shadow: a hint that
            raises the bar for water, never a veto. None without a quality band.
    """

    bands: Mapping[str, FloatArray]
    flags: FlagArray | None
    row: int
    column: int
    core: tuple[slice, slice]
    unseen: ByteArray | None = None
    shadow: npt.NDArray[np.bool_] | None = None
    _made: dict[str, Any] = dataclasses.field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what is made of the bands, which is made but once while a pass has the block.

        Args:
            name: What it is: the same name is always made the same way, and never changed.
            make: Makes it.
        """
        if name not in self._made:
            self._made[name] = make()
        return cast(T, self._made[name])

    def forget(self) -> None:
        """Let go of what `once` made."""
        self._made.clear()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns, halo included."""
        return planes_of(self.bands).shape

    def missing(self) -> npt.NDArray[np.bool_]:
        """Return (rows, columns), True where a band is missing."""
        return self.once("missing", lambda: planes_of(self.bands).missing())

    def crop(self) -> "Block":
        """Return the block without its halo."""
        rows, columns = self.core
        return dataclasses.replace(
            self,
            bands={name: array[self.core] for name, array in self.bands.items()},
            flags=None if self.flags is None else self.flags[self.core],
            row=self.row + rows.start,
            column=self.column + columns.start,
            core=(slice(0, rows.stop - rows.start), slice(0, columns.stop - columns.start)),
            unseen=None if self.unseen is None else self.unseen[self.core],
            shadow=None if self.shadow is None else self.shadow[self.core],
        )


@dataclasses.dataclass(frozen=True)
class Labelled:
    """What a rule says of a block (halo included; the engine crops).

    Attributes:
        labels: uint8 class codes; 0 unseen, 255 seen but not named.
        fraction: uint8 share of the target class in half per cents (0 to 200), 255 missing.
        unseen: uint8 `obriy.model.flags.Unseen`, the reason where labels is 0; None: no data.
        doubt: uint8 `obriy.model.classmap.Doubt`: where another threshold, as good as this one,
            would decide otherwise; None: the method cannot say.
        values: float32, a quantity to be kept as it is, e.g. an index; None: there is none.
        confidence: uint8, how sure the class is, in half per cents (0 to 200), 255 missing; None:
            the method cannot say of single pixels.
        more: Layers of the rule's own by name, (..., rows, columns), as they are.
    """

    labels: ByteArray
    fraction: ByteArray | None = None
    unseen: ByteArray | None = None
    doubt: ByteArray | None = None
    confidence: ByteArray | None = None
    values: FloatArray | None = None
    more: Mapping[str, npt.NDArray[Any]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Counts of a quantity over the pixels that were seen, for the report.

    Attributes:
        label: What is counted, e.g. ``"MNDWI"``.
        counts: Pixels per bin, bins of equal width.
        low: Lower edge of the first bin.
        high: Upper edge of the last bin.
        threshold: Where the rule cuts; None where it does not cut this quantity.
        unit: Unit of the quantity; empty for an index.
    """

    label: str
    counts: tuple[int, ...]
    low: float
    high: float
    threshold: float | None = None
    unit: str = ""


class Statistics(Protocol):
    """What a method learns of a block; merging is associative and commutative."""

    def merge(self, other: Self) -> Self:
        """Return the statistics of both parts together."""
        ...


class Rule(Protocol):
    """A decision, frozen: the same for every block."""

    def apply(self, block: Block) -> Labelled:
        """Label a block; pixels whose bands are NaN get 0."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what was decided and why, as plain values (JSON)."""
        ...

    def histograms(self) -> list[Histogram]:
        """Return the distributions that the decision rests on."""
        ...


@runtime_checkable
class Counting(Protocol):
    """A rule that counts what it labels; each block must be labelled once, here or elsewhere."""

    def fresh(self) -> Rule:
        """Return the same rule, which has counted nothing."""
        ...

    def counted(self) -> dict[str, npt.NDArray[Any]]:
        """Return what was counted, as arrays without objects."""
        ...

    def take(self, counted: Mapping[str, npt.NDArray[Any]]) -> None:
        """Add what another such rule counted of other blocks."""
        ...


class Method(Protocol):
    """Scene to ClassMap, block by block."""

    @property
    def name(self) -> str:
        """What the user wrote, e.g. ``"mndwi:otsu & aweish:otsu"``."""
        ...

    @property
    def halo(self) -> int:
        """Pixels around a block that collect or apply look at."""
        ...

    @property
    def gives_fraction(self) -> bool:
        """Whether the rule returns sub-pixel fractions."""
        ...

    def bands(self, available: set[str]) -> set[str]:
        """Return the bands to read of those there are.

        Raises:
            BandError: where a band that the method cannot do without is missing.
        """
        ...

    def collect(self, block: Block) -> Any:
        """Return the statistics of the core of a block (merge-able), or None if none are needed."""
        ...

    def decide(self, statistics: Any) -> Rule:
        """Turn the merged statistics into a rule."""
        ...


@runtime_checkable
class Foregone(Protocol):
    """A method whose rule may be known before the scene is: one pass then does for both."""

    def known(self) -> Rule | None:
        """Return a rule that labels as that of `Method.decide` will; None where the scene decides.

        What is only told (`Rule.describe`, `Rule.histograms`) may still be missing in it.
        """
        ...


@runtime_checkable
class Narrowing(Protocol):
    """A method that needs less of a block once it has looked at others."""

    def collect_beside(self, block: Block, before: Any) -> Any:
        """Return the statistics of a block as `Method.collect` does.

        Args:
            block: The block.
            before: Merged statistics of other blocks, any; None: there are none yet. What they
                show to change nothing of all merged may be left out.
        """
        ...


@runtime_checkable
class Nearsighted(Protocol):
    """A method whose rule looks further around a block than what it learns of it does."""

    @property
    def learning_halo(self) -> int:
        """Pixels around a block that collect looks at."""
        ...


def learning_halo_of(method: Method) -> int:
    """Return the pixels around a block that collect looks at."""
    return method.learning_halo if isinstance(method, Nearsighted) else method.halo


WORK_BYTES: Final = 96
"""Temporary arrays of a method, bytes per pixel, measured on the hungriest one (`auto`)."""


@runtime_checkable
class Frugal(Protocol):
    """A method that says how little it takes, so that blocks are larger where memory is scarce."""

    @property
    def work_bytes(self) -> int:
        """Bytes per pixel of what it makes of a block, beside the bands."""
        ...


def work_bytes_of(method: Method) -> int:
    """Return the bytes per pixel of what a method makes of a block, beside the bands."""
    return method.work_bytes if isinstance(method, Frugal) else WORK_BYTES
