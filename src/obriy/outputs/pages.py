"""How a page is rendered."""

from collections.abc import Mapping
from typing import Any


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return a page as HTML.

    Args:
        template: A file of ``outputs/templates``.
        values: What it shows; a name that it misses is an error.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("obriy.outputs"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(values)
