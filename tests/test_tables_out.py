"""Areas and scores as CSV."""

import csv
import dataclasses

from obriy.model.areas import Area, AreaSeries
from obriy.model.scores import ClassScore, Scores
from obriy.outputs.tables import write_areas, write_scores


def _read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_areas_a_row_each_empty_where_unknown(tmp_path):
    series = AreaSeries(
        "water",
        (
            Area("Ставок, верхній", "2019-04-16", 1.25, 1.5, 4.0, 0.0, 0.25, {"cloud": 0.25}),
            Area("B", None, None, None, 4.0, 1.0, 1.0, {"outside": 1.0}, "skipped", "outside"),
        ),
    )
    first, second = _read(write_areas(series, tmp_path / "areas.csv"))
    assert first["district"] == "Ставок, верхній"
    assert (first["area_km2"], first["area_ha"], first["mask_km2"]) == ("1.5", "150.0", "1.25")
    assert first["unseen_cloud"] == "0.25"
    assert (second["area_km2"], second["date"], second["unseen_outside"]) == ("", "", "1.0")
    assert second["status"] == "skipped"


def test_scores_with_and_without_edges(tmp_path):
    water = ClassScore("water", 2, 0.8, 0.9, None, 0.7)
    inner = Scores(0.9, None, 0.8, 50, True, (water,), ((1,),))
    scores = Scores(
        0.8,
        0.7,
        0.6,
        100,
        True,
        (water,),
        ((1,),),
        (0,),
        {"kappa": [0.6, 0.8]},
        without_edges=inner,
    )
    rows = _read(write_scores(scores, tmp_path / "scores.csv"))
    assert len(rows) == 2 * (5 + 4)
    kappa = next(r for r in rows if r["measure"] == "kappa")
    assert (kappa["edges"], kappa["value"], kappa["low"], kappa["high"]) == (
        "with", "0.7", "0.6", "0.8",
    )  # fmt: skip
    merged = Scores(0.95, None, 0.9, 100, True, (water,), ((1,),), legend="main")
    both = dataclasses.replace(scores, legend="worldcover", merged=merged)
    rows = _read(write_scores(both, tmp_path / "scores.csv"))
    assert [r["legend"] for r in rows] == ["worldcover"] * 9 + [""] * 9 + ["main"] * 9
    assert (rows[-9]["edges"], rows[-9]["value"]) == ("with", "0.95")
    f1 = next(r for r in rows if r["measure"] == "f1")
    assert (f1["class"], f1["code"], f1["value"]) == ("water", "2", "")
