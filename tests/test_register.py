"""The register: reading it, and measured areas beside it. Golden: Naiuk et al. 2026, table 4."""

import dataclasses
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from obriy.errors import EmptyResultError, InputError, SourceError
from obriy.measures.register import compare_register
from obriy.model.areas import Area
from obriy.model.balance import Register, RegisterEntry, WaterSurface
from obriy.sources.register import read_register

TABLE_4 = Register("table 4", (
    RegisterEntry("", 29.856, "pond"), RegisterEntry("", 4.149, "reservoir"),
))  # fmt: skip


@pytest.fixture
def read(tmp_path):
    def build(text):
        path = tmp_path / "register.csv"
        path.write_text(text, "utf-8")
        return read_register(str(path))

    return build


@pytest.mark.parametrize(("measured", "percent"), [(41.425, "+21.8"), (30.048, "-11.6")])
def test_the_printed_comparison(measured, percent):
    found = compare_register(TABLE_4, [WaterSurface("M5.4.0.02", measured, channel_km2=6.0)])
    (row,) = found.rows
    assert row.register_km2 == pytest.approx(34.005)
    assert f"{row.difference_percent:+.1f}" == percent
    assert row.difference_km2 == pytest.approx(measured - 34.005)
    assert (row.place, row.channel_km2, row.inside_interval) == ("M5.4.0.02", 6.0, None)
    assert found.by_kind == {"pond": 29.856, "reservoir": 4.149}
    assert found.notes == ()


def test_a_number_and_what_it_does_not_say():
    register = read_register(" 34.005 ")
    assert (register.total_km2, register.source) == (34.005, "34.005")
    found = compare_register(register, [WaterSurface("a", 41.425, (33.0, 50.0))])
    assert found.rows[0].inside_interval is True
    assert "no river channel was set apart" in found.notes[0]
    outside = compare_register(register, [WaterSurface("a", 41.425, (35.0, 50.0))])
    assert outside.rows[0].inside_interval is False


@pytest.mark.parametrize("text", ["34,005", "-3", "0", "1.2.3", "34 km2", "3400ha", "34,5 км²"])
def test_a_number_that_is_none(text):
    with pytest.raises(InputError, match=r"is no area\. Give km² above 0"):
        read_register(text)


@pytest.mark.parametrize(
    ("column", "number"),
    [("area_km2", "0.125"), ("area_ha", "12.5"), ("area_m2", "125000"), ("Площа (га)", "12,5"),
     ("площа, км²", "0,125")],
)  # fmt: skip
def test_units_stand_in_the_name_of_the_column(read, column, number):
    register = read(f"Назва;{column};Вид\nСабарівське;{number};Водосховище\n")
    (entry,) = register.entries
    assert entry.area_km2 == pytest.approx(0.125)
    assert (entry.name, entry.kind) == ("Сабарівське", "reservoir")


@given(st.floats(1e-6, 1e6))
def test_units_agree(km2):
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for unit, factor in (("km2", 1), ("ha", 100), ("m2", 1_000_000)):
            path = Path(folder) / f"{unit}.csv"
            path.write_text(f"area_{unit}\n{km2 * factor!r}\n")
            found.append(read_register(str(path)).total_km2)
    assert found == pytest.approx([km2] * 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,area\na,1\n", "'area' does not say its unit.*area_km2"),
        ("назва;площа\na;1\n", "'площа' does not say its unit.*площа_км2"),
        ("name,kind\na,pond\n", "no columns of areas.*area_km2, area_ha or area_m2"),
        ("name,area_km2,area_ha\na,1,100\n", "2 columns of areas"),
        ("name,area_km2\na,-1\n", "line 2: 'area_km2' is -1, below 0"),
        ("name,area_km2\na,1\nTotal,2\n", "'Total' is 2 km², the other lines sum to 1"),
    ],
)
def test_tables_that_cannot_serve(read, text, message):
    with pytest.raises(InputError, match=message):
        read(text)


def test_a_missing_file():
    with pytest.raises(SourceError, match="There is no file"):
        read_register("nowhere.csv")


def test_a_line_with_the_total_does_not_count_twice(read):
    register = read("назва;площа_км2\nСтавки;29,856\nВодосховища;4,149\nРазом;34,005\n")
    assert register.total_km2 == pytest.approx(34.005)
    assert "'Разом' repeats the sum" in register.notes[0]
    assert read("name,area_km2\nTotal,34.005\n").total_km2 == 34.005


def test_names_of_districts_meet_in_any_case(read):
    register = read("district,name,area_km2\nUpper,p1,1\nupper,p2,2\nLower,p3,4\n")
    found = compare_register(
        register,
        [WaterSurface("UPPER", 3.3, (3.0, 3.6), 0.1), WaterSurface("Lower", 5.0, (4.0, 6.0), 0.2)],
    )
    assert [(r.place, r.register_km2, r.measured_km2) for r in found.rows] == [
        ("UPPER", 3.0, 3.3),
        ("Lower", 4.0, 5.0),
        ("all", 7.0, 8.3),
    ]
    assert found.rows[2].interval_km2 == (7.0, 9.6)
    assert found.rows[2].channel_km2 == pytest.approx(0.3)
    assert found.rows[0].difference_percent == pytest.approx(10)


def test_names_that_meet_nothing_are_said_and_there_is_no_total_then():
    register = Register("r", (RegisterEntry("A", 1.0, "river"), RegisterEntry("B", 2.0)))
    found = compare_register(register, [WaterSurface("A", 1.0), WaterSurface("C", 2.0)])
    assert [r.place for r in found.rows] == ["A"]
    assert found.notes == (
        "In the register, but no district of this run: B.",
        "Not in the register: C.",
    )
    bodies = compare_register(register, [WaterSurface("C", 2.0), WaterSurface("D", 3.0)])
    assert [(r.place, r.register_km2) for r in bodies.rows] == [("all", 3.0)]
    assert "the totals are compared" in bodies.notes[0]


def test_rivers_are_left_out_where_the_channel_was_set_apart():
    register = Register("r", (RegisterEntry("p", 3.0, "pond"), RegisterEntry("q", 5.0, "river")))
    apart = compare_register(register, [WaterSurface("a", 3.0, channel_km2=5.2)])
    assert apart.rows[0].difference_km2 == 0
    assert "Rivers of the register were left out: 5 km²." in apart.notes
    assert apart.by_kind == {"pond": 3.0}
    together = compare_register(register, [WaterSurface("a", 8.2)])
    assert together.rows[0].register_km2 == 8.0


@pytest.mark.parametrize(
    ("register", "suspicion"),
    [
        (3400.5, "a: the register is 100 times the measured area; is it in hectares, not in km²?"),
        (34005.0, "thousands of m²"),
        (34.005e6, "is it in m², not"),
        (0.34005, "measured area is 100 times that of the register"),
        (50.0, None),
        (17.0, None),
    ],
)
def test_units_that_look_wrong(register, suspicion):
    surface = WaterSurface("a", 34.005, channel_km2=0.0)
    found = compare_register(Register("r", (RegisterEntry("", register),)), [surface])
    assert len(found.notes) == (suspicion is not None)
    assert suspicion is None or suspicion in found.notes[0]


def test_nothing_measured_and_a_register_of_zero():
    with pytest.raises(EmptyResultError):
        compare_register(TABLE_4, [])
    zero = Register("r", (RegisterEntry("", 0.0),))
    (row,) = compare_register(zero, [WaterSurface("a", 1.0)]).rows
    assert (row.difference_km2, row.difference_percent) == (1.0, None)


def test_a_surface_takes_the_best_estimate_of_the_whole_with_its_own_interval():
    half = Area("a", None, 2.0, None, 9.0, 0.0, 0.25, {"cloud": 0.25}, filled_km2=3.0,
                filled_share=0.2, expected_km2=3.5, interval_km2=(2.5, 4.0))  # fmt: skip
    whole = WaterSurface.of(half, 1.0)
    assert whole == WaterSurface("a", 3.5, (2.5, 4.0), 1.0)
    assert whole.lacks() == []
    nothing = Area("a", None, None, None, 9.0, 0.0, 1.0, {}, "skipped")
    assert WaterSurface.of(nothing) is None


def test_water_that_was_not_seen_is_missed():
    half = Area("a", None, 2.0, None, 9.0, 0.0, 0.25, {"cloud": 0.25}, "partial")
    found = compare_register(TABLE_4, [WaterSurface.of(half, 0.0)])
    assert found.notes[0] == (
        "a: 25.0% of the district was not seen: the water there is not counted."
    )
    filled = WaterSurface.of(dataclasses.replace(half, filled_km2=3.0, filled_share=0.25), 0.0)
    assert (filled.unseen_share, filled.lacks()) == (0.0, [])
    partly = WaterSurface.of(dataclasses.replace(half, filled_km2=3.0, filled_share=0.15), 0.0)
    assert partly.unseen_share == pytest.approx(0.1)
    assert len(partly.lacks()) == 1
