"""What a series reads, opened lazily; what is wrong with the whole is said before the work."""

import dataclasses
from collections.abc import Sequence

from obriy.errors import InputError, UsageError
from obriy.methods.expression import parse_method
from obriy.model.areas import Area
from obriy.model.item import Item
from obriy.sources.dated_files import SIDECAR
from obriy.sources.dates import parse_range
from obriy.workflows.config.series import SeriesConfig
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.inputs import Inputs, OpenedItem, districts_of
from obriy.workflows.open_dates import open_dates, require_dates
from obriy.workflows.water.balance import BalanceInputs, read_balance
from obriy.workflows.water.measuring import weigh_as


@dataclasses.dataclass(frozen=True)
class SeriesInputs(Inputs):
    """What a series reads: images by date, and what its areas are compared with.

    Attributes:
        balance: Register, river, weather.
    """

    balance: BalanceInputs


def read_inputs(config: WaterConfig, items: Sequence[Item]) -> SeriesInputs:
    """Open everything lazily; what is wrong with the whole is said before the work.

    Args:
        config: What to read.
        items: The images, in the order of time.
    """
    if config.reference is not None:
        raise UsageError(
            "--reference scores one map, and a series has many.",
            "Run: obriy evaluate RUN/maps/DATE/mask.tif REFERENCE.",
        )
    require_dates(items)
    districts = districts_of(config)
    dates = [item.date for item in items]
    check_change(config.change, sorted(set(dates)))
    balance = read_balance(config, districts, dates)
    inputs = open_dates(config, items, parse_method(config.method).bands, districts)
    check_weights(config, inputs.opened)
    return SeriesInputs(inputs.opened, inputs.districts, balance)


def check_change(change: tuple[str, str] | None, dates: list[str]) -> None:
    """Raise where a half of the change has no image, or the halves overlap."""
    halves = [[d for d in dates if _lies_in(d, half)] for half in change or ()]
    for half, inside in zip(change or (), halves, strict=True):
        if not inside:
            raise UsageError(
                f"--change: no image of the series lies in {half}.",
                f"Its dates are {dates[0]} to {dates[-1]}.",
            )
    if change and set(halves[0]) & set(halves[1]):
        raise UsageError(
            f"--change: {change[0]} and {change[1]} share images.", "Give periods apart."
        )


def _lies_in(date: str, span: str) -> bool:
    low, high = parse_range(span)
    return low <= date <= high


def check_weights(config: SeriesConfig, opened: Sequence[OpenedItem]) -> None:
    """Read given weights before the work: each date must have one, and no other."""
    weigh = weigh_as(config.weights, {})
    if config.weights == "cloud":
        _check_cloudiness(opened)
    if config.weights in (None, "clear", "cloud"):
        return
    blank = Area("", None, 0.0, None, 1.0, 0.0, 0.0, {})
    weigh(
        [
            dataclasses.replace(blank, date=o.name, mask_km2=None if o.reason else 0.0)
            for o in opened
        ]
    )


def _check_cloudiness(opened: Sequence[OpenedItem]) -> None:
    """Raise where an image that could be opened does not tell its cloudiness."""
    silent = [o.name for o in opened if not o.reason and o.item.cloud_cover is None]
    if silent:
        more = f" and {len(silent) - 3} more" if len(silent) > 3 else ""
        raise InputError(
            f"--weights cloud: the cloudiness of {', '.join(silent[:3])}{more} is not known.",
            f"Say it in the column cloud_cover of a {SIDECAR} beside the images, or weigh by what "
            "was seen (--weights clear).",
        )
