"""What `obriy ice` and `obriy compare ice` say in the terminal."""

import dataclasses

import pytest

from obriy.cli.show import Screen
from obriy.cli.show_ice import ice_lines
from obriy.errors import SourceError
from obriy.model.ice import IceSeason
from obriy.model.provenance import Provenance
from obriy.model.result.ice import IceDate, IceResult
from obriy.model.result.tables import IceComparison, IceRow
from obriy.render.text import text_of
from obriy.sources.finding import find_items

WINTER = IceSeason(
    district="bay", season="2020/21", dates=2, first_ice="2021-01-05", first_ice_after=None,
    last_ice="2021-02-25", last_ice_before="2021-03-10", maximum_km2=90.0,
    maximum_date="2021-02-08",
)  # fmt: skip


def day(date, expected, unseen, ice=1.0, reason="cloud"):
    return IceDate(
        date=date, granule=date, ice_km2=ice, expected_km2=expected,
        interval_km2=(0.0, expected * 2), unseen_share=unseen, reason=reason, extent_km2=ice,
        water_km2=0.0, sea_km2=1e4, ice_share=0.1, water_share=0.1, cloud_share=unseen,
    )  # fmt: skip


def result(*dates, seasons=()):
    return IceResult(dates=list(dates), seasons=list(seasons), method="auto", areas=[],
                     provenance=Provenance())  # fmt: skip


def test_the_most_ice_is_of_a_date_that_saw_enough():
    # The second is mostly supposition: three quarters of its sea lay under cloud.
    lines = ice_lines(result(day("2021-01-28", 80.0, 0.1), day("2021-02-08", 70.0, 0.77)))
    assert lines[1].startswith("Most ice, 2021-01-28")
    assert lines[2].startswith("1 of 2 dates count ")


def test_nothing_is_called_the_most_where_a_date_that_does_not_count_shows_more():
    days = [day("2020-11-20", 165.7, 0.46), day("2021-02-16", 12205.9, 0.5033),
            day("2021-03-17", 9858.2, 0.58)]  # fmt: skip
    autumn = dataclasses.replace(WINTER, dates=1, first_ice=None, last_ice=None)
    lines = ice_lines(result(*days, seasons=[autumn]))
    assert not any("Most ice" in line for line in lines)
    assert lines[1].startswith("Ice, 2020-11-20: 165.7 km²")
    assert "2021-02-16 is larger, 12,206 km²" in lines[2]
    assert lines[3] == "1 of 3 dates count (half of the sea or more was seen)"
    assert lines[4] == "Winter 2020/21: no ice was seen on 1 date that counts"


def test_where_no_date_counts_none_is_the_most():
    lines = ice_lines(result(day("2021-01-28", 80.0, 0.7), day("2021-02-08", 90.0, 0.77)))
    assert lines[1].startswith("Ice, 2021-02-08")
    assert lines[2].startswith("0 of 2 dates count ")


def test_where_every_date_counts_nothing_is_said_of_it():
    lines = ice_lines(result(day("2021-01-28", 80.0, 0.1), day("2021-02-08", 90.0, 0.2)))
    assert lines[1].startswith("Most ice, 2021-02-08")
    assert not any("count" in line for line in lines)


def test_ice_on_the_first_date_may_have_come_before_it():
    lines = ice_lines(result(day("2021-01-28", 80.0, 0.1), day("2021-02-08", 90.0, 0.2),
                             seasons=[WINTER]))  # fmt: skip
    assert lines[2] == (
        "Winter 2020/21: first ice 2021-01-05 or before, last ice 2021-02-25 (none on 2021-03-10)"
    )


def test_where_nothing_was_measured_the_cause_is_told():
    land = day("2017-07-12", 0.0, 0.0, ice=None, reason="All of it is land.")
    assert ice_lines(result(land))[0].endswith("on 2017-07-12: All of it is land.")


def test_the_table_of_methods_cuts_no_name_in_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    scores = dict.fromkeys(("iou", "precision", "recall", "f1", "overall_accuracy"), 0.5)
    row = scores | {"method": "watershed", "status": "ok", "seconds_per_scene": 0.1,
                    "iou_interval": [0.412, 0.588], "cloud_as_ice": 0.01,
                    "parameters": 301132}  # fmt: skip
    few = row | {"method": "linear", "iou_interval": None}
    told = {"data": "", "split": {}, "best_two": None, "published": {}}
    rows = [IceRow(**row), IceRow(**few)]
    Screen(quiet=False).summary(IceComparison(rows=rows, provenance=Provenance(), **told))
    shown = capsys.readouterr().out.splitlines()
    assert "…" not in "".join(shown)
    assert shown[3].split() == ["watershed", "0.500", "0.41", "to", "0.59", *["0.500"] * 4, "1.0%",
                                "0.10", "301,132"]  # fmt: skip
    assert shown[4].split()[2] == "-"


def test_a_folder_without_an_image_says_what_it_holds(tmp_path):
    with pytest.raises(SourceError, match="is empty"):
        find_items([str(tmp_path)])
    (tmp_path / "MOD03.A2021048.0140.061.2021048123000.hdf").touch()
    with pytest.raises(SourceError, match=r"only MOD03\.A2021048"):
        find_items([str(tmp_path)])


def test_the_page_says_of_which_day_the_headline_is():
    pytest.importorskip("nicegui")
    from obriy.web.pages.figures import of_what_day_and_place

    days = day("2020-12-07", 10.0, 0.1), day("2021-02-09", 80.0, 0.1), day("2021-04-15", 5.0, 0.1)
    shown = result(*days)
    assert shown.headline.km2 == 80.0
    assert of_what_day_and_place(shown.headline, shown, text_of("en")) == "2021-02-09"
