"""No cell of our tables is a formula, and a name that looks like one still matches."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obriy.csv_text import armed, csv_text, disarmed
from obriy.model.areas import Area, AreaSeries
from obriy.outputs.tables import write_areas, write_rows
from obriy.sources.legends import open_legend
from obriy.sources.register import read_register

FORMULAS = [
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "=HYPERLINK(\"http://x\",\"y\")",
    "'=1+1",
]  # fmt: skip
HARMLESS = ["Каховське", "a=b", "-5", "+3.5", "-1e-3", "-", "'quoted'", "", "1-2", "o'=x"]


@pytest.mark.parametrize("name", FORMULAS)
def test_what_a_spreadsheet_would_compute_is_text(name):
    (cell,) = next(csv.reader(io.StringIO(csv_text([], [[name]]).lstrip("\n"), newline="")))
    assert cell == "'" + name
    assert armed(cell) == name


@pytest.mark.parametrize("cell", [*HARMLESS, -5.25, None, 0])
def test_anything_else_stays_as_it_is(cell):
    assert disarmed(cell) == cell
    assert armed(cell) == cell


@given(st.text(alphabet="'=+-@\t\r\n1aя", max_size=6))
def test_every_text_comes_back(text):
    assert armed(disarmed(text)) == text


@pytest.mark.parametrize("name", FORMULAS)
def test_a_district_called_like_a_formula_is_text_in_the_table(name, tmp_path):
    area = Area(name, None, 1.0, None, 1.0, 0.0, 0.0, {})
    table = write_areas(AreaSeries("water", (area,)), tmp_path / "areas.csv")
    with table.open(newline="") as file:
        row = next(csv.DictReader(file))
    assert row["district"] == "'" + name


def test_a_register_of_our_own_names_still_matches(tmp_path):
    rows = [[name, 1.5] for name in FORMULAS[:4]]
    path = write_rows(tmp_path / "register.csv", ["district", "area_km2"], rows)
    assert [entry.district for entry in read_register(str(path)).entries] == FORMULAS[:4]


def test_a_legend_of_our_own_names_is_read_back(tmp_path):
    rows = [[1, "=water"], [2, "-bare"]]
    path = write_rows(tmp_path / "legend.csv", ["code", "name"], rows)
    assert [entry.name for entry in open_legend(str(path))] == ["=water", "-bare"]
