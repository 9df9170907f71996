"""`obriy water`: one image, or a series of dates."""

from collections.abc import Sequence
from typing import Any

from obriy.blocks.engine import EngineOptions
from obriy.errors import UsageError
from obriy.methods.expression import parse_method
from obriy.model.item import Item
from obriy.sources.listing import holds_others
from obriy.workflows.config.water import WaterConfig
from obriy.workflows.inputs import find_images, is_index, lies_far
from obriy.workflows.listing import plan_of_search
from obriy.workflows.run import Run
from obriy.workflows.water.image import plan_image, run_image


def run_water(config: WaterConfig, options: EngineOptions | None = None) -> Run:
    """Map, measure, score or compare, and report; what was cut off goes on where it stopped.

    Args:
        config: What to do: a folder of dated images, or an option that only a series has, makes a
            series of it.
        options: Progress and cancel; threads and memory come from the configuration.

    Raises:
        ObriyError: of the kind that fits; nothing half-written is left.
    """
    config = config.anchored()
    items = _items(config)
    if _of_series(config, items):
        from obriy.workflows.water.series import run_series

        return run_series(config, items, options)
    return run_image(config, items, options)


def plan_water(config: WaterConfig) -> dict[str, Any]:
    """Say what a run would do, without doing it: dates, grid, bands, districts, outputs."""
    config = config.anchored()
    if lies_far(config.source):
        return plan_of_search(config, parse_method(config.method))
    items = _items(config)
    if not _of_series(config, items):
        return plan_image(config, items)
    from obriy.workflows.water.series import plan_series

    return plan_series(config, items)


def _items(config: WaterConfig) -> list[Item]:
    """Find the images.

    Raises:
        UsageError: an option of a series with a source that is none.
    """
    asked, items = config.series_options(), find_images(config, config.datetime)
    if lies_far(config.source):
        return items
    cube = any(item.step is not None for item in items)
    many = holds_others(config.source) or is_index(config.source)
    if asked and not cube and not many:
        raise UsageError(
            f"--{asked[0]} asks for a series, and {config.source} is one image.",
            "Give the folder in which the dated images lie; one image in it will do.",
        )
    return items


def _of_series(config: WaterConfig, items: Sequence[Item]) -> bool:
    """Say whether a series is meant."""
    if lies_far(config.source):  # dates choose, and one that was asked for is no series
        return config.best != 1 or bool(set(config.series_options()) - {"datetime"})
    return bool(config.series_options()) or len(items) > 1
