"""Bytes somewhere to a Scene."""

from obriy.sources.base import SOURCES
from obriy.sources.scene import open_scene

__all__ = ["SOURCES", "open_scene"]
