"""Dates and times in file names."""

import pytest

from obriy.sources.dates import date_in, date_of, day_comes_first, end_of_date, time_in


@pytest.mark.parametrize(
    ("name", "time"),
    [
        ("MOD02HKM.A2021049.0225.061.2021049131500.hdf", "2021-02-18T02:25"),
        ("MYD02HKM.A2005347.0505.061.npy", "2005-12-13T05:05"),
        ("MOD09GA.A2008296.h14v17.006.2015181011753.hdf", "2008-10-22"),
        ("MOD02HKM.A2020366.2355.061.hdf", "2020-12-31T23:55"),
        ("2021-02-18T0405_aqua.tif", "2021-02-18T04:05"),
        ("20210314.250m.aqua.truecolor.tiff", "2021-03-14"),
        ("20210218_040500.tif", "2021-02-18T04:05"),
        ("ice.tif", None),
    ],
)
def test_the_time_of_a_file_name(name: str, time: str | None) -> None:
    assert time_in(name) == time


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2025-06-08", "2025-06-08"),
        ("scene_2025_06_08.tif", "2025-06-08"),
        ("2025.06.08.tif", "2025-06-08"),
        ("LC08_L2SP_178026_20230615_20230620_02_T1_SR_B3.TIF", "2023-06-15"),
        ("25062025.tif", "2025-06-25"),  # no month 25: the day stands first
        ("S2_25-06-2025_B03.tif", "2025-06-25"),
        ("06_25_2025.tif", "2025-06-25"),  # no month 25: the month stands first
        ("08.06.2025", "2025-06-08"),  # with dots only the day stands first
        ("8.6.2025 0:00", "2025-06-08"),
        ("12122012", "2012-12-12"),  # one day either way
        ("20102011", "2011-10-20"),  # no month 20 of 2010
        ("08062025", None),  # 8 June or 6 August
        ("08/06/2025", None),
        ("31.02.2025", None),
        ("32132025", None),
        ("12345678901", None),
        ("occurrence_30E_50Nv1_4_2021.tif", None),
    ],
)
def test_the_day_in_a_text(text: str, day: str | None) -> None:
    assert date_in(text) == day
    assert date_of([text], {}) == day


def test_names_of_one_hand_tell_each_other_their_order() -> None:
    assert day_comes_first(["08062025", "25062025"]) is True
    assert day_comes_first(["06082025", "06252025"]) is False
    assert day_comes_first(["08062025", "25062025", "06252025"]) is None
    assert day_comes_first(["08062025", "2025-06-25"]) is None
    assert date_in("08062025", day_first=True) == "2025-06-08"
    assert date_in("08062025", day_first=False) == "2025-08-06"
    assert date_in("25062025", day_first=False) == "2025-06-25"


def test_what_stands_before_the_end_of_a_date() -> None:
    for name in ("T36_20250608_B03.tif", "T36_08062025_B03.tif", "T36_08.06.2025_B03.tif"):
        assert name[end_of_date(name) :] == "_B03.tif"
    assert end_of_date("B03.tif") == 0
