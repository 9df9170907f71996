"""How a page is rendered."""

import base64
import functools
import hashlib
from collections.abc import Mapping
from importlib import resources
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
    environment.globals["script"] = script
    return environment.get_template(template).render(values)


@functools.cache
def script(name: str) -> str:
    """Return a script of ``outputs/templates``, as it stands in a page."""
    return (resources.files("obriy.outputs") / "templates" / name).read_text("utf-8")


def script_source(name: str) -> str:
    """Return what a Content-Security-Policy calls a script, so that it runs and no other."""
    digest = hashlib.sha256(script(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
