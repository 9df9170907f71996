"""The labeller `human`: a sheet with a row for each cluster, filled in by a person."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from obriy.csv_text import csv_rows, csv_text
from obriy.errors import InputError, OutputError, UsageError
from obriy.labelling.cache import write_whole
from obriy.labelling.labellers.spec import Spec
from obriy.labelling.minutes import Minutes, fingerprint
from obriy.labelling.panel_settings import PanelSettings
from obriy.labelling.vocabulary import ABSTAINED, normalise
from obriy.model.clusters import Answer, Portrait
from obriy.model.legend import UNNAMED, Legend
from obriy.model.notices import notice

_ASKED: Final = ("class", "confidence", "second_guess", "mixed", "evidence")
_NOW: Final = "name_now"
_COLUMNS: Final = ("cluster", "share", _NOW, *_ASKED, "facts", "classes", "fingerprint")
_UNKNOWN: Final = "unknown"
_YES: Final = {"yes", "y", "true", "1", "+", "x", "так", "да"}
_NO: Final = {"", "no", "n", "false", "0", "-", "ні", "нет"}
_CONFIDENCE: Final = 1.0
"""Of a person who says nothing about it."""


class HumanLabeller:
    """A person, who looks at the contact sheet and fills in a table (CSV).

    The first run writes the table; a run after it was filled in reads the answers. Rows are found
    by the content of the clusters. What a person wrote is never lost: new clusters are added
    below. Of a sheet that is filled in partly the other rows leave the choice to the others.

    Args:
        spec: ``human`` or ``human:FILE``.
        settings: Where the sheet lies if the spec does not say.

    Raises:
        UsageError: no file.
    """

    def __init__(self, spec: Spec, settings: PanelSettings) -> None:
        path = Path(spec.value) if spec.value else settings.sheet
        if path is None:
            raise UsageError("The labeller 'human' needs a file.", "Write human:FILE.csv.")
        self.name = spec.text
        self.path = path

    def label(self, portraits: Sequence[Portrait], legend: Legend) -> list[Answer]:
        """Return what the sheet says; where no row is filled in, that it waits for a person.

        Raises:
            InputError: the sheet is no such table.
            OutputError: it cannot be written.
        """
        rows = read_sheet(self.path) if self.path.exists() else []
        known = {row["fingerprint"]: row for row in rows}
        new = [p for p in portraits if fingerprint(p.facts) not in known]
        if new:
            added = [_row(portrait, legend) for portrait in new]
            _write(self.path, [*rows, *added])
        own = [(p, known.get(fingerprint(p.facts), {})) for p in portraits]
        if not any(_said(row) for _, row in own):
            waits = notice("waiting_for_person", file=self.path.name)
            return [Answer(p.facts.id, self.name, "", problem=waits) for p in portraits]
        return [self._answer(portrait, row, legend) for portrait, row in own]

    def _answer(self, portrait: Portrait, row: Mapping[str, str], legend: Legend) -> Answer:
        number, said = portrait.facts.id, _said(row)
        if not said:
            return Answer(number, self.name, "", normalised=ABSTAINED)
        code, how = normalise(said, legend)
        lost = code == UNNAMED and how != ABSTAINED
        second, _ = normalise(row.get("second_guess", ""), legend)
        return Answer(
            number,
            self.name,
            said,
            code,
            0.0 if code == UNNAMED else _confidence(row, self.path),
            None if second in (UNNAMED, code) else second,
            _mixed(row, self.path),
            row.get("evidence", "").strip(),
            how,
            problem=f'"{said}" is {how}' if lost else "",
        )


def read_sheet(path: Path) -> list[dict[str, str]]:
    """Read a sheet, as spreadsheets save it: with commas, semicolons or tabs between cells.

    Raises:
        InputError: the file is no such table.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not in UTF-8"
        raise InputError(
            f"The sheet {path} cannot be read: {reason}.", 'Save it as "CSV UTF-8".'
        ) from error
    hint = "Keep the columns of the sheet; remove the file to have it written anew."
    table = csv_rows(text, path, ("class", "fingerprint"), hint)
    rows = ({column: row.get(column, "") for column in _COLUMNS} for _, row in table)
    return [row for row in rows if row["fingerprint"]]


def fill_in(
    path: Path, minutes: Minutes, clusters: Mapping[int, float], names: Mapping[int, str]
) -> Path:
    """Write what a person calls clusters into a sheet; of the others, that they leave the choice.

    Args:
        path: The sheet; made where it is not there. Rows of other clusters stay.
        minutes: Of the panel that named the clusters: it tells what each is known by.
        clusters: Share of each cluster in the seen pixels, by number.
        names: Class by number of the cluster, as the person writes it.

    Raises:
        InputError: what lies there is no such sheet, or the minutes are of other clusters.
        OutputError: it cannot be written.
    """
    known = {row["fingerprint"]: row for row in (read_sheet(path) if path.exists() else [])}
    said = zip(minutes.answers, minutes.fingerprints, strict=True)
    prints = {answer.cluster: print_ for answer, print_ in said}  # the last: of today's clusters
    choices = ", ".join([*minutes.classes.values(), _UNKNOWN])
    if not clusters.keys() <= prints.keys():
        raise InputError(f"The record beside {path} is of other clusters.", "Make the run again.")
    for number, share in clusters.items():
        name, print_ = names.get(number, _UNKNOWN), prints[number]
        about = {"cluster": str(number), "share": f"{share:.4f}", "classes": choices}
        empty = dict.fromkeys(_COLUMNS, "") | about | {"fingerprint": print_}
        row = known.get(print_, empty)
        if row["class"] != name:  # what was said beside the name was said of another
            row = row | dict.fromkeys(_ASKED, "") | {"class": name}
        known[print_] = row
    _write(path, list(known.values()))
    return path


def tell_names(path: Path, names: Mapping[str, str]) -> None:
    """Write into a sheet what clusters are called now; leave out what nobody named and is gone.

    Args:
        path: The sheet, which is there.
        names: Name by the fingerprint of each cluster that there is; empty where it has none.

    Raises:
        InputError: what lies there is no such sheet.
        OutputError: it cannot be written.
    """
    rows = read_sheet(path)
    told = [
        row | {_NOW: names.get(row["fingerprint"], "")}
        for row in rows
        if row["fingerprint"] in names or _said(row)
    ]
    if told != rows:
        _write(path, told)


def _said(row: Mapping[str, str]) -> str:
    return row.get("class", "").strip()


def _row(portrait: Portrait, legend: Legend) -> dict[str, str]:
    facts = portrait.facts
    given = {
        "cluster": str(facts.id),
        "share": f"{facts.share:.4f}",
        "facts": " ".join(portrait.text.split()),
        "classes": ", ".join([*(entry.name for entry in legend), _UNKNOWN]),
        "fingerprint": fingerprint(facts),
    }
    return dict.fromkeys(_COLUMNS, "") | given


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    text = csv_text(_COLUMNS, ([row[c] for c in _COLUMNS] for row in rows), end_of_line="\r\n")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "\ufeff" + text)  # spreadsheets know UTF-8 by this mark
    except OSError as error:
        raise OutputError(f"The sheet {path} cannot be written: {error.strerror}.") from error


def _confidence(row: Mapping[str, str], path: Path) -> float:
    text = row.get("confidence", "").replace(",", ".").replace("%", "").strip()
    try:
        value = float(text) if text else _CONFIDENCE
    except ValueError:
        value = -1.0
    value = value / 100 if value > 1 else value
    if not 0 <= value <= 1:
        raise InputError(
            f"{path}: the confidence of cluster {row.get('cluster')} is '{row['confidence']}'.",
            "Write a number from 0 to 1, or nothing.",
        )
    return value


def _mixed(row: Mapping[str, str], path: Path) -> bool:
    text = row.get("mixed", "").lower()
    if text not in _YES | _NO:
        raise InputError(
            f"{path}: 'mixed' of cluster {row.get('cluster')} is '{text}'.", "Write yes or no."
        )
    return text in _YES
