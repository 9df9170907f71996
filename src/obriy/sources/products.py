"""What is known of published land-cover products: how right their makers found them."""

import re
from typing import Any

from obriy.sources.reading import FileBand
from obriy.tables import load_toml


def stated_accuracy(codes: str, band: FileBand) -> dict[str, Any] | None:
    """Return the published accuracy of a reference.

    Args:
        codes: Name of its codes in ``tables/crosswalks.toml``.
        band: Where it lies: the version is told by the name of the file or its tags.

    Returns:
        ``{"product": "ESA WorldCover", "versions": [{"version", "overall_accuracy" (0 to 1),
        "source"}]}``: one version where it can be told, else all of them; None for other codes.
    """
    product = load_toml("products").get(codes)
    if product is None:
        return None
    said = " ".join([band.file, *(str(v) for v in band.tags.values())])
    versions = product["versions"]
    told = [v for v in versions if re.search(v["pattern"], said, re.IGNORECASE)]
    shown = told if len(told) == 1 else versions
    fields = ("version", "overall_accuracy", "source")
    return {
        "product": product["title"],
        "versions": [{field: version[field] for field in fields} for version in shown],
    }
