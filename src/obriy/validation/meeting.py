"""One legend for a map and a reference of two: what each code becomes, and what is said of it."""

import dataclasses

import numpy as np
import numpy.typing as npt

from obriy.model.crosswalk import Translation, meeting_legend, translation
from obriy.model.legend import NO_DATA, UNNAMED, Legend
from obriy.model.notices import joined, notice

ByteArray = npt.NDArray[np.uint8]


@dataclasses.dataclass(frozen=True)
class Meeting:
    """The legend of a comparison.

    Attributes:
        legend: In which both are compared.
        mapped: (256,) uint8, code of the legend by code of the map; 255 where the map says a
            class that the legend has not: it is wrong. An unknown code stays what it is.
        reference: (256,) uint8, code of the legend by code of the reference; 0 where it says a
            class that the legend has not: that is no reference.
        notes: How both were brought there.
    """

    legend: Legend
    mapped: ByteArray
    reference: ByteArray
    notes: tuple[str, ...]


def meet(mapped: Legend, reference: Legend) -> Meeting:
    """Find the legend in which a map and a reference are compared.

    Args:
        mapped: Legend of the map.
        reference: Legend of the reference.

    Raises:
        InputError: they share no class.
    """
    legend = meeting_legend(mapped, reference)
    of_map, of_reference = translation(mapped, legend), translation(reference, legend)
    notes = [
        *_notes(of_map, legend, mapped=True),
        *_notes(of_reference, legend, mapped=False),
    ]
    if of_reference.lost:
        notes.append(notice("not_compared", classes=list(of_reference.lost)))
    return Meeting(legend, code_table(of_map, lost=UNNAMED), code_table(of_reference), tuple(notes))


def code_table(found: Translation, lost: int = NO_DATA) -> ByteArray:
    """Return (256,) codes of the target by code of the source.

    Args:
        found: The translation. A class that says nothing of the target becomes 0.
        lost: What a class becomes that the target has not.
    """
    table = np.arange(256, dtype="uint8")
    for code, to in found.codes.items():
        table[code] = to or (NO_DATA if code in found.silent else lost)
    return table


def _notes(found: Translation, legend: Legend, *, mapped: bool) -> list[str]:
    """Say how one side was brought to the legend; nothing where its classes keep their names."""
    names = {c.code: c.name for c in found.source}
    theirs = {c.code: c.name for c in legend}
    if all(not to or names[code] == theirs[to] for code, to in found.codes.items()):
        return []
    said = [
        notice(
            "map_brought_to" if mapped else "reference_brought_to",
            own=found.source.name, legend=legend.name,
        )
    ]  # fmt: skip
    if found.merged:
        said.append(notice("classes_made_one", classes="; ".join(found.merged)))
    if found.nearest:
        nearest = [names[code] for code in sorted(found.nearest)]
        said.append(notice("likeliest_taken", classes=nearest))
    return [joined(said)]
