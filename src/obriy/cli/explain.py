"""What the system, or a broken installation, did to a run: said as our own errors are."""

import errno
import os
from collections.abc import Iterator
from typing import Final

from obriy.errors import MemoryBudgetError, ObriyError, UsageError
from obriy.workflows.config.words import is_text, shown

_WAYS_OUT: Final = {
    errno.EACCES: "Ask for permission, or name another place.",
    errno.EPERM: "Ask for permission, or name another place.",
    errno.EROFS: "Name a place that can be written.",
    errno.ENOSPC: "Free some space, or name another place.",
    errno.EDQUOT: "Free some space, or name another place.",
    errno.ENAMETOOLONG: "Give it a shorter name.",
    errno.EMFILE: "Allow more open files (ulimit -n), or give --workers a smaller number.",
    errno.ENOMEM: "Give --max-ram or --workers a smaller number.",
}
_CHECK: Final = "Check that it is there, and what it is."


def explained(error: BaseException) -> ObriyError | None:
    """Return an error of another kind as one of ours; None where it is a fault of the program."""
    for cause in _chain(error):
        found = _explained(cause)
        if found is not None:
            return found
    return None


def _explained(error: BaseException) -> ObriyError | None:
    if isinstance(error, MemoryError):
        return MemoryBudgetError(
            "The machine has no memory left.", "Give --max-ram or --workers a smaller number."
        )
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f"{shown(os.fsdecode(error.filename))}: "
        return ObriyError(f"{where}{error.strerror}.", _WAYS_OUT.get(error.errno or 0, _CHECK))
    if isinstance(error, UnicodeEncodeError) and not is_text(error.object):
        return UsageError(
            f"{shown(error.object[max(0, error.start - 40) : error.end + 40])} holds a name that "
            "is not UTF-8.",
            "Give that file or folder another name.",
        )
    if isinstance(error, RuntimeError) and "home directory" in str(error):
        return UsageError("There is no home folder of that user (~).", "Write the whole path.")
    if _is_of_proj(error) and not _proj_works():
        return ObriyError(
            "PROJ does not find its database of coordinate systems.",
            "Unset PROJ_DATA and PROJ_LIB, or let them name the folder of a proj.db that fits; "
            "see 'obriy doctor'.",
        )
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, and what it came from."""
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        seen.append(cause)
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_of_proj(error: BaseException) -> bool:
    return type(error).__name__ in ("ProjError", "CRSError", "DataDirError")


def _proj_works() -> bool:
    """Say whether both libraries that bring a PROJ find their databases."""
    import pyproj
    from rasterio.crs import CRS

    try:
        pyproj.CRS.from_epsg(4326)
        CRS.from_epsg(4326)
    except Exception:  # noqa: BLE001 - it says so in many ways
        return False
    return True
