"""The catalogue of indices, read once from ``tables/indices.toml``."""

import dataclasses
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from obriy.errors import BandError, TableError, UsageError
from obriy.indices.formula import Core, Formula, IndexValues, parse
from obriy.model.bands import require_bands, resolve_nir
from obriy.registry import did_you_mean
from obriy.tables import load_toml


@dataclasses.dataclass(frozen=True)
class Index:
    """A spectral index.

    Attributes:
        name: Short name, as in Awesome Spectral Indices, e.g. ``"MNDWI"``.
        title: Long name.
        formula: Parsed formula over STAC common names.
        low: Lower end of the values that a histogram covers.
        high: Upper end.
        water: ``"above"`` or ``"below"`` a threshold lies water; None: not a water index.
        threshold: What the paper of the index cuts water at; None: it names none.
        reference: The paper.
        check: Band values and the ``value`` worked by hand from the paper's equation.
    """

    name: str
    title: str
    formula: Formula
    low: float
    high: float
    water: str | None
    threshold: float | None
    reference: str
    check: Mapping[str, float]

    def evaluate(
        self, bands: Mapping[str, npt.NDArray[np.float32]], core: Core | None = None
    ) -> IndexValues:
        """Evaluate on arrays; ``nir`` is met by ``nir08`` where that is what there is.

        Args:
            bands: (y, x) float32 reflectance by common name, NaN missing.
            core: The part in which pixels are counted; None: all of it.

        Raises:
            BandError: naming the bands that are missing.
        """
        require_bands(set(bands), set(self.formula.bands), self.name)
        nir = resolve_nir(set(bands))
        if nir not in {None, "nir"} and "nir" in self.formula.bands:
            bands = {**bands, "nir": bands[nir]}
        return self.formula(bands, core)

    def bands_to_read(self, available: set[str]) -> set[str]:
        """Return the bands of those available that the index is made of.

        Raises:
            BandError: naming what is missing, and the water indices that remain.
        """
        remaining = [i.name for i in water_indices() if i.is_possible(available)]
        hint = f"With the bands there are: {', '.join(remaining)}." if remaining else ""
        require_bands(available, set(self.formula.bands), self.name, hint)
        nir = resolve_nir(available) or "nir"
        return {nir if name == "nir" else name for name in self.formula.bands}

    def is_possible(self, available: set[str]) -> bool:
        """Say whether the bands suffice."""
        try:
            require_bands(available, set(self.formula.bands), self.name)
        except BandError:
            return False
        return True


@lru_cache(maxsize=1)
def all_indices() -> dict[str, Index]:
    """Return every index by its short name."""
    return {name: _index(name, row) for name, row in load_toml("indices").items()}


def add_index(name: str, row: Mapping[str, Any]) -> Index:
    """Add an index for this process: methods and reports know it by its name from then on.

    Args:
        name: Short name, e.g. ``"WNDWI"``; a new one.
        row: What an entry of ``tables/indices.toml`` says: ``title``, ``formula``, ``range``,
            ``reference``, ``check``, and of a water index ``water`` and ``threshold``.

    Raises:
        UsageError: there is one of that name.
        TableError: something is missing, the formula is no arithmetic over bands, or its value at
            ``check`` is another.
    """
    if name.lower() in {known.lower() for known in all_indices()}:
        raise UsageError(f"There is an index '{name}' already.", "Give it another name.")
    missing = {"title", "formula", "range", "reference", "check"} - set(row)
    if missing:
        raise TableError(f"The index '{name}' lacks {', '.join(sorted(missing))}.")
    index, right = _index(name, row), row["check"].get("value", math.nan)
    bands = {b: np.array([row["check"].get(b, math.nan)], "float32") for b in index.formula.bands}
    value = float(index.evaluate(bands).values[0])
    if not math.isclose(value, right, rel_tol=1e-4, abs_tol=1e-6):
        raise TableError(
            f"The formula of '{name}' gives {value:g} at its check, not the value {right:g}.",
            "Work the value out by hand from the paper.",
        )
    all_indices()[name] = index
    return index


def _index(name: str, row: Mapping[str, Any]) -> Index:
    return Index(
        name=name,
        title=row["title"],
        formula=parse(row["formula"]),
        low=row["range"][0],
        high=row["range"][1],
        water=row.get("water"),
        threshold=row.get("threshold"),
        reference=row["reference"],
        check=row["check"],
    )


def water_indices() -> list[Index]:
    """Return the indices that have water on one side of a threshold."""
    return [index for index in all_indices().values() if index.water]


def get_index(name: str) -> Index:
    """Return the index of that short name, in any case.

    Raises:
        UnknownNameError: with the nearest name.
    """
    found = next((i for n, i in all_indices().items() if n.lower() == name.lower()), None)
    if found is None:
        raise did_you_mean("index", name, sorted(all_indices()))
    return found
