"""The reader of small tables: encodings, separators, decimal commas, and what it refuses."""

import pytest

from obriy.errors import InputError, SourceError, UnknownNameError
from obriy.sources.csv_tables import Column, read_table

COLUMNS = (
    Column("name", ("назва",), required=True),
    Column("area_km2", ("площа_км2",), required=True),
    Column("kind", ("вид",)),
)


@pytest.fixture
def read(tmp_path):
    def build(content):
        path = tmp_path / "register.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, COLUMNS)

    return build


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1251", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_encodings_and_separators(read, encoding, separator):
    lines = ["Назва;Площа, км2;Вид", "Сабарівське;1,25;водосховище", "Вишенське;0.5;"]
    table = read("\r\n".join(lines).replace(";", separator).encode(encoding))
    first, second = table
    assert (first.text("name"), first.number("area_km2")) == ("Сабарівське", 1.25)
    assert (first.text("kind"), second.number("area_km2"), second.text("kind")) == (
        "водосховище",
        0.5,
        "",
    )
    assert table.columns == ("name", "area_km2", "kind")


def test_units_in_brackets_quotes_excel_hint_and_empty_lines(read):
    table = read('sep=,\n\nName,"Area (km²)"\n"Lake, upper",1.5\n,\n"two\nlines","1 234.5"\n')
    assert [(r.text("name"), r.number("area_km2")) for r in table] == [
        ("Lake, upper", 1.5),
        ("two\nlines", 1234.5),
    ]
    assert table.rows[0].where.endswith("line 4")


def test_columns_that_are_not_used_are_said(read):
    table = read("id,name,area_km2,owner\n7,a,1,x\n")
    assert table.notes == ("register.csv: columns not used: id, owner.",)
    assert table.rows[0].cells == {"name": "a", "area_km2": "1"}


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", InputError, "is empty"),
        ("\n \n", InputError, "is empty"),
        ("name,area_km2\n", InputError, "no rows"),
        ("a,1.5\nb,2.5\n", InputError, "no header"),
        ("name,kind\na,pond\n", InputError, "no column 'area_km2'.*name, kind"),
        ("name,area\na,1\n", InputError, "'area' does not say its unit.*area_km2"),
        ("nmae,area_km2\na,1\n", UnknownNameError, "Did you mean 'name'"),
        ("name,area_km2,knd\na,1,pond\n", UnknownNameError, "Did you mean 'kind'"),
        ("name,назва,area_km2\na,b,1\n", InputError, "'name' twice"),
        ("name,area_km2\na,1,5\n", InputError, "line 2 has 3 cells for 2.*semicolons"),
        ("name;area_km2\na;1;5\n", InputError, "line 2 has 3 cells for 2.*quotation"),
        ("<!DOCTYPE html><html>", SourceError, "a web page"),
        (b"PK\x03\x04rest", SourceError, "workbook"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\r", SourceError, "no text"),
    ],
)
def test_what_is_refused(read, content, error, message):
    with pytest.raises(error, match=rf"(?s)register\.csv.*{message}|{message}"):
        read(content)


def test_no_file_and_a_file_that_is_too_large(tmp_path):
    with pytest.raises(SourceError, match="There is no file"):
        read_table(tmp_path / "none.csv", COLUMNS)
    big = tmp_path / "big.csv"
    with big.open("wb") as file:
        file.truncate(10_000_001)
    with pytest.raises(SourceError, match="too large"):
        read_table(big, COLUMNS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("name,area_km2\na,\n", "line 2: 'area_km2' is empty"),
        ("name,area_km2\na\n", "line 2: 'area_km2' is empty"),
        ('name,area_km2\na,"1,5"\n', "'1,5' in 'area_km2' is no number. Write a decimal point"),
        ("name;area_km2\na;1.234,5\n", "is no number"),
        ("name;area_km2\na;5 km\n", "is no number. Write the number alone"),
        ("name;area_km2\na;nan\n", "is no number"),
        ("name;area_km2\na;1_000\n", "is no number"),
        ("name;area_km2\na;12 34\n", "is no number"),
        ("name;area_km2\na;−1,5\n", "is −1,5, below 0"),
    ],
)
def test_numbers_that_are_refused(read, content, message):
    with pytest.raises(InputError, match=message):
        read(content).rows[0].number("area_km2", least=0.0)
