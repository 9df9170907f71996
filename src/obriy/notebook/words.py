"""The language of what a notebook shows."""

from obriy.settings import settings


def language(lang: str) -> str:
    """Return a language that was asked for, else that of ``OBRIY_LANG``."""
    return lang or settings().lang
