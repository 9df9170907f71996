"""What a run would read of catalogues, before any pixel is asked for: what `--dry-run` shows."""

from collections.abc import Sequence
from typing import Any

from obriy.blocks.base import Method
from obriy.errors import BandError
from obriy.model.item import Item
from obriy.sources.base import SOURCES, Cost
from obriy.workflows.config.reading import ImageConfig
from obriy.workflows.inputs import districts_of, list_images
from obriy.workflows.opening import bands_wanted
from obriy.workflows.run import run_path


def plan_of_search(config: ImageConfig, method: Method, best: int | None = None) -> dict[str, Any]:
    """Say what a run would read of a source in the network, from what its catalogue tells.

    Args:
        config: Of the job, anchored.
        method: What will look at the images.
        best: How many dates; None: as the configuration says.

    Returns:
        Plain values: ``images`` that would be read, with bytes and requests as expected;
        ``skipped`` and why; ``notes`` on what is odd of either.
    """
    items = list_images(config, getattr(config, "datetime", None), best)
    read = [item for item in items if not item.skipped]
    districts = districts_of(config)
    told = [_image(config, method, item, districts) for item in read]
    images, costs = [one for one, _ in told], [cost for _, cost in told]
    counted = dict.fromkeys(["bytes", "requests", *(name for cost in costs for name in cost)])
    return {
        "source": config.source,
        "method": config.method,  # type: ignore[attr-defined]
        "dates": sorted({item.date for item in read}),
        **{name: sum(one.get(name, 0) for one in costs) for name in counted},
        "images": images,
        "skipped": [{"id": i.id, "date": i.date, "why": i.skipped} for i in items if i.skipped],
        "notes": list(dict.fromkeys(note for item in read for note in item.notes)),
        "districts": [d.name for d in districts],
        "outputs": config.outputs,  # type: ignore[attr-defined]
        "folder": str(run_path(config)),
    }


def _image(
    config: ImageConfig, method: Method, item: Item, districts: Sequence[Any]
) -> tuple[dict[str, Any], Cost]:
    """Return what is told of an image, and of this what reading it is expected to cost."""
    told = {
        "id": item.id,
        "date": item.date,
        "collection": item.document.get("collection"),
        "baseline": item.document.get("baseline") or None,
        "cloud_percent": item.cloud_cover,
        "href": item.paths[0],
    }
    try:
        bands = config.bands or bands_wanted(config, item, method.bands)
    except BandError as error:
        return told | {"fails": str(error)}, {}
    cost = SOURCES.get(item.source).cost
    spent = {} if cost is None else cost(item, tuple(districts), bands)
    return told | {"bands": bands or list(item.bands), **spent}, spent
