"""No cell of our tables is a formula, and a name that looks like one still matches."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obriy.csv_text import armed, csv_rows, csv_text, disarmed
from obriy.errors import InputError
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("code,title\n1,x\n", "has no column 'name'"),
        ("", "has no column 'code'"),
        ("code,name\n1,a,b\n", "line 2 has 3 cells for 2 columns"),
        ("code,name\n1," + "x" * 200_000, "line 2: field larger than field limit"),
        ("code,name\n1," + "x" * 101, "'x{40}…' has 101 letters"),
        ("code,name,title_uk\n1,x," + "y" * 101, "has 101 letters"),
        ("code,name\n\n1,x\n\n2,x\n0,y\n", "line 6: '0' is no class code"),
    ],
)
def test_what_is_no_table_of_ours_is_one_line(text, words, tmp_path):
    path = tmp_path / "legend.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        open_legend(str(path))
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_tables_that_a_spreadsheet_saved_are_read(delimiter):
    text = "\ufeff Name ,code\r\n'=a;b, c,1\r\n,\r\nd\u2028e,2\r\n".lstrip("\ufeff")
    text = text.replace("'=a;b, c", '"\'=a;b, c"').replace(",code", f"{delimiter}code")
    for old in (",1", ",2", "\n,"):
        text = text.replace(old, old.replace(",", delimiter))
    rows = csv_rows(text, Path("x.csv"), ("name",), "")
    assert rows == [(2, {"name": "=a;b, c", "code": "1"}), (4, {"name": "d\u2028e", "code": "2"})]
