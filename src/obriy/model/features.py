"""Groups of features that tell pixels apart: their names alone, for the command line is quick."""

from typing import Final

GROUPS: Final = ("bands", "indices", "texture", "neighbourhood")
DEFAULT_GROUPS: Final = ("bands", "indices")
