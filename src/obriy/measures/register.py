"""Measured areas beside the register of water bodies."""

import math
from collections.abc import Sequence
from typing import Final

from obriy.errors import EmptyResultError
from obriy.model.balance import (
    RIVER,
    Register,
    RegisterComparison,
    RegisterEntry,
    RegisterRow,
    WaterSurface,
)
from obriy.model.notices import notice

_SUSPECT: Final = 30.0
"""A register this many times larger or smaller than the measured area has another unit, or the
map is wrong: no drought or flood does that."""
_UNITS: Final = {100.0: "hectares", 1000.0: "thousands of m²", 1e6: "m²"}


def compare_register(
    register: Register,
    surfaces: Sequence[WaterSurface],
    together: WaterSurface | None = None,
) -> RegisterComparison:
    """Compare measured areas with the register, by district where names match, else in total.

    Rivers of the register are left out where the river channel was set apart in every district.
    Bounds of several districts add up, as if all erred to the same side: the widest.

    Args:
        register: Its entries name water bodies, districts, or nothing.
        surfaces: Districts, measured outside the river channel where that was set apart.
        together: All of them as one place, where they overlap; None: they add up.

    Returns:
        A row per district that the register names, and one for all where it names all of them;
        else the one for all.

    Raises:
        EmptyResultError: no district has an area.
    """
    if not surfaces:
        raise EmptyResultError("There is no measured area to compare with the register.")
    entries, notes = _without_rivers(register, surfaces)
    lists: dict[str, list[float]] = {}
    for entry in entries:
        lists.setdefault(_plain(entry.district or entry.name), []).append(entry.area_km2)
    named = [s for s in surfaces if _plain(s.district) in lists]
    rows = [_row(s, math.fsum(lists[_plain(s.district)])) for s in named]
    missed = {_plain(s.district) for s in named}
    extra = [e for e in entries if _plain(e.district or e.name) not in missed]
    if not named or (len(named) == len(surfaces) > 1 and not extra):
        total = together or _together(surfaces)
        rows.append(_row(total, math.fsum(e.area_km2 for e in entries)))
    notes += _about_names(entries, surfaces, named=named, extra=extra)
    notes += [said for s in named or surfaces for said in s.lacks()]
    notes += [said for row in rows for said in _about_unit(row)]
    kinds = Register(register.source, tuple(entries)).by_kind() if entries else {}
    return RegisterComparison(register.source, tuple(rows), kinds, tuple(notes))


def _without_rivers(
    register: Register, surfaces: Sequence[WaterSurface]
) -> tuple[list[RegisterEntry], list[str]]:
    """Return the entries to compare, and notes."""
    notes = list(register.notes)
    rivers = [e for e in register.entries if e.kind == RIVER]
    apart = all(s.channel_km2 is not None for s in surfaces)
    if rivers and apart:
        total = math.fsum(e.area_km2 for e in rivers)
        notes.append(notice("rivers_left_out", area=total))
        return [e for e in register.entries if e.kind != RIVER], notes
    if not rivers and not apart:
        notes.append(notice("no_river_apart"))
    return list(register.entries), notes


def _row(surface: WaterSurface, register_km2: float) -> RegisterRow:
    difference = surface.area_km2 - register_km2
    bounds = surface.interval_km2
    return RegisterRow(
        place=surface.district,
        register_km2=register_km2,
        measured_km2=surface.area_km2,
        interval_km2=bounds,
        channel_km2=surface.channel_km2,
        difference_km2=difference,
        difference_percent=100 * difference / register_km2 if register_km2 > 0 else None,
        inside_interval=None if bounds is None else bounds[0] <= register_km2 <= bounds[1],
    )


def _together(surfaces: Sequence[WaterSurface]) -> WaterSurface:
    if len(surfaces) == 1:
        return surfaces[0]
    bounds = [s.interval_km2 for s in surfaces if s.interval_km2 is not None]
    channels = [s.channel_km2 for s in surfaces if s.channel_km2 is not None]
    whole = len(bounds) == len(surfaces)
    return WaterSurface(
        district="all",
        area_km2=math.fsum(s.area_km2 for s in surfaces),
        interval_km2=(sum(b[0] for b in bounds), sum(b[1] for b in bounds)) if whole else None,
        channel_km2=sum(channels) if len(channels) == len(surfaces) else None,
    )


def _about_names(
    entries: Sequence[RegisterEntry],
    surfaces: Sequence[WaterSurface],
    *,
    named: Sequence[WaterSurface],
    extra: Sequence[RegisterEntry],
) -> list[str]:
    """Say which names met nothing."""
    if not named:
        several = any(e.name or e.district for e in entries)
        return [notice("totals_compared")] if several else []
    lost = sorted({e.district or e.name or "?" for e in extra})
    alone = [s.district for s in surfaces if s not in named]
    unmet = [notice("only_in_register", names=lost)] if lost else []
    return [*unmet, *([notice("not_in_register", names=alone)] if alone else [])]


def _about_unit(row: RegisterRow) -> list[str]:
    """Say so where the register looks like another unit."""
    if not row.register_km2 or not row.measured_km2:
        return []
    ratio = row.register_km2 / row.measured_km2
    if 1 / _SUSPECT < ratio < _SUSPECT:
        return []
    if ratio < 1:
        return [notice("register_too_small", name=row.place, ratio=1 / ratio)]
    unit = min(_UNITS, key=lambda factor: abs(math.log(ratio / factor)))
    return [notice("register_too_large", name=row.place, ratio=ratio, unit=_UNITS[unit])]


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
