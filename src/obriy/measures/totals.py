"""Districts taken together."""

from collections.abc import Sequence

from obriy.model.areas import Area


def total_area(areas: Sequence[Area]) -> Area | None:
    """Return all districts of one date as one; a place in two districts counts twice.

    Areas add up; shares weigh by the size of the district. A district that does not meet the
    image makes the whole ``partial``.

    Args:
        areas: Areas of one class on one date.

    Returns:
        None where there are none.
    """
    if len(areas) <= 1:
        return areas[0] if areas else None
    sizes = [a.district_km2 for a in areas]
    whole = sum(sizes)
    seen = [a for a in areas if a.area_km2 is not None]
    causes = {cause for a in areas for cause in a.unseen}

    def share(values: list[float]) -> float:
        return sum(v * s for v, s in zip(values, sizes, strict=True)) / whole if whole else 1.0

    off = [a.district for a in areas if a.status != "ok"]
    return Area(
        district="all",
        date=areas[0].date,
        mask_km2=_sum([a.mask_km2 for a in seen]),
        fraction_km2=_sum([a.fraction_km2 for a in seen]),
        district_km2=sum(a.district_km2 for a in areas),
        outside_share=share([a.outside_share for a in areas]),
        unseen_share=share([a.unseen_share for a in areas]),
        unseen={cause: share([a.unseen.get(cause, 0.0) for a in areas]) for cause in causes},
        status=("partial" if seen else "skipped") if off else "ok",
        reason=f"not complete: {', '.join(off)}" if off else "",
    )


def _sum(values: list[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) if known and len(known) == len(values) else None
