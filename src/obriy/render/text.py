"""Words and numbers in the language of the reader."""

import dataclasses
import functools
import math
from typing import Any

from obriy.model.notices import in_language, number_marks, place_in
from obriy.tables import load_toml

NBSP = "\u00a0"
_DASH = "–"


@dataclasses.dataclass(frozen=True)
class Text:
    """The words of one language, and how it writes numbers.

    Attributes:
        lang: One of `obriy.tables.languages`; words lie in ``tables/text_<lang>.toml``.
        of: What people call the class that is told of, where that is not water: then texts that
            speak of water are those of ``[of_class]``.
    """

    lang: str
    of: str = ""

    def __call__(self, key: str, **values: Any) -> str:
        """Return the text of a dotted key, its ``{holes}`` filled."""
        own = self.of_class(key, **values)
        if own is not None:
            return own
        found: Any = load_toml(f"text_{self.lang}")
        for part in key.split("."):
            found = found[part]
        return str(found).format(**values)

    def of_class(self, key: str, **values: Any) -> str | None:
        """Return the text that stands in place of one of water; None where there is none."""
        found = load_toml(f"text_{self.lang}")["of_class"].get(key) if self.of else None
        return None if found is None else str(found).format(of=self.of, **values)

    def known(self, section: str, name: str, job: str = "") -> str:
        """Return a word that may be missing from the table; then the name itself, as words.

        ``job.name`` goes before ``name``: some jobs mean something else by it.
        """
        words: dict[str, str] = load_toml(f"text_{self.lang}")[section]
        own = self.of_class(f"{section}.{name}")
        return own or words.get(f"{job}.{name}") or words.get(name) or name.replace("_", " ")

    def sentence(self, said: str) -> str:
        """Return what a stage said in this language, see `obriy.model.notices.in_language`."""
        return in_language(said, self.lang)

    def place(self, name: str) -> str:
        """Return what people call a district: those that the software named have words."""
        return place_in(name, self.lang)

    def number(self, value: float, digits: int) -> str:
        """Return a number with that many decimals, thousands apart, never ``-0``."""
        rounded = round(value, digits) + 0.0
        text = f"{rounded:,.{digits}f}"
        return text.translate(number_marks(self.lang))

    def significant(self, value: float, figures: int = 4) -> str:
        """Return a number of any size with so many significant figures, and no zeros to trail."""
        if value == 0 or not math.isfinite(value):
            return f"{value:g}"
        digits = max(0, figures - 1 - math.floor(math.log10(abs(value))))
        text = self.number(value, digits)
        return text.rstrip("0").rstrip(".,") if digits else text

    def area(self, km2: float) -> str:
        """Return an area in km², with four significant figures and at most four decimals.

        What is less than those decimals show has two figures: it is not nothing.
        """
        return f"{self.number(km2, area_digits(km2))}{NBSP}{self('units.km2')}"

    def hectares(self, km2: float) -> str:
        """Return an area given in km² in hectares."""
        return f"{self.number(km2 * 100, max(0, area_digits(km2) - 2))}{NBSP}{self('units.ha')}"

    def percent(self, share: float, digits: int = 1) -> str:
        """Return a share (0 to 1) as per cent; what is not nothing is never written as 0."""
        least = 10.0**-digits
        sign = number_marks(self.lang)[ord("%")]
        if 0 < share * 100 < least:
            return f"<{NBSP}{self.number(least, digits)}{sign}"
        return f"{self.number(share * 100, digits)}{sign}"

    def quantity(self, value: float, unit: str) -> str:
        """Return a number of a raster, with its unit: per cent as every share is written."""
        sign = number_marks(self.lang)[ord("%")] if unit == "%" else f"{NBSP}{unit}".rstrip()
        return f"{self.significant(value)}{sign}"

    def sure(self, confidence: float) -> str:
        """Return how sure a name is (0 to 1): as every share, in whole per cent."""
        return self.percent(confidence, 0)

    def span(self, low: str, high: str) -> str:
        """Return an interval of two numbers that are already written."""
        return f"{low}{_DASH}{high}"


@functools.cache
def text_of(lang: str, of: str = "") -> Text:
    """Return the words of a language, see `Text`."""
    return Text(lang, of)


def area_digits(km2: float) -> int:
    """Return the decimals with which an area, km², is written everywhere, see `Text.area`."""
    if km2 == 0:
        return 2
    rounded = float(f"{km2:.3e}")  # 999.96 is 1,000 then, not 1,000.0
    size = math.floor(math.log10(abs(rounded)))
    return 1 - size if size < -4 else min(4, max(0, 3 - size))
