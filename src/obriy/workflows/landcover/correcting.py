"""Names that a person corrects: into the sheet of the run, which is then made again."""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

from obriy.errors import UsageError
from obriy.labelling.labellers.human import fill_in
from obriy.labelling.minutes import RECORD
from obriy.labelling.panel import minutes_text, needs_pictures, read_minutes
from obriy.labelling.vote import PERSON, is_person
from obriy.model.legend import UNNAMED
from obriy.model.result.landcover import LandcoverResult
from obriy.outputs.files import write_text
from obriy.runs.result_file import read_result
from obriy.sources.legends import open_legend
from obriy.workflows.config.landcover import LandcoverConfig

SHEET = "names.csv"
"""The sheet of the labeller ``human``, in the run folder."""


def correct_names(
    config: LandcoverConfig, folder: Path, names: Mapping[int, str], records: Path
) -> LandcoverConfig:
    """Note what a person calls clusters of a run, and return how the run is made again.

    Clusters are found in the ledger and stay; names, map, areas and scores follow. Nobody who
    costs is asked again: what the panel said is repeated from its record.

    Args:
        config: Of the run.
        folder: The run folder, in which nobody works.
        names: Class of the legend by number of the cluster; the panel names all others.
        records: Folder in which the record of a panel is kept that must not be asked again.

    Raises:
        UsageError: the run has no such cluster, the legend no such class, or a sheet elsewhere.
        InputError: the run, its record or its sheet cannot be read.
        OutputError: the sheet cannot be written.
    """
    result = read_result(folder)
    if not isinstance(result, LandcoverResult) or not result.clusters:
        raise UsageError("This run has no clusters to name.", "Correct a run of 'landcover'.")
    panel = config.panel()
    elsewhere = next((one for one in panel if is_person(one) and one != PERSON), None)
    if elsewhere is not None:
        raise UsageError(
            f"The names of this run stand in {Path(elsewhere.partition(':')[2]).name}.",
            "Fill them in there, and run it again.",
        )
    _check(names, result, config)
    parts = _parts(result)
    minutes = read_minutes(folder / RECORD)
    shares = {part: row.share for row in result.clusters for part in parts[row.id]}
    given = {part: name for number, name in names.items() for part in parts[number]}
    fill_in(folder / SHEET, minutes, shares, given)
    others = [one for one in panel if one != PERSON]
    if needs_pictures(others):
        said = [n for n, a in enumerate(minutes.answers) if a.labeller != PERSON]
        text = minutes_text(
            dataclasses.replace(
                minutes,
                answers=tuple(minutes.answers[n] for n in said),
                fingerprints=tuple(minutes.fingerprints[n] for n in said),
                looks=tuple(minutes.looks[n] for n in said),
            )
        )
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        others = [f"replay:{write_text(records / f'{name}.json', text)}"]
    return config.model_copy(update={"labellers": [*others, PERSON], "replay": None})


def names_by_hand(result: LandcoverResult) -> dict[int, str]:
    """Return the classes that persons gave, by number of the cluster."""
    return {
        row.id: str(vote["normalised"])
        for row in result.clusters
        for vote in row.votes
        if is_person(vote["labeller"]) and vote["code"] == row.code != UNNAMED
    }


def _check(names: Mapping[int, str], result: LandcoverResult, config: LandcoverConfig) -> None:
    known = {row.id for row in result.clusters}
    strange = next((number for number in names if number not in known), None)
    if strange is not None:
        raise UsageError(f"The run has no cluster {strange}.", "Take a number of 'clusters'.")
    classes = [entry.name for entry in open_legend(config.legend)]
    unknown = next((name for name in names.values() if name not in classes), None)
    if unknown is not None:
        raise UsageError(
            f"The legend has no class '{unknown[:60]}'.", f"Known: {', '.join(classes)}."
        )


def _parts(result: LandcoverResult) -> dict[int, list[int]]:
    """Return the clusters that the panel was asked about, by the one that was made of them."""
    merged = [entry for entry in result.rounds if entry.get("action") == "merge"]
    return {
        row.id: [row.id, *(e["cluster"] for e in merged if e["into"] == [row.id])]
        for row in result.clusters
    }
