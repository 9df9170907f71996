"""How this Obriy was installed, and so how what it lacks is added to it."""

import importlib.util
import json
import re
import shlex
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

PACKAGE: Final = "obriy"


def install_hint(extra: str) -> str:
    """Return the command that adds an extra to this installation.

    Args:
        extra: Name of the extra, e.g. ``"modis"``.
    """
    try:
        found = distribution(PACKAGE)
    except PackageNotFoundError:  # run from a folder that was never installed
        return _command([f"{PACKAGE}[{extra}]"])
    return _command(_what(found, extra))


def _what(found: Distribution, extra: str) -> list[str]:
    """Return what pip is to be given: where it came from with the extra, else what this brings.

    ``direct_url.json`` (PEP 610) stands beside what came from no index: a name alone would be
    looked for there, and may not be there, or be somebody else's.
    """
    direct: dict[str, Any] = json.loads(found.read_text("direct_url.json") or "{}")
    if not direct:
        return [f"{PACKAGE}[{extra}]"]
    from urllib.request import url2pathname  # loads what speaks HTTP

    url = urlsplit(direct["url"])
    folder = Path(url2pathname(url.path))
    if "dir_info" in direct and folder.is_dir():
        editable = ["-e"] if direct["dir_info"].get("editable") else []
        return [*editable, f"{folder}[{extra}]"]
    return _requirements(found.requires or [], extra)


def _requirements(lines: list[str], extra: str) -> list[str]:
    """Return the packages that an extra brings, as pip understands them."""
    mark = re.compile(rf"""extra\s*==\s*['"]{re.escape(extra)}['"]""")
    return [line.partition(";")[0].strip() for line in lines if mark.search(line)]


def _command(what: list[str]) -> str:
    """Return the command line that installs into the environment that runs."""
    pip = [sys.executable, "-m", "pip", "install"]
    if importlib.util.find_spec("pip") is None:  # an environment that uv made
        pip = ["uv", "pip", "install", "--python", sys.executable]
    return shlex.join([*pip, *what])
