"""What a spectrum says by itself: surely or likely water, ice or cloud; rules as data.

``tables/ice_methods.toml`` has, for each class, alternatives in the order in which they are
preferred: the first whose bands the image has is taken, so that images with few bands work.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np

from obriy.blocks.base import ByteArray, FloatArray
from obriy.errors import BandError
from obriy.methods.ice.sea import ice_table, quantity_of
from obriy.methods.ice.threshold import Test
from obriy.model.bands import resolve_nir
from obriy.model.ice import BANDS, CLOUD, ICE, WATER

Bands = Mapping[str, FloatArray]
RuleSet = Literal["sure", "likely"]
CODES: Final = {"cloud": CLOUD, "ice": ICE, "water": WATER}
"""In the order in which the classes of a rule set are asked: the first that holds is taken."""


def chosen_bands(available: set[str], what: str) -> tuple[str, ...]:
    """Return the bands by which ice is told, in the order of `obriy.model.ice.BANDS`.

    Args:
        available: Common names of the image.
        what: Who needs them, for the message.

    Raises:
        BandError: where there is no green or red, or no near infrared.
    """
    nir = resolve_nir(available)
    if nir is None or not available & {"green", "red"}:
        raise BandError(
            f"'{what}' needs the band(s) nir and green or red; the image has "
            f"{', '.join(sorted(available)) or 'none that is known'}.",
            "Take a threshold of a band that there is, e.g. --method green:0.2.",
        )
    names = (nir if name == "nir" else name for name in BANDS)
    return tuple(name for name in names if name in available)


def sure_classes(bands: Bands) -> ByteArray:
    """Return the codes of pixels that can hardly be anything else, 0 elsewhere.

    Args:
        bands: Float32 reflectance by common name, all of one shape, NaN missing.
    """
    return _ask("sure", bands)


def likely_classes(bands: Bands) -> ByteArray:
    """Return the likeliest code of each spectrum: water where it is neither cloud nor ice.

    Args:
        bands: Float32 reflectance by common name, all of one shape, NaN missing.
    """
    codes = _ask("likely", bands)
    codes[codes == 0] = WATER
    return codes


def describe_rules(name: RuleSet) -> dict[str, Any]:
    """Return a rule set as plain values."""
    return {k: v for k, v in ice_table()["rules"][name].items() if k in (*CODES, "source")}


def _ask(name: RuleSet, bands: Bands) -> ByteArray:
    some = next(iter(bands.values()))
    codes = np.zeros(some.shape, np.uint8)
    for code, tests in _rules(name, frozenset(bands)):
        values = [(t, t.quantity.evaluate(bands).values) for t in tests]
        held = np.all([t.passed(v) for t, v in values], axis=0)
        codes[held & (codes == 0)] = code
    return codes


@lru_cache(maxsize=64)
def _rules(name: RuleSet, available: frozenset[str]) -> tuple[tuple[int, tuple[Test, ...]], ...]:
    """Return the rules that the bands allow: code and tests, in the order of asking."""
    table = ice_table()["rules"][name]
    have = set(available) | ({"nir"} if resolve_nir(set(available)) else set())
    found = []
    for kind, code in CODES.items():
        possible = (tests for tests in _parsed(table.get(kind, [])) if _bands_of(tests) <= have)
        best = next(possible, None)
        if best is not None:
            found.append((code, best))
    return tuple(found)


def _parsed(entries: list[list[dict[str, Any]]]) -> Iterator[tuple[Test, ...]]:
    for entry in entries:
        yield tuple(Test(quantity_of(e["of"]), e["side"], e["value"]) for e in entry)


def _bands_of(tests: tuple[Test, ...]) -> set[str]:
    return set().union(*(t.quantity.formula.bands for t in tests))
