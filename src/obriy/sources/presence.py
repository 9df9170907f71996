"""Whether what was named is there: looked at before the libraries that open it are loaded."""

import difflib
import glob
import re
from pathlib import Path

from obriy.errors import SourceError, UsageError
from obriy.sources.base import addresses
from obriy.sources.integrity import where_it_went

NETWORK = re.compile(
    r"(?:\w+:)?\"?/vsi(?:curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)\w*[/?]"
    r"|(?:https?|ftp|s3|gs|az|abfss?)://"
)
"""Addresses that GDAL would fetch; all matched in lower case."""


def check_address(path: str) -> None:
    """Raise where a path is an address that nobody here reads, or a misspelt one that we do."""
    low = path.lower()
    if NETWORK.match(low):
        raise SourceError(
            f"{path} lies in the network, and is no catalogue.",
            "Download the file, and name it; or name its STAC catalogue, stac:https://ADDRESS.",
        )
    scheme, colon, rest = low.partition(":")
    known = [name.removesuffix(":") for name in addresses()]
    if colon and scheme not in known and (not rest or rest.startswith("?")):
        close = difflib.get_close_matches(scheme, known, n=1)
        if close and not Path(path).exists():
            raise UsageError(f"There is no '{scheme}:'.", f"Did you mean '{close[0]}:'?")


def look_first(path: str) -> None:
    """Raise where a name can only be that of a file or folder, and there is none.

    What may be more than a path (``sample:``, a pattern, GDAL's names for parts of a file) is left
    to whoever opens it.

    Raises:
        SourceError: with the name that may have been meant.
    """
    if not (":" in path or path.startswith("/vsi") or glob.has_magic(path)):
        require_there(path)


def require_there(path: str) -> None:
    """Raise where there is no such file or folder.

    Raises:
        SourceError: with the name that may have been meant.
    """
    file = Path(path)
    if not file.exists():
        raise SourceError(f"{path} does not exist.", _sibling_hint(file))


def _sibling_hint(file: Path) -> str:
    folder = file.parent
    if file.is_symlink():
        return where_it_went(file)
    if not folder.is_dir():
        return f"The folder {folder} does not exist either."
    names = [f.name for f in folder.iterdir()]
    close = difflib.get_close_matches(file.name, names, n=1, cutoff=0.5)
    return f"Did you mean {folder / close[0]}?" if close else where_it_went(file)
