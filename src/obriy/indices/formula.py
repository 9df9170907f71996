"""Band arithmetic as data: a formula is parsed, checked and evaluated, never executed."""

import ast
import dataclasses
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
from numba import njit

from obriy.errors import TableError
from obriy.model.bands import SPECTRAL

Core = tuple[slice, slice]
F32 = npt.NDArray[np.float32]
Parts = tuple[npt.NDArray[Any], np.float32, np.float32, npt.NDArray[Any], npt.NDArray[np.bool_]]
"""What values of a band are made of: numbers (rows, columns), scale and offset in float32, the
numbers that mean missing in the type of the first (NaN and infinity always do), and (rows, columns)
where it is missing whatever they say, or nothing."""
_STRIP: Final = 128 * 1024
"""Pixels that are worked on at a time: a plane of them is half a megabyte."""

_OPERATORS: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Pow: operator.pow,
}


@dataclasses.dataclass(frozen=True)
class IndexValues:
    """Values of an index, and how many had to be touched.

    Attributes:
        values: Float32 on the grid of the bands; NaN where undefined.
        undefined: Pixels where every band has a value and the index none (denominator not
            positive, or zero).
        clipped: Pixels of a normalized difference that lay outside [-1, 1] and were clipped.
    """

    values: npt.NDArray[np.float32]
    undefined: int
    clipped: int


@runtime_checkable
class InRows(Protocol):
    """Bands of which some rows are made at a time."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        ...

    def rows(self, name: str, rows: slice) -> F32:
        """Return some rows of a band."""
        ...

    def parts(self, name: str) -> tuple[Any, ...]:
        """Return the `Parts` of a band."""
        ...


class _Whole:
    """Bands in memory, seen in the same way; of any shape."""

    def __init__(self, bands: Mapping[str, F32], names: Iterable[str]) -> None:
        self._bands = {name: np.asarray(bands[name], np.float32) for name in names}
        self.shape = np.broadcast_shapes(*(array.shape for array in self._bands.values()))

    def rows(self, name: str, rows: Any) -> F32:
        part: F32 = self._bands[name][rows]
        return part

    def parts(self, name: str) -> tuple[Any, ...]:
        whole = np.broadcast_to(self._bands[name], self.shape)
        same = np.float32(1), np.float32(-0.0)
        return np.ascontiguousarray(whole), *same, np.zeros(0, np.float32), np.zeros((0, 0), bool)


@dataclasses.dataclass(frozen=True)
class Formula:
    """A checked formula over band names.

    Attributes:
        text: As written, e.g. ``(green - nir) / (green + nir)``.
        bands: Common names that it needs.
    """

    text: str
    bands: frozenset[str]
    _tree: ast.expr = dataclasses.field(repr=False, compare=False)

    @property
    def difference(self) -> tuple[str, str] | None:
        """The bands a and b of a formula that is (a - b) / (a + b); None where it is another."""
        node = self._tree
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Div):
            return None
        parts = node.left
        if not _is_normalized_difference(node) or not isinstance(parts, ast.BinOp):
            return None
        names = [part.id for part in (parts.left, parts.right) if isinstance(part, ast.Name)]
        return (names[0], names[1]) if len(names) == 2 else None

    def __call__(
        self, bands: Mapping[str, npt.NDArray[np.float32]], core: Core | None = None
    ) -> IndexValues:
        """Evaluate; where a denominator is zero, or that of a - b over a + b not positive, NaN.

        Args:
            bands: Reflectance by common name, unitless, NaN missing, all of one shape.
            core: The part (rows, columns) in which pixels are counted; None: all of it.
        """
        planes = bands if isinstance(bands, InRows) else _Whole(bands, self.bands)
        shape = planes.shape
        if self.difference is not None and len(shape) == 2:
            one, other = (planes.parts(name) for name in self.difference)
            return _differences(one, other, shape, core)
        values = np.empty(shape, np.float32)
        undefined = clipped = 0
        for rows in _strips(shape):
            part = {name: planes.rows(name, rows) for name in self.bands}
            inside = None if core is None else (_overlap(core[0], rows), core[1])
            found = self._strip(part, inside)
            values[rows] = found.values
            undefined += found.undefined
            clipped += found.clipped
        return IndexValues(values, undefined, clipped)

    def _strip(
        self, bands: Mapping[str, npt.NDArray[np.float32]], core: Core | None
    ) -> IndexValues:
        state = _Evaluation(bands, ... if core is None else core)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            values = np.asarray(state.visit(self._tree), dtype=np.float32)
        known = np.isfinite(values)
        if known.all():
            return IndexValues(values, 0, state.clipped)
        missing = np.zeros(values.shape, bool)
        for array in bands.values():
            missing |= np.isnan(array)
        undefined = int(np.count_nonzero((~known & ~missing)[state.core]))
        return IndexValues(np.where(known, values, np.float32("nan")), undefined, state.clipped)


def _strips(shape: tuple[int, ...]) -> list[Any]:
    """Return rows, some at a time, that the processor's cache holds with all that they become."""
    if len(shape) != 2 or shape[0] * shape[1] <= _STRIP:
        return [slice(0, shape[0]) if len(shape) == 2 else ...]
    height = max(1, _STRIP // shape[1])
    return [slice(top, min(top + height, shape[0])) for top in range(0, shape[0], height)]


def _overlap(core: slice, rows: slice) -> slice:
    """Return the part of a core that lies in some rows, counted from the first of them."""
    start, stop = max(core.start, rows.start), min(core.stop, rows.stop)
    return slice(start - rows.start, max(start, stop) - rows.start)


def parse(text: str) -> Formula:
    """Check a formula and return it ready to evaluate.

    Args:
        text: Arithmetic (``+ - * / **``) over numbers and STAC common band names.

    Raises:
        TableError: for anything else, with the offending part.
    """
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise TableError(
            f"The formula '{text}' is not arithmetic.", "Use + - * / ** ( )."
        ) from error
    names: set[str] = set()
    for node in ast.walk(tree):
        _check(node, text, names)
    return Formula(text, frozenset(names), tree)


def _check(node: ast.AST, text: str, names: set[str]) -> None:
    if isinstance(node, ast.Name):
        if node.id not in SPECTRAL:
            raise TableError(
                f"'{node.id}' in the formula '{text}' is not a band.",
                f"Bands: {', '.join(SPECTRAL)}.",
            )
        names.add(node.id)
    elif isinstance(node, ast.Constant):
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise TableError(f"'{node.value!r}' in the formula '{text}' is not a number.")
    elif not isinstance(
        node,
        (ast.BinOp, ast.UnaryOp, ast.USub, ast.Div, ast.Load, *_OPERATORS),
    ):
        raise TableError(
            f"The formula '{text}' uses {type(node).__name__}, which is not arithmetic.",
            "Use + - * / ** ( ) with numbers and band names.",
        )


class _Evaluation:
    """One walk over a formula; counts what was clipped."""

    def __init__(self, bands: Mapping[str, npt.NDArray[np.float32]], core: Any) -> None:
        self.bands = bands
        self.core = core
        self.clipped = 0

    def visit(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return self.bands[node.id]
        if isinstance(node, ast.Constant):
            return np.float32(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.UnaryOp):
            return -self.visit(node.operand)
        assert isinstance(node, ast.BinOp)
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Div):
            return self._divide(node, left, right)
        return _OPERATORS[type(node.op)](left, right)

    def _divide(self, node: ast.BinOp, left: Any, right: Any) -> Any:
        if not _is_normalized_difference(node):
            return np.where(right == 0, np.float32("nan"), left / right)
        ratio = np.empty(left.shape, np.float32)
        beyond = _normalized(left.ravel(), right.ravel(), ratio.ravel())
        whole = self.core is ... or not beyond
        self.clipped += beyond if whole else int(np.count_nonzero((np.abs(ratio) > 1)[self.core]))
        return np.clip(ratio, -1, 1, out=ratio) if beyond else ratio


@njit(nogil=True, cache=True, error_model="numpy")
def _normalized(difference: F32, total: F32, ratio: F32) -> int:
    """Fill in (a - b) / (a + b), NaN where the sum is not positive; count those beyond 1."""
    beyond = 0
    for i in range(ratio.size):
        value = difference[i] / total[i]
        ratio[i] = value if total[i] > 0 else np.float32(np.nan)
        beyond += abs(ratio[i]) > 1
    return beyond


def _differences(one: Any, other: Any, shape: tuple[int, ...], core: Core | None) -> IndexValues:
    """Return (a - b) / (a + b) of the `Parts` of two bands, clipped, in one loop."""
    rows, columns = core or (slice(0, shape[0]), slice(0, shape[1]))
    inside = (rows.start, rows.stop, columns.start, columns.stop)
    values = np.empty(shape, np.float32)
    return IndexValues(values, *_fill_differences(one, other, inside, values))


@njit(nogil=True, cache=True, error_model="numpy")
def _fill_differences(
    one: Parts, other: Parts, inside: tuple[int, int, int, int], values: F32
) -> tuple[int, int]:
    """Fill in the values; return how many are undefined, and clipped, in a part of the block.

    Where a band is missing there is none, and where the sum is not positive. ``inside`` are the
    first row of the part and the one after its last, and its columns.
    """
    undefined, clipped = 0, 0
    nothing, top = np.float32(np.nan), np.float32(1)
    gone = np.empty(values.shape[1], np.uint8)
    for i in range(values.shape[0]):
        a, b, own = one[0][i], other[0][i], values[i]
        for j in range(own.size):
            first = np.float32(a[j]) * one[1] + one[2]
            second = np.float32(b[j]) * other[1] + other[2]
            total = first + second
            value = (first - second) / total
            own[j] = value if total > 0 else nothing
        gone[:] = 0
        _mark_missing(one[0], one[3], one[4], i, gone)
        _mark_missing(other[0], other[3], other[4], i, gone)
        if inside[0] <= i < inside[1]:
            for j in range(inside[2], inside[3]):
                undefined += (gone[j] == 0) & np.isnan(own[j])
                clipped += (gone[j] == 0) & (abs(own[j]) > top)
        for j in range(own.size):
            value = nothing if np.isnan(own[j]) else min(max(own[j], -top), top)
            own[j] = nothing if gone[j] else value
    return undefined, clipped


@njit(nogil=True, cache=True)
def _mark_missing(
    raw: npt.NDArray[Any],
    missing: npt.NDArray[Any],
    hidden: npt.NDArray[np.bool_],
    i: int,
    gone: npt.NDArray[np.uint8],
) -> None:
    """Mark where a row of a band is missing; arguments are those of its `Parts`."""
    line = raw[i]
    for j in range(gone.size):
        gone[j] |= not np.isfinite(np.float32(line[j]))
    for number in missing:
        for j in range(gone.size):
            gone[j] |= line[j] == number
    if hidden.size:
        for j in range(gone.size):
            gone[j] |= hidden[i, j]


def _is_normalized_difference(node: ast.BinOp) -> bool:
    """Say whether a node is (a - b) / (a + b) for whatever a and b."""
    left, right = node.left, node.right
    return (
        isinstance(left, ast.BinOp)
        and isinstance(right, ast.BinOp)
        and isinstance(left.op, ast.Sub)
        and isinstance(right.op, ast.Add)
        and ast.dump(left.left) == ast.dump(right.left)
        and ast.dump(left.right) == ast.dump(right.right)
    )
